"""Those that read share a worker's time: nobody else waits for more than one slice, and none of them waits for ever."""

import time

import gevent

from qa_service.server.turn import SLICE_SECONDS, ReadingTurn

READERS = 20
STEP_SECONDS = SLICE_SECONDS / 5

now = time.process_time
"""This counts the seconds of this process's own work, because what other processes of the machine take meanwhile is no
reader's fault."""


def compute(seconds: float) -> None:
    until = now() + seconds
    while now() < until:
        pass


def read(turn: ReadingTurn, number: int, steps: int, order: list[int]) -> None:
    for _ in range(steps):
        compute(STEP_SECONDS)
        turn.give_way()
        order.append(number)


def longest_gap(readers: list[gevent.Greenlet]) -> float:
    """Return the longest time for which somebody who asks for no more than a look had to wait."""
    longest, last = 0.0, now()
    while any(not reader.dead for reader in readers):
        gevent.sleep(0.0001)
        looked = now()
        longest, last = max(longest, looked - last), looked
    return longest


def test_others_wait_for_one_slice_however_many_read() -> None:
    turn, order = ReadingTurn(), list[int]()
    readers = [gevent.spawn(read, turn, number, 20, order) for number in range(READERS)]
    gevent.sleep(READERS * STEP_SECONDS)  # all of them have begun by now
    assert longest_gap(readers) < 10 * SLICE_SECONDS
    assert len(order) == READERS * 20


def test_those_that_gave_way_go_on_in_the_order_in_which_they_came() -> None:
    turn, order = ReadingTurn(), list[int]()
    gevent.joinall([gevent.spawn(read, turn, number, 1, order) for number in range(READERS)])
    assert order == sorted(order)


def test_a_reader_that_gives_up_holds_up_nobody() -> None:
    turn, order = ReadingTurn(), list[int]()
    readers = [gevent.spawn(read, turn, number, 3, order) for number in range(READERS)]
    gevent.sleep(0)
    gevent.killall(readers[::2])
    gevent.joinall(readers[1::2], timeout=5)
    assert set(range(1, READERS, 2)) <= set(order)
    assert all(reader.dead for reader in readers)


def test_who_has_waited_sees_another_number_of_looks() -> None:
    turn = ReadingTurn()
    before = turn.looks
    assert turn.looks == before
    gevent.sleep(0.001)
    assert turn.looks != before
