"""From an answer back to its sources: which numbers, links and annotations become which references."""

import time

import pytest

from qa_service.citing import LOOKED_AT, Placed, collect_references, is_web_address
from qa_service.frames import Reference
from qa_service.model import Annotation, Passage

PASSAGES = tuple(
    Passage(f"f{n}", f"file{n}.pdf", text, page=n, n=n)
    for n, text in enumerate(
        [
            "The fee is ten dollars. Children under six ride free.",
            "요금은 만 원입니다. 여섯 살 미만 어린이는 무료입니다.",
            "Dogs must be kept on a leash.",
        ],
        1,
    )
)


def cited(text: str, *annotations: Annotation) -> tuple[Reference, ...]:
    """The references of an answer; annotations stand at its end."""
    return collect_references(text, PASSAGES, [Placed(len(text), annotation) for annotation in annotations], "chat")


def numbers(text: str) -> list[int]:
    return [reference.n for reference in cited(text)]


def urls(text: str) -> list[str]:
    return [reference.url for reference in cited(text)]


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("It is ten [1].", [1]),
            ("It is ten. [1]", [1]),
            ("It is ten [1, 2].", [1, 2]),
            ("It is ten [1,2].", [1, 2]),
            ("It is ten [1][2].", [1, 2]),
            ("It is ten [1] [2].", [1, 2]),
            ("요금은 만 원입니다[2].", [2]),
            ("요금은 만 원입니다 [2].", [2]),
            ("요금은 만 원입니다.[2][1]", [2, 1]),
            ("First [3], then [1], then [3].", [3, 1]),
            ("It takes ten days[2].", [2]),
            ("In 2024[1] it rose.", [1]),
            ("[1]", [1]),
        ],
    )
    def test_printed_ones_are_references_in_order_of_first_citation(self, text: str, expected: list[int]) -> None:
        assert numbers(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "Take `[1]` literally.",
            "Take\n```\nx = [1]\n```\nliterally.",
            "Take\n```python\nx = [1]",
            "The first is a[1].",
            "The first is f(x)[a][1].",
            "The first is rows_[1].",
            "See [1](https://example.com).",
            "Nobody said [4] or [0].",
            "In the year [2026] nothing.",
            "Options [] and [x] and [1.5].",
            "Nothing at all.",
            "",
        ],
    )
    def test_what_only_looks_like_one_is_not(self, text: str) -> None:
        assert [reference.n for reference in cited(text) if reference.kind == "document"] == []

    def test_one_beside_code_still_counts(self) -> None:
        assert numbers("Use `a[1]` as told [3].") == [3]

    def test_an_unknown_one_beside_a_known_one_is_passed_over(self) -> None:
        assert numbers("So it is [1, 9].") == [1]


class TestDocuments:
    def test_they_say_where_they_stand(self) -> None:
        (reference,) = cited("It is ten [1].")
        assert reference == Reference(
            1,
            "document",
            title="file1.pdf",
            url="sessions/chat/files/f1/pages/1",
            document_id="f1",
            file="file1.pdf",
            page=1,
            quote="The fee is ten dollars.",
        )

    def test_a_kind_without_pages_has_a_section_instead(self) -> None:
        passage = Passage("f", "notes.md", "Dogs bark.", section="Animals", paged=False, n=1)
        (reference,) = collect_references("They bark [1].", (passage,), (), "chat")
        assert (reference.page, reference.section) == (None, "Animals")
        assert reference.url == "sessions/chat/files/f/pages/1"

    @pytest.mark.parametrize(
        ("text", "quote"),
        [
            ("The fee is ten dollars [1].", "The fee is ten dollars."),
            ("Children under six ride free. [1]", "Children under six ride free."),
            ("The fee is high. Children under six don't pay [1].", "Children under six ride free."),
            ("요금은 만 원이에요 [2].", "요금은 만 원입니다."),
            ("여섯 살 미만 어린이는 공짜예요. [2]", "여섯 살 미만 어린이는 무료입니다."),
            ("- dogs on a leash [3]\n- children under six [1]", "Children under six ride free."),
        ],
    )
    def test_the_quote_is_what_says_most_of_the_citing_sentence(self, text: str, quote: str) -> None:
        assert cited(text)[-1].quote == quote

    @pytest.mark.parametrize("text", ["Nothing shared [1][2][3].", "개는 목줄 [3], 요금은 [2].", "[1]"])
    def test_the_quote_stands_in_the_passage(self, text: str) -> None:
        passages = {passage.n: passage.text for passage in PASSAGES}
        found = cited(text)
        assert found
        assert all(reference.quote and reference.quote in passages[reference.n] for reference in found)

    def test_a_quote_is_short(self) -> None:
        passage = Passage("f", "long.txt", "word " * 200, n=1)
        (reference,) = collect_references("A word [1].", (passage,), (), "chat")
        assert reference.quote
        assert len(reference.quote) <= 300
        assert reference.quote in passage.text


