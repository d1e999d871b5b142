"""The page in a real browser that loses its connection in mid-answer: nothing is lost, and nothing is told twice."""

import json
import os
import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, Page, Request, Route, expect

from tests.clients.js_cuts import serve_client
from tests.live.cable import Cable
from tests.live.chromium import ANSWERED, PATIENCE
from tests.live.processes import Service, gunicorn, until
from tests.live.reading import request
from tests.scripted_upstream import Script, ScriptedUpstream

TEXT = " ".join(f"{number}번째" for number in range(100))
LONG = Script(text=TEXT, rate=50)
SLOW = Script(text=TEXT, rate=15)
"""The answer of `LONG` takes some 3 seconds, and that of `SLOW` 12."""
QUICK = Script(text=TEXT)
KEY = "personal-secret-012345678"
PROSE = ".turn:last-child .prose"
LISTEN = """(address) => {
    const source = new EventSource(address);
    Object.assign(window, { heard: [], opened: 0 });
    source.onopen = () => { window.opened++; };
    source.onmessage = ({ data }) => { window.heard.push(JSON.parse(data)); };
    window.over = new Promise((resolve) => {
        source.onerror = () => source.readyState === EventSource.CLOSED && resolve();
    });
}"""
OVERHEAR = """(region) => {
    window.told = [];
    new MutationObserver(() => window.told.push(region.textContent)).observe(region, { childList: true });
}"""
READ = """async (questions) => {
    const { createClient } = await import("/client/index.js");
    const { readAnswers } = await import("/checks/reading.mjs");
    window.reading = readAnswers(createClient, { url: "/api", questions });
}"""
UPLOAD = """async (question) => {
    const { createClient } = await import("/client/index.js");
    const shares = [];
    const files = [new File(["가".repeat(100_000)], "가.txt")];
    const answer = createClient().ask({ question, files, onUpload: (share) => shares.push(share) });
    const { text, metadata } = await answer.answer();
    return { text, shares, names: metadata.files.map(({ name }) => name) };
}"""
LATE = """() => {
    const send = window.fetch;
    window.fetch = async (url, request) => {
        const response = await send(url, request);
        if (String(url).endsWith("/ask")) await new Promise((resolve) => setTimeout(resolve, 2000));
        return response;
    };
}"""
"""Answers come late here, over a slow network. The questions have arrived at once."""
HEARD = "window.heard.filter(({ type }) => type === 'text').length"


