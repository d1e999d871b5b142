"""Feedback: an answer's owner gives it, and a server's key reads it together with question and answer."""

import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from qa_service.setting_values import ApiKey
from tests.web.conftest import KEYS, MakeHouse
from tests.web.house import PERSONAL_SECRET, SERVER_SECRET, House, refusal
from tests.wire.contract import problems

SERVER = {"Authorization": f"Bearer {SERVER_SECRET}"}
KIM = {**SERVER, "X-User-Id": "kim"}
LEE = {**SERVER, "X-User-Id": "lee"}
ME = {"Authorization": f"Bearer {PERSONAL_SECRET}"}
OTHER_SECRET = "other-secret-0123456789"
OTHER = {"Authorization": f"Bearer {OTHER_SECRET}"}


def give(house: House, answer_id: str, headers: dict[str, str] = KIM, **fields: Any) -> TestResponse:
    return house.client.post(f"/api/answers/{answer_id}/feedback", json={"rating": "down", **fields}, headers=headers)


def answered(house: House, question: str = "안녕?", headers: dict[str, str] = KIM) -> str:
    """Ask a question, and return the id of its answer once that is saved."""
    answer_id: str = house.session(question, headers)["answerId"]
    house.settle()
    return answer_id


def listed(house: House, headers: dict[str, str] = SERVER, query: str = "") -> list[dict[str, Any]]:
    found = house.get(f"feedback{query}", headers).get_json()
    assert problems("AnswerListObject", found) == []
    items: list[dict[str, Any]] = found["items"]
    return items


class TestGiving:
    def test_shows_the_answer_with_it_and_so_does_reading_it_again(self, house: House) -> None:
        answer_id = answered(house)
        given = give(house, answer_id, comment=" 출처가 틀렸어요. ").get_json()
        assert problems("AnswerObject", given) == []
        assert (given["feedback"]["rating"], given["feedback"]["comment"]) == ("down", "출처가 틀렸어요.")
        assert house.get(f"answers/{answer_id}", KIM).get_json() == given
        session = house.get(f"sessions/{given['sessionId']}", KIM).get_json()
        assert session["turns"][0]["feedback"] == given["feedback"]
        assert problems("SessionObject", session) == []

    def test_needs_no_comment_and_can_be_changed(self, house: House) -> None:
        answer_id = answered(house)
        give(house, answer_id, comment="no")
        assert "comment" not in give(house, answer_id, rating="up").get_json()["feedback"]
        assert [item["feedback"]["rating"] for item in listed(house)] == ["up"]

    def test_may_come_as_a_form(self, house: House) -> None:
        path = f"/api/answers/{answered(house)}/feedback"
        assert house.client.post(path, data={"rating": "up"}, headers=KIM).status_code == 200

    def test_with_a_file_is_refused_and_keeps_nothing(self, house: House) -> None:
        answer_id, data = answered(house), {"rating": "up", "files": (io.BytesIO(b"a"), "a.txt")}
        given = house.client.post(f"/api/answers/{answer_id}/feedback", data=data, headers=KIM)
        assert refusal(given, 422, "invalid_field")["field"] == "files"
        assert listed(house) == []

    def test_while_the_answer_is_written_is_kept_when_it_ends(self, house: House) -> None:
        response = house.begin(headers=KIM)
        answer_id = response.headers["X-Answer-Id"]
        assert give(house, answer_id).get_json()["status"] == "running"
        house.model.go.set()
        response.close()
        house.settle()
        found = house.get(f"answers/{answer_id}", KIM).get_json()
        assert (found["status"], found["feedback"]["rating"]) == ("completed", "down")

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"rating": None}, "rating"),
            ({"rating": "good"}, "rating"),
            ({"rating": 1}, "rating"),
            ({"rating": ["up"]}, "rating"),
            ({"comment": 5}, "comment"),
            ({"comment": "x" * 4001}, "comment"),
            ({"comment": "a\x00b"}, "comment"),
        ],
    )
    def test_with_a_wrong_field_is_refused_by_its_name(self, house: House, fields: dict[str, Any], field: str) -> None:
        assert refusal(give(house, answered(house), **fields), 422, "invalid_field")["field"] == field
        assert listed(house) == []

    def test_on_anothers_answer_is_told_apart_from_an_unknown_one_by_nothing(self, house: House) -> None:
        anothers, unknown = give(house, answered(house), LEE), give(house, "0" * 32, LEE)
        assert refusal(anothers, 404, "not_found") == refusal(unknown, 404, "not_found")
        assert anothers.get_data() == unknown.get_data()
        assert listed(house) == []

    def test_from_a_page_of_another_site_is_refused(self, house: House) -> None:
        foreign = {**KIM, "Origin": "https://evil.example"}
        refusal(give(house, answered(house), foreign), 403, "forbidden_origin")


class TestListing:
    def test_has_question_answer_and_sources_newest_first(self, house: House) -> None:
        ids = [answered(house, f"질문 {n}") for n in (1, 2)]
        for answer_id in ids:
            give(house, answer_id)
        found = listed(house)
        assert [item["answerId"] for item in found] == ids[::-1]
        assert (found[0]["question"], found[0]["text"], found[0]["references"]) == ("질문 2", "안녕하세요.", [])

    def test_comes_in_parts(self, house: House) -> None:
        for n in range(3):
            give(house, answered(house, f"질문 {n}"))
        first = house.get("feedback?limit=2", SERVER).get_json()
        rest = house.get(f"feedback?limit=2&cursor={first['next']}", SERVER).get_json()
        assert [item["question"] for item in first["items"] + rest["items"]] == ["질문 2", "질문 1", "질문 0"]
        assert rest["next"] is None

    def test_has_what_the_keys_users_say_and_those_who_have_no_server_behind_them(self, make_house: MakeHouse) -> None:
        house = make_house(api_keys=(*KEYS, ApiKey("other", OTHER_SECRET, False)))
        token = house.client.post("/api/tokens", headers=LEE).get_json()["token"]
        theirs = {**OTHER, "X-User-Id": "kim"}
        for headers in (KIM, {"Authorization": f"Bearer {token}"}, ME, {}, theirs):
            give(house, answered(house, headers=headers), headers, comment=headers.get("X-User-Id", "none"))
        assert [item["feedback"].get("comment") for item in listed(house)] == ["none", "none", "none", "kim"]
        assert [item["feedback"].get("comment") for item in listed(house, OTHER)] == ["kim", "none", "none"]

    @pytest.mark.parametrize("headers", [KIM, ME, {}, {"Authorization": "Bearer wrong-secret-0123456789"}])
    def test_is_for_a_servers_key_alone(self, house: House, headers: dict[str, str]) -> None:
        refusal(house.get("feedback", headers), 401, "unauthenticated")

    @pytest.mark.parametrize("query", ["cursor=x", "cursor=nan", "limit=0", "limit=many"])
    def test_refuses_odd_parts(self, house: House, query: str) -> None:
        refusal(house.get(f"feedback?{query}", SERVER), 422, "invalid_field")

    def test_lacks_what_was_deleted(self, house: House) -> None:
        answer_id = answered(house)
        session = give(house, answer_id).get_json()["sessionId"]
        house.client.delete(f"/api/sessions/{session}", headers=KIM)
        assert listed(house) == []
