"""An answer on a terminal: what stays on the screen, and what goes again."""

import io

import pytest
from msgspec.structs import replace

from qa_service.frames import (
    Call,
    Done,
    Failure,
    Frame,
    Metadata,
    Reference,
    StageNotice,
    Start,
    Text,
    Timing,
    TopicNotice,
)
from qa_service.model import Usage
from qa_service.terminal import ERASE, Terminal, make_printable
from tests.fakes import Screen

TOPIC = TopicNotice(1, drifted=False, score=0)
METADATA = Metadata(
    "chat",
    "a1",
    "gpt-5",
    usage=Usage(10, 5, 15),
    calls=(Call("gpt-5", "answer", Usage()),),
    cost=None,
    timing=Timing(1, 1234),
    topic=TOPIC,
    files=(),
    finish_reason="stop",
    saved=True,
)


def shown(*frames: Frame, progress: io.StringIO | None = None) -> tuple[str, str]:
    """Return what stands on both streams."""
    out, progress = io.StringIO(), progress or io.StringIO()
    terminal = Terminal(out, progress)
    for frame in frames:
        terminal.show(frame)
    terminal.clear()
    return out.getvalue(), progress.getvalue()


def test_the_answers_text_is_shown_as_it_comes() -> None:
    assert shown(Text("하늘은 "), Text("파랗다.\n")) == ("하늘은 파랗다.\n", "")


CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]


class TestControlCharacters:
    """A terminal obeys them, so none of anybody else's text may reach it."""

    ODD = "a\x1b[31mred\x1b]0;title\x07\x9b2J\x7f\x00\x08b"
    SHOWN = "a␛[31mred␛]0;title␇\ufffd2J␡␀␈b"

    def test_of_an_answer_are_shown_as_signs(self) -> None:
        assert shown(Text(self.ODD)) == (self.SHOWN, "")

    @pytest.mark.parametrize("control", CONTROLS, ids=ascii)
    def test_none_of_them_passes_but_line_ends_and_tabs(self, control: str) -> None:
        printed = make_printable(f"a{control}b")
        assert [letter for letter in printed if letter in CONTROLS] == ([control] if control in "\n\t" else [])

    def test_split_between_two_deltas_do_no_harm(self) -> None:
        assert shown(*(Text(letter) for letter in self.ODD))[0] == self.SHOWN

    def test_a_line_is_not_written_over(self) -> None:
        assert shown(Text("one\r\ntwo\rthree"))[0] == "one\ntwothree"

    @pytest.mark.parametrize("code", [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029], ids=hex)
    def test_what_turns_the_direction_of_writing_or_separates_lines_does_not_pass(self, code: int) -> None:
        """A terminal would show the address `moc.elgoog` as google.com."""
        source = Reference(1, "url", title=f"가{chr(code)}나", url=f"https://a.example/{chr(code)}moc.elgoog")
        printed = "".join(shown(Text(f"a{chr(code)}b"), source))
        assert chr(code) not in printed
        assert "a\ufffdb" in printed

    def test_half_a_surrogate_pair_is_shown_as_unknown(self) -> None:
        assert shown(Text("a\ud800b"))[0] == "a\ufffdb"

    @pytest.mark.parametrize(
        "frame",
        [
            StageNotice("reading_file", name=ODD),
            StageNotice("file", name=ODD, kind=ODD, status="failed", reason=ODD),
            StageNotice("searching_web", query=ODD),
            StageNotice("retrying", attempt=1, reason=ODD),
            Reference(1, "url", title=ODD, url=ODD),
            Reference(1, "document", title=ODD, file=ODD, section=ODD, quote=ODD),
            Failure("internal", ODD, ODD, retryable=True),
            replace(METADATA, model=ODD, session_id=ODD),
        ],
    )
    def test_of_names_titles_quotes_and_errors_are_shown_as_signs(self, frame: Frame) -> None:
        printed = "".join(shown(frame))
        assert self.SHOWN in printed
        assert set(printed) & set(CONTROLS) <= {"\n"}

    def test_a_name_of_two_lines_is_shown_in_one(self) -> None:
        assert shown(StageNotice("reading_file", name="a\nb.pdf")) == ("", "reading a b.pdf …\n")
        assert shown(Reference(1, "document", title="t", file="a\n[2] b.pdf"))[0] == "\n\n[1] a [2] b.pdf\n"


