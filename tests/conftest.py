"""This module has what tests of several parts share."""

import os

# Most tests are about something else, and each server that they start would load the encoder for a second, and the
# vocabulary for half a second.
os.environ.setdefault("QA_SEMANTIC", "off")
os.environ.setdefault("QA_TOKENIZER", "off")
# numpy's threads wait by computing, which on a busy machine takes many times as long as the encoder itself. numpy reads
# the variable when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gc
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from _pytest.runner import runtestprotocol
from redis import Redis

from qa_service.knowledge.database import Database
from qa_service.knowledge.engine import EmbeddedPostgres
from qa_service.stores.embedded import embedded_pool, socket_path
from tests.lives import World

LONGEST_FIRST = (
    "hosts/test_nextjs.py",
    "hosts/test_django.py",
    "hosts/test_nginx.py",
    "live/test_page_cuts.py",
    "live/test_contract.py",
    "files/test_isolation.py",
    "live/test_stopping.py",
    "live/test_dying.py",
    "clients/test_clients.py",
    "live/test_page_markdown.py",
    "live/test_newcomer.py",
    "live/test_page.py",
    "files/test_isolation_under_gevent.py",
    "live/test_store_trouble.py",
    "benchmarks/test_benchmark.py",
    "live/test_nginx.py",
    "live/test_sharing.py",
    "stores/test_embedded.py",
    "live/test_gunicorn.py",
    "live/test_releases.py",
    "web/test_image_route.py",
    "web/test_stopping_worker.py",
    "clients",
    "live",
    "benchmarks",
    "files",
    "stores",
    "indexing",
    "knowledge",
)
"""These are the files that take longest, and then the folders whose tests wait for real processes."""

# A shell lets what it runs in the background ignore Ctrl-C, and all processes of the tests would ignore it, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Nearly all that is imported and collected stays, so that looking for garbage before the first test is in vain. It
# would take a quarter of the time of each process until then.
gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that all processes of a parallel run end at about the same time."""
    tests = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(tests)
        known = (name for name in (path.as_posix(), path.parts[0]) if name in LONGEST_FIRST)
        return next(map(LONGEST_FIRST.index, known), len(LONGEST_FIRST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Keep what was collected out of the garbage collector, which would look through it for a tenth of the time.
    Collections as often as usual would take another tenth."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Let a process of a parallel run tell less."""
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(OneReport())


class OneReport:
    """This makes a process of a parallel run send one message for a test that passes, where it would send five. Sending
    and receiving those takes as long as running a small test."""

    @pytest.hookimpl
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if report.when == "call" or not report.passed:
                item.ihook.pytest_runtest_logreport(report=report)
        return True


@pytest.fixture
def no_collections() -> Iterator[None]:
    """Tests that bound computing time use this, because a garbage collection of all that thousands of tests have
    imported takes longer than what they measure."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a store and workers that wait for nothing long. All of them end with the test."""
    world = World(tmp_path / "workers")
    yield world
    world.close()


@pytest.fixture(scope="session")
def quick_folder() -> Iterator[Path]:
    """Give a folder for stores, which a disk that is busy with other things would hold up for seconds. It is in memory
    where the system has such a place."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(
        prefix="qa-tests-", dir=memory if os.access(memory, os.W_OK) else None, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def knowledge_engine(quick_folder: Path) -> Iterator[EmbeddedPostgres]:
    """Give the private PostgreSQL of a folder, which all tests share."""
    # PostgreSQL refuses root, and the user who runs it instead must find the way.
    quick_folder.chmod(0o711)
    # A busy machine may take longer to recover what a killed server had written than a request waits for that.
    engine = EmbeddedPostgres(quick_folder / "knowledge", linger=0.2, recovery=60)
    yield engine
    engine.leave_server()


@pytest.fixture(scope="session")
def knowledge_url(knowledge_engine: EmbeddedPostgres) -> str:
    """Return the address under which other processes find that PostgreSQL."""
    return f"postgresql://qa@/postgres?host={Path(str(knowledge_engine.find_server()['unix_sock'])).parent}"


@pytest.fixture
def knowledge(knowledge_engine: EmbeddedPostgres) -> Iterator[Database]:
    """Give an empty knowledge base."""
    with empty_knowledge(knowledge_engine) as database:
        yield database


@contextmanager
def empty_knowledge(engine: EmbeddedPostgres) -> Iterator[Database]:
    """Give the knowledge base of a PostgreSQL, without what earlier tests have left there."""
    database = Database(engine)
    with database.transaction() as connection:
        connection.run("truncate collection, term, reading cascade")
        connection.run("delete from state where name <> 'version'")
    yield database
    database.close()


@pytest.fixture(scope="session")
def private_valkey(quick_folder: Path) -> Iterator[Redis]:
    """Give a private Valkey that all tests share. Each empties it for itself."""
    folder = quick_folder / "embedded"
    store = Redis.from_pool(embedded_pool(folder, max_connections=20, timeout=5, linger=0.2))
    yield store
    shutil.rmtree(socket_path(folder).parent)
