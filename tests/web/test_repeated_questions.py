"""Asking the same thing again: one answer, paid for once, for whoever may have it."""

import io
import threading
from typing import Any

import pytest
from werkzeug.test import TestResponse

from qa_service.running.settings import Pace
from qa_service.stores.repeats import RESERVED_SECONDS
from tests.web.conftest import MakeHouse
from tests.web.house import PERSONAL_SECRET, SERVER_SECRET, House, frames, refusal

KIM = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "kim"}
LEE = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "lee"}
ME = {"Authorization": f"Bearer {PERSONAL_SECRET}"}
OWN = "5f0c6e0a-0f52-4c8e-9f7b-6f6c52a1d0e4"
"""This is a session id of a visitor's that nobody guesses."""


def keyed(house: House, key: str = "k1", headers: dict[str, str] | None = None, **fields: Any) -> TestResponse:
    return house.ask(headers={**(KIM if headers is None else headers), "Idempotency-Key": key}, **fields)


def with_file(house: House, content: bytes = b"hello", name: str = "a.txt") -> TestResponse:
    form = {"question": "hello?", "files": (io.BytesIO(content), name)}
    return house.client.post("/api/ask", data=form, headers=KIM | {"Idempotency-Key": "k1"})


class TestKey:
    @pytest.mark.parametrize("how", ["header", "field"])
    def test_the_same_question_gets_the_answer_it_has(self, house: House, how: str) -> None:
        def ask() -> list[dict[str, Any]]:
            return frames(keyed(house) if how == "header" else house.ask(headers=KIM, idempotencyKey="k1"))

        assert ask() == ask()
        assert len(house.model.prompts) == 1

    def test_the_same_question_gets_the_answer_that_is_being_written_on_another_worker(
        self, house: House, make_house: MakeHouse
    ) -> None:
        house.model.go.clear()
        first, second = keyed(house), keyed(make_house())
        house.model.go.set()
        assert frames(first) == frames(second)
        assert len(house.model.prompts) == 1

    def test_the_same_question_gets_the_same_answer_as_one_object_too(self, house: House) -> None:
        first, second = (keyed(house, stream=False).get_json() for _ in range(2))
        assert first["answerId"] == second["answerId"]
        assert first["text"] == second["text"] == "안녕하세요."

    def test_another_question_is_a_mistake(self, house: House) -> None:
        frames(keyed(house))
        assert refusal(keyed(house, question="또?"), 422, "idempotency_mismatch")["field"] == "idempotencyKey"

    def test_the_session_that_the_first_one_began_may_be_named(self, house: House) -> None:
        first = frames(keyed(house))
        assert frames(keyed(house, sessionId=first[0]["content"]["sessionId"])) == first

    def test_the_same_file_is_the_same_question_and_is_read_once(self, house: House) -> None:
        assert frames(with_file(house)) == frames(with_file(house))
        assert (len(house.model.prompts), house.uploads()) == (1, [])

    @pytest.mark.parametrize(("content", "name"), [(b"other", "a.txt"), (b"hello", "b.txt")])
    def test_another_file_is_another_question(self, house: House, content: bytes, name: str) -> None:
        frames(with_file(house))
        refusal(with_file(house, content, name), 422, "idempotency_mismatch")
        assert house.uploads() == []

    def test_another_key_or_none_is_another_answer(self, house: House) -> None:
        answers = {keyed(house, key).headers["X-Answer-Id"] for key in ("k1", "k2", "")}
        assert len(answers) == 3

    def test_anothers_key_is_another_key(self, house: House) -> None:
        answers = {keyed(house, headers=who).headers["X-Answer-Id"] for who in (KIM, LEE, ME)}
        assert len(answers) == 3

    @pytest.mark.parametrize("odd", ["k" * 256, ["k"], 7])
    def test_an_impossible_one_is_refused(self, house: House, odd: object) -> None:
        problem = refusal(house.ask(headers=KIM, idempotencyKey=odd), 422, "invalid_field")
        assert problem["field"] == "idempotencyKey"

    def test_a_repetition_is_no_question_to_the_rate_limit(self, make_house: MakeHouse) -> None:
        house = make_house(rate=(1, 3600))
        assert frames(keyed(house)) == frames(keyed(house))
        refusal(keyed(house, "k2"), 429, "rate_limited")

    def test_a_repetition_needs_no_room_for_another_answer(self, make_house: MakeHouse) -> None:
        house = make_house(max_answers=1)
        house.model.go.clear()
        first = keyed(house)
        second = keyed(house)
        refusal(keyed(house, "k2"), 503, "overloaded")
        house.model.go.set()
        assert frames(first) == frames(second)

    def test_a_refused_question_may_be_asked_again_under_it(self, make_house: MakeHouse) -> None:
        house = make_house(max_answers=1)
        running = house.begin(headers=KIM)
        refusal(keyed(house), 503, "overloaded")
        house.model.go.set()
        frames(running)
        house.settle()
        assert frames(keyed(house))[-1]["content"] == {"status": "completed"}


