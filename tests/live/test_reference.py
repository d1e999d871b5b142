"""The reference and the guide in a real browser against a running service: a question is tried, its frames are
shown, and the pages of the guide are searched."""

from collections.abc import Iterator
from unicodedata import normalize

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live.chromium import PATIENCE


@pytest.fixture
def page(browser: Browser, server_url: str) -> Iterator[Page]:
    """Give a Korean reader's window of a phone's width. Nothing leaves the host, and the policy is never violated."""
    context = browser.new_context(locale="ko-KR", viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    trouble: list[str] = []
    page.on("request", lambda sent: trouble.append(sent.url) if not sent.url.startswith(server_url) else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda line: trouble.append(line.text) if "Content Security Policy" in line.text else None)
    page.goto(f"{server_url}/docs")
    yield page
    context.close()
    assert trouble == []


def test_a_question_is_tried_and_its_frames_are_shown(page: Page) -> None:
    page.get_by_label("질문").fill("환불은 '며칠' 안에 되나요?")
    page.get_by_role("button", name="질문하기").click()
    shown = page.locator("#shown")
    expect(shown).to_contain_text('"type":"done"', timeout=PATIENCE)
    expect(shown).to_contain_text("HTTP 200 text/event-stream")
    expect(page.locator("#curl")).to_contain_text(r"""'question=환불은 '\''며칠'\'' 안에 되나요?'""")


def test_a_refusal_is_shown_too(page: Page) -> None:
    page.get_by_label("키나 토큰").fill("열쇠")
    page.get_by_role("button", name="질문하기").click()
    expect(page.locator("#shown")).to_contain_text('"code":"unauthenticated"', timeout=PATIENCE)


def test_it_fits_a_phone_and_changes_its_language(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("button", name="Ask")).to_be_visible()


def test_the_guide_is_searched_and_leads_to_the_section(page: Page) -> None:
    page.get_by_role("link", name="질문과 스트림").click()
    page.get_by_role("searchbox").fill("연결 끊겼을")
    page.get_by_role("link", name="질문과 스트림 › 연결이 끊겼을 때").click()
    expect(page.locator("h2:target")).to_have_text("연결이 끊겼을 때")
    page.get_by_role("searchbox").fill("없는말없는말")
    expect(page.get_by_role("status")).to_have_text("찾은 것이 없어요")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_guide_is_searched_after_its_sections_could_not_be_loaded_at_first(page: Page) -> None:
    page.get_by_role("link", name="질문과 스트림").click()
    page.route("**/*", lambda route: route.abort(), times=1)
    page.get_by_role("searchbox").fill("연결")
    page.get_by_role("searchbox").fill("연결 끊겼을")
    expect(page.get_by_role("link", name="질문과 스트림 › 연결이 끊겼을 때")).to_be_visible()


def test_the_guide_is_searched_for_letters_that_are_not_composed(page: Page) -> None:
    """Names that are copied on a Mac are written so."""
    page.get_by_role("link", name="질문과 스트림").click()
    page.get_by_role("searchbox").fill(normalize("NFD", "연결 끊겼을"))
    expect(page.get_by_role("link", name="질문과 스트림 › 연결이 끊겼을 때")).to_be_visible()
