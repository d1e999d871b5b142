"""What is posted to the Responses API."""

import pytest

from qa_service.model import Message
from qa_service.upstream.responses import openai_client, request_body
from tests.upstream.questions import prompt


def test_a_plain_prompt_is_streamed_and_stored_nowhere():
    assert request_body(prompt("안녕?"), "high") == {
        "model": "gpt-4.1-mini",
        "input": [{"role": "user", "content": "안녕?"}],
        "stream": True,
        "store": False,
        "stream_options": {"include_obfuscation": False},
    }


def test_messages_keep_their_roles_and_their_order():
    messages = (Message("system", "짧게"), Message("user", "가"), Message("assistant", "나"), Message("user", "다"))
    body = request_body(prompt(messages=messages), "high")
    assert body["input"] == [{"role": message.role, "content": message.content} for message in messages]


def test_what_the_prompt_sets_is_passed_on():
    body = request_body(prompt(temperature=0.0, top_p=0.9, max_tokens=100, safety_identifier="abc"), "high")
    assert body["temperature"] == 0.0
    assert body["top_p"] == 0.9
    assert body["max_output_tokens"] == 100
    assert body["safety_identifier"] == "abc"


@pytest.mark.parametrize(
    ("model", "passed"),
    [
        ("gpt-4.1-mini", True),
        ("gpt-4o", True),
        ("ft:gpt-4o-mini:site", True),
        ("gpt-5-chat-latest", True),
        ("o-my-own-model", True),
        ("o3-mini", False),
        ("o4-mini", False),
        ("gpt-5", False),
        ("gpt-5.5-mini", False),
        ("ft:o4-mini-2025-04-16:site", False),
    ],
)
def test_models_that_refuse_sampling_settings_get_none(model, passed):
    body = request_body(prompt(model=model, temperature=0.7, top_p=0.9), "high")
    assert ("temperature" in body, "top_p" in body) == (passed, passed)


def test_a_web_search_asks_for_its_sources():
    body = request_body(prompt(web_search=True), "low")
    assert body["tools"] == [{"type": "web_search", "search_context_size": "low"}]
    assert body["include"] == ["web_search_call.action.sources"]


def test_the_client_never_tries_again_by_itself():
    client = openai_client(api_key="k", base_url="http://127.0.0.1:1/v1", organization="org", project="proj")
    assert client.max_retries == 0
    assert client.organization == "org"
    assert client.project == "proj"
