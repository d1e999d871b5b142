"""The bytes of a file become reports."""

from collections.abc import Callable

import pytest

from qa_service.errors import Unreadable
from qa_service.file_news import FileText
from qa_service.files import reading
from qa_service.files.kinds import KINDS, load_reader, read_segments
from qa_service.files.report import FileReport
from qa_service.files.segment import RawFile
from qa_service.language.tokens import list_tokens
from qa_service.model import Passage, Place, UploadedFile, Verdict
from qa_service.retrieval.splitting import estimate_tokens
from tests import documents, pdfs

SENTENCES = "".join(f"제{n}조 근로자는 {n}일을 쉰다. Rule {n} covers {n * 7} cases.\n" for n in range(3_000))


def read(content: bytes, name: str = "a.txt") -> list[FileReport]:
    return list(reading.read_file(UploadedFile(name, "/nowhere", len(content)), content))


def texts(reports: list[FileReport]) -> list[FileText]:
    return [report.text for report in reports if report.text]


def passages(reports: list[FileReport]) -> list[Passage]:
    return [passage for text in texts(reports) for passage in text.passages]


def verdict(reports: list[FileReport]) -> Verdict:
    return reports[-1].verdict


def pdf_labelled(label: str) -> bytes:
    written = label.encode("utf-16-be", "surrogatepass").hex()
    return pdfs.pdf(pdfs.show("a"), catalog=f"/PageLabels<</Nums[0<</P<feff{written}>>>]>>")


class TestReports:
    def test_the_kind_is_told_before_anything_is_read(self) -> None:
        first = read(documents.pdf(["a"]), "a.txt")[0]

        assert first == FileReport(Verdict("a.txt", "pdf", "used"))

    def test_exactly_the_last_report_says_so(self) -> None:
        assert [report.last for report in read(SENTENCES.encode())][-2:] == [False, True]
        assert sum(report.last for report in read(b"")) == 1

    def test_pages_are_counted_as_they_go(self) -> None:
        reports = read(documents.pdf(["가", "나", "다"]))

        assert [(r.progress.page, r.progress.pages) for r in reports if r.progress] == [(1, 3), (2, 3), (3, 3)]
        assert verdict(reports).pages == 3

    def test_a_long_file_tells_of_a_hundred_pages_at_most(self) -> None:
        reports = read(documents.pdf(["가"] * 250))

        assert [r.progress.page for r in reports if r.progress][-1] == 250
        assert sum(r.progress is not None for r in reports) == 100

    @pytest.mark.parametrize(
        ("content", "name", "place"),
        [
            (pdf_labelled("\u202e1\n2\0\u202c"), "a.pdf", Place(label="1 2")),
            (pdf_labelled("x" * 1_000), "a.pdf", Place(label="x" * 300)),
            (documents.zipped({"\u202egnp.\n1.txt": b"a"}), "a.zip", Place(part="gnp. 1.txt")),
        ],
    )
    def test_a_name_in_a_file_is_one_short_line_that_shows_all_it_has(
        self, content: bytes, name: str, place: Place
    ) -> None:
        assert [passage.place for passage in passages(read(content, name))] == [place]

    def test_a_page_whose_label_is_no_text_is_read_without_it(self) -> None:
        (passage,) = passages(read(pdf_labelled("\ud800x")))

        assert (passage.text, passage.place.label) == ("a", "")

    def test_a_heading_that_is_as_long_as_a_book_is_cut_for_the_passages_below_it(self) -> None:
        reports = read(f"# {'h ' * 20_000}\n\n{SENTENCES}".encode(), "a.md")

        assert {len(passage.section) for passage in passages(reports)} == {300}

    def test_passages_carry_their_page_and_place(self) -> None:
        (first, second) = passages(read(documents.pdf(["머리말", "본문"], roman=1)))

        assert first == Passage("", "a.txt", "머리말", page=1, place=Place(label="i"))
        assert second == Passage("", "a.txt", "본문", page=2, place=Place(label="1"))

    def test_kinds_without_pages_are_page_one_of_one(self) -> None:
        reports = read(b"# A\n1\n# B\n2\n", "a.md")

        assert [(p.page, p.section, p.paged) for p in passages(reports)] == [(1, "A", False), (1, "B", False)]
        assert verdict(reports).pages == sum(report.progress is not None for report in reports) == 1