@pytest.fixture(scope="module")
def served(redis_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("page")
    settings = {"REDIS_URL": redis_url, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": upstream.url}
    costs = {
        "QA_SHOW_COST": "on",
        "QA_CURRENCY": "KRW",
        "QA_PRICES": '{"gpt-4.1-mini": {"input": 600, "output": 2400}}',
    }
    with gunicorn(
        folder, QA_BACKGROUND="on", QA_DRAIN_SECONDS="1", QA_API_KEYS=f"me:{KEY}:personal", **settings, **costs
    ) as found:
        yield found


@pytest.fixture
def cable(served: Service) -> Iterator[Cable]:
    with Cable(served.port) as cable:
        yield cable


@pytest.fixture
def page(browser: Browser, cable: Cable) -> Iterator[Page]:
    """Give a Korean visitor's first visit. No script fails."""
    context = browser.new_context(locale="ko-KR")
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(cable.url)
    expect(page.locator("#drop-limits")).not_to_be_empty()
    yield page
    context.close()
    assert not trouble


def begin(page: Page, model: ScriptedUpstream, script: Script = LONG, *files: FilePayload) -> None:
    """Ask."""
    model.script(script)
    if files:
        page.set_input_files('[data-part="picker"]', list(files))
    page.fill("#question", "무엇을 셀까요?")
    page.press("#question", "Enter")


def until_word(page: Page, number: int) -> None:
    """Wait until this much of the text is there, and not much more."""
    expect(page.locator(PROSE)).to_contain_text(f"{number}번째", timeout=PATIENCE)


def is_whole(page: Page) -> None:
    """Check that the answer is over and that its text is upstream's."""
    expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)
    assert page.locator(PROSE).text_content() == TEXT
    expect(page.locator(".turn")).to_have_count(1)
    expect(page.locator(".turn .ending")).to_be_hidden()


def impatient(route: Route) -> None:
    """Let the script take a second of silence for long."""
    response = route.fetch()
    # The written script has the first number, and the small one the second.
    body, count = re.subn(r"(?<=silence:) ?(?:24_000|24e3)", "1000", response.text())
    assert count == 1
    route.fulfill(response=response, body=body)


def asked(model: ScriptedUpstream) -> int:
    """Return how often a model was asked to generate."""
    return sum(received.method == "POST" and received.path.endswith("/responses") for received in model.requests)


class TestCut:
    def test_three_times_in_an_answer_changes_nothing_in_it(
        self, page: Page, cable: Cable, model: ScriptedUpstream
    ) -> None:
        page.locator("#announcer").evaluate(OVERHEAR)
        begin(page, model)
        for word in (5, 30, 60):
            until_word(page, word)
            cable.cut()
        is_whole(page)
        assert asked(model) == 1
        told = page.evaluate("window.told")
        assert told[-1] == "답변이 끝났어요."
        assert len(told) < 10
        assert not any("번째" in each for each in told)

    def test_by_the_death_of_every_worker_changes_nothing_either(
        self, page: Page, served: Service, model: ScriptedUpstream
    ) -> None:
        begin(page, model)
        until_word(page, 10)
        for worker in served.workers():
            os.kill(worker, signal.SIGKILL)
        is_whole(page)
        assert asked(model) == 1

    def test_by_a_worker_that_drains_goes_on_in_the_next(
        self, page: Page, served: Service, model: ScriptedUpstream
    ) -> None:
        begin(page, model)
        until_word(page, 5)
        with page.expect_response("**/stream?after=*", timeout=PATIENCE):
            served.process.send_signal(signal.SIGHUP)
        is_whole(page)
        assert asked(model) == 1

    def test_after_which_all_is_told_again_shows_it_once(
        self, page: Page, cable: Cable, model: ScriptedUpstream
    ) -> None:
        page.route("**/stream?after=*", lambda route: route.continue_(url=route.request.url.partition("?")[0]))
        begin(page, model)
        until_word(page, 5)
        cable.cut()
        is_whole(page)

    def test_after_which_the_key_is_wanted_again_asks_for_it_and_pays_once(
        self, page: Page, cable: Cable, model: ScriptedUpstream
    ) -> None:
        page.goto("about:blank")
        page.goto(f"{cable.url}/#key={KEY}")
        refused = json.dumps({"code": "unauthenticated", "retryable": False})
        begin(page, model)
        until_word(page, 5)
        page.route("**/stream?after=*", lambda route: route.fulfill(status=401, body=refused), times=1)
        cable.cut()
        page.fill("#key input", KEY)
        page.press("#key input", "Enter")
        until_word(page, 99)
        is_whole(page)
        assert asked(model) == 1

    def test_that_nobody_is_told_of_is_noticed_by_the_silence(
        self, page: Page, cable: Cable, model: ScriptedUpstream
    ) -> None:
        page.route("**/chat.js*", impatient)
        page.reload()
        begin(page, model)
        until_word(page, 5)
        cable.hang()
        is_whole(page)

    def test_before_the_first_frame_asks_again_and_pays_once(self, page: Page, model: ScriptedUpstream) -> None:
        """The question and its file arrive; what comes back doesn't."""
        page.route("**/ask", lambda route: (route.fetch(), route.abort("connectionreset")), times=1)
        begin(page, model, LONG, FilePayload(name="수.txt", mimeType="text/plain", buffer="하나 둘 셋".encode()))
        is_whole(page)
        assert asked(model) == 1
        expect(page.locator(".asked .chip")).to_have_attribute("data-status", "used")


class TestOffline:
    def test_is_said_and_over_when_the_network_is_back(self, page: Page, cable: Cable, model: ScriptedUpstream) -> None:
        begin(page, model)
        until_word(page, 5)
        page.context.set_offline(True)
        cable.cut()  # Chromium lets live what is connected
        expect(page.locator(".turn .status")).to_have_text("연결이 끊겼어요. 다시 잇고 있어요.", timeout=PATIENCE)
        expect(page.locator("#announcer")).to_have_text("연결이 끊겼어요. 다시 잇고 있어요.")
        expect(page.locator('[data-part="stop"]')).to_be_visible()
        page.context.set_offline(False)
        is_whole(page)
        assert asked(model) == 1

    @pytest.mark.parametrize(("target", "event"), [("window", "online"), ("document", "visibilitychange")])
    def test_page_that_comes_back_waits_no_longer(
        self, page: Page, cable: Cable, model: ScriptedUpstream, target: str, event: str
    ) -> None:
        failed: list[Request] = []
        page.on("requestfailed", lambda request: failed.append(request) if "/stream?" in request.url else None)
        begin(page, model)
        until_word(page, 5)
        cable.pull()
        while len(failed) < 3:  # after which the pause is one of 4 s at least
            page.wait_for_event("requestfailed", timeout=PATIENCE)
        cable.plug()
        with page.expect_request("**/stream?after=*", timeout=1_000):
            page.evaluate(f"{target}.dispatchEvent(new Event('{event}'))")
        is_whole(page)

    def test_question_is_sent_when_the_network_is_back(self, page: Page, model: ScriptedUpstream) -> None:
        page.context.set_offline(True)
        begin(page, model)
        expect(page.locator(".turn .status")).to_have_text("연결이 끊겼어요. 다시 잇고 있어요.", timeout=PATIENCE)
        page.context.set_offline(False)
        is_whole(page)
        assert asked(model) == 1

    def test_for_good_says_what_to_do(self, page: Page, cable: Cable, model: ScriptedUpstream) -> None:
        page.clock.install()
        begin(page, model)
        until_word(page, 5)
        cable.pull()
        expect(page.locator(".turn .status")).to_be_visible()
        for _ in range(40):
            page.clock.fast_forward(12_000)
            page.wait_for_timeout(50)
        expect(page.locator(".turn .ending")).to_contain_text("다시 연결하면 서버에 남은 답변을")
        cable.plug()
        page.get_by_role("button", name="다시 연결").click()
        is_whole(page)

    def test_until_the_answer_is_deleted_says_what_to_do(
        self, page: Page, cable: Cable, served: Service, model: ScriptedUpstream
    ) -> None:
        begin(page, model)
        until_word(page, 5)
        session = page.evaluate("sessionStorage.getItem('qa.session')")
        cable.pull()
        assert request(served.url, f"/api/sessions/{session}", "DELETE")[0] == 204
        cable.plug()
        expect(page.locator(".ending")).to_contain_text("이 답변은 이제 서버에 없어요", timeout=PATIENCE)
        expect(page.get_by_role("button", name="다시 시도")).to_be_visible()


class TestTrouble:
    def test_of_the_model_in_mid_answer_is_called_so_and_tried_again_leaves_one_question(
        self, page: Page, cable: Cable, served: Service, model: ScriptedUpstream
    ) -> None:
        page.clock.install()
        busy = Script(follow=True, status=429, headers={"Retry-After": "30"})
        model.script(Script(text=TEXT, rate=200, fault="cut", after=60), busy)
        begin(page, model)
        until_word(page, 5)
        ending, again = page.locator(".ending"), page.get_by_role("button", name="다시 시도")
        expect(ending).to_contain_text("지금은 질문이 많이 몰려 있어요.", timeout=PATIENCE)
        expect(ending).to_contain_text("초쯤 뒤에 다시 시도해 주세요.")
        expect(again).to_be_disabled()
        page.clock.fast_forward(31_000)
        again.click()
        is_whole(page)
        session = page.evaluate("sessionStorage.getItem('qa.session')")
        assert len(request(served.url, f"/api/sessions/{session}")[1]["turns"]) == 1

    def test_of_the_server_in_mid_answer_is_told_in_its_own_words(
        self, page: Page, cable: Cable, model: ScriptedUpstream
    ) -> None:
        told = {"code": "store_unavailable", "userMessage": "대화를 저장하는 곳에 문제가 있어요.", "retryable": True}
        page.clock.install()
        begin(page, model)
        until_word(page, 5)
        page.route("**/stream?after=*", lambda route: route.fulfill(status=503, body=json.dumps(told)))
        cable.cut()
        expect(page.locator(".turn .status")).to_be_visible()
        for _ in range(40):
            page.clock.fast_forward(12_000)
            page.wait_for_timeout(50)
        expect(page.locator(".turn .ending")).to_contain_text("대화를 저장하는 곳에 문제가 있어요.")
        page.unroute_all()
        page.get_by_role("button", name="다시 연결").click()
        is_whole(page)


class TestKey:
    def test_is_forgotten_with_all_that_was_written_when_the_person_signs_out(
        self, page: Page, cable: Cable, model: ScriptedUpstream
    ) -> None:
        page.goto("about:blank")
        page.goto(f"{cable.url}/#key={KEY}")
        begin(page, model, QUICK)
        until_word(page, 99)
        is_whole(page)
        page.fill("#question", "쓰던 글")
        page.get_by_role("button", name="로그아웃").click()
        expect(page.locator("#welcome")).to_be_visible()
        expect(page.locator("#question")).to_have_value("")
        expect(page.get_by_role("button", name="로그아웃")).to_be_hidden()
        assert "qa.key" not in page.evaluate("Object.keys(sessionStorage)")
        assert KEY not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")
        assert "쓰던 글" not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")

    def test_opens_no_conversation_of_somebody_else(self, page: Page, cable: Cable, model: ScriptedUpstream) -> None:
        begin(page, model, QUICK)
        until_word(page, 99)
        address = page.url
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.goto("about:blank")
        page.goto(f"{cable.url}/#key={KEY}")
        expect(page.get_by_role("button", name="로그아웃")).to_be_visible()
        page.goto(address)
        expect(page.get_by_role("alert")).to_contain_text("다른 분의 대화일 수 있어요")


def test_what_an_answer_took_is_shown_with_its_currency_also_after_a_reload(
    page: Page, model: ScriptedUpstream
) -> None:
    begin(page, model, QUICK)
    until_word(page, 99)
    is_whole(page)
    figures = page.locator(".turn .meta")
    expect(figures).to_contain_text("gpt-4.1-mini")
    expect(figures).to_contain_text(re.compile(r"비용 ₩\d"))
    before = figures.inner_text()
    page.reload()
    expect(figures).to_have_text(before, use_inner_text=True)


class TestStop:
    def test_after_a_resume_stops_upstream(self, page: Page, cable: Cable, model: ScriptedUpstream) -> None:
        begin(page, model, SLOW)
        until_word(page, 5)
        cable.cut()
        until_word(page, 30)
        page.keyboard.press("Escape")
        expect(page.locator(".ending")).to_contain_text("여기서 멈췄어요", timeout=PATIENCE)
        text = page.locator(PROSE).text_content() or ""
        assert TEXT.startswith(text)
        assert len(text) < len(TEXT)

    def test_without_a_connection_is_told_when_there_is_one(
        self, page: Page, cable: Cable, model: ScriptedUpstream
    ) -> None:
        begin(page, model, SLOW)
        until_word(page, 5)
        cable.pull()
        expect(page.locator(".turn .status")).to_be_visible()
        page.click('[data-part="stop"]')
        expect(page.locator(".turn .status")).to_have_text("멈추고 있어요")
        cable.plug()
        expect(page.locator(".ending")).to_contain_text("여기서 멈췄어요", timeout=PATIENCE)

    def test_of_a_question_that_was_sent_stops_its_answer_once_it_has_begun(
        self, page: Page, model: ScriptedUpstream
    ) -> None:
        page.evaluate(LATE)
        begin(page, model, SLOW)
        expect(page.locator('[data-part="stop"]')).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".ending")).to_contain_text("여기서 멈췄어요", timeout=PATIENCE)
        until(lambda: [response["status"] for response in model.texts().values()] == ["cancelled"], 5, "it was stopped")

    def test_is_also_what_changing_the_question_does(
        self, page: Page, served: Service, model: ScriptedUpstream
    ) -> None:
        begin(page, model, SLOW)
        until_word(page, 5)
        model.script(QUICK)
        page.locator(".asked").hover()
        page.get_by_role("button", name="질문 고치기").click()
        page.get_by_role("textbox", name="질문 고치기").fill("몇까지 셀까요?")
        page.keyboard.press("Enter")
        expect(page.locator(".bubble")).to_have_text("몇까지 셀까요?")
        until_word(page, 99)
        is_whole(page)
        session = page.evaluate("sessionStorage.getItem('qa.session')")
        turns = request(served.url, f"/api/sessions/{session}")[1]["turns"]
        assert [turn["question"] for turn in turns] == ["몇까지 셀까요?"]
        statuses = [response["status"] for response in model.texts().values()]
        assert sorted(statuses) == ["cancelled", "completed"]


