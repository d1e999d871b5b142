"""These tests show how the page shows an answer and its sources, in a real browser with a service whose frames each
test chooses."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from pypdfium2 import PdfDocument

from qa_service.citing import Evidence, collect_references
from qa_service.links import point_at_quote
from qa_service.markers import blank_code, find_markers
from qa_service.model import Passage
from qa_service.quoting import Claims
from qa_service.web.chat_script import chat_script
from tests.adversary import STATIC
from tests.live.chromium import ANSWERED, PATIENCE
from tests.test_markers import CASES

SITE = "http://page.test"
SHELL = """<!doctype html><html lang="ko"><meta charset="utf-8"><body>
<script>
  const encoder = new TextEncoder();
  const json = (value) => Response.json(value);
  const limits = { question: 32000, files: 10, fileBytes: 1e6, bodyBytes: 1e7 };
  window.pages = {};
  window.asked = 0;
  window.fetch = async (address, { method } = {}) => {
    const path = new URL(address).pathname.replace("/api/", "");
    if (path === "config") return json({ limits, caller: { kind: "user" }, kinds: ["txt"], upstream: "real" });
    if (path === "sessions") return json({ items: [] });
    if (path === "sessions/s" && method === "PATCH") return json({});
    if (path === "sessions/s/files") return json({ items: window.files ?? [] });
    if (path in window.pages) return json(window.pages[path]);
    if (path !== "ask") return new Response("{}", { status: 404 });
    window.asked += 1;
    window.seq = 0;
    return new Response(new ReadableStream({ start: (controller) => { window.stream = controller; } }));
  };
  window.send = (...frames) => {
    const numbered = frames.map(([type, content]) => ({ type, content, seq: (window.seq += 1) }));
    const lines = numbered.map((frame) => `data: ${JSON.stringify(frame)}\\n\\n`);
    window.stream.enqueue(encoder.encode(lines.join("")));
  };
