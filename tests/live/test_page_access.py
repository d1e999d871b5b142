"""These tests show what axe finds in the states of the page, dark and light, in English and Korean, which is
nothing."""

import json
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, FilePayload, Page, Route, ViewportSize, expect

from tests.clients.packages import FOLDER, install_packages
from tests.live.chromium import ask, wait_for_answer
from tests.live.test_page import HOLD_AFTER_FIRST_TEXT

MANUAL = FilePayload(
    name="약관.txt", mimeType="text/plain", buffer="환불은 7일 안에 전액 됩니다.\n\n배송은 2일 걸립니다.".encode()
)
REFUND = "환불은 며칠 안에 되나요?"
BUSY = {"code": "overloaded", "userMessage": "지금은 질문이 많아요.", "retryable": True, "retryAfter": 60}
BUBBLE = """<!doctype html><html lang="en"><title>A site</title><main><h1>A site</h1></main>
<script type="module" src="/api/chat.js"></script><qa-chat bubble open></qa-chat>"""
WIDE, NARROW = ViewportSize(width=1280, height=860), ViewportSize(width=360, height=740)
COLOURS = ["color-contrast", "link-in-text-block"]
"""These are the rules that look at colours. No other rule depends on the scheme, and these don't depend on the
language."""
EXAMINATIONS: dict[tuple[str, Literal["dark", "light"]], object] = {
    ("en", "light"): {},
    ("ko", "light"): {"rules": {rule: {"enabled": False} for rule in COLOURS}},
    ("ko", "dark"): {"runOnly": COLOURS},
}
"""This says which rules are tried in which language and scheme: each in both of those that it depends on."""
EXAMINE = """async (options) => {
    const { violations } = await axe.run({ ...options, resultTypes: ["violations"] });
    const told = ({ target, failureSummary }) => `${target.flat().join(" ")}: ${failureSummary}`;
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id} at ${told(node)}`));
}"""
BREAK = """() => {
    const button = document.querySelector("qa-chat").shadowRoot.querySelector('[data-part="attach"]');
    for (const name of ["aria-label", "title"]) button.removeAttribute(name);
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    """Return the script of axe."""
    install_packages()
    return (FOLDER / "node_modules/axe-core/axe.min.js").read_text()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """Give the one tab of all states."""
    context = browser.new_context(locale="ko-KR", viewport=WIDE)
    yield context.new_page()
    context.close()


def show_nothing(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator("#drop-limits")).not_to_be_empty()


def show_error(page: Page, url: str) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(BUSY))

    page.route("**/ask", refuse, times=1)
    ask(page, REFUND)
    expect(page.locator(".ending")).to_contain_text("60")


def show_streaming(page: Page, url: str) -> None:
    page.evaluate(HOLD_AFTER_FIRST_TEXT)
    page.set_input_files('[data-part="picker"]', [MANUAL])
    page.fill("#question", REFUND)
    page.press("#question", "Enter")
    expect(page.locator('.answer[aria-busy="true"] .prose')).not_to_be_empty()


def show_sources(page: Page, url: str) -> None:
    page.evaluate("window.release()")
    wait_for_answer(page)
    expect(page.locator(".sources .card")).not_to_have_count(0)


def show_dialog(page: Page, url: str) -> None:
    page.set_viewport_size(NARROW)
    page.locator(".sources .card").first.click()
    expect(page.locator("#source mark")).to_be_visible()
    expect(page.locator("#source")).not_to_have_attribute("aria-busy", "true")


def show_loading(page: Page, url: str) -> None:
    """Let the dialog look as it does while another page of the source is loaded."""
    page.locator("#source").evaluate("(dialog) => dialog.setAttribute('aria-busy', 'true')")


def show_history(page: Page, url: str) -> None:
    page.keyboard.press("Escape")
    page.click("#menu")
    page.locator("#history .rename").click()
    expect(page.locator("#history input")).to_be_focused()


def show_bubble(page: Page, url: str) -> None:
    page.route("**/bubble", lambda route: route.fulfill(content_type="text/html", body=BUBBLE))
    page.goto(f"{url}/bubble")
    expect(page.locator("#question")).to_be_visible()


STATES: list[Callable[[Page, str], None]] = [
    show_nothing,
    show_error,
    show_streaming,
    show_sources,
    show_dialog,
    show_loading,
    show_history,
    show_bubble,
]
"""These are the functions that bring the page into its states, each from the one before."""


def violations(page: Page, axe: str, options: object) -> list[str]:
    """Return what axe finds in the page as it is."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(axe)
    return [str(each) for each in page.evaluate(EXAMINE, options)]


def test_axe_finds_nothing_in_any_state_of_the_page(page: Page, server_url: str, axe: str) -> None:
    found = {}
    for show in STATES:
        show(page, server_url)
        for (language, scheme), options in EXAMINATIONS.items():
            page.evaluate("(tag) => document.querySelector('qa-chat').setAttribute('lang', tag)", language)
            page.emulate_media(color_scheme=scheme)
            found[f"{show.__name__}, {language}, {scheme}"] = violations(page, axe, options)
    assert {state: what for state, what in found.items() if what} == {}


def test_axe_looks_into_the_element(page: Page, server_url: str, axe: str) -> None:
    show_nothing(page, server_url)
    page.evaluate(BREAK)
    assert [each for each in violations(page, axe, {}) if each.startswith("button-name")]
