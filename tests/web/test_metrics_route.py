"""The figures for Prometheus over HTTP: who may read them, and what they never hold."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.web.conftest import MakeHouse
from tests.web.house import PERSONAL_SECRET, SERVER_SECRET, House, logged_in, refusal

SERVER = {"Authorization": f"Bearer {SERVER_SECRET}"}
PERSONAL = {"Authorization": f"Bearer {PERSONAL_SECRET}"}


class TestFigures:
    def test_are_text_that_prometheus_takes_and_nobody_keeps(self, house: House) -> None:
        response = house.client.get("/api/metrics", headers=SERVER)
        assert response.status_code == 200
        assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
        names = {family.name for family in text_string_to_metric_families(response.text)}
        assert {"qa_answers", "qa_streams_open", "qa_asked_seconds"} <= names

    def test_count_the_answers_of_this_service_alone(self, own_house: House, make_house: MakeHouse) -> None:
        own_house.session()
        own_house.settle()
        ended = 'qa_answers_total{reason="stop",status="completed"} 1.0\n'
        assert ended in own_house.client.get("/api/metrics", headers=SERVER).text
        assert ended not in make_house().client.get("/api/metrics", headers=SERVER).text

    def test_hold_no_question_no_session_and_no_answers_id(self, house: House) -> None:
        start = house.session("환불은 어떻게 하나요?", SERVER | {"X-User-Id": "kim-the-customer"})
        house.settle()
        text = house.client.get("/api/metrics", headers=SERVER).text
        for private in ("환불", "kim-the-customer", start["sessionId"], start["answerId"], SERVER_SECRET):
            assert private not in text


class TestWhoMayRead:
    @pytest.mark.parametrize("headers", [SERVER, SERVER | {"X-User-Id": "kim"}, PERSONAL])
    def test_whoever_holds_a_key_may_read_them_for_a_user_or_not(self, house: House, headers: dict[str, str]) -> None:
        assert house.client.get("/api/metrics", headers=headers).status_code == 200

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer made-up-0123456789"}])
    def test_no_visitor_may_read_them_where_there_are_keys(self, house: House, headers: dict[str, str]) -> None:
        problem = refusal(house.client.get("/api/metrics", headers=headers), 401, "unauthenticated")
        assert "Authorization: Bearer" in problem["detail"]

    def test_nobody_may_read_them_by_a_signed_token(self, house: House) -> None:
        made = house.client.post("/api/tokens", json={}, headers=SERVER | {"X-User-Id": "kim"}).get_json()["token"]
        bearer = {"Authorization": f"Bearer {made}"}
        refusal(house.client.get("/api/metrics", headers=bearer), 401, "unauthenticated")
        refusal(house.client.get(f"/api/metrics?token={made}"), 401, "unauthenticated")

    def test_no_user_of_the_host_site_may_read_them_where_there_are_keys(self, make_house: MakeHouse) -> None:
        client = make_house({"identify": logged_in}).client
        client.set_cookie("user", "kim")
        refusal(client.get("/api/metrics"), 401, "unauthenticated")

    def test_whoever_may_ask_may_read_them_where_there_are_no_keys(self, make_house: MakeHouse) -> None:
        assert make_house(api_keys=()).client.get("/api/metrics").status_code == 200
        closed = make_house(api_keys=(), allow_anonymous=False)
        refusal(closed.client.get("/api/metrics"), 401, "unauthenticated")
