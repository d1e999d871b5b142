"""What is posted to the Responses API."""

import pytest

from qa_service.model import Message
from qa_service.upstream.requests import Requests
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
    assert body["input"] == [{"role": message.role, "content": message.text} for message in messages]


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


def test_in_the_background_upstream_keeps_it():
    body = request_body(prompt(), "high", background=True)
    assert (body["background"], body["store"], body["stream"]) == (True, True, True)


class TestRequests:
    """What the SDK writes is what is sent."""

    CLIENT = openai_client(api_key="sk-1", base_url="http://host.example:81/api/v1", organization="o", project="p")

    def test_a_question_has_the_sdks_address_credentials_and_headers_and_its_own_body(self):
        requests = Requests(self.CLIENT)
        line, headers, body = parts(requests.ask({"input": "가"}))
        assert line == "POST /api/v1/responses HTTP/1.1"
        assert headers["authorization"] == "Bearer sk-1"
        assert headers["openai-organization"] == "o"
        assert headers["openai-project"] == "p"
        assert headers["host"] == "host.example:81"
        assert headers["accept-encoding"] == "identity"
        assert body == '{"input":"가"}'.encode()
        _, headers, body = parts(requests.ask({"input": "나나"}))
        assert headers["content-length"] == str(len(body))

    @pytest.mark.parametrize(("after", "query"), [(-1, "stream=true"), (0, "stream=true&starting_after=0")])
    def test_a_follower_says_where_it_stands(self, after, query):
        line, headers, _ = parts(Requests(self.CLIENT).follow("resp_1", after))
        assert line == f"GET /api/v1/responses/resp_1?{query} HTTP/1.1"
        assert headers["authorization"] == "Bearer sk-1"

    def test_an_id_leads_nowhere_else(self):
        line, _, _ = parts(Requests(self.CLIENT).cancel("../x?y"))
        assert line == "POST /api/v1/responses/..%2Fx%3Fy/cancel HTTP/1.1"

    def test_a_cancel_has_credentials_and_no_body(self):
        line, headers, body = parts(Requests(self.CLIENT).cancel("resp_1"))
        assert line == "POST /api/v1/responses/resp_1/cancel HTTP/1.1"
        assert headers["authorization"] == "Bearer sk-1"
        assert body == b""


def parts(message):
    """The request line, the headers, each of which stands there once, and the body."""
    head, _, body = message.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    names = [field.partition(": ")[0].lower() for field in fields]
    assert len(set(names)) == len(names)
    return line, {name: field.partition(": ")[2] for name, field in zip(names, fields, strict=True)}, body


def test_the_client_never_tries_again_by_itself():
    client = openai_client(api_key="k", base_url="http://127.0.0.1:1/v1", organization="org", project="proj")
    assert client.max_retries == 0
    assert client.organization == "org"
    assert client.project == "proj"
