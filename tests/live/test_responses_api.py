"""OpenAI's official SDK, which takes real workers for OpenAI's Responses API."""

import base64
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import openai
import pytest
from PIL import Image

from tests.live.processes import Service, gunicorn
from tests.scripted_upstream import Script, ScriptedUpstream, pieces

MODEL = "gpt-4.1-mini"
KEY = "a-key-of-tests-0123456789"
STEADY = Script(deltas=60, rate=60)
SLOW = Script(deltas=400, rate=20)
CUTS = 4


@pytest.fixture(scope="module")
def served(redis_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("responses"),
        REDIS_URL=redis_url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_API_KEYS=f"me:{KEY}:personal",
        QA_ANSWER_IMAGES="on",
        QA_TRIES="1",
    ) as found:
        yield found


@pytest.fixture
def sdk(served: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key=KEY, base_url=f"{served.url}/api/v1", max_retries=0, timeout=20, _strict_response_validation=True
    ) as client:
        yield client


def text_of(events: list[Any]) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def test_an_answer_is_asked_for_streamed_and_put_together(sdk: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(Script())
    with sdk.responses.stream(model=MODEL, input="안녕?") as events:
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        final = events.get_final_response()
    assert final.output_text == "".join(deltas) == "".join(pieces(Script()))
    assert sdk.responses.retrieve(final.id).output_text == final.output_text


def test_whoever_is_cut_off_again_and_again_gets_the_whole_from_any_worker(
    sdk: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.script(STEADY)
    seen: list[Any] = []
    stream = sdk.responses.create(model=MODEL, input="안녕?", stream=True)
    for cut in range(1, CUTS + 1):
        for event in stream:
            seen.append(event)
            if len(seen) == 10 * cut:
                break
        stream.close()
        answer, last = seen[0].response.id, seen[-1].sequence_number
        stream = sdk.responses.retrieve(answer, stream=True, starting_after=last)
    seen += stream
    numbers = [event.sequence_number for event in seen]
    assert numbers == sorted(set(numbers))
    assert text_of(seen) == seen[-1].response.output_text == "".join(pieces(STEADY))


def test_a_stop_closes_upstream_and_keeps_what_was_said(sdk: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(SLOW)
    closed = len(upstream.closed)
    stream = sdk.responses.create(model=MODEL, input="안녕?", stream=True)
    seen: list[Any] = []
    while not text_of(seen):
        seen.append(next(stream))
    stopped = sdk.responses.cancel(seen[0].response.id)
    assert upstream.wait_closed(5, closed + 1)
    seen += stream
    assert (stopped.status, seen[-1].response.status) == ("cancelled", "cancelled")
    assert text_of(seen) == stopped.output_text


def test_a_conversation_goes_on_with_a_file(sdk: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    letter = base64.b64encode("하늘이 파란 까닭은 레일리 산란이다.".encode()).decode()
    file = {"type": "input_file", "filename": "하늘.txt", "file_data": f"data:text/plain;base64,{letter}"}
    content = [file, {"type": "input_text", "text": "하늘은 왜 파래?"}]
    first = sdk.responses.create(model=MODEL, input=[{"role": "user", "content": content}])
    assert first.x_metadata["files"][0]["status"] == "used"
    second = sdk.responses.create(model=MODEL, input="왜 그래?", previous_response_id=first.id)
    assert second.conversation == first.conversation
    asked = str(upstream.requests[-1].body)
    assert "레일리 산란" in asked
    assert first.output_text in asked


def test_a_search_of_the_web_and_its_sources_are_the_apis_own(sdk: openai.OpenAI) -> None:
    with sdk.responses.stream(
        model=MODEL, input="script:02_web_search 뉴스?", tools=[{"type": "web_search"}]
    ) as events:
        final = events.get_final_response()
    assert {item.type for item in final.output} == {"web_search_call", "message"}
    annotations = [note for item in final.output if item.type == "message" for note in item.content[0].annotations]
    assert annotations
    for note in annotations:
        assert note.url in final.output_text[note.start_index : note.end_index]


def test_a_picture_is_shown_to_the_model(sdk: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(Script())
    file = BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    picture = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    content = [{"type": "input_text", "text": "무슨 색?"}, {"type": "input_image", "image_url": picture}]
    sdk.responses.create(model=MODEL, input=[{"role": "user", "content": content}])
    assert "input_image" in str(upstream.requests[-1].body)


def test_a_drawn_picture_comes_with_its_bytes(sdk: openai.OpenAI) -> None:
    with sdk.responses.stream(model=MODEL, input="script:03_image_generation 그려 줘") as events:
        parts = [event for event in events if event.type == "response.image_generation_call.partial_image"]
        final = events.get_final_response()
    assert parts
    for response in (final, sdk.responses.retrieve(final.id)):
        [drawn] = [item for item in response.output if item.type == "image_generation_call"]
        assert Image.open(BytesIO(base64.b64decode(drawn.result or ""))).size


def test_an_error_is_of_the_class_that_the_sdk_has_for_it(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as limited:
        sdk.responses.create(model=MODEL, input="script:429 안녕?")
    assert limited.value.response.headers["Retry-After"] == "30"
    with pytest.raises(openai.APIError):
        list(sdk.responses.create(model=MODEL, input="script:cut 안녕?", stream=True))
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve("0" * 32)