class TestReload:
    def test_goes_on_to_the_end(self, page: Page, model: ScriptedUpstream) -> None:
        begin(page, model)
        until_word(page, 10)
        page.reload()
        until_word(page, 40)
        expect(page.locator('.answer[aria-busy="true"]')).to_have_count(1)
        is_whole(page)
        assert asked(model) == 1

    def test_leaves_stop_at_work(self, page: Page, model: ScriptedUpstream) -> None:
        begin(page, model)
        until_word(page, 10)
        page.reload()
        until_word(page, 12)
        page.click('[data-part="stop"]')
        expect(page.locator(".ending")).to_contain_text("여기서 멈췄어요", timeout=PATIENCE)

    def test_is_what_a_second_tab_does(self, page: Page, model: ScriptedUpstream, cable: Cable) -> None:
        begin(page, model)
        until_word(page, 10)
        other = page.context.new_page()
        other.goto(cable.url)
        other.locator("#history .open").first.click()
        until_word(other, 40)
        is_whole(other)
        is_whole(page)
        assert asked(model) == 1


class TestEventSource:
    def test_reconnects_by_itself_to_the_rest_and_is_closed_after_the_end(
        self, page: Page, cable: Cable, model: ScriptedUpstream
    ) -> None:
        model.script(LONG)
        page.evaluate(LISTEN, "api/ask?question=hi")
        until(lambda: page.evaluate(HEARD) > 20, 10, "the answer has begun")
        cable.cut()
        page.evaluate("window.over")
        heard = page.evaluate("window.heard")
        assert "".join(frame["content"] for frame in heard if frame["type"] == "text") == TEXT
        assert [frame["type"] for frame in heard].count("done") == 1
        assert page.evaluate("window.opened") == 2
        assert asked(model) == 1


