"""Chat Completions over HTTP: how a request becomes a question, whose session it belongs to, and how it is refused."""

import base64
import json
import threading
from contextlib import closing
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import TestResponse

from qa_service.deltas import Finished, RefusalDelta, TextDelta
from qa_service.errors import UpstreamUnavailable
from qa_service.model import Message, Usage
from qa_service.web.serving import drain_answers
from tests.web.conftest import MakeHouse
from tests.web.house import HELD, PERSONAL_SECRET, House

ME = {"Authorization": f"Bearer {PERSONAL_SECRET}"}
PATH = "/api/v1/chat/completions"
TEXT = b"The battery is covered for 24 months."
FILE = {
    "type": "file",
    "file": {
        "filename": "manual.txt",
        "file_data": f"data:text/plain;base64,{base64.b64encode(TEXT).decode()}",
    },
}


def said(*texts: Any) -> list[dict[str, Any]]:
    """Return a conversation in which the user and the assistant take turns."""
    return [
        {"role": role, "content": text} for role, text in zip(("user", "assistant") * len(texts), texts, strict=False)
    ]


def complete(house: House, *texts: Any, headers: dict[str, str] = ME, **fields: Any) -> TestResponse:
    body = {"model": "gpt-4.1-mini", "messages": said(*(texts or ("안녕?",))), **fields}
    return house.client.post(PATH, json=body, headers=headers)


def completed(house: House, *texts: Any, **fields: Any) -> dict[str, Any]:
    response = complete(house, *texts, **fields)
    found: dict[str, Any] = response.get_json()
    assert response.status_code == 200, found
    return found


