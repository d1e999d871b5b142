"""What is done before the workers are forked."""

import gc

from qa_service.server.master import freeze_modules


def test_what_was_imported_is_looked_through_no_more() -> None:
    class Imported:
        """Something that the collector would look at."""

    imported = Imported()
    imported.itself = imported  # type: ignore[attr-defined]
    freeze_modules()

    assert all(kept is not imported for kept in gc.get_objects())
