"""The page's Markdown in a real browser: any text takes linear time, and citations are those of the service."""

import random
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from qa_service.markers import MARKER
from tests.adversary import STATIC, attacks, expressions_of_the_page
from tests.test_markers import CASES

SITE = "http://page.test"
SHELL = "<!doctype html><meta charset='utf-8'>"
BOUND_MS = 50
"""64 KiB may take this many milliseconds."""
WHOLE_MS = 2_000
"""Showing 200 KB may take this many milliseconds, with all elements made."""
TRIES = 5
"""A text is read this many times until it is read within its bound, since memory that is cleaned up meanwhile counts,
too."""
HANGS_MS = 60_000
"""These are the milliseconds after which a pattern counts as one that comes to no end, on a busy machine too."""
_WRITTEN = (
    '[¦]¦[[a]¦[a](¦[a](b¦![¦](¦[a](<b¦[a](b "¦［¦【1¦[1]¦[1, ¦\\¦\\[¦#\n¦# a\n¦######¦`¦` ``¦``` ¦```\n¦'
    "~~~\n¦~~~¦~~¦~~a¦*¦*a¦**a ¦a*¦*a*¦_¦_a¦***a***¦* *¦|¦|\n¦| a | b |\n¦|-|\n¦a|b\n-|-\n¦-|¦>¦> ¦>\n¦"
    "> a\n¦-¦- ¦- a\n¦1. a\n¦  - a\n¦- - ¦* a\n¦---\n¦- \n\n¦http://¦http://)¦https://a.b/ ¦https://a(¦"
    "http://.¦<br>¦<¦\n¦ ¦ \n¦\t¦a¦가¦a\n\n¦**굵게**는 ¦mailto:¦- [ ] a\n"
)
PIECES = _WRITTEN.split("¦")
UNEVEN = [
    "".join("`" * n + " " for n in range(1, 360)),
    "".join(" " * (n % 40) + "- a\n" for n in range(2_600)),
    "".join("> " * (n % 30) + "a\n" for n in range(1_900)),
    "|" + "a|" * 50 + "\n|" + "-|" * 50 + "\n" + "|\n" * 30_000,
    "*" * 30_000 + "a" + "*" * 30_000,
    "[" * 30_000 + "a" + "](b)" * 8_000,
    "```" + "a" * 60_000 + "`",
    "~" * 60_000 + "`",
    "` " + " a" * 30_000 + "`",
]
TRY_PATTERN = r"""([source, flags, attacks, bound, hangs]) => {
    const code = `onmessage = ({ data: [source, flags, attacks, bound, patience] }) => {
        const once = new RegExp(source, flags);
        const all = new RegExp(source, [...new Set(flags.replace("y", "") + "g")].join(""));
        const take = (text) => {
            const began = performance.now();
            once.lastIndex = 0;
            once.exec(text);
            if (!once.sticky) for (const found of text.matchAll(all)) found.index;
            return performance.now() - began;
        };
        const text = ([before, pump, after], size) => before + pump.repeat(Math.max(size / pump.length, 2)) + after;
        const best = (attack, size) => {
            const began = performance.now();
            let least = take(text(attack, size));
            while (least > bound && performance.now() - began < patience) {
                least = Math.min(least, take(text(attack, size)));
            }
            return least;
        };
        const hardest = [];
        for (const attack of attacks) {
            const took = take(text(attack, 8 << 10));
            if (took > bound / 8) {
                const longer = best(attack, 64 << 10);
                if (longer > bound) return postMessage([longer, attack]);
            }
            hardest.push([took, attack]);
        }
        hardest.sort(([one], [other]) => other - one);
        const longest = hardest.slice(0, 3).map(([, attack]) => [best(attack, 64 << 10), attack]);
        postMessage(longest.reduce((one, other) => (other[0] > one[0] ? other : one)));
    }`;
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    return new Promise((resolve, reject) => {
        const end = (settle) => (value) => { worker.terminate(); settle(value); };
        worker.onmessage = ({ data }) => end(resolve)(data);
        worker.onerror = end(reject);
        setTimeout(() => end(resolve)([hangs, ["it hangs", "", ""]]), hangs);
        worker.postMessage([source, flags, attacks, bound, hangs / 4]);
    });
}"""
PARSE = """async (text) => { const { parse } = await import("/blocks.js"); parse(text.split("\\n")); }"""
INLINE = """async (text) => { const { inline } = await import("/inline.js"); inline(text, (n) => `[${n}]`); }"""
SHOW = """async (text) => {
    const { Prose } = await import("/markdown.js");
    const cited = [];
    const node = document.createElement("div");
    const prose = new Prose(node, (n) => (cited.push(n), document.createTextNode(`<${n}>`)));
    prose.append(text);
    prose.render();
    return { cited, markup: node.innerHTML };
}"""
STREAM = """async ([piece, pieces]) => {
    const { Prose } = await import("/markdown.js");
    const make = () => new Prose(document.createElement("div"), (n) => document.createTextNode(`[${n}]`));
    const growing = make();
    for (let n = 0; n < pieces; n += 1) {
        growing.append(piece);
        growing.renderWhenDue();
    }
    growing.render();
    const whole = make();
    whole.append(piece.repeat(pieces));
    whole.render();
    return growing.drawing.node.innerHTML === whole.drawing.node.innerHTML;
}"""

