"""Pictures for a prompt over HTTP, drawn by a scripted upstream. Two services over one store are two workers."""

import json
import time
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import closing
from threading import Thread
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from werkzeug.test import TestResponse

from qa_service.web.images import ImageRefusal
from qa_service.web.serving import drain_answers
from tests.live.processes import until
from tests.scripted_upstream import Script, ScriptedUpstream, event
from tests.scripts import noise
from tests.web.conftest import MakeHouse
from tests.web.house import PERSONAL_SECRET, SERVER_SECRET, House

ME = {"Authorization": f"Bearer {PERSONAL_SECRET}"}
KIM = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "kim"}
SIZE = 200_000
PICTURE = Script(picture=SIZE)
SLOW = Script(picture=SIZE, rate=10)
"""Its first part comes after 0.3 seconds, and its end after 1.5."""
SOON = 5.0


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as scripted:
        yield scripted


@pytest.fixture
def house(make_house: MakeHouse, upstream: ScriptedUpstream) -> House:
    return make_house(openai_base_url=upstream.url, tries=1)


@pytest.fixture
def other(make_house: MakeHouse, upstream: ScriptedUpstream, house: House) -> House:
    """Return another worker of the same service."""
    return make_house(openai_base_url=upstream.url, tries=1)


def draw(house: House, prompt: str = "고양이", headers: dict[str, str] = ME, **fields: str) -> TestResponse:
    query = "".join(f"&{name}={quote(value)}" for name, value in fields.items())
    return house.get(f"images?prompt={quote(prompt)}{query}", headers)