class TestLinks:
    def test_they_take_the_numbers_after_those_printed(self) -> None:
        found = cited("At [the shop](https://shop.example/a) it is ten [2].")
        assert [(reference.n, reference.kind) for reference in found] == [(3, "url"), (2, "document")]

    def test_a_links_words_are_its_title(self) -> None:
        (reference,) = cited("See [the shop](https://shop.example/a).")
        assert (reference.title, reference.url) == ("the shop", "https://shop.example/a")

    def test_a_bare_address_is_titled_by_its_host(self) -> None:
        (reference,) = cited("See https://www.example.com/a?b=1.")
        assert (reference.title, reference.url) == ("www.example.com", "https://www.example.com/a?b=1")

    def test_each_address_is_one_reference(self) -> None:
        text = "See [the shop](https://a.example) and https://a.example, https://b.example."
        assert [(reference.n, reference.url) for reference in cited(text)] == [
            (1, "https://a.example"),
            (2, "https://b.example"),
        ]

    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ("(https://example.com/a)", "https://example.com/a"),
            ("https://example.com/a, and", "https://example.com/a"),
            ("https://example.com/a...", "https://example.com/a"),
            ("Is it https://example.com/a?", "https://example.com/a"),
            ("**https://example.com/a**", "https://example.com/a"),
            ("<https://example.com/a>", "https://example.com/a"),
            ('"https://example.com/a"', "https://example.com/a"),
            ("“https://example.com/a”라고", "https://example.com/a"),
            ("https://en.wikipedia.org/wiki/Sky_(colour).", "https://en.wikipedia.org/wiki/Sky_(colour)"),
            ("[sky](https://en.wikipedia.org/wiki/Sky_(colour))", "https://en.wikipedia.org/wiki/Sky_(colour)"),
            ("https://example.com/a에서 보세요", "https://example.com/a"),
            ("https://example.com/a입니다.", "https://example.com/a"),
            ("https://example.com/을 보세요", "https://example.com/"),
            ("https://example.com으로 가세요", "https://example.com"),
            ("https://ko.wikipedia.org/wiki/서울", "https://ko.wikipedia.org/wiki/서울"),
            ("https://example.com/a。그리고", "https://example.com/a"),
            ("https://example.com：설명", "https://example.com"),
            ("（https://example.com）", "https://example.com"),
        ],
    )
    def test_an_address_ends_where_a_reader_would_end_it(self, text: str, url: str) -> None:
        assert urls(text) == [url]

    @pytest.mark.parametrize("text", ["https://x([)", "https://example.com℀", "[a](https://[::1)", "http://?a"])
    def test_what_a_browser_could_not_open_is_none(self, text: str) -> None:
        assert cited(text) == ()

    @pytest.mark.parametrize("text", ["`https://example.com`", "```\nhttps://example.com\n```", "ftp://example.com"])
    def test_an_address_in_code_or_of_another_kind_is_none(self, text: str) -> None:
        assert urls(text) == []