def test_start_done_and_what_the_model_is_shown_show_nothing() -> None:
    start = Start("a", "s", created=True, model="m", topic=TOPIC, created_at="")
    assert shown(start, StageNotice("retrieving", sources=()), Done("completed")) == ("", "")


@pytest.mark.parametrize(
    ("notice", "line"),
    [
        (StageNotice("reading_file", name="a.pdf"), "reading a.pdf …"),
        (StageNotice("reading_file", name="a.pdf", page=2), "reading a.pdf: page 2"),
        (StageNotice("reading_file", name="a.pdf", page=2, pages=9), "reading a.pdf: page 2 of 9"),
        (StageNotice("file", name="a.pdf", kind="pdf", status="used", pages=9), "a.pdf: pdf, 9 pages, used"),
        (
            StageNotice("file", name="a.pdf", kind="pdf", status="failed", reason="encrypted"),
            "a.pdf: pdf, 0 pages, failed (encrypted)",
        ),
        (StageNotice("searching_web"), "searching the web: …"),
        (StageNotice("searching_web", query="blue sky"), "searching the web: blue sky"),
        (StageNotice("retrying", attempt=2, reason="rate_limited"), "asking again (2): rate_limited"),
        (StageNotice("thinking"), "thinking …"),
        (StageNotice("retrieving"), "retrieving …"),
    ],
)
def test_what_is_being_done_is_told_line_by_line_where_nothing_can_be_taken_back(
    notice: StageNotice, line: str
) -> None:
    assert shown(notice) == ("", f"{line}\n")


class TestPassingLines:
    def test_the_next_one_takes_its_place(self) -> None:
        _, progress = shown(StageNotice("thinking"), StageNotice("retrieving"), progress=Screen())
        assert progress == f"thinking …{ERASE}retrieving …{ERASE}"

    def test_text_takes_it_away(self) -> None:
        out, progress = shown(StageNotice("thinking"), Text("So."), progress=Screen())
        assert (out, progress) == ("So.", f"thinking …{ERASE}")

    def test_a_files_verdict_stays(self) -> None:
        verdict = StageNotice("file", name="a.txt", kind="text", status="used", pages=1)
        _, progress = shown(StageNotice("reading_file", name="a.txt"), verdict, Text("So."), progress=Screen())
        assert progress == f"reading a.txt …{ERASE}a.txt: text, 1 pages, used\n"


@pytest.mark.parametrize(
    ("reference", "line"),
    [
        (Reference(2, "url", title="A", url="https://a.example"), "[2] A <https://a.example>\n"),
        (Reference(1, "document", title="t", file="a.pdf", page=3, quote="So."), "[1] a.pdf, page 3\n    “So.”\n"),
        (Reference(1, "document", title="t", file="a.md", section="Rules"), "[1] a.md, Rules\n"),
        (Reference(1, "document", title="Base"), "[1] Base\n"),
    ],
)
def test_a_source_says_where_it_stands(reference: Reference, line: str) -> None:
    assert shown(reference)[0] == f"\n\n{line}"


def test_sources_stand_together() -> None:
    source = Reference(1, "document", title="Base")
    assert shown(Text("So [1]."), source, source)[0] == "So [1].\n\n[1] Base\n[1] Base\n"


def test_a_failure_is_told_in_both_sentences() -> None:
    failed = Failure("rate_limited", "slow down", "잠시 기다려 주세요.", retryable=True)
    out, progress = shown(Text("Half"), StageNotice("thinking"), failed, progress=Screen())
    assert (out, progress) == ("Half", f"thinking …{ERASE}\n잠시 기다려 주세요. (rate_limited: slow down)\n")


def test_the_end_sums_it_up() -> None:
    assert shown(METADATA)[0] == "\n\n— gpt-5 · 15 tokens · 1.2 s · session chat\n"


def test_what_it_cost_is_told_where_that_is_known() -> None:
    assert " · cost 0.00012 · " in shown(replace(METADATA, cost=0.00012))[0]
