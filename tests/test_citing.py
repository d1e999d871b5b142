"""From an answer back to its sources: which numbers, links and annotations become which references."""

import time
from collections.abc import Sequence
from unicodedata import normalize

import msgspec
import pytest

from qa_service.citing import MOST_CITES, SEARCHED_OF_ANSWER, Evidence, Placed, collect_references
from qa_service.deltas import Annotation
from qa_service.frames import Cite, Reference
from qa_service.links import identify_page, is_web_address
from qa_service.model import Passage

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


def cited(text: str, *annotations: Annotation, pages: Sequence[str] = (), trusts: bool = True) -> tuple[Reference, ...]:
    """Return the references of an answer at a site that trusts typed links. Annotations stand at its end."""
    placed = [Placed(len(text), annotation) for annotation in annotations]
    evidence = Evidence("chat", PASSAGES, placed, frozenset(map(identify_page, pages)), trusts)
    return collect_references(text, evidence)


def annotated(*placed: Placed) -> Evidence:
    """Return what upstream alone has named."""
    return Evidence("chat", annotations=placed, trusts_links=True)


def places(text: str, reference: Reference) -> list[str]:
    """Return what stands in the places of a source."""
    return [text[cite.start : cite.end] for cite in reference.cites]


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
            cites=(Cite(0, 9, "The fee is ten dollars."),),
        )

    def test_a_kind_without_pages_has_a_section_instead(self) -> None:
        passage = Passage("f", "notes.md", "Dogs bark.", section="Animals", paged=False, n=1)
        (reference,) = collect_references("They bark [1].", Evidence("chat", (passage,)))
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

    @pytest.mark.parametrize(
        ("passage", "claim", "quote"),
        [
            ("The weather is fine. A guaran-\ntee covers the battery.", "The guarantee [1].", "A guaran-\ntee covers"),
            ("The weather is fine. A guar\u00adantee covers it.", "The guarantee [1].", "A guar\u00adantee covers"),
            (
                normalize("NFD", "날씨가 좋다. 배송비는 고객이 부담한다."),
                "배송비 [1].",
                normalize("NFD", "배송비는 고객이"),
            ),
            ("날씨가 좋다. 배송비는 고객이 부담한다.", normalize("NFD", "고객의 배송비") + " [1].", "배송비는 고객이"),
            ("Weather ２０℃. Ｆｅｅ： １０,０００ won.", "The fee is 10,000 won [1].", "Ｆｅｅ： １０,０００"),
            ("날씨가 좋다. 개인정보보호책임자는 이사이다.", "개인정보 보호 책임자 [1].", "개인정보보호책임자는"),
            ("날씨가 좋다. 개인 정보 보호 책임자는 이사이다.", "개인정보보호책임자 [1].", "개인 정보 보호"),
        ],
        ids=["hyphenated", "soft hyphen", "decomposed", "decomposed claim", "full-width", "written apart", "together"],
    )
    def test_a_quote_is_found_in_whatever_form_it_is_written(self, passage: str, claim: str, quote: str) -> None:
        (found,) = collect_references(claim, Evidence("chat", (Passage("f", "a.pdf", passage, n=1),)))
        assert found.quote
        assert found.quote.startswith(quote)
        assert found.quote in passage

    def test_a_quote_is_short(self) -> None:
        passage = Passage("f", "long.txt", "word " * 200, n=1)
        (reference,) = collect_references("A word [1].", Evidence("chat", (passage,)))
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
        found = collect_references("So. And https://late.example too.", annotated(early))
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
        assert collect_references("So.", annotated(Placed(0, Annotation("url", title="Click", url=url)))) == ()

    @pytest.mark.parametrize(
        "url", ["https://a.example", "HTTP://A.example:8080/?q=환불#1", "https://[::1]/a", "https://한글.kr"]
    )
    def test_web_addresses_of_any_form_are_references(self, url: str) -> None:
        (reference,) = collect_references("So.", annotated(Placed(0, Annotation("url", url=url))))
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
    @pytest.mark.parametrize("trusts", [True, False])
    @pytest.mark.usefixtures("no_collections")
    def test_the_longest_answer_costs_little(self, piece: str, trusts: bool) -> None:
        begun = "".join(piece.format(n=n) for n in range(SEARCHED_OF_ANSWER // len(piece)))
        text = begun * (4_000_000 // len(begun))
        notes = [Placed(n, Annotation("url", url=f"https://example.com/{n}")) for n in range(3_000)]
        began = time.thread_time()
        collect_references(text, Evidence("chat", PASSAGES, notes, trusts_links=trusts))
        assert time.thread_time() - began < 0.5

    def test_what_stands_beyond_the_bound_is_not_cited(self) -> None:
        assert numbers(f"It is ten [1]. {'word ' * (SEARCHED_OF_ANSWER // 5)} [2]") == [1]

    def test_of_very_many_sources_the_first_are_kept(self) -> None:
        found = cited(" ".join(f"https://example.com/{n}" for n in range(1_000)))
        assert [reference.n for reference in found] == list(range(1, 201))

    def test_a_source_that_is_cited_very_often_has_the_first_places(self) -> None:
        text = " ".join(f"Fee {n} is ten dollars [1]." for n in range(1_000))
        (reference,) = cited(text)
        assert places(text, reference) == [f"Fee {n} is ten dollars" for n in range(MOST_CITES)]

    def test_its_frame_is_small_even_with_the_longest_quotes(self) -> None:
        passage = Passage("f", "긴글.txt", " ".join(f"{n}번 " + "가나다" * 120 for n in range(60)), n=1)
        text = " ".join(f"{n}번째 문장입니다 [1]." for n in range(200))
        (reference,) = collect_references(text, Evidence("chat", (passage,)))
        assert len(msgspec.json.encode(reference)) < 64 << 10


class TestPlaces:
    """Each place is what the number stands behind, counted in code points of the whole text."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("The fee is ten dollars [1].", ["The fee is ten dollars"]),
            ("The fee is ten dollars. [1] Dogs bark.", ["The fee is ten dollars."]),
            ("Dogs bark. Is it ten? Yes [1].", ["Yes"]),
            ("It is ten.[3][1] So.", ["It is ten."]),
            ("It is ten. [3] [1]", ["It is ten."]),
            ("It is ten [3, 1].", ["It is ten"]),
            ("😀 Ten 👍🏽. Six ride free 🚲 [1].", ["Six ride free 🚲"]),
            ("Mr. Kim pays $1.50 for it [1].", ["Mr. Kim pays $1.50 for it"]),
            ("A line\nthat goes on [1]", ["that goes on"]),
            ("- dogs bark\n- the fee is ten [1]\n- cats", ["the fee is ten"]),
            ("1. dogs\n2) **The fee** is ten [1]", ["**The fee** is ten"]),
            ("> ## Fees: ten [1]", ["Fees: ten"]),
            ("-1 is less than 10 [1]", ["-1 is less than 10"]),
            ("[1] The fee is ten.", ["The fee is ten."]),
            ("- [1] the fee\n- dogs", ["the fee"]),
            ("Ten [1]. Nine. Free [1]!", ["Ten", "Free"]),
            ("Ten [1] and free [1].", ["Ten", "Ten [1] and free"]),
            ("Ten [1][1].", ["Ten"]),
            ("`x[0]` is ten [1].", ["`x[0]` is ten"]),
        ],
    )
    def test_a_marker_closes_its_sentence(self, text: str, expected: list[str]) -> None:
        (reference,) = (reference for reference in cited(text) if reference.n == 1)
        assert places(text, reference) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("요금은 만 원입니다 [2].", ["요금은 만 원입니다"]),
            ("개는 안 됩니다. 요금은 만 원입니다.[2] 끝.", ["요금은 만 원입니다."]),
            (
                "요금은 만 원이고［２］ 아이는 무료예요【2】.",
                ["요금은 만 원이고", "요금은 만 원이고［２］ 아이는 무료예요"],
            ),
            ("料金は千円です。[2]子供は無料です。[2]", ["料金は千円です。", "子供は無料です。"]),
        ],
    )
    def test_a_place_is_found_in_any_script(self, text: str, expected: list[str]) -> None:
        (reference,) = cited(text)
        assert places(text, reference) == expected

    def test_a_marker_with_nothing_around_it_has_an_empty_place(self) -> None:
        (reference,) = cited("[1]")
        assert [(cite.start, cite.end) for cite in reference.cites] == [(3, 3)]

    @pytest.mark.parametrize(
        ("text", "quotes"),
        [
            (
                "It is ten dollars [1]. Children ride free [1].",
                ["The fee is ten dollars.", "Children under six ride free."],
            ),
            (
                "It is ten dollars [1], children ride free [1].",
                ["The fee is ten dollars.", "Children under six ride free."],
            ),
            (
                "Children ride free [1]; the fee is ten dollars [1].",
                ["Children under six ride free.", "The fee is ten dollars."],
            ),
            ("Those under seven ride [1].", ["Children under six ride free."]),
            ("어린이무료 [2].", ["여섯 살 미만 어린이는 무료입니다."]),
            ("어린이는 무료 [2]. 요금은 만 원 [2].", ["여섯 살 미만 어린이는 무료입니다.", "요금은 만 원입니다."]),
        ],
    )
    def test_two_claims_on_one_passage_open_two_sentences(self, text: str, quotes: list[str]) -> None:
        (reference,) = cited(text)
        assert [cite.quote for cite in reference.cites] == quotes
        assert reference.quote == quotes[0]

    def test_a_link_is_its_own_place(self) -> None:
        text = "😀 See [the shop](https://a.example/x) or https://a.example/x, please."
        (reference,) = cited(text)
        assert places(text, reference) == ["[the shop](https://a.example/x)", "https://a.example/x"]

    def test_of_a_link_and_the_annotation_around_it_the_wider_place_counts(self) -> None:
        text = "So it is. ([a.example](https://a.example)) Yes."
        (reference,) = cited(text, Annotation("url", url="https://a.example", span=(10, 42)))
        assert places(text, reference) == ["([a.example](https://a.example))"]

    def test_a_source_that_the_text_doesnt_name_stands_behind_the_claim_that_ends_there(self) -> None:
        text = "개는 짖습니다. 환불은 7일 안에 됩니다. 끝."
        notes = [Annotation("document", document_id="d", span=(at, at)) for at in (24, 23, 22, 0)]
        (reference,) = cited(text, *notes)
        assert places(text, reference) == ["환불은 7일 안에 됩니다."]

    def test_where_some_places_are_links_the_ends_of_claims_are_none(self) -> None:
        text = "One. [a](https://a.example) Two."
        notes = [Annotation("url", url="https://a.example", span=span) for span in ((5, 27), (32, 32))]
        assert places(text, cited(text, *notes)[0]) == ["[a](https://a.example)"]

    @pytest.mark.parametrize("span", [(0, 9), (-1, 2), (3, 1), (4, 4)])
    def test_a_place_outside_of_the_text_is_none(self, span: tuple[int, int]) -> None:
        assert cited("So.", Annotation("url", url="https://a.example", span=span))[0].cites == ()

    def test_an_annotation_without_a_place_has_none(self) -> None:
        assert cited("So.", Annotation("url", url="https://a.example"))[0].cites == ()


class TestTyped:
    """What a model only types may be made up."""

    TEXT = "See [a](https://a.example/x), https://b.example/y and [c](https://c.example/뉴스?id=1&utm_source=openai)."

    def test_a_link_that_no_tool_returned_is_no_reference(self) -> None:
        assert cited(self.TEXT, trusts=False) == ()

    def test_a_link_to_a_page_that_a_tool_returned_is_one(self) -> None:
        pages = ["https://b.example/y/", "https://c.example/%EB%89%B4%EC%8A%A4?id=1#top", "https://d.example"]
        found = cited(self.TEXT, pages=pages, trusts=False)
        assert [(source.n, source.title) for source in found] == [(1, "b.example"), (2, "c")]

    def test_another_page_of_the_same_site_is_none(self) -> None:
        assert (
            cited(
                self.TEXT, pages=["https://a.example/", "https://b.example/z", "https://c.example/뉴스"], trusts=False
            )
            == ()
        )

    def test_a_page_that_is_not_linked_is_none(self) -> None:
        assert cited("So it is.", pages=["https://a.example"], trusts=False) == ()

    def test_a_link_to_what_upstream_names_is_a_place_of_it(self) -> None:
        text = "[One](https://a.example/x?utm_source=openai) and again https://a.example/x."
        note = Annotation("url", title="A", url="https://a.example/x?utm_source=openai", span=(0, 44))
        (reference,) = cited(text, note, trusts=False)
        assert places(text, reference) == ["[One](https://a.example/x?utm_source=openai)", "https://a.example/x"]
        assert reference.title == "A"

    @pytest.mark.parametrize(
        ("text", "n"),
        [("So [1].", 2), ("So [7].", 1), ("So [1, 2][3].", 4), ("In `[1]` nothing.", 1), ("요금은 [2]［1］.", 3)],
    )
    def test_a_made_up_number_never_leads_to_a_source(self, text: str, n: int) -> None:
        note = Annotation("url", url="https://a.example")
        (reference,) = collect_references(text, annotated(Placed(3, note)))
        assert reference.n == n

    def test_a_number_that_upstream_has_given_to_a_page_leads_there(self) -> None:
        text = "요금은 만 원 [1]. 개는 안 됩니다 [3][2]. 끝 [1]. 또 [7]."
        notes = [Annotation("url", url=f"https://{name}.example", n=n) for n, name in enumerate("abc", 1)]
        found = collect_references(text, Evidence("chat", annotations=[Placed(len(text), note) for note in notes]))
        assert [(source.n, source.url) for source in found] == [
            (1, "https://a.example"),
            (3, "https://c.example"),
            (2, "https://b.example"),
        ]
        assert places(text, found[0]) == ["요금은 만 원", "끝"]

    def test_a_passage_keeps_its_number_where_upstream_gives_the_same_to_a_page(self) -> None:
        note = Annotation("url", url="https://a.example", n=1)
        assert [(source.n, source.kind) for source in cited("It is ten [1].", note)] == [(1, "document"), (2, "url")]

    def test_a_made_up_number_beside_true_ones_is_no_reference(self) -> None:
        found = cited("So [2] and [4].", Annotation("url", url="https://a.example"))
        assert [(source.n, source.kind) for source in found] == [(2, "document"), (3, "url")]
