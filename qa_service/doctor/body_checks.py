"""This module tries how large a body the route lets through."""

import time
from collections.abc import Iterator
from http import HTTPStatus

from qa_service.doctor.findings import Finding, RouteBroken, make_finding
from qa_service.doctor.replies import judge_reply, read_problem
from qa_service.doctor.route import Route, RouteReply
from qa_service.setting_values import MEBIBYTE

SMALLEST = 64 << 10
EARLY_SECONDS = 1.5
"""Proxies that refuse a body by its announced length do it within this time."""
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def check_body(route: Route, most: int, sent: int, early: float = EARLY_SECONDS) -> Iterator[Finding]:
    """Announce a body of `most` bytes, which the service takes, and send one of `sent` bytes. `early` is for how many
    seconds a refusal is waited for."""
    try:
        refusal = _announce_body(route, most, early)
    except RouteBroken as broken:
        yield _judge_break(broken, most, most)
        return
    if refusal is None:
        yield _send_body(route, min(sent, most), most)
    elif problem := read_problem(refusal):
        yield make_finding(
            "refused", path=f"{route.prefix}/probe", status=refusal.status, detail=str(problem.get("detail"))
        )
    else:
        yield _find_limit(route, most, refusal, early)


def _announce_body(route: Route, size: int, early: float) -> RouteReply | None:
    """Announce a body. Where the service is busy, announce it once more after a moment, because a proxy that replaces
    the service's refusals by pages of its own would make this look like a limit."""
    refusal = route.announce_body("/probe", size, early)
    if refusal is None or refusal.status not in _BUSY:
        return refusal
    time.sleep(early)
    return route.announce_body("/probe", size, early)


def _find_limit(route: Route, most: int, refusal: RouteReply, early: float) -> Finding:
    """Halve the size until one isn't refused."""
    refused, passed = most, most // 2
    while passed >= SMALLEST and _announce_body(route, passed, early) is not None:
        refused, passed = passed, passed // 2
    return make_finding(
        "body_limit",
        refused=show_size(refused),
        status=refusal.status,
        passed=show_size(passed),
        passed_bytes=passed,
        most=show_size(most),
        **_as_settings(most),
    )


def _send_body(route: Route, size: int, most: int) -> Finding:
    content_type = {"Content-Type": "application/octet-stream"}
    try:
        with route.open_reply("/probe", headers=content_type, body=bytes(size)) as reply:
            reply.read_start()
    except RouteBroken as broken:
        return _judge_break(broken, size, most)
    received = reply.read_object().get("receivedBytes")
    if read_problem(reply):
        return judge_reply(reply, route, "/probe")
    if not isinstance(received, int):
        return make_finding("body_refused", sent=show_size(size), status=reply.status, **_as_settings(most))
    if received != size:
        return make_finding(
            "body_cut",
            sent=show_size(size),
            received=show_size(received),
            prefix=route.prefix,
            **_as_settings(most),
        )
    return make_finding("body_arrived", sent=show_size(size), most=show_size(most))


def _judge_break(broken: RouteBroken, size: int, most: int) -> Finding:
    """Tell what a connection that broke means, since small requests have come through on this route."""
    if broken.finding.code not in ("not_http", "unreachable"):
        return broken.finding
    return make_finding("body_broken", sent=show_size(size), **_as_settings(most))


def _as_settings(most: int) -> dict[str, int]:
    return {"mebibytes": -(-most // MEBIBYTE), "bytes": most}


def show_size(size: int) -> str:
    """Write a number of bytes for people."""
    return f"{size / MEBIBYTE:.3g} MiB" if size >= MEBIBYTE else f"{size / 1024:.3g} KiB"
