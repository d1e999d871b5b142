"""The stream of plain text: nothing but the answer, and a cut where that can't be ended honestly."""

import pytest

from qa_service.frames import Done, Failure, Frame, Restart, StageNotice, Text
from qa_service.wire.encoder import FormatContext
from qa_service.wire.plain import PlainTextEncoder
from tests.wire.test_typed import DOCUMENT, METADATA

FAILED = Failure("upstream_timeout", "late", "Please ask again.", retryable=True)


def encoder(*sent: Frame) -> PlainTextEncoder:
    return PlainTextEncoder(FormatContext("a1", "/api", sent=sent))


def test_has_the_answers_text_and_nothing_else() -> None:
    plain = encoder()
    frames = [StageNotice("thinking"), Text("안녕"), Text("하세요.\r\n"), DOCUMENT, METADATA, Done("completed")]
    assert plain.head() + plain.batch(1, frames) + plain.heartbeat() + plain.tail() == "안녕하세요.\r\n".encode()
    assert not plain.is_cut


@pytest.mark.parametrize("before", [[], [Text("half")]])
def test_a_failure_is_a_cut_behind_the_text_and_never_text(before: list[Frame]) -> None:
    plain = encoder()
    assert plain.batch(1, [*before, FAILED, METADATA, Done("failed")]) == b"half" * len(before)
    assert plain.is_cut


def test_a_text_that_counts_no_more_is_a_cut() -> None:
    for plain, frames in (
        (encoder(), [Text("a"), Restart("interrupted"), Text("b")]),
        (encoder(Text("a")), [Restart("x")]),
    ):
        assert b"b" not in plain.batch(1, frames)
        assert plain.is_cut


def test_an_answer_that_begins_again_before_its_first_word_goes_on() -> None:
    plain = encoder(StageNotice("thinking"))
    assert plain.batch(2, [Restart("interrupted"), Text("b")]) == b"b"
    assert not plain.is_cut


def test_a_worker_that_stops_is_a_cut() -> None:
    plain = encoder()
    assert plain.reconnect("draining", 700) == b""
    assert plain.is_cut
