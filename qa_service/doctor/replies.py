"""This module tells what a reply is that isn't the one that was expected: a login page, a redirect, a proxy's own
error, or a refusal of the service."""

from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from qa_service.doctor.findings import Finding, make_finding
from qa_service.doctor.route import Route, RouteReply

GATEWAY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
REDIRECTS = range(300, 400)
LOGIN_WORDS = ("login", "log-in", "signin", "sign-in", "sso", "auth", "account")
WALLS = (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
PAGES = ("text/html", "application/xhtml+xml")


def judge_reply(reply: RouteReply, route: Route, path: str) -> Finding:
    """Tell what this reply is. Its start has been read."""
    if problem := read_problem(reply):
        return _judge_problem(reply, route, path, str(problem.get("detail", "")))
    where = route.prefix + path
    if reply.status in REDIRECTS:
        return _judge_redirect(reply, route, where)
    if reply.status in GATEWAY:
        return make_finding("gateway_failed", status=reply.status, prefix=route.prefix)
    if reply.status == HTTPStatus.UNAUTHORIZED or (reply.status in WALLS and reply.media_type in PAGES):
        return make_finding("login_page", path=where, prefix=route.prefix)
    return make_finding("not_here", path=where, status=reply.status, prefix=route.prefix)


def read_problem(reply: RouteReply) -> dict[str, object]:
    """Return the problem of a refusal that the service itself sent. It is empty for any other reply. Some proxies
    change the media type, so that the fields are looked at."""
    problem = dict(reply.read_object())
    return problem if {"code", "status", "userMessage"} <= problem.keys() else {}


def _judge_problem(reply: RouteReply, route: Route, path: str, detail: str) -> Finding:
    match reply.status:
        case HTTPStatus.UNAUTHORIZED:
            code = "credential_refused" if route.sends("Authorization") else "unauthenticated"
            return make_finding(code, detail=detail)
        case HTTPStatus.NOT_FOUND if path.startswith("/probe"):
            return make_finding("too_old")
        case HTTPStatus.NOT_FOUND:
            return make_finding("not_here", path=route.prefix + path, status=reply.status, prefix=route.prefix)
        case _:
            return make_finding("refused", path=route.prefix + path, status=reply.status, detail=detail)


def _judge_redirect(reply: RouteReply, route: Route, path: str) -> Finding:
    location = reply.header("Location")
    try:
        location = urljoin(route.origin + path, location)
        words = urlsplit(location).path.lower().split("/")
    except ValueError:
        # What is no address is shown as it came.
        words = []
    if any(word.startswith(LOGIN_WORDS) for word in words):
        return make_finding("login_page", path=path, prefix=route.prefix)
    return make_finding("redirected", path=path, location=location)
