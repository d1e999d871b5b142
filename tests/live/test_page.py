"""The page in a real browser against a running service: what a visitor sees, and what must never happen to them."""

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Dialog, FilePayload, Page, Request, Route, expect

from tests import pdfs
from tests.documents import html_that_never_ends
from tests.live.chromium import ANSWERED, PATIENCE, ask, asked

TERMS = FilePayload(
    name="이용약관.txt",
    mimeType="text/plain",
    buffer=(
        "제1조 (목적) 이 약관은 온라인 서점의 서비스 이용 조건과 절차를 정합니다.\n\n"
        "제7조 (환불) 구매일부터 7일 안에는 전액을 환불받을 수 있습니다. 그 뒤에는 남은 기간에 따라 계산합니다.\n\n"
        "제9조 (배송) 주문한 책은 영업일 2일 안에 발송합니다.\n"
    ).encode(),
)
REFUND = "환불 조건은 무엇인가요?"
MARKUP = "<img src=x onerror=alert(1)>"
HOSTILE = FilePayload(
    name=f"{MARKUP}.txt",
    mimeType="text/plain",
    buffer=f"환불 정책은 이렇습니다: 환불 {MARKUP} <script>alert(2)</script> [환불](javascript:alert(3))\n".encode(),
)
HOLD_AFTER_FIRST_TEXT = r"""() => {
    const ask = window.fetch;
    const released = new Promise((resolve) => { window.release = resolve; });
    const held = () => {
        let seen = "";
        return new TransformStream({
            async transform(chunk, controller) {
                const frames = chunk.split(/(?<=\n\n)/);
                for (const frame of frames) {
                    if (seen.includes('"type":"text"')) await released;
                    seen += frame;
                    controller.enqueue(frame);
                }
            },
        });
    };
    window.fetch = async (...request) => {
        const response = await ask(...request);
        if (!response.url.endsWith("/ask")) return response;
        const body = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(held());
        return new Response(body.pipeThrough(new TextEncoderStream()), { headers: response.headers });
    };
}"""


@pytest.fixture(scope="module")
def tab(browser: Browser, server_url: str) -> Iterator[tuple[Page, list[str]]]:
    """Give the one tab of a Korean visitor's browser in which nearly all tests are, and what went wrong in it."""
    context = browser.new_context(locale="ko-KR")
    page = context.new_page()
    trouble: list[str] = []

    def leaves(request: Request) -> None:
        if urlsplit(request.url).scheme in {"http", "https"} and not request.url.startswith(server_url):
            trouble.append(f"a request to {request.url}")

    def alarmed(dialog: Dialog) -> None:
        trouble.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    page.on("request", leaves)
    page.on("dialog", alarmed)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda line: trouble.append(line.text) if "Content Security Policy" in line.text else None)
    yield page, trouble
    context.close()


@pytest.fixture
def page(tab: tuple[Page, list[str]], server_url: str) -> Iterator[Page]:
    """Give a first visit. Whatever a test does: no request leaves the host, no script fails, no dialog opens, and the
    policy is never violated."""
    page, trouble = tab
    trouble.clear()
    page.set_viewport_size({"width": 1280, "height": 860})
    page.goto(server_url)
    expect(page.locator("#drop-limits")).not_to_be_empty()
    yield page
    for other in page.context.pages:
        if other != page:
            other.close()
    page.unroute_all()
    # Only where no page is open does nothing write into the storages again.
    page.goto(f"{server_url}/api/healthz")
    page.evaluate("localStorage.clear(); sessionStorage.clear()")
    assert not trouble


def begin_writing(browser: Browser, server_url: str) -> Page:
    """Ask as a visitor in a browser of its own, and begin to write the next question."""
    page = browser.new_context().new_page()
    page.goto(server_url)
    ask(page, REFUND)
    page.fill("#question", "쓰던 글")
    return page


