"""The probe: what it says of a request, how its frames come, how it refuses, and what it bounds."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from qa_service.web import probe
from qa_service.web.serving import drain_answers
from tests.lateness import Lateness
from tests.web.conftest import MakeHouse
from tests.web.house import SERVER_SECRET, House, frames, refusal
from tests.wire.contract import problems

KIM = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "kim"}


def probed(house: House, query: str, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    return frames(house.get(f"probe?{query}", headers))


class TestStream:
    def test_has_ticks_that_say_when_they_were_sent(self, house: House) -> None:
        got = probed(house, "seconds=0.3&every=0.1")
        assert [frame["type"] for frame in got] == ["probe", "tick", "tick", "tick", "done"]
        assert [frame["seq"] for frame in got] == [1, 2, 3, 4, 5]
        sent = [frame["content"]["sentMs"] for frame in got if frame["type"] == "tick"]
        assert all(0 <= at - due < 80 for at, due in zip(sent, (100, 200, 300), strict=True))
        assert got[-1]["content"] == {"status": "completed"}

    def test_has_only_the_heartbeats_of_a_silent_answer_where_no_ticks_are_wanted(self, make_house: MakeHouse) -> None:
        got = probed(make_house(heartbeat_seconds=0.1), "seconds=0.25")
        assert [frame["type"] for frame in got] == ["probe", "heartbeat", "heartbeat", "done"]
        assert got[0]["content"]["heartbeatMs"] == 100

    def test_is_what_the_contract_declares(self, make_house: MakeHouse) -> None:
        house = make_house(heartbeat_seconds=0.05)
        names = {"probe": "ProbeFrame", "tick": "TickFrame", "heartbeat": "HeartbeatFrame", "done": "DoneFrame"}
        got = probed(house, "seconds=0.1") + probed(house, "seconds=0.1&every=0.05")
        assert {frame["type"] for frame in got} == set(names)
        assert [found for frame in got if (found := problems(names[frame["type"]], frame))] == []
        assert problems("ReceiptObject", house.client.post("/api/probe", data=b"abc").get_json()) == []

    def test_says_how_the_request_arrived(self, make_house: MakeHouse) -> None:
        sent = {"Last-Event-ID": "a-1", "idempotency-key": "k", "X-Forwarded-For": "10.0.0.1", "Via": "1.1 proxy"}
        content = probed(make_house(trusted_proxies=1), "seconds=0", {**KIM, **sent})[0]["content"]
        assert content["headers"] == ["Authorization", "Idempotency-Key", "Last-Event-ID"]
        assert content["forwarded"] == ["Via", "X-Forwarded-For"]
        assert content["trustsForwarded"]
        assert (content["protocol"], content["origins"]) == ("HTTP/1.1", ["http://localhost"])

    def test_ends_early_where_the_worker_is_about_to_stop(self, house: House) -> None:
        drain_answers(house.app, 0)
        began, late = time.monotonic(), Lateness()
        got = probed(house, "seconds=60&every=0.1")
        assert got[-1]["content"] == {"status": "incomplete"}
        assert time.monotonic() - began < 2 + late.seconds

    def test_keeps_its_headers_from_being_changed_on_the_way(self, house: House) -> None:
        response = house.get("probe?seconds=0")
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "no-transform" in response.headers["Cache-Control"]


class TestRefusing:
    @pytest.mark.parametrize(("status", "code"), [(429, "rate_limited"), (503, "overloaded")])
    def test_refuses_as_it_is_asked_to(self, house: House, status: int, code: str) -> None:
        assert refusal(house.get(f"probe?refuse={status}"), status, code)["retryAfter"] == probe.PROBE_RETRY_SECONDS

    @pytest.mark.parametrize("query", ["seconds=601", "seconds=long", "every=-1", "refuse=500"])
    def test_a_value_that_is_not_allowed_is_named(self, house: House, query: str) -> None:
        problem = refusal(house.get(f"probe?{query}"), 422, "invalid_field")
        assert problem["detail"].startswith(query.partition("=")[0])

    @pytest.mark.parametrize("call", [lambda house: house.get("probe?seconds=0"), lambda house: post(house, b"")])
    def test_counts_as_a_question(self, make_house: MakeHouse, call: Callable[[House], Any]) -> None:
        house = make_house(rate=(1, 60))
        assert call(house).status_code == 200
        refusal(call(house), 429, "rate_limited")

    def test_is_for_those_who_may_ask(self, make_house: MakeHouse) -> None:
        house = make_house(allow_anonymous=False)
        refusal(house.get("probe"), 401, "unauthenticated")
        refusal(post(house, b""), 401, "unauthenticated")
        assert house.get("probe?seconds=0", KIM).status_code == 200

    def test_a_page_of_another_site_can_not_spend_the_questions_of_somebody_who_is_logged_in(
        self, make_house: MakeHouse
    ) -> None:
        house = make_house(app={"identify": lambda request: "ann"})
        foreign = {"Cookie": "session=1", "Sec-Fetch-Site": "cross-site"}
        refusal(house.get("probe", foreign), 403, "forbidden_origin")

    def test_a_worker_streams_only_so_many_and_makes_room_again(
        self, make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(probe, "MOST_PROBES", 4)
        house = make_house()
        streams = [house.get("probe?seconds=0", call_as(f"user-{number}")) for number in range(4)]
        refusal(house.get("probe?seconds=0"), 503, "overloaded")
        streams[0].close()
        assert probed(house, "seconds=0")[-1]["type"] == "done"
        assert probed(house, "seconds=0")[-1]["type"] == "done"

    def test_a_caller_has_a_quarter_of_them_and_leaves_the_rest_to_others(
        self, make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(probe, "MOST_PROBES", 8)
        house = make_house()
        for caller in (call_as("kim"), {}):
            streams = [house.get("probe?seconds=0", caller) for _ in range(2)]
            assert [stream.status_code for stream in streams] == [200, 200]
            refusal(house.get("probe?seconds=0", caller), 429, "rate_limited")
        streams[0].close()
        assert probed(house, "seconds=0")[-1]["type"] == "done"


def call_as(user: str) -> dict[str, str]:
    return {**KIM, "X-User-Id": user}


def post(house: House, body: bytes) -> Any:
    return house.client.post("/api/probe", data=body, content_type="application/octet-stream")


class TestBody:
    def test_is_counted_and_not_kept(self, house: House) -> None:
        assert post(house, b"x" * 200_000).get_json() == {"receivedBytes": 200_000}
        assert house.uploads() == []

    def test_may_be_as_large_as_that_of_a_question(self, make_house: MakeHouse) -> None:
        house = make_house(max_body=1000)
        assert post(house, b"x" * 1000).status_code == 200
        refusal(post(house, b"x" * 1001), 413, "too_large")
