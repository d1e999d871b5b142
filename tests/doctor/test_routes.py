"""These tests show what an examination finds on routes that are configured wrongly: the service is real, and each proxy
has one fault.

All routes are examined at the same time, because an examination mostly waits.
"""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from redis import Redis
from werkzeug.serving import WSGIRequestHandler, make_server

from qa_service.doctor.examination import ExaminationPlan
from qa_service.doctor.findings import Finding
from qa_service.setting_values import ApiKey
from qa_service.settings import Settings
from qa_service.web.app import create_app
from qa_service.web.mounting import EXTENSION_KEY
from tests.doctor.certificates import make_certificate
from tests.doctor.examinations import GOOD, among, codes, examine, examine_all, instead
from tests.doctor.faulty_route import Faults, faulty_route

MEBIBYTE = 1 << 20
SECRET = "server-secret-0123456789"
PLAN = ExaminationPlan(quiet=7.2, body=2 * MEBIBYTE, ticking=1.6, tick=0.2, early=1.0)


ROUTES: Mapping[str, tuple[Faults, list[str]]] = {
    "good": (Faults(), GOOD),
    "holds streams up": (Faults(holds_up=True), instead(streamed="buffered")),
    "compresses and holds up": (Faults(compresses=True), instead(streamed="compressed_late")),
    "drops Last-Event-ID": (Faults(drops=("Last-Event-ID",)), among("header_lost")),
    "drops Idempotency-Key": (Faults(drops=("idempotency-key",)), among("header_lost")),
    "drops Retry-After": (Faults(hides=("Retry-After",)), instead(refusals_kept="retry_after_lost")),
    "replaces refusals": (Faults(replaces=(429, 503)), instead(refusals_kept="refusal_replaced")),
    "replaces server errors": (Faults(replaces=(503,)), instead(refusals_kept="refusal_replaced")),
    "answers with a login page": (Faults(page=200), ["login_page"]),
    "asks for a password": (Faults(page=401), ["login_page"]),
    "redirects to a login": (Faults(location="https://sso.example.com/login?next=/api"), ["login_page"]),
    "redirects elsewhere": (Faults(location="https://www.example.com/api/healthz"), ["redirected"]),
    "does not reach the service": (Faults(page=502), ["gateway_failed"]),
    "knows no such path": (Faults(page=404), ["not_here"]),
    "takes 1 MiB": (Faults(most=MEBIBYTE), instead(body_arrived="body_limit")),
    "refuses what it has read": (Faults(refuses=MEBIBYTE), instead(body_arrived="body_refused")),
    "empties bodies": (Faults(empties=True), instead(body_arrived="body_cut")),
    "ends requests with bodies": (Faults(drops_bodies=True), instead(body_arrived="body_broken")),
    "hangs up on large bodies": (Faults(hangs_up=MEBIBYTE), instead(body_arrived="body_broken")),
    "cuts after 5.8 s": (Faults(cuts=5.8), instead(kept_open="cut")),
    "cuts streams": (Faults(cuts=0.5), instead(streamed="stream_cut", kept_open="cut")),
    "swallows heartbeats": (Faults(swallows=True), instead(kept_open="heartbeats_lost")),
    "speaks HTTP/1.0": (Faults(old=True), among("http10_upstream")),
    "changes the media type": (Faults(retypes="text/plain"), among("type_lost", after="reached")),
    "renames the host": (Faults(adds=(("Host", "internal:8000"),)), among("origin_unknown")),
    "is not told of": (Faults(adds=(("X-Forwarded-For", "192.0.2.1"),)), among("proxy_untold")),
}


