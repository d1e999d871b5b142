"""This module has the probe, with which `qa-service doctor` finds out what the way between a caller and this service
does to streams, headers, refusals and bodies. It costs a question of the rate limit, and no model is asked.

The stream has one frame that says how the request arrived, then a `tick` each few moments or, where none are wanted,
only the heartbeats of an answer that is silent, and a `done` at the time that the caller chose.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any, Literal

from flask import Blueprint, Response, request
from msgspec import Struct

from qa_service.desk import check_wait
from qa_service.errors import MethodNotAllowed, Overloaded, RateLimited
from qa_service.fields import read_choice, read_number
from qa_service.model import Owner
from qa_service.rooms import WorkerRoom
from qa_service.web.bodies import GULP, RequestBody, hung_up
from qa_service.web.forms import read_query
from qa_service.web.identity import FORWARDING
from qa_service.web.mounting import Mounted, add_route, asking_owner, mounted
from qa_service.web.objects import json_response
from qa_service.wire.formats import STREAM_HEADERS, TYPED
from qa_service.wire.lines import encode_line
from qa_service.wire.probe_objects import (
    PROBE_FRAMES,
    ProbeContent,
    ProbeFrame,
    ReceiptObject,
    TickContent,
    TickFrame,
)
from qa_service.wire.structs import DoneContent, HeartbeatContent
from qa_service.wire.typed import DoneFrame, HeartbeatFrame

LONGEST_SECONDS = 600
USUAL_SECONDS = 5
SHORTEST_TICK = 0.05
MOST_PROBES = 32
"""A worker streams at most this many probes at once."""
WATCHED = ("Accept", "Accept-Language", "Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID")
"""Of these headers the probe tells whether they arrived, since clients need them and some proxies drop them."""
PROBE_RETRY_SECONDS = 7
_LOOK_SECONDS = 0.5
PROBE_REFUSALS = {"429": RateLimited, "503": Overloaded}


class ProbeTimes(Struct, frozen=True):
    """A `ProbeTimes` says for how many milliseconds a probe streams, and after how many of them each frame comes."""

    whole: int
    step: int
    ticks: bool
    """This says whether those frames are ticks. Otherwise they are heartbeats."""


class ProbeBody:
    """A `ProbeBody` is the stream of one probe. `is_over` says that nobody reads it any more, or that this worker is
    about to stop. A server closes it even if it never began to send it, and `close` calls `left` once."""

    def __init__(
        self, content: ProbeContent, times: ProbeTimes, *, is_over: Callable[[], bool], left: Callable[[], None]
    ) -> None:
        self._content = content
        self._times = times
        self._is_over = is_over
        self._left: Callable[[], None] | None = left
        self._began = time.monotonic()

    def close(self) -> None:
        """Make room for another probe. Closing again changes nothing."""
        left, self._left = self._left, None
        if left:
            left()

    def __iter__(self) -> Iterator[bytes]:
        return map(_encode_event, self._frames())

    def _frames(self) -> Iterator[PROBE_FRAMES]:
        self._began, seq = time.monotonic(), 1
        yield ProbeFrame(seq=seq, content=self._content)
        for due in range(self._times.step, self._times.whole + 1, self._times.step):
            if not self._wait_until(due):
                break
            if self._times.ticks:
                seq += 1
                yield TickFrame(seq=seq, content=TickContent(sent_ms=self._passed_ms()))
            else:
                yield HeartbeatFrame(content=HeartbeatContent())
        ended = self._wait_until(self._times.whole)
        yield DoneFrame(seq=seq + 1, content=DoneContent(status="completed" if ended else "incomplete"))

    def _wait_until(self, due: int) -> bool:
        while (left := due - self._passed_ms()) > 0:
            if self._is_over():
                return False
            time.sleep(min(left / 1000, _LOOK_SECONDS))
        return True

    def _passed_ms(self) -> int:
        return round(1000 * (time.monotonic() - self._began))


def stream_probe(room: WorkerRoom) -> Response:
    """Stream a probe, or refuse in the way that the caller asks for. `room` bounds how many run at once."""
    if request.method == "HEAD":
        raise MethodNotAllowed("HEAD: expected GET or POST", allowed=("GET", "POST"))
    service, owner = _admit_probe(asks=True)
    fields = read_query(request)
    times = _read_times(fields, service.assembly.settings.heartbeat_seconds)
    if wanted := _read_refusal(fields):
        raise PROBE_REFUSALS[wanted]("this refusal was asked for", retry_after=PROBE_RETRY_SECONDS)
    gone, runner = hung_up(request), service.assembly.runner
    content = _describe_arrival(service)
    room.reserve_place(owner.caller)
    left = partial(room.release_place, owner.caller)
    body = ProbeBody(content, times, is_over=lambda: gone() or runner.draining, left=left)
    return Response(body, headers=STREAM_HEADERS, content_type=TYPED.content_type, direct_passthrough=True)


def receive_probe() -> Response:
    """Receive a body of any kind, keep nothing of it, and tell how many bytes have arrived."""
    service, _ = _admit_probe()
    with RequestBody(request, service.limits.body) as body:
        received = sum(map(len, iter(partial(body.read, GULP), b"")))
    return json_response(ReceiptObject(received_bytes=received))


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/probe", "probe", partial(stream_probe, WorkerRoom("probes", MOST_PROBES)))
    add_route(blueprint, "/probe", "receive_probe", receive_probe, methods=("POST",))


def _admit_probe(*, asks: bool = False) -> tuple[Mounted, Owner]:
    service, owner = mounted(), asking_owner(asks=asks)
    check_wait(service.assembly.limiter.take_question(owner))
    return service, owner


def _read_times(fields: Mapping[str, Any], heartbeat: float) -> ProbeTimes:
    seconds = read_number(fields, "seconds", LONGEST_SECONDS, default=USUAL_SECONDS)
    every = read_number(fields, "every", LONGEST_SECONDS, default=0)
    step = max(every, SHORTEST_TICK) if every else heartbeat
    return ProbeTimes(round(1000 * seconds), max(1, round(1000 * step)), ticks=every > 0)


def _read_refusal(fields: Mapping[str, Any]) -> Literal["", "429", "503"]:
    choices: tuple[Literal["", "429", "503"], ...] = ("", "429", "503")
    return read_choice(fields, "refuse", choices)


def _describe_arrival(service: Mounted) -> ProbeContent:
    settings = service.assembly.settings
    forwarding = {name.title() for name, _ in request.headers if FORWARDING.fullmatch(name)}
    return ProbeContent(
        protocol=request.environ.get("SERVER_PROTOCOL", ""),
        origins=service.gate.own_origins(request),
        headers=tuple(name for name in WATCHED if name in request.headers),
        forwarded=tuple(sorted(forwarding)),
        trusts_forwarded=bool(settings.trusted_proxies or settings.public_url),
        heartbeat_ms=round(1000 * settings.heartbeat_seconds),
        body_bytes=settings.max_body,
        version=version("qa-service"),
    )


def _encode_event(frame: PROBE_FRAMES) -> bytes:
    return b"data: %b\n\n" % encode_line(frame)
