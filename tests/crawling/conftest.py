"""A knowledge base in a real PostgreSQL, which the tests of this folder share."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from qa_service.knowledge.database import Database
from qa_service.knowledge.engine import EmbeddedPostgres


@pytest.fixture(scope="package")
def database() -> Iterator[Database]:
    pytest.importorskip("pg8000")
    with TemporaryDirectory(prefix="qa-") as folder:
        Path(folder).chmod(0o711)
        engine = EmbeddedPostgres(Path(folder), linger=0.2)
        found = Database(engine)
        yield found
        found.close()
        engine.close()
