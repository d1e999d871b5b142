"""A reading process reports through a pipe to its parent, which doesn't trust it."""

from io import BytesIO

import msgspec
import pytest
from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.file_news import FileProgress, FileText, ReadPicture
from qa_service.files import report
from qa_service.files.limits import LONGEST_PLACE_NAME, MOST_FILE_PAGES
from qa_service.files.parsed import (
    LONGEST_ADDRESS,
    LONGEST_DIRECTIVES,
    MOST_ABOVE,
    MOST_ADDRESSES,
    MOST_HREFS,
    MOST_PAGE_CHARACTERS,
    ListedAddresses,
    PageHints,
    PageSection,
    Parsed,
    WebPage,
)
from qa_service.files.report import FileReport, final_verdict, receive_parsed, receive_reports, write_message
from qa_service.files.segment import PICTURE_BYTES
from qa_service.model import FilePicture, Passage, Picture, Place, Verdict
from qa_service.retrieval.splitting import LONGEST_PASSAGE
from qa_service.search_interfaces import IMPACT_BITS
from tests import packages

VERDICT = Verdict("a.pdf", "pdf", "used", pages=2, tokens=9)
PASSAGE = Passage("", "a.pdf", "안녕\u2028", page=2)
TEXT = FileText((PASSAGE, PASSAGE), {"안녕": [0, 1, 1, 1]})
PNG = b"\x89PNG\r\n\x1a\n"
LARGEST = Picture("image/png", PNG + bytes(PICTURE_BYTES - len(PNG)))
REPORTS = [
    FileReport(VERDICT),
    FileReport(VERDICT, progress=FileProgress(1, 2)),
    FileReport(VERDICT, picture=ReadPicture(LARGEST, FilePicture(1, 100))),
    FileReport(VERDICT, text=TEXT, last=True),
]


def pipe(*messages: bytes) -> BytesIO:
    return BytesIO(b"".join(len(message).to_bytes(4) + message for message in messages))


def test_what_is_written_is_received() -> None:
    file = BytesIO()
    for sent in REPORTS:
        write_message(sent, file)
    file.seek(0)

    assert list(receive_reports(file)) == REPORTS


@pytest.mark.parametrize(
    "parsed",
    [
        Parsed(reason="no code"),
        Parsed(WebPage(title="a" * (LONGEST_PLACE_NAME + 1))),
        Parsed(WebPage(trail=("a",) * (MOST_ABOVE + 2))),
        Parsed(WebPage(sections=(PageSection(("a" * (LONGEST_PLACE_NAME + 1),), "", ()),))),
        Parsed(WebPage(sections=(PageSection((), "a" * (LONGEST_PLACE_NAME + 1), ()),))),
        Parsed(WebPage(sections=(PageSection((), "", ("a\0",)),))),
        Parsed(WebPage(sections=(PageSection((), "", ("a" * (MOST_PAGE_CHARACTERS + 1),)),))),
        Parsed(hints=PageHints(("a",) * (MOST_HREFS + 1))),
        Parsed(hints=PageHints(base="a" * (LONGEST_ADDRESS + 1))),
        Parsed(hints=PageHints(robots="a" * (LONGEST_DIRECTIVES + 1))),
        Parsed(listed=ListedAddresses(("a",) * (MOST_ADDRESSES + 1))),
        Parsed(listed=ListedAddresses(sitemaps=("a" * (LONGEST_ADDRESS + 1),))),
    ],
)
def test_what_no_page_gives_is_damage(parsed: Parsed) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        receive_parsed(pipe(msgspec.json.encode(parsed)))


def test_nothing_is_read_behind_the_last_report() -> None:
    file = pipe(msgspec.json.encode(REPORTS[-1]), b"and more")

    assert list(receive_reports(file)) == REPORTS[-1:]


@pytest.mark.parametrize("cut", range(1, 20, 6))
def test_a_pipe_cut_anywhere_ends_quietly(cut: int) -> None:
    assert list(receive_reports(BytesIO(pipe(msgspec.json.encode(REPORTS[0])).getvalue()[:-cut]))) == []


@pytest.mark.parametrize(
    "message",
    [
        b"no json",
        b"{}",
        b'{"verdict": 3}',
        b'"\xff"',
        b'{"verdict":{"name":"a","kind":"txt","status":"queued"}}',
        b'{"verdict":{"name":"a","kind":"txt","status":"used"},"more":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b" " * (report.LONGEST_MESSAGE + 1),
    ],
)
def test_what_is_no_report_is_damage(message: bytes) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        list(receive_reports(pipe(message)))