class TestAnswer:
    def test_shows_the_text_and_the_file_it_came_from(self, page: Page) -> None:
        ask(page, REFUND, TERMS)
        expect(page.locator(".prose")).to_contain_text("환불")
        expect(page.locator(".sources .card").first).to_contain_text(TERMS["name"])
        expect(page.locator(".asked .chip")).to_have_attribute("data-status", "used")

    def test_opens_the_page_with_the_quote_marked_and_gives_the_focus_back(self, page: Page) -> None:
        ask(page, REFUND, TERMS)
        number = page.locator(".prose .cite:enabled").first
        quote = page.locator(".sources q").first.inner_text()
        number.click()
        expect(page.locator("#source mark")).to_have_text(quote)
        expect(page.locator("#source .reading")).to_contain_text("제9조")
        page.keyboard.press("Escape")
        expect(page.locator("#source")).not_to_be_visible()
        expect(number).to_be_focused()

    def test_is_seen_before_it_is_whole(self, page: Page) -> None:
        page.evaluate(HOLD_AFTER_FIRST_TEXT)
        page.set_input_files('[data-part="picker"]', [TERMS])
        page.fill("#question", REFUND)
        page.press("#question", "Enter")
        expect(page.locator('.answer[aria-busy="true"] .prose')).not_to_be_empty()
        page.evaluate("window.release()")
        expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)

    def test_stays_in_its_conversation(self, page: Page) -> None:
        ask(page, REFUND, TERMS)
        sent = asked(page)
        ask(page, "환불은 그 뒤에는 어떻게 계산하나요?")
        session = page.evaluate("sessionStorage.getItem('qa.session')")
        assert session in (sent[0].post_data_buffer or b"").decode()
        expect(page.locator(".divider")).to_have_count(0)

    def test_is_marked_as_a_new_topic_when_the_visitor_says_so(self, page: Page) -> None:
        ask(page, REFUND, TERMS)
        page.click('[data-part="topic"]')
        ask(page, "오늘 저녁으로 무엇을 먹을까요?")
        expect(page.locator(".divider > span")).to_have_text("새 주제 · 2")
        expect(page.locator('[data-part="topic"]')).to_have_attribute("aria-pressed", "false")

    def test_goes_on_with_the_earlier_topic_when_the_visitor_goes_back_to_it(self, page: Page) -> None:
        ask(page, REFUND, TERMS)
        page.click('[data-part="topic"]')
        ask(page, "오늘 저녁으로 무엇을 먹을까요?")
        page.click(".divider button")
        expect(page.locator(".divider")).to_contain_text("다음 질문은 1번 주제에서 이어져요.")
        ask(page, "그건 언제까지인가요?")
        expect(page.locator(".divider > span").last).to_have_text("1번 주제로 돌아왔어요")

    def test_can_be_stopped_with_escape(self, page: Page) -> None:
        endless = FilePayload(name="끝.html", mimeType="text/html", buffer=html_that_never_ends().encode())
        page.set_input_files('[data-part="picker"]', [endless])
        page.fill("#question", "무슨 내용인가요?")
        page.press("#question", "Enter")
        expect(page.locator('[data-part="stop"]')).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".ending")).to_contain_text("멈췄어요", timeout=PATIENCE)
        expect(page.locator('[data-part="send"]')).to_be_visible()

    def test_goes_on_after_a_reload(self, page: Page) -> None:
        many = "환불 조건은 아주 많이 있습니다. ".encode() * 20_000
        page.set_input_files('[data-part="picker"]', [FilePayload(name="big.txt", mimeType="text/plain", buffer=many)])
        page.fill("#question", REFUND)
        page.press("#question", "Enter")
        expect(page.locator("#history [aria-current]")).to_be_visible()
        page.reload()
        expect(page.locator(".prose")).to_contain_text("환불 조건은 아주 많이", timeout=PATIENCE)
        expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)


