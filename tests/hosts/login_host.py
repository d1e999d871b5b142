"""What hosts with code of their own promise besides: they say who asks, and nobody else can say it."""

import http.client
import re
from urllib.parse import quote, urlencode, urlsplit

import pytest

from tests.documents import pdf
from tests.hosts.conftest import KEY
from tests.hosts.host import PAGES, Host, HostContract
from tests.hosts.tapped import Tapped
from tests.live.processes import ROOT, until
from tests.live.reading import BOUNDARY
from tests.scripted_upstream import Script, ScriptedUpstream

EXAMPLES = ROOT / "examples"
USER = "김안나, ann"
"""No header can carry such a name as it is."""
SPELLINGS = ("{}", "{}/", "{}//", "{}%2f", "/{}", "%2F{}", "./{}", "x/../{}", "x/%2e%2e/{}", "x/..%2f{}", "{}?a=1")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOO_LARGE = b"\0" * (16 << 20)
"""The service takes 15 MiB a file."""


class LoginHostContract(HostContract):
    """Every host that has a login and code of its own keeps these promises, too. `host` is logged in as `USER`, and
    asks the service through `tapped`."""

    user_id = quote(USER)
    """This is what the service is told."""

    @pytest.fixture(autouse=True)
    def silence(self, tapped: Tapped) -> None:
        tapped.said.clear()

    def test_the_page_has_the_element(self, host: Host) -> None:
        page = fetch(host, "/").decode()
        assert "<qa-chat" in page
        assert f'src="{host.prefix}/chat.js"' in page

    def test_the_host_says_who_asks_and_browsers_cannot(self, host: Host, tapped: Tapped) -> None:
        spoofed = {
            "Authorization": "Bearer forged",
            "X-User-Id": "victim",
            "X_User_Id": "victim",
            "X-Forwarded-Prefix": "/forged",
            "X-Forwarded-Host": "forged.example",
            "Proxy-Authorization": "Basic forged",
            "Idempotency-Key": "once-0123456789",
        }
        with host.ask(headers=spoofed) as asked:
            asked.finish()
        assert asked.status == "completed"
        (sent,) = tapped.requests()
        assert sent.get_all("Authorization") == [f"Bearer {KEY}"]
        assert sent.get_all("X-User-Id") == [self.user_id]
        assert sent.get_all("Idempotency-Key") == ["once-0123456789"]
        assert sent.get_all("Cookie") is None
        assert not re.search(b"victim|forged", tapped.said)

    def test_visitor_cannot_bring_a_key(self, host: Host) -> None:
        visitor = Host(host.url, host.prefix)
        code, problem = visitor.call("/sessions", headers={"Authorization": f"Bearer {KEY}", "X-User-Id": "victim"})
        assert (code, problem["code"]) == (401, "unauthenticated")

    @pytest.mark.parametrize(
        "foreign",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example"},
        ],
        ids=str,
    )
    def test_pages_of_other_sites_are_refused(self, host: Host, tapped: Tapped, foreign: dict[str, str]) -> None:
        code, problem = host.call("/ask", "POST", body=b"question=hi", headers={**FORM, **foreign})
        assert (code, problem["code"]) == (403, "forbidden_origin")
        assert not tapped.said

    @pytest.mark.parametrize("path", ["/ask?question=hi", "/ask/?question=hi", "/%61sk?question=hi"])
    def test_an_address_alone_asks_nothing(self, host: Host, tapped: Tapped, path: str) -> None:
        connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=30)
        connection.request("GET", host.prefix + path, headers=dict(host.headers))
        assert connection.getresponse().status in (403, 308)
        connection.close()
        assert not tapped.said

    @pytest.mark.parametrize("own", ["Origin", "Sec-Fetch-Site"])
    def test_pages_of_the_site_may_ask(self, host: Host, own: str) -> None:
        header = {own: host.url if own == "Origin" else "same-origin"}
        code, problem = host.call("/ask", "POST", body=b"topic=other&question=hi", headers={**FORM, **header})
        assert (code, problem["code"], problem["field"]) == (422, "invalid_field", "topic")

    @pytest.mark.parametrize("spelling", SPELLINGS)
    @pytest.mark.parametrize("name", ["tokens", "metrics"])
    def test_nobody_gets_what_only_the_key_is_for(self, host: Host, tapped: Tapped, name: str, spelling: str) -> None:
        connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=30)
        method = "POST" if name == "tokens" else "GET"
        connection.request(method, f"{host.prefix}/{spelling.format(name)}", headers=dict(host.headers))
        response = connection.getresponse()
        said = response.read()
        connection.close()
        assert response.status in (308, 400, 404)
        assert b'"token"' not in said
        assert not [head["Asked"] for head in tapped.requests() if name in head["Asked"].lower()]

    def test_source_opens_through_the_host(self, host: Host, model: ScriptedUpstream) -> None:
        model.script(Script(text="환불은 구매일부터 7일 안에 전액 됩니다 [1]."))
        with host.ask(files={"규정집.pdf": pdf(PAGES)}) as asked:
            asked.finish()
        url = next(seen.content["url"] for seen in asked.seen if seen.kind == "reference")
        assert url.startswith(f"{host.prefix}/sessions/")
        assert "7일" in fetch(host, url).decode()

    def test_refusal_of_a_large_file_arrives(self, host: Host) -> None:
        with host.ask(files={"large.bin": TOO_LARGE}) as asked:
            assert asked.response.status == 413, asked.response.read()[:500]
            assert asked.problem()["code"] == "too_large"

    def test_host_says_that_the_service_is_away(self, host: Host, tapped: Tapped) -> None:
        tapped.pull()
        try:
            code, problem = host.call("/config", headers={"Accept-Language": "ko-KR,ko;q=0.9"})
        finally:
            tapped.plug()
        assert (code, problem["code"], problem["retryable"]) == (502, "upstream_unavailable", True)
        assert "잠시 뒤에" in problem["userMessage"]


class StreamedUploads:
    """A host that passes a body on while it comes in keeps this promise."""

    def test_upload_is_passed_on_while_it_comes_in(self, host: Host, tapped: Tapped) -> None:
        part = b'--%s\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n' % BOUNDARY.encode()
        first, rest = part + b"a" * (1 << 20), b"b" * (1 << 20) + b"\r\n--%s--\r\n" % BOUNDARY.encode()
        connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=30)
        connection.putrequest("POST", f"{host.prefix}/ask?question=hi&stream=false")
        for name, value in host.headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
        connection.putheader("Content-Length", str(len(first + rest)))
        connection.endheaders(first)
        until(lambda: len(tapped.said) > len(first) // 2, 5, "the service has the first half")
        connection.send(rest)
        assert connection.getresponse().status == 200
        connection.close()


def log_in(url: str, path: str = "/login", **fields: str) -> dict[str, str]:
    """Log in by the site's form. Return what the browser sends along from then on."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("POST", path, urlencode(fields or {"user": USER}), FORM)
    response = connection.getresponse()
    response.read()
    connection.close()
    cookies = [value.partition(";")[0] for value in response.headers.get_all("Set-Cookie", [])]
    return {"Cookie": "; ".join(cookies)}


def fetch(host: Host, path: str) -> bytes:
    """What a page of the host holds for whoever is logged in."""
    connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=30)
    connection.request("GET", path, headers=dict(host.headers))
    response = connection.getresponse()
    found = response.read()
    connection.close()
    assert response.status == 200, found
    return found
