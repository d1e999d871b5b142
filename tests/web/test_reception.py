"""These tests show how many bodies are received at once: shares of networks, the worker's limit, and who needs no
room."""

import io
from contextlib import suppress

import pytest

from qa_service.errors import Overloaded, RateLimited
from qa_service.web.bodies import BodyBounds
from qa_service.web.mounting import EXTENSION_KEY
from qa_service.web.networks import network_of
from qa_service.web.reception import Load, Reception, open_reception
from tests.fakes import WAITING_SECONDS
from tests.web.house import House, frames, refusal
from tests.web.waiting import HERE, WaitingBody

THERE = "192.0.2.2"


def reception(bodies: int = 10, size: int = 10_000) -> Reception:
    return Reception(Load(bodies, size), of_network=Load(2, 1000))


class TestReception:
    def test_one_network_has_its_share_of_bodies_and_others_theirs(self) -> None:
        room = reception()
        for _ in range(2):
            room.reserve_room(HERE, bodies=1, size=10)
        with pytest.raises(RateLimited):
            room.reserve_room(HERE, bodies=1, size=10)
        room.reserve_room(THERE, bodies=1, size=10)

    def test_one_network_has_its_share_of_bytes_also_of_those_that_were_not_announced(self) -> None:
        room = reception()
        room.reserve_room(HERE, bodies=1, size=900)
        room.reserve_room(HERE, size=100)
        with pytest.raises(RateLimited):
            room.reserve_room(HERE, size=1)

    @pytest.mark.parametrize("most", [{"bodies": 3}, {"size": 3000}])
    def test_a_worker_is_full_for_everybody(self, most: dict[str, int]) -> None:
        room = reception(**most)
        for network in (HERE, THERE, "192.0.2.3"):
            room.reserve_room(network, bodies=1, size=1000)
        with pytest.raises(Overloaded) as refused:
            room.reserve_room("192.0.2.4", bodies=1, size=1)
        assert refused.value.retry_after

    def test_what_is_released_is_free_again_and_what_was_refused_took_nothing(self) -> None:
        room = reception()
        room.reserve_room(HERE, bodies=2, size=1000)
        with pytest.raises(RateLimited):
            room.reserve_room(HERE, bodies=1, size=10)
        room.release_room(HERE, bodies=2, size=1000)
        room.reserve_room(HERE, bodies=2, size=1000)

    def test_the_largest_body_has_room_in_the_smallest_worker(self) -> None:
        open_reception(1, 64 << 20).reserve_room(HERE, bodies=1, size=64 << 20)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1:50001", "192.0.2.1", True),
        ("192.0.2.1:50001", "192.0.2.1:50002", True),
        ("192.0.2.1:50001", "192.0.2.2:50001", False),
        ("[2001:db8::1]:50001", "[2001:db8::2]:50002", True),
        ("[2001:db8::1]:50001", "2001:db8:0:1::1", False),
        ("2001:db8:0:0:1:1:1:1", "2001:db8:0:0:1:1:1:2", True),
        ("[::ffff:192.0.2.1]:50001", "192.0.2.1", True),
        ("", "", True),
        ("unix:", "192.0.2.1", False),
    ],
)
def test_addresses_of_one_site_are_one_network(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


class TestBodies:
    def test_large_ones_are_refused_at_once_where_there_is_no_room(self) -> None:
        bounds = BodyBounds(1_000_000, 60, Reception(Load(1, 500_000), of_network=Load(1, 500_000)))
        with WaitingBody(bounds, 400_000), pytest.raises(RateLimited), WaitingBody(bounds, 100_000):
            pass
        with WaitingBody(bounds, 400_000):
            pass

    def test_of_one_ipv6_customer_have_one_share_whichever_addresses_they_come_from(self) -> None:
        bounds = BodyBounds(1_000_000, 60, Reception(Load(9, 900_000), of_network=Load(1, 900_000)))
        with WaitingBody(bounds, 100_000, address="2001:db8:5:1::1"):
            with pytest.raises(RateLimited), WaitingBody(bounds, 100_000, address="2001:db8:5:2::1"):
                pass
            with WaitingBody(bounds, 100_000, address="2001:db8:6:1::1"):
                pass

    def test_small_ones_need_room_only_once_they_are_slow(self) -> None:
        bounds = BodyBounds(1000, 60, Reception(Load(1, 1000), of_network=Load(1, 1000)), soon=0.2)
        with WaitingBody(bounds, 10) as first, WaitingBody(bounds, 10):
            bounds.reception.reserve_room(HERE, bodies=1)
            assert first.interrupted.wait(WAITING_SECONDS)
            with pytest.raises(RateLimited):
                first.read(1)


class TestRoute:
    def full(self, house: House, network: str) -> None:
        room = house.app.extensions[EXTENSION_KEY].limits.body.reception
        with suppress(RateLimited, Overloaded):
            while True:
                room.reserve_room(network, bodies=1, size=1)

    def test_an_upload_is_refused_and_a_question_without_files_is_answered(self, own_house: House) -> None:
        self.full(own_house, "127.0.0.1")
        form = {"question": "환불은?", "files": (io.BytesIO(b"x" * 100_000), "a.txt")}
        response = own_house.client.post("/api/ask", data=form)
        assert response.headers["Retry-After"]
        refusal(response, 429, "rate_limited")
        assert own_house.left_behind() == []
        assert (
            frames(own_house.client.post("/api/ask", data={"question": "환불은?"}))[-1]["content"]["status"]
            == "completed"
        )

    def test_a_worker_that_is_full_says_so(self, own_house: House) -> None:
        for network in range(4):
            self.full(own_house, f"192.0.2.{network}")
        form = {"question": "환불은?", "files": (io.BytesIO(b"x" * 100_000), "a.txt")}
        response = own_house.client.post("/api/ask", data=form)
        assert response.headers["Retry-After"]
        refusal(response, 503, "overloaded")
        assert own_house.client.get("/api/healthz").status_code == 200