GROW = """async (text) => {
    const { Prose } = await import("/markdown.js");
    const make = () => new Prose(document.createElement("div"), (n) => document.createTextNode(`[${n}]`));
    const [growing, whole, stages] = [make(), make(), []];
    for (const sign of text) {
        growing.append(sign);
        growing.due = 0;
        growing.renderWhenDue();
        stages.push(growing.drawing.node.textContent);
    }
    growing.render();
    whole.append(text);
    whole.render();
    return { stages, grown: growing.drawing.node.innerHTML, whole: whole.drawing.node.innerHTML };
}"""
KEEP = """async ([begin, piece, selector]) => {
    const { Prose } = await import("/markdown.js");
    const prose = new Prose(document.createElement("div"), (n) => document.createTextNode(n));
    const grow = (text) => { prose.append(text); prose.due = 0; prose.renderWhenDue(); };
    grow(begin + piece.repeat(70));
    const first = prose.drawing.node.querySelector(selector);
    let made = 0;
    const create = document.createElement;
    document.createElement = function (...name) { made += 1; return create.apply(this, name); };
    grow(piece);
    document.createElement = create;
    return { kept: first !== null && first === prose.drawing.node.querySelector(selector), made };
}"""
BURST = """async (text) => {
    const { Prose } = await import("/markdown.js");
    const make = () => new Prose(document.createElement("div"), (n) => document.createTextNode(n));
    const [slowly, whole] = [make(), make()];
    for (const prose of [slowly, whole]) prose.append(text);
    let steps = 1;
    for (; !slowly.renderWhenDue(); steps += 1) slowly.due = 0;
    for (const prose of [slowly, whole]) prose.render();
    return { steps, same: slowly.drawing.node.innerHTML === whole.drawing.node.innerHTML };
}"""

OPEN = """async (text) => {
    const { Prose } = await import("/markdown.js");
    const prose = new Prose(document.createElement("div"), (n) => document.createTextNode(`<${n}>`));
    prose.append(text);
    prose.renderWhenDue();
    return prose.drawing.node.innerHTML;
}"""
CUT = """async (texts) => {
    const { Prose } = await import("/markdown.js");
    const make = () => new Prose(document.createElement("div"), (n) => document.createTextNode(`<${n}>`));
    return texts.filter((pieces) => {
        const [growing, whole, named] = [make(), make(), make()];
        for (const piece of pieces) {
            growing.append(piece);
            growing.due = 0;
            growing.renderWhenDue();
        }
        growing.render();
        whole.append(pieces.join(""));
        whole.render();
        named.append(pieces.slice(1).join(""));
        named.render();
        named.annotate(pieces.join(""));
        return [growing, named].some(({ drawing }) => drawing.node.innerHTML !== whole.drawing.node.innerHTML);
    });
}"""
SELECT = """async (text) => {
    const { Prose } = await import("/markdown.js");
    const node = document.body.appendChild(document.createElement("div"));
    const cite = () => Object.assign(document.createElement("button"), { className: "cite" });
    const prose = new Prose(node, cite);
    const grow = (piece) => { prose.append(piece); prose.due = 0; prose.renderWhenDue(); };
    grow(text);
    const button = node.querySelector(".cite");
    const [words] = [...node.querySelector("p").childNodes].filter(({ data }) => data?.includes("이 문장"));
    getSelection().setBaseAndExtent(words, words.data.indexOf("이"), words, words.data.indexOf("은"));
    for (const piece of [" 더", "*", "* 뒤 ", "`코드`", "\\n다음 줄\\n\\n", "다음 문단"]) grow(piece);
    prose.render();
    const kept = [getSelection().toString(), button === node.querySelector(".cite")];
    node.remove();
    return kept;
}"""
KOREAN = [
    "**굵은 글**은 ",
    "\n\n",
    "\n- **항목**: ",
    "\n- a" * 120,
    "\n1. b" * 120,
    "긴 문장 **하나**. " * 300,
    "\n| a | b |\n|-|-:|" + "\n| c | *d* |" * 120,
    "\n  - 안쪽 ",
    "`코드`",
    "[링크](https://a.example)",
    "[1]",
    "끝.\n",
    "\n> 인용 ",
]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """Give a page that is empty but for the modules; no server runs."""
    page = browser.new_page()
    page.route(f"{SITE}/**", send_file)
    page.goto(SITE)
    yield page
    page.close()


