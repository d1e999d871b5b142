"""A question whose work kills the worker: it costs two workers and not a third, and everybody hears of its end."""

from collections.abc import Iterator

import pytest

from tests.live.deadly_site import KILLED
from tests.live.following import Follower
from tests.live.judging import check_broken, check_whole
from tests.live.processes import ROOT, Service, gunicorn
from tests.live.stores import RedisServer

WORKERS = 3


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
    ) as found:
        yield found


@pytest.fixture(autouse=True)
def calm(served: Service) -> None:
    """Wait until all workers serve. None was killed yet."""
    served.until_workers(WORKERS)
    (served.folder / "data" / KILLED).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("question", "said"), [("while files are searched", ""), ("before", ""), ("behind", "One ")], ids=str
)
def test_it_costs_two_workers_and_no_third(served: Service, question: str, said: str) -> None:
    reader = Follower(served.url, question, files={"a.txt": b"Some words."})
    reader.finish()
    check_broken(served, said, reader, code="interrupted", flush=len(said))
    assert len((served.folder / "data" / KILLED).read_text().split()) == 2
    served.until_workers(WORKERS)
    check_whole(served, "One two.", Follower(served.url, "And?", session_id=reader.session_id).finish())
