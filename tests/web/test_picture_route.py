"""The pictures of an answer, as a browser asks for them."""

import time
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec.structs import force_setattr

from qa_service.deltas import Drawing, Drawn, Finished, TextDelta
from tests.documents import png
from tests.scripts import noise
from tests.web.conftest import MakeHouse
from tests.web.house import SERVER_SECRET, House, frames, refusal

PNG = noise(2_000)
KEY = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "ann"}
OTHER = {**KEY, "X-User-Id": "ben"}


@pytest.fixture
def told(house: House, tmp_path: Path) -> list[dict[str, object]]:
    """Return frames of Ann's answer, in which a picture was drawn."""
    path = tmp_path / "drawn.png"
    path.write_bytes(PNG)
    drawn = [Drawing(), Drawn(0, True, str(path)), Drawn(0, False, str(path))]
    house.model.deltas = (TextDelta("여기: "), *drawn, Finished("stop"))
    return frames(house.ask("그려 줘", KEY))


def shown(told: list[dict[str, object]]) -> list[dict[str, str]]:
    return [frame["content"] for frame in told if frame["type"] == "image"]


def test_a_frame_names_an_address_and_holds_no_bytes(told: list[dict[str, object]]) -> None:
    first, last = shown(told)
    assert (first["partial"], last["partial"], last["mimeType"], last["index"]) == (True, False, "image/png", 0)
    assert first["url"] != last["url"]
    assert last["url"].startswith("/api/answers/")
    assert max(len(str(frame)) for frame in told) < 64 * 1024


def test_the_address_needs_no_credential_and_misleads_no_browser(house: House, told: list[dict[str, object]]) -> None:
    response = house.client.get(shown(told)[-1]["url"])
    assert (response.status_code, response.data, response.content_type) == (200, PNG, "image/png")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response.headers["Cache-Control"] == "private, max-age=3600"


def test_its_owner_may_ask_without_a_signature_and_nobody_else(house: House, told: list[dict[str, object]]) -> None:
    path = urlsplit(shown(told)[-1]["url"]).path.removeprefix("/api/")
    assert house.get(path, KEY).data == PNG
    refusal(house.get(path, OTHER), 404, "not_found")
    refusal(house.get(path), 404, "not_found")


@pytest.mark.parametrize("change", ["signature=0", "owner=b", "expires=9999999999", "expires=1"])
def test_an_address_that_was_changed_leads_nowhere(house: House, told: list[dict[str, object]], change: str) -> None:
    url, name = shown(told)[-1]["url"], change.partition("=")[0]
    path, _, query = url.partition("?")
    fields = [change if field.startswith(name) else field for field in query.split("&")]
    refusal(house.client.get(f"{path}?{'&'.join(fields)}"), 404, "not_found")


@pytest.mark.parametrize("path", ["answers/none/images/0", "answers/none/images/x", "answers/none/images/-1"])
def test_what_is_not_there_is_not_found(house: House, path: str) -> None:
    refusal(house.get(path, KEY), 404, "not_found")


def test_the_answer_and_the_conversation_show_it_later(house: House, told: list[dict[str, object]]) -> None:
    start = told[0]["content"]
    answer = house.get(f"answers/{start['answerId']}", KEY).get_json()
    (turn,) = house.get(f"sessions/{start['sessionId']}", KEY).get_json()["turns"]
    assert answer["images"] == turn["images"] == shown(told)[-1:]


def test_a_conversation_that_is_kept_for_longer_has_addresses_that_hold_for_longer(
    house: House, told: list[dict[str, object]]
) -> None:
    start, links = told[0]["content"], house.assembly.links
    force_setattr(links, "clock", lambda: time.time() + links.seconds + 1)
    answer = house.get(f"answers/{start['answerId']}", KEY).get_json()
    (turn,) = house.get(f"sessions/{start['sessionId']}", KEY).get_json()["turns"]
    refusal(house.client.get(shown(told)[-1]["url"]), 404, "not_found")
    assert [house.client.get(one["images"][0]["url"]).data for one in (answer, turn)] == [PNG, PNG]


def test_a_deleted_conversation_has_none(house: House, told: list[dict[str, object]]) -> None:
    house.client.delete(f"/api/sessions/{told[0]['content']['sessionId']}", headers=KEY)
    refusal(house.client.get(shown(told)[-1]["url"]), 404, "not_found")


def test_without_a_model_the_verdict_says_that_nobody_sees_a_picture(make_house: MakeHouse) -> None:
    house = make_house(openai_api_key="")
    fields = {"question": "무슨 색이에요?", "files": (BytesIO(png()), "red.png")}
    *_, metadata, _ = frames(house.client.post("/api/ask", data=fields, headers=KEY))
    (verdict,) = metadata["content"]["files"]
    assert (verdict["kind"], verdict["status"], verdict["reason"]) == ("png", "skipped", "no_vision")