def send_file(route: Route) -> None:
    name = route.request.url.removeprefix(f"{SITE}/")
    if name:
        route.fulfill(path=STATIC / name, content_type="text/javascript; charset=utf-8")
    else:
        route.fulfill(body=SHELL, content_type="text/html")


class Timed:
    """A `Timed` runs scripts in a page and measures what its thread computes. What the machine does besides is not
    counted."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable")

    def run(self, script: str, argument: object) -> tuple[float, Any]:
        """Run a script, and return the milliseconds and what it says."""
        began = self._computed()
        said = self._page.evaluate(script, argument)
        return self._computed() - began, said

    def least(self, script: str, argument: object, bound: float) -> float:
        """Return the fewest milliseconds of some tries, or of the first one that is within the bound."""
        times: list[float] = []
        while len(times) < TRIES and min(times, default=bound) >= bound:
            times.append(self.run(script, argument)[0])
        return min(times)

    def _computed(self) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return next(float(metric["value"]) * 1000 for metric in metrics if metric["name"] == "ThreadTime")


@pytest.fixture(scope="module")
def timed(page: Page) -> Timed:
    return Timed(page)


FOUND = list(expressions_of_the_page())


def tried(page: Page, source: str, flags: str, hangs: int = HANGS_MS) -> Any:
    """Return the milliseconds that the hardest text takes, and that text. It is `hangs` if the text comes to no end
    before."""
    return page.evaluate(TRY_PATTERN, [source, flags, attacks(source), BOUND_MS, hangs])


@pytest.mark.parametrize(("file", "source", "flags"), FOUND, ids=[f"{file}:{source}" for file, source, _ in FOUND])
def test_every_pattern_of_the_page_takes_linear_time(page: Page, file: str, source: str, flags: str) -> None:
    took, attack = tried(page, source, flags)
    assert took < BOUND_MS, attack


@pytest.mark.parametrize(
    ("source", "flags"),
    [
        (r"^ *(`{3,}|~{3,}) *([^\s`]*)[^`]*$", ""),
        (r"^ .*[^ ].* $", ""),
        (r"^(?:\w+\s?)+:", ""),
        (r"<!--.*?-->", "gs"),
        (r"^(?:a|aa|a[a-z])+!", ""),
    ],
)
def test_a_slow_pattern_is_found(page: Page, source: str, flags: str) -> None:
    assert tried(page, source, flags, hangs=8 * BOUND_MS)[0] > BOUND_MS


def test_the_patterns_of_markdown_are_among_those_tried() -> None:
    assert {"blocks.js", "highlight.js", "inline.js", "sources.js"} <= {file for file, _, _ in FOUND}
    sources = [source for _, source, _ in FOUND]
    assert sum(path.read_text().count("RegExp(") for path in STATIC.glob("*.js")) == 0
    assert {r"`+", r"^ {0,3}> ?", r"(?<!\\)\|"} <= set(sources)


@pytest.mark.parametrize("piece", PIECES)
def test_a_block_and_a_line_are_read_in_linear_time(timed: Timed, piece: str) -> None:
    for text in (piece * ((64 << 10) // len(piece)), f"a {piece * ((64 << 10) // len(piece))}\x01"):
        assert timed.least(PARSE, text, BOUND_MS) < BOUND_MS
        assert timed.least(INLINE, text, BOUND_MS) < BOUND_MS


@pytest.mark.parametrize("text", UNEVEN, ids=[text[:12] for text in UNEVEN])
def test_texts_that_grow_unevenly_are_read_in_linear_time(timed: Timed, text: str) -> None:
    assert timed.least(PARSE, text, BOUND_MS) < BOUND_MS
    assert timed.least(INLINE, text, BOUND_MS) < BOUND_MS


@pytest.mark.parametrize("piece", [*PIECES[:40], "*a* ", "[1] ", "a\n"])
def test_two_hundred_kilobytes_of_anything_are_shown(timed: Timed, piece: str) -> None:
    assert timed.run(SHOW, piece * (200_000 // len(piece)))[0] < WHOLE_MS


@pytest.mark.parametrize("text", UNEVEN, ids=[text[:12] for text in UNEVEN])
def test_texts_that_grow_unevenly_are_shown(timed: Timed, text: str) -> None:
    assert timed.run(SHOW, text)[0] < WHOLE_MS


@pytest.mark.parametrize(
    "piece", ["- item\n", "word ", "```\ncode\n", "| a | b |\n", "# a\n", "[", "> a\n", "가나다 **라** "]
)
def test_an_answer_that_comes_in_pieces_costs_what_its_length_does(timed: Timed, piece: str) -> None:
    took, same = timed.run(STREAM, [piece, (64 << 10) // len(piece)])
    assert same
    assert took < WHOLE_MS


@pytest.mark.parametrize(("text", "numbers"), CASES)
def test_the_page_and_the_service_agree_on_what_a_citation_is(page: Page, text: str, numbers: list[int]) -> None:
    assert page.evaluate(SHOW, text)["cited"] == numbers


def test_the_pattern_of_the_page_takes_what_that_of_the_service_takes(page: Page) -> None:
    choices, signs = random.Random(7).choices, [*"[]［］【】1２,、 a_\\(가", "[1]"]
    texts = ["".join(choices(signs, k=20)) for _ in range(3000)]
    found = page.evaluate(
        """async (texts) => {
            const { MARKER } = await import("/markers.js");
            return texts.map((text) => Array.from(text.matchAll(MARKER), ({ 0: marker, index }) => [index, marker]));
        }""",
        texts,
    )
    assert found == [[[marker.start(), marker[0]] for marker in MARKER.finditer(text)] for text in texts]


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("[a](https://b.example) c", '<p><a href="https://b.example/"'),
        ("[a [b] c](https://d.example)", ">a [b] c</a>"),
        ("[[a](https://b.example)](https://c.example)", 'href="https://c.example/"'),
        ("[a [b](https://c.example)", "[a <a href"),
        ("[[[a]]](https://b.example)", "[[[a]]]("),
        (r"[a\]b](https://c.example)", ">a]b</a>"),
        ('[a](<https://b.example> "title")', 'href="https://b.example/"'),
        ("![a](https://b.example/a.png)", ">a</a>"),
        ("[a](javascript:alert(1))", "<span>a</span>"),
        ("a[1] and [x]", "a[1] and [x]"),
        ("***a***", "<em><strong>a</strong></em>"),
        ("` a ` and `  `", "<code>a</code> and <code>  </code>"),
        ("*a **b** c*", "<em>a <strong>b</strong> c</em>"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("```python x\ncode\n```", "<span>python</span>"),
        ("~~~\ncode ` here\n~~~\nb", "code ` here"),
        ("| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 |", "<tr><td>3</td></tr>"),
        ("- a\n\n  b\n- c", "<li>c</li>"),
        ("```js\nlet a = 1; // 가\n```", "<span>let</span> a = <span>1</span>; <span>// 가</span>"),
        ("```\nlet a = 1\n```", "<code><span>let a = 1</span></code>"),
    ],
)
def test_markdown_is_what_it_was_taken_for(page: Page, text: str, markup: str) -> None:
    shown = re.sub(r' (?:class|title|rel|target)="[^"]*"', "", page.evaluate(SHOW, text)["markup"])
    assert markup in shown


@pytest.mark.parametrize(
    ("label", "target", "place"),
    [
        ("https://bank.com", "https://evil.example", "evil.example"),
        ("https://www.bank.com/login?a=b", "http://evil.example:8080/bank.com", "evil.example"),
        ("로그인 bank.com", "https://evil.example", "evil.example"),
        ("https://bank.com.evil.example", "https://evil.example", "evil.example"),
        ("https://evil.example@bank.com", "https://evil.example", "evil.example"),
        ("https://ba**nk**.com", "https://evil.example", "evil.example"),
        ("`bank.com`", "https://evil.example", "evil.example"),
        ("ba\u200bnk\u2024com", "https://evil.example", "evil.example"),
        ("b\u0430nk.com", "https://bank.com", "bank.com"),
        ("\u202emoc.knab", "https://evil.example", "evil.example"),
        ("bank\u3002com/login", "https://evil.example", "evil.example"),
        ("bank\uff61com", "https://evil.example", "evil.example"),
        ("//bank.com/login", "https://evil.example", "evil.example"),
        ("127.0.0.1", "https://evil.example", "evil.example"),
        ("help@bank.com", "mailto:help@evil.example", "help@evil.example"),
        ("https://bank.com", "https://bank.com/login", ""),
        ("https://www.bank.com/a.pdf", "https://bank.com/a.pdf", ""),
        ("bank.com", "https://login.bank.com/", ""),
        ("help@bank.com", "mailto:help@bank.com?subject=a", ""),
        ("이용 안내 2.0", "https://evil.example", ""),
    ],
)
def test_a_link_whose_label_names_another_host_shows_where_it_leads(
    page: Page, label: str, target: str, place: str
) -> None:
    markup = page.evaluate(SHOW, f"[{label}]({target})")["markup"]
    assert (f"</bdi> ({place})</a>" in markup) is bool(place)
    assert ("(" in markup) is bool(place)


def test_a_bare_address_in_letters_that_look_like_others_shows_what_its_host_is_written_as(page: Page) -> None:
    assert "</bdi> (xn--bnk-6cd.com)</a>" in page.evaluate(SHOW, "https://b\u0430nk.com/login")["markup"]
    assert "(" not in page.evaluate(SHOW, "https://BANK.com:8080/a.pdf, http://[::1]/a.b")["markup"]


@pytest.mark.parametrize("text", ["https://bank.com@evil.example/", "[a](https://a:b@evil.example)"])
def test_an_address_with_a_name_before_the_host_is_no_link(page: Page, text: str) -> None:
    assert "href" not in page.evaluate(SHOW, text)["markup"]


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("속도는 $v_1 * t_1$ 이고 *빠름*", "<code>$v_1 * t_1$</code> 이고 <em>빠름</em>"),
        ("$$a_1 [1] a_2$$ b", "<code>$$a_1 [1] a_2$$</code> b"),
        (r"\(x_1 * y_1 * z\)에서", r"<code>\(x_1 * y_1 * z\)</code>에서"),
        (r"so \[a*b*c\] is", r"so <code>\[a*b*c\]</code> is"),
        ("$$\n- a_1\n+ b_1 &= c*d*e\n$$\n뒤", "<code>$$\n- a_1\n+ b_1 &amp;= c*d*e\n$$</code></pre><p>뒤</p>"),
        ("앞\n\\[\n= a_1\n\\]", '<p>앞</p><pre tabindex="0"><code>\\[\n= a_1\n\\]</code></pre>'),
        ("$$\nx\n\n*b*", "<code>$$\nx</code></pre><p><em>b</em></p>"),
        ("It costs $5 or *$10*.", "It costs $5 or <em>$10</em>."),
        ("US$100와 US$200", "<p>US$100와 US$200</p>"),
        (r"a \$5 b$", "<p>a $5 b$</p>"),
        (r"\(주\) 가나 \[1\]", "<p>(주) 가나 [1]</p>"),
        ("`$x$`", "<code>$x$</code>"),
        ("$ a $ and $$$$", "<p>$ a $ and $$$$</p>"),
    ],
)
def test_mathematics_is_left_exactly_as_it_was_written(page: Page, text: str, markup: str) -> None:
    assert markup in page.evaluate(SHOW, text)["markup"].replace(' class="math"', "")


GROWN = [
    "앞 문장\n\n| 이름 | 값 |\n|:---|---:|\n| 가 | 1 |\n| 나 | 2 |\n\n뒤",
    "| a | b |\n|---|---|\n" + "| c | d |\n" * 4 + "끝 *강조*",
    "1. 하나\n   - 안쪽\n2. 둘\n\n   이어서\n 3. 셋\n- 다른\n- 목록\n---\n끝",
    "```py\n" + 'x = 1  # 가\n"""a' * 64 + "\n``\n```\n뒤",
    "글\n$$\n- a\n- b\n$$\n글 $a_1$ 끝",
    "- a\n- b | c\n\n| d\n| e\n-",
    "> | a |\n> |---|\n> | b |\n\n* * *\n* a\n* *",
]


