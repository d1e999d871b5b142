"""How long work shares a worker with others."""

import threading
import time

import pytest

from qa_service import pause

WORKERS = 8


def test_of_many_who_give_way_one_goes_on_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pausing: list[int] = []
    together: list[int] = []

    def sleep(seconds: float, really: object = time.sleep) -> None:
        pausing.append(1)
        together.append(len(pausing))
        assert callable(really)
        really(seconds)
        pausing.pop()

    monkeypatch.setattr(pause.time, "sleep", sleep)
    workers = [threading.Thread(target=pause.give_way) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert together == [1] * WORKERS
