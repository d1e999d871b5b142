"""Pictures on both ways through real workers: from a person to a model, and from a model to a browser."""

import http.client
import json
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Route, expect

from tests.live.chromium import ANSWERED, PATIENCE, chromium
from tests.live.processes import Service, gunicorn, until
from tests.live.reading import Asked, own_id
from tests.scripted_upstream import Script, ScriptedUpstream

SMALL, LARGE = 20_000, 1_500_000
ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def served(redis_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("pictures"),
        REDIS_URL=redis_url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_ANSWER_IMAGES="on",
    ) as found:
        yield found


def photo() -> bytes:
    """Return a photo that was taken with the camera on its side."""
    exif, file = Image.Exif(), BytesIO()
    exif[ORIENTATION] = 6
    Image.new("RGB", (3000, 1500), "red").save(file, "JPEG", exif=exif.tobytes())
    return file.getvalue()


def shown_to(upstream: ScriptedUpstream) -> list[Image.Image]:
    """Return the pictures of the last request, as the model sees them."""
    parts = [part for message in upstream.requests[-1].body["input"] for part in message["content"]]
    urls = [part["image_url"] for part in parts if isinstance(part, dict) and part["type"] == "input_image"]
    return [Image.open(BytesIO(b64decode(url.partition("base64,")[2]))) for url in urls]


def fetched(served: Service, url: str) -> tuple[int, bytes, str]:
    """Return the status, the bytes and the type of what an `<img>` asks for."""
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=10)
    try:
        connection.request("GET", url)
        response = connection.getresponse()
        return response.status, response.read(), response.headers["Content-Type"]
    finally:
        connection.close()


def images(asked: Asked) -> list[dict[str, Any]]:
    return [seen.content for seen in asked.seen if seen.kind == "image"]


def test_a_photo_reaches_the_model_upright_and_small_and_again_with_the_next_question(
    served: Service, upstream: ScriptedUpstream
) -> None:
    session = own_id()
    with Asked(served.url, "무슨 색이에요?", files={"고양이.jpg": photo()}, sessionId=session) as asked:
        assert asked.finish().status == "completed"
        (verdict,) = asked.seen[-2].content["files"]
    assert (verdict["kind"], verdict["status"]) == ("jpeg", "used")
    (shown,) = shown_to(upstream)
    assert (shown.size, shown.format, dict(shown.getexif())) == ((1024, 2048), "JPEG", {})
    with Asked(served.url, "그럼 무슨 색이 어울려요?", sessionId=session, topic="keep") as asked:
        asked.finish()
    assert [again.size for again in shown_to(upstream)] == [(1024, 2048)]


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(100), photo()[:5_000]], ids=["garbled", "cut"])
def test_a_broken_picture_gets_its_verdict_and_an_answer(
    served: Service, upstream: ScriptedUpstream, content: bytes
) -> None:
    with Asked(served.url, "이 그림은 뭐예요?", files={"a.png": content}) as asked:
        assert asked.finish().status == "completed"
        (verdict,) = asked.seen[-2].content["files"]
    assert (verdict["status"], verdict["reason"]) == ("failed", "damaged")
    assert shown_to(upstream) == []


@pytest.mark.parametrize(("size", "kind", "frames"), [(SMALL, "image/png", 4), (LARGE, "image/jpeg", 1)])
def test_a_drawn_picture_is_fetched_from_its_address_and_never_travels_in_a_frame(
    served: Service, upstream: ScriptedUpstream, size: int, kind: str, frames: int
) -> None:
    upstream.script(Script(picture=size))
    with Asked(served.url, "고양이를 그려 주세요.") as asked:
        assert asked.finish().status == "completed"
    assert {"type": "image_generation"}.items() <= upstream.requests[-1].body["tools"][0].items()
    assert [image["partial"] for image in images(asked)] == [True] * (frames - 1) + [False]
    assert max(len(json.dumps(seen.frame)) for seen in asked.seen) < 64 * 1024
    status, data, found = fetched(served, images(asked)[-1]["url"])
    assert (status, found, len(data) <= 1_000_000) == (200, kind, True)
    assert Image.open(BytesIO(data)).size[0] > 50
    assert fetched(served, images(asked)[-1]["url"].replace("signature=", "signature=0"))[0] == 404
    until(lambda: not served.uploads(), 5, "no file is left behind")


def test_the_page_shows_a_drawn_picture_at_once_and_after_a_reload(served: Service, upstream: ScriptedUpstream) -> None:
    """The stream is as a worker passes it on that doesn't know pictures: with an address without the prefix."""

    def pass_on(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=response.text().replace('"/api/answers/', '"answers/'))

    upstream.script(Script(picture=SMALL))
    drawn = ".turn:last-child .images img"
    with chromium() as browser:
        page = browser.new_page()
        page.route("**/api/ask", pass_on)
        page.goto(served.url)
        page.fill("#question", "고양이를 그려 주세요.")
        page.press("#question", "Enter")
        expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)
        for _ in range(2):
            expect(page.locator(drawn)).to_have_count(1, timeout=PATIENCE)
            until(lambda: page.locator(drawn).evaluate("image => image.naturalWidth") > 50, 5, "it is there")
            page.reload()
