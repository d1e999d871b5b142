"""These tests show how long work shares a worker with others."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from qa_service import pause

WORKERS = 8
IN_TURN = """
import gevent.monkey; gevent.monkey.patch_all()
import json, threading
from qa_service.pause import give_way

order = []

def work(worker):
    for _ in range(5):
        give_way()
        order.append(worker)

workers = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
for worker in workers: worker.start()
for worker in workers: worker.join()
print(json.dumps(order))
"""


def test_work_on_very_many_items_begins_with_a_pause_and_on_few_without(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[int] = []
    monkeypatch.setattr(pause, "give_way", lambda: pauses.append(1))
    few, many = range(pause.ITEMS_PER_STEP), range(pause.ITEMS_PER_STEP + 1)
    assert list(pause.with_pauses(few)) == list(few)
    assert not pauses
    assert list(pause.with_pauses(many)) == list(many)
    assert pauses


def test_of_many_who_give_way_one_goes_on_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pausing: list[int] = []
    together: list[int] = []

    def sleep(seconds: float, really: Callable[[float], None] = time.sleep) -> None:
        if threading.current_thread() not in workers:  # A thread that another test left behind sleeps, too.
            really(seconds)
            return
        pausing.append(1)
        together.append(len(pausing))
        really(seconds)
        pausing.pop()

    monkeypatch.setattr(time, "sleep", sleep)
    workers = [threading.Thread(target=pause.give_way) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert together == [1] * WORKERS


def test_under_gevent_each_goes_on_in_turn_however_soon_one_comes_back() -> None:
    done = subprocess.run([sys.executable, "-c", IN_TURN], capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout) == [0, 1, 2, 3] * 5
