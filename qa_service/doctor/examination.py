"""This module takes the steps of an examination, one after another."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from qa_service.doctor.arrivals import TimedFrame, TimedStream, read_arrivals
from qa_service.doctor.body_checks import EARLY_SECONDS, check_body
from qa_service.doctor.findings import Finding, RouteBroken, make_finding
from qa_service.doctor.refusal_checks import check_refusals
from qa_service.doctor.replies import PAGES, judge_reply
from qa_service.doctor.route import Route, RouteReply
from qa_service.doctor.stream_checks import LATE_SECONDS, SENT, judge_silence, judge_stream
from qa_service.web.networks import is_loopback

LARGEST_FACT = 1 << 40
"""No service tells of more bytes or milliseconds. What says so isn't one."""
Step: TypeAlias = Literal["reach", "stream", "refusals", "body", "quiet"]


class ExaminationPlan(Struct, frozen=True, kw_only=True):
    """An `ExaminationPlan` says how long and how much an examination tries, in seconds and bytes."""

    quiet: float = 65.0
    """The long stream lasts this many seconds. Many proxies cut after 30 or 60. With 0 there is none."""
    body: int = 9 << 20
    """This many bytes are sent. PHP takes 8 MiB by default, Vercel 4.5 and nginx 1."""
    ticking: float = 4.0
    tick: float = 0.25
    early: float = EARLY_SECONDS


class Examination:
    """An `Examination` examines one route. `tell` hears which step begins and how many seconds it takes, and `notice`
    hears of each frame that arrives. Afterwards `route` is the one to the service, and `servers` names the servers on
    the way as far as they name themselves."""

    def __init__(
        self,
        route: Route,
        plan: ExaminationPlan,
        *,
        usual_prefix: str,
        tell: Callable[[Step, float], None],
        notice: Callable[[TimedFrame], None],
    ) -> None:
        self._plan = plan
        self._usual_prefix = usual_prefix
        self._tell = tell
        self._notice = notice
        self._opening: Mapping[str, Any] = {}
        self._held_up = False
        self.route = route
        self.servers = ""

    def list_findings(self) -> Iterator[Finding]:
        """Take all steps, and give each finding as soon as it is found."""
        try:
            yield from self._reach()
            yield from self._stream()
        except RouteBroken as broken:
            yield broken.finding
            return
        for step in (self._refuse, self._send_body, self._keep_quiet):
            try:
                yield from step()
            except RouteBroken as broken:
                yield broken.finding

    def _reach(self) -> Iterator[Finding]:
        self._tell("reach", 0)
        self.route = self._find_service()
        yield make_finding("reached", url=self.route.url)
        if self.route.scheme == "http" and not _is_own_machine(self.route.host):
            yield make_finding("plain_http", host=self.route.host)
        elif self.route.scheme == "https" and not self.route.offers_http2():
            yield make_finding("no_http2")

    def _find_service(self) -> Route:
        """Find the service at the address, or below the usual prefix. The finding is that of the likelier place."""
        given, below = self.route, self.route.with_prefix(self.route.prefix + self._usual_prefix)
        findings = []
        for route in (given, below) if given.prefix else (below, given):
            with route.open_reply("/healthz") as reply:
                reply.read_start()
            self.servers = reply.servers
            if reply.status == HTTPStatus.OK and reply.read_object().get("status") == "ok":
                return route
            findings.append(judge_reply(reply, route, "/healthz"))
        raise RouteBroken(findings[0])

    def _stream(self) -> Iterator[Finding]:
        plan = self._plan
        self._tell("stream", plan.ticking)
        path = f"/probe?seconds={plan.ticking:g}&every={plan.tick:g}"
        reply, arrived = self._probe(path, plan.ticking)
        self._opening, self._held_up = arrived.opening, arrived.lateness > LATE_SECONDS
        yield from judge_stream(reply, arrived, self.route)

    def _refuse(self) -> Iterator[Finding]:
        self._tell("refusals", 0)
        yield from check_refusals(self.route)

    def _send_body(self) -> Iterator[Finding]:
        if self._plan.body:
            self._tell("body", 0)
            most = int(self._fact("bodyBytes", self._plan.body))
            yield from check_body(self.route, most, self._plan.body, self._plan.early)

    def _keep_quiet(self) -> Iterator[Finding]:
        seconds = self._plan.quiet
        if seconds:
            self._tell("quiet", seconds)
            _, arrived = self._probe(f"/probe?seconds={seconds:g}", seconds)
            heartbeat = self._fact("heartbeatMs", 8000) / 1000
            yield judge_silence(arrived, heartbeat, seconds, held_up=self._held_up)

    def _probe(self, path: str, seconds: float) -> tuple[RouteReply, TimedStream]:
        with self.route.open_reply(path, headers=SENT, seconds=seconds) as reply:
            if reply.status == HTTPStatus.OK:
                arrived = read_arrivals(reply, self._notice)
                if arrived.opening or reply.media_type not in PAGES:
                    return reply, arrived
            else:
                reply.read_start()
            raise RouteBroken(judge_reply(reply, self.route, path.partition("?")[0]))

    def _fact(self, name: str, default: float) -> float:
        value = self._opening.get(name)
        return value if isinstance(value, int) and 0 < value <= LARGEST_FACT else default


def _is_own_machine(host: str) -> bool:
    return host == "localhost" or is_loopback(host)