</script>
<qa-chat full address="/api"></qa-chat>
<script type="module" src="/chat.js"></script>"""
START = ["start", {"answerId": "a", "sessionId": "s", "topic": {"index": 1}}]
METADATA = ["metadata", {"files": [], "model": "m", "usage": None, "timing": None}]
DONE = ["done", {"status": "completed"}]
PAGE = "sessions/s/files/f/pages/1"
TEXT = "환불은 7일 안에 됩니다. 책은 2일 안에 보냅니다. 그 밖의 문장입니다."
LONG_MS = 50
"""Whoever types or scrolls notices a task of more than 100 milliseconds. Half of it is left for slower machines."""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """Give a page with the element. Each test asks a question of its own; no server runs."""
    context = browser.new_context(locale="ko-KR", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.route(f"{SITE}/**", send_file)
    page.goto(SITE)
    yield page
    context.close()
    assert not trouble


def send_file(route: Route) -> None:
    name = route.request.url.removeprefix(f"{SITE}/")
    if name == "chat.js":
        route.fulfill(body=chat_script().plain, content_type="text/javascript; charset=utf-8")
    elif name:
        route.fulfill(path=STATIC / name, content_type="text/javascript; charset=utf-8")
    else:
        route.fulfill(body=SHELL, content_type="text/html; charset=utf-8")


def begin(page: Page, question: str = "질문") -> None:
    """Ask, and let the answer start."""
    before = page.evaluate("window.asked")
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.wait_for_function("(before) => window.asked > before", arg=before)
    send(page, START)


def send(page: Page, *frames: list[Any]) -> None:
    page.evaluate("(frames) => window.send(...frames)", list(frames))


def answer(page: Page, text: str, *references: dict[str, Any]) -> None:
    """Send a whole answer with its sources."""
    begin(page)
    send(page, ["text", text], *(["reference", reference] for reference in references), METADATA, DONE)
    expect(page.locator(ANSWERED)).to_have_count(1)


def source(n: int, **fields: Any) -> dict[str, Any]:
    return {"n": n, "kind": "document", "title": "약관.pdf", "file": "약관.pdf", "url": PAGE, **fields}


def expected(*passages: dict[str, Any], **fields: Any) -> list[Any]:
    """Return what says before the text which passages the model is shown."""
    document = {"kind": "document", "title": "약관.pdf", "url": "sessions/s/files/f/pages", "documentId": "f"}
    return ["status", {"stage": "retrieving", "sources": [{**document, "passages": list(passages), **fields}]}]


def cites(*places: tuple[int, int, str]) -> list[dict[str, Any]]:
    return [{"start": start, "end": end, "quote": quote} for start, end, quote in places]


def serve_page(page: Page, /, **fields: Any) -> None:
    found = {
        "fileId": "f",
        "name": "약관.pdf",
        "page": 1,
        "pages": 1,
        "text": TEXT,
        "section": "",
        "label": "",
        **fields,
    }
    page.evaluate("([path, found]) => { window.pages[path] = found; }", [PAGE, found])


class TestCitation:
    def test_opens_the_sentence_of_its_own_place_also_where_two_share_one(self, page: Page) -> None:
        serve_page(page)
        text = "😀 환불은 7일입니다 [1][2][1]. 배송은 2일입니다 [1]."
        places = cites((2, 11, "환불은 7일 안에 됩니다."), (23, 32, "책은 2일 안에 보냅니다."))
        assert [text[place["start"] : place["end"]] for place in places] == ["환불은 7일입니다", "배송은 2일입니다"]
        answer(page, text, source(1, quote="환불은 7일 안에 됩니다.", cites=places))
        numbers = page.locator(".turn:last-child .cite")
        for at, quote in enumerate(["환불은 7일 안에 됩니다.", "환불은 7일 안에 됩니다.", "책은 2일 안에 보냅니다."]):
            numbers.nth(at).click()
            expect(page.locator("#source mark")).to_have_text(quote)
        page.click('#source [data-part="close"]')

    def test_that_is_made_up_becomes_text_also_beside_links_and_real_sources(self, page: Page) -> None:
        text = "앞 [1] 뒤 [7] [문서](https://made.up/x) https://made.up/y"
        web = {"n": 8, "kind": "url", "title": "표준", "url": "https://example.org/", "cites": [{"start": 0, "end": 1}]}
        answer(page, text, web)
        turn = page.locator(".turn:last-child")
        expect(turn.locator(".prose")).to_have_text("앞 [8]8 [1] 뒤 [7] 문서 https://made.up/y".replace("[8]8", "8"))
        assert turn.locator(".cite").all_inner_texts() == ["8"]
        assert turn.locator(".sources a").evaluate_all("(all) => all.map((each) => each.href)") == [
            "https://example.org/"
        ]

    def test_of_a_web_page_leads_to_the_sentence_of_its_own_place(self, page: Page) -> None:
        quotes = ["환불은 7일 안에 됩니다.", "Books are sent within 2 days - at most, and free of any charge at all."]
        places = cites((0, 2, quotes[0]), (8, 10, quotes[1]))
        address = "https://example.org/terms"
        url = point_at_quote(address, quotes[0])
        answer(page, "환불 [1].\n배송 [1].", {"n": 1, "kind": "url", "title": "약관", "url": url, "cites": places})
        link = page.locator(".turn:last-child .card")
        for at, quote in [(1, quotes[1]), (0, quotes[0])]:
            page.locator(".turn:last-child .cite").nth(at).click()
            expect(link).to_be_focused()
            expect(link).to_have_attribute("href", point_at_quote(address, quote))

    def test_is_live_as_soon_as_its_source_has_come(self, page: Page) -> None:
        begin(page)
        send(page, ["text", "하나 [1] 둘 [2]."])
        numbers = page.locator(".turn:last-child .cite")
        expect(numbers.first).to_be_disabled()
        send(page, ["reference", source(1)])
        expect(numbers.first).to_be_enabled()
        expect(numbers.last).to_be_disabled()
        send(page, METADATA, DONE)
        expect(numbers).to_have_count(1)

    def test_opens_its_page_while_the_text_still_comes(self, page: Page) -> None:
        serve_page(page)
        begin(page)
        send(page, expected({"n": 1, "page": 1}, {"n": 2, "page": 3}), ["text", "하나 [1] 둘 [2][9]"])
        numbers = page.locator(".turn:last-child .cite")
        first, second, made_up = (numbers.nth(at) for at in range(3))
        expect(second).to_have_accessible_name("출처 2, 약관.pdf 3쪽")
        expect(made_up).to_be_disabled()
        first.click()
        expect(page.locator("#source .reading")).to_have_text(TEXT)
        send(page, ["text", " 셋"])
        expect(page.locator(".turn:last-child .prose")).to_contain_text("셋")
        page.keyboard.press("Escape")
        expect(page.locator("#source")).to_be_hidden()
        expect(first).to_be_focused()
        send(page, ["reference", source(1, page=1, section="iv쪽", quote="책은 2일 안에 보냅니다.")])
        expect(first).to_have_accessible_name("출처 1, 약관.pdf iv쪽")
        first.click()
        expect(page.locator("#source mark")).to_have_text("책은 2일 안에 보냅니다.")
        page.click('#source [data-part="close"]')
        send(page, METADATA, DONE)
        expect(page.locator(".turn:last-child .prose")).to_have_text("하나 1 둘 [2][9] 셋")

    def test_keeps_the_focus_while_its_paragraph_grows_and_when_numbers_are_put_before_it(self, page: Page) -> None:
        web = {"n": 8, "kind": "url", "title": "표준", "url": "https://example.org/", "cites": [{"start": 0, "end": 2}]}
        begin(page)
        send(page, expected({"n": 1, "page": 1}), ["text", "하나 [1] 둘 [1]"])
        number = page.locator('.turn:last-child .cite[data-n="1"]').last
        number.focus()
        for frames, shown in (
            ([["text", " 셋 [1]"]], "셋"),
            ([["text", " 넷"]], "넷"),
            ([["reference", web], ["reference", source(1)], METADATA, DONE], "8"),
        ):
            send(page, *frames)
            expect(page.locator(".turn:last-child .prose")).to_contain_text(shown)
            expect(page.locator('.turn:last-child .cite[data-n="1"]').nth(1)).to_be_focused()
        assert page.locator(".turn:last-child .cite").all_inner_texts() == ["8", "1", "1", "1"]

    def test_of_a_web_page_opens_that_while_the_text_still_comes(self, page: Page) -> None:
        page.context.route("https://example.org/**", lambda route: route.fulfill(body="약관"))
        begin(page)
        send(page, expected({"n": 1}, kind="url", url="https://example.org/terms"), ["text", "하나 [1]"])
        number = page.locator(".turn:last-child .cite")
        expect(number).to_have_accessible_name("출처 1, 약관.pdf example.org")
        with page.expect_popup() as opened:
            number.click()
        assert opened.value.url == "https://example.org/terms"
        assert opened.value.evaluate("window.opener") is None
        opened.value.close()
        send(page, METADATA, DONE)
        expect(number).to_have_count(0)

    def test_is_forgotten_with_the_text_before_a_restart(self, page: Page) -> None:
        begin(page)
        send(
            page, expected({"n": 1, "page": 1}), ["text", "하나 [1]"], ["restart", {"reason": "x"}], ["text", "둘 [1]"]
        )
        expect(page.locator(".turn:last-child .prose")).to_have_text("둘 1")
        expect(page.locator(".turn:last-child .cite")).to_be_disabled()
        send(page, METADATA, DONE)
        expect(page.locator(".turn:last-child .prose")).to_have_text("둘 [1]")

    def test_loses_its_preview_to_escape_wherever_the_focus_is(self, page: Page) -> None:
        answer(page, "환불 [1].", source(1))
        page.focus("#question")
        page.locator(".turn:last-child .cite").hover()
        expect(page.locator(".preview")).to_be_visible()
        assert page.locator(".turn:last-child .cite").get_attribute("title") is None
        page.keyboard.press("Escape")
        expect(page.locator(".preview")).to_have_count(0)
        page.hover("#question")

    def test_shows_what_it_stands_for_under_the_pointer_and_for_the_keyboard(self, page: Page) -> None:
        place = cites((0, 2, "환불은 7일 안에 됩니다."))
        answer(page, "환불 [1].", source(1, section="iv쪽", quote="다른 문장.", cites=place))
        preview = page.locator(".preview")
        page.locator(".turn:last-child .cite").hover()
        expect(preview).to_contain_text("약관.pdf")
        expect(preview).to_contain_text("iv쪽")
        expect(preview).to_contain_text("환불은 7일 안에 됩니다.")
        preview.hover()
        page.wait_for_timeout(250)
        expect(preview).to_be_visible()
        page.hover("#question")
        expect(preview).to_have_count(0)
        page.locator(".turn:last-child .card").focus()
        page.keyboard.press("Shift+Tab")
        expect(preview).to_be_visible()
        page.keyboard.press("Escape")
        expect(preview).to_have_count(0)


class TestSource:
    def test_stands_beside_the_answer_where_there_is_room(self, page: Page) -> None:
        serve_page(page)
        answer(page, "환불 [1].", source(1, quote="환불은 7일 안에 됩니다."))
        number = page.locator(".turn:last-child .cite")
        number.click()
        dialog, column = page.locator("#source").bounding_box(), page.locator("#column").bounding_box()
        assert dialog
        assert column
        assert column["x"] + column["width"] <= dialog["x"]
        page.fill("#question", "읽으면서 묻기")
        number.click()
        page.keyboard.press("Escape")
        expect(page.locator("#source")).to_be_hidden()
        expect(number).to_be_focused()

    def test_lies_over_the_answer_where_there_is_none(self, page: Page) -> None:
        serve_page(page)
        answer(page, "환불 [1].", source(1, quote="환불은 7일 안에 됩니다."))
        page.locator(".turn:last-child .cite").click()
        page.focus("#question")
        page.set_viewport_size({"width": 800, "height": 800})
        expect(page.locator("#source")).to_be_hidden()
        expect(page.locator("#question")).to_be_focused()
        page.locator(".turn:last-child .cite").click()
        assert page.locator("#source").evaluate("(dialog) => dialog.matches(':modal')")
        page.keyboard.press("Escape")
        page.set_viewport_size({"width": 1280, "height": 800})

    def test_keeps_the_focus_where_the_last_page_leaves_a_button_dead(self, page: Page) -> None:
        serve_page(page, pages=2)
        page.evaluate(
            "([path, found]) => { window.pages[path] = found; }",
            [PAGE.replace("1", "2"), {"page": 2, "pages": 2, "text": "끝"}],
        )
        answer(page, "환불 [1].", source(1))
        page.locator(".turn:last-child .cite").click()
        page.locator('#source [data-part="next"]').focus()
        page.keyboard.press("Enter")
        expect(page.locator("#source .reading")).to_have_text("끝")
        expect(page.locator("#source .reading")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator(".turn:last-child .cite")).to_be_focused()

    @pytest.mark.parametrize("quote", ["환불은 7일 안에 됩니다.", None])
    def test_whose_page_is_gone_says_so_and_shows_the_quote_that_there_is(self, page: Page, quote: str | None) -> None:
        answer(page, "환불 [1].", source(1, url="sessions/s/files/gone/pages/1", quote=quote))
        page.locator(".turn:last-child .cite").click()
        expect(page.locator("#source .complaint")).to_have_text("이 쪽의 원문은 지금 불러올 수 없어요.")
        expect(page.locator("#source .reading")).to_have_text(quote or "")
        page.click('#source [data-part="close"]')

    def test_goes_by_the_number_that_is_printed_on_the_page(self, page: Page) -> None:
        serve_page(page, label="iv", pages=20, page=4)
        answer(page, "환불 [1].", source(1, page=4, section="iv쪽"))
        expect(page.locator(".turn:last-child .card .place")).to_have_text("iv쪽")
        page.locator(".turn:last-child .cite").click()
        expect(page.locator('#source [data-part="place"]')).to_have_text("iv쪽 (4 / 20)")
        page.click('#source [data-part="close"]')


class TestCards:
    def test_of_many_sources_with_long_names_can_be_told_apart_on_a_phone(self, page: Page) -> None:
        page.set_viewport_size({"width": 360, "height": 740})
        name, section = (
            "환불 처리에 관한 표준 계약서 (개정안) Vereinbarung_ohne_Leerzeichen_v12.pdf",
            "37쪽, 손해 배상의 범위와 면책 " * 5,
        )
        answer(page, "환불 [1].", *(source(n, file=f"{n} {name}", section=section, quote=TEXT) for n in range(1, 10)))
        turn = page.locator(".turn:last-child")
        turn.get_by_role("button", name="모두 보기 (9)").click()
        widths = turn.locator(".card .title").evaluate_all("(all) => all.map((each) => each.clientWidth)")
        assert min(widths) > 220
        assert turn.locator(".card q").evaluate_all("(all) => all.filter((each) => each.checkVisibility())") == []
        assert turn.locator(".sources").evaluate("(list) => list.scrollWidth <= list.clientWidth")
        page.set_viewport_size({"width": 1280, "height": 800})


class TestPrint:
    def test_has_the_whole_conversation_and_no_controls_also_beside_an_open_source(self, page: Page) -> None:
        serve_page(page)
        answer(
            page, "\n\n".join([f"{line}. 문장입니다." for line in range(80)] + ["끝입니다 [1]."]), source(1, quote=TEXT)
        )
        page.locator(".turn:last-child .cite").click()
        expect(page.locator("#source mark")).to_have_text(TEXT)
        page.emulate_media(color_scheme="dark")
        with PdfDocument(page.pdf(print_background=True)) as printed:
            sheets = [sheet.get_textpage().get_text_bounded() for sheet in printed]
            corner = printed[0].render().to_pil().getpixel((0, 0))
        page.emulate_media(color_scheme="light")
        page.click('#source [data-part="close"]')
        assert len(sheets) > 2
        assert [any(words in sheet for sheet in sheets) for words in ("0. 문장", "79. 문장", "끝입니다", "출처")] == [
            True
        ] * 4
        assert not any("질문을 입력하세요" in sheet or "새 대화" in sheet for sheet in sheets)
        assert min(corner[:3]) > 200


class TestTitle:
    def test_of_a_conversation_follows_its_first_question_until_somebody_names_it(self, page: Page) -> None:
        page.evaluate("document.querySelector('qa-chat').chat.leave()")
        page.evaluate("document.querySelector('qa-chat').chat.past.forget('s')")
        begin(page, "첫 질문")
        send(page, ["text", "답"], METADATA, DONE)
        expect(page.locator(ANSWERED)).to_have_count(1)
        title = page.locator("#history .open .name")
        for question, shown in (("다른\n질문", "다른 질문"), ("긴 질문 " * 40, ("긴 질문 " * 40)[:79].rstrip() + "…")):
            edit(page, question)
            expect(title).to_have_text(shown)
        row = page.locator("#history li")
        row.hover()
        row.locator(".rename").click()
        page.keyboard.type("내 이름")
        page.keyboard.press("Enter")
        expect(title).to_have_text("내 이름")
        edit(page, "또 다른 질문")
        expect(title).to_have_text("내 이름")


def edit(page: Page, question: str) -> None:
    """Ask another question in the place of the only one."""
    before = page.evaluate("window.asked")
    page.locator(".asked").hover()
    page.get_by_role("button", name="질문 고치기").click()
    page.get_by_role("textbox", name="질문 고치기").fill(question)
    page.keyboard.press("Enter")
    page.wait_for_function("(before) => window.asked > before", arg=before)
    send(page, START, ["text", "답"], METADATA, DONE)
    expect(page.locator(ANSWERED)).to_have_count(1)


class TestCountOfFiles:
    def test_has_only_those_that_can_be_used(self, page: Page) -> None:
        files = [
            {"fileId": str(n), "name": f"{n}.txt", "status": status}
            for n, status in enumerate(["used", "failed", "partly"])
        ]
        page.evaluate("(files) => { window.files = files; }", files)
        answer(page, "답")
        expect(page.locator("#kept .count")).to_have_text("2")
        page.evaluate("window.files = []")


class TestReader:
    def test_sees_a_sign_of_life_while_the_text_waits(self, page: Page) -> None:
        begin(page)
        send(page, ["text", "첫 문장."])
        line = page.locator(".turn:last-child .status")
        expect(line).to_be_hidden()
        expect(line).to_have_text("답변을 이어서 쓰고 있어요", timeout=3_000)
        send(page, ["text", " 다음 문장."])
        expect(line).to_be_hidden()
        send(page, METADATA, DONE)
        expect(page.locator(ANSWERED)).to_have_count(1)
        page.wait_for_timeout(100)
        expect(line).to_be_hidden()

    def test_has_the_question_at_the_top_and_is_not_moved_by_what_comes(self, page: Page) -> None:
        begin(page, "맨 위에 있을 질문")
        turn, scroller = page.locator(".turn:last-child"), page.locator("#scroller")
        scrolled = "(node) => node.scrollTop"

        def top() -> float:
            inner, outer = turn.bounding_box(), scroller.bounding_box()
            assert inner
            assert outer
            return inner["y"] - outer["y"]

        assert 0 <= top() < 40
        for _ in range(3):
            send(page, ["text", "긴 문단입니다. " * 200 + "\n\n"])
            page.wait_for_timeout(60)
        assert 0 <= top() < 40
        expect(page.locator("#to-bottom")).to_be_visible()
        scroller.evaluate("(node) => node.scrollBy(0, 200)")
        before = scroller.evaluate(scrolled)
        send(page, ["text", "긴 문단입니다. " * 200])
        page.wait_for_timeout(60)
        assert scroller.evaluate(scrolled) == before
        page.click("#to-bottom")
        send(page, ["text", "긴 문단입니다. " * 200], METADATA, DONE)
        expect(page.locator(ANSWERED)).to_have_count(1)
        at_end = "(node) => node.scrollHeight - node.clientHeight - node.scrollTop < 2"
        page.wait_for_function(at_end, arg=scroller.element_handle())


TASK = ("RunTask", "ThreadControllerImpl::RunTask")
ROW = "| {n} | 항목 {n} | {n}00 | [{source}] 설명 **굵게** |\n"
TABLE = "| 번호 | 이름 | 값 | 비고 |\n|---|---|--:|---|\n" + "".join(
    ROW.format(n=n, source=n % 50 + 1) for n in range(5_400)
)


PARAGRAPH = "".join(f"이것은 문단의 **문장** {n}입니다 [{n}]. " for n in range(1, 13)) + "\n\n- 하나\n- 둘 `코드`\n\n"
WORDS = "".join(f"## 제목 {n}\n\n{PARAGRAPH}" for n in range(170))


LONG_PARAGRAPH = "".join(f"쉬지 않고 이어지는 **아주** 긴 문단의 {n}번째 문장입니다. " for n in range(1_200))
LONG_LIST = "".join(f"- 항목 {n}의 **값**과 `설명`입니다\n" for n in range(2_500))


SHOWN = """(length) => {
    const { prose, drawing } = document.querySelector("qa-chat").chat.conversation.turns.at(-1);
    return prose.text.length === length && prose.shown === prose.text.length && !drawing;
}"""
QUIET = "!document.querySelector('qa-chat').chat.conversation.answering"
BOLD = "".join(
    "".join(f"**굵은 {n}.{k}** 글 [{(n * 7 + k) % 50 + 1}][{(n + k) % 50 + 1}], " for k in range(12))
    + ("\n\n" if n % 8 == 7 else "")
    for n in range(250)
)
QUOTES = "".join("> " * (n % 11 + 1) + f"인용 {n} **굵게** [{n % 50 + 1}]\n" for n in range(1_500))
TRIES = 3
"""A machine that does other things meanwhile makes some task long."""


@contextmanager
def measured(page: Page) -> Iterator[list[float]]:
    """Give what the page's tasks computed meanwhile, in milliseconds each; what the machine did besides isn't
    counted."""
    browser = page.context.browser
    assert browser
    tasks: list[float] = []
    browser.start_tracing(page=page, categories=["toplevel"])
    try:
        yield tasks
    finally:
        events = json.loads(browser.stop_tracing())["traceEvents"]
    threads = {(one["pid"], one["tid"]) for one in events if one.get("args", {}).get("name") == "CrRendererMain"}
    mine = [one for one in events if (one["pid"], one["tid"]) in threads and one["name"] in TASK]
    tasks.extend(one.get("tdur", 0) / 1000 for one in mine)


def load_turns(page: Page, count: int) -> None:
    """Open a conversation that has this many turns."""
    turn = {"question": "질문", "topic": 1, "status": "completed", "references": [source(1)], "files": []}
    turns = [{**turn, "answerId": f"a{n}", "text": PARAGRAPH * 3} for n in range(count)]
    page.evaluate("(session) => { window.pages['sessions/s'] = session; }", {"turns": turns, "next": None})
    page.evaluate("document.querySelector('qa-chat').chat.conversation.load('s')")
    expect(page.locator(".turn")).to_have_count(count)


def tasks_of(page: Page, text: str, piece: int) -> list[float]:
    """What the page's tasks took while this text came, and then fifty sources at once."""
    begin(page)
    with measured(page) as tasks:
        for at in range(0, len(text), piece):
            send(page, ["text", text[at : at + piece]])
        page.wait_for_function(SHOWN, arg=len(text), polling=500, timeout=6 * PATIENCE)
        send(page, *(["reference", source(n)] for n in range(1, 51)), METADATA, DONE)
        page.wait_for_function(QUIET, polling=500, timeout=6 * PATIENCE)
    return tasks


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        (TABLE, 16_000),
        (WORDS, 1_500),
        (LONG_PARAGRAPH, 1_500),
        (LONG_LIST, 60_000),
        (BOLD, 2_000),
        (QUOTES, 2_000),
    ],
    ids=["a table", "an essay", "a paragraph", "a list", "bold words", "quotes"],
)
def test_no_task_is_long_while_a_long_answer_comes_below_two_hundred_others(page: Page, text: str, piece: int) -> None:
    if page.locator(".turn").count() < 200:
        load_turns(page, 200)
    longest: list[float] = []
    while len(longest) < TRIES and min(longest, default=LONG_MS) >= LONG_MS:
        tasks = tasks_of(page, text, piece)
        assert len(tasks) > 20, "too few tasks were measured"
        longest.append(max(tasks))
    assert min(longest) < LONG_MS, longest


