"""These tests show how people ask in the page, and find again what they asked, in a real browser against a running
service."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Locator, Page, Route, expect

from tests.live.chromium import ask, asked, wait_for_answer
from tests.live.processes import until
from tests.live.reading import request

NOTE = FilePayload(name="배송.txt", mimeType="text/plain", buffer="주문한 책은 영업일 2일 안에 보냅니다.".encode())
DELIVERY = "책은 언제 오나요?"
REFUND = "환불은 며칠 안에 되나요?"
BUSY = {"code": "overloaded", "userMessage": "지금은 질문이 많아요.", "retryable": True, "retryAfter": 1}
LISTEN = """() => {
    window.SpeechRecognition = class {
        start() { window.heard = (...said) => this.onresult({ results: said.map((transcript) => [{ transcript }]) }); }
        abort() {}
    };
}"""
PRESS = """(events) => {
    const field = document.querySelector("qa-chat").shadowRoot.getElementById("question");
    for (const [type, options] of events) {
        const Kind = type.startsWith("key") ? KeyboardEvent : CompositionEvent;
        field.dispatchEvent(new Kind(type, { key: "Enter", bubbles: true, cancelable: true, ...options }));
    }
}"""
SEND_AT_ONCE = """(names) => {
    const field = document.querySelector("qa-chat").shadowRoot.getElementById("question");
    const dropped = new DataTransfer();
    for (const name of names) dropped.items.add(new File([`ID3${"\0".repeat(99)}`], name));
    field.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: dropped }));
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
}"""
MISNAMED = """() => {
    const root = document.querySelector("qa-chat").shadowRoot;
    const plain = (text) => (text ?? "").replace(/\\s+/g, " ").trim();
    return [...root.querySelectorAll("button, summary, select, input:not([aria-hidden]), textarea")]
        .filter((each) => each.checkVisibility())
        .filter((each) => {
            const name = plain(each.getAttribute("aria-label") ?? each.innerText);
            return !name || (each.matches("button, summary") && !name.includes(plain(each.innerText)));
        })
        .map((each) => each.outerHTML.slice(0, 120));
}"""
ADD_FOLDER = """() => {
    const folder = new File(["?"], "폴더");
    folder.slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException("", "NotFoundError")) });
    document.querySelector("qa-chat").chat.composer.attachments.add([folder]);
}"""
ENTER = ["keydown", {"keyCode": 13}]
IN_CHROMIUM = [["compositionstart", {}], ["keydown", {"keyCode": 229, "isComposing": True}], ["compositionend", {}]]
IN_SAFARI = [["compositionstart", {}], ["compositionend", {}], ["keydown", {"keyCode": 229}]]


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Give a Korean visitor's browser, which can write down speech."""
    context = browser.new_context(locale="ko-KR", viewport={"width": 1280, "height": 860})
    context.add_init_script(f"({LISTEN})()")
    yield context
    context.close()