class TestOurClientForJavaScript:
    @pytest.fixture
    def page(self, browser: Browser, cable: Cable) -> Iterator[Page]:
        """Give a page of somebody else's that has the client."""
        page = browser.new_page()
        serve_client(page)
        page.goto(f"{cable.url}/page")
        yield page
        page.close()

    def test_reads_whole_answers_over_a_line_that_is_cut(
        self, page: Page, cable: Cable, model: ScriptedUpstream
    ) -> None:
        model.script(LONG, LONG)
        page.evaluate(READ, ["하나?", "둘?"])
        until(lambda: asked(model) == 2, 10, "both answers have begun")
        for _ in range(5):
            page.wait_for_timeout(250)
            cable.cut()
        answers = page.evaluate("window.reading")
        assert [(answer["text"], answer["status"]) for answer in answers] == [(TEXT, "completed")] * 2
        assert min(answer["losses"] for answer in answers) >= 3
        assert asked(model) == 2

    def test_reads_on_after_the_page_was_frozen(self, page: Page, cable: Cable, model: ScriptedUpstream) -> None:
        model.script(LONG)
        page.evaluate(READ, ["하나?"])
        until(lambda: asked(model) == 1, 10, "the answer has begun")
        session = page.context.new_cdp_session(page)
        session.send("Page.setWebLifecycleState", {"state": "frozen"})
        cable.cut()
        page.wait_for_timeout(500)
        session.send("Page.setWebLifecycleState", {"state": "active"})
        [answer] = page.evaluate("window.reading")
        assert (answer["text"], answer["status"]) == (TEXT, "completed")
        assert asked(model) == 1

    def test_tells_how_much_of_a_file_was_sent(self, page: Page, model: ScriptedUpstream) -> None:
        model.script(Script(text="네"))
        told = page.evaluate(UPLOAD, "뭐예요?")
        assert (told["text"], told["names"]) == ("네", ["가.txt"])
        assert told["shares"] == sorted(told["shares"])
        assert told["shares"][-1] == 1
