"""What the running service sends is what the declarations say, field by field."""

import io
import json
from contextlib import closing
from typing import Any

import pytest
from werkzeug.test import TestResponse

from qa_service.deltas import Annotation, Finished, Retrying, Searching, TextDelta, Thinking
from qa_service.errors import UpstreamRateLimited
from qa_service.web.serving import drain_answers
from tests.web.conftest import MakeHouse
from tests.web.house import PERSONAL_SECRET, SERVER_SECRET, House, frames
from tests.wire.contract import problems

KIM = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "kim"}
ME = {"Authorization": f"Bearer {PERSONAL_SECRET}"}
TERMS = "제1조 환불은 7일 안에 됩니다.\n\n제2조 배송은 이틀 걸립니다."
DELTAS = (
    Thinking(),
    Searching("환불 규정"),
    Retrying(1, "rate_limited", "scripted-1"),
    TextDelta("7일 [1]. "),
    TextDelta("배송 [2]. https://youtu.be/kVo_wMJ9-3Q ![](https://a.example/a.png)"),
    Annotation("url", title="규정", url="https://a.example/rules", span=(0, 2)),
    Finished("stop", "scripted-1"),
)


def ask_with_files(house: House) -> list[dict[str, Any]]:
    """Ask with a file that is read and one that isn't, and return the frames of the answer."""
    files = [(io.BytesIO(TERMS.encode()), "약관.txt"), (io.BytesIO(b"\x00\x01\x02"), "hum.mp3")]
    form: dict[str, Any] = {"question": "환불은 며칠 안에 되나요?", "files": files}
    return frames(house.client.post("/api/ask", data=form, headers=KIM))


