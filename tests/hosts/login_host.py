"""This module has what hosts with code of their own promise besides: they say who asks, and nothing that a browser says
of itself."""

import json
import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from tests.documents import pdf
from tests.hosts.attacks import LoginAttacks
from tests.hosts.host import KEY, PAGES, Host, HostContract
from tests.hosts.tapped import Tapped
from tests.live.chromium import ANSWERED, PATIENCE
from tests.live.processes import until
from tests.live.reading import BOUNDARY
from tests.scripted_upstream import Script, ScriptedUpstream

USER = "김안나, ann"
"""No header can carry such a name as it is."""
TOO_LARGE = b"\0" * (16 << 20)
"""The service takes 15 MiB a file."""
SPOOFED = {
    "Authorization": "Bearer forged",
    "X-User-Id": "victim",
    "X_User_Id": "victim",
    "X-Forwarded-Prefix": "/forged",
    "X-Forwarded-Host": "forged.example",
    "Proxy-Authorization": "Basic forged",
}


class OpenedSources:
    """A source that an answer names can be opened where the browser finds the site."""

    def test_source_opens_through_the_host(self, host: Host, model: ScriptedUpstream) -> None:
        model.script(Script(text="환불은 구매일부터 7일 안에 전액 됩니다 [1]."))
        with host.ask(files={"규정집.pdf": pdf(PAGES)}) as asked:
            asked.finish()
        url = next(seen.content["url"] for seen in asked.seen if seen.kind == "reference")
        assert url.startswith(f"{host.prefix}/sessions/")
        assert "7일" in fetch(host, url).decode()


class LoginHostContract(OpenedSources, HostContract, LoginAttacks):
    """Every host that has a login and code of its own keeps these promises, too. `host` is logged in as `USER`, and
    asks the service through `tapped`."""

    user_id = quote(USER)
    """This is what the service is told."""

    def test_page_has_the_element_and_its_script(self, host: Host) -> None:
        assert re.search(
            rf'<script [^>]*src="[^"]*{host.prefix}/chat\.js".*<qa-chat', fetch(host, "/").decode(), re.DOTALL
        )
        assert b"qa-chat" in fetch(host, f"{host.prefix}/chat.js")

    def test_person_asks_on_the_page_with_two_files(
        self, host: Host, browser: Browser, model: ScriptedUpstream
    ) -> None:
        model.script(Script(text="환불은 구매일부터 7일 안에 전액 됩니다 [1]."))
        context = browser.new_context(locale="ko-KR")
        for cookie in host.headers["Cookie"].split("; "):
            name, _, value = cookie.partition("=")
            context.add_cookies([{"name": name, "value": value, "url": host.url}])
        page = context.new_page()
        page.goto(host.url)
        rules = FilePayload(name="규정집.pdf", mimeType="application/pdf", buffer=pdf(PAGES))
        notes = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"No refund after that.")
        page.set_input_files('[data-part="picker"]', [rules, notes])
        page.fill("#question", "환불은 며칠 안에 되나요?")
        page.press("#question", "Enter")
        expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)
        expect(page.locator(".prose")).to_contain_text("7일 안에")
        expect(page.locator(".sources")).to_contain_text("규정집.pdf")
        asked = json.dumps(model.requests[-1].body, ensure_ascii=False)
        assert "7일 안에" in asked
        assert "No refund after that." in asked
        context.close()

    def test_host_alone_says_who_asks(self, host: Host, tapped: Tapped) -> None:
        tapped.said.clear()
        with host.ask(headers={**SPOOFED, "Idempotency-Key": "once-0123456789"}) as asked:
            assert asked.finish().status == "completed"
        # A page of the test before may still have asked something else.
        (sent,) = (request for request in tapped.requests() if "/ask" in request["Asked"])
        assert sent.get_all("Authorization") == [f"Bearer {KEY}"]
        assert sent.get_all("X-User-Id") == [self.user_id]
        assert sent.get_all("Idempotency-Key") == ["once-0123456789"]
        assert sent.get_all("Cookie") is None
        assert not re.search(b"victim|forged", tapped.said)

    @pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
    def test_body_of_a_request_is_never_sent_as_a_second_request(self, host: Host, tapped: Tapped, method: str) -> None:
        tapped.said.clear()
        second = b"GET /api/second HTTP/1.1\r\nHost: localhost\r\n\r\n"
        connection = host.connect()
        sent = {**host.headers, "Origin": host.url, "Transfer-Encoding": "chunked"}
        connection.request(method, f"{host.prefix}/config", iter([second]), sent, encode_chunked=True)
        connection.getresponse().read()
        connection.close()
        for head, body in re.findall(rb"(?s)(\w+ \S+/config HTTP.*?\r\n\r\n)(.*)", bytes(tapped.said)):
            assert not body or re.search(rb"(?i)\r\n(transfer-encoding: chunked|content-length: [1-9])", head)

    @pytest.mark.parametrize("path", ["/ask?question=hi", "/ask/?question=hi", "/%61sk?question=hi"])
    def test_an_address_alone_asks_nothing(self, host: Host, tapped: Tapped, path: str) -> None:
        tapped.said.clear()
        connection = host.connect()
        connection.request("GET", host.prefix + path, headers=dict(host.headers))
        assert connection.getresponse().status in (403, 308)
        connection.close()
        assert not tapped.said

    def test_refusal_keeps_its_field_and_its_language(self, host: Host) -> None:
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "ko", "Origin": host.url}
        status, problem = host.call("/ask", "POST", body=b"topic=other&question=hi", headers=sent)
        assert (status, problem["code"], problem.get("field")) == (422, "invalid_field", "topic"), problem
        assert re.search("[가-힣]", problem["userMessage"])

    def test_refusal_of_a_large_file_arrives(self, host: Host) -> None:
        with host.ask(files={"large.bin": TOO_LARGE}) as asked:
            assert asked.response.status == 413
            assert asked.problem()["code"] == "too_large"

    def test_host_says_that_the_service_is_away(self, host: Host, tapped: Tapped) -> None:
        tapped.pull()
        try:
            status, problem = host.call("/config", headers={"Accept-Language": "ko-KR,ko;q=0.9"})
        finally:
            tapped.plug()
        assert (status, problem["code"], problem["retryable"]) == (502, "upstream_unavailable", True)
        assert "잠시 뒤에" in problem["userMessage"]


class StreamedUploads:
    """A host that passes a body on while it comes in keeps this promise."""

    def test_upload_is_passed_on_while_it_comes_in(self, host: Host, tapped: Tapped) -> None:
        tapped.said.clear()
        part = b'--%s\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n' % BOUNDARY.encode()
        first, rest = part + b"a" * (1 << 20), b"b" * (1 << 20) + b"\r\n--%s--\r\n" % BOUNDARY.encode()
        connection = host.connect()
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


def fetch(host: Host, path: str) -> bytes:
    """Return what an address of the host holds for whoever is logged in."""
    connection = host.connect()
    connection.request("GET", path, headers=dict(host.headers))
    response = connection.getresponse()
    found = response.read()
    connection.close()
    assert response.status == 200, found
    return found
