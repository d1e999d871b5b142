"""These tests show what is posted to servers of Chat Completions, at OpenAI, at Azure and elsewhere."""

import httpx2
import openai
import pytest

from qa_service.model import Message, Picture, TextPart
from qa_service.setting_values import read_upstream_url
from qa_service.settings import SettingsError
from qa_service.upstream.chat import chat_parameters, chat_protocol
from qa_service.upstream.clients import compatible_client, openai_client
from qa_service.upstream.requests import Unsent
from qa_service.upstream.responses import responses_protocol
from tests.upstream.questions import prompt, split_request

AZURE = "https://resource.openai.azure.com/openai"
CLASSIC = "api-version=2024-10-21"


def posted(base_url: str, *, api_key: str = "sk-1", model: str = "m") -> tuple[str, dict[str, str]]:
    """Return the first line of a request, and its headers."""
    client = compatible_client(api_key=api_key, base_url=read_upstream_url(base_url))
    line, headers, _ = split_request(chat_protocol(client).writer.write_question({"model": model}))
    return line, headers


def test_a_plain_prompt_is_streamed_with_what_it_costs():
    assert chat_parameters(prompt("안녕?"), "high") == {
        "model": "gpt-4.1-mini",
        "messages": [{"role": "user", "content": "안녕?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_pictures_stand_among_the_texts_of_their_message():
    cat = Picture("image/png", b"\x89PNG")
    messages = (Message("system", "짧게"), Message("user", (TextPart('"cat.png"'), cat)), Message("user", "무슨 색?"))
    assert chat_parameters(prompt(messages=messages), "high")["messages"] == [
        {"role": "system", "content": "짧게"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": '"cat.png"'},
                {"type": "image_url", "image_url": {"url": cat.data_url}},
                {"type": "text", "text": "무슨 색?"},
            ],
        },
    ]


def test_what_the_prompt_sets_is_passed_on():
    body = chat_parameters(
        prompt(temperature=0.0, top_p=0.9, max_tokens=100, safety_identifier="abc", web_search=True), "low"
    )
    assert (body["temperature"], body["top_p"], body["max_tokens"], body["user"]) == (0.0, 0.9, 100, "abc")
    assert body["web_search_options"] == {"search_context_size": "low"}


def test_reasoning_models_get_the_parameters_that_they_take():
    body = chat_parameters(prompt(model="o3", temperature=0.0, top_p=0.9, max_tokens=100), "high")
    assert body["max_completion_tokens"] == 100
    assert not body.keys() & {"temperature", "top_p", "max_tokens"}


def test_roles_alternate_behind_one_message_of_the_system():
    said = [
        ("system", "짧게"),
        ("system", "친절히"),
        ("user", "가"),
        ("assistant", "나"),
        ("user", "> 자료"),
        ("user", "다"),
    ]
    body = chat_parameters(prompt(messages=tuple(Message(role, text) for role, text in said)), "high")
    assert body["messages"] == [
        {"role": "system", "content": "짧게\n\n친절히"},
        {"role": "user", "content": "가"},
        {"role": "assistant", "content": "나"},
        {"role": "user", "content": "> 자료\n\n다"},
    ]


class TestCompatible:
    @pytest.mark.parametrize(
        "base",
        ["http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1/", "http://127.0.0.1:11434/v1/chat/completions"],
    )
    def test_the_address_is_the_base_of_the_api_or_that_of_the_call(self, base):
        line, headers = posted(base)
        assert line == "POST /v1/chat/completions HTTP/1.1"
        assert headers["host"] == "127.0.0.1:11434"
        assert headers["authorization"] == "Bearer sk-1"

    def test_without_a_key_none_is_sent(self):
        _, headers = posted("http://127.0.0.1:8080/v1", api_key="")
        assert not headers.keys() & {"authorization", "api-key"}

    def test_nothing_of_an_account_with_openai_is_sent(self, monkeypatch):
        for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
            monkeypatch.setenv(name, "sk-openai")
        for key in ("", "sk-1"):
            assert "sk-openai" not in str(posted("http://127.0.0.1:8080/v1", api_key=key))

    def test_an_address_that_only_looks_like_one_is_refused_by_name(self):
        with pytest.raises(SettingsError, match="QA_CHAT_BASE_URL: expected"):
            compatible_client(api_key="k", base_url="https://☃.example/v1")


class TestAzure:
    @pytest.mark.parametrize(
        ("base", "path"),
        [
            (f"{AZURE}/v1", "/openai/v1/chat/completions"),
            (f"{AZURE}/v1/?api-version=preview", "/openai/v1/chat/completions?api-version=preview"),
            (f"{AZURE}/deployments/own?{CLASSIC}", f"/openai/deployments/own/chat/completions?{CLASSIC}"),
            (
                f"{AZURE}/deployments/own/chat/completions?{CLASSIC}",
                f"/openai/deployments/own/chat/completions?{CLASSIC}",
            ),
            (f"{AZURE}/deployments?{CLASSIC}", f"/openai/deployments/gpt-4o%2Fx/chat/completions?{CLASSIC}"),
            (
                f"https://gateway.example/openai/deployments/own?{CLASSIC}",
                f"/openai/deployments/own/chat/completions?{CLASSIC}",
            ),
        ],
    )
    def test_each_of_its_addresses_is_asked_with_its_own_header_for_the_key(self, base, path):
        line, headers = posted(base, model="gpt-4o/x")
        assert line == f"POST {path} HTTP/1.1"
        assert headers["api-key"] == "sk-1"
        assert "authorization" not in headers

    def test_each_deployment_has_its_own_address(self):
        client = compatible_client(api_key="sk-1", base_url=f"{AZURE}/deployments?{CLASSIC}")
        writer = chat_protocol(client).writer
        lines = [split_request(writer.write_question({"model": model}))[0] for model in ("a", "b", "a")]
        assert [line.split("/")[3] for line in lines] == ["a", "b", "a"]

    def test_the_sdks_own_client_for_azure_asks_at_the_same_address_with_the_same_key(self):
        theirs = openai.AzureOpenAI(
            azure_endpoint="https://resource.openai.azure.com",
            api_version="2024-10-21",
            api_key="sk-1",
            http_client=httpx2.Client(transport=Unsent()),
        )
        request = theirs.post("/chat/completions", cast_to=httpx2.Response, body={"model": "own"}).request
        line, headers = posted(f"{AZURE}/deployments?{CLASSIC}", model="own")
        assert line == f"POST {request.url.raw_path.decode()} HTTP/1.1"
        assert (headers["host"], headers["api-key"]) == (request.headers["host"], request.headers["api-key"])

    @pytest.mark.parametrize("base", [f"{AZURE}/v1", f"{AZURE}?api-version=2025-03-01-preview"])
    def test_its_responses_api_gets_the_key_in_the_same_header(self, base):
        client = openai_client(api_key="sk-1", base_url=base)
        line, headers, _ = split_request(responses_protocol(client).writer.write_question({"model": "m"}))
        assert line.startswith(f"POST /openai{'/v1' if base.endswith('v1') else ''}/responses")
        assert headers["api-key"] == "sk-1"
        assert "authorization" not in headers

    @pytest.mark.parametrize("base", ["https://azure.com.example/v1", "https://notazure.com/v1", "http://h.example/v1"])
    def test_other_servers_get_the_usual_header(self, base):
        _, headers = posted(base)
        assert headers["authorization"] == "Bearer sk-1"
        assert "api-key" not in headers