@pytest.mark.parametrize("text", GROWN, ids=[text[:8] for text in GROWN])
def test_an_answer_that_grew_sign_by_sign_is_the_same_as_at_once(page: Page, text: str) -> None:
    shown = page.evaluate(GROW, text)
    assert shown["grown"] == shown["whole"]


@pytest.mark.parametrize("text", GROWN[:2], ids=["after text", "first"])
def test_a_table_is_never_shown_as_raw_marks_while_it_comes(page: Page, text: str) -> None:
    assert not [stage for stage in page.evaluate(GROW, text)["stages"] if "|" in stage]


@pytest.mark.parametrize(
    ("begin", "piece", "selector"),
    [
        ("| a | b |\n|---|---|\n", "| c | d |\n", "tbody tr"),
        ("", "- 항목\n", "li"),
        ("```js\n", "let a = 1;\n", ".chunk"),
        ("", "문단\n\n", "p"),
    ],
)
def test_what_cannot_change_any_more_is_not_made_again(page: Page, begin: str, piece: str, selector: str) -> None:
    shown = page.evaluate(KEEP, [begin, piece, selector])
    assert shown["kept"]
    assert shown["made"] < 80


@pytest.mark.parametrize("piece", ["문단 **하나**\n\n", "| a | b |\n|---|---|\n", "낱말 ", "- 항목\n"])
def test_a_burst_is_shown_in_steps(page: Page, piece: str) -> None:
    shown = page.evaluate(BURST, piece * (100_000 // len(piece)))
    assert shown["same"]
    assert shown["steps"] > 8


FINISHED = [
    "**제목**은 *기울임*과 `코드`, [문서](https://a.example/b_c)와 [1][2, 3]입니다. ~~지움~~ 끝",
    "**bold so far** and ***both*** then [a link](https://a.example/x) end, see [1].\nnext *line*",
    "수식 $v_1 * t_1$와 \\(x_1 * y\\)는 **굵은 `코드`와 [링크](https://a.example)** 뒤",
    "5 * 3 = 15, 2*3 = 6, snake_case_name 그리고 $5 or $10",
    "- **하나**: 설명\n- `둘`: 설명\n  - *안쪽* [3]\n\n1. **첫째**\n2. 둘째\n\n> **인용**은 이렇게\n\n**뒤**에",
    "| **이름** | 값 |\n|---|--:|\n| `가` | **1** |\n| [나](https://a.example) | 2 [1] |\n\n## **소제목**\n뒤",
    "앞 ![그림](https://a.example/c.png) 뒤",
]


@pytest.mark.parametrize("text", FINISHED, ids=[text[:8] for text in FINISHED])
def test_what_is_shown_only_grows_while_the_marks_of_a_text_come(page: Page, text: str) -> None:
    shown = page.evaluate(GROW, text)
    stages = [*shown["stages"], re.sub(r"<[^>]*>", "", shown["whole"])]
    changed = [(one, other) for one, other in pairwise(stages) if not other.startswith(one)]
    assert changed == []


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("**bold so f", "<strong>bold so f</strong>"),
        ("**제목*", "<strong>제목</strong>"),
        ("앞 ***둘 다", "앞 <em><strong>둘 다</strong></em>"),
        ("앞 **굵은 *기울", "앞 <strong>굵은 <em>기울</em></strong>"),
        ("앞 [text](htt", "앞 <span>text</span>"),
        ("앞 [te", "앞 te"),
        ("앞 ![그림](htt", "앞 "),
        ("앞 [1, ", "앞 "),
        ("앞 `코드 so", "앞 <code>코드 so</code>"),
        ("값 $v_1 * t", "값 <code>$v_1 * t</code>"),
        ("값은 $5 or", "값은 $5 or"),
        ("2*3 and 4", "2*3 and 4"),
        ("a **", "a "),
        ("줄<b", "줄"),
        ("- **항목", "<ul><li><strong>항목</strong></li></ul>"),
        ("| a |\n|---|\n| **b", "<td><strong>b</strong></td>"),
        ("> *a", "<blockquote><p><em>a</em></p></blockquote>"),
        ("글\n\n**", "<p>글</p>"),
    ],
)
def test_an_open_mark_is_shown_as_what_it_will_probably_be(page: Page, text: str, markup: str) -> None:
    shown = re.sub(r' (?:class|tabindex)="[^"]*"', "", page.evaluate(OPEN, text))
    assert markup in shown if markup.startswith("<") else shown == f"<p>{markup}</p>"


