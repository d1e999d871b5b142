"""The official OpenAI SDK for Python against real workers, as a program that knows nothing of this service uses it."""

import base64
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from typing import Any

import openai
import pytest
from PIL import Image

from tests.live.processes import Service, gunicorn, until
from tests.scripted_upstream import SOON, Script, ScriptedUpstream, pieces

KEY = "me-secret-0123456789abcdef"
TEXT = "".join(pieces(Script()))
MODEL = "gpt-4.1-mini"


@pytest.fixture(scope="module")
def served(redis_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("openai"),
        REDIS_URL=redis_url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_API_KEYS=f"me:{KEY}:personal",
        QA_MODELS_ALLOWED="gpt-5",
        QA_ANSWER_IMAGES="on",
        QA_TRIES="1",
    ) as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/api/v1", api_key=KEY, max_retries=0, timeout=20) as found:
        yield found


def asked(client: openai.OpenAI, question: Any, **fields: Any) -> Any:
    """Ask one question, and return what the SDK makes of the answer."""
    return client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": question}], **fields)


def test_gets_a_whole_answer(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(Script())
    found = asked(client, "안녕?")
    assert found.choices[0].message.content == TEXT
    assert (found.choices[0].finish_reason, found.object) == ("stop", "chat.completion")
    assert found.usage.total_tokens == found.usage.prompt_tokens + found.usage.completion_tokens > 10
    assert abs(found.created - time.time()) < 60
    assert found._request_id == found.id.removeprefix("chatcmpl-")


def test_gets_a_stream_with_its_tokens(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(Script())
    chunks = list(asked(client, "안녕?", stream=True, stream_options={"include_usage": True}))
    assert "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices) == TEXT
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["stop"]
    assert chunks[-1].usage.total_tokens > 10
    assert len({chunk.id for chunk in chunks}) == 1


def test_puts_the_stream_together_itself(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(Script())
    with client.chat.completions.stream(model=MODEL, messages=[{"role": "user", "content": "안녕?"}]) as stream:
        kinds = {event.type for event in stream}
        whole = stream.get_final_completion()
    assert whole.choices[0].message.content == TEXT
    assert {"chunk", "content.delta", "content.done"} <= kinds


def test_takes_every_object_as_its_own_strictest_checks_want_it(served: Service, upstream: ScriptedUpstream) -> None:
    upstream.script(Script(times=2))
    strict = openai.OpenAI(
        base_url=f"{served.url}/api/v1", api_key=KEY, max_retries=0, _strict_response_validation=True
    )
    with strict:
        assert asked(strict, "안녕?").choices[0].message.content == TEXT
        assert list(asked(strict, "안녕?", stream=True, stream_options={"include_usage": True}))
        assert [model.id for model in strict.models.list()] == [MODEL, "gpt-5"]


def test_sends_a_file_and_gets_it_cited(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(Script(text="24 months [1].", times=3))
    data = base64.b64encode(b"The battery is covered for 24 months.").decode()
    file = {"type": "file", "file": {"filename": "manual.txt", "file_data": f"data:text/plain;base64,{data}"}}
    question = [{"type": "text", "text": "How long is the battery covered?"}, file]
    whole = asked(client, question).choices[0].message
    deltas = [c.delta for chunk in asked(client, question, stream=True) for c in chunk.choices]
    with client.chat.completions.stream(model=MODEL, messages=[{"role": "user", "content": question}]) as stream:
        gathered = stream.get_final_completion().choices[0].message
    for message in (whole, gathered, *filter(_annotations, deltas)):
        [citation] = [each["url_citation"] for each in _annotations(message)]
        assert citation["title"] == "manual.txt"
        assert "24 months [1]."[citation["start_index"] : citation["end_index"]].startswith("24 months")
    assert "24 months" in str(upstream.requests[-1].body)


def test_sends_a_picture_to_the_model(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(Script())
    file = BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    asked(client, [{"type": "text", "text": "무슨 색?"}, {"type": "image_url", "image_url": {"url": url}}])
    assert "input_image" in str(upstream.requests[-1].body)


def test_shows_a_picture_that_the_model_draws(client: openai.OpenAI, served: Service) -> None:
    whole = asked(client, "script:03_image_generation").choices[0].message
    deltas = [c.delta for chunk in asked(client, "script:03_image_generation", stream=True) for c in chunk.choices]
    for shown in (whole, *(delta for delta in deltas if "images" in delta.model_extra)):
        [picture] = shown.model_extra["images"]
        with urllib.request.urlopen(served.url + picture["image_url"]["url"], timeout=10) as response:
            assert response.headers["Content-Type"].startswith("image/")


def test_stops_the_answer_by_closing_the_stream(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(Script(deltas=300, rate=10))
    closed = len(upstream.closed)
    with closing(asked(client, "안녕?", stream=True)) as stream:
        assert any(c.delta.content for chunk in stream for c in chunk.choices[:1])
    assert upstream.wait_closed(SOON, closed + 1)


def test_goes_on_with_a_conversation_that_it_names(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(Script(times=3))
    asked(client, "비밀번호는 어떻게 바꾸나요?", user="chat")
    asked(client, "그건 왜죠?", user="chat")
    assert "비밀번호" in str(upstream.requests[-1].body)
    asked(client, "그건 왜죠?")
    assert "비밀번호" not in str(upstream.requests[-1].body)


@pytest.mark.parametrize(
    ("fields", "error", "code"),
    [
        ({"model": "gpt-9"}, openai.NotFoundError, "model_not_found"),
        ({"temperature": 7}, openai.UnprocessableEntityError, "invalid_value"),
        ({"messages": [{"role": "user", "content": "script:429"}]}, openai.RateLimitError, "rate_limit_exceeded"),
        ({"messages": [{"role": "user", "content": "script:400"}]}, openai.BadRequestError, "context_length_exceeded"),
        ({"messages": [{"role": "user", "content": "script:500"}]}, openai.InternalServerError, "upstream_unavailable"),
        ({"extra_headers": {"Authorization": "Bearer wrong"}}, openai.AuthenticationError, "invalid_api_key"),
        ({"extra_headers": {"Origin": "https://evil.example"}}, openai.PermissionDeniedError, "forbidden_origin"),
    ],
)
def test_raises_its_own_errors(client: openai.OpenAI, fields: dict[str, Any], error: Any, code: str) -> None:
    usual: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "?"}]}
    with pytest.raises(error) as raised:
        client.chat.completions.create(**{**usual, **fields})
    assert raised.value.code == code
    assert raised.value.body["message"]


def test_asks_for_a_visitor_too(served: Service, upstream: ScriptedUpstream) -> None:
    upstream.script(Script())
    with openai.OpenAI(base_url=f"{served.url}/api/v1", api_key="null", max_retries=0) as visitor:
        assert asked(visitor, "안녕?").choices[0].message.content == TEXT


def test_raises_an_error_in_the_stream(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError) as raised:
        list(asked(client, "script:cut", stream=True))
    assert raised.value.code == "upstream_unavailable"


def test_finds_the_models(client: openai.OpenAI) -> None:
    assert client.models.retrieve("gpt-5").owned_by == "qa-service"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")


def test_waits_as_long_as_it_is_told_and_no_longer_asks_what_cannot_succeed(
    served: Service, upstream: ScriptedUpstream
) -> None:
    before = len(upstream.requests)
    with (
        openai.OpenAI(base_url=f"{served.url}/api/v1", api_key=KEY, max_retries=2) as patient,
        pytest.raises(openai.RateLimitError),
    ):
        asked(patient, "script:quota")
    until(lambda: len(upstream.requests) > before, SOON, "upstream was asked")
    assert len(upstream.requests) == before + 1


def _annotations(message: Any) -> list[Any]:
    found = getattr(message, "annotations", None) or (message.model_extra or {}).get("annotations") or []
    return [each if isinstance(each, dict) else each.model_dump() for each in found]
