"""What the page shows on a small phone, in a real browser with a service whose frames each test chooses."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.live.chromium import ANSWERED
from tests.live.test_page_reading import SITE, answer, begin, send, send_file, source

OVERLAP = """([one, other]) => {
    const [a, b] = [one, other].map((node) => node.getBoundingClientRect());
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with opened(browser) as page:
        yield page


@contextmanager
def opened(browser: Browser, *, has_touch: bool = False) -> Iterator[Page]:
    """The page on a small screen. With keys, Enter sends."""
    size: ViewportSize = {"width": 360, "height": 560}
    context = browser.new_context(locale="ko-KR", viewport=size, is_mobile=has_touch, has_touch=has_touch)
    page = context.new_page()
    page.route(f"{SITE}/**", send_file)
    page.goto(SITE)
    yield page
    context.close()


@pytest.mark.parametrize(("language", "words"), [("ko", "눌러서 파일을 고르세요"), ("en", "Tap to choose files")])
def test_nothing_is_said_of_dragging_where_fingers_write(browser: Browser, language: str, words: str) -> None:
    with opened(browser, has_touch=True) as page:
        page.evaluate("(language) => document.querySelector('qa-chat').setAttribute('lang', language)", language)
        expect(page.locator("#drop-zone strong")).to_have_text(words)


def test_the_way_to_the_end_leaves_the_tools_of_an_answer_free(page: Page) -> None:
    answer(page, "문단입니다.\n\n" * 30)
    begin(page)
    send(page, ["text", "문단입니다.\n\n" * 80])
    expect(page.locator(".turn:last-child .prose")).to_contain_text("문단")
    button, tools = page.locator("#to-bottom"), page.locator(".turn .tools").first
    apart = "([tools, button]) => tools.getBoundingClientRect().top - button.getBoundingClientRect().top"
    expect(button).to_be_visible()
    handles = [tools.element_handle(), button.element_handle()]
    page.locator("#scroller").evaluate("(node, by) => node.scrollBy(0, by)", page.evaluate(apart, handles))
    expect(button).to_be_visible()
    assert abs(page.evaluate(apart, handles)) < 5
    assert not page.evaluate(OVERLAP, handles)


def test_an_element_in_a_page_is_lower_than_the_screen(page: Page) -> None:
    page.evaluate("document.querySelector('qa-chat').removeAttribute('full')")
    box = page.locator("qa-chat").bounding_box()
    assert box
    assert 400 < box["height"] < 560


def test_many_sources_are_shown_when_they_are_asked_for(page: Page) -> None:
    answer(page, "환불 [1].", *(source(n) for n in range(1, 51)))
    cards, all_of_them = page.locator(".sources li:visible"), page.get_by_role("button", name="모두 보기 (50)")
    expect(cards).to_have_count(6)
    all_of_them.focus()
    page.keyboard.press("Enter")
    expect(cards).to_have_count(50)
    expect(page.locator(".sources .card").nth(6)).to_be_focused()
    expect(all_of_them).to_be_hidden()


def test_a_number_leads_to_its_source_that_isnt_among_the_first(page: Page) -> None:
    web = [{"n": n, "kind": "url", "title": f"{n}", "url": f"https://example.org/{n}"} for n in range(1, 21)]
    answer(page, "환불 [20].", *web)
    page.locator(".cite").click()
    expect(page.locator('.sources [data-n="20"] a')).to_be_focused()


def test_a_few_sources_are_all_shown(page: Page) -> None:
    answer(page, "환불 [1].", *(source(n) for n in range(1, 9)))
    expect(page.locator(".sources li:visible")).to_have_count(8)
    expect(page.get_by_role("button", name="모두 보기")).to_have_count(0)


def test_what_a_failure_says_is_told_in_sentences_with_spaces(page: Page) -> None:
    begin(page)
    error = {"code": "rate_limited", "userMessage": "질문이 많아요.", "retryable": True, "retryAfter": 50}
    send(page, ["error", error], ["done", {"status": "failed"}])
    expect(page.locator(ANSWERED)).to_have_count(1)
    expect(page.locator("#announcer")).to_have_text("질문이 많아요. 50초쯤 뒤에 다시 시도해 주세요. 다시 시도")