def refused(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Return the error of a refusal, whose shape is checked."""
    error: dict[str, Any] = response.get_json()["error"]
    assert (response.status_code, error["code"]) == (status, code), error
    assert error["message"]
    assert error["type"]
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Should-Retry"] == ("true" if error["retryable"] else "false")
    assert error.get("retry_after") == (
        int(response.headers["Retry-After"]) if "Retry-After" in response.headers else None
    )
    return error


def chunks(response: TestResponse) -> list[Any]:
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.content_type == "text/event-stream; charset=utf-8"
    with closing(response):
        events = response.get_data(as_text=True).removesuffix("\n\n").split("\n\n")
    data = [event.removeprefix("data: ") for event in events if event.startswith("data: ")]
    return [event if event == "[DONE]" else json.loads(event) for event in data]


def sessions(house: House) -> list[str]:
    return [item["sessionId"] for item in house.get("sessions", ME).get_json()["items"]]


class TestAnswer:
    def test_is_whole_unless_a_stream_is_asked_for(self, house: House) -> None:
        found = completed(house)
        assert found["choices"][0]["message"]["content"] == "안녕하세요."
        assert found["object"] == "chat.completion"

    @pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "*/*"])
    def test_is_streamed_by_its_field_whatever_is_accepted(self, house: House, accept: str) -> None:
        *events, last = chunks(complete(house, stream=True, headers={**ME, "Accept": accept}))
        assert last == "[DONE]"
        assert "".join(c["delta"].get("content", "") for event in events for c in event["choices"]) == "안녕하세요."
        assert completed(house, stream=False, headers={**ME, "Accept": accept})

    def test_tells_its_tokens_in_the_stream_when_asked(self, house: House) -> None:
        house.model.deltas = (TextDelta("안녕"), Finished("stop", "scripted-1", Usage(3, 4, 7)))
        with_usage = chunks(complete(house, stream=True, stream_options={"include_usage": True}))
        assert with_usage[-2]["usage"]["total_tokens"] == 7
        assert not any("usage" in event for event in chunks(complete(house, stream=True))[:-1])

    def test_names_itself_in_headers_as_the_log_names_it(self, house: House) -> None:
        response, of_visitor = complete(house), complete(house, headers={})
        assert response.headers["X-Request-Id"] == response.headers["X-Answer-Id"]
        assert response.get_json()["id"] == f"chatcmpl-{response.headers['X-Answer-Id']}"
        assert of_visitor.headers["X-Request-Id"] != of_visitor.headers["X-Answer-Id"]

    def test_that_is_a_refusal_says_so(self, house: House) -> None:
        house.model.deltas = (RefusalDelta("안 됩니다."), Finished("stop"))
        [choice] = completed(house)["choices"]
        assert choice["message"]["content"] == choice["message"]["refusal"] == "안 됩니다."

    @pytest.mark.parametrize("reason", ["length", "content_filter"])
    def test_that_breaks_off_says_why(self, house: House, reason: Any) -> None:
        house.model.deltas = (TextDelta("안"), Finished(reason))
        assert completed(house)["choices"][0]["finish_reason"] == reason

    def test_that_fails_is_an_error_with_its_status_or_in_its_stream(self, house: House) -> None:
        house.model.error = UpstreamUnavailable("upstream is away")
        refused(complete(house), 502, "upstream_unavailable")
        *_, last = chunks(complete(house, stream=True))
        assert last["error"]["code"] == "upstream_unavailable"

    def test_that_somebody_stops_ends_its_stream_with_an_error(self, house: House) -> None:
        house.model.go.clear()
        with closing(complete(house, stream=True)) as running:
            assert house.model.asked.wait(HELD)
            house.client.post(f"/api/answers/{running.headers['X-Answer-Id']}/cancel", headers=ME)
            *_, last = chunks(running)
        assert (last["error"]["code"], last["error"]["retryable"]) == ("cancelled", False)

    def test_whose_worker_stops_ends_its_stream_with_an_error(self, house: House) -> None:
        house.model.go.clear()
        with closing(complete(house, stream=True)) as running:
            assert house.model.asked.wait(HELD)
            drain_answers(house.app, 0)
            *_, last = chunks(running)
        assert (last["error"]["code"], last["error"]["retryable"]) == ("draining", True)

    def test_that_another_question_replaces_is_not_asked_for_again_by_itself(self, house: House) -> None:
        house.model.go.clear()
        replaced: list[TestResponse] = []
        asking = threading.Thread(target=lambda: replaced.append(complete(house, user="chat")))
        asking.start()
        assert house.model.asked.wait(HELD)
        completed(house, user="chat")
        asking.join(HELD)
        refused(replaced[0], 409, "cancelled")


class TestQuestion:
    def test_is_the_last_thing_that_the_user_says_and_the_model_sees_what_was_said_before(self, house: House) -> None:
        completed(house, "첫 질문", "첫 답", "둘째 질문")
        asked = house.model.prompts[-1]
        assert asked.question == "둘째 질문"
        assert {Message("user", "첫 질문"), Message("assistant", "첫 답")} <= set(asked.messages)

    @pytest.mark.parametrize("role", ["system", "developer"])
    def test_comes_with_the_callers_instructions_beside_the_sites_own(self, house: House, role: str) -> None:
        messages = [{"role": role, "content": [{"type": "text", "text": "Answer in rhymes."}]}, *said("안녕?")]
        complete(house, messages=messages)
        written = repr(house.model.prompts[-1].messages)
        assert "Answer in rhymes." in written
        assert house.assembly.settings.instructions[:30] in written

    def test_passes_tools_and_their_results_over(self, house: House) -> None:
        messages = [
            *said("날씨?"),
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]},
            {"role": "tool", "tool_call_id": "1", "content": "비밀"},
            *said("그래서?"),
        ]
        complete(house, messages=messages, tools=[{"type": "function", "function": {"name": "f"}}], tool_choice="auto")
        assert house.model.prompts[-1].question == "그래서?"
        assert "비밀" not in repr(house.model.prompts[-1].messages)

    @pytest.mark.parametrize("many", [10**6, 1e6, "1000000"])
    def test_that_would_take_more_tokens_than_there_are_gets_as_many_as_there_are(
        self, house: House, many: float | str
    ) -> None:
        completed(house, max_tokens=many)
        assert house.model.prompts[-1].max_tokens == house.assembly.settings.max_tokens

    def test_has_openais_names_for_what_the_model_is_asked_with(self, house: House) -> None:
        completed(house, temperature=0.1, top_p=0.5, max_tokens=77)
        asked = house.model.prompts[-1]
        assert (asked.temperature, asked.top_p, asked.max_tokens) == (0.1, 0.5, 77)
        completed(house, max_completion_tokens=78)
        assert house.model.prompts[-1].max_tokens == 78

    @pytest.mark.parametrize("options", [{}, {"search_context_size": "low"}])
    def test_may_ask_for_the_web_as_at_openai(self, house: House, options: dict[str, str]) -> None:
        completed(house, web_search_options=options)
        assert house.model.prompts[-1].web_search
        completed(house)
        assert not house.model.prompts[-1].web_search

    def test_may_have_our_own_fields_too(self, house: House) -> None:
        completed(house, useWebSearch=True, systemPrompt="Be kind.")
        assert house.model.prompts[-1].web_search
        assert "Be kind." in repr(house.model.prompts[-1].messages)

    def test_may_come_as_a_form_with_a_file(self, house: House) -> None:
        body = {"messages": json.dumps(said("배터리 보증은?")), "files": (BytesIO(TEXT), "manual.txt")}
        response = house.client.post(PATH, data=body, headers=ME)
        assert response.get_json()["x_metadata"]["files"][0]["name"] == "manual.txt"


class TestFiles:
    def test_are_read_as_uploads_are(self, house: House) -> None:
        house.model.deltas = (TextDelta("24 months [1]."), Finished("stop"))
        found = completed(house, [{"type": "text", "text": "How long is the battery covered?"}, FILE])
        assert [file["status"] for file in found["x_metadata"]["files"]] == ["used"]
        [annotation] = found["choices"][0]["message"]["annotations"]
        assert annotation["url_citation"]["title"] == "manual.txt"
        assert annotation["url_citation"]["quote"] == TEXT.decode()
        start, end = (annotation["url_citation"][name] for name in ("start_index", "end_index"))
        assert "24 months" in found["choices"][0]["message"]["content"][start:end]
        assert (
            house.get(annotation["url_citation"]["url"].removeprefix("/api/"), ME).get_json()["text"] == TEXT.decode()
        )
        assert house.uploads() == []

    def test_of_the_whole_conversation_are_read_where_nothing_is_kept(self, house: House) -> None:
        found = completed(house, [FILE], "24.", "How long is the battery covered?")
        assert [file["name"] for file in found["x_metadata"]["files"]] == ["manual.txt"]

    def test_of_earlier_questions_are_not_read_again_by_a_session_that_has_them(self, house: House) -> None:
        first = [{"type": "text", "text": "How long is the battery covered?"}, FILE]
        completed(house, first, user="chat")
        completed(house, first, "24.", "How long is the battery covered, again?", user="chat")
        listed = house.get("sessions/chat/files", ME).get_json()["items"]
        assert len(listed) == 1

    def test_of_earlier_questions_are_read_by_a_session_that_is_gone(self, house: House) -> None:
        completed(house, [FILE], "24.", "How long is the battery covered?", user="gone")
        assert len(house.get("sessions/gone/files", ME).get_json()["items"]) == 1

    def test_that_cannot_be_read_are_named_by_the_callers_field(self, house: House) -> None:
        picture = {"type": "image_url", "image_url": {"url": "https://a.example/cat.png"}}
        error = refused(complete(house, [picture]), 422, "invalid_value")
        assert error["param"] == "messages"
        assert house.uploads() == []

    def test_larger_than_the_server_takes_are_refused_with_the_limit(self, make_house: MakeHouse) -> None:
        house = make_house(max_file=1000)
        large = {"type": "file", "file": {"filename": "a.txt", "file_data": base64.b64encode(b"x" * 1001).decode()}}
        assert "1000" in refused(complete(house, [large]), 413, "too_large")["message"]
        assert house.uploads() == []


class TestSession:
    @pytest.mark.parametrize(
        "naming",
        [
            {"user": "chat"},
            {"metadata": {"session_id": "chat"}},
            {"conversation": "chat"},
            {"conversation": {"id": "chat"}},
            {"sessionId": "chat"},
            {"headers": {**ME, "X-Session-Id": "chat"}},
        ],
        ids=lambda naming: next(iter(naming)),
    )
    def test_is_the_one_that_the_caller_names(self, house: House, naming: dict[str, Any]) -> None:
        response = complete(house, **naming)
        assert response.status_code == 200
        assert response.headers["X-Session-Id"] == "chat"
        assert sessions(house) == ["chat"]

    def test_goes_on_by_itself_and_its_own_turns_win(self, house: House) -> None:
        completed(house, "비밀번호는 어떻게 바꾸나요?", user="chat")
        completed(house, "딴 말", "딴 답", "그건 왜죠?", user="chat")
        written = repr(house.model.prompts[-1].messages)
        assert "비밀번호는" in written
        assert "딴 말" not in written

    def test_of_a_user_whose_name_is_no_id_is_his_alone(self, house: House) -> None:
        first, second = (complete(house, user=user).headers["X-Session-Id"] for user in ("김@b.c", "lee@b.c"))
        assert first != second
        assert complete(house, user="김@b.c").headers["X-Session-Id"] == first

    def test_that_cannot_be_one_is_refused_by_the_callers_name_for_it(self, house: House) -> None:
        assert refused(complete(house, conversation="a b"), 422, "invalid_value")["param"] == "conversation"
        assert refused(complete(house, metadata="x"), 422, "invalid_value")["param"] == "metadata"

    def test_without_one_nothing_is_listed_and_no_later_question_sees_it(self, house: House) -> None:
        completed(house, "내 이름은 하나야.")
        completed(house, "내 이름은?")
        assert sessions(house) == []
        assert "하나" not in repr(house.model.prompts[-1].messages)

    def test_without_one_it_expires_with_the_frames_of_its_answer(self, make_house: MakeHouse) -> None:
        house = make_house(log_ttl=900, answer_seconds=600, session_ttl=10**6)
        completed(house, [FILE, {"type": "text", "text": "How long is the battery covered?"}])
        house.settle()
        lasting = {key.decode(): house.store.ttl(key) for key in house.store.keys("qa:*single-*")}
        assert any(":file:" in key for key in lasting)
        assert all(0 < seconds <= 900 for seconds in lasting.values()), lasting

    def test_without_one_the_topic_is_kept_however_far_a_question_leads(self, house: House) -> None:
        found = completed(house, "환불은 며칠 걸리나요?", "사흘입니다.", "김치찌개는 어떻게 끓이나요?")
        assert found["x_metadata"]["topic"]["drifted"] is False
        assert Message("user", "환불은 며칠 걸리나요?") in house.model.prompts[-1].messages

    def test_without_one_a_repeated_key_of_a_visitor_gets_the_same_answer(self, house: House) -> None:
        headers = {"Idempotency-Key": "k" * 32}
        first, second = (complete(house, headers=headers).headers["X-Answer-Id"] for _ in range(2))
        assert first == second


class TestRefusal:
    def test_names_fields_as_the_caller_does(self, house: House) -> None:
        error = refused(complete(house, top_p=7), 422, "invalid_value")
        assert error["param"] == "top_p"
        assert error["message"].startswith("top_p:")
        assert refused(complete(house, messages=[]), 422, "invalid_value")["param"] == "messages"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("n", 2),
            ("response_format", {"type": "json_object"}),
            ("response_format", "json"),
            ("tool_choice", "required"),
            ("tool_choice", {"type": "function", "function": {"name": "f"}}),
            ("stream_options", {"include_usage": "maybe"}),
            ("messages", "x"),
            ("messages", [{"role": "critic", "content": "x"}]),
            ("stream", "maybe"),
        ],
    )
    def test_is_told_where_an_answer_would_be_wrong(self, house: House, field: str, value: Any) -> None:
        assert refused(complete(house, **{field: value}), 422, "invalid_value")["param"] == field

    def test_of_a_model_is_told_as_not_found(self, house: House) -> None:
        assert refused(complete(house, model="gpt-9"), 404, "model_not_found")["param"] == "model"

    def test_of_an_unknown_credential_is_told_as_a_wrong_key(self, house: House) -> None:
        refused(complete(house, headers={"Authorization": "Bearer wrong"}), 401, "invalid_api_key")

    def test_of_too_many_questions_says_when_to_come_back(self, make_house: MakeHouse) -> None:
        house = make_house(rate=(1, 60))
        complete(house)
        assert refused(complete(house), 429, "rate_limit_exceeded")["retry_after"] > 0

    def test_of_a_body_that_is_no_json_is_told_in_the_same_shape(self, house: House) -> None:
        headers = {**ME, "Content-Type": "application/json"}
        refused(house.client.post(PATH, data=b"{", headers=headers), 400, "bad_json")

    @pytest.mark.parametrize("path", ["v1", "v1/", "v1/embeddings", "v1/chat", "v1/chat/completions/x"])
    def test_of_an_address_that_does_not_exist_has_the_same_shape(self, house: House, path: str) -> None:
        refused(house.get(path), 404, "not_found")

    def test_of_a_method_names_the_right_one(self, house: House) -> None:
        response = house.get("v1/chat/completions")
        refused(response, 405, "method_not_allowed")
        assert response.headers["Allow"] == "POST"

    def test_of_a_foreign_page_has_the_same_shape(self, house: House) -> None:
        refused(complete(house, headers={"Origin": "https://evil.example"}), 403, "forbidden_origin")

    def test_elsewhere_keeps_its_own_shape(self, house: House) -> None:
        assert house.get("elsewhere").content_type == "application/problem+json"

    def test_that_means_a_bug_tells_its_number_alone(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("qa_service.web.foreign_questions.begin_answer", lambda *_, **__: 1 / 0)
        error = refused(complete(house), 500, "internal_error")
        assert "division" not in error["message"]


class TestPages:
    def test_of_a_listed_origin_may_send_what_openais_sdks_send(self, make_house: MakeHouse) -> None:
        house = make_house(origins=("https://www.example.com",))
        headers = {
            "Origin": "https://www.example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-stainless-lang,openai-organization,x-user-id,x-session-id",
        }
        response = house.client.options(PATH, headers=headers)
        allowed = response.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert {"x-stainless-lang", "openai-organization", "x-session-id"} <= set(allowed)
        assert "x-user-id" not in allowed


class TestModels:
    def test_are_those_that_a_question_may_name(self, make_house: MakeHouse) -> None:
        house = make_house(models_allowed=("gpt-5", "ft:*", "vendor/model"))
        found = house.get("v1/models", ME).get_json()
        assert found["object"] == "list"
        assert [model["id"] for model in found["data"]] == ["gpt-4.1-mini", "gpt-5", "vendor/model"]
        for name in ("gpt-5", "ft:mine", "vendor/model"):
            assert house.get(f"v1/models/{name}", ME).get_json()["id"] == name
        refused(house.get("v1/models/gpt-9", ME), 404, "model_not_found")

    def test_without_one_the_answerer_itself_is_listed_and_may_be_named(self, make_house: MakeHouse) -> None:
        house = make_house(openai_api_key="")
        [model] = house.get("v1/models", ME).get_json()["data"]
        assert complete(house, model=model["id"]).status_code == 200

    def test_are_told_to_nobody_without_a_credential_where_one_is_needed(self, make_house: MakeHouse) -> None:
        refused(make_house(allow_anonymous=False).get("v1/models"), 401, "invalid_api_key")
