"""This module reads the frames of a probe, each with the moment of its arrival."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct

from qa_service.doctor.route import RouteReply

LONGEST_MS = 3_600_000
"""No probe lasts this long."""


class TimedFrame(Struct, frozen=True):
    """A `TimedFrame` is a frame that arrived this many seconds after it was asked for."""

    seconds: float
    frame: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Return the frame's type."""
        return str(self.frame.get("type"))

    @property
    def content(self) -> Mapping[str, Any]:
        """Return what the frame brings."""
        content = self.frame.get("content")
        return content if isinstance(content, dict) else {}

    @property
    def sent(self) -> float:
        """Return how many seconds after the probe's beginning a tick says that it was sent."""
        sent = self.content.get("sentMs")
        return sent / 1000 if isinstance(sent, int) and 0 <= sent <= LONGEST_MS else 0.0


class TimedStream(Struct, frozen=True):
    """A `TimedStream` is all that arrived of a stream, which ended after this many seconds."""

    arrivals: Sequence[TimedFrame]
    seconds: float

    @property
    def last(self) -> str:
        """Return the type of the last frame. A whole stream ends with `done`."""
        return self.arrivals[-1].kind if self.arrivals else ""

    @property
    def opening(self) -> Mapping[str, Any]:
        """Return what the first frame of a probe says. It is empty where that frame didn't come."""
        return next((each.content for each in self.arrivals if each.kind == "probe"), {})

    @property
    def lateness(self) -> float:
        """Return how many seconds the latest tick came later after it was sent than the earliest did."""
        ticks = [each for each in self.arrivals if each.kind == "tick"]
        late = [each.seconds - each.sent for each in ticks]
        return max(late) - min(late) if late else 0.0

    @property
    def longest_silence(self) -> float:
        """Return the longest time in which no frame came."""
        moments = [0.0, *(each.seconds for each in self.arrivals)]
        return max((after - before for before, after in pairwise(moments)), default=0.0)

    def count(self, kind: str) -> int:
        """Return how many frames of this type came."""
        return sum(each.kind == kind for each in self.arrivals)


def read_arrivals(reply: RouteReply, notice: Callable[[TimedFrame], None] = lambda arrival: None) -> TimedStream:
    """Read a probe's stream to its end. `notice` hears of each frame at once."""
    arrivals = list[TimedFrame]()
    for moment, line in _read_lines(reply):
        if line.startswith(b"data: ") and (frame := _decode(line[6:])):
            arrivals.append(TimedFrame(moment - reply.asked, frame))
            notice(arrivals[-1])
    return TimedStream(arrivals, time.monotonic() - reply.asked)


def _read_lines(reply: RouteReply) -> Iterator[tuple[float, bytes]]:
    rest = b""
    for moment, piece in reply.iterate_pieces():
        *lines, rest = (rest + piece).split(b"\n")
        yield from ((moment, line) for line in lines)


def _decode(line: bytes) -> Mapping[str, Any]:
    try:
        frame = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return frame if isinstance(frame, dict) else {}
