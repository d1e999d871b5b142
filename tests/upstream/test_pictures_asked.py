"""Pictures go to a model, and not to one that takes none."""

from base64 import b64encode

import pytest

from qa_service.deltas import Retrying, Unseen
from qa_service.errors import UpstreamRejected
from qa_service.model import Message, Picture, Prompt, TextPart
from qa_service.upstream.responses import request_parameters
from tests.scripted_upstream import KOREAN, Script
from tests.upstream.questions import asked, prompt, responses, text_from_frames

CAT = Picture("image/jpeg", b"\xff\xd8\xff cat")
PARTS = (TextPart('"cat.jpg"'), CAT)


def seen(text: str = "무슨 색?", **fields: object) -> Prompt:
    return prompt(text, messages=(Message("user", PARTS), Message("user", text)), **fields)


def shown(body: dict[str, object]) -> bool:
    return CAT.data_url in str(body)


def test_a_picture_goes_along_with_the_text_beside_it() -> None:
    first, last = request_parameters(seen(), "high")["input"]
    url = f"data:image/jpeg;base64,{b64encode(CAT.data).decode()}"
    assert first == {
        "role": "user",
        "content": [
            {"type": "input_text", "text": '"cat.jpg"'},
            {"type": "input_image", "image_url": url, "detail": "auto"},
        ],
    }
    assert last == {"role": "user", "content": "무슨 색?"}


@pytest.mark.parametrize("model", ["gpt-3.5-turbo", "gpt-4", "gpt-4-0613", "o3-mini", "ft:gpt-3.5-turbo-0125:site"])
def test_a_model_that_is_known_to_be_blind_is_shown_nothing(server, upstream, model) -> None:
    assert not upstream.can_see(model)
    assert text_from_frames(asked(upstream, messages=seen().messages, model=model)) == KOREAN
    assert not shown(server.requests[0].body)


@pytest.mark.parametrize("model", ["gpt-4.1-mini", "gpt-4o", "gpt-4-turbo", "gpt-5.5", "o4-mini", "my-model"])
def test_any_other_is_taken_to_see(upstream, model) -> None:
    assert upstream.can_see(model)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Invalid content type. image_url is only supported by certain models."),
        (400, "qwen is not a multimodal model"),
        (400, "At most 0 image(s) may be provided in one request."),
        (422, "Failed to deserialize: unknown variant `input_image`, expected `input_text`"),
        (404, "No endpoints found that support image input"),
        (400, "image input is not supported - hint: you may need to provide the mmproj"),
        (400, "Model does not support images. Please use a model that does."),
    ],
)
def test_one_that_refuses_pictures_is_asked_without_at_once_and_from_then_on(server, upstream, status, message) -> None:
    server.script(Script(status=status, error={"message": message, "type": "invalid_request_error"}))
    first = asked(upstream, messages=seen().messages)
    again = asked(upstream, messages=seen().messages)
    assert first[0] == Unseen()
    assert text_from_frames(first) == text_from_frames(again) == KOREAN
    assert [shown(request.body) for request in server.requests] == [True, False, False]
    assert not upstream.can_see("gpt-4.1-mini")
    assert upstream.can_see("another")


@pytest.mark.parametrize(
    "message", ["Your input is empty.", "Hosted tool 'image_generation' is not supported with this model."]
)
def test_another_refusal_makes_no_model_blind(server, upstream, message) -> None:
    server.script(Script(status=400, error={"message": message, "type": "invalid_request_error"}))
    with pytest.raises(UpstreamRejected):
        asked(upstream, messages=seen().messages)
    assert upstream.can_see("gpt-4.1-mini")


def test_a_fallback_that_sees_nothing_says_so(server) -> None:
    server.script(Script(status=404, error={"code": "model_not_found"}))
    deltas = asked(responses(server.url, fallback=["gpt-3.5-turbo"]), messages=seen().messages)
    assert deltas[:2] == [Retrying(2, "upstream_rejected", "gpt-3.5-turbo"), Unseen()]
    assert [shown(request.body) for request in server.requests] == [True, False]
