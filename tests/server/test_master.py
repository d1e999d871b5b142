"""These tests show what is done before the workers are forked."""

import gc

from qa_service.server.master import freeze_modules


def test_what_was_imported_is_looked_through_no_more() -> None:
    imported: list[object] = []
    imported.append(imported)  # This refers to itself, so only the garbage collector could ever free it.
    freeze_modules()

    assert all(kept is not imported for kept in gc.get_objects())
