"""The sources that a model is shown, in every format: those that have a place for them carry them, and all others go on
as if nothing had come."""

import msgspec
import pytest

from qa_service.frames import Frame, ShownPassage, ShownSource, StageNotice, Text
from qa_service.wire.content import build_status
from qa_service.wire.encoder import FormatContext
from qa_service.wire.formats import FORMATS
from tests.wire.contract import problems

SHOWN = (
    ShownSource("document", "약관.pdf", "sessions/s/files/f/pages", "f", (ShownPassage(1, 3, "제3조"),)),
    ShownSource("url", "Terms", "https://a.example/terms", "d", (ShownPassage(2, None),)),
)
NOTICE = StageNotice("retrieving", sources=SHOWN)
CARRYING = {"typed", "events", "jsonl", "ui-message", "data-stream", "ag-ui"}
STREAMED = sorted(name for name, row in FORMATS.items() if row.encoder)


def encode(name: str, frames: list[Frame], sent: tuple[Frame, ...] = ()) -> str:
    factory = FORMATS[name].encoder
    assert factory
    return factory(FormatContext("a1", "/site/api", sent=sent)).batch(len(sent) + 1, frames).decode()


def test_addresses_of_documents_have_the_public_prefix_and_those_of_pages_are_whole() -> None:
    content = build_status(NOTICE, "/site/api")
    assert [source.url for source in content.sources or ()] == [
        "/site/api/sessions/s/files/f/pages",
        "https://a.example/terms",
    ]
    assert problems("StatusContent", msgspec.json.decode(msgspec.json.encode(content))) == []


def test_that_there_are_none_any_more_is_said_and_a_stage_without_them_says_nothing() -> None:
    assert '"sources":[]' in encode("typed", [StageNotice("retrieving", sources=())])
    assert "sources" not in encode("typed", [StageNotice("retrieving")])


@pytest.mark.parametrize("name", STREAMED)
def test_each_format_carries_them_or_says_no_more_than_without_them(name: str) -> None:
    said = encode(name, [NOTICE])
    if name in CARRYING:
        assert '"url":"/site/api/sessions/s/files/f/pages"' in said
        assert '"passages":[{"n":1,"page":3,"section":"제3조"}]' in said
    else:
        assert said == encode(name, [StageNotice("retrieving")])


@pytest.mark.parametrize("name", STREAMED)
def test_a_reader_who_comes_back_behind_them_reads_the_text_as_any_other(name: str) -> None:
    stage, said = StageNotice("retrieving"), [Text("환불 [1]")]
    assert encode(name, said, (stage, NOTICE)) == encode(name, said, (stage, stage))
