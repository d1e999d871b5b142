"""This module tries whether refusals arrive as the service sends them."""

from collections.abc import Iterator

from qa_service.doctor.findings import Finding, make_finding
from qa_service.doctor.replies import read_problem
from qa_service.doctor.route import Route, RouteReply

TRIED = (429, 503)


def check_refusals(route: Route) -> Iterator[Finding]:
    """Have the probe refuse two requests, and look at what comes. Raises `RouteBroken`."""
    wrong = [finding for status in TRIED for finding in _check_refusal(route, status)]
    unique = {finding.code: finding for finding in reversed(wrong)}
    yield from reversed(unique.values()) if unique else (make_finding("refusals_kept"),)


def _check_refusal(route: Route, status: int) -> Iterator[Finding]:
    with route.open_reply(f"/probe?refuse={status}") as reply:
        reply.read_start()
    if reply.status != status or not read_problem(reply):
        yield make_finding("refusal_replaced", status=status, arrived=_describe(reply), prefix=route.prefix)
    elif not reply.header("Retry-After"):
        yield make_finding("retry_after_lost")


def _describe(reply: RouteReply) -> str:
    return f"{reply.status} {reply.media_type}".strip()
