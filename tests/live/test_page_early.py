"""What people write into the page before its script is there stays there."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.live.chromium import ANSWERED, PATIENCE

Release = Callable[[], None]
FIELD = "#question"
SAME_FIELD = "document.querySelector('qa-chat').shadowRoot.getElementById('question') === window.field"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="ko-KR", viewport={"width": 1280, "height": 860})
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Give a page that violates no policy and whose script doesn't fail."""
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda line: trouble.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    assert not trouble


def open_early(page: Page, url: str) -> Release:
    """Open the page, whose script comes only when the test lets it, and wait until its field takes what is written."""
    held: list[Route] = []
    page.route("**/chat.js*", lambda route: held.append(route))
    page.goto(url, wait_until="commit")
    expect(page.locator(FIELD)).to_be_focused(timeout=PATIENCE)

    def release() -> None:
        held.pop().continue_()
        expect(page.locator("#drop-limits")).not_to_be_empty(timeout=PATIENCE)
        page.unroute("**/chat.js*")

    return release


@pytest.fixture
def release(page: Page, server_url: str) -> Release:
    return open_early(page, server_url)


def test_the_field_is_named_focused_and_alone(page: Page, release: Release) -> None:
    expect(page.locator(FIELD)).to_be_focused()
    expect(page.get_by_role("textbox", name="질문")).to_have_attribute("placeholder", "질문을 입력하세요")
    assert page.locator("qa-chat button:visible, qa-chat select:visible").count() == 0
    before = page.locator(".box").bounding_box()
    release()
    expect(page.locator(FIELD)).to_have_attribute("placeholder", "질문을 입력하세요")
    after = page.locator(".box").bounding_box()
    assert before
    assert after
    assert all(abs(before[side] - after[side]) < 8 for side in ("x", "y", "width", "height"))


def test_what_is_written_stays_with_the_caret_and_can_be_sent(page: Page, release: Release) -> None:
    page.evaluate("window.field = document.querySelector('qa-chat').shadowRoot.getElementById('question')")
    page.keyboard.type("환불은 언제까지?")
    page.keyboard.press("ArrowLeft")
    release()
    assert page.evaluate(SAME_FIELD)
    expect(page.locator(FIELD)).to_be_focused()
    page.keyboard.type("인가요")
    expect(page.locator(FIELD)).to_have_value("환불은 언제까지인가요?")
    page.keyboard.press("Enter")
    expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)
    expect(page.locator(".bubble")).to_have_text("환불은 언제까지인가요?")


def test_enter_leaves_the_page_and_the_words_where_they_are(page: Page, release: Release) -> None:
    address = page.url
    page.keyboard.type("One")
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    page.keyboard.press("Control+Enter")
    release()
    assert page.url == address
    assert page.input_value(FIELD).split() == ["One", "two"]
    expect(page.locator('[data-part="send"]')).to_be_enabled()


def test_a_syllable_that_is_being_composed_is_not_broken_off(page: Page, release: Release) -> None:
    keyboard = page.context.new_cdp_session(page)
    keyboard.send("Input.insertText", {"text": "안녕"})
    keyboard.send("Input.imeSetComposition", {"text": "하", "selectionStart": 1, "selectionEnd": 1})
    release()
    keyboard.send("Input.imeSetComposition", {"text": "한", "selectionStart": 1, "selectionEnd": 1})
    keyboard.send("Input.insertText", {"text": "한"})
    expect(page.locator(FIELD)).to_have_value("안녕한")


def test_a_syllable_that_is_being_composed_beside_a_draft_is_written_once(
    page: Page, release: Release, server_url: str
) -> None:
    release()
    page.fill(FIELD, "전에 쓴 글")
    release_again = open_early(page, server_url)
    keyboard = page.context.new_cdp_session(page)
    keyboard.send("Input.imeSetComposition", {"text": "하", "selectionStart": 1, "selectionEnd": 1})
    expect(page.locator(FIELD)).to_have_value("하")
    release_again()
    keyboard.send("Input.imeSetComposition", {"text": "한", "selectionStart": 1, "selectionEnd": 1})
    expect(page.locator(FIELD)).to_have_value("한")
    keyboard.send("Input.insertText", {"text": "한"})
    expect(page.locator(FIELD)).to_have_value("전에 쓴 글\n한")
    open_early(page, server_url)()
    expect(page.locator(FIELD)).to_have_value("전에 쓴 글\n한")


def test_it_stands_behind_the_draft_that_was_there(page: Page, release: Release, server_url: str) -> None:
    release()
    page.fill(FIELD, "before")
    release_again = open_early(page, server_url)
    page.keyboard.type("after")
    release_again()
    expect(page.locator(FIELD)).to_have_value("before\nafter")
    open_early(page, server_url)()
    expect(page.locator(FIELD)).to_have_value("before\nafter")


def test_it_stays_where_the_address_names_no_conversation(page: Page, server_url: str) -> None:
    release = open_early(page, f"{server_url}/#/c/no-such-conversation")
    page.keyboard.type("kept")
    release()
    expect(page.locator('[data-part="complaint"]')).not_to_be_empty()
    expect(page.locator(FIELD)).to_have_value("kept")


def test_it_stays_where_the_page_is_of_another_release_than_the_script(page: Page, server_url: str) -> None:
    def age(route: Route) -> None:
        response = route.fetch()
        old = re.sub(r'data-markup="\w+"', 'data-markup="0000"', response.text()).replace('id="drop-limits"', "")
        route.fulfill(response=response, body=old)

    page.route(f"{server_url}/", age)
    release = open_early(page, server_url)
    page.keyboard.type("kept")
    release()
    expect(page.locator(FIELD)).to_have_value("kept")
    expect(page.locator("#early")).to_have_count(0)
