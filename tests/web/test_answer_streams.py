"""Coming back to an answer: the same frames from any worker, from any number on, and never a second answer."""

import io
import json
import threading
from typing import Any

import pytest
from werkzeug.test import TestResponse

from qa_service.deltas import TextDelta
from qa_service.pause import ITEMS_PER_STEP
from qa_service.running.runner import READERS
from qa_service.running.settings import Pace
from tests.web.conftest import MakeHouse
from tests.web.house import SERVER_SECRET, House, frames, refusal

KIM = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "kim"}
LEE = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "lee"}
UNKNOWN = "0" * 32
WHOLE = ["start", "text", "text", "metadata", "done"]


def seqs(got: list[dict[str, Any]]) -> list[int]:
    return [frame["seq"] for frame in got]


def over(house: House, headers: dict[str, str] | None = None) -> str:
    """Return the id of an answer of five frames that everybody knows the end of."""
    answer = house.session(headers=headers)["answerId"]
    house.settle()
    assert isinstance(answer, str)
    return answer


def begun(house: House, headers: dict[str, str] | None = None) -> str:
    """Return the id of an answer that waits behind its second frame, as others know it."""
    response = house.begin(headers=headers)
    answer: str = response.headers["X-Answer-Id"]
    running = house.assembly.runner._running[answer]
    while not (running.log.text() and running.is_flushed):
        house.assembly.runner._flusher.flush()
    response.close()
    return answer


def expire(house: House, answer: str) -> None:
    (log,) = (key for key in house.store.keys("*:log") if answer.encode() in key)
    house.store.delete(log)


