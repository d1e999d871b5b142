"""This module measures what only the product has: how fast an answer is stopped, what Redis is asked for one, and what
memory drawn pictures take."""

import re
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Self
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace
from redis import Redis

from benchmarks.figures import percentile
from benchmarks.load import DIFFERENT, LOOK, TYPED, Crowd, Tally, Visitor
from benchmarks.processes import cpu_seconds, holder, memory_kib
from benchmarks.scenarios import RATE, WINDOW, ask_again
from benchmarks.servers import KEY
from benchmarks.stage import PATIENCE, Open, Outcome, Scenario, Stage
from benchmarks.upstream import Script

CANCELLED = 50
SIDE_OF_4_MB = 1160
MOST_LOOKS = 500
"""This many looks at the memory are enough for one picture, even on a slow machine."""
DRAWN = replace(TYPED, done=re.compile(rb'"type":"image"'))
_ANSWER = re.compile(rb"X-Answer-Id: (\S+)", re.IGNORECASE)
_OURS = frozenset({"cmdstat_info", "cmdstat_monitor", "cmdstat_echo", "cmdstat_client|setinfo", "cmdstat_hello"})


def cancel(start: Open) -> Outcome:
    """Measure the time from `POST answers/{id}/cancel` until upstream's connection is closed. There are two workers:
    the request goes to the one that writes the answer, or to the other one."""
    with start(2) as stage, ExitStack() as stack:
        desks = _desks(stage, stack)
        same = [_cancelled(stage, desks, same=True) for _ in range(CANCELLED)]
        other = [_cancelled(stage, desks, same=False) for _ in range(CANCELLED)]
    figures = {
        f"{name}_p{percent}": percentile(delays, percent)
        for name, delays in (("same", same), ("other", other))
        for percent in (50, 99)
    }
    return Outcome(figures)


def redis(start: Open) -> Outcome:
    """Count the commands that Redis gets for one of ten answers of 400 deltas in 8 s, and those that it gets without an
    answer."""
    answers, script = 10, Script(400, RATE)
    with start(1) as stage:
        stage.play(script)
        with Crowd(stage.server.door, script.deltas) as crowd, Commands(stage.ports.redis) as commands:
            idle_began, before = time.monotonic(), commands.count()
            crowd.attend(WINDOW)
            idle = (commands.count().all - before.all) / (time.monotonic() - idle_began)
            began, before, worked = time.monotonic(), commands.count(), cpu_seconds(stage.server.redis)
            crowd.admit(range(answers))
            crowd.finish(PATIENCE)
            after, seconds = commands.count(), time.monotonic() - began
            worked = cpu_seconds(stage.server.redis) - worked
    figures = {
        "commands": (after.all - before.all - idle * seconds) / answers,
        "scripted": (after.scripted - before.scripted) / answers,
        "idle": idle,
        "cpu": worked / max(crowd.tally.deltas, 1) * 1e6,
    }
    return Outcome(figures, crowd.tally.finished, crowd.tally.faults)


def pictures(start: Open) -> Outcome:
    """Measure the most memory that the server takes, beyond what it takes idle, while a hundred answers draw a picture
    of 4 MB at once."""
    with start(1) as stage:
        ask_again(stage, Script(1))
        return measure_pictures(stage, 100, Script(1, picture=SIDE_OF_4_MB))


def measure_pictures(stage: Stage, count: int, script: Script) -> Outcome:
    """Ask this many questions at once, and measure the memory in MiB. An answer without a picture is a fault."""
    stage.play(script)
    taken = [memory_kib(stage.server.pid)]
    with Crowd(replace(stage.server.door, notation=DRAWN), script.deltas) as crowd:
        crowd.admit(range(count))
        while crowd.tally.finished < count and len(taken) < count * MOST_LOOKS:
            crowd.attend(LOOK)
            taken.append(memory_kib(stage.server.pid))
        crowd.finish(0)
    return Outcome({"memory": (max(taken) - taken[0]) / 1024}, crowd.tally.finished, crowd.tally.faults)


SCENARIOS: Mapping[str, Scenario] = {"cancel": cancel, "redis": redis, "pictures": pictures}


def _desks(stage: Stage, stack: ExitStack) -> dict[int, HTTPConnection]:
    """Open a connection to each worker, and return them by the workers' process ids. Chance decides which worker takes
    a connection, so there are many connections."""
    desks: dict[int, HTTPConnection] = {}
    for _ in range(200):
        connection = HTTPConnection("127.0.0.1", stage.ports.server, timeout=PATIENCE)
        stack.callback(connection.close)
        _call(connection, "GET", "healthz")
        desks.setdefault(holder(stage.ports.server, connection.sock.getsockname()[1], stage.server.pid), connection)
        if len(desks) == 2:
            return desks
    raise TimeoutError("one of the two workers takes every connection")


def _cancelled(stage: Stage, desks: dict[int, HTTPConnection], *, same: bool) -> float:
    """Return the milliseconds from the call until upstream sees that its connection is closed."""
    script = Script(3000, RATE)
    stage.play(script)
    visitor = Visitor(stage.server.door, 0, script.deltas, Tally())
    with visitor.sock:
        visitor.ask()
        while visitor.tally.deltas < 5:
            visitor.read()
        writer = holder(stage.ports.server, visitor.sock.getsockname()[1], stage.server.pid)
        desk = next(desk for pid, desk in desks.items() if (pid == writer) == same)
        answer = _ANSWER.search(visitor.head)
        assert answer
        stage.play(script)
        began = time.monotonic_ns()
        _call(desk, "POST", f"answers/{answer[1].decode()}/cancel")
        closed = _closed(stage, script)
        while not visitor.read():
            pass
    assert visitor.tally.faults == [DIFFERENT], visitor.tally.faults
    return (closed - began) / 1e6


def _closed(stage: Stage, script: Script) -> int:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if closed := stage.play(script).closed:
            return closed[0]
        time.sleep(0.02)
    raise TimeoutError("a cancelled answer's connection to upstream stays open")


def _call(connection: HTTPConnection, method: str, path: str) -> None:
    connection.request(method, f"/api/{path}", headers={"Authorization": f"Bearer {KEY}"})
    response = connection.getresponse()
    said = response.read()
    assert response.status == 200, said


class Count(Struct, frozen=True):
    """A `Count` holds how many commands Redis has executed, without those of this module."""

    all: int
    scripted: int


class Commands:
    """A `Commands` counts what Redis is asked. All commands are taken from Redis's statistics, and those inside scripts
    from its monitor."""

    def __init__(self, port: int) -> None:
        self._redis = Redis(port=port)
        self._monitor = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._monitor.sendall(b"MONITOR\r\n")
        self._monitor.recv(16)
        self._scripted = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._monitor.close()
        self._redis.close()

    def count(self) -> Count:
        mark = uuid4().hex.encode()
        self._redis.echo(mark)
        seen = b""
        while mark not in seen:
            seen += self._monitor.recv(1 << 20)
        self._scripted += seen.count(b" lua] ")
        statistics = self._redis.info("commandstats")
        return Count(sum(row["calls"] for name, row in statistics.items() if name not in _OURS), self._scripted)