def undeclared(got: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return what is wrong with these frames, by their type."""
    return {frame["type"]: found for frame in got if (found := problems("TypedFrame", frame))}


class TestFrames:
    def test_frames_of_an_answer_with_files_are_as_declared(self, house: House) -> None:
        house.model.deltas = DELTAS
        got = ask_with_files(house)
        assert {frame["type"] for frame in got} == {"start", "status", "text", "reference", "metadata", "done"}
        assert {frame["content"]["kind"] for frame in got if frame["type"] == "reference"} == {"url", "document"}
        assert all(frame["content"]["cites"] for frame in got if frame["type"] == "reference")
        assert {"imageResults", "videoResults"} <= got[-2].keys() & got[-2]["content"].keys()
        assert undeclared(got) == {}

    def test_frames_of_an_answer_that_fails_are_as_declared(self, house: House) -> None:
        house.model.error = UpstreamRateLimited(retry_after=7)
        got = frames(house.ask())
        assert "error" in {frame["type"] for frame in got}
        assert undeclared(got) == {}

    def test_frames_of_an_answer_whose_log_has_expired_are_as_declared(self, house: House) -> None:
        answer_id = house.session()["answerId"]
        house.settle()
        house.store.delete(*(key for key in house.store.keys("*:log") if answer_id.encode() in key))
        got = frames(house.get(f"answers/{answer_id}/stream"))
        assert "restart" in {frame["type"] for frame in got}
        assert undeclared(got) == {}

    def test_frames_of_a_connection_that_waits_and_ends_before_its_answer_are_as_declared(
        self, make_house: MakeHouse
    ) -> None:
        house = make_house(heartbeat_seconds=0.02)
        response = house.begin()
        got: list[dict[str, Any]] = []
        with closing(response):
            for piece in response.iter_encoded():
                got += [json.loads(event.removeprefix("data: ")) for event in piece.decode().split("\n\n")[:-1]]
                if got[-1]["type"] == "heartbeat":
                    drain_answers(house.app, 0)
        assert {"heartbeat", "reconnect"} <= {frame["type"] for frame in got}
        assert undeclared(got) == {}


@pytest.fixture
def kept(house: House) -> tuple[House, str, str]:
    """Return a service with a conversation of two answers and two files, its id, and that of the answer."""
    house.model.deltas = DELTAS
    start = ask_with_files(house)[0]["content"]
    house.model.error = UpstreamRateLimited()
    house.session("또?", headers=KIM, sessionId=start["sessionId"])
    house.settle()
    return house, start["sessionId"], start["answerId"]


def wrong(name: str, response: TestResponse) -> list[str]:
    return problems(name, response.get_json(force=True))


class TestObjects:
    def test_answers_are_as_declared(self, kept: tuple[House, str, str]) -> None:
        house, session_id, answer_id = kept
        assert wrong("AnswerObject", house.get(f"answers/{answer_id}", KIM)) == []
        failed = house.get(f"sessions/{session_id}", KIM).get_json()["turns"][0]["answerId"]
        assert wrong("AnswerObject", house.get(f"answers/{failed}", KIM)) == []
        house.model.error = None
        assert wrong("AnswerObject", house.ask(stream=False)) == []
        running = house.begin(headers=KIM)
        assert wrong("AnswerObject", house.get(f"answers/{running.headers['X-Answer-Id']}", KIM)) == []
        cancelled = house.client.post(f"/api/answers/{running.headers['X-Answer-Id']}/cancel", headers=KIM)
        assert wrong("AnswerObject", cancelled) == []

    def test_conversations_are_as_declared(self, kept: tuple[House, str, str]) -> None:
        house, session_id, _ = kept
        session = house.get(f"sessions/{session_id}", KIM)
        assert len(session.get_json()["turns"]) == 2
        assert wrong("SessionObject", session) == []
        assert wrong("SessionListObject", house.get("sessions", KIM)) == []
        renamed = house.client.patch(f"/api/sessions/{session_id}", json={"title": "환불"}, headers=KIM)
        assert wrong("SessionEntryObject", renamed) == []
        reset = house.client.post(f"/api/sessions/{session_id}/reset", headers=KIM)
        assert wrong("SessionEntryObject", reset) == []

    def test_files_are_as_declared(self, kept: tuple[House, str, str]) -> None:
        house, session_id, _ = kept
        listed = house.get(f"sessions/{session_id}/files", KIM)
        assert wrong("FileListObject", listed) == []
        for file in listed.get_json()["items"]:
            path = f"sessions/{session_id}/files/{file['fileId']}"
            assert wrong("FileObject", house.get(path, KIM)) == []
            if file["status"] == "used":
                assert wrong("PageObject", house.get(f"{path}/pages/1", KIM)) == []

    def test_what_is_told_of_the_service_is_as_declared(self, make_house: MakeHouse) -> None:
        for house in (make_house(), make_house(openai_api_key="")):
            assert wrong("HealthObject", house.get("healthz")) == []
            assert wrong("ReadinessObject", house.get("readyz")) == []
            for caller in (KIM, ME, None):
                assert wrong("ConfigObject", house.get("config", caller)) == []
            assert wrong("TokenObject", house.client.post("/api/tokens", headers=KIM)) == []


class TestProblems:
    def test_problems_of_every_kind_are_as_declared(self, house: House) -> None:
        refused = {
            401: house.get("sessions"),
            404: house.get("answers/" + "0" * 32),
            405: house.client.put("/api/ask"),
            415: house.client.post("/api/ask", data="<a/>", content_type="application/xml"),
            422: house.ask(topic="other"),
        }
        assert {status: response.status_code for status, response in refused.items()} == {
            each: each for each in refused
        }
        assert {status: found for status, each in refused.items() if (found := wrong("ProblemObject", each))} == {}

    def test_the_problem_of_a_busy_conversation_is_as_declared(self, house: House) -> None:
        running = house.begin()
        busy = house.ask("또?", sessionId=running.headers["X-Session-Id"], onBusy="reject")
        assert busy.get_json(force=True)["answerId"] == running.headers["X-Answer-Id"]
        assert wrong("ProblemObject", busy) == []

    def test_the_problem_of_upstream_is_as_declared_for_who_does_not_stream(self, house: House) -> None:
        house.model.error = UpstreamRateLimited(retry_after=7)
        failed = house.ask(stream=False)
        assert (failed.status_code, failed.get_json(force=True)["retryAfter"]) == (429, 7)
        assert wrong("ProblemObject", failed) == []
