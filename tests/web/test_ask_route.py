"""Asking: the stream, the whole answer, how one is chosen, and what never starts an answer."""

import _thread
import io
import threading
from typing import Any

import pytest
from werkzeug.test import TestResponse

from qa_service.deltas import Finished, TextDelta
from qa_service.errors import (
    ContentFilter,
    ContextLength,
    InsufficientQuota,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tests.fakes import refuse_thread
from tests.web.conftest import MakeHouse
from tests.web.house import House, frames, refusal, text
from tests.web.waiting import UnreadBody

ORDER = ["start", "text", "text", "metadata", "done"]


class TestStream:
    def test_has_the_frames_of_the_contract_in_order(self, house: House) -> None:
        got = frames(house.ask("안녕?"))
        assert [frame["type"] for frame in got] == ORDER
        assert [frame["seq"] for frame in got] == sorted({frame["seq"] for frame in got})
        assert got[-1]["content"] == {"status": "completed"}

    def test_is_data_lines_alone(self, house: House) -> None:
        whole = house.ask().get_data(as_text=True)
        assert all(frame.startswith('data: {"') and "\n" not in frame for frame in whole[:-2].split("\n\n"))
        assert whole.endswith("\n\n")

    def test_begins_with_who_it_is(self, house: House) -> None:
        response = house.ask(sessionId="0123456789abcdef012345")
        start = frames(response)[0]["content"]
        assert start["sessionId"] == "0123456789abcdef012345" == response.headers["X-Session-Id"]
        assert start["answerId"] == response.headers["X-Answer-Id"]
        assert start["created"] is True
        assert start["topic"]["index"] == 1
        assert start["createdAt"].endswith("Z")

    def test_says_what_it_cost_beside_and_inside_of_content(self, house: House) -> None:
        metadata = frames(house.ask())[-2]
        assert metadata["usage"] == metadata["content"]["usage"]
        assert metadata["content"]["model"] == "scripted-1"
        assert metadata["content"]["saved"] is True
        assert "imageResults" not in metadata
        assert "imageResults" not in metadata["content"]

    def test_headers_keep_proxies_from_holding_it_back(self, house: House) -> None:
        headers = house.ask().headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert headers["Cache-Control"] == "no-cache, no-store, no-transform"
        assert headers["X-Accel-Buffering"] == "no"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert {"Accept", "Origin"} <= set(headers["Vary"].split(", "))
        assert not {"Connection", "Keep-Alive", "Transfer-Encoding"} & set(headers.keys())

    def test_escapes_what_line_readers_break_at(self, house: House) -> None:
        odd = "줄\u2028문단\u2029다음\u0085끝\n새 줄"
        house.model.deltas = (TextDelta(odd), Finished("stop"))
        response = house.ask()
        assert text(response) == odd
        assert not set("\u2028\u2029\u0085") & set(response.get_data(as_text=True))

    def test_starts_before_upstream_says_anything(self, house: House) -> None:
        house.model.go.clear()
        stream = house.ask().iter_encoded()
        assert b'"type":"start"' in next(stream)
        house.model.go.set()
        assert b'"type":"done"' in b"".join(stream)

    def test_shows_that_it_lives(self, make_house: MakeHouse) -> None:
        house = make_house(heartbeat_seconds=0.5)
        house.model.go.clear()
        stream = house.ask().iter_encoded()
        beat = next(part for part in stream if b"heartbeat" in part)
        assert beat == b'data: {"type":"heartbeat","content":{}}\n\n'
        house.model.go.set()
        assert b'"type":"done"' in b"".join(stream)

    def test_follow_up_is_in_the_same_session_and_knows_what_was_said(self, house: House) -> None:
        session = house.session("환불은 며칠 안에 되나요?")["sessionId"]
        again = house.session("그럼 그 뒤에는요?", sessionId=session)
        assert again["created"] is False
        said = [message.text for message in house.model.prompts[-1].messages]
        assert "환불은 며칠 안에 되나요?" in said
        assert "안녕하세요." in said

    def test_new_topic_leaves_nothing_of_the_old_one(self, house: House) -> None:
        session = house.session("환불은 며칠 안에 되나요?")["sessionId"]
        start = house.session("기린의 목은 왜 길어요?", sessionId=session, topic="new")
        assert start["topic"]["drifted"] is True
        assert "환불" not in repr(house.model.prompts[-1])


class TestThreads:
    def test_without_room_for_one_more_it_is_refused_and_nothing_is_left_behind(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = house.session("환불은 며칠 안에 되나요?")["sessionId"]
        house.settle()
        monkeypatch.setattr(_thread, "start_new_thread", refuse_thread)
        files = {"question": "이 파일은?", "sessionId": session, "files": (io.BytesIO(b"text"), "a.txt")}
        refusal(house.client.post("/api/ask", data=files), 503, "overloaded")
        refusal(house.ask("그럼요?", sessionId=session, stream=False), 503, "overloaded")
        monkeypatch.undo()
        assert (house.uploads(), house.assembly.runner.count_answers()) == ([], 0)
        assert text(house.ask("그럼요?", sessionId=session, onBusy="reject")) == "안녕하세요."


class TestAddress:
    def test_asks_nothing_with_head_and_names_what_does(self, house: House) -> None:
        response = house.client.head("/api/ask?question=hi")
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST")
        assert house.model.prompts == []

    def test_names_the_methods_it_has(self, house: House) -> None:
        for method, path, allowed in (
            ("PUT", "/api/ask", "GET, POST"),
            ("HEAD", "/api/tokens", "POST"),
            ("POST", "/api/sessions/a", "GET, PATCH, DELETE"),
            ("POST", "/", "GET, HEAD, OPTIONS"),
        ):
            response = house.client.open(path, method=method)
            assert (response.status_code, response.headers["Allow"]) == (405, allowed), path

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_may_end_in_a_slash(self, house: House, method: str) -> None:
        assert text(house.client.open("/api/ask/?question=hi", method=method)) == "안녕하세요."
        assert house.get("sessions/nobodys/").get_json()["code"] == "not_found"
        assert house.get("config/").status_code == 200

    def test_with_two_slashes_leads_nowhere_else(self, house: House) -> None:
        problem = refusal(house.client.post("/api//ask", json={"question": "?"}), 404, "not_found")
        assert "two slashes" in problem["detail"]


class TestIds:
    @pytest.mark.parametrize("how", ["GET", "field"])
    def test_are_there_where_a_client_resumes_by_them(self, house: House, how: str) -> None:
        response = house.client.get("/api/ask?question=hi") if how == "GET" else house.ask(ids="true")
        whole = response.get_data(as_text=True)
        answer = response.headers["X-Answer-Id"]
        assert whole.startswith(f"id: {answer}-1\nretry: 3000\ndata: ")
        assert whole.count("retry:") == 1
        assert whole.count("\nid: ") == whole.count("\ndata: ") - 1


class TestWhole:
    @pytest.mark.parametrize(
        ("fields", "accept"),
        [({"stream": False}, "*/*"), ({"stream": "0"}, ""), ({"format": "json"}, "*/*"), ({}, "application/json")],
    )
    def test_answer_is_one_object(self, house: House, fields: dict[str, object], accept: str) -> None:
        response = house.ask("뭐예요?", {"Accept": accept}, **fields)
        answer = response.get_json()
        assert response.content_type == "application/json"
        assert response.headers["Cache-Control"] == "no-store"
        assert answer["text"] == "안녕하세요."
        assert answer["question"] == "뭐예요?"
        assert answer["status"] == "completed"
        assert answer["answerId"] == response.headers["X-Answer-Id"]
        assert house.client.get(f"/api/answers/{answer['answerId']}").get_json()["text"] == "안녕하세요."

    @pytest.mark.parametrize(
        ("error", "status", "code", "retry"),
        [
            (UpstreamRateLimited(retry_after=7), 429, "rate_limited", 7),
            (UpstreamUnavailable(), 502, "upstream_unavailable", 60),
            (UpstreamUnavailable(connected=False, retry_after=None), 503, "upstream_unavailable", None),
            (UpstreamTimeout(), 504, "upstream_timeout", None),
            (InsufficientQuota(), 502, "insufficient_quota", None),
            (UpstreamRejected(), 502, "upstream_rejected", None),
            (ContextLength(), 422, "context_length", None),
            (ContentFilter(), 422, "content_filter", None),
        ],
    )
    def test_upstreams_failure_is_a_status(
        self, house: House, error: UpstreamUnavailable, status: int, code: str, retry: int | None
    ) -> None:
        house.model.error = error
        problem = refusal(house.ask(stream=False), status, code)
        assert problem.get("retryAfter") == retry

    def test_upstreams_failure_in_a_stream_is_a_frame(self, house: House) -> None:
        house.model.error = UpstreamTimeout()
        got = frames(house.ask())
        assert [frame["type"] for frame in got] == ["start", "text", "error", "metadata", "done"]
        assert got[2]["content"]["code"] == "upstream_timeout"
        assert "status" not in got[2]["content"]
        assert got[-1]["content"] == {"status": "failed"}

    def test_says_so_when_the_answer_broke_off(self, house: House) -> None:
        """Its worker lost it to another without a word."""
        whole: list[TestResponse] = []
        house.model.go.clear()
        asking = threading.Thread(target=lambda: whole.append(house.ask(stream=False)))
        asking.start()
        house.model.asked.wait(5)
        (running,) = house.assembly.runner._running.values()
        running.log.close_log()
        asking.join(5)
        refusal(whole[0], 500, "interrupted")


class TestFormat:
    @pytest.mark.parametrize(
        "accept", ["", "*/*", "application/json, text/plain, */*", "text/event-stream", "text/html"]
    )
    def test_is_a_stream_by_default(self, house: House, accept: str) -> None:
        assert text(house.ask(headers={"Accept": accept})) == "안녕하세요."

    def test_field_wins_over_accept(self, house: House) -> None:
        assert text(house.ask(headers={"Accept": "application/json"}, format="typed")) == "안녕하세요."
        assert text(house.ask(headers={"Accept": "application/json"}, stream="true")) == "안녕하세요."

    @pytest.mark.parametrize("name", ["morse", "xml", "smoke signals", ["typed"], 7])
    def test_that_isnt_there_is_refused_naming_those_that_are(self, house: House, name: object) -> None:
        problem = refusal(house.ask(format=name), 422, "invalid_field")
        assert problem["field"] == "format"
        assert "json" in problem["detail"]
        assert "typed" in problem["detail"]
        assert house.left_behind() == []


class TestLooking:
    def test_whether_the_address_exists_asks_nothing(self, house: House) -> None:
        response = house.client.head("/api/ask?question=hi")
        assert response.status_code == 405
        assert house.model.prompts == []


class TestBusy:
    def test_session_rejects_a_second_question_where_asked_to(self, house: House) -> None:
        house.model.go.clear()
        first = house.ask()
        session, answer = first.headers["X-Session-Id"], first.headers["X-Answer-Id"]
        problem = refusal(house.ask("또?", sessionId=session, onBusy="reject"), 409, "busy")
        assert problem["answerId"] == answer
        assert problem["retryable"] is True

    def test_session_replaces_the_first_answer_and_keeps_its_text(self, house: House) -> None:
        house.model.go.clear()
        first = house.ask()
        house.model.asked.wait(5)
        second = house.ask("또?", sessionId=first.headers["X-Session-Id"])
        assert text(second) == "안녕하세요."
        assert frames(first)[-1]["content"] == {"status": "cancelled"}
        kept = house.client.get(f"/api/answers/{first.headers['X-Answer-Id']}").get_json()
        assert (kept["status"], kept["text"]) == ("cancelled", "안녕")


class TestReplacing:
    def test_puts_a_question_into_the_place_of_an_answer_and_of_all_after_it(self, house: House) -> None:
        first = house.session("안녕?")
        session = first["sessionId"]
        second = house.session("그건 왜죠?", sessionId=session)
        house.session("또 있나요?", sessionId=session)
        third = house.session("그건 언제죠?", sessionId=session, replaces=second["answerId"])
        turns = house.client.get(f"/api/sessions/{session}").get_json()["turns"]
        assert [turn["answerId"] for turn in turns] == [third["answerId"], first["answerId"]]
        assert "그건 왜죠?" not in str(house.model.prompts[-1])

    def test_of_an_answer_that_isnt_there_removes_nothing(self, house: House) -> None:
        session = house.session("안녕?")["sessionId"]
        house.session("그건 왜죠?", sessionId=session, replaces="0" * 32)
        assert len(house.client.get(f"/api/sessions/{session}").get_json()["turns"]) == 2

    def test_is_repeated_without_leaving_a_second_turn(self, house: House) -> None:
        first = house.session("안녕?")
        fields = {"sessionId": first["sessionId"], "replaces": first["answerId"]}
        house.model.go.clear()
        one = house.ask("다시?", **fields)
        house.model.asked.wait(5)
        two = house.ask("다시?", **fields)
        house.model.go.set()
        assert text(two) == "안녕하세요."
        assert frames(one)[-1]["content"] == {"status": "cancelled"}
        house.settle()
        kept = house.client.get(f"/api/sessions/{first['sessionId']}").get_json()
        assert [turn["answerId"] for turn in kept["turns"]] == [two.headers["X-Answer-Id"]]
        assert (kept["title"], kept["topics"][0]["turns"]) == ("다시?", 1)

    def test_removes_nothing_where_the_session_is_too_busy(self, house: House) -> None:
        first = house.session("안녕?")
        session = first["sessionId"]
        house.model.go.clear()
        running = house.ask("그건 왜죠?", sessionId=session)
        again = {"sessionId": session, "replaces": first["answerId"], "onBusy": "reject"}
        assert refusal(house.ask("다시?", **again), 409, "busy")["answerId"] == running.headers["X-Answer-Id"]
        assert len(house.client.get(f"/api/sessions/{session}").get_json()["turns"]) == 2
        house.model.go.set()

    def test_takes_the_id_of_an_answer_alone(self, house: House) -> None:
        assert refusal(house.ask(replaces="the last one"), 422, "invalid_field")["field"] == "replaces"


class TestHangUp:
    def test_cancels_where_asked_to(self, house: House) -> None:
        house.model.go.clear()
        response = house.ask(onHangup="cancel")
        next(response.iter_encoded())
        response.close()
        house.settle()
        kept = house.client.get(f"/api/answers/{response.headers['X-Answer-Id']}").get_json()
        assert (kept["status"], kept["text"]) == ("cancelled", "안녕")

    def test_else_lets_the_answer_run_on(self, house: House) -> None:
        house.model.go.clear()
        response = house.ask()
        next(response.iter_encoded())
        response.close()
        house.model.go.set()
        house.settle()
        kept = house.client.get(f"/api/answers/{response.headers['X-Answer-Id']}").get_json()
        assert (kept["status"], kept["text"]) == ("completed", "안녕하세요.")


CHUNKED = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}


class TestRate:
    def test_is_limited_for_each_owner(self, make_house: MakeHouse) -> None:
        house = make_house(rate=(2, 3600))
        house.session()
        house.session()
        problem = refusal(house.ask(), 429, "rate_limited")
        assert problem["retryAfter"] >= 1
        assert len(house.model.prompts) == 2

    @pytest.mark.parametrize("announced", [True, False])
    def test_refuses_a_large_body_unread(self, make_house: MakeHouse, announced: bool) -> None:
        house = make_house(rate=(1, 3600))
        house.session()
        framing = {"CONTENT_LENGTH": "1000000"} if announced else CHUNKED
        environ = {"wsgi.input": UnreadBody(), "CONTENT_TYPE": "multipart/form-data; boundary=x", **framing}
        problem = refusal(house.client.post("/api/ask", environ_overrides=environ), 429, "rate_limited")
        assert problem["retryAfter"] >= 1

    @pytest.mark.parametrize(
        "saying",
        [
            {"headers": {"Idempotency-Key": "k" * 32}},
            {"headers": {"Idempotency-Key": "short"}},
            {"query_string": {"idempotencyKey": "k" * 32}},
            {"query_string": {"idempotencyKey": "short", "sessionId": "s" * 32}},
            {"headers": {"Last-Event-ID": "0" * 32 + "-1"}},
            {"headers": {"Last-Event-ID": "1"}},
            {"query_string": {"lastEventId": "0" * 32 + "-1"}},
        ],
    )
    def test_refuses_a_large_body_unread_whose_key_or_answer_nobody_knows(
        self, make_house: MakeHouse, saying: dict[str, Any]
    ) -> None:
        house = make_house(rate=(1, 3600))
        house.session()
        environ = {"wsgi.input": UnreadBody(), "CONTENT_TYPE": "multipart/form-data; boundary=x"}
        environ |= {"CONTENT_LENGTH": "1000000"}
        response = house.client.post("/api/ask", environ_overrides=environ, **saying)
        assert refusal(response, 429, "rate_limited")["retryAfter"] >= 1

    def test_reads_a_large_body_that_comes_back_to_an_answer_of_any_worker(self, make_house: MakeHouse) -> None:
        house, other = make_house(rate=(1, 3600)), make_house(rate=(1, 3600))
        running = house.begin()
        answer = running.headers["X-Answer-Id"]
        for each in (house, other):
            form = {"question": "환불은?", "files": (io.BytesIO(b"text " * 20_000), "a.txt")}
            response = each.client.post("/api/ask", data=form, headers={"Last-Event-ID": f"{answer}-1"})
            assert (response.status_code, response.headers["X-Answer-Id"]) == (200, answer)
            response.close()
        running.close()

    @pytest.mark.parametrize(
        "saying",
        [
            {"headers": {"Idempotency-Key": "k" * 32}},
            {"query_string": {"idempotencyKey": "k" * 32}},
            {"headers": {"Idempotency-Key": "short"}, "query_string": {"sessionId": "s" * 32}},
        ],
    )
    def test_reads_a_large_body_that_is_a_repetition(self, make_house: MakeHouse, saying: dict[str, Any]) -> None:
        house = make_house(rate=(1, 3600))
        for _ in range(2):
            form = {"question": "환불은?", "files": (io.BytesIO(b"text " * 20_000), "a.txt")}
            assert frames(house.client.post("/api/ask", data=form, **saying))[-1]["content"]["status"] == "completed"
        assert len(house.model.prompts) == 1

    def test_is_asked_for_a_large_body_without_taking_a_question(self, make_house: MakeHouse) -> None:
        house = make_house(rate=(2, 3600))
        for _ in range(2):
            form = {"question": "환불은?", "files": (io.BytesIO(b"text " * 20_000), "a.txt")}
            assert frames(house.client.post("/api/ask", data=form))[-1]["content"]["status"] == "completed"

    def test_counts_a_visitor_by_address(self, make_house: MakeHouse) -> None:
        house = make_house(rate=(1, 3600))

        def ask_from(address: str) -> int:
            response = house.client.post("/api/ask", json={"question": "?"}, environ_overrides={"REMOTE_ADDR": address})
            response.get_data()
            return response.status_code

        assert [ask_from(a) for a in ("10.0.0.1", "10.0.0.2", "10.0.0.1")] == [200, 200, 429]
        assert [ask_from(a) for a in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")] == [200, 429, 200]
