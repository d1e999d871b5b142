"""A caller's connection under gevent: what is sent arrives, whole or in time, and closing waits for its reader."""

import socket
import struct
import time
from collections.abc import Iterator

import gevent
import pytest
from gevent.socket import socket as gevent_socket
from gevent.socket import wait_read

from qa_service.server.connection import DRAIN_BYTES, FREE_ANSWER_BYTES, Connection
from qa_service.server.turn import ReadingTurn
from tests.lateness import Lateness

SEND_SECONDS = 0.2
MUCH = bytes(range(256)) * 40_000


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    """Give a connection, and the other end of it as the system gives it: it never waits."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = socket.create_connection(listener.getsockname())
        here, _ = listener.accept()
    there.setblocking(False)
    ours = gevent_socket(fileno=here.detach())
    with there, ours:
        yield Connection(ours, ReadingTurn(), SEND_SECONDS), there


def receive(there: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        wait_read(there.fileno(), timeout=5)
        piece = there.recv(1 << 20)
        if not piece:
            break
        got += piece
    return got


def test_what_does_not_fit_at_once_arrives_whole(pair: tuple[Connection, socket.socket]) -> None:
    connection, there = pair
    reading = gevent.spawn(receive, there, len(MUCH))
    connection.sendall(MUCH)
    assert reading.get(timeout=5) == MUCH


def test_a_caller_who_takes_a_little_now_and_then_is_not_cut_off(pair: tuple[Connection, socket.socket]) -> None:
    connection, there = pair

    def sip() -> int:
        got = 0
        while got < len(MUCH):
            gevent.sleep(SEND_SECONDS / 4)
            got += len(there.recv(2 << 20))
        return got

    sipping = gevent.spawn(sip)
    connection.sendall(MUCH)
    assert sipping.get(timeout=10) == len(MUCH)


def test_a_caller_who_takes_nothing_is_cut_off_in_time(pair: tuple[Connection, socket.socket]) -> None:
    connection, _ = pair
    began, late = time.monotonic(), Lateness()
    with pytest.raises(BrokenPipeError):
        connection.sendall(MUCH)
    assert SEND_SECONDS * 0.9 < time.monotonic() - began < SEND_SECONDS + 2 + late.seconds
    linger = connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
    assert struct.unpack("ii", linger) == (1, 0)


def test_waiting_to_send_leaves_no_time_limit_for_reading(pair: tuple[Connection, socket.socket]) -> None:
    connection, there = pair
    reading = gevent.spawn(receive, there, len(MUCH))
    connection.sendall(MUCH)
    reading.join()
    later = gevent.spawn_later(SEND_SECONDS * 2, there.send, b"x")
    assert connection.recv(1) == b"x"
    later.join()


def test_lingering_ends_when_the_caller_leaves(pair: tuple[Connection, socket.socket]) -> None:
    connection, there = pair
    there.send(b"x" * 1000)
    leaving = gevent.spawn_later(0.05, there.shutdown, socket.SHUT_WR)
    began, late = time.monotonic(), Lateness()
    connection.linger(5)
    assert time.monotonic() - began < 1 + late.seconds
    assert there.recv(1) == b""
    leaving.join()


def test_lingering_reads_no_more_than_it_must(pair: tuple[Connection, socket.socket]) -> None:
    connection, there = pair
    there.send(b"x" * (DRAIN_BYTES + 5000))
    gevent.sleep(0.05)
    connection.linger(0.05)
    assert connection.recv(1 << 20) == b"x" * 5000


def test_a_caller_who_had_to_give_way_once_need_not_again(pair: tuple[Connection, socket.socket]) -> None:
    connection, there = pair
    connection.end_request(more=False)
    there.send(b"first")
    connection.recv(100)
    turns: list[int] = []

    def give_way() -> None:
        turns.append(len(turns))
        gevent.sleep(0.01)
        there.send(b"next")

    connection._turn.give_way = give_way
    connection.end_request(more=False)
    assert connection.recv(100) == b"next"
    connection.end_request(more=False)
    assert turns == [0]


@pytest.mark.parametrize(("pause", "gives_way"), [(None, True), (0.005, False)])
def test_who_sends_much_at_once_gives_way_and_a_stream_that_is_being_written_need_not(
    pair: tuple[Connection, socket.socket], pause: float | None, gives_way: bool
) -> None:
    connection, _ = pair
    turns: list[None] = []
    connection._turn.give_way = lambda: turns.append(None)
    for _ in range(10):
        connection.sendall(b"x" * (FREE_ANSWER_BYTES // 4))
        if pause is not None:
            gevent.sleep(pause)
    assert bool(turns) == gives_way
