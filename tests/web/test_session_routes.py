"""Conversations, answers, files and pages over HTTP: reading, changing, stopping, and what is nobody else's."""

import io
import json
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from qa_service.assembly import assemble
from qa_service.deltas import Finished, TextDelta
from qa_service.errors import QAError, StoreUnavailable
from qa_service.file_news import FileNews
from qa_service.interfaces import Stop
from qa_service.model import Owner, UploadedFile
from qa_service.web.mounting import EXTENSION_KEY
from tests.fakes import BUG
from tests.web.conftest import MakeHouse
from tests.web.house import PERSONAL_SECRET, SERVER_SECRET, House, Model, Reader, frames, refusal

KIM = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "kim"}
LEE = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "lee"}
ME = {"Authorization": f"Bearer {PERSONAL_SECRET}"}
TERMS = "제1조 환불은 7일 안에 됩니다.\n\n제2조 배송은 이틀 걸립니다."


def with_file(house: House, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Ask with a file. Return the `start`."""
    form = {"question": "환불은?", "files": (io.BytesIO(TERMS.encode()), "약관.txt")}
    start = frames(house.client.post("/api/ask", data=form, headers=headers))[0]["content"]
    assert isinstance(start, dict)
    return start


def file_of(house: House, session: str, headers: dict[str, str]) -> dict[str, Any]:
    found = house.client.get(f"/api/sessions/{session}/files", headers=headers).get_json()["items"][0]
    assert isinstance(found, dict)
    return found


class TestAnswers:
    def test_are_read_back(self, house: House) -> None:
        start = house.session("왜요?")
        answer = house.client.get(f"/api/answers/{start['answerId']}").get_json()
        assert answer["sessionId"] == start["sessionId"]
        assert (answer["question"], answer["text"], answer["status"]) == ("왜요?", "안녕하세요.", "completed")
        assert answer["references"] == []
        assert answer["metadata"]["finishReason"] == "stop"
        assert answer["createdAt"].endswith("Z")
        assert "error" not in answer

    def test_are_read_while_they_run(self, house: House) -> None:
        house.model.go.clear()
        response = house.ask()
        stream = response.iter_encoded()
        while b'"text"' not in next(stream):
            pass
        answer = house.client.get(f"/api/answers/{response.headers['X-Answer-Id']}").get_json()
        assert (answer["text"], answer["status"], answer["metadata"]) == ("안녕", "running", None)
        response.close()

    def test_are_cancelled_once_and_for_all(self, house: House) -> None:
        house.model.go.clear()
        response = house.ask()
        house.model.asked.wait(5)
        address = f"/api/answers/{response.headers['X-Answer-Id']}/cancel"
        first, second = house.client.post(address), house.client.post(address)
        assert first.status_code == second.status_code == 200
        assert first.get_json()["status"] == "cancelled"
        assert first.get_json()["text"] == "안녕"
        assert first.data == second.data
        assert frames(response)[-1]["content"] == {"status": "cancelled"}

    def test_that_are_over_are_not_changed_by_a_cancel(self, house: House) -> None:
        start = house.session()
        answer = house.client.post(f"/api/answers/{start['answerId']}/cancel").get_json()
        assert (answer["status"], answer["text"]) == ("completed", "안녕하세요.")


class TestSessions:
    def test_are_listed_newest_first_by_pages(self, house: House) -> None:
        sessions = [house.session(f"질문 {number}", KIM)["sessionId"] for number in range(3)]
        first = house.client.get("/api/sessions?limit=2", headers=KIM).get_json()
        rest = house.client.get(f"/api/sessions?limit=2&cursor={first['next']}", headers=KIM).get_json()
        listed = [entry["sessionId"] for entry in first["items"] + rest["items"]]
        assert listed == sessions[::-1]
        assert rest["next"] is None
        assert set(first["items"][0]) == {"sessionId", "title", "createdAt", "updatedAt", "turns"}
        assert first["items"][0]["title"] == "질문 2"

    def test_are_listed_for_their_owner_alone(self, house: House) -> None:
        house.session(headers=KIM)
        assert house.client.get("/api/sessions", headers=LEE).get_json()["items"] == []
        assert house.client.get("/api/sessions", headers=ME).get_json()["items"] == []

    def test_are_not_listed_for_a_visitor(self, house: House) -> None:
        refusal(house.client.get("/api/sessions"), 401, "unauthenticated")

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=٣", "limit=9999999999999999999"]
    )
    def test_impossible_limit_is_refused(self, house: House, query: str) -> None:
        start = house.session(headers=KIM)
        for path in ("sessions", f"sessions/{start['sessionId']}"):
            response = house.client.get(f"/api/{path}?{query}", headers=KIM)
            assert refusal(response, 422, "invalid_field")["field"] == "limit"

    @pytest.mark.parametrize("cursor", ["x", "nan", "inf", "-inf", "1 2", "(1"])
    def test_impossible_cursor_is_refused(self, house: House, cursor: str) -> None:
        response = house.client.get(f"/api/sessions?cursor={cursor}", headers=KIM)
        assert refusal(response, 422, "invalid_field")["field"] == "cursor"

    def test_show_their_turns_topics_and_files(self, house: House) -> None:
        session = with_file(house, KIM)["sessionId"]
        house.session("기린은요?", KIM, sessionId=session, topic="new")
        shown = house.client.get(f"/api/sessions/{session}", headers=KIM).get_json()
        assert [turn["question"] for turn in shown["turns"]] == ["기린은요?", "환불은?"]
        assert [turn["topic"] for turn in shown["turns"]] == [2, 1]
        assert [topic["index"] for topic in shown["topics"]] == [1, 2]
        assert (
            shown["turns"][0]["metadata"] == house.get(f"answers/{shown['turns'][0]['answerId']}", KIM).json["metadata"]
        )
        assert [file["name"] for file in shown["files"]] == ["약관.txt"]
        assert shown["title"] == "환불은?"
        assert {"answerId", "question", "text", "references", "status", "topic", "files", "createdAt"} <= set(
            shown["turns"][0]
        )
        assert "worker" not in json.dumps(shown)

    def test_show_their_turns_by_pages(self, house: House) -> None:
        session = house.session("1", KIM)["sessionId"]
        house.session("2", KIM, sessionId=session)
        first = house.client.get(f"/api/sessions/{session}?limit=1", headers=KIM).get_json()
        rest = house.client.get(f"/api/sessions/{session}?limit=1&cursor={first['next']}", headers=KIM).get_json()
        assert [turn["question"] for turn in first["turns"] + rest["turns"]] == ["2", "1"]

    @pytest.mark.parametrize("cursor", ["x", "%00", "0" * 31, "G" * 32, "1.5"])
    def test_are_paged_by_a_cursor_of_their_own(self, house: House, cursor: str) -> None:
        session = house.session(headers=KIM)["sessionId"]
        response = house.client.get(f"/api/sessions/{session}?cursor={cursor}", headers=KIM)
        assert refusal(response, 422, "invalid_field")["field"] == "cursor"

    def test_take_empty_limits_and_cursors_as_absent(self, house: House) -> None:
        session = house.session(headers=KIM)["sessionId"]
        for address in ("sessions", f"sessions/{session}"):
            assert house.get(f"{address}?limit=&cursor=undefined", KIM).status_code == 200

    def test_show_why_a_turn_failed(self, house: House) -> None:
        house.model.deltas = ()
        session = house.session(headers=KIM)["sessionId"]
        turn = house.client.get(f"/api/sessions/{session}", headers=KIM).get_json()["turns"][0]
        assert turn["status"] == "failed"
        assert turn["error"]["code"] == "internal"

    def test_are_renamed(self, house: House) -> None:
        session = house.session(headers=KIM)["sessionId"]
        renamed = house.client.patch(f"/api/sessions/{session}", json={"title": " 새 이름 "}, headers=KIM)
        assert (renamed.status_code, renamed.get_json()["title"]) == (200, "새 이름")
        assert house.client.get("/api/sessions", headers=KIM).get_json()["items"][0]["title"] == "새 이름"

    def test_begin_a_topic_by_hand(self, house: House) -> None:
        session = house.session("환불은?", KIM)["sessionId"]
        assert house.client.post(f"/api/sessions/{session}/reset", headers=KIM).status_code == 200
        house.session("그건요?", KIM, sessionId=session)
        assert "환불" not in repr(house.model.prompts[-1].messages)

    def test_go_back_to_an_earlier_topic_by_hand(self, house: House) -> None:
        session = house.session("환불은?", KIM)["sessionId"]
        house.settle()
        house.session("주차는?", KIM, sessionId=session, topic="new")
        house.settle()
        path = f"/api/sessions/{session}/topics"
        assert house.client.post(f"{path}/1/reopen", headers=KIM).get_json()["sessionId"] == session
        shown = house.client.get(f"/api/sessions/{session}", headers=KIM).get_json()
        assert (shown["topic"], [topic["turns"] for topic in shown["topics"]]) == (1, [1, 1])
        house.session("그건요?", KIM, sessionId=session, topic="keep")
        asked = repr(house.model.prompts[-1].messages)
        assert "환불" in asked
        assert "주차" not in asked
        refusal(house.client.post(f"{path}/3/reopen", headers=KIM), 404, "not_found")

    def test_are_deleted_with_everything(self, house: House) -> None:
        start = with_file(house, KIM)
        session = start["sessionId"]
        house.settle()
        response = house.client.delete(f"/api/sessions/{session}", headers=KIM)
        assert (response.status_code, response.data) == (204, b"")
        for path in (f"sessions/{session}", f"sessions/{session}/files", f"answers/{start['answerId']}"):
            refusal(house.client.get(f"/api/{path}", headers=KIM), 404, "not_found")
        assert house.client.get("/api/sessions", headers=KIM).get_json()["items"] == []
        assert not [key for key in house.store.keys("*") if session.encode() in key]

    def test_that_answer_are_stopped_when_deleted(self, house: House) -> None:
        house.model.go.clear()
        response = house.ask(headers=KIM)
        house.model.asked.wait(5)
        session = response.headers["X-Session-Id"]
        assert house.client.delete(f"/api/sessions/{session}", headers=KIM).status_code == 204
        got = frames(response)
        assert got[-1]["content"] == {"status": "cancelled"}
        assert got[-2]["content"]["saved"] is False
        house.settle()
        left = [key for key in house.store.keys("*") if session.encode() in key]
        # This key is left for a minute, so that deleting again tells the same.
        assert all(key.endswith(b":deleted") for key in left)


class TestFiles:
    def test_are_listed_and_shown(self, house: House) -> None:
        session = with_file(house, KIM)["sessionId"]
        file = file_of(house, session, KIM)
        assert {"fileId", "name", "kind", "pages", "tokens", "status", "topic"} <= set(file)
        assert (file["name"], file["kind"], file["status"], file["topic"]) == ("약관.txt", "txt", "used", 1)
        assert house.client.get(f"/api/sessions/{session}/files/{file['fileId']}", headers=KIM).get_json() == file

    def test_pages_are_their_text(self, house: House) -> None:
        session = with_file(house, KIM)["sessionId"]
        address = f"/api/sessions/{session}/files/{file_of(house, session, KIM)['fileId']}/pages"
        page = house.client.get(f"{address}/1", headers=KIM).get_json()
        assert "환불은 7일 안에 됩니다." in page["text"]
        assert page["page"] == 1
        for number in ("0", "2", "99999999999999999999"):
            refusal(house.client.get(f"{address}/{number}", headers=KIM), 404, "not_found")

    def test_are_deleted(self, house: House) -> None:
        session = with_file(house, KIM)["sessionId"]
        address = f"/api/sessions/{session}/files/{file_of(house, session, KIM)['fileId']}"
        assert house.client.delete(address, headers=KIM).status_code == 204
        refusal(house.client.get(address, headers=KIM), 404, "not_found")
        refusal(house.client.delete(address, headers=KIM), 404, "not_found")

    @pytest.mark.parametrize("setting", [{}, {"public_url": "https://public.example/qa"}])
    def test_references_point_to_their_pages(self, make_house: MakeHouse, setting: dict[str, str]) -> None:
        house = make_house(**setting)
        house.model.deltas = (TextDelta("7일 [1]."), Finished("stop"))
        form = {"question": "환불은?", "files": (io.BytesIO(TERMS.encode()), "약관.txt")}
        got = frames(house.client.post("/api/ask", data=form))
        reference = next(frame for frame in got if frame["type"] == "reference")
        session, answer = got[0]["content"]["sessionId"], got[0]["content"]["answerId"]
        prefix = "/qa/api" if setting else "/api"
        address = reference["content"]["url"]
        assert address.startswith(f"{prefix}/sessions/{session}/files/")
        assert reference["url"] == address
        local = address.removeprefix("/qa")
        assert reference["content"]["quote"] in house.client.get(local).get_json()["text"]
        for path in (f"answers/{answer}", f"sessions/{session}"):
            shown = house.client.get(f"/api/{path}").get_json()
            shown = shown if "references" in shown else shown["turns"][0]
            assert shown["references"][0]["url"] == address


class TestOthers:
    """Another's id and one that never was get the same answer, byte for byte."""

    def test_things_are_as_unknown_as_unknown_ones(self, house: House) -> None:
        theirs = with_file(house, KIM)
        session, answer = theirs["sessionId"], theirs["answerId"]
        file = file_of(house, session, KIM)["fileId"]
        own = with_file(house, LEE)["sessionId"]
        no = "0" * 32
        for method, another, unknown in [
            ("GET", f"sessions/{session}", f"sessions/{no}"),
            ("PATCH", f"sessions/{session}", f"sessions/{no}"),
            ("DELETE", f"sessions/{session}", f"sessions/{no}"),
            ("POST", f"sessions/{session}/reset", f"sessions/{no}/reset"),
            ("POST", f"sessions/{session}/topics/1/reopen", f"sessions/{no}/topics/1/reopen"),
            ("GET", f"sessions/{session}/files", f"sessions/{no}/files"),
            ("GET", f"sessions/{session}/files/{file}", f"sessions/{no}/files/{no}"),
            ("GET", f"sessions/{own}/files/{file}", f"sessions/{own}/files/{no}"),
            ("DELETE", f"sessions/{session}/files/{file}", f"sessions/{no}/files/{no}"),
            ("GET", f"sessions/{session}/files/{file}/pages/1", f"sessions/{no}/files/{no}/pages/1"),
            ("GET", f"answers/{answer}", f"answers/{no}"),
            ("POST", f"answers/{answer}/cancel", f"answers/{no}/cancel"),
        ]:
            got = [
                house.client.open(f"/api/{path}", method=method, headers=LEE, json={"title": "x"})
                for path in (another, unknown)
            ]
            refusal(got[0], 404, "not_found")
            assert got[0].data == got[1].data, (method, another)
            assert dict(got[0].headers) == dict(got[1].headers)
        assert house.client.get(f"/api/sessions/{session}", headers=KIM).status_code == 200

    def test_session_of_the_same_id_is_another_one(self, house: House) -> None:
        house.session("내 비밀", KIM, sessionId="shared")
        start = house.session("뭐라고 했죠?", LEE, sessionId="shared")
        assert start["created"] is True
        assert "비밀" not in repr(house.model.prompts[-1])

    def test_running_answer_is_not_stopped_by_others(self, house: House) -> None:
        house.model.go.clear()
        response = house.ask(headers=KIM)
        house.model.asked.wait(5)
        refusal(
            house.client.post(f"/api/answers/{response.headers['X-Answer-Id']}/cancel", headers=LEE), 404, "not_found"
        )
        refusal(house.client.get(f"/api/answers/{response.headers['X-Answer-Id']}", headers=LEE), 404, "not_found")
        house.model.go.set()
        assert frames(response)[-1]["content"] == {"status": "completed"}

    @pytest.mark.parametrize("odd", ["..", "%00", "a%0d%0ab", "%ED%A0%80", "{x}:head", "*", "x" * 3000, "세션"])
    def test_odd_ids_are_unknown_ones(self, house: House, odd: str) -> None:
        for path in (
            f"sessions/{odd}",
            f"answers/{odd}",
            f"sessions/{odd}/files/{odd}",
            f"sessions/{odd}/files/{odd}/pages/1",
        ):
            refusal(house.client.get(f"/api/{path}", headers=KIM), 404, "not_found")


class TestVisitors:
    @pytest.mark.parametrize("own", ["", "1", "my-session", "a" * 21, "5f0c6e0a-0f52-4c8e-9"])
    def test_guessable_ids_are_replaced(self, house: House, own: str) -> None:
        first, second = (house.session(sessionId=own)["sessionId"] for _ in range(2))
        assert own not in (first, second)
        assert first != second
        assert len(first) == 32

    @pytest.mark.parametrize("own", ["5f0c6e0a-0f52-4c8e-9f7b-6f6c52a1d0e4", "a.b-c_d" * 4, "x" * 128])
    def test_ids_that_are_hard_to_guess_are_kept(self, house: House, own: str) -> None:
        assert house.session(sessionId=own)["sessionId"] == own
        assert house.client.get(f"/api/sessions/{own}").status_code == 200

    def test_read_their_conversation_by_its_id(self, house: House) -> None:
        session = house.session("왜요?")["sessionId"]
        other = house.client.get(f"/api/sessions/{session}", environ_overrides={"REMOTE_ADDR": "10.9.9.9"}).get_json()
        assert [turn["question"] for turn in other["turns"]] == ["왜요?"]

    def test_others_keep_any_id(self, house: House) -> None:
        assert house.session(headers=KIM, sessionId="1")["sessionId"] == "1"


class TestDeletedWhileAnAnswerDoesNotStop:
    def test_it_is_told_as_done_and_its_other_answers_are_stopped(
        self, make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> None:
            raise BUG

        house = make_house()
        responses = [house.begin(headers=KIM) for _ in range(2)]
        ids = [response.headers["X-Answer-Id"] for response in responses]
        runner, history = house.assembly.runner, house.assembly.history
        stops = [runner._running[answer_id].stop for answer_id in ids]
        for stop in stops:
            stop.call_when_set(fail)
        monkeypatch.setattr(type(history), "delete_session", lambda *_: ids)
        session = responses[0].headers["X-Session-Id"]
        assert house.client.delete(f"/api/sessions/{session}", headers=KIM).status_code == 204
        assert [stop.reason for stop in stops] == ["cancelled"] * 2


class TestDeletedWhileTheStoreGoesAway:
    """Nobody reads what is still answered then, so it must not go on, and be paid for."""

    class History:
        """A `History` is a history whose store goes away before or behind the deletion."""

        def __init__(self, house: House, *, behind: bool) -> None:
            self._own, self._behind = house.assembly.history, behind

        def __getattr__(self, name: str) -> object:
            return getattr(self._own, name)

        def delete_session(self, owner: Owner, session_id: str) -> Sequence[str]:
            if self._behind:
                self._own.delete_session(owner, session_id)
            raise StoreUnavailable("The store does not answer.", retry_after=1)

    @pytest.mark.parametrize("behind", [True, False])
    def test_its_answer_is_stopped_whether_or_not_the_deletion_was_carried_out(
        self, own_house: House, behind: bool
    ) -> None:
        response = own_house.begin(headers=KIM)
        session = response.headers["X-Session-Id"]
        mounted = own_house.app.extensions[EXTENSION_KEY]
        broken = replace(mounted.assembly, history=self.History(own_house, behind=behind))
        own_house.app.extensions[EXTENSION_KEY] = replace(mounted, assembly=broken)
        deletion = own_house.client.delete(f"/api/sessions/{session}", headers=KIM)
        assert frames(response)[-1]["content"] == {"status": "cancelled"}
        refusal(deletion, 503, "store_unavailable")

    @pytest.mark.parametrize(
        "error", [StoreUnavailable(retry_after=1), QAError("The store was asked for something wrong.")]
    )
    def test_the_deletion_is_told_as_done_where_only_a_stop_could_not_be_said(
        self, make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch, error: QAError
    ) -> None:
        writing, deleting = make_house(), make_house()
        response = writing.begin(headers=KIM)
        session = response.headers["X-Session-Id"]
        untold, said = deleting.assembly.runner._keeper.untold, []
        announce = untold._announce

        def stop(answer_id: str) -> None:
            said.append(answer_id)
            if len(said) == 1:
                raise error
            announce(answer_id)

        monkeypatch.setattr(untold, "_announce", stop)
        assert deleting.client.delete(f"/api/sessions/{session}", headers=KIM).status_code == 204
        assert frames(response)[-1]["content"] == {"status": "cancelled"}
        assert said

    def test_a_deletion_can_be_repeated_for_a_while(self, house: House) -> None:
        """Whoever got no answer to it asks again, and is told that it is done."""
        response = house.begin(headers=KIM)
        session = response.headers["X-Session-Id"]
        path = f"/api/sessions/{session}"
        assert [house.client.delete(path, headers=KIM).status_code for _ in range(2)] == [204, 204]
        assert frames(response)[-1]["content"] == {"status": "cancelled"}
        refusal(house.client.delete("/api/sessions/unknown", headers=KIM), 404, "not_found")


class TestDeletedWhileAFileIsRead:
    @pytest.fixture
    def reading(self) -> Iterator[tuple[threading.Event, threading.Event]]:
        """Set while a file is being read, and what lets it go on."""
        began, go = threading.Event(), threading.Event()
        yield began, go
        go.set()

    def test_nothing_of_the_file_is_kept(
        self, make_house: MakeHouse, reading: tuple[threading.Event, threading.Event]
    ) -> None:
        began, go = reading

        class Slow(Reader):
            def read_upload(self, file: UploadedFile, stop: Stop) -> Iterator[FileNews]:
                began.set()
                go.wait(5)
                yield from super().read_upload(file, stop)

        house = make_house({"assemble": partial(assemble, upstream=Model(), reader=Slow())})
        form = {"question": "환불은?", "files": (io.BytesIO(TERMS.encode()), "약관.txt")}
        response = house.client.post("/api/ask", data=form, headers=KIM)
        session = response.headers["X-Session-Id"]
        began.wait(5)
        house.client.delete(f"/api/sessions/{session}", headers=KIM)
        go.set()
        assert frames(response)[-1]["content"] == {"status": "cancelled"}
        house.settle()
        refusal(house.client.get(f"/api/sessions/{session}/files", headers=KIM), 404, "not_found")
        left = [key for key in house.store.keys("*") if session.encode() in key]
        assert all(key.endswith(b":deleted") for key in left)