def test_any_text_in_any_pieces_becomes_what_it_is_at_once(page: Page) -> None:
    chance = random.Random(20)
    texts = [cut(chance) for _ in range(120)]
    assert page.evaluate(CUT, texts) == []


def cut(chance: random.Random) -> list[str]:
    """Return a text at random in pieces at random."""
    text = "".join(chance.choice([*PIECES, *KOREAN]) for _ in range(chance.randrange(4, 40)))
    cuts = sorted(chance.choices(range(len(text) + 1), k=chance.randrange(1, 30)))
    return [text[one:other] for one, other in pairwise([0, *cuts, len(text)])]


def test_a_selection_within_what_goes_on_survives(page: Page) -> None:
    assert page.evaluate(SELECT, "**굵은 글**과 이 문장은 [1] 계속 **이어지고") == ["이 문장", True]


@pytest.mark.parametrize(
    ("text", "tag"),
    [("긴 문장입니다. " * 2_000, "span"), ("- 항목\n" * 950, "ul"), ("| a |\n|-|\n" + "| b |\n" * 950, "div")],
)
def test_what_is_laid_out_as_a_whole_is_short(page: Page, text: str, tag: str) -> None:
    """The browser's time grows with the length of a paragraph, a list or a table."""
    markup = page.evaluate(SHOW, text)["markup"]
    pieces = markup.split(f"<{tag} class=")
    assert 2 < len(pieces) < 14
    assert max(map(len, pieces)) < 8_000


