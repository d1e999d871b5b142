"""This module prepares what a scenario needs: a running server and its upstream. It also watches over both."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPConnection
from typing import TypeAlias

import msgspec
from msgspec import Struct

from benchmarks.load import Crowd, Tally
from benchmarks.processes import Program, cpu_seconds, machine_seconds
from benchmarks.servers import Place, Ports, Server, environment, serving
from benchmarks.upstream import Script, State

PATIENCE = 20.0
"""What hasn't happened after this many seconds will never happen."""


class Stage(Struct, frozen=True):
    """A `Stage` is a running server and the upstream that it asks."""

    server: Server
    ports: Ports

    def play(self, script: Script) -> State:
        """Tell upstream what to do from now on, and return what it did until now."""
        return play(self.ports.upstream, script)


Figures: TypeAlias = Mapping[str, float]


class Outcome(Struct, frozen=True):
    """An `Outcome` is what one scenario found out about one server."""

    figures: Figures
    answers: int = 0
    """This many answers were checked."""
    faults: Sequence[str] = ()
    busy: float = 0
    """Upstream and the load together took this part of one core while something was measured."""
    foreign: float = 0
    """Everything else on the machine took this part of one core."""
    by_format: Mapping[str, Figures] = {}
    """These are the figures of each wire format, where formats are compared."""


class Seen(Struct, frozen=True):
    """A `Seen` is what happened in a window of time."""

    cpu: float
    """The server worked for this many CPU seconds."""
    busy: float
    foreign: float
    deltas: int
    finished: int


Open: TypeAlias = Callable[[int], AbstractContextManager[Stage]]
"""An `Open` starts a fresh server, with this many workers."""
Scenario: TypeAlias = Callable[[Open], Outcome]


def watch(stage: Stage, crowd: Crowd, script: Script, seconds: float) -> Seen:
    """Let the crowd read for this many seconds, and measure what it cost. Upstream goes on with `script`."""
    tally = crowd.tally
    began, deltas, finished, worked = time.monotonic(), tally.deltas, tally.finished, _work(stage, script)
    crowd.attend(seconds)
    worked = [after - before for after, before in zip(_work(stage, script), worked, strict=True)]
    server, redis, others, machine = worked
    passed = time.monotonic() - began
    foreign = max(0, machine - server - redis - others) / passed
    return Seen(server, others / passed, foreign, tally.deltas - deltas, tally.finished - finished)


def _work(stage: Stage, script: Script) -> list[float]:
    """Return the CPU seconds so far: of the server, of its Redis, of upstream and the load together, and of the whole
    machine."""
    server, redis = cpu_seconds(stage.server.pid), cpu_seconds(stage.server.redis) if stage.server.redis else 0
    return [server, redis, stage.play(script).cpu + time.process_time(), machine_seconds()]


def outcome(tally: Tally, seen: Seen, **figures: float) -> Outcome:
    return Outcome(figures, tally.finished, tally.faults, seen.busy, seen.foreign)


def play(upstream: int, script: Script) -> State:
    """Tell the upstream at this port what to do from now on, and return what it did until now."""
    connection = HTTPConnection("127.0.0.1", upstream, timeout=PATIENCE)
    connection.request("POST", "/control", msgspec.json.encode(script))
    state = msgspec.json.decode(connection.getresponse().read(), type=State)
    connection.close()
    return state


@contextmanager
def upstream_at(place: Place) -> Iterator[None]:
    """Start a fresh upstream, whose answers have one delta until it is told otherwise."""
    command = (sys.executable, "-m", "benchmarks.upstream", str(place.ports.upstream))
    with Program(command, log=place.folder / "upstream.log", cores=place.other_cores, environment=environment()):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                play(place.ports.upstream, Script(1))
                break
            except ConnectionRefusedError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        yield


@contextmanager
def staged(server: str, place: Place, workers: int, settings: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """Start a fresh server, with an upstream of its own, and with these environment variables besides its own."""
    with upstream_at(place), serving(server, place, workers=workers, settings=settings) as started:
        yield Stage(started, place.ports)