class TestFiles:
    @pytest.mark.parametrize("way", ["drop", "paste"])
    def test_are_taken_by_drop_and_by_paste(self, page: Page, way: str) -> None:
        page.locator("#question").evaluate(
            """(question, way) => {
                const files = new DataTransfer();
                files.items.add(new File(["책은 2일 안에 보냅니다."], "배송.txt", {type: "text/plain"}));
                const options = {bubbles: true, cancelable: true, dataTransfer: files, clipboardData: files};
                const event = way === "drop" ? new DragEvent("drop", options) : new ClipboardEvent("paste", options);
                question.dispatchEvent(event);
            }""",
            way,
        )
        expect(page.locator('[data-part="files"] .chip')).to_contain_text("배송.txt")

    def test_that_cannot_be_read_are_told_with_the_reason(self, page: Page) -> None:
        ask(page, REFUND, FilePayload(name="깨진.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7 broken"))
        expect(page.locator('.asked .chip[data-status="failed"]')).to_contain_text("파일이 손상되어")

    def test_some_of_whose_pages_cannot_be_read_name_those_pages(self, page: Page) -> None:
        content = pdfs.pdf(
            pdfs.show("Refunds take 9 days."), pdfs.PICTURE, pdfs.PICTURE, pdfs.show("End"), pdfs.PICTURE
        )
        ask(page, REFUND, FilePayload(name="plan.pdf", mimeType="application/pdf", buffer=content))
        expect(page.locator('.asked .chip[data-status="partly"]')).to_contain_text("2–3, 5쪽")

    def test_that_no_question_can_use_are_listed_as_such_and_not_counted_among_the_others(self, page: Page) -> None:
        ask(page, REFUND, TERMS, FilePayload(name="깨진.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7 broken"))
        expect(page.locator("#kept .count")).to_have_text("1")
        page.click("#kept summary")
        expect(page.locator('#kept .chip[data-status="failed"]')).to_contain_text("파일이 손상되어")

    def test_of_a_conversation_can_be_deleted(self, page: Page) -> None:
        ask(page, REFUND, TERMS)
        page.evaluate("window.confirm = () => true")
        page.click("#kept summary")
        page.locator("#kept li button").click()
        expect(page.locator("#kept")).to_be_hidden()


class TestHistory:
    def test_comes_back_after_a_reload(self, page: Page) -> None:
        ask(page, REFUND, TERMS)
        text = page.locator(".prose").inner_text()
        page.reload()
        expect(page.locator(".prose")).to_have_text(text, use_inner_text=True)
        expect(page.locator("#history [aria-current]")).to_contain_text(REFUND)
        expect(page.locator("#kept .count")).to_have_text("1")


