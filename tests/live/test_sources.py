"""These tests show what an answer is from: the places in its text, pages of the web, pictures and videos, at a running
service."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.lateness import Lateness
from tests.live.chromium import ANSWERED, PATIENCE, chromium
from tests.live.processes import Service, gunicorn
from tests.live.reading import Asked, request
from tests.live.searching_site import KEY
from tests.media.search_services import VIDEOS, SearchServices
from tests.scripted_upstream import Script, ScriptedUpstream, event

TERMS = {"약관.txt": "환불은 구매일부터 7일 안에 됩니다. 주문한 책은 영업일 2일 안에 발송합니다.".encode()}
LINK = "([html.spec.whatwg.org](https://html.spec.whatwg.org/multipage/server-sent-events.html?utm_source=openai))"
MARK = "\ue200cite\ue202turn0search0\ue201"


@pytest.fixture(scope="module")
def services() -> Iterator[SearchServices]:
    with SearchServices() as started:
        yield started


@pytest.fixture(scope="module")
def site(
    redis_url: str, upstream: ScriptedUpstream, services: SearchServices, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("sources"),
        app="tests.live.searching_site:make_app()",
        REDIS_URL=redis_url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        SEARCH_URL=services.url,
        WEB_CONCURRENCY="1",
        PYTHONPATH=".",
    ) as found:
        yield found


def ask(site: Service, question: str, **fields: str) -> Asked:
    """Ask, and read the answer to its end."""
    with Asked(site.url, question, **fields) as answer:
        return answer.finish()


def references(answer: Asked) -> list[dict[str, Any]]:
    return [seen.content for seen in answer.seen if seen.kind == "reference"]


def places(answer: Asked) -> list[list[str]]:
    """Return what stands in the places of each source."""
    return [[answer.text[cite["start"] : cite["end"]] for cite in source["cites"]] for source in references(answer)]


def test_a_web_search_is_seen_live_and_its_pages_have_their_places(site: Service) -> None:
    answer = ask(site, "script:02_web_search", useWebSearch="true")
    stages = [seen.content for seen in answer.seen if seen.kind == "status"]
    assert {"stage": "searching_web", "query": "2026년 SSE 스트리밍 표준 동향"} in stages
    assert [source["title"] for source in references(answer)] == ["HTML Standard — Server-sent events", "SSE 2026 동향"]
    assert places(answer)[0] == [LINK, LINK]
    kept = request(site.url, f"/api/answers/{answer.answer_id}")[1]
    assert kept["references"] == references(answer)
    session = request(site.url, f"/api/sessions/{answer.session_id}")[1]
    assert session["turns"][0]["references"] == references(answer)


def test_places_are_right_in_the_text_without_upstreams_marks(site: Service, upstream: ScriptedUpstream) -> None:
    text = f"표준입니다.{MARK} 😀 그리고 {LINK}{MARK} 끝."
    note = {"type": "url_citation", "title": "표준", "url": "https://html.spec.whatwg.org/multipage"}
    span = {"start_index": text.index(LINK), "end_index": text.index(LINK) + len(LINK)}
    part = {"type": "output_text", "text": text, "annotations": [note | span]}
    completed = {"model": "m", "status": "completed", "output": [{"type": "message", "content": [part]}]}
    pieces = [event("response.output_text.delta", output_index=0, content_index=0, delta=sign) for sign in text]
    upstream.script(Script(body=b"".join([*pieces, event("response.completed", response=completed)]).decode()))
    answer = ask(site, "표준은?")
    assert answer.text == f"표준입니다. 😀 그리고 {LINK} 끝."
    assert places(answer) == [[LINK]]


def test_what_the_model_only_typed_is_no_reference(site: Service, upstream: ScriptedUpstream) -> None:
    upstream.script(Script(text="[약관](https://made.up/terms) https://made.up/more [1][2]"))
    assert references(ask(site, "근거는?")) == []


def test_results_of_search_services_are_told_and_the_key_is_not(
    site: Service, services: SearchServices, upstream: ScriptedUpstream
) -> None:
    services.answer, services.seconds = VIDEOS, 0
    upstream.script(Script())
    answer = ask(site, "배터리 정리", useWebSearch="true")
    metadata = next(seen for seen in answer.seen if seen.kind == "metadata")
    assert [video["channel"] for video in metadata.content["videoResults"]] == ['살림 "연구소"', "Lab"]
    assert metadata.frame["videoResults"] == metadata.content["videoResults"]
    assert "imageResults" not in metadata.frame
    assert {path for path, _ in services.asked} == {"/search"}
    assert KEY not in json.dumps([seen.frame for seen in answer.seen]) + site.said


def test_a_silent_search_service_delays_the_end_by_less_than_a_second(
    site: Service, services: SearchServices, upstream: ScriptedUpstream
) -> None:
    services.seconds = 3
    upstream.script(Script())
    with Asked(site.url, "배터리 정리", useWebSearch="true") as answer:
        answer.first("text")
        began, late = time.monotonic(), Lateness(*site.workers())
        answer.finish()
    assert time.monotonic() - began < 1 + late.seconds
    assert answer.status == "completed"
    assert "the search at YouTube took too long" in site.said


def test_the_page_puts_numbers_and_opens_the_sentence_of_each_place(site: Service, upstream: ScriptedUpstream) -> None:
    upstream.script(
        Script(text="환불은 7일 안에 됩니다 [1]. 책은 영업일 2일 안에 보냅니다 [1]."), Script(recording="02_web_search")
    )
    files = [{"name": name, "mimeType": "text/plain", "buffer": content} for name, content in TERMS.items()]
    with chromium() as browser:
        page = browser.new_page(locale="ko-KR")
        page.goto(site.url)
        page.set_input_files('[data-part="picker"]', files)
        for question in ("환불과 배송은?", "표준은?"):
            page.fill("#question", question)
            page.press("#question", "Enter")
            expect(page.locator(".turn:last-child .bubble")).to_contain_text(question)
            expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)
        first, second = page.locator(".turn").all()
        for number, quote in enumerate(
            ["환불은 구매일부터 7일 안에 됩니다.", "주문한 책은 영업일 2일 안에 발송합니다."]
        ):
            first.locator(".cite").nth(number).click()
            expect(page.locator("#source mark")).to_have_text(quote)
            page.keyboard.press("Escape")
        assert second.locator(".prose .cite:enabled").all_inner_texts() == ["1", "2", "1"]
        see_a_citation_live(page, upstream)


def see_a_citation_live(page: Page, upstream: ScriptedUpstream) -> None:
    """Ask on, and press a number while the text still comes, also after the page was loaded again."""
    upstream.script(Script(text="환불은 7일 안에 됩니다 [1][9]. " + "그리고 더 있습니다. " * 200, rate=30))
    page.fill("#question", "환불은 언제까지 되나요?")
    page.press("#question", "Enter")
    numbers = page.locator(".turn:last-child .prose .cite")
    expect(numbers.last).to_be_disabled(timeout=PATIENCE)
    page.reload()
    expect(numbers.first).to_be_enabled(timeout=PATIENCE)
    numbers.first.click()
    expect(page.locator("#source .reading")).to_have_text(TERMS["약관.txt"].decode())
    expect(page.locator('.turn:last-child .answer[aria-busy="true"]')).to_have_count(1)
    page.keyboard.press("Escape")
    page.click('[data-part="stop"]')
    expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)
    expect(page.locator(".turn:last-child .prose")).to_contain_text("됩니다 1[9]. 그리고")
    numbers.first.click()
    expect(page.locator("#source mark")).to_have_text("환불은 구매일부터 7일 안에 됩니다.")
