"""The whole program in front of a server of Chat Completions: answers, thoughts and stops, as a person sees them."""

import json
from collections.abc import Iterator

import pytest

from tests.live.following import Follower
from tests.live.judging import check_whole
from tests.live.processes import Service, gunicorn
from tests.live.reading import request
from tests.scripted_upstream import KOREAN, Script, ScriptedUpstream, chat_chunk

ADDRESS = "{}/openai/deployments?api-version=2024-10-21"


@pytest.fixture(scope="module")
def served(redis_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    root = upstream.url.removesuffix("/v1")
    with gunicorn(
        tmp_path_factory.mktemp("chat"),
        REDIS_URL=redis_url,
        QA_CHAT_BASE_URL=ADDRESS.format(root),
        QA_CHAT_API_KEY="sk-test",
        QA_CHAT_MODEL="own-deployment",
        WEB_CONCURRENCY="1",
    ) as found:
        yield found


def test_without_another_key_it_is_asked_at_its_own_address_with_its_own_header(
    served: Service, upstream: ScriptedUpstream
) -> None:
    upstream.requests.clear()
    reader = Follower(served.url).finish()
    check_whole(served, KOREAN, reader)
    (asked,) = upstream.requests
    assert asked.path == "/openai/deployments/own-deployment/chat/completions?api-version=2024-10-21"
    assert asked.headers["api-key"] == "…"
    assert "authorization" not in asked.headers
    assert asked.body["stream_options"] == {"include_usage": True}


def test_callers_are_told_the_model_that_answers(served: Service) -> None:
    _, config = request(served.url, "/api/config")
    assert config["models"] == ["own-deployment"]


def test_thoughts_are_a_status_and_sources_are_references(served: Service, upstream: ScriptedUpstream) -> None:
    page = {"type": "url_citation", "url_citation": {"url": "https://page.example/", "title": "쪽"}}
    deltas = [{"reasoning_content": "흠"}, {"content": "답입니다."}, {"annotations": [page]}]
    body = b"".join(chat_chunk(model="m", choices=[{"index": 0, "delta": one}]) for one in deltas).decode()
    upstream.script(Script(body=body + "data: [DONE]\n\n"))
    reader = Follower(served.url).finish()
    assert reader.text == "답입니다."
    assert [seen.content["stage"] for seen in reader.kinds("status")] == ["thinking"]
    assert [seen.content["url"] for seen in reader.kinds("reference")] == ["https://page.example/"]


def test_a_stop_closes_its_connection_and_keeps_the_text(served: Service, upstream: ScriptedUpstream) -> None:
    closed = len(upstream.closed)
    reader = Follower(served.url, "script:slow")
    reader.wait_text(1)
    status, _ = request(served.url, f"/api/answers/{reader.answer_id}/cancel", "POST")
    assert status == 200
    assert upstream.wait_closed(5, count=closed + 1)
    reader.finish()
    assert reader.status == "cancelled"
    _, answer = request(served.url, f"/api/answers/{reader.answer_id}")
    assert answer["text"] == reader.text
    assert json.dumps(answer["metadata"]["usage"]).count("true") == 1  # the number is estimated