class TestTrouble:
    def test_is_told_kindly_and_can_be_tried_again(self, page: Page) -> None:
        def refuse(route: Route) -> None:
            problem = {"code": "overloaded", "userMessage": "지금은 질문이 많아요.", "retryable": True, "retryAfter": 3}
            route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))

        page.route("**/ask", refuse, times=1)
        ask(page, REFUND)
        expect(page.locator(".ending")).to_contain_text("지금은 질문이 많아요.")
        page.get_by_role("button", name="다시 시도").click()
        expect(page.locator(".ending")).not_to_contain_text("지금은 질문이 많아요.")
        expect(page.locator(".prose")).not_to_be_empty()
        expect(page.locator(".turn")).to_have_count(1)

    def test_with_a_key_opens_a_field_for_another(self, page: Page, server_url: str) -> None:
        page.goto("about:blank")
        page.goto(f"{server_url}/#key=not-a-key-of-this-service")
        expect(page.locator("#key")).to_be_visible()
        expect(page.locator("#key input")).to_be_focused()
        assert "#" not in page.url

    def test_of_a_link_with_another_key_is_that_the_person_is_asked_first(
        self, browser: Browser, server_url: str
    ) -> None:
        """What is asked with that key stands in the list of whoever sent the link."""
        context = browser.new_context(locale="en-US")
        mine, other = context.new_page(), context.new_page()
        questions: list[str] = []

        def answer(dialog: Dialog, *, yes: bool) -> None:
            questions.append(dialog.message)
            dialog.accept() if yes else dialog.dismiss()

        def open_link(page: Page, key: str) -> object:
            page.goto("about:blank")
            page.goto(f"{server_url}/#key={key}")
            assert "#" not in page.url
            return page.evaluate("sessionStorage.getItem('qa.key')")

        mine.on("dialog", lambda dialog: answer(dialog, yes=False))
        other.on("dialog", lambda dialog: answer(dialog, yes=True))
        mine.route("**/api/config", lambda route: route.fulfill(status=500, body="{}"))
        other.route("**/api/config", lambda route: route.fulfill(status=500, body="{}"))

        assert open_link(mine, "the-first-key-in-this-browser") == "the-first-key-in-this-browser"
        assert open_link(mine, "the-first-key-in-this-browser") == "the-first-key-in-this-browser"
        assert questions == []
        assert open_link(mine, "a-key-of-somebody-else") == "the-first-key-in-this-browser"
        assert open_link(other, "a-key-of-somebody-else") == "a-key-of-somebody-else"
        assert len(questions) == 2
        assert "another access key" in questions[0]
        with other.expect_request("**/api/config"):
            other.evaluate("location.hash = 'key=a-key-for-the-tab-as-it-is'")
        assert "#" not in other.url
        assert other.evaluate("sessionStorage.getItem('qa.key')") == "a-key-for-the-tab-as-it-is"
        context.close()

    def test_of_a_link_with_a_key_is_that_a_visitor_who_asked_before_is_asked_first(
        self, page: Page, server_url: str
    ) -> None:
        ask(page, REFUND)
        context = page.context
        questions: list[str] = []

        def refuse(dialog: Dialog) -> None:
            questions.append(dialog.message)
            dialog.dismiss()

        later = context.new_page()
        later.on("dialog", refuse)
        later.goto(f"{server_url}/#key=a-key-of-somebody-else")
        assert later.evaluate("sessionStorage.getItem('qa.key')") is None
        assert len(questions) == 1

    def test_of_a_link_whose_key_is_refused_is_that_the_conversation_goes_on(
        self, browser: Browser, server_url: str
    ) -> None:
        page = begin_writing(browser, server_url)
        address, questions = page.url, list[str]()

        def refuse(dialog: Dialog) -> None:
            questions.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", refuse)
        page.evaluate("location.hash = 'key=a-key-of-somebody-else'")
        expect(page).to_have_url(address)
        expect(page.locator(".turn")).to_have_count(1)
        expect(page.locator("#question")).to_have_value("쓰던 글")
        assert page.evaluate("sessionStorage.getItem('qa.key')") is None
        assert len(questions) == 1
        page.context.close()

    def test_of_a_link_to_the_open_page_is_that_a_visitor_is_asked_who_has_asked_nothing_yet(
        self, browser: Browser, server_url: str
    ) -> None:
        page = browser.new_context().new_page()
        page.goto(server_url)
        with page.expect_event("dialog") as asked_first:
            page.evaluate("setTimeout(() => { location.hash = 'key=a-key-of-somebody-else' })")
        asked_first.value.dismiss()
        assert page.evaluate("sessionStorage.getItem('qa.key')") is None
        page.context.close()

    @pytest.mark.parametrize("is_open", [True, False])
    def test_of_a_link_whose_key_is_taken_is_that_nothing_is_left_of_what_was_written_before(
        self, browser: Browser, server_url: str, *, is_open: bool
    ) -> None:
        """It would be sent with that key, and whoever gave the link could read it."""
        page = begin_writing(browser, server_url)
        page.on("dialog", lambda dialog: dialog.accept())
        page.route("**/api/config", lambda route: route.fulfill(status=500, body="{}"))
        with page.expect_request("**/api/config"):
            if is_open:
                page.evaluate("location.hash = 'key=a-key-of-somebody-else'")
            else:
                page.goto("about:blank")
                page.goto(f"{server_url}/#key=a-key-of-somebody-else")
        expect(page.locator("#question")).to_have_value("")
        expect(page.locator(".turn")).to_have_count(0)
        assert "#" not in page.url
        assert page.evaluate("sessionStorage.getItem('qa.key')") == "a-key-of-somebody-else"
        assert "쓰던 글" not in page.evaluate("JSON.stringify(sessionStorage)")
        page.context.close()

    def test_with_a_key_that_no_header_can_hold_opens_a_field_for_another(self, page: Page, server_url: str) -> None:
        """Such a key was typed with a Korean keyboard."""
        page.goto("about:blank")
        page.goto(f"{server_url}/#key=ㅏ묘-\u202e")
        expect(page.locator("#key")).to_be_visible()

    def test_is_seen_before_anything_is_sent(self, page: Page) -> None:
        sent = asked(page)
        page.set_input_files('[data-part="picker"]', [FilePayload(name="빈.txt", mimeType="text/plain", buffer=b"")])
        expect(page.get_by_role("alert")).to_contain_text("비어 있는 파일")
        page.locator("#question").evaluate("(field) => { field.value = '가'.repeat(32_001); }")
        page.press("#question", "Enter")
        expect(page.get_by_role("alert")).to_contain_text("32,000자")
        assert not sent


