"""These tests show what is posted to the Responses API."""

import pytest

from qa_service.model import Message
from qa_service.setting_values import read_upstream_url
from qa_service.settings import SettingsError
from qa_service.upstream.clients import openai_client
from qa_service.upstream.requests import SdkRequestWriter
from qa_service.upstream.responses import request_parameters
from qa_service.upstream.way import way_to
from tests.upstream.questions import prompt, split_request


def test_a_plain_prompt_is_streamed_and_stored_nowhere():
    assert request_parameters(prompt("안녕?"), "high") == {
        "model": "gpt-4.1-mini",
        "input": [{"role": "user", "content": "안녕?"}],
        "stream": True,
        "store": False,
        "stream_options": {"include_obfuscation": False},
    }


def test_messages_keep_their_roles_and_their_order():
    messages = (Message("system", "짧게"), Message("user", "가"), Message("assistant", "나"), Message("user", "다"))
    body = request_parameters(prompt(messages=messages), "high")
    assert body["input"] == [{"role": message.role, "content": message.text} for message in messages]


def test_what_the_prompt_sets_is_passed_on():
    body = request_parameters(prompt(temperature=0.0, top_p=0.9, max_tokens=100, safety_identifier="abc"), "high")
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
    body = request_parameters(prompt(model=model, temperature=0.7, top_p=0.9), "high")
    assert ("temperature" in body, "top_p" in body) == (passed, passed)


def test_a_web_search_asks_for_its_sources():
    body = request_parameters(prompt(web_search=True), "low")
    assert body["tools"] == [{"type": "web_search", "search_context_size": "low"}]
    assert body["include"] == ["web_search_call.action.sources"]


def test_in_the_background_upstream_keeps_it():
    body = request_parameters(prompt(), "high", background=True)
    assert (body["background"], body["store"], body["stream"]) == (True, True, True)


class TestRequests:
    """What the SDK writes is what is sent."""

    CLIENT = openai_client(api_key="sk-1", base_url="http://host.example:81/api/v1", organization="o", project="p")

    def test_a_question_has_the_sdks_address_credentials_and_headers_and_its_own_body(self):
        requests = SdkRequestWriter(self.CLIENT)
        line, headers, body = split_request(requests.write_question({"input": "가"}))
        assert line == "POST /api/v1/responses HTTP/1.1"
        assert headers["authorization"] == "Bearer sk-1"
        assert headers["openai-organization"] == "o"
        assert headers["openai-project"] == "p"
        assert headers["host"] == "host.example:81"
        assert headers["accept-encoding"] == "identity"
        assert body == '{"input":"가"}'.encode()
        _, headers, body = split_request(requests.write_question({"input": "나나"}))
        assert headers["content-length"] == str(len(body))

    def test_a_query_of_the_address_goes_with_every_request(self):
        url = "http://host.example/openai/v1/?api-version=preview&empty="
        write = SdkRequestWriter(openai_client(api_key="sk-1", base_url=url))
        messages = [
            write.write_question({}),
            write.write_follow("resp_1", -1),
            write.write_follow("resp_1", 7),
            write.write_cancel("r"),
        ]
        assert [split_request(message)[0] for message in messages] == [
            "POST /openai/v1/responses?api-version=preview&empty= HTTP/1.1",
            "GET /openai/v1/responses/resp_1?stream=true&api-version=preview&empty= HTTP/1.1",
            "GET /openai/v1/responses/resp_1?stream=true&starting_after=7&api-version=preview&empty= HTTP/1.1",
            "POST /openai/v1/responses/r/cancel?api-version=preview&empty= HTTP/1.1",
        ]

    @pytest.mark.parametrize(("after", "query"), [(-1, "stream=true"), (0, "stream=true&starting_after=0")])
    def test_a_follower_says_where_it_stands(self, after, query):
        line, headers, _ = split_request(SdkRequestWriter(self.CLIENT).write_follow("resp_1", after))
        assert line == f"GET /api/v1/responses/resp_1?{query} HTTP/1.1"
        assert headers["authorization"] == "Bearer sk-1"

    def test_an_id_leads_nowhere_else(self):
        line, _, _ = split_request(SdkRequestWriter(self.CLIENT).write_cancel("../x?y"))
        assert line == "POST /api/v1/responses/..%2Fx%3Fy/cancel HTTP/1.1"

    def test_a_cancel_has_credentials_and_no_body(self):
        line, headers, body = split_request(SdkRequestWriter(self.CLIENT).write_cancel("resp_1"))
        assert line == "POST /api/v1/responses/resp_1/cancel HTTP/1.1"
        assert headers["authorization"] == "Bearer sk-1"
        assert body == b""


def test_an_address_that_only_looks_like_one_is_refused_by_name():
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL: expected"):
        openai_client(api_key="k", base_url="https://☃.example/v1")


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1]:8080/v1",
        "http://127.0.0.1",
        "https://user:p%40ss@gateway.example/v1",
        "https://조직.example:8443/v1",
        "https://under_score.example/v1?a=%20&b=한글",
        "https://xn--o15b4x.example.",
        "HTTPS://GATEWAY.EXAMPLE/V1/",
    ],
)
def test_every_address_that_the_settings_take_can_be_asked(url):
    client = openai_client(api_key="k", base_url=read_upstream_url(url))
    assert split_request(SdkRequestWriter(client).write_question({}))[0].startswith("POST /")
    way_to(client.base_url)


def test_a_host_in_another_script_is_asked_by_its_name_in_ascii():
    requests = SdkRequestWriter(openai_client(api_key="k", base_url="https://조직.example/v1"))
    assert split_request(requests.write_question({}))[1]["host"] == "xn--o15b4x.example"


def test_no_proxy_of_the_system_keeps_the_client_from_being_made(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    assert openai_client(api_key="k", base_url="http://127.0.0.1:1/v1").api_key == "k"


def test_the_client_never_tries_again_by_itself():
    client = openai_client(api_key="k", base_url="http://127.0.0.1:1/v1", organization="org", project="proj")
    assert client.max_retries == 0
    assert client.organization == "org"
    assert client.project == "proj"