def test_hostile_markdown_becomes_no_element_that_acts(page: Page) -> None:
    text = (
        "<img src=x onerror=alert(1)> [a](javascript:alert(1)) [b](data:text/html,x) "
        "![c](https://example.org/c.png) <b>d</b>"
    )
    markup = page.evaluate(SHOW, text)["markup"]
    assert re.findall(r"<(\w+)", markup) == ["p", "span", "span", "a"]
    assert re.findall(r'href="([^"]*)"', markup) == ["https://example.org/c.png"]


@pytest.mark.parametrize(
    "markdown",
    [
        "**굵게**는 *기울임* 그리고 `코드`와 [1], [2, 3]\n둘째 줄",
        "1. 하나\n   - 안쪽\n     - 더 안쪽\n2. 둘\n\n   이어서\n\n3. 셋\n\n끝",
        "| 가 | 나 |\n| --- | --: |\n| 1 | 2 |\n\n> 인용\n> - 목록\n\n```py\nx = 1\n\n```\n뒤",
        "# 제목\n글\n## 작은 제목\n- a\n\n- b\n\n---\n```\n닫히지 않은",
    ],
)
def test_markdown_that_grew_letter_by_letter_is_the_same_as_at_once(page: Page, markdown: str) -> None:
    grown, whole = page.evaluate(
        """async (text) => {
            const { Prose } = await import("/markdown.js");
            const shown = (pieces) => {
                const node = document.createElement("div");
                const prose = new Prose(node, (n) => document.createTextNode(`<${n}>`));
                for (const piece of pieces) { prose.append(piece); prose.render(); }
                return node.outerHTML;
            };
            return [shown([...text]), shown([text])];
        }""",
        markdown,
    )
    assert grown == whole