class TestHostileText:
    @pytest.mark.parametrize("tag", ["a", "code"])
    def test_that_turns_the_direction_of_writing_does_so_in_its_own_place(self, page: Page, tag: str) -> None:
        left = page.locator("#welcome").evaluate(
            """(welcome, tag) => {
                const [prose, line, part] = ["div", "p", tag].map((name) => document.createElement(name));
                prose.className = "prose";
                part.textContent = "\u202eevil";
                line.append(part, "BC");
                prose.append(line);
                welcome.append(prose);
                return [0, 1].map((at) => {
                    const letter = document.createRange();
                    letter.setStart(line.lastChild, at);
                    letter.setEnd(line.lastChild, at + 1);
                    return letter.getBoundingClientRect().left;
                });
            }""",
            tag,
        )
        assert left[0] < left[1]

    def test_of_a_file_its_name_and_its_quote_stays_text(self, page: Page) -> None:
        ask(page, f"환불 정책은 무엇인가요? {MARKUP}", HOSTILE)
        expect(page.locator(".bubble")).to_contain_text(MARKUP)
        expect(page.locator(".asked .chip")).to_contain_text("onerror")
        page.locator(".sources .card").first.click()
        expect(page.locator("#source .reading")).to_contain_text("<script>")
        assert page.locator("#conversation img, #conversation script, #source img, #source script").count() == 0
        assert page.locator('a[href^="javascript" i]').count() == 0


class TestKeyboard:
    def test_enter_while_hangul_is_composed_does_not_send(self, page: Page) -> None:
        sent = asked(page)
        page.focus("#question")
        keyboard = page.context.new_cdp_session(page)
        keyboard.send("Input.imeSetComposition", {"text": "안녕", "selectionStart": 2, "selectionEnd": 2})
        enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
        keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
        expect(page.locator("#question")).to_have_value(re.compile("^안녕"))
        expect(page.locator(".turn")).to_have_count(0)
        assert not sent

    def test_alone_is_enough_to_ask(self, page: Page) -> None:
        page.locator("#skip").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#question")).to_be_focused()
        page.keyboard.type("첫 줄")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("둘째 줄")
        page.keyboard.press("Enter")
        expect(page.locator(".bubble")).to_have_text("첫 줄\n둘째 줄", use_inner_text=True)
        expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)


class TestLook:
    @pytest.mark.parametrize("width", [320, 390])
    def test_on_a_phone_nothing_scrolls_sideways(self, page: Page, width: int) -> None:
        page.set_viewport_size({"width": width, "height": 640})
        ask(page, REFUND + "끊을수없는낱말" * 30, TERMS)
        page.set_input_files('[data-part="picker"]', [TERMS, TERMS])
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    def test_touch_targets_are_large_enough(self, page: Page) -> None:
        page.set_viewport_size({"width": 390, "height": 720})
        ask(page, REFUND, TERMS)
        small = page.locator("button:not(.cite), summary, select, a.card").evaluate_all(
            """(all) => all.filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 44)
                .map((each) => each.outerHTML.slice(0, 80))"""
        )
        assert small == []

    def test_the_language_is_switched_at_once_and_remembered(self, page: Page) -> None:
        page.select_option("#language", "en")
        expect(page.locator("#greeting")).to_have_text("What would you like to know?")
        page.reload()
        expect(page.locator("#greeting")).to_have_text("What would you like to know?")
        expect(page.locator("html")).to_have_attribute("lang", "en")

    def test_says_that_no_model_is_connected(self, page: Page) -> None:
        expect(page.locator("#offline")).to_be_visible()