class Reading(threading.Thread):
    """A `Reading` reads a stream to its end, meanwhile."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        self._response = response
        self.got: list[dict[str, Any]] = []
        self.start()

    def run(self) -> None:
        self.got = frames(self._response)

    def ended(self) -> list[dict[str, Any]]:
        self.join(10)
        return self.got


@pytest.fixture
def other(make_house: MakeHouse, house: House) -> House:
    """Return another worker of the same service."""
    return make_house()


class TestAfterANumber:
    def test_comes_what_follows_with_the_numbers_it_had(self, house: House) -> None:
        whole = frames(house.ask())
        answer = whole[0]["content"]["answerId"]
        for after in range(5):
            assert frames(house.get(f"answers/{answer}/stream?after={after}")) == whole[after:]
        assert frames(house.get(f"answers/{answer}/stream")) == whole

    def test_a_negative_one_asks_for_the_last_frames_and_those_that_follow(self, house: House, other: House) -> None:
        whole = frames(house.ask())
        answer = whole[0]["content"]["answerId"]
        for each in (house, other):
            assert frames(each.get(f"answers/{answer}/stream")) == whole
            for count in range(1, len(whole) + 3):
                assert frames(each.get(f"answers/{answer}/stream?after=-{count}")) == whole[-count:]

    def test_a_negative_one_joins_an_answer_that_is_being_written(self, house: House) -> None:
        answer = begun(house)
        reading = Reading(house.get(f"answers/{answer}/stream?after=-1"))
        house.model.go.set()
        got = seqs(reading.ended())
        assert got == list(range(got[0], 6))
        assert got[0] <= 2

    def test_whoever_begins_at_the_end_of_a_long_answer_gives_way_first(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house.model.deltas = (*[TextDelta("a")] * (ITEMS_PER_STEP + 1), *house.model.deltas)
        whole = frames(house.ask())
        pauses: list[int] = []
        monkeypatch.setattr("qa_service.pause.give_way", lambda: pauses.append(1))
        assert frames(house.get(f"answers/{whole[0]['content']['answerId']}/stream?after=-1")) == whole[-1:]
        assert pauses

    @pytest.mark.parametrize("how", ["own", "other"])
    def test_a_reader_that_was_cut_off_misses_nothing_and_gets_nothing_twice(
        self, house: House, other: House, how: str
    ) -> None:
        answer = begun(house)
        reading = Reading((house if how == "own" else other).get(f"answers/{answer}/stream?after=1"))
        house.model.go.set()
        assert seqs(reading.ended()) == [2, 3, 4, 5]

    def test_another_worker_gives_byte_for_byte_the_same(self, house: House, other: House) -> None:
        answer = over(house)
        path = f"answers/{answer}/stream?ids=true"
        assert house.get(path).data == other.get(path).data

    def test_the_headers_name_the_answer_and_keep_proxies_from_holding_it_back(self, house: House) -> None:
        answer = over(house)
        response = house.get(f"answers/{answer}/stream")
        assert response.headers["X-Answer-Id"] == answer
        assert response.headers["X-Session-Id"]
        assert response.headers["Cache-Control"] == "no-cache, no-store, no-transform"
        assert response.headers["X-Accel-Buffering"] == "no"

    @pytest.mark.parametrize("after", ["--1", "-", "x", "1.5", "٣", "-٣", "9" * 16])
    def test_an_impossible_one_is_refused(self, house: House, after: str) -> None:
        response = house.get(f"answers/{over(house)}/stream?after={after}")
        assert refusal(response, 422, "invalid_field")["field"] == "after"


class TestLastEventId:
    @pytest.mark.parametrize("seen", ["{answer}-3", "3", " 3 "])
    @pytest.mark.parametrize("how", ["header", "field"])
    def test_is_where_it_goes_on(self, house: House, seen: str, how: str) -> None:
        answer = over(house)
        seen = seen.format(answer=answer)
        headers, query = ({"Last-Event-ID": seen}, "") if how == "header" else ({}, f"?lastEventId={seen.strip()}")
        assert seqs(frames(house.get(f"answers/{answer}/stream{query}", headers))) == [4, 5]

    def test_has_each_frame_say_its_id(self, house: House) -> None:
        answer = over(house)
        whole = house.get(f"answers/{answer}/stream", {"Last-Event-ID": "3"}).get_data(as_text=True)
        assert whole.startswith(f"id: {answer}-4\nretry: 3000\ndata: ")
        assert f"\n\nid: {answer}-5\ndata: " in whole

    @pytest.mark.parametrize("seen", ["x", "abc-", "-3", "a-b-3", "a_b-3", "abc-3x", "3" * 16])
    def test_that_cannot_be_read_is_refused(self, house: House, seen: str) -> None:
        response = house.get(f"answers/{over(house)}/stream", {"Last-Event-ID": seen})
        assert refusal(response, 422, "invalid_field")["field"] == "lastEventId"

    def test_of_another_answer_is_refused(self, house: House) -> None:
        response = house.get(f"answers/{over(house)}/stream", {"Last-Event-ID": f"{UNKNOWN}-3"})
        assert refusal(response, 422, "invalid_field")["field"] == "lastEventId"


class TestNothing:
    @pytest.mark.parametrize("after", [5, 6, 999])
    def test_comes_after_the_last_number(self, house: House, other: House, after: int) -> None:
        answer = over(house)
        for each in (house, other):
            response = each.get(f"answers/{answer}/stream?after={after}")
            assert (response.status_code, response.data) == (204, b"")

    def test_is_never_said_of_one_that_runs(self, make_house: MakeHouse) -> None:
        house = make_house(heartbeat_seconds=0.5)
        response = house.get(f"answers/{begun(house)}/stream?after=99")
        house.model.go.set()
        assert {frame["type"] for frame in frames(response)} == {"heartbeat", "done"}

    def test_comes_after_the_last_number_of_one_whose_log_has_expired(self, house: House) -> None:
        answer = over(house)
        expire(house, answer)
        assert house.get(f"answers/{answer}/stream?after=5").status_code == 204
        assert house.get(f"answers/{answer}/stream?after=4").status_code == 200


class TestExpired:
    def test_is_rebuilt_from_what_was_saved(self, house: House) -> None:
        answer = over(house)
        expire(house, answer)
        got = frames(house.get(f"answers/{answer}/stream?after=2"))
        assert [frame["type"] for frame in got] == ["start", "restart", "text", "metadata", "done"]
        assert seqs(got) == [6, 7, 8, 9, 10]
        assert got[2]["content"] == "안녕하세요."
        assert got[1]["content"] == {"reason": "expired"}


class TestFormats:
    def test_whole_it_is_the_answer(self, house: House) -> None:
        answer = over(house)
        whole = house.get(f"answers/{answer}/stream?format=json")
        assert whole.content_type == "application/json"
        assert whole.get_json() == house.get(f"answers/{answer}").get_json()

    def test_whole_it_waits_for_the_end_also_on_another_worker(self, house: House, other: House) -> None:
        answer = begun(house)
        got: list[TestResponse] = []
        waiting = threading.Thread(target=lambda: got.append(other.get(f"answers/{answer}/stream?stream=false")))
        waiting.start()
        house.model.go.set()
        waiting.join(10)
        assert got[0].get_json()["text"] == "안녕하세요."

    def test_one_that_isnt_there_is_refused(self, house: House) -> None:
        response = house.get(f"answers/{over(house)}/stream?format=xml")
        assert refusal(response, 422, "invalid_field")["field"] == "format"


class TestOthers:
    @pytest.mark.parametrize("state", ["running", "over", "expired"])
    def test_another_owners_is_as_unknown_as_none_byte_for_byte(self, house: House, other: House, state: str) -> None:
        answer = begun(house, KIM) if state == "running" else over(house, KIM)
        if state == "expired":
            expire(house, answer)
        for each in (house, other):
            for path in ("answers/{}/stream", "answers/{}/stream?after=99", "answers/{}/stream?format=json"):
                theirs, unknown = (each.get(path.format(sought), LEE) for sought in (answer, UNKNOWN))
                refusal(theirs, 404, "not_found")
                assert theirs.data == unknown.data
                assert dict(theirs.headers) == dict(unknown.headers)
            asked, never = (
                each.client.post("/api/ask?question=hi", headers=LEE | {"Last-Event-ID": f"{sought}-1"})
                for sought in (answer, UNKNOWN)
            )
            refusal(asked, 404, "not_found")
            assert asked.data == never.data
        assert len(house.model.prompts) == 1

    def test_have_room_while_one_caller_follows_an_answer_as_often_as_it_may(self, make_house: MakeHouse) -> None:
        house, other = make_house(max_answers=4), make_house(max_answers=4)
        mine, theirs = begun(house, KIM), begun(house, LEE)
        for each in (house, other):
            held = [each.get(f"answers/{mine}/stream", KIM) for _ in range(READERS)]
            assert {response.status_code for response in held} == {200}
            assert int(each.get(f"answers/{mine}/stream", KIM).headers["Retry-After"]) > 0
            refusal(each.get(f"answers/{mine}/stream", KIM), 429, "rate_limited")
            assert each.get(f"v1/responses/{mine}?stream=true", KIM).status_code == 429
            assert each.get(f"answers/{theirs}/stream", LEE).status_code == 200
            asked = each.ask(headers=KIM)
            assert asked.status_code == 200
            for response in (*held, asked):
                response.close()
            assert each.get(f"answers/{mine}/stream", KIM).status_code == 200

    def test_at_the_same_address_share_the_readers_of_one_caller(self, make_house: MakeHouse) -> None:
        house = make_house(max_answers=4, allow_anonymous=True)
        answer = begun(house)

        def follow(address: str) -> TestResponse:
            return house.client.get(f"/api/answers/{answer}/stream", environ_base={"REMOTE_ADDR": address})

        held = [follow("192.0.2.1") for _ in range(READERS)]
        refusal(follow("192.0.2.1"), 429, "rate_limited")
        assert follow("192.0.2.2").status_code == 200
        for response in held:
            response.close()


class TestAskingAgain:
    """`ask` with a `Last-Event-ID` never starts a second answer."""

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("how", ["header", "field"])
    def test_goes_on_with_the_answer_it_names(self, house: House, method: str, how: str) -> None:
        answer = over(house)
        headers = {"Last-Event-ID": f"{answer}-2"} if how == "header" else {}
        query = "question=hi" + (f"&lastEventId={answer}-2" if how == "field" else "")
        response = house.client.open(f"/api/ask?{query}", method=method, headers=headers)
        assert response.get_data(as_text=True).startswith(f"id: {answer}-3\nretry: 3000\n")
        assert len(house.model.prompts) == 1

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_is_over_where_nothing_comes_any_more(self, house: House, method: str) -> None:
        answer = over(house)
        headers = {"Last-Event-ID": f"{answer}-5"}
        response = house.client.open("/api/ask?question=hi", method=method, headers=headers)
        assert (response.status_code, response.data) == (204, b"")
        assert len(house.model.prompts) == 1

    @pytest.mark.parametrize(
        ("seen", "status", "code"),
        [
            (f"{UNKNOWN}-3", 404, "not_found"),
            ("abc-3", 404, "not_found"),
            ("3", 404, "not_found"),
            ("nonsense", 422, "invalid_field"),
            ("세-3", 422, "invalid_field"),
        ],
    )
    def test_of_what_nobody_knows_is_refused(self, house: House, seen: str, status: int, code: str) -> None:
        response = house.client.post("/api/ask", json={"question": "hi", "lastEventId": seen})
        refusal(response, status, code)
        assert house.model.prompts == []
        assert house.left_behind() == []

    def test_with_a_file_leaves_no_file(self, house: House) -> None:
        answer = over(house)
        form = {"question": "hi", "files": (io.BytesIO(b"text"), "a.txt")}
        response = house.client.post("/api/ask", data=form, headers={"Last-Event-ID": f"{answer}-5"})
        assert (response.status_code, house.uploads()) == (204, [])

    def test_with_a_file_of_what_nobody_knows_leaves_no_file(self, house: House) -> None:
        form = {"question": "hi", "files": (io.BytesIO(b"text"), "a.txt")}
        refusal(house.client.post("/api/ask", data=form, headers={"Last-Event-ID": "abc-3"}), 404, "not_found")
        assert house.left_behind() == []


class TestCancelling:
    def test_from_another_worker_gives_the_cancelled_answer(self, house: House, other: House) -> None:
        answer = begun(house)
        cancelled = other.client.post(f"/api/answers/{answer}/cancel")
        assert cancelled.status_code == 200
        shown = cancelled.get_json()
        assert (shown["status"], shown["text"]) == ("cancelled", "안녕")
        assert shown["metadata"]["finishReason"] == "cancelled"
        house.settle()
        assert house.get(f"answers/{answer}").get_json() == shown
        assert other.client.post(f"/api/answers/{answer}/cancel").get_json() == shown

    def test_its_readers_everywhere_are_told(self, house: House, other: House) -> None:
        answer = begun(house)
        readers = [Reading(each.get(f"answers/{answer}/stream")) for each in (house, other)]
        house.client.post(f"/api/answers/{answer}/cancel")
        for reader in readers:
            assert reader.ended()[-1]["content"] == {"status": "cancelled"}

    def test_one_that_is_over_is_not_changed_from_elsewhere(self, house: House, other: House) -> None:
        answer = over(house)
        shown = other.client.post(f"/api/answers/{answer}/cancel").get_json()
        assert (shown["status"], shown["text"]) == ("completed", "안녕하세요.")

    def test_one_that_does_not_stop_in_time_is_shown_as_it_stands(
        self, make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house = make_house(pace=Pace(cancel=0.0))
        answer = begun(house)
        monkeypatch.setattr(house.assembly.runner._running[answer].stop, "set", lambda reason: None)
        shown = house.client.post(f"/api/answers/{answer}/cancel").get_json()
        assert (shown["status"], shown["text"]) == ("running", "안녕")
        monkeypatch.undo()


class TestDeleting:
    def test_the_session_ends_what_runs_and_its_readers_everywhere_are_told(self, house: House, other: House) -> None:
        answer = begun(house, KIM)
        session = house.get(f"answers/{answer}", KIM).get_json()["sessionId"]
        readers = [Reading(each.get(f"answers/{answer}/stream", KIM)) for each in (house, other)]
        assert other.client.delete(f"/api/sessions/{session}", headers=KIM).status_code == 204
        for reader in readers:
            got = reader.ended()
            assert got[-1]["content"] == {"status": "cancelled"}
            assert got[-2]["content"]["saved"] is False
        house.settle()
        for each in (house, other):
            refusal(each.get(f"answers/{answer}", KIM), 404, "not_found")


class TestReadingWhileItRuns:
    def test_from_another_worker_shows_the_text_so_far(self, house: House, other: House) -> None:
        answer = begun(house)
        shown = other.get(f"answers/{answer}").get_json()
        assert (shown["text"], shown["status"], shown["metadata"]) == ("안녕", "running", None)

    def test_many_small_pieces_come_whole_to_who_joins_late(self, house: House, other: House) -> None:
        *_, finished = house.model.deltas
        house.model.deltas = (*(TextDelta(f"{number} ") for number in range(700)), finished)
        answer = over(house)
        got = frames(other.get(f"answers/{answer}/stream"))
        assert "".join(f["content"] for f in got if f["type"] == "text") == "".join(f"{n} " for n in range(700))
        assert json.dumps(seqs(got)) == json.dumps(list(range(1, 704)))