class TestAnnotations:
    def test_an_annotations_title_wins(self) -> None:
        note = Annotation("url", title="Official", url="https://a.example")
        for text in ("See [here](https://a.example).", "See https://a.example.", "See above."):
            assert [(r.n, r.title, r.url) for r in cited(text, note)] == [(1, "Official", "https://a.example")]

    def test_one_without_a_title_is_named_by_its_host(self) -> None:
        (reference,) = cited("So.", Annotation("url", url="https://a.example/x"))
        assert reference.title == "a.example"

    def test_they_are_ordered_by_where_they_stand(self) -> None:
        early = Placed(3, Annotation("url", url="https://early.example"))
        found = collect_references("So. And https://late.example too.", (), [early], "chat")
        assert [reference.url for reference in found] == ["https://early.example", "https://late.example"]

    def test_a_files_is_a_document_with_the_next_free_number(self) -> None:
        note = Annotation("document", document_id="file-7", file="base.pdf", quote="Known.", page=3)
        found = cited("It is ten [2].", note, note)
        assert found[1:] == (
            Reference(3, "document", title="base.pdf", document_id="file-7", file="base.pdf", page=3, quote="Known."),
        )

    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            "JavaScript://example.com/%0aalert(1)",
            "java\nscript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "ftp://example.com/a",
            "file:///etc/passwd",
            "mailto:ann@example.com",
            "//example.com",
            "/ask?question=x",
            "example.com",
            "https:",
            "https:///a",
            "https:example.com",
            "https://[::1",
            "https://example.com℀",
            "https://example.com/a b",
            " https://example.com",
            "https://exa\tmple.com",
            "https://example.com/\u202egnp.exe",
            f"https://example.com/{'a' * 5000}",
            "",
        ],
    )
    def test_only_web_addresses_are_references(self, url: str) -> None:
        assert not is_web_address(url)
        assert collect_references("So.", (), [Placed(0, Annotation("url", title="Click", url=url))], "chat") == ()

    @pytest.mark.parametrize(
        "url", ["https://a.example", "HTTP://A.example:8080/?q=환불#1", "https://[::1]/a", "https://한글.kr"]
    )
    def test_web_addresses_of_any_form_are_references(self, url: str) -> None:
        (reference,) = collect_references("So.", (), [Placed(0, Annotation("url", url=url))], "chat")
        assert reference.url == url

    def test_one_that_is_no_address_takes_no_number(self) -> None:
        found = cited("So.", Annotation("url", url="ftp://a.example"), Annotation("url", url="https://b.example"))
        assert [(reference.n, reference.url) for reference in found] == [(1, "https://b.example")]

    def test_what_it_does_not_know_is_left_out(self) -> None:
        (reference,) = cited("So.", Annotation("document", title="Base", document_id="file-7"))
        assert reference == Reference(1, "document", title="Base", document_id="file-7")


class TestBounds:
    @pytest.mark.parametrize(
        "piece",
        [
            "[1]",
            "[1, ",
            "[{n}] ",
            "[a](",
            "https://a.example/(",
            "https://a.b.",
            "가https://a.에서",
            "`",
            "[[",
            "1.\n",
            "들이",
            "https://a{n}.b ",
            "[a](https://a{n}.b) ",
            "https://a.b/{n}에서의 ",
            "［{n}］",
            "``{n} ",
        ],
    )
    def test_the_longest_answer_costs_little(self, piece: str) -> None:
        text = "".join(piece.format(n=n) for n in range(4_000_000 // len(piece)))
        notes = [Placed(n, Annotation("url", url=f"https://example.com/{n}")) for n in range(3_000)]
        began = time.thread_time()
        collect_references(text, PASSAGES, notes, "chat")
        assert time.thread_time() - began < 0.5

    def test_what_stands_beyond_the_bound_is_not_cited(self) -> None:
        assert numbers(f"It is ten [1]. {'word ' * (LOOKED_AT // 5)} [2]") == [1]

    def test_of_very_many_sources_the_first_are_kept(self) -> None:
        found = cited(" ".join(f"https://example.com/{n}" for n in range(1_000)))
        assert [reference.n for reference in found] == list(range(1, 201))
