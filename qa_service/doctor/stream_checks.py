"""This module judges how the two streams of the probe arrived: the one of ticks, and the long one of heartbeats."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qa_service.doctor.arrivals import TimedStream
from qa_service.doctor.findings import Finding, RouteBroken, make_finding
from qa_service.doctor.route import Route, RouteReply

LATE_SECONDS = 1.0
"""A network may delay frames by this much. Whoever holds frames up, holds them up for longer."""
NEEDED: Mapping[str, tuple[str, str]] = {
    "Last-Event-ID": (
        "a reader that was cut off begins a second answer instead of going on with the first",
        "끊긴 독자가 답변을 이어 받지 못하고 두 번째 답변을 시작합니다",
    ),
    "Idempotency-Key": (
        "a question that is sent again is answered and paid twice",
        "다시 보낸 질문에 두 번 답하고 비용도 두 번 듭니다",
    ),
    "Accept-Language": (
        "messages come in English to everybody",
        "모든 사람에게 메시지가 영어로 갑니다",
    ),
    "Accept": (
        "every client gets the default format",
        "모든 클라이언트가 기본 형식을 받습니다",
    ),
}
"""The service needs these headers of a request for the reasons that stand here in both languages."""
SENT: Mapping[str, str] = {
    "Last-Event-ID": "doctor-1",
    "Idempotency-Key": "qa-service-doctor",
    "Accept-Language": "en",
    "Accept-Encoding": "gzip",
}


def judge_stream(reply: RouteReply, arrived: TimedStream, route: Route) -> Iterator[Finding]:
    """Tell what the route did to the stream of ticks, and to the request for it. Raises `RouteBroken` where no stream
    of the probe came."""
    if not arrived.opening:
        lost = make_finding("stream_cut", seconds=arrived.seconds) if reply.is_cut else None
        raise RouteBroken(lost or make_finding("stream_changed", type=reply.media_type or "nothing"))
    if reply.media_type != "text/event-stream":
        yield make_finding("type_lost", type=reply.media_type or "nothing")
    yield _judge_pace(reply, arrived, route)
    if reply.is_http10:
        yield make_finding("http10_client")
    yield from _judge_arrival(arrived.opening, route)


def judge_silence(arrived: TimedStream, heartbeat: float, seconds: float, *, held_up: bool) -> Finding:
    """Tell what the route did to a stream of this many seconds that has a heartbeat every `heartbeat` seconds.
    `held_up` says that the stream of ticks was held up, so that late heartbeats are nothing new."""
    heartbeats, expected = arrived.count("heartbeat"), int(seconds / heartbeat + 1e-6)
    if arrived.last != "done":
        silence = arrived.seconds - (arrived.arrivals[-1].seconds if arrived.arrivals else 0.0)
        return make_finding(
            "cut", seconds=arrived.seconds, silence=silence, heartbeat=_shorter(min(silence, heartbeat))
        )
    if arrived.arrivals[-1].content.get("status") != "completed":
        return make_finding("stopping", seconds=arrived.seconds)
    late = arrived.longest_silence > max(2 * heartbeat, heartbeat + LATE_SECONDS)
    if (heartbeats < expected or late) and not held_up:
        return make_finding("heartbeats_lost", expected=expected, heartbeats=heartbeats, seconds=arrived.seconds)
    return make_finding("kept_open", seconds=arrived.seconds, heartbeats=heartbeats)


def _judge_pace(reply: RouteReply, arrived: TimedStream, route: Route) -> Finding:
    late = arrived.lateness
    if arrived.last != "done":
        return make_finding("stream_cut", seconds=arrived.seconds)
    if reply.coding:
        code = "compressed_late" if late > LATE_SECONDS else "compressed"
        return make_finding(code, coding=reply.coding, seconds=late, prefix=route.prefix)
    return make_finding("buffered" if late > LATE_SECONDS else "streamed", seconds=late)


def _judge_arrival(opening: Mapping[str, Any], route: Route) -> Iterator[Finding]:
    """Tell what the service says of the request that reached it."""
    for header in NEEDED:
        if header not in _list(opening, "headers"):
            yield _lost(header)
    if opening.get("protocol") == "HTTP/1.0":
        yield make_finding("http10_upstream")
    origins = _list(opening, "origins")
    if route.origin not in origins:
        yield make_finding("origin_unknown", origin=route.origin, seen=origins[0] if origins else "nothing")
    elif _list(opening, "forwarded") and not opening.get("trustsForwarded"):
        yield make_finding("proxy_untold")


def _lost(header: str) -> Finding:
    purpose, purpose_ko = NEEDED[header]
    variable = header.lower().replace("-", "_")
    return make_finding(
        "header_lost",
        header=header,
        purpose=purpose,
        purpose_ko=purpose_ko,
        variable=variable,
        environment=variable.upper(),
    )


def _list(opening: Mapping[str, Any], name: str) -> Sequence[str]:
    values = opening.get(name)
    return [str(value) for value in values] if isinstance(values, list) else []


def _shorter(seconds: float) -> float:
    """Return a time between heartbeats that is well below this silence."""
    return max(1.0, round(seconds / 2))
