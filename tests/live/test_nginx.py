"""Through nginx: with its default proxy settings, with compression on, and with the examples' configurations."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.live.following import Follower
from tests.live.processes import Service, free_port, gunicorn, until
from tests.live.proxies import COOKIE, login_example, nginx, plain_example
from tests.live.reading import Asked, Resumed, own_id, request
from tests.scripted_upstream import SOON, Script, ScriptedUpstream, pieces

SECRET = "server-secret-0123456789"
PERSONAL = "personal-secret-012345678"
SCRIPT = Script(deltas=30, rate=15)
LOCATION = """server {{ listen 127.0.0.1:{port}; {more} location / {{ proxy_pass http://127.0.0.1:{backend}; }} }}"""
GZIP = "gzip on; gzip_min_length 0; gzip_proxied any; gzip_types text/event-stream application/json;"


@pytest.fixture(scope="module")
def served(redis_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("behind"),
        REDIS_URL=redis_url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_API_KEYS=f"site:{SECRET},me:{PERSONAL}:personal",
        QA_TRUSTED_PROXIES="1",
    ) as found:
        yield found


@pytest.mark.parametrize("more", ["", GZIP], ids=["default", "gzip"])
@pytest.mark.parametrize("accepts", [{}, {"Accept-Encoding": "gzip"}], ids=["plain", "accepts gzip"])
def test_text_comes_before_upstream_has_finished(
    served: Service, upstream: ScriptedUpstream, tmp_path: Path, more: str, accepts: dict[str, str]
) -> None:
    port = free_port()
    with nginx(tmp_path, LOCATION.format(port=port, backend=served.port, more=more), port) as url:
        upstream.script(SCRIPT)
        with Asked(url, "hello", headers=accepts) as asked:
            assert ("Content-Encoding" in asked.response.headers) is bool(more and accepts)
            first = asked.first("text").at
            asked.finish()
    last = [seen.at for seen in asked.seen if seen.kind == "text"][-1]
    assert asked.text == "".join(pieces(SCRIPT))
    assert last - first > 0.5 * SCRIPT.deltas / SCRIPT.rate


@pytest.fixture
def example(served: Service, tmp_path: Path) -> Iterator[str]:
    with plain_example(served, tmp_path) as url:
        yield url


class TestExample:
    def test_the_answer_is_streamed(self, example: str, upstream: ScriptedUpstream) -> None:
        upstream.script(SCRIPT)
        with Asked(example, "hello", headers={"Accept-Encoding": "gzip"}) as asked:
            first = asked.first("text").at
            asked.finish()
        assert asked.seen[-1].at - first > 0.8 * SCRIPT.deltas / SCRIPT.rate
        assert asked.text == "".join(pieces(SCRIPT))

    def test_overwrites_the_user_that_a_caller_claims_to_be(self, example: str, served: Service) -> None:
        headers = {"Authorization": f"Bearer {SECRET}", "X-User-Id": "victim"}
        assert request(served.url, "/api/config", headers=headers)[1]["caller"]["kind"] == "user"
        code, problem = request(example, "/api/config", headers=headers)
        assert (code, problem["code"]) == (400, "bad_request")

    @pytest.mark.parametrize(
        "address",
        [
            "/api/ask?question={}",
            "/api/ask%3Fquestion={}",
            "/api/ask%3Fquestion=a/sessions/{}",
            "/api/ask&question={}",
            "/api/ask/{}",
            "/api/sessions/{}",
            "/api/Sessions/{}/files/{}/pages/1",
            "/api/answers/{}/stream",
            "/api/answers/{}%3Fafter=1/2",
        ],
    )
    def test_log_holds_no_question_and_no_id(self, example: str, tmp_path: Path, address: str) -> None:
        request(example, address.replace("{}", "secret"), headers={"Cookie": COOKIE})
        log = tmp_path / "access.log"
        until(lambda: log.exists() and log.read_text().endswith("\n"), 5, "the call is logged")
        assert "GET /api/" in log.read_text()
        assert "secret" not in log.read_text()

    def test_keeps_the_origin_of_a_page_our_own(self, example: str) -> None:
        headers = {"Origin": example, "Content-Type": "application/json"}
        body = json.dumps({"question": "hi", "sessionId": own_id(), "stream": False}).encode()
        assert request(example, "/api/ask", "POST", body=body, headers=headers)[0] == 200
        headers["Origin"] = "https://evil.example"
        assert request(example, "/api/ask", "POST", body=body, headers=headers)[0] == 403

    def test_hands_on_a_token_and_a_personal_key(self, example: str, served: Service) -> None:
        _, made = request(
            served.url, "/api/tokens", "POST", headers={"Authorization": f"Bearer {SECRET}", "X-User-Id": "kim"}
        )
        for credential, kind in ((made["token"], "user"), (PERSONAL, "key")):
            found = request(example, "/api/config", headers={"Authorization": f"Bearer {credential}"})[1]
            assert found["caller"]["kind"] == kind

    def test_reader_who_hangs_up_is_noticed(self, example: str, upstream: ScriptedUpstream) -> None:
        before = len(upstream.closed)
        upstream.script(Script(deltas=300, rate=20))
        with Asked(example, "hello", onHangup="cancel") as asked:
            asked.first("text")
        began = time.monotonic()
        assert upstream.wait_closed(SOON, before + 1)
        print(f"\nhang-up through nginx closed upstream after {time.monotonic() - began:.2f} s")

    def test_reader_who_was_cut_off_gets_the_rest(self, example: str, upstream: ScriptedUpstream) -> None:
        upstream.script(SCRIPT)
        with Asked(example, "hello") as asked:
            asked.first("text")
        last = asked.seen[-1].frame["seq"]
        with Resumed(example, asked.answer_id, last) as rest:
            rest.finish()
        assert asked.text + rest.text == "".join(pieces(SCRIPT))
        assert rest.seen[0].frame["seq"] > last
        seen = f"/api/answers/{asked.answer_id}/stream?after={rest.seen[-1].frame['seq']}"
        # A worker that doesn't write the answer learns of its end a moment later than the reader did.
        until(lambda: request(example, seen)[0] == 204, SOON, "nothing follows")

    @pytest.mark.parametrize("patience", ["", "worker_shutdown_timeout 200ms;"], ids=["lets streams end", "cuts them"])
    def test_reader_keeps_every_character_when_nginx_reloads(
        self, served: Service, upstream: ScriptedUpstream, tmp_path: Path, patience: str
    ) -> None:
        port = free_port()
        with nginx(tmp_path, LOCATION.format(port=port, backend=served.port, more=""), port, patience) as url:
            upstream.script(SCRIPT)
            reader = Follower(url)
            reader.wait_text(5)
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGHUP)
            reader.finish()
        assert not reader.wrong
        assert reader.text == "".join(pieces(SCRIPT))
        assert reader.connections == (2 if patience else 1)


@pytest.fixture
def logins(served: Service, tmp_path: Path) -> Iterator[str]:
    with login_example(served, tmp_path, SECRET) as url:
        yield url


class TestLogins:
    def test_the_site_says_who_asks(self, logins: str) -> None:
        headers = {"Authorization": "Bearer mine", "X-User-Id": "victim", "Cookie": COOKIE}
        assert request(logins, "/api/config", headers=headers)[1]["caller"]["kind"] == "user"

    @pytest.mark.parametrize(
        "spelling", ["{}", "{}/", "{}//", "{}%2f", "/{}/", "%2F{}", "./{}/", "x/../{}/", "{}/?a=1"]
    )
    @pytest.mark.parametrize("name", ["tokens", "metrics"])
    def test_nobody_gets_what_only_the_key_is_for(self, logins: str, name: str, spelling: str) -> None:
        asked = Request(f"{logins}/api/{spelling.format(name)}", headers={"Cookie": COOKIE})
        with pytest.raises(HTTPError, match="404"):
            urlopen(asked, data=b"" if name == "tokens" else None, timeout=5)
