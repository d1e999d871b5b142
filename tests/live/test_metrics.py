"""One text of figures over several gunicorn workers, whatever becomes of them."""

import os
import signal
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.processes import Service, gunicorn, until
from tests.live.reading import Asked
from tests.scripted_upstream import Script, ScriptedUpstream

COMPLETED = 'qa_answers_total{reason="stop",status="completed"}'
STREAMS = "qa_streams_open"
SLOW = Script(deltas=200, rate=20)


@pytest.fixture
def served(redis_url: str, upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[Service]:
    model = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": upstream.url}
    with gunicorn(tmp_path, REDIS_URL=redis_url, **model) as found:
        yield found


def figures(served: Service) -> dict[str, float]:
    with urllib.request.urlopen(f"{served.url}/api/metrics", timeout=10) as response:
        lines = [line for line in response.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def ask_each_worker(served: Service) -> int:
    """Ask until each worker has answered. Return how many answers that took."""
    reached: set[int] = set()
    for answers in range(1, 101):
        with Asked(served.url, "hello") as asked:
            reached.add(served.worker_of(asked.socket))
            assert asked.finish().status == "completed"
        if reached == set(served.workers()):
            return answers
    raise AssertionError(f"of {served.workers()} only {reached} answered")


def until_counted(served: Service, answers: int) -> None:
    """Wait until these are the answers that have been. One is counted just after its last frame has left."""
    until(lambda: figures(served)[COMPLETED] == answers, 5, f"{answers} answers are counted")


def reload(served: Service) -> None:
    """Reload the service, and wait until all workers are new ones and the old ones have gone."""
    old = set(served.workers())
    served.process.send_signal(signal.SIGHUP)
    until(lambda: len(served.workers()) == 2 and not old & set(served.workers()), 20, "two new workers")


def folder(served: Service) -> Path:
    """Return where this service's workers count, as soon as one of them does."""

    def find_files() -> list[Path]:
        mapped = Path(f"/proc/{served.workers()[0]}/maps").read_text().split()
        return [Path(word) for word in mapped if "qa-metrics-" in word]

    until(find_files, 5, "a worker counts")
    return find_files()[0].parent


class TestFigures:
    def test_are_the_sums_of_all_workers_whichever_is_asked(self, served: Service) -> None:
        until_counted(served, answers := ask_each_worker(served))
        assert {figures(served)[COMPLETED] for _ in range(10)} == {answers}

    def test_keep_what_a_killed_worker_counted(self, served: Service) -> None:
        until_counted(served, before := ask_each_worker(served))
        os.kill(killed := served.workers()[0], signal.SIGKILL)
        until(lambda: len(served.workers()) == 2 and killed not in served.workers(), 10, "another worker")
        until_counted(served, before + ask_each_worker(served))

    def test_forget_the_streams_of_a_killed_worker(self, served: Service, upstream: ScriptedUpstream) -> None:
        upstream.script(SLOW)
        with Asked(served.url, "hello") as asked:
            asked.first("text")
            assert figures(served)[STREAMS] == 1
            os.kill(served.worker_of(asked.socket), signal.SIGKILL)
            until(lambda: figures(served)[STREAMS] == 0, 10, "no stream is open")


def count_files(folder: Path) -> Counter[str]:
    """Return how many files there are of each kind."""
    return Counter(file.name.partition("_")[0] for file in folder.glob("*.db"))


class TestFolder:
    def test_stays_the_same_and_small_however_many_workers_came_and_went(self, served: Service) -> None:
        answers, before = 0, folder(served)
        for _ in range(2):
            answers += ask_each_worker(served)
            until_counted(served, answers)
            reload(served)
        assert folder(served) == before
        until_counted(served, answers + ask_each_worker(served))
        small = {"counter": 2 + 1, "histogram": 2 + 1, "gauge": 2}
        until(lambda: count_files(before) == small, 10, "what ended workers have counted is in one file of each kind")

    def test_is_private_and_gone_with_the_server(self, served: Service) -> None:
        found = folder(served)
        assert found.stat().st_mode & 0o777 == 0o700
        served.process.terminate()
        served.process.wait(30)
        assert not found.exists()