PARTS = [
    "환불은 7일",
    "배송은 2일",
    " [1]",
    " [2]",
    "[1][2]",
    "[1, 2]",
    ".",
    "다. ",
    "\n",
    "\n- ",
    "😀",
    " `[1]`",
    "**",
    "Text. ",
    " a[1]",
    " [1】",
    "［1］",
    "\0 ",
]
PASSAGES = [Passage(f"f{n}", "a.txt", TEXT, n=n) for n in (1, 2)]


def placed(text: str) -> dict[str, Any]:
    """Return the text, its sources as the service finds them, and the place that each of its numbers stands for."""
    claims = Claims(text, blank_code(text))
    places = [(n, claims.find_claim(at)) for at, n in find_markers(text)]
    return {
        "text": text,
        "references": [
            json.loads(
                json.dumps({"n": one.n, "cites": [{"start": cite.start, "end": cite.end} for cite in one.cites]})
            )
            for one in collect_references(text, Evidence("s", PASSAGES))
        ],
        "places": {n: [list(place) for m, place in places if m == n] for n in (1, 2)},
    }


def test_every_number_stands_for_the_place_that_the_service_means(page: Page) -> None:
    texts = [placed("".join(random.Random(seed).choices(PARTS, k=24))) for seed in range(80)]
    texts.append(placed("One fact [1】 here. Other fact [1]."))
    wrong = page.evaluate(
        """async (texts) => {
            const { citeAt } = await import("/cites.js");
            return texts.filter(({ text, references, places }) => references.some(({ n, cites }) =>
                places[n].some(([start, end], index) => {
                    if (start === end) return false;
                    const cite = citeAt(text, { n, cites }, index);
                    return cite?.start !== start || cite?.end !== end;
                })));
        }""",
        texts,
    )
    assert not wrong


@pytest.mark.parametrize(("text", "numbers"), CASES)
def test_places_are_those_of_the_numbers_that_the_service_finds(page: Page, text: str, numbers: list[int]) -> None:
    """A source whose only place is elsewhere gets that place exactly where the text has none of its numbers."""
    found = page.evaluate(
        """async (text) => {
            const { citeAt } = await import("/cites.js");
            const cites = [{ start: 5000, end: 5001 }];
            return Array.from({ length: 100 }, (_, n) => n).filter((n) => citeAt(text, { n, cites }, 0) === undefined);
        }""",
        text,
    )
    assert found == sorted(set(numbers))
