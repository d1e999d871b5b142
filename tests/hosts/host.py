"""This module has a host between visitors and the service, as its visitors use it, and the promises that every host
keeps."""

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from tests.documents import pdf
from tests.live.reading import Asked, Resumed, request
from tests.scripted_upstream import SOON, Script, ScriptedUpstream, pieces

PAGES = ["사내 규정집입니다.", "환불은 구매일부터 7일 안에 전액 됩니다."]
LARGE = bytes(range(256)) * 8192
"""These are 2 MiB of all bytes. Some hosts take 1 MiB where nothing else is set, and some spoil what isn't text."""
KEY = "server-secret-0123456789"
"""A host with logins adds this server's key, beside `X-User-Id`."""
PERSONAL = "personal-secret-012345678"
"""With this personal key a visitor gets through a host that adds nothing."""
HEARTBEAT = 1.0
"""The service of these tests lets a stream be silent for this many seconds. No heartbeat comes sooner than after
one."""
SCRIPT = Script(deltas=20, rate=20)
LONG = Script(deltas=300, rate=20)


class Host(Struct, frozen=True):
    """A `Host` is where visitors ask: its address, the path below which questions are passed on, and what a visitor
    sends along, such as the cookie of a login. `trusts` is the context of a host that speaks TLS. `file_field` is
    the name of the parts that are files."""

    url: str
    prefix: str = "/api"
    headers: Mapping[str, str] = field(default_factory=dict)
    trusts: ssl.SSLContext | None = None
    file_field: str = "files"

    def ask(
        self,
        question: str = "환불은 며칠 안에 되나요?",
        *,
        files: Mapping[str, bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: str,
    ) -> Asked:
        """Ask, with files if there are some. Each frame of what comes has its time."""
        sent = {**self.headers, **(headers or {})}
        way = self.connect()
        more = {"prefix": self.prefix, "file_field": self.file_field, **fields}
        return Asked(self.url, question, files=files, headers=sent, connection=way, **more)

    def resume(self, answer_id: str, after: int) -> Resumed:
        """Follow an answer from behind the frame of this number."""
        way = self.connect()
        return Resumed(self.url, answer_id, after, headers=self.headers, prefix=self.prefix, connection=way)

    def cancel(self, answer_id: str) -> int:
        """Stop an answer. Return the status of the call."""
        return self.call(f"/answers/{answer_id}/cancel", "POST")[0]

    def call(
        self, path: str, method: str = "GET", *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Call another route below the prefix. Return its status and its JSON."""
        sent = {**self.headers, **(headers or {})}
        return request(self.url, self.prefix + path, method, body=body, headers=sent, connection=self.connect())

    def with_headers(self, headers: Mapping[str, str]) -> "Host":
        """Return the same host for a visitor who sends these headers along."""
        return replace(self, headers=headers)

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection to the host, which opens with its first request."""
        place = urlsplit(self.url).netloc
        if self.trusts:
            return http.client.HTTPSConnection(place, timeout=30, context=self.trusts)
        return http.client.HTTPConnection(place, timeout=30)


class HostContract:
    """Every host keeps these promises. A test class inherits them, beside a fixture `host` that gives a `Host`."""

    def test_question_with_files_arrives_whole(self, host: Host, model: ScriptedUpstream) -> None:
        with host.ask(files={"규정집.pdf": pdf(PAGES), "scan.bin": LARGE}) as asked:
            assert asked.response.status == 200, asked.response.read()
            asked.finish()
        assert asked.status == "completed"
        told = next(seen.content for seen in asked.seen if seen.kind == "metadata")["files"]
        assert [(file["name"], file["status"]) for file in told] == [("규정집.pdf", "used"), ("scan.bin", "skipped")]
        assert "7일" in json.dumps(model.requests[-1].body, ensure_ascii=False)

    def test_text_is_passed_on_while_it_is_written(self, host: Host, model: ScriptedUpstream) -> None:
        model.script(SCRIPT)
        with host.ask(headers={"Accept-Encoding": "gzip"}) as asked:
            assert asked.response.headers["Content-Type"].startswith("text/event-stream")
            first = asked.first("text").at
            asked.finish()
        assert asked.text == "".join(pieces(SCRIPT))
        # What is held back comes at the end, all at once. On a busy machine the first piece may be late, too.
        assert asked.seen[-1].at - first > 0.4 * SCRIPT.deltas / SCRIPT.rate

    def test_heartbeats_are_passed_on_while_nothing_is_written(self, host: Host, model: ScriptedUpstream) -> None:
        model.script(Script(delay=2 * HEARTBEAT))
        with host.ask() as asked:
            beat = asked.first("heartbeat").at
            asked.finish()
        assert asked.seen[-1].at - beat > 0.4 * HEARTBEAT

    def test_reader_who_was_cut_off_gets_the_rest(self, host: Host, model: ScriptedUpstream) -> None:
        model.script(SCRIPT)
        with host.ask() as asked:
            asked.first("text")
        last = asked.seen[-1].frame["seq"]
        with host.resume(asked.answer_id, last) as rest:
            rest.finish()
        assert asked.text + rest.text == "".join(pieces(SCRIPT))
        assert rest.seen[0].frame["seq"] > last
        assert len(model.requests) == 1

    def test_stop_reaches_the_model(self, host: Host, model: ScriptedUpstream) -> None:
        model.script(LONG)
        with host.ask() as asked:
            asked.first("text")
            assert host.cancel(asked.answer_id) == 200
            asked.finish()
        assert asked.status == "cancelled"
        assert model.wait_closed(SOON)

    def test_reader_who_hangs_up_is_noticed(self, host: Host, model: ScriptedUpstream) -> None:
        model.script(LONG)
        with host.ask(onHangup="cancel") as asked:
            asked.first("text")
        assert model.wait_closed(SOON)

    def test_refusal_keeps_its_status_and_its_words(self, host: Host) -> None:
        status, problem = host.call("/ask", "POST", body=b"{", headers={"Content-Type": "application/json"})
        assert (status, problem["code"]) == (400, "bad_json")
        status, problem = host.call("/answers/0123456789abcdef0123456789abcdef")
        assert (status, problem["status"]) == (404, 404)