@pytest.fixture(scope="module")
def backend(private_valkey: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Give the port of a service without a model."""
    private_valkey.flushall()
    settings = Settings(
        redis_url=f"unix://{private_valkey.connection_pool.connection_kwargs['path']}",
        data=tmp_path_factory.mktemp("doctor"),
        secret="0123456789abcdef",
        allow_anonymous=True,
        api_keys=(ApiKey("site", SECRET, False),),
        heartbeat_seconds=0.4,
        max_body=8 * MEBIBYTE,
        rate=(10_000, 60),
        knowledge=False,
        semantic="off",
    )
    app = create_app(settings)
    handler = type("Quiet", (WSGIRequestHandler,), {"log": lambda *_: None})
    with make_server("127.0.0.1", 0, app, threaded=True, request_handler=handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_port
        server.shutdown()
    app.extensions[EXTENSION_KEY].assembly.runner.shut_down("interrupted", 0.2)


@pytest.fixture(scope="module")
def examined(backend: int) -> Iterator[Mapping[str, list[Finding]]]:
    """Give the findings of all routes."""
    with ExitStack() as routes:
        ports = {name: routes.enter_context(faulty_route(backend, faults)) for name, (faults, _) in ROUTES.items()}
        yield examine_all(ports, PLAN, SECRET)


@pytest.mark.parametrize("name", ROUTES)
def test_what_a_route_does_is_found_and_nothing_else(examined: Mapping[str, list[Finding]], name: str) -> None:
    assert codes(examined[name]) == ROUTES[name][1], examined[name]


def facts(examined: Mapping[str, list[Finding]], name: str, code: str) -> Mapping[str, object]:
    return next(finding.facts for finding in examined[name] if finding.code == code)


class TestMeasuring:
    def test_it_says_how_long_frames_were_held_up(self, examined: Mapping[str, list[Finding]]) -> None:
        assert 1.0 < float(str(facts(examined, "holds streams up", "buffered")["seconds"])) < 10.0

    def test_it_says_after_what_time_a_stream_is_cut(self, examined: Mapping[str, list[Finding]]) -> None:
        assert 5.7 < float(str(facts(examined, "cuts after 5.8 s", "cut")["seconds"])) < 15

    def test_it_says_the_largest_size_that_gets_through(self, examined: Mapping[str, list[Finding]]) -> None:
        found = facts(examined, "takes 1 MiB", "body_limit")
        assert (found["passed"], found["refused"], found["most"]) == ("1 MiB", "2 MiB", "8 MiB")
        assert (found["status"], found["mebibytes"]) == (413, 8)

    def test_the_header_that_is_lost_is_named(self, examined: Mapping[str, list[Finding]]) -> None:
        assert facts(examined, "drops Idempotency-Key", "header_lost")["variable"] == "idempotency_key"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"), "-days", "2")


@contextmanager
def tls_server(certificate: Path) -> Iterator[int]:
    """Give a server that speaks TLS and says that it is well."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_port
        server.shutdown()


class Healthy(BaseHTTPRequestHandler):
    """A `Healthy` is a service that has nothing but its health."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')

    def log_message(self, *_: object) -> None:
        pass


class TestReaching:
    QUICK = ExaminationPlan(quiet=0, body=0, ticking=0.2, tick=0.1)

    def found(self, url: str, *headers: tuple[str, str]) -> list[str]:
        return codes(examine(url, self.QUICK, headers))

    def test_the_service_is_found_below_its_prefix_by_the_address_of_the_site(self, backend: int) -> None:
        [reached, *_] = examine(f"http://127.0.0.1:{backend}", self.QUICK)
        assert reached.facts == {"url": f"http://127.0.0.1:{backend}/api"}

    def test_nobody_who_listens_is_told(self) -> None:
        assert self.found("http://127.0.0.1:9/api") == ["nobody_listens"]

    def test_a_name_that_nobody_has_is_told(self) -> None:
        assert self.found("http://no-such-name.invalid/api") == ["name_unknown"]

    def test_a_name_that_nobody_can_have_is_told(self) -> None:
        assert self.found(f"http://{'a' * 64}.example/api") == ["name_unknown"]

    def test_tls_where_there_is_none_is_told(self, backend: int) -> None:
        assert self.found(f"https://127.0.0.1:{backend}/api") == ["not_http"]

    @pytest.mark.parametrize(
        ("host", "trusted", "code"),
        [("localhost", True, "no_http2"), ("127.0.0.1", True, "tls_name"), ("localhost", False, "tls_untrusted")],
    )
    def test_a_certificate_that_does_not_do_is_told(
        self, backend: int, certificate: Path, monkeypatch: pytest.MonkeyPatch, host: str, trusted: bool, code: str
    ) -> None:
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with tls_server(certificate) as port:
            assert code in self.found(f"https://{host}:{port}/api")

    def test_a_certificate_that_has_expired_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        old = make_certificate(tmp_path, "-days", "-1")
        monkeypatch.setenv("SSL_CERT_FILE", str(old))
        with tls_server(old) as port:
            assert self.found(f"https://localhost:{port}/api") == ["tls_expired"]

    def test_a_wrong_key_is_told(self, backend: int) -> None:
        url = f"http://127.0.0.1:{backend}/api"
        assert self.found(url, ("Authorization", "Bearer wrong")) == ["reached", "credential_refused"]
        right = (("Authorization", f"Bearer {SECRET}"), ("X-User-Id", "doctor"))
        assert self.found(url, *right) == ["reached", "streamed", "refusals_kept"]
        assert self.found(url, right[0]) == ["reached", "refused"]

    def test_a_cookie_does_not_make_it_a_foreign_page(self, backend: int) -> None:
        assert "streamed" in self.found(f"http://127.0.0.1:{backend}/api", ("Cookie", "session=1"))
