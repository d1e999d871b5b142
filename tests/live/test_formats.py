"""Each format of an answer in the hands of a client of its kind, against real workers."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.live.chromium import chromium
from tests.live.processes import Service
from tests.scripted_upstream import Script, ScriptedUpstream, pieces

LISTENING = """
(address) => new Promise((resolve) => {
  const seen = [], source = new EventSource(address);
  source.onmessage = (event) => {
    const parsed = JSON.parse(event.data);
    seen.push(["message", event.lastEventId, parsed]);
    if (parsed.done) { source.close(); resolve(seen); }
  };
  for (const name of ["start", "status", "metadata", "done", "error"])
    source.addEventListener(name, (event) => {
      if (event instanceof MessageEvent) seen.push([name, event.lastEventId, JSON.parse(event.data)]);
    });
})
"""
"""This is a page as tutorials write it: it appends the `content` of what comes without a name, and closes when it is
done."""


@contextmanager
def asked(served: Service, accept: str, script: str) -> Iterator[http.client.HTTPResponse]:
    with closing(http.client.HTTPConnection("127.0.0.1", urlsplit(served.url).port, timeout=20)) as connection:
        body = json.dumps({"question": f"script:{script} 안녕?"}).encode()
        connection.request("POST", "/api/ask", body, {"Content-Type": "application/json", "Accept": accept})
        with connection.getresponse() as response:
            yield response


def test_a_pages_event_source_gets_the_text_by_on_message_and_the_rest_by_name(
    served: Service, upstream: ScriptedUpstream
) -> None:
    upstream.script(Script())
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{served.url}/api/healthz")
        seen: list[Any] = page.evaluate(LISTENING, f"/api/ask?format=events&question={quote('안녕?')}")
    text = "".join(found["content"] for name, _, found in seen if name == "message" and "content" in found)
    assert text == "".join(pieces(Script()))
    assert [name for name, _, _ in seen if name != "message"] == ["start", "metadata", "done"]
    assert all(seen_id for _, seen_id, _ in seen)


def test_json_lines_are_whole_to_a_reader_of_lines(served: Service) -> None:
    with asked(served, "application/jsonl", "fast") as response:
        assert response.getheader("Content-Type") == "application/jsonl; charset=utf-8"
        frames = [json.loads(line) for line in response.read().decode().split("\n") if line]
    assert frames[0]["type"] == "start"
    assert frames[-1] == {"type": "done", "seq": len(frames), "content": {"status": "completed"}}


def test_plain_text_is_the_answer_and_ends_with_it(served: Service, upstream: ScriptedUpstream) -> None:
    upstream.script(Script())
    with asked(served, "text/plain", "as it is scripted") as response:
        assert response.getheader("Content-Type") == "text/plain; charset=utf-8"
        assert response.read().decode() == "".join(pieces(Script()))


def test_plain_text_that_breaks_off_is_cut_so_that_no_client_takes_it_for_whole(served: Service) -> None:
    with asked(served, "text/plain", "cut") as response, pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    said = "".join(pieces(Script()))
    assert cut.value.partial
    assert said.startswith(cut.value.partial.decode())
    assert "Traceback" not in served.said


def test_plain_text_that_fails_before_its_first_word_is_cut_behind_the_head_of_its_response(served: Service) -> None:
    with asked(served, "text/plain", "400") as response:
        assert (response.status, len(response.headers["X-Answer-Id"])) == (200, 32)
        with pytest.raises(http.client.IncompleteRead):
            response.read()
