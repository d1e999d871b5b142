"""Runs of AG-UI: what a client sends becomes a question of the thread's session, and the answer is the run."""

import json
from base64 import b64encode
from contextlib import closing
from typing import Any

import pytest
from msgspec import Raw
from werkzeug.test import TestResponse

from qa_service.errors import UpstreamRateLimited
from qa_service.frames import Restart
from qa_service.web.agent_input import read_agent_input
from qa_service.wire.agui import AgentEncoder
from qa_service.wire.encoder import FormatContext
from tests.web.house import SERVER_SECRET, House, refusal
from tests.wire.agent_events import AgentOrder, read_agent_events

THREAD = "5b1f2f0e-6f8e-4b53-9d4e-1c0a6a7d1c11"
KIM = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "kim"}
TERMS = "제1조 환불은 7일 안에 됩니다."
INLINE = b64encode(TERMS.encode()).decode()
SOURCE = {"type": "data", "value": INLINE, "mimeType": "text/plain"}


def said(text: Any, role: str = "user", **more: Any) -> dict[str, Any]:
    return {"id": f"m-{role}", "role": role, "content": text, **more}


def run(house: House, *messages: dict[str, Any], thread: str = THREAD, **members: Any) -> TestResponse:
    body = {"threadId": thread, "runId": "run-1", "messages": list(messages) or [said("안녕?")], **members}
    return house.client.post("/api/agui", json=body, headers=KIM)


def events(response: TestResponse) -> list[dict[str, Any]]:
    """Return the events of a run, in an order that clients take."""
    assert response.status_code == 200, response.get_data(as_text=True)
    with closing(response):
        found = read_agent_events(response.get_data())
    assert AgentOrder().take(found).ended
    return found


