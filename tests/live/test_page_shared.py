"""The page on a computer that several people use one after another: nobody finds what another one has left."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from qa_service.web.chat_script import chat_script
from tests.live.chromium import ANSWERED

SITE = "http://shared.test"
SHELL = (
    "<!doctype html><html lang='ko'><meta charset='utf-8'><body><qa-chat full keys address='/api'></qa-chat>"
    "<script type='module' src='/chat.js'></script>"
)
LIMITS = {"question": 32_000, "files": 10, "fileBytes": 1_000_000, "bodyBytes": 10_000_000}
SECRET = "비밀 계획"
FRAMES = [
    ["start", {"answerId": "a", "sessionId": "s", "topic": {"index": 1}}],
    ["text", f"{SECRET}은 이렇습니다 [1]."],
    ["reference", {"n": 1, "kind": "document", "file": f"{SECRET}.txt", "url": "sessions/s/files/f/pages/1"}],
    ["metadata", {"files": [], "model": "m", "usage": None, "timing": None}],
    ["done", {"status": "completed"}],
]
READABLE = """() => {
    const texts = (root) => [root, ...root.querySelectorAll("*")].map((node) => node.value ?? node.textContent).join();
    return texts(document) + texts(document.querySelector("qa-chat").shadowRoot) + document.title
        + JSON.stringify([localStorage, sessionStorage]);
}"""


class Service:
    """A `Service` is what the page asks. Whoever has a key is a person of its own, and all others are visitors."""

    def __init__(self, page: Page) -> None:
        self.asked: list[tuple[str, str, bool]] = []
        self.held: list[Route] = []
        self.holds: Callable[[str, str], bool] = lambda method, path: False
        self.away: set[str] = set()
        page.route(f"{SITE}/**", self.answer)

    def answer(self, route: Route) -> None:
        request = route.request
        path = urlsplit(request.url).path.removeprefix("/")
        known = "authorization" in request.headers
        if not path.startswith("api/"):
            script = path == "chat.js"
            route.fulfill(
                body=chat_script().plain if script else SHELL.replace("full", "bubble" if path == "bubble" else "full"),
                content_type=f"text/{'javascript' if script else 'html'}; charset=utf-8",
            )
            return
        self.asked.append((request.method, path, known))
        if path in self.away:
            route.abort()
        elif self.holds(request.method, path):
            self.held.append(route)
        else:
            self.tell(route, path, known=known)

    def tell(self, route: Route, path: str, *, known: bool) -> None:
        config = {"limits": LIMITS, "caller": {"kind": "key" if known else "anonymous"}, "kinds": ["txt"]}
        item = {"sessionId": "s", "title": SECRET, "updatedAt": "2026-01-02T03:04:05Z"}
        page = {"fileId": "f", "name": "a", "page": 1, "pages": 1, "text": SECRET, "section": "", "label": ""}
        found: dict[str, Any] = {
            "api/config": config,
            "api/sessions": {"items": [item] if known else []},
            "api/sessions/s/files": {"items": []},
            "api/sessions/s/files/f/pages/1": page,
        }
        if path == "api/ask":
            frames = [{"seq": seq, "type": kind, "content": said} for seq, (kind, said) in enumerate(FRAMES, 1)]
            body = "".join(f"data: {json.dumps(frame)}\n\n" for frame in frames)
            route.fulfill(body=body, content_type="text/event-stream")
        elif path in found:
            route.fulfill(json=found[path])
        else:
            route.fulfill(json={})


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """Give a wide page. No script fails in it."""
    context = browser.new_context(locale="ko-KR", viewport={"width": 1600, "height": 800})
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    yield page
    context.close()
    assert not trouble


@pytest.fixture
def service(page: Page) -> Iterator[Service]:
    page.unroute_all()
    service = Service(page)
    page.goto(f"{SITE}/#key=anns-key")
    expect(page.locator("#history .name")).to_have_text(SECRET)
    yield service
    page.goto("about:blank")
    page.goto(f"{SITE}/api/healthz")
    page.evaluate("localStorage.clear(); sessionStorage.clear()")
    page.goto("about:blank")


def ask(page: Page) -> None:
    page.fill("#question", SECRET)
    page.press("#question", "Enter")
    expect(page.locator(ANSWERED)).to_have_count(1)


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="로그아웃").click()
    expect(page.get_by_role("button", name="로그아웃")).to_be_hidden()


def test_a_page_that_stands_beside_the_answer_goes_with_the_person_who_opened_it(page: Page, service: Service) -> None:
    ask(page)
    page.locator(".cite").click()
    expect(page.locator("#source .reading")).to_have_text(SECRET)
    sign_out(page)
    expect(page.locator("#source")).to_be_hidden()
    assert SECRET not in page.evaluate(READABLE)


def test_what_was_deleted_is_deleted_with_the_key_of_its_owner_and_never_shown_again(
    page: Page, service: Service
) -> None:
    service.away.add("api/sessions/s")
    page.locator("#history li").hover()
    page.locator("#history .remove").click()
    with page.expect_event("requestfailed"):
        sign_out(page)
    page.fill("#question", "?")
    assert ("DELETE", "api/sessions/s", True) in service.asked
    assert SECRET not in page.evaluate(READABLE)


def test_a_list_that_comes_after_its_owner_has_left_is_not_shown(page: Page, service: Service) -> None:
    service.holds = lambda method, path: path == "api/sessions"
    with page.expect_request("**/api/sessions?**"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.fill("#question", "?")
    sign_out(page)
    service.tell(service.held[0], "api/sessions", known=True)
    page.evaluate("fetch('/api/healthz').then(({ status }) => status)")
    assert SECRET not in page.evaluate(READABLE)


def test_a_site_whose_person_has_left_says_so_and_nothing_of_theirs_stays(page: Page, service: Service) -> None:
    ask(page)
    page.fill("#question", SECRET)
    page.evaluate("document.querySelector('qa-chat').signOut()")
    expect(page.locator("#welcome")).to_be_visible()
    assert SECRET not in page.evaluate(READABLE)


def test_a_bubble_that_was_never_opened_forgets_the_drafts_and_asks_for_nothing(page: Page, service: Service) -> None:
    page.fill("#question", SECRET)
    page.goto("about:blank")
    page.goto(f"{SITE}/bubble")
    service.asked.clear()
    page.evaluate("customElements.whenDefined('qa-chat').then(() => document.querySelector('qa-chat').signOut())")
    assert SECRET not in page.evaluate(READABLE)
    assert service.asked == []


def test_a_question_of_somebody_whom_the_page_does_not_know_yet_is_remembered_by_no_browser(
    page: Page, service: Service
) -> None:
    service.away.add("api/config")
    page.reload()
    expect(page.get_by_role("alert")).to_be_visible()
    service.away.clear()
    ask(page)
    expect(page.locator("#history .name")).to_have_text(SECRET)
    assert SECRET not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")
