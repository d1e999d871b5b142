"""The bar is for terminals, lines are for everything else, and both speak Korean and English."""

from io import StringIO

import pytest

from qa_service.indexing.progress import ProgressBar
from qa_service.indexing.steps import IndexStep
from qa_service.model import Language
from qa_service.system_variables import terminal_language
from qa_service.terminal import ERASE
from tests.fakes import Screen


def test_a_terminal_shows_one_line_that_is_written_over() -> None:
    screen = Screen()
    bar = ProgressBar(screen, "en", columns=60)
    bar.show_step(IndexStep("a.txt", "read"))
    bar.show_bar(1, 2, "a.txt")
    bar.show_bar(2, 2, "b.txt")
    bar.show_step(IndexStep("c.bin", "failed", "damaged"))
    bar.show_tally({"read": 2, "failed": 1})
    assert screen.getvalue() == (
        f"{ERASE}[############............] 1/2 a.txt{ERASE}[########################] 2/2 b.txt"
        f"{ERASE}c.bin: failed (damaged)\n{ERASE}2 read, 1 failed\n"
    )


def test_a_line_is_never_wider_than_the_terminal_and_obeys_nobody() -> None:
    screen = Screen()
    ProgressBar(screen, "ko", columns=40).show_bar(0, 9, "아주 긴 이름의 문서\x1b]0;x\x07 " * 9)
    line = screen.getvalue().removeprefix(ERASE)
    assert len(line) < 40
    assert "\x1b" not in line


def test_a_file_gets_lines_alone() -> None:
    out = StringIO()
    bar = ProgressBar(out, "ko")
    bar.show_bar(1, 2, "a.txt")
    bar.show_step(IndexStep("가.txt", "read"))
    bar.say("meaning")
    bar.show_tally({"read": 1, "unchanged": 3, "waiting": 2})
    assert out.getvalue() == "가.txt: 읽음\n읽음 1, 그대로 3\n"


def test_a_reason_is_told_in_the_language_of_the_terminal_where_it_is_known() -> None:
    out = StringIO()
    bar = ProgressBar(out, "ko")
    for reason in ("no such file or folder", "too_large", "the site answers with 503"):
        bar.show_step(IndexStep("가.txt", "failed", reason))
    assert out.getvalue() == (
        "가.txt: 실패 (이런 파일이나 폴더가 없음)\n가.txt: 실패 (너무 큼)\n가.txt: 실패 (the site answers with 503)\n"
    )


def test_nothing_to_read_is_said() -> None:
    out = StringIO()
    ProgressBar(out, "en").show_tally({})
    assert out.getvalue() == "Nothing was found to read.\n"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_MESSAGES": "ko"}, "ko"),
        ({}, "en"),
    ],
)
def test_the_language_is_that_of_the_terminal(
    environment: dict[str, str], language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, environment.get(name, ""))
    assert terminal_language() == language
