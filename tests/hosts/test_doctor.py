"""The doctor on routes through real servers that are configured wrongly on purpose.

Each server has all of its wrong sites at once, and they are examined at the same time.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from qa_service.doctor.examination import ExaminationPlan
from qa_service.doctor.findings import Finding
from tests.doctor.certificates import make_certificate
from tests.doctor.examinations import GOOD, among, codes, examine, examine_all, instead
from tests.hosts.host import KEY, PERSONAL
from tests.live.processes import Service, free_port, listening, program
from tests.live.proxies import nginx

PERSON = (("Authorization", f"Bearer {PERSONAL}"),)
PLAN = ExaminationPlan(quiet=2.5, body=2 << 20, ticking=2.5, tick=0.25)

USUAL_NGINX = "proxy_http_version 1.1; proxy_set_header Host $http_host; client_max_body_size 65m;"
NGINX: Mapping[str, tuple[str, list[str]]] = {
    "as it should be": (USUAL_NGINX, GOOD),
    "buffers": (
        USUAL_NGINX.replace("1.1", "1.0") + "proxy_ignore_headers X-Accel-Buffering;",
        ["reached", "buffered", "http10_upstream", *GOOD[2:]],
    ),
    "packs streams": (
        USUAL_NGINX + "gzip on; gzip_min_length 0; gzip_proxied any; gzip_types text/event-stream;",
        instead(streamed="compressed"),
    ),
    "packs and buffers": (
        USUAL_NGINX + "gzip on; gzip_min_length 0; gzip_proxied any; gzip_types text/event-stream;"
        "proxy_ignore_headers X-Accel-Buffering;",
        instead(streamed="compressed_late"),
    ),
    "cuts silence": (USUAL_NGINX + "proxy_read_timeout 600ms;", instead(kept_open="cut")),
    "limits bodies": (USUAL_NGINX.replace("65m", "1m"), instead(body_arrived="body_limit")),
    "has its own error pages": (
        USUAL_NGINX + "proxy_intercept_errors on; error_page 429 503 /sorry;",
        instead(refusals_kept="refusal_replaced"),
    ),
    "hides Retry-After": (
        USUAL_NGINX + "proxy_hide_header Retry-After;",
        instead(refusals_kept="retry_after_lost"),
    ),
    "drops Last-Event-ID": (USUAL_NGINX + 'proxy_set_header Last-Event-ID "";', among("header_lost")),
    "speaks HTTP/1.0": (USUAL_NGINX.replace("1.1", "1.0"), among("http10_upstream")),
    "names another host": (USUAL_NGINX.replace("$http_host", "internal"), among("origin_unknown")),
    "wants a password": (USUAL_NGINX + "auth_basic Staff; auth_basic_user_file /dev/null;", ["login_page"]),
    "redirects to a login": ("return 302 /login?next=$request_uri;", ["login_page"]),
    "redirects to TLS": ("return 301 https://$host$request_uri;", ["redirected"]),
    "sends it elsewhere": ("return 404;", ["not_here"]),
}


class TestNginx:
    @pytest.fixture(scope="class")
    @classmethod
    def examined(
        cls, served: Service, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Mapping[str, Sequence[Finding]]]:
        ports = {name: free_port() for name in [*NGINX, "down", "inner", "two hops"]}
        backend = f"proxy_pass http://127.0.0.1:{served.port};"
        inner = USUAL_NGINX.replace("proxy_http_version 1.1;", "") + f"proxy_pass http://127.0.0.1:{ports['inner']};"
        sites = {name: site + ("" if "return" in site else backend) for name, (site, _) in NGINX.items()}
        sites |= {"down": "proxy_pass http://127.0.0.1:9;", "inner": USUAL_NGINX + backend, "two hops": inner}
        servers = "\n".join(
            f"server {{ listen 127.0.0.1:{ports[name]}; location / {{ {site} }} "
            "location = /sorry { return 200 sorry; } }"
            for name, site in sites.items()
        )
        with nginx(tmp_path_factory.mktemp("nginx"), servers, ports["as it should be"]):
            yield examine_all(ports, PLAN, KEY)

    @pytest.mark.parametrize("name", NGINX)
    def test_what_it_does_is_found(self, examined: Mapping[str, Sequence[Finding]], name: str) -> None:
        assert codes(examined[name]) == NGINX[name][1], examined[name]

    def test_a_service_that_is_down_is_found(self, examined: Mapping[str, Sequence[Finding]]) -> None:
        assert codes(examined["down"]) == ["gateway_failed"]

    def test_a_second_hop_that_takes_off_what_keeps_the_first_from_buffering_is_found(
        self, examined: Mapping[str, Sequence[Finding]]
    ) -> None:
        assert codes(examined["inner"]) == GOOD
        assert codes(examined["two hops"]) == instead(streamed="buffered")

    def test_the_size_that_gets_through_is_told(self, examined: Mapping[str, Sequence[Finding]]) -> None:
        [limit] = [finding for finding in examined["limits bodies"] if finding.code == "body_limit"]
        assert (limit.facts["passed"], limit.facts["status"]) == ("1 MiB", 413)
        assert limit.list_mends("nginx")["nginx"] == "client_max_body_size 64m;"


class TestTLS:
    @pytest.mark.parametrize(("protocols", "codes_of_tls"), [("ssl http2", []), ("ssl", ["no_http2"])])
    def test_a_front_door_without_http2_is_found(
        self,
        served: Service,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        protocols: str,
        codes_of_tls: Sequence[str],
    ) -> None:
        certificate, port = make_certificate(tmp_path, "-days", "2"), free_port()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        site = (
            f"server {{ listen 127.0.0.1:{port} {protocols}; ssl_certificate {certificate}; "
            f"ssl_certificate_key {certificate}; location / {{ {USUAL_NGINX} "
            f"proxy_set_header X-Forwarded-Proto $scheme; proxy_pass http://127.0.0.1:{served.port}; }} }}"
        )
        quick = ExaminationPlan(quiet=0, body=0, ticking=0.5, tick=0.25)
        with nginx(tmp_path, site, port):
            found = codes(examine(f"https://localhost:{port}/api", quick, PERSON))
        assert found == ["reached", *codes_of_tls, "streamed", "refusals_kept"]


USUAL_APACHE = "ProxyPreserveHost On\n"
APACHE: Mapping[str, tuple[str, list[str]]] = {
    "as it should be": (USUAL_APACHE, GOOD),
    "packs streams": (USUAL_APACHE + "SetOutputFilter DEFLATE\n", instead(streamed="compressed")),
    "limits bodies": (
        USUAL_APACHE + '<If "%{HTTP:Content-Length} -gt 1048576">\nRequire all denied\n</If>\n',
        instead(body_arrived="body_refused"),
    ),
    "has its own error pages": (
        USUAL_APACHE + "ProxyErrorOverride On\n",
        instead(refusals_kept="refusal_replaced"),
    ),
    "hides Retry-After": (USUAL_APACHE + "Header unset Retry-After\n", instead(refusals_kept="retry_after_lost")),
    "drops Idempotency-Key": (USUAL_APACHE + "RequestHeader unset Idempotency-Key\n", among("header_lost")),
    "speaks HTTP/1.0": (USUAL_APACHE + "SetEnv force-proxy-request-1.0 1\n", among("http10_upstream")),
    "names another host": ("ProxyAddHeaders Off\n", among("origin_unknown")),
    "wants a password": (
        USUAL_APACHE + "<Location />\nAuthType Basic\nAuthName Staff\nAuthBasicProvider file\n"
        "AuthUserFile /dev/null\nRequire valid-user\n</Location>\n",
        ["login_page"],
    ),
}
MODULES = (
    *("mpm_event", "authz_core", "authz_user", "authn_core", "authn_file", "auth_basic", "proxy", "proxy_http"),
    *("headers", "setenvif", "deflate", "filter", "buffer", "env"),
)


class TestApache:
    @pytest.fixture(scope="class")
    @classmethod
    def examined(
        cls, served: Service, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Mapping[str, Sequence[Finding]]]:
        folder, ports = tmp_path_factory.mktemp("apache"), {name: free_port() for name in APACHE}
        modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in MODULES)
        addresses = "".join(f"Listen 127.0.0.1:{port}\n" for port in ports.values())
        sites = "".join(
            f"<VirtualHost 127.0.0.1:{ports[name]}>\nProxyPass / http://127.0.0.1:{served.port}/\n{site}</VirtualHost>\n"
            for name, (site, _) in APACHE.items()
        )
        (folder / "apache2.conf").write_text(
            f"{modules}ServerRoot {folder}\nPidFile {folder}/pid\nServerName localhost\nUser www-data\n"
            f"Group www-data\nErrorLog {folder}/errors\nMutex fcntl:{folder}\n{addresses}{sites}"
        )
        command = [program("apache2"), "-d", str(folder), "-f", str(folder / "apache2.conf"), "-D", "FOREGROUND"]
        with listening(command, *ports.values(), cwd=folder, log=folder / "log"):
            yield examine_all(ports, PLAN, KEY)

    @pytest.mark.parametrize("name", APACHE)
    def test_what_it_does_is_found(self, examined: Mapping[str, Sequence[Finding]], name: str) -> None:
        assert codes(examined[name]) == APACHE[name][1], examined[name]


CADDY: Mapping[str, tuple[str, str, list[str]]] = {
    "as it should be": ("", "", GOOD),
    "packs what it may": ("encode gzip", "", GOOD),
    "packs streams": (
        "encode {\ngzip\nminimum_length 1\n}",
        "header_down Cache-Control no-cache",
        instead(streamed="compressed_late"),
    ),
    "cuts silence": ("", "transport http {\nread_timeout 600ms\n}", instead(kept_open="cut")),
    "limits bodies": ("request_body {\nmax_size 1MiB\n}", "", instead(body_arrived="body_refused")),
    "has its own error pages": (
        "",
        "@errors status 429 503\nhandle_response @errors {\nrespond sorry 503\n}",
        instead(refusals_kept="refusal_replaced"),
    ),
    "hides Retry-After": ("", "header_down -Retry-After", instead(refusals_kept="retry_after_lost")),
    "drops Last-Event-ID": ("", "header_up -Last-Event-ID", among("header_lost")),
    "changes the media type": (
        "",
        "header_down Content-Type text/plain",
        among("type_lost", after="reached"),
    ),
    "names another host": (
        "",
        "header_up Host internal\nheader_up X-Forwarded-Host internal",
        among("origin_unknown"),
    ),
}


class TestCaddy:
    @pytest.fixture(scope="class")
    @classmethod
    def examined(
        cls, served: Service, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Mapping[str, Sequence[Finding]]]:
        folder, ports = tmp_path_factory.mktemp("caddy"), {name: free_port() for name in CADDY}
        sites = "".join(
            f"http://127.0.0.1:{ports[name]} {{\n{site}\nreverse_proxy 127.0.0.1:{served.port} {{\n{proxy}\n}}\n}}\n"
            for name, (site, proxy, _) in CADDY.items()
        )
        (folder / "Caddyfile").write_text(f"{{\nadmin off\nauto_https off\n}}\n{sites}")
        command = [program("caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
        with listening(command, *ports.values(), cwd=folder, log=folder / "log", env={"HOME": str(folder)}):
            yield examine_all(ports, PLAN, KEY)

    @pytest.mark.parametrize("name", CADDY)
    def test_what_it_does_is_found(self, examined: Mapping[str, Sequence[Finding]], name: str) -> None:
        assert codes(examined[name]) == CADDY[name][2], examined[name]


NAIVE = """<?php
$curl = curl_init(getenv('QA_URL') . $_SERVER['REQUEST_URI']);
$headers = ['Authorization: ' . ($_SERVER['HTTP_AUTHORIZATION'] ?? '')];
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    curl_setopt($curl, CURLOPT_POSTFIELDS, file_get_contents('php://input'));
    $headers[] = 'Content-Type: application/octet-stream';
}
curl_setopt($curl, CURLOPT_HTTPHEADER, $headers);
curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
echo curl_exec($curl);
"""


class TestPHP:
    def test_what_a_few_lines_get_wrong_is_found(self, served: Service, tmp_path: Path) -> None:
        (tmp_path / "index.php").write_text(NAIVE)
        port = free_port()
        command = [program("php"), "-d", "post_max_size=1M", "-S", f"127.0.0.1:{port}", "index.php"]
        env = {"QA_URL": f"http://127.0.0.1:{served.port}", "PHP_CLI_SERVER_WORKERS": "4"}
        with listening(command, port, cwd=tmp_path, log=tmp_path / "log", env=env):
            found = set(codes(examine(f"http://127.0.0.1:{port}/api", PLAN, PERSON)))
        assert {"type_lost", "buffered", "header_lost", "origin_unknown", "refusal_replaced"} <= found
        assert found.isdisjoint({"streamed", "refusals_kept"})
