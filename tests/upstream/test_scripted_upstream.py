"""The scripted server itself, as live tests use it: by command line and HTTP."""

import json
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest

from tests import scripted_upstream
from tests.scripted_upstream import RECORDINGS, ScriptedUpstream


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