class TestIndex:
    def test_words_lead_to_passages_numbered_over_the_whole_file(self) -> None:
        reports = read(SENTENCES.encode())
        found = passages(reports)

        held: dict[str, set[int]] = {}
        for text in texts(reports):
            for word, places in text.index.items():
                held.setdefault(word, set()).update(places[::2])
        for number, passage in enumerate(found):
            assert all(number in held[word] for word in list_tokens(passage.text))

    def test_each_part_says_where_it_begins(self) -> None:
        reports = read(SENTENCES.encode())

        number = 0
        for text in texts(reports):
            assert text.first == number
            number += len(text.passages)

    def test_parts_are_small(self) -> None:
        parts = texts(read(SENTENCES.encode())) + texts(read(b"same words again. " * 20_000))

        assert len(parts) > 5
        assert all(len(part.passages) <= 64 and len(part.index) < 2_000 for part in parts)

    def test_tokens_are_those_of_what_was_sent(self) -> None:
        reports = read(SENTENCES.encode())

        assert verdict(reports).tokens == sum(estimate_tokens(passage.text) for passage in passages(reports))


class TestBounds:
    def test_text_beyond_two_million_characters_is_left_out(self) -> None:
        reports = read(b"0123456789" * 250_000)

        assert (verdict(reports).status, verdict(reports).reason) == ("truncated", "too_large")
        assert sum(len(passage.text) for passage in passages(reports)) == 2_000_000

    def test_passages_beyond_the_bound_are_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "MOST_FILE_PASSAGES", 300)
        reports = read(b"# a\nx\n\n" * 400, "a.md")

        assert (verdict(reports).status, verdict(reports).reason) == ("truncated", "too_large")
        assert len(passages(reports)) == 300

    def test_pages_beyond_two_thousand_are_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "MOST_FILE_PAGES", 2)

        reports = read(documents.pdf(["가", "나", "다"]))

        assert verdict(reports) == Verdict("a.txt", "pdf", "truncated", "too_large", pages=2, tokens=2)


@pytest.mark.parametrize(
    ("make", "status", "reason"),
    [
        (lambda: b"", "skipped", "empty"),
        (lambda: b" \r\n\t ", "skipped", "empty"),
        (lambda: documents.word_package(""), "skipped", "empty"),
        (lambda: documents.scan(), "skipped", "no_text_layer"),
        (lambda: documents.ole("WordDocument"), "skipped", "unsupported"),
        (lambda: documents.ole("EncryptedPackage"), "failed", "encrypted"),
        (lambda: documents.pdf(["a"], password="key"), "failed", "encrypted"),
        (lambda: documents.bomb(), "failed", "too_large"),
        (lambda: documents.pdf(["a"])[:500], "failed", "damaged"),
        (lambda: documents.pdf_with_a_broken_page("Hello."), "partly", "damaged"),
        (lambda: pdfs.pdf("", ""), "skipped", "empty"),
        (lambda: pdfs.pdf(pdfs.show("Fee: 9 euros."), pdfs.PICTURE), "partly", "no_text_layer"),
        (
            lambda: pdfs.pdf("BT /F1 12 Tf 72 700 Td <0123045607890123> Tj ET", font=pdfs.NAMELESS),
            "skipped",
            "no_unicode",
        ),
        (lambda: b"hello", "used", None),
    ],
)
def test_every_file_gets_its_verdict(make: Callable[[], bytes], status: str, reason: str | None) -> None:
    found = verdict(read(make()))

    assert (found.status, found.reason) == (status, reason)


@pytest.mark.parametrize(("error", "reason"), [(MemoryError, "too_large"), (RecursionError, "damaged")])
def test_a_parser_that_runs_out_of_something_leaves_a_verdict(
    error: type[Exception], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_content: bytes) -> None:
        raise error

    monkeypatch.setattr("pypdfium2.PdfDocument.__init__", lambda _self, content: fail(content))

    assert verdict(read(b"%PDF-1.7")).reason == reason


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_in_the_table_has_a_reader(kind: str) -> None:
    assert callable(load_reader(kind))


def test_a_kind_that_is_not_in_the_table_is_unsupported() -> None:
    with pytest.raises(Unreadable, match="unsupported"):
        read_segments("doc", RawFile(b"PK"))


def test_the_verdict_names_the_pages_that_cannot_be_read() -> None:
    picture, text = pdfs.PICTURE, pdfs.show("A page of text.")

    found = verdict(read(pdfs.pdf(text, picture, "", picture + pdfs.show("- 4 -"), text)))

    assert (found.status, found.reason, found.unread_pages) == ("partly", "no_text_layer", (2, 4))