@pytest.fixture(scope="module")
def tab(context: BrowserContext) -> tuple[Page, list[str]]:
    """Return the one tab of all tests, and what went wrong in it."""
    page, trouble = context.new_page(), []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: (trouble.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    return page, trouble


@pytest.fixture
def page(tab: tuple[Page, list[str]], server_url: str) -> Iterator[Page]:
    """Give a first visit. No script fails, and no dialog of the browser's interrupts it."""
    page, trouble = tab
    open_page(page, server_url)
    yield page
    page.unroute_all()
    # Only where no page is open does nothing write into the storages again.
    page.goto(f"{server_url}/api/healthz")
    page.evaluate("localStorage.clear(); sessionStorage.clear()")
    assert not trouble


def open_page(page: Page, address: str) -> None:
    if page.url.partition("#")[0] == address.partition("#")[0]:
        page.goto("about:blank")  # or else only the fragment would change
    page.goto(address)
    expect(page.locator("#drop-limits")).not_to_be_empty()


def session_of(page: Page) -> str:
    return str(page.evaluate("sessionStorage.getItem('qa.session')"))


def stored(page: Page, server_url: str) -> list[str]:
    """Return the questions that the server has of the conversation that is shown, oldest first."""
    found = request(server_url, f"/api/sessions/{session_of(page)}")[1]
    return [turn["question"] for turn in reversed(found["turns"])]


def titles(page: Page) -> Locator:
    return page.locator("#history .open .name")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def refuse(route: Route, **more: int) -> None:
    route.fulfill(status=503, content_type="application/problem+json", body=json.dumps({**BUSY, **more}))


class TestLoss:
    def test_two_tabs_keep_each_others_conversations(
        self, page: Page, context: BrowserContext, server_url: str
    ) -> None:
        other = context.new_page()
        open_page(other, server_url)
        ask(page, DELIVERY)
        expect(titles(other)).to_have_text([DELIVERY])
        ask(other, REFUND)
        expect(titles(page)).to_have_text([REFUND, DELIVERY])
        ask(page, "그건 왜죠?")
        expect(titles(other)).to_have_text([DELIVERY, REFUND])
        other.close()

    def test_earlier_questions_leave_the_reader_where_they_are(self, page: Page) -> None:
        for question in (DELIVERY, REFUND, "그건 왜죠?"):
            ask(page, question)

        def by_two(route: Route) -> None:
            address = route.request.url
            route.continue_(url=f"{address}{'&' if '?' in address else '?'}limit=2")

        page.route(f"**/api/sessions/{session_of(page)}*", by_two)
        page.set_viewport_size({"width": 1280, "height": 400})
        page.reload()
        earlier = button(page, "이전 대화 더 보기")
        earlier.scroll_into_view_if_needed()
        seen = page.locator(".bubble", has_text=REFUND)
        before = seen.bounding_box()
        earlier.click()
        expect(page.locator(".turn")).to_have_count(3)
        after = seen.bounding_box()
        assert before
        assert after
        assert abs(before["y"] - after["y"]) < 2
        expect(page.locator(".bubble").first).to_have_text(DELIVERY)
        page.set_viewport_size({"width": 1280, "height": 860})

    def test_a_draft_is_there_after_a_reload_and_in_its_own_conversation(self, page: Page) -> None:
        ask(page, DELIVERY)
        page.fill("#question", "쓰던 글")
        page.set_input_files('[data-part="picker"]', [NOTE])
        page.reload()
        expect(page.locator("#question")).to_have_value("쓰던 글")
        chip = page.locator('[data-part="files"] .chip')
        expect(chip).to_contain_text("배송.txt다시 첨부해 주세요")
        page.set_input_files('[data-part="picker"]', [NOTE])
        expect(chip).to_have_count(1)
        expect(chip).not_to_contain_text("다시 첨부")
        button(page, "새 대화").first.click()
        expect(page.locator("#question")).to_have_value("")
        page.fill("#question", "다른 글")
        page.locator("#history .open").click()
        expect(page.locator("#question")).to_have_value("쓰던 글")
        page.press("#question", "Enter")
        wait_for_answer(page)
        page.reload()
        expect(page.locator(".turn")).to_have_count(2)
        expect(page.locator("#question")).to_have_value("")


class TestAddress:
    def test_of_a_conversation_is_gone_back_to_and_kept_as_a_bookmark(
        self, page: Page, context: BrowserContext
    ) -> None:
        ask(page, DELIVERY)
        bookmark = page.url
        assert bookmark.endswith(f"#/c/{session_of(page)}")
        expect(page).to_have_title(f"{DELIVERY} · qa-service")
        button(page, "새 대화").first.click()
        assert "#" not in page.url
        ask(page, REFUND)
        page.go_back()
        expect(page.locator("#welcome")).to_be_visible()
        page.go_back()
        expect(page.locator(".bubble")).to_have_text(DELIVERY)
        page.go_forward()
        page.go_forward()
        expect(page.locator(".bubble")).to_have_text(REFUND)
        other = context.new_page()
        other.goto(bookmark)
        expect(other.locator(".bubble")).to_have_text(DELIVERY)
        other.close()

    def test_of_another_browser_is_opened_only_when_the_person_wants_it(
        self, page: Page, browser: Browser, server_url: str
    ) -> None:
        """Whoever sent it can read what is asked there."""
        ask(page, DELIVERY)
        elsewhere = browser.new_context(locale="ko-KR")
        mine = elsewhere.new_page()
        open_page(mine, page.url)
        expect(mine.get_by_role("alert")).to_contain_text("이 브라우저에서 시작하지 않은 대화예요.")
        expect(mine.locator(".turn")).to_have_count(0)
        assert "#" not in mine.url
        open_page(mine, page.url)
        button(mine, "그래도 열기").click()
        expect(mine.locator(".bubble")).to_have_text(DELIVERY)
        expect(titles(mine)).to_have_text([DELIVERY])
        open_page(mine, f"{server_url}/#/c/{'0' * 32}")
        button(mine, "그래도 열기").click()
        expect(mine.get_by_role("alert")).to_contain_text("다른 분의 대화일 수 있어요")
        elsewhere.close()


class TestAsking:
    def test_a_kind_that_cannot_be_read_is_refused_before_it_is_sent(self, page: Page) -> None:
        sent = asked(page)
        page.fill("#question", "무슨 노래인가요?")
        page.set_input_files('[data-part="picker"]', [NOTE])
        page.evaluate(SEND_AT_ONCE, ["노래.mp3", "둘째 노래"])
        expect(page.get_by_role("alert")).to_have_text("‘노래.mp3’, ‘둘째 노래’: 읽을 수 없는 형식의 파일이에요.")
        expect(page.locator('[data-part="files"] .chip')).to_have_count(1)
        assert not sent
        page.press("#question", "Enter")
        expect(page.locator(".asked .chip")).to_have_text(re.compile("배송.txt"))
        wait_for_answer(page)
        assert len(sent) == 1
        page.evaluate(ADD_FOLDER)
        expect(page.get_by_role("alert")).to_contain_text("‘폴더’: 읽을 수 없는")

    def test_of_files_that_are_refused_for_several_reasons_tells_each(self, page: Page) -> None:
        files = {"빈 쪽지.txt": b"", "노래.mp3": b"ID3\x04\x00\x00"}
        payloads = [FilePayload(name=name, mimeType="", buffer=content) for name, content in files.items()]
        page.set_input_files('[data-part="picker"]', payloads)
        told = "‘빈 쪽지.txt’: 비어 있는 파일이에요. ‘노래.mp3’: 읽을 수 없는 형식의 파일이에요."
        expect(page.get_by_role("alert")).to_have_text(told)

    def test_with_more_files_than_can_be_sent_says_so_once(self, page: Page) -> None:
        page.set_input_files('[data-part="picker"]', [NOTE] * 8)
        expect(page.locator('[data-part="complaint"]')).to_have_text(re.compile(r"^[^.]*5개[^.]*\.$"))

    def test_begins_in_the_field_and_sends_only_what_is_there(self, page: Page) -> None:
        expect(page.locator("#question")).to_be_focused()
        send = page.locator('[data-part="send"]')
        expect(send).to_be_disabled()
        page.keyboard.type("  ")
        expect(send).to_be_disabled()
        page.keyboard.type("왜요?")
        expect(send).to_be_enabled()
        page.fill("#question", "")
        page.set_input_files('[data-part="picker"]', [NOTE])
        expect(send).to_be_enabled()
        page.locator('[data-part="files"] button').click()
        expect(send).to_be_disabled()

    def test_again_is_off_until_the_server_wants_to_be_asked(self, page: Page) -> None:
        page.route("**/ask", refuse, times=1)
        ask(page, DELIVERY)
        again = button(page, "다시 시도")
        expect(again).to_be_disabled()
        expect(page.locator(".ending")).not_to_contain_text("초쯤 뒤에")
        expect(again).to_be_enabled()
        page.route("**/ask", lambda route: refuse(route, retryAfter=60), times=1)
        again.click()
        expect(page.locator(".ending")).to_contain_text("60초쯤 뒤에")
        expect(again).to_be_disabled()
        button(page, "질문 고치기").click()
        button(page, "다시 묻기").click()
        expect(page.locator(".prose")).not_to_be_empty()
        expect(page.locator(".turn")).to_have_count(1)

    def test_an_answer_is_written_again_in_its_place_with_its_files(self, page: Page, server_url: str) -> None:
        ask(page, DELIVERY, NOTE)
        page.reload()
        wait_for_answer(page)
        sent = asked(page)
        button(page, "다시 답변 받기").click()
        expect(page.locator(".turn")).to_be_focused()
        expect(page.locator(".prose")).to_contain_text("2일")
        wait_for_answer(page)
        expect(page.locator(".turn")).to_have_count(1)
        assert stored(page, server_url) == [DELIVERY]
        assert len(sent) == 1
        expect(page.locator("#kept .count")).to_have_text("1")

    def test_a_question_is_changed_in_its_place_and_replaces_what_followed(self, page: Page, server_url: str) -> None:
        ask(page, DELIVERY, NOTE)
        ask(page, REFUND)
        ask(page, "그건 왜죠?")
        page.locator(".asked").nth(1).hover()
        button(page, "질문 고치기").nth(1).click()
        field = page.get_by_role("textbox", name="질문 고치기")
        expect(field).to_have_value(REFUND)
        field.fill("책은 며칠 안에 보내나요?")
        field.press("Enter")
        expect(page.locator(".bubble")).to_have_text([DELIVERY, "책은 며칠 안에 보내나요?"])
        wait_for_answer(page)
        assert stored(page, server_url) == [DELIVERY, "책은 며칠 안에 보내나요?"]

    def test_what_is_refused_for_good_is_given_back_with_its_files(self, page: Page) -> None:
        wrong = {"code": "too_large", "userMessage": "보내신 내용이 너무 커요.", "retryable": False}
        page.route("**/ask", lambda route: route.fulfill(status=413, json=wrong), times=1)
        ask(page, DELIVERY, NOTE)
        expect(page.locator("#question")).to_have_value(DELIVERY)
        expect(page.locator('[data-part="files"] .chip')).to_contain_text(NOTE["name"])

    def test_the_question_after_a_refused_one_begins_no_new_topic(self, page: Page) -> None:
        page.route("**/ask", refuse, times=1)
        ask(page, DELIVERY)
        ask(page, REFUND)
        wait_for_answer(page)
        expect(page.locator(".turn")).to_have_count(2)
        expect(page.locator(".divider")).to_have_count(0)

    def test_what_is_refused_replaces_nothing(self, page: Page, server_url: str) -> None:
        ask(page, DELIVERY)
        ask(page, REFUND)
        page.route("**/ask", refuse, times=1)
        page.locator(".asked").first.hover()
        button(page, "질문 고치기").first.click()
        page.get_by_role("textbox", name="질문 고치기").fill("다른 질문")
        button(page, "다시 묻기").click()
        expect(page.get_by_role("alert")).to_contain_text("지금은 질문이 많아요.")
        expect(page.locator(".turn")).to_have_count(2)
        assert stored(page, server_url) == [DELIVERY, REFUND]

    def test_what_an_answer_was_worth_is_told_and_remembered(self, page: Page, server_url: str) -> None:
        ask(page, DELIVERY, NOTE)
        button(page, "도움이 안 됐어요").click()
        expect(page.locator("#announcer")).to_have_text("알려 주셔서 고마워요.")
        page.route("**/feedback", lambda route: route.abort(), times=1)
        button(page, "도움이 됐어요").click()
        expect(page.get_by_role("alert")).to_contain_text("서버에 닿지 못했어요")
        page.reload()
        expect(button(page, "도움이 안 됐어요")).to_have_attribute("aria-pressed", "true")
        expect(button(page, "도움이 됐어요")).to_have_attribute("aria-pressed", "false")

    def test_a_command_for_a_terminal_names_the_conversation_without_telling_it(self, page: Page) -> None:
        ask(page, DELIVERY, NOTE)
        page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        button(page, "curl 명령으로 복사").click()
        expect(page.locator("#announcer")).to_have_text("복사했어요")
        copied = page.evaluate("window.copied")
        assert '"sessionId=$SESSION"' in copied
        assert session_of(page) not in copied

    def test_can_be_done_by_voice(self, page: Page) -> None:
        page.fill("#question", "안녕하세요.")
        speak = button(page, "말로 질문하기")
        speak.click()
        expect(speak).to_have_attribute("aria-pressed", "true")
        page.evaluate("window.heard('책은')")
        page.evaluate("window.heard('책은 언제', ' 오나요')")
        expect(page.locator("#question")).to_have_value("안녕하세요. 책은 언제 오나요")
        page.press("#question", "Enter")
        wait_for_answer(page)
        expect(speak).to_have_attribute("aria-pressed", "false")

    @pytest.mark.parametrize("composed", [IN_CHROMIUM, IN_SAFARI], ids=["chromium", "safari"])
    def test_enter_in_the_middle_of_a_syllable_sends_nothing_and_the_next_one_sends_once(
        self, page: Page, composed: list[object]
    ) -> None:
        sent = asked(page)
        page.fill("#question", "안녕")
        page.evaluate(PRESS, composed)
        expect(page.locator("#question")).to_have_value("안녕")
        expect(page.locator(".turn")).to_have_count(0)
        page.evaluate(PRESS, [ENTER, ["keydown", {"keyCode": 13, "repeat": True}], ENTER])
        wait_for_answer(page)
        expect(page.locator(".bubble")).to_have_text(["안녕"])
        assert len(sent) == 1

    def test_enter_on_a_phone_begins_a_new_line(self, browser: Browser, server_url: str) -> None:
        phone = browser.new_context(
            locale="ko-KR", viewport={"width": 390, "height": 720}, is_mobile=True, has_touch=True
        )
        page = phone.new_page()
        open_page(page, server_url)
        page.tap("#question")
        page.keyboard.type("첫 줄")
        page.keyboard.press("Enter")
        page.keyboard.type("둘째 줄")
        expect(page.locator("#question")).to_have_value("첫 줄\n둘째 줄")
        page.tap('[data-part="send"]')
        expect(page.locator(".bubble")).to_have_text("첫 줄\n둘째 줄", use_inner_text=True)
        phone.close()


def test_every_control_has_a_name_and_it_contains_the_words_that_are_seen(page: Page) -> None:
    """Whoever speaks to the computer says the words that they see."""
    ask(page, DELIVERY, NOTE)
    page.locator(".asked").hover()
    button(page, "질문 고치기").click()
    page.locator("#history li").hover()
    assert page.evaluate(MISNAMED) == []
    button(page, f"‘{DELIVERY}’ 대화 지우기").click()
    expect(page.locator("#history .undo")).to_be_visible()
    assert page.evaluate(MISNAMED) == []


def test_a_question_without_files_has_no_empty_list(page: Page) -> None:
    """A screen reader would announce it."""
    ask(page, DELIVERY)
    expect(page.locator(".asked").get_by_role("list")).to_have_count(0)
    ask(page, REFUND, NOTE)
    expect(page.locator(".asked").last.get_by_role("listitem")).to_have_count(1)


class TestHistory:
    def test_is_searched_renamed_and_keeps_the_new_name(self, page: Page, server_url: str) -> None:
        ask(page, DELIVERY)
        button(page, "새 대화").first.click()
        ask(page, REFUND)
        page.fill("#shelf input[type=search]", "환불")
        expect(titles(page)).to_have_text([REFUND])
        page.fill("#shelf input[type=search]", "없는 말")
        expect(page.locator("#history")).to_contain_text("이 말이 들어간 대화가 없어요")
        page.fill("#shelf input[type=search]", "")
        page.locator("#history li").first.hover()
        button(page, f"‘{REFUND}’ 대화 이름 바꾸기").click()
        page.get_by_role("textbox", name="대화 제목").fill("돌려받기")
        page.keyboard.press("Enter")
        expect(titles(page)).to_have_text(["돌려받기", DELIVERY])
        expect(page).to_have_title("돌려받기 · qa-service")
        page.reload()
        expect(titles(page)).to_have_text(["돌려받기", DELIVERY])
        assert request(server_url, f"/api/sessions/{session_of(page)}")[1]["title"] == "돌려받기"

    def test_keeps_its_order_when_an_answer_is_followed_again_after_a_reload(self, page: Page) -> None:
        def resume(route: Route) -> None:
            session = route.fetch().json()
            session["turns"][0]["status"] = "running"
            route.fulfill(json=session)

        ask(page, DELIVERY)
        button(page, "새 대화").first.click()
        ask(page, REFUND)
        page.locator("#history .open").last.click()
        expect(page.locator(".bubble")).to_have_text(DELIVERY)
        page.route(re.compile(r"/api/sessions/[^/]+$"), resume)
        with page.expect_response("**/answers/*/stream*"):
            page.reload()
        wait_for_answer(page)
        expect(titles(page)).to_have_text([REFUND, DELIVERY])

    def test_gives_back_what_was_deleted_by_mistake(self, page: Page, server_url: str) -> None:
        ask(page, DELIVERY)
        page.locator("#history li").hover()
        button(page, f"‘{DELIVERY}’ 대화 지우기").click()
        expect(page.locator("#welcome")).to_be_visible()
        undo = page.get_by_role("button", name="되돌리기")
        expect(undo).to_be_focused()
        undo.click()
        expect(page.locator(".bubble")).to_have_text(DELIVERY)
        assert stored(page, server_url) == [DELIVERY]

    def test_says_on_a_phone_where_it_is_seen_that_a_name_was_not_kept(self, page: Page) -> None:
        ask(page, DELIVERY)
        page.set_viewport_size({"width": 360, "height": 740})
        button(page, "대화 목록 열기").click()
        button(page, f"‘{DELIVERY}’ 대화 이름 바꾸기").click()
        page.route("**/sessions/*", lambda route: route.abort(), times=1)
        page.get_by_role("textbox", name="대화 제목").fill("배송")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("서버에 닿지 못했어요")
        page.locator('[data-part="complaint"]').click()
        page.set_viewport_size({"width": 1280, "height": 860})

    def test_keeps_the_keys_in_the_side_bar_when_a_row_goes(self, page: Page) -> None:
        ask(page, DELIVERY)
        page.set_viewport_size({"width": 360, "height": 740})
        button(page, "대화 목록 열기").click()
        button(page, f"‘{DELIVERY}’ 대화 지우기").click()
        page.evaluate("document.querySelector('qa-chat').chat.past.show('')")
        page.keyboard.press("Escape")
        expect(page.locator("[data-open]")).to_have_count(0)
        page.set_viewport_size({"width": 1280, "height": 860})

    def test_deletes_for_good_when_the_page_is_left(self, page: Page, server_url: str) -> None:
        ask(page, DELIVERY)
        session = session_of(page)
        page.locator("#history li").hover()
        button(page, f"‘{DELIVERY}’ 대화 지우기").click()
        page.reload()
        expect(page.locator("#history")).to_contain_text("나눈 대화가 여기에 남아요.")
        until(lambda: request(server_url, f"/api/sessions/{session}")[0] == 404, 5, "the server has deleted it")
