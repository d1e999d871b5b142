"""`<qa-chat>` in pages of other sites, in a real browser: nothing around it changes how it looks and works."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response, Route, expect

from tests.live.chromium import ANSWERED, PATIENCE

SCRIPT = '<script type="module" nonce="n" src="/api/chat.js"></script>'
STRICT = (
    "default-src 'none'; script-src 'nonce-n'; style-src 'nonce-n'; connect-src 'self' http://other.localhost; "
    "base-uri 'none'; require-trusted-types-for 'script'; trusted-types qa-chat"
)
HOSTILE = """<style nonce="n">
* { all: revert; }
* { box-sizing: content-box; margin: 9px; padding: 9px; border: 3px solid red; color: red; }
* { font: italic 40px serif; }
html { font-size: 5px; writing-mode: vertical-rl; }
body { direction: rtl; text-align: center; text-transform: uppercase; letter-spacing: 9px; line-height: 5; }
qa-chat { display: inline; visibility: visible; height: 10px; opacity: 1; font-variant: small-caps; white-space: pre; }
button, textarea, .row, .box, #question, #composer, main, svg { display: none !important; }
</style>"""
PLAIN = "<style nonce='n'>body { margin: 9px }</style>"
LOOKS = """(nodes) => nodes.filter((node) => node.checkVisibility()).map((node) => {
    const { height } = node.getBoundingClientRect();
    const style = getComputedStyle(node);
    const named = ["color", "backgroundColor", "fontSize", "fontFamily", "fontStyle", "lineHeight", "letterSpacing",
        "direction", "writingMode", "textTransform", "textAlign", "whiteSpace", "paddingTop", "borderTopWidth"];
    return [node.localName, node.id, Math.round(height), ...named.map((name) => style[name])];
})"""
PARTS = ".chat, .bar, .brand, #welcome *, #composer, .box, #question, .row > *, .hint"
TELL = """() => {
    window.told = [];
    for (const name of ["asked", "answered", "error"]) {
        document.querySelector("qa-chat").addEventListener(name, ({ type, detail }) => told.push([type, detail]));
    }
}"""
FILL = """() => {
    for (const storage of [localStorage, sessionStorage]) {
        for (let length = 1 << 23; length; length >>= 1) {
            try {
                storage.setItem(`other ${length}`, "x".repeat(length));
            } catch {}
        }
    }
}"""
FIRST_BYTES = 60_000
READABLE = """(nodes, accents) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    const brightness = (colour) => {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map((each) => linear(each / 255));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrast = (node) => {
        const { color, backgroundColor } = getComputedStyle(node);
        const [dark, light] = [brightness(color), brightness(backgroundColor)].sort((one, other) => one - other);
        return (light + 0.05) / (dark + 0.05);
    };
    return Math.min(...accents.flatMap((accent) => {
        nodes[0].getRootNode().host.style.setProperty("--qa-accent", accent);
        return nodes.map(contrast);
    }));
}"""
"""This is the least contrast of text with what it stands on, for some accents."""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """Give a reader of English in a page of somebody else. No script fails there, and no policy is violated."""
    context = browser.new_context(locale="en-US", viewport={"width": 900, "height": 860})
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda line: trouble.append(line.text) if "policy" in line.text.lower() else None)
    yield page
    context.close()
    assert not trouble


@pytest.fixture
def site(page: Page, server_url: str) -> Iterator["Site"]:
    yield Site(page, server_url)
    page.unroute_all(behavior="ignoreErrors")
    page.evaluate("() => { sessionStorage.clear(); localStorage.clear(); }")


class Site:
    """A `Site` is a site of somebody else's, at the service's own origin, with pages that a test writes."""

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        self._url = url

    def show(self, element: str, *, head: str = PLAIN, script: str = SCRIPT) -> None:
        """Show a page of that site."""
        document = (
            f"<!doctype html><html lang='en'><head>{head}</head><body><h1>Shop</h1>{element}{script}</body></html>"
        )

        def send(route: Route) -> None:
            headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": STRICT}
            route.fulfill(body=document, headers=headers)

        self._page.route(f"{self._url}/shop", send)
        self._page.goto(f"{self._url}/shop")
        if "<qa-chat" in element:
            expect(self._page.locator("qa-chat #question").first).to_be_attached()

    def refuse(self, path: str, code: str, **fields: object) -> None:
        """Let the service refuse a request once."""
        body = json.dumps({"code": code, "userMessage": "Not now.", "retryable": False})
        problem = {"status": 401 if code == "unauthenticated" else 503, "content_type": "application/problem+json"}
        self._page.route(f"**/api/{path}", lambda route: route.fulfill(body=body, **problem), times=1)


def ask(page: Page, question: str) -> None:
    page.fill("#question", question)
    page.press("#question", "Enter")
    expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)


class TestAround:
    def test_a_hostile_page_changes_nothing_of_its_looks(self, page: Page, site: Site) -> None:
        looks = []
        for head in (PLAIN, HOSTILE):
            site.show("<qa-chat></qa-chat>", head=head)
            expect(page.locator("#drop-limits")).not_to_be_empty()
            page.evaluate("document.querySelector('qa-chat').style.cssText = 'width: 800px !important'")
            looks.append(page.locator(PARTS).evaluate_all(LOOKS))
        assert len(looks[0]) > 20
        assert looks[1] == looks[0]

    def test_a_question_is_answered_under_the_strictest_policy_in_a_page_from_right_to_left(
        self, page: Page, site: Site
    ) -> None:
        site.show("<qa-chat></qa-chat>", head=HOSTILE)
        ask(page, "What is this?")
        expect(page.locator(".prose")).not_to_be_empty()

    def test_a_page_with_two_releases_of_the_script_works_under_the_strictest_policy(
        self, page: Page, site: Site
    ) -> None:
        site.show("<qa-chat></qa-chat>", script=SCRIPT + SCRIPT.replace("chat.js", "chat.js?v=old"))
        page.wait_for_load_state()
        expect(page.locator("#drop-limits")).not_to_be_empty()

    def test_a_full_storage_keeps_nobody_from_asking(self, page: Page, site: Site) -> None:
        site.show("<p></p>")
        page.evaluate(FILL)
        site.show("<qa-chat></qa-chat>")
        ask(page, "Is there room?")
        expect(page.locator(".ending")).to_be_hidden()
        expect(page.locator("#history .name")).to_have_text("Is there room?")

    def test_the_landmarks_and_headings_of_the_page_stay_its_own(self, page: Page, site: Site) -> None:
        site.show('<qa-chat name="Helper"></qa-chat>')
        expect(page.get_by_role("region", name="Helper")).to_be_visible()
        for landmark in ("main", "banner", "contentinfo", "complementary"):
            expect(page.get_by_role(landmark)).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).to_have_text("Shop")

    def test_what_is_typed_is_no_shortcut_of_the_page(self, page: Page, site: Site) -> None:
        site.show("<qa-chat></qa-chat>")
        page.evaluate("() => { window.keys = []; addEventListener('keydown', ({ key }) => keys.push(key)); }")
        page.locator("#question").press_sequentially("s/")
        page.locator("#skip").press("k")
        assert page.evaluate("window.keys") == ["k"]

    def test_two_with_different_services_do_not_mix(self, page: Page, site: Site) -> None:
        asked: list[str] = []
        page.route("**/other/**", lambda route: (asked.append(urlsplit(route.request.url).path), route.abort()))
        site.show('<qa-chat></qa-chat><qa-chat address="/other/api/"></qa-chat>')
        one, other = page.locator("qa-chat").first, page.locator("qa-chat").last
        expect(one.locator("#drop-limits")).not_to_be_empty()
        expect(other.get_by_role("alert")).to_contain_text("can't be reached")
        assert asked == ["/other/api/config"]
        expect(one.locator('[data-part="complaint"]')).to_be_hidden()
        one.locator("#question").fill("Only for this one")
        site.show('<qa-chat address="/other/api/"></qa-chat><qa-chat></qa-chat>')
        expect(page.locator("#question").last).to_have_value("Only for this one")
        expect(page.locator("#question").first).to_have_value("")

    def test_one_that_is_taken_out_listens_no_longer(self, page: Page, site: Site) -> None:
        site.show("<qa-chat></qa-chat>")
        expect(page.locator("#drop-limits")).not_to_be_empty()
        page.route("**/api/ask", lambda route: None)
        page.fill("#question", "Will you wait?")
        with page.expect_request("**/api/ask"):
            page.press("#question", "Enter")
        with page.expect_event("requestfailed"):
            page.evaluate(
                """() => {
                    const chat = document.querySelector("qa-chat");
                    chat.chat.past.anonymous = false;  // somebody whose list comes from the server
                    chat.remove();
                }"""
            )
        asked: list[str] = []
        page.route("**/api/**", lambda route: (asked.append(urlsplit(route.request.url).path), route.continue_()))
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.evaluate("fetch('/api/healthz').then(({ status }) => status)")
        assert asked == ["/api/healthz"]

    def test_one_that_comes_back_shows_its_conversation_again(self, page: Page, site: Site) -> None:
        site.show("<qa-chat></qa-chat>")
        ask(page, "Are you there?")
        page.evaluate(
            """async () => {
                const chat = document.querySelector("qa-chat");
                chat.remove();
                await new Promise(requestAnimationFrame);
                document.body.append(chat);
            }"""
        )
        expect(page.locator(".bubble")).to_have_text("Are you there?")


class TestWishes:
    def test_of_the_site_go_before_what_the_service_says(self, page: Page, site: Site) -> None:
        wishes = 'name="Helper" greeting="Ask me" examples="When? | Where to?" collections="shared,handbook"'
        site.show(f"<qa-chat {wishes}></qa-chat>")
        expect(page.locator("#drop-limits")).not_to_be_empty()
        expect(page.locator("#greeting")).to_have_text("Ask me")
        expect(page.locator(".example")).to_have_text(["When?", "Where to?"])
        page.locator(".example").last.click()
        with page.expect_request("**/api/ask") as sent:
            page.press("#question", "Enter")
        assert "shared,handbook" in (sent.value.post_data_buffer or b"").decode()

    def test_for_a_language_are_followed_and_leave_nothing_to_choose(self, page: Page, site: Site) -> None:
        site.show("<div lang='ko-KR'><qa-chat></qa-chat></div>")
        expect(page.locator("#greeting")).to_have_text("무엇이든 물어보세요")
        expect(page.locator("#language")).to_be_hidden()
        page.evaluate("document.querySelector('qa-chat').lang = 'en'")
        expect(page.locator("#greeting")).to_have_text("What would you like to know?")

    def test_for_looks_are_followed(self, page: Page, site: Site) -> None:
        looks = "qa-chat { --qa-height: 500px } qa-chat::part(composer) { padding-top: 33px }"
        site.show("<qa-chat></qa-chat>", head=f"<style nonce='n'>{looks}</style>")
        assert page.locator("qa-chat").evaluate("(node) => node.clientHeight") == 500
        assert page.locator("#composer").evaluate("(node) => getComputedStyle(node).paddingTop") == "33px"

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_for_an_accent_are_followed_as_far_as_it_can_be_read(self, page: Page, site: Site, scheme: str) -> None:
        site.show("<qa-chat></qa-chat>", head=f"<style nonce='n'>html {{ color-scheme: {scheme} }}</style>")
        page.fill("#question", "?")  # while there is nothing to send, the button has no colour
        least = page.locator('#drop-zone .glyph, [data-part="send"]').evaluate_all(
            READABLE, ["#ffd400", "#3f5", "#f0a", "#fff", "#000", "#0f6b5c"]
        )
        assert least >= 4.5


class TestEvents:
    def test_tell_what_was_asked_and_answered(self, page: Page, site: Site) -> None:
        site.show("<qa-chat></qa-chat>")
        page.evaluate(TELL)
        page.evaluate("document.querySelector('qa-chat').ask('How are you?')")
        expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)
        (asked, question), (answered, answer) = page.evaluate("window.told")
        assert (asked, question) == ("asked", {"question": "How are you?", "files": []})
        assert (answered, answer["status"], answer["text"]) == (
            "answered",
            "completed",
            page.locator(".prose").inner_text(),
        )
        assert answer["sessionId"]
        assert answer["answerId"]

    def test_tell_what_went_wrong(self, page: Page, site: Site) -> None:
        site.show("<qa-chat></qa-chat>")
        page.evaluate(TELL)
        site.refuse("ask", "overloaded")
        ask(page, "How are you?")
        assert page.evaluate("window.told[1]") == ["error", {"code": "overloaded", "message": "Not now."}]


class TestTwo:
    def test_with_ids_keep_their_conversations_and_drafts_apart(self, page: Page, site: Site) -> None:
        both = "<qa-chat id='one'></qa-chat><qa-chat id='two'></qa-chat>"
        site.show(both)
        page.fill("#two #question", "a draft")
        page.fill("#one #question", "hello")
        page.press("#one #question", "Enter")
        expect(page.locator(f"#one {ANSWERED}")).to_have_count(1, timeout=PATIENCE)
        site.show(both)
        expect(page.locator(f"#one {ANSWERED}")).to_have_count(1, timeout=PATIENCE)
        assert page.locator(f"#two {ANSWERED}").count() == 0
        assert [page.input_value(f"#{name} #question") for name in ("one", "two")] == ["", "a draft"]


class TestToken:
    def test_is_taken_from_the_site_and_taken_anew_when_it_is_refused(self, page: Page, site: Site) -> None:
        give = """<script nonce="n">
            window.wishes = [];
            document.querySelector("qa-chat").token = async ({ fresh }) => (wishes.push(fresh), fresh ? "new" : "old");
        </script>"""
        sent: list[str | None] = []
        page.route(
            "**/api/config", lambda route: (sent.append(route.request.headers.get("authorization")), route.abort())
        )
        site.refuse("config", "unauthenticated")
        site.show("<qa-chat></qa-chat>", script=give + SCRIPT)
        expect(page.get_by_role("alert")).to_contain_text("can't be reached")
        assert sent == ["Bearer new"]
        assert page.evaluate("window.wishes") == [False, True]

    @pytest.mark.parametrize(
        ("element", "sent"),
        [
            ("<qa-chat keys></qa-chat>", "Bearer my-key"),
            ("<qa-chat></qa-chat>", None),
            ("<qa-chat keys address='http://other.localhost/api'></qa-chat>", None),
        ],
    )
    def test_of_a_person_goes_to_the_service_of_the_same_origin_alone(
        self, page: Page, site: Site, element: str, sent: str | None
    ) -> None:
        site.show("<p></p>")
        page.evaluate("sessionStorage.setItem('qa.key', 'my-key')")
        seen: list[str | None] = []
        page.route(
            "**/api/config", lambda route: (seen.append(route.request.headers.get("authorization")), route.abort())
        )
        site.show(element)
        expect(page.get_by_role("alert")).to_contain_text("can't be reached")
        assert seen == [sent]

    @pytest.mark.parametrize(
        ("token", "told"),
        [
            ("() => Promise.reject(new Error('E_TOKEN 17'))", "E_TOKEN 17"),
            ("() => ({ token: 'a' })", "expected a text, got object"),
            ("'a'", "not a function"),
        ],
    )
    def test_that_the_site_fails_to_give_is_told_in_words_for_people(
        self, page: Page, site: Site, token: str, told: str
    ) -> None:
        give = f"""<script nonce="n">
            addEventListener("error", (event) => (window.told = event.message, event.preventDefault()));
            document.querySelector("qa-chat").token = {token};
        </script>"""
        site.show("<qa-chat></qa-chat>", script=give + SCRIPT)
        expect(page.get_by_role("alert")).to_contain_text("can't be reached")
        assert told in page.evaluate("window.told")

    def test_that_never_comes_is_told_and_a_question_that_waits_for_it_can_be_stopped(
        self, page: Page, site: Site
    ) -> None:
        give = """<script nonce="n">
            addEventListener("error", (event) => (window.told = event.message, event.preventDefault()));
            const wait = setTimeout;
            window.setTimeout = (act, milliseconds) => wait(act, milliseconds / 40);
            document.querySelector("qa-chat").token = () => new Promise(() => {});
        </script>"""
        site.show("<qa-chat></qa-chat>", script=give + SCRIPT)
        expect(page.get_by_role("alert")).to_contain_text("can't be reached")
        assert "no answer" in page.evaluate("window.told")
        page.fill("#question", "hello")
        page.press("#question", "Enter")
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()

    def test_that_is_missing_is_a_matter_of_the_sites_login(self, page: Page, site: Site) -> None:
        site.refuse("config", "unauthenticated")
        site.show("<qa-chat></qa-chat>")
        expect(page.get_by_role("alert")).to_have_text("Please sign in to ask a question.")
        expect(page.locator("#key")).to_be_hidden()

    def test_that_has_ended_so_that_a_login_page_comes_is_said(self, page: Page, site: Site) -> None:
        login = "<!doctype html><title>Sign in</title>"
        page.route("**/api/config", lambda route: route.fulfill(body=login, content_type="text/html; charset=utf-8"))
        site.show("<qa-chat></qa-chat>")
        expect(page.get_by_role("alert")).to_contain_text("Please sign in again")


class TestBubble:
    def test_asks_for_nothing_until_it_is_opened_and_gives_the_focus_back(self, page: Page, site: Site) -> None:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/config") else None)
        site.show("<qa-chat bubble></qa-chat>")
        expect(page.locator("#chat")).to_be_hidden()
        assert asked == []
        page.get_by_role("button", name="Ask a question").click()
        expect(page.locator("#drop-limits")).not_to_be_empty()
        expect(page.locator("#question")).to_be_focused()
        assert len(asked) == 1
        page.keyboard.press("Escape")
        expect(page.locator("#chat")).to_be_hidden()
        expect(page.locator("#launcher")).to_be_focused()
        expect(page.locator("qa-chat")).not_to_have_attribute("open", "")

    def test_is_opened_by_the_site(self, page: Page, site: Site) -> None:
        site.show("<qa-chat bubble></qa-chat>")
        page.evaluate("document.querySelector('qa-chat').setAttribute('open', '')")
        expect(page.locator("#question")).to_be_focused()


def test_the_first_load_of_the_page_is_three_small_requests(browser: Browser, server_url: str) -> None:
    context = browser.new_context(locale="ko-KR")
    page = context.new_page()
    loaded: list[Response] = []
    page.on("response", lambda response: loaded.append(response) if response.url.startswith("http") else None)
    page.goto(server_url)
    expect(page.locator("#drop-limits")).not_to_be_empty()
    sizes = [response.request.sizes() for response in loaded]
    assert len(loaded) == 3
    assert sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes) < FIRST_BYTES
    context.close()