@pytest.mark.parametrize(
    "text",
    [
        FileText((PASSAGE,), {"a": [1, 1]}),
        FileText((PASSAGE,), {"a": [-1, 1]}),
        FileText((PASSAGE,), {"a": [0]}),
        FileText((PASSAGE,), {"a": [0, -1]}),
        FileText((PASSAGE,), {"a": [0, 1 << IMPACT_BITS]}),
        FileText((PASSAGE,), first=5),
    ],
)
def test_words_that_lead_nowhere_are_damage(text: FileText) -> None:
    refuse(FileReport(VERDICT, text=text))


@pytest.mark.parametrize(
    "claim",
    [
        {"url": "javascript:alert(1)"},
        {"url": "https://elsewhere.example/"},
        {"file_id": "0" * 32},
        {"in_knowledge": True},
        {"n": 1},
        {"topic": 1},
        {"nearness": 1.0},
        {"repeated_in": ("a",)},
        {"page": 0},
        {"page": MOST_FILE_PAGES + 1},
        {"text": ""},
        {"text": "a" * (LONGEST_PASSAGE + 1)},
        {"section": "a" * (LONGEST_PLACE_NAME + 1)},
        {"place": Place(sheet="a" * (LONGEST_PLACE_NAME + 1))},
        {"place": Place(page=-1)},
        {"place": Place(rows=(1, 1 << 31))},
    ],
)
def test_a_passage_that_no_reader_makes_is_damage(claim: dict[str, object]) -> None:
    refuse(FileReport(VERDICT, text=FileText((replace(PASSAGE, **claim),))))


def test_more_text_than_a_file_may_have_is_damage() -> None:
    passages = (replace(PASSAGE, text="a" * LONGEST_PASSAGE),) * 1_000
    parts = [FileReport(VERDICT, text=FileText(passages, first=first)) for first in (0, 1_000, 2_000)]

    refuse(*parts)


@pytest.mark.parametrize(
    "claim",
    [
        {"kind": "<script>"},
        {"reason": "a\nb"},
        {"pages": MOST_FILE_PAGES + 1},
        {"tokens": -1},
        {"tokens": 1 << 31},
        {"unread_pages": (0,)},
    ],
)
def test_a_verdict_that_no_reader_gives_is_damage(claim: dict[str, object]) -> None:
    refuse(FileReport(replace(VERDICT, **claim)))


@pytest.mark.parametrize("progress", [FileProgress(0, 1), FileProgress(MOST_FILE_PAGES + 1, 1), FileProgress(1, -1)])
def test_progress_that_no_reader_makes_is_damage(progress: FileProgress) -> None:
    refuse(FileReport(VERDICT, progress=progress))


def refuse(*reports: FileReport) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        list(receive_reports(pipe(*map(msgspec.json.encode, reports))))


@pytest.mark.parametrize(
    "picture",
    [
        Picture("image/png", b"<html><script>"),
        Picture("text/html", PNG),
        Picture("image/jpeg", PNG),
        Picture("image/svg+xml", b"<svg>"),
        Picture("image/png", PNG + bytes(PICTURE_BYTES)),
        # To open this archive raises an error that no reader raises.
        Picture("image/png", packages.word("").replace(b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\x63")),
    ],
)
def test_a_picture_that_is_none_is_damage(picture: Picture) -> None:
    refuse(FileReport(VERDICT, picture=ReadPicture(picture, FilePicture(1, 100))))


@pytest.mark.parametrize("described", [FilePicture(0, 1), FilePicture(1, -1), FilePicture(1, 1, "a" * 301)])
def test_a_picture_that_no_reader_describes_is_damage(described: FilePicture) -> None:
    refuse(FileReport(VERDICT, picture=ReadPicture(LARGEST, described)))


@pytest.mark.parametrize("bound", ["MOST_REPORT_BYTES", "MOST_REPORTS"])
def test_a_flood_of_reports_is_damage(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, bound, 3)

    with pytest.raises(Unreadable, match="damaged"):
        list(receive_reports(pipe(*[msgspec.json.encode(REPORTS[0])] * 5)))


@pytest.mark.parametrize(
    ("tokens", "reason", "status", "told"),
    [
        (9, None, "used", None),
        (0, None, "skipped", "empty"),
        (9, "timed_out", "truncated", "timed_out"),
        (0, "timed_out", "failed", "timed_out"),
        (0, "unsupported", "skipped", "unsupported"),
    ],
)
def test_what_was_read_before_a_file_broke_off_counts(
    tokens: int, reason: str | None, status: str, told: str | None
) -> None:
    final = final_verdict(Verdict("a", "pdf", "used", tokens=tokens), reason)

    assert (final.status, final.reason) == (status, told)
