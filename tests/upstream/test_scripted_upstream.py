"""The scripted server itself, as live tests use it: by command line and HTTP."""

import json
import subprocess
import sys
from contextlib import suppress
from http.client import IncompleteRead
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests import scripted_upstream
from tests.scripted_upstream import KOREAN, RECORDINGS, Script, ScriptedUpstream


@pytest.fixture
def url():
    command = [sys.executable, scripted_upstream.__file__, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        yield running.stdout.readline().strip()
        running.terminate()


def posted(url: str, body: object) -> bytes:
    headers = {"Authorization": "Bearer sk-secret", "Content-Type": "application/json"}
    with urlopen(Request(url, json.dumps(body).encode(), headers), timeout=10) as response:
        return response.read()


def got(url: str):
    with urlopen(url, timeout=10) as response:
        return json.load(response)


def test_a_script_is_queued_over_http_and_requests_are_listed_without_their_credentials(url):
    root = url.removesuffix("/v1")
    assert json.loads(posted(f"{root}/script", {"text": "하나"})) == {"queued": 1}
    assert "하나" in posted(f"{url}/responses", {"model": "m", "input": []}).decode()
    (request,) = got(f"{root}/requests")
    assert request["body"]["model"] == "m"
    assert "secret" not in str(request)
    assert got(f"{root}/closed") == []


def test_a_recording_is_played_byte_for_byte():
    with ScriptedUpstream() as server:
        played = posted(f"{server.url}/responses", {"input": "script:02_web_search"})
    assert played == (RECORDINGS / "02_web_search.sse").read_bytes()


def test_chat_completions_are_played_too(url):
    root = url.removesuffix("/v1")
    posted(f"{root}/script", {"text": "하나둘"})
    said = posted(f"{url}/chat/completions", {"model": "m", "messages": []}).decode()
    assert "하나둘" in said
    assert said.endswith("data: [DONE]\n\n")
    assert [one["text"] for one in got(f"{root}/texts").values()] == ["하나둘"]


class TestBackground:
    def test_a_response_is_generated_whoever_listens_and_replayed_from_anywhere(self, url):
        root = url.removesuffix("/v1")
        posted(f"{root}/script", {"fault": "cut", "after": 3, "text": "하나둘"})
        with suppress(IncompleteRead):
            posted(f"{url}/responses", {"model": "m", "background": True})
        ((response_id, found),) = got(f"{root}/texts").items()
        assert found == {"text": "하나둘", "status": "completed", "model": "m"}
        whole = replayed(f"{url}/responses/{response_id}?stream=true")
        assert [event["sequence_number"] for event in whole] == list(range(len(whole)))
        assert replayed(f"{url}/responses/{response_id}?stream=true&starting_after=4") == whole[5:]
        assert got(f"{url}/responses/{response_id}")["status"] == "completed"

    def test_a_cancel_ends_it_at_once(self):
        with ScriptedUpstream() as server:
            server.script(Script(deltas=600, rate=20))
            with urlopen(Request(f"{server.url}/responses", b'{"background":true}'), timeout=10) as stream:
                stream.readline()
                (response_id,) = server.responses
                assert json.loads(posted(f"{server.url}/responses/{response_id}/cancel", {}))["status"] == "cancelled"
                assert b"response.completed" not in stream.read()
            assert server.texts()[response_id]["status"] == "cancelled"

    @pytest.mark.parametrize("path", ["resp_unknown?stream=true", "resp_unknown"])
    def test_an_unknown_id_is_a_404(self, url, path):
        with pytest.raises(HTTPError) as caught:
            got(f"{url}/responses/{path}")
        with caught.value:
            assert caught.value.code == 404

    def test_what_is_not_in_the_background_ends_with_its_connection(self):
        with ScriptedUpstream() as server:
            server.script(Script(fault="cut", after=6))
            with suppress(IncompleteRead):
                posted(f"{server.url}/responses", {"model": "m"})
            assert server.wait_idle(5)
            ((response_id, found),) = server.texts().items()
            assert found == {"text": KOREAN[:6], "status": "cancelled", "model": "m"}
            with pytest.raises(HTTPError) as caught:
                got(f"{server.url}/responses/{response_id}?stream=true")
            caught.value.close()


def replayed(url: str) -> list[dict]:
    with urlopen(url, timeout=10) as response:
        return [json.loads(line[6:]) for line in response.read().split(b"\n") if line.startswith(b"data: ")]
