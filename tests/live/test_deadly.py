"""A question whose work kills or freezes the worker: it costs few workers, and everybody hears of its end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.deadly_site import LOST
from tests.live.following import Follower
from tests.live.judging import SETTLED_SECONDS, check_broken, check_whole
from tests.live.processes import ROOT, Service, gunicorn, until
from tests.live.stores import RedisServer

WORKERS = 3
TIMEOUT = 3
"""gunicorn kills a worker that has been frozen for this many seconds."""


@pytest.fixture(scope="module")
def served(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("deadly"),
        app="tests.live.deadly_site:app",
        REDIS_URL=redis.url,
        QA_BACKGROUND="on",
        QA_HEARTBEAT_SECONDS="1",
        WEB_CONCURRENCY=str(WORKERS),
        PYTHONPATH=str(ROOT),
        GUNICORN_CMD_ARGS=f"--timeout {TIMEOUT}",
    ) as found:
        yield found


@pytest.fixture(autouse=True)
def lost(served: Service) -> Path:
    """Wait until all workers serve, and return the file of those that were lost, which has none yet."""
    served.until_workers(WORKERS)
    file = served.folder / "data" / LOST
    file.write_text("")
    return file


def check_calm(served: Service, redis: RedisServer, session_id: str) -> None:
    """Check that all workers serve, that the session goes on, and that no worker will take the answer over again."""
    served.until_workers(WORKERS)
    check_whole(served, "One two.", Follower(served.url, "And?", session_id=session_id).finish())
    until(lambda: not redis.held(), SETTLED_SECONDS, "nothing is being written")


@pytest.mark.parametrize(
    ("question", "said"), [("kills while files are searched", ""), ("kills before", ""), ("kills behind", "One ")]
)
def test_it_costs_two_workers_and_no_third(
    served: Service, redis: RedisServer, lost: Path, question: str, said: str
) -> None:
    reader = Follower(served.url, question, files={"a.txt": b"Some words."})
    reader.finish()
    check_broken(served, said, reader, code="interrupted", flush=len(said))
    check_calm(served, redis, reader.session_id)
    assert len(lost.read_text().split()) == 2


@pytest.mark.parametrize(("question", "said"), [("loops behind", "One "), ("computes before", "")])
def test_one_that_freezes_costs_at_most_three_and_others_are_answered_meanwhile(
    served: Service, redis: RedisServer, lost: Path, question: str, said: str
) -> None:
    """The third one is lost where the first words reach the store late, because new words count as progress."""
    reader = Follower(served.url, question, files={"a.txt": b"Some words."})
    until(lost.read_text, 5, "a worker is frozen")
    check_whole(served, "One two.", Follower(served.url, "And meanwhile?").finish())
    reader.finish()
    check_broken(served, said, reader, code="interrupted", flush=len(said))
    check_calm(served, redis, reader.session_id)
    assert len(lost.read_text().split()) in (2, 3)