class TestVisitors:
    def test_need_a_session_of_their_own_or_a_key_that_nobody_guesses(self, house: House) -> None:
        problem = refusal(keyed(house, headers={}), 422, "invalid_field")
        assert "32" in problem["detail"]
        refusal(keyed(house, headers={}, sessionId="short"), 422, "invalid_field")
        assert house.left_behind() == []

    @pytest.mark.parametrize("fields", [{"sessionId": OWN}, {}])
    def test_with_either_get_the_answer_they_have(self, house: House, fields: dict[str, str]) -> None:
        key = "k1" if fields else "k" * 32
        first, second = (frames(keyed(house, key, headers={}, **fields)) for _ in range(2))
        assert first == second

    def test_a_key_holds_in_its_session_alone(self, house: House) -> None:
        starts = [frames(keyed(house, headers={}, sessionId=session))[0] for session in (OWN, OWN[::-1])]
        assert starts[0]["content"]["answerId"] != starts[1]["content"]["answerId"]


class TestGet:
    """A client that reconnects by a fresh `EventSource` pays once."""

    def test_an_equal_one_comes_to_the_answer_that_runs(self, house: House, make_house: MakeHouse) -> None:
        house.model.go.clear()
        first = house.get("ask?question=hi&topic=keep", KIM)
        second = house.get("ask?topic=keep&question=hi", KIM)
        third = make_house().get("ask?question=hi&topic=keep", KIM)
        house.model.go.set()
        assert first.get_data() == second.get_data() == third.get_data()
        assert len(house.model.prompts) == 1
        for response in (first, second, third):
            response.close()

    @pytest.mark.parametrize(
        ("query", "headers"),
        [("question=ho", KIM), ("question=hi&topic=new", KIM), ("question=hi", LEE), ("question=hi&sessionId=s", KIM)],
    )
    def test_another_one_is_another_question(self, house: House, query: str, headers: dict[str, str]) -> None:
        house.model.go.clear()
        first, second = house.get("ask?question=hi", KIM), house.get(f"ask?{query}", headers)
        assert first.headers["X-Answer-Id"] != second.headers["X-Answer-Id"]

    def test_what_does_not_belong_to_the_question_makes_it_no_other(self, house: House) -> None:
        token = house.client.post("/api/tokens", headers=KIM).get_json()["token"]
        house.model.go.clear()
        first, second = house.get("ask?question=hi", KIM), house.get(f"ask?question=hi&token={token}")
        assert first.headers["X-Answer-Id"] == second.headers["X-Answer-Id"]

    def test_a_post_does_not_come_to_it(self, house: House) -> None:
        house.model.go.clear()
        first, second = house.get("ask?question=hi", KIM), house.client.post("/api/ask?question=hi", headers=KIM)
        assert first.headers["X-Answer-Id"] != second.headers["X-Answer-Id"]

    def test_after_its_end_it_asks_anew(self, house: House) -> None:
        answers = []
        for _ in range(2):
            response = house.get("ask?question=hi", KIM)
            response.get_data()
            response.close()
            answers.append(response.headers["X-Answer-Id"])
            house.settle()
        assert len({*answers}) == 2

    @pytest.mark.parametrize(
        ("session", "same"), [("", False), ("&sessionId=short", False), (f"&sessionId={OWN}", True)]
    )
    def test_a_visitors_comes_to_it_only_within_a_session_of_their_own(
        self, house: House, session: str, same: bool
    ) -> None:
        house.model.go.clear()
        answers = {house.get(f"ask?question=hi{session}").headers["X-Answer-Id"] for _ in range(2)}
        assert (len(answers) == 1) is same


class TestJoining:
    """The first of two questions has its key, but isn't let in yet."""

    def test_the_second_waits_for_it(self, house: House) -> None:
        frames(keyed(house))
        house.settle()
        unbegun(house)
        (pointer,) = house.store.keys("*:at")
        house.store.rename(pointer, "hidden")
        threading.Timer(0.2, house.store.rename, ("hidden", pointer)).start()
        assert frames(keyed(house))[-1]["content"] == {"status": "completed"}
        assert len(house.model.prompts) == 1

    def test_one_that_never_comes_is_not_waited_for_for_ever(self, make_house: MakeHouse) -> None:
        house = make_house(pace=Pace(join=0.1))
        frames(keyed(house))
        house.settle()
        unbegun(house)
        house.store.delete(*(key for key in house.store.keys("*:at")))
        problem = refusal(keyed(house), 503, "store_unavailable")
        assert problem["retryAfter"] == 1

    def test_one_that_was_deleted_is_asked_anew(self, house: House) -> None:
        session = frames(keyed(house))[0]["content"]["sessionId"]
        house.settle()
        assert house.client.delete(f"/api/sessions/{session}", headers=KIM).status_code == 204
        assert frames(keyed(house))[-1]["content"] == {"status": "completed"}
        assert len(house.model.prompts) == 2


def unbegun(house: House) -> None:
    """Let the answer of the only key seem not to be let in yet."""
    (key,) = house.store.keys("*:repeat:*")
    assert house.store.expire(key, RESERVED_SECONDS)