def verdicts(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    facts = next(event["value"] for event in found if event.get("name") == "metadata")
    return [(verdict["name"], verdict["status"]) for verdict in facts["files"]]


class TestRun:
    def test_is_the_answer_to_the_last_message_in_the_threads_session(self, house: House) -> None:
        response = run(house, said("안녕?"))
        found = events(response)
        assert response.content_type == "text/event-stream; charset=utf-8"
        assert (found[0]["threadId"], found[0]["runId"]) == (THREAD, "run-1")
        assert AgentOrder().take(found).messages == {response.headers["X-Answer-Id"]: "안녕하세요."}
        assert house.get(f"sessions/{THREAD}", KIM).get_json()["turns"][0]["question"] == "안녕?"

    def test_of_a_known_thread_goes_on_with_what_was_said_in_it(self, house: House) -> None:
        events(run(house, said("제주도에 가 봤어?")))
        events(run(house, said("something else"), said("안녕하세요.", "assistant"), said("제주도는 얼마나 커?")))
        assert next(m.text for m in house.model.prompts[-1].messages if m.role == "user") == "제주도에 가 봤어?"

    def test_of_an_unknown_thread_begins_with_the_messages_that_it_brings(self, house: House) -> None:
        earlier = [said("제주도에 가 봤어?"), said("네.", "assistant"), said("제주도는 얼마나 커?")]
        events(run(house, *earlier))
        assert [message.text for message in house.model.prompts[-1].messages][-3:] == [m["content"] for m in earlier]

    def test_that_fails_ends_with_the_error(self, house: House) -> None:
        house.model.error = UpstreamRateLimited(retry_after=7)
        assert events(run(house))[-1]["type"] == "RUN_ERROR"

    def test_stops_when_its_client_leaves(self, house: House) -> None:
        house.model.go.clear()
        response = run(house)
        assert house.model.asked.wait(10)
        next(response.iter_encoded())
        response.close()
        house.settle()
        assert house.get(f"answers/{response.headers['X-Answer-Id']}", KIM).get_json()["status"] == "cancelled"

    def test_of_a_visitor_keeps_its_thread_for_the_client_even_where_others_could_guess_it(self, house: House) -> None:
        body = {"threadId": "t1", "runId": "r1", "messages": [said("안녕?")]}
        response = house.client.post("/api/agui", json=body)
        assert events(response)[0]["threadId"] == "t1"
        assert response.headers["X-Session-Id"] != "t1"

    @pytest.mark.parametrize("path", ["ask?format=ag-ui&question=안녕", "answers/{}/stream?format=ag-ui"])
    def test_can_be_had_elsewhere_too(self, house: House, path: str) -> None:
        started = house.session()
        found = events(house.get(path.format(started["answerId"])))
        assert found[0]["runId"] == found[0]["metadata"]["answerId"]


class TestMessages:
    @pytest.mark.parametrize(
        "other",
        [
            said("only text", "system"),
            said("", "reasoning"),
            said({"progress": 1}, "activity", activityType="plan"),
            said([{"type": "text", "text": "21 °C"}], "tool", toolCallId="c1"),
            {"id": "a", "role": "assistant", "toolCalls": [{"id": "c1", "type": "function"}]},
        ],
        ids=lambda message: message["role"],
    )
    def test_that_are_nobodys_words_are_passed_over(self, house: House, other: dict[str, Any]) -> None:
        events(run(house, other, said("안녕?"), other))
        assert [m.text for m in house.model.prompts[-1].messages if m.role != "system"] == ["안녕?"]

    def test_of_parts_are_their_texts_together(self, house: House) -> None:
        events(run(house, said([{"type": "text", "text": "환불은 "}, {"type": "text", "text": "언제?"}])))
        assert house.model.prompts[-1].question == "환불은 언제?"

    @pytest.mark.parametrize(
        ("part", "name"),
        [
            ({"type": "document", "source": SOURCE, "metadata": {"filename": "약관.txt"}}, "약관.txt"),
            ({"type": "document", "source": SOURCE, "metadata": {"name": "terms.txt"}}, "terms.txt"),
            ({"type": "document", "source": SOURCE, "metadata": ["odd"]}, "document.txt"),
            ({"type": "image", "source": {**SOURCE, "mimeType": "image/png"}}, "image.png"),
            (
                {"type": "document", "source": {"type": "url", "value": f"data:text/plain;base64,{INLINE}"}},
                "document.txt",
            ),
            ({"type": "binary", "mimeType": "text/plain", "data": INLINE, "filename": "a.txt"}, "a.txt"),
            ({"type": "binary", "mimeType": "text/plain", "url": f"data:;base64,{INLINE}"}, "binary.txt"),
        ],
    )
    def test_may_hold_files_in_every_shape_of_the_protocol(self, house: House, part: dict[str, Any], name: str) -> None:
        found = events(run(house, said([{"type": "text", "text": "환불은 언제?"}, part])))
        assert verdicts(found) == [(name, "used")]
        assert house.model.prompts[-1].passages[0].text == TERMS
        assert house.uploads() == []

    @pytest.mark.parametrize(
        "part",
        [
            {"type": "image", "source": {"type": "url", "value": "https://a.example/cat.png"}},
            {"type": "document", "source": {"type": "file", "value": "file-123", "provider": "openai"}},
            {"type": "binary", "mimeType": "image/png", "id": "x1"},
            {"type": "hologram", "beam": 1},
        ],
        ids=lambda part: part["type"],
    )
    def test_whose_files_lie_elsewhere_are_answered_without_them(self, house: House, part: dict[str, Any]) -> None:
        assert verdicts(events(run(house, said([{"type": "text", "text": "안녕?"}, part])))) == []

    def test_with_thousands_of_parts_that_cannot_be_used_leave_one_line_in_the_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        parts = [{"type": "video", "url": "https://example.com/a"}] * 3000
        read_agent_input(
            {"threadId": THREAD, "runId": "r", "messages": [Raw(json.dumps(said(parts)).encode())], "context": []}
        )

        assert [record.getMessage() for record in caplog.records] == [
            "3000 of a run's parts are left out, the first of type 'video': their bytes aren't in it"
        ]

    def test_bring_the_files_that_came_since_the_last_answer_and_no_older_ones(self, house: House) -> None:
        files = [{"type": "document", "source": SOURCE, "metadata": {"name": f"{n}.txt"}} for n in "abc"]
        earlier = [said([files[0]]), said("네.", "assistant")]
        found = events(run(house, *earlier, said([files[1]]), said([{"type": "text", "text": "언제?"}, files[2]])))
        assert [name for name, _ in verdicts(found)][:1] == ["b.txt"]

    def test_given_back_after_a_restart_are_the_clients_own_without_the_bytes_of_files(self) -> None:
        file = {"type": "image", "source": SOURCE}
        messages = [said([{"type": "text", "text": "a"}, file], metadata={"x": None}), said({"p": 1}, "activity")]
        sent = {"threadId": "t", "runId": "r", "messages": Raw(json.dumps(messages).encode())}
        kept = json.loads(read_agent_input(sent).run.messages)
        assert kept == [said([{"type": "text", "text": "a"}], metadata={"x": None}), messages[1]]

    def test_given_back_after_a_restart_stay_on_one_line_however_they_were_sent(self) -> None:
        messages = [said("a\n\nb"), said("c", "assistant")]
        sent = {"threadId": "t", "runId": "r", "messages": Raw(json.dumps(messages, indent=2).encode())}
        encoder = AgentEncoder(FormatContext("answer", "/api"), read_agent_input(sent).run)
        (snapshot,) = read_agent_events(encoder.batch(1, [Restart("interrupted")]))
        assert snapshot["messages"] == messages


class TestSettings:
    def test_of_the_application_reach_the_model_as_instructions(self, house: House) -> None:
        context = [{"description": "The page", "value": "Prices"}, {"description": "언어", "value": "한국어"}]
        events(run(house, context=context, forwardedProps={"systemPrompt": "Be brief."}))
        assert "Be brief.\n\nThe page: Prices\n언어: 한국어" in [m.text for m in house.model.prompts[-1].messages]

    def test_that_are_passed_through_are_fields_of_the_question(self, house: House) -> None:
        events(run(house, forwardedProps={"temperature": 0.5, "question": "no", "files": "no", "theirs": {"a": 1}}))
        assert (house.model.prompts[-1].temperature, house.model.prompts[-1].question) == (0.5, "안녕?")

    @pytest.mark.parametrize("forwarded", ["a word", [1], 5, None, {}])
    def test_of_any_other_shape_are_the_applications_own(self, house: House, forwarded: Any) -> None:
        events(run(house, forwardedProps=forwarded, state=[1], tools=[{"name": "t"}], parentRunId="p", resume=[]))


class TestRefusal:
    @pytest.mark.parametrize(
        ("members", "field"),
        [
            ({"threadId": None}, "threadId"),
            ({"threadId": 5}, "threadId"),
            ({"threadId": "a b"}, "threadId"),
            ({"threadId": "x" * 129}, "threadId"),
            ({"runId": ""}, "runId"),
            ({"runId": ["r"]}, "runId"),
            ({"messages": None}, "messages"),
            ({"messages": []}, "messages"),
            ({"messages": {}}, "messages"),
            ({"messages": ["안녕"]}, "messages"),
            ({"messages": [{"role": 1}]}, "messages"),
            ({"messages": [said(5)]}, "messages"),
            ({"messages": [said([{"text": "no type"}])]}, "messages"),
            ({"messages": [said("x", "assistant")]}, "messages"),
            ({"messages": [said([{"type": "image", "source": {"type": "data", "value": "%"}}])]}, "messages"),
            (
                {"messages": [said([{"type": "image", "source": {"type": "url", "value": "https://a.example"}}])]},
                "messages",
            ),
            ({"context": "page"}, "context"),
            ({"context": [{"description": "page", "value": "x" * 9000}]}, "context"),
            ({"context": [{"description": "page", "value": "a\x00b"}]}, "context"),
            ({"forwardedProps": {"temperature": 9}}, "temperature"),
        ],
    )
    def test_names_the_member_that_is_wrong(self, house: House, members: dict[str, Any], field: str) -> None:
        body = {"threadId": THREAD, "runId": "r", "messages": [said("안녕?")], **members}
        found = refusal(house.client.post("/api/agui", json=body, headers=KIM), 422, "invalid_field")
        assert found["field"] == field
        assert house.left_behind() == []

    def test_of_another_way_to_send_says_what_is_expected(self, house: House) -> None:
        refusal(house.client.get("/api/agui", headers=KIM), 405, "method_not_allowed")