def lines(pieces: Iterable[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(pieces).split(b"\n") if line]


def told(response: TestResponse) -> tuple[list[dict[str, Any]], bool]:
    """Return the lines, and whether the connection was cut behind them."""
    pieces: list[bytes] = []
    with closing(response):
        try:
            pieces.extend(response.iter_encoded())
        except BrokenPipeError:
            return lines(pieces), True
    return lines(pieces), False


def refused(response: TestResponse, status: int, code: str) -> ImageRefusal:
    assert response.status_code == status
    refusal = msgspec.json.decode(response.data, type=ImageRefusal)
    assert set(response.get_json()) <= {"error", "details", "code", "field", "retryAfter"}
    assert refusal.code == code
    assert refusal.error
    assert refusal.details
    return refusal


class TestDrawing:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_parts_come_as_lines_and_then_the_picture(
        self, house: House, upstream: ScriptedUpstream, method: str
    ) -> None:
        upstream.script(PICTURE)
        sent = {"query_string": {"prompt": "고양이"}} if method == "GET" else {"json": {"prompt": "고양이"}}
        response = house.client.open("/api/images", method=method, headers=ME, **sent)
        assert response.headers["Content-Type"] == "application/jsonl; charset=utf-8"
        got, was_cut = told(response)
        assert not was_cut
        assert [line["output_index"] for line in got] == [0, 1, 2, 3]
        assert {b64decode(one) for line in got for one in line["partial_image_b64s"]} == {noise(SIZE)}
        assert [(line["status"], line["usage"], line["final_model"]) for line in got[:3]] == [
            ("partial", None, None)
        ] * 3
        assert (got[3]["status"], got[3]["final_model"]) == ("completed", "gpt-4.1-mini")
        assert got[3]["usage"]["input_tokens"] > 0
        until(lambda: house.left_behind() == house.store.keys("*:rate"), SOON, "no picture is left behind")

    def test_a_part_comes_before_the_next_is_drawn_and_blank_lines_in_each_silence(
        self, make_house: MakeHouse, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Script(picture=SIZE, rate=10, delay=1.1))
        house = make_house(openai_base_url=upstream.url, heartbeat_seconds=0.2)
        with closing(draw(house)) as response:
            seen = [(piece, time.monotonic()) for piece in response.iter_encoded()]
        ends = [at for piece, at in seen if b'"status":' in piece]
        assert len(ends) == 4
        assert ends[-1] - ends[0] > 0.2
        blank = [piece for piece, _ in seen].index(b'{"output_index":0,"partial_image_b64s":[')
        assert [piece for piece, _ in seen[:blank]] == [b"\n"] * max(3, blank)

    def test_a_model_may_be_chosen_among_those_allowed(self, make_house: MakeHouse, upstream: ScriptedUpstream) -> None:
        house = make_house(openai_base_url=upstream.url, models_allowed=("gpt-5",), image_model="gpt-4.1")
        for fields, model in [({}, "gpt-4.1"), ({"model": "gpt-5"}, "gpt-5")]:
            upstream.script(PICTURE)
            assert told(draw(house, **fields))[0][-1]["final_model"] == model
        refusal = refused(draw(house, model="gpt-6"), 422, "model_not_allowed")
        assert refusal.field == "model"

    def test_hanging_up_stops_upstream(self, house: House, upstream: ScriptedUpstream) -> None:
        upstream.script(SLOW)
        with closing(draw(house)) as response:
            next(response.iter_encoded())
            assert upstream.wait_requests(SOON)
        assert upstream.wait_closed(SOON)
        until(lambda: not house.assembly.runner.count_answers() and not house.uploads(), SOON, "nothing is left")


class TestJoining:
    def test_an_equal_get_gets_the_same_lines_at_any_worker(
        self, house: House, other: House, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(SLOW)
        first = draw(house)
        got: list[tuple[list[dict[str, Any]], bool]] = []
        readers = [Thread(target=lambda at=at: got.append(told(draw(at)))) for at in (house, other)]
        for reader in readers:
            reader.start()
        mine = told(first)
        for reader in readers:
            reader.join()
        assert got == [mine, mine]
        assert len(mine[0]) == 4
        assert len(upstream.requests) == 1

    def test_a_reader_elsewhere_keeps_it_going_alone_and_its_leaving_stops_it(
        self, house: House, other: House, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Script(picture=SIZE, rate=2))
        first, second = draw(house), draw(other)
        second_pieces = second.iter_encoded()
        next(second_pieces)
        first.close()
        while b'"status":"partial"' not in next(second_pieces):
            assert not upstream.closed
        second.close()
        assert upstream.wait_closed(2 * SOON)

    @pytest.mark.parametrize(
        ("prompt", "headers", "method"),
        [("강아지", ME, "GET"), ("고양이", KIM, "GET"), ("고양이", {}, "GET"), ("고양이", ME, "POST")],
    )
    def test_other_requests_are_drawn_anew(
        self, house: House, upstream: ScriptedUpstream, prompt: str, headers: dict[str, str], method: str
    ) -> None:
        upstream.script(Script(picture=SIZE, rate=50, times=2))
        first = draw(house, headers=headers if not headers else ME)
        path = f"/api/images?prompt={quote(prompt)}"
        second = house.client.open(path, method=method, headers=headers)
        assert [len(told(response)[0]) for response in (first, second)] == [4, 4]
        assert len(upstream.requests) == 2

    def test_what_is_over_is_drawn_anew(self, house: House, other: House, upstream: ScriptedUpstream) -> None:
        upstream.script(PICTURE, PICTURE, PICTURE)
        for at in (house, house, other):
            assert len(told(draw(at))[0]) == 4
        assert len(upstream.requests) == 3

    def test_joining_is_no_question(self, make_house: MakeHouse, upstream: ScriptedUpstream) -> None:
        upstream.script(Script(picture=SIZE, rate=50))
        house = make_house(openai_base_url=upstream.url, rate=(1, 60))
        first, second = draw(house), draw(house)
        assert told(first) == told(second)
        refused(draw(house), 429, "rate_limited")


class TestFailing:
    @pytest.mark.parametrize(
        ("script", "code"),
        [
            (Script(status=429, error={"code": "insufficient_quota"}), "insufficient_quota"),
            (Script(failure="rate_limit_exceeded"), "rate_limited"),
            (Script(text="I'd rather not."), "upstream_rejected"),
            (Script(picture=SIZE, fault="cut", after=4), "upstream_unavailable"),
        ],
    )
    def test_upstreams_error_is_a_line_and_then_a_cut(
        self, house: House, upstream: ScriptedUpstream, script: Script, code: str
    ) -> None:
        upstream.script(script)
        got, was_cut = told(draw(house, headers={**ME, "Accept-Language": "ko"}))
        assert was_cut
        last = got[-1]
        assert (last["error"], last["code"], last["status"], last["partial_image_b64s"]) == (True, code, "failed", [])
        assert last["message"]
        assert any("가" <= letter <= "힣" for letter in last["userMessage"])
        until(lambda: not house.uploads(), SOON, "nothing is left")

    def test_a_refusal_is_told_as_the_policys(self, house: House, upstream: ScriptedUpstream) -> None:
        refusal = event("response.refusal.delta", delta="I can't.", output_index=0, content_index=0)
        end = event("response.completed", response={"status": "completed", "model": "m"})
        upstream.script(Script(body=(refusal + end).decode()))
        assert told(draw(house))[0][-1]["code"] == "content_filter"

    def test_a_drawing_that_takes_too_long_is_ended(self, make_house: MakeHouse, upstream: ScriptedUpstream) -> None:
        upstream.script(Script(picture=SIZE, rate=0.1))
        house = make_house(openai_base_url=upstream.url, answer_seconds=0.2)
        got, was_cut = told(draw(house))
        assert (got[-1]["code"], was_cut) == ("upstream_timeout", True)

    def test_readers_of_a_worker_that_leaves_are_told(self, house: House, upstream: ScriptedUpstream) -> None:
        upstream.script(Script(picture=SIZE, rate=0.1))
        response = draw(house)
        assert upstream.wait_requests(SOON)
        Thread(target=drain_answers, args=(house.app, 0.05)).start()
        got, was_cut = told(response)
        assert (got[-1]["code"], was_cut) == ("interrupted", True)

    def test_a_reader_elsewhere_is_cut_where_the_store_has_lost_the_lines(
        self, house: House, other: House, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(SLOW)
        first, second = draw(house), draw(other)
        house.store.flushall()
        got, was_cut = told(second)
        assert was_cut
        assert not got or got[-1]["status"] == "partial"
        assert len(told(first)[0]) == 4


class TestRefusals:
    @pytest.mark.parametrize("query", ["", "?prompt=", "?prompt=%20%20", "?prompt=undefined", "?model=gpt-5"])
    def test_a_prompt_is_required(self, house: House, query: str) -> None:
        response = house.get(f"images{query}", ME)
        assert (response.status_code, response.get_json()) == (400, {"error": "Prompt is required"})

    def test_a_prompt_that_is_too_long_is_refused(self, make_house: MakeHouse) -> None:
        refused(draw(make_house(max_question=5), "고양이 그림"), 413, "too_large")

    def test_a_wrong_credential_is_refused(self, house: House) -> None:
        refused(draw(house, headers={"Authorization": "Bearer wrong-secret-0123456789"}), 401, "unauthenticated")

    def test_a_foreign_page_is_refused(self, house: House) -> None:
        refused(draw(house, headers={"Sec-Fetch-Site": "cross-site"}), 403, "forbidden_origin")

    @pytest.mark.parametrize(
        "chosen",
        [
            {"openai_api_key": ""},
            {"upstream": "offline"},
            {"openai_api_key": "", "chat_base_url": "http://127.0.0.1:9/v1"},
            {"upstream": "chat", "chat_base_url": "http://127.0.0.1:9/v1"},
        ],
    )
    def test_without_a_responses_api_that_draws_it_says_so(self, make_house: MakeHouse, chosen: dict[str, Any]) -> None:
        refusal = refused(draw(make_house(**chosen)), 503, "upstream_not_configured")
        assert "QA_IMAGE_MODEL" in refusal.details

    def test_beside_a_server_of_chat_a_model_that_draws_may_be_named(
        self, make_house: MakeHouse, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(PICTURE)
        chat = {"upstream": "chat", "chat_base_url": "http://127.0.0.1:9/v1", "image_model": "gpt-4.1"}
        house = make_house(openai_base_url=upstream.url, **chat)
        assert told(draw(house))[0][-1]["final_model"] == "gpt-4.1"

    def test_a_full_worker_refuses_and_frees_the_request(
        self, make_house: MakeHouse, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(SLOW)
        house = make_house(openai_base_url=upstream.url, max_answers=1)
        first = draw(house, "강아지")
        assert upstream.wait_requests(SOON)
        refused(draw(house), 503, "overloaded")
        first.close()
        until(lambda: not house.assembly.runner.count_answers(), SOON, "there is room")
        upstream.script(PICTURE)
        began = time.monotonic()
        assert len(told(draw(house))[0]) == 4
        assert time.monotonic() - began < SOON

    def test_other_methods_are_refused(self, house: House) -> None:
        assert house.client.delete("/api/images", headers=ME).status_code == 405
        assert house.client.head("/api/images?prompt=a", headers=ME).status_code == 405
