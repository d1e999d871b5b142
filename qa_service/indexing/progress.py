"""This module shows on a terminal how far indexing has come, in Korean or in English."""

import shutil
from collections.abc import Mapping
from typing import TextIO
from unicodedata import east_asian_width

from qa_service.indexing.steps import IndexStep, StepState
from qa_service.model import Language
from qa_service.terminal import ERASE, make_printable

BAR = 24
"""The bar has this many characters."""
_STATES: Mapping[Language, Mapping[StepState, str]] = {
    "en": {
        "waiting": "waits",
        "read": "read",
        "unchanged": "unchanged",
        "removed": "removed",
        "skipped": "left out",
        "failed": "failed",
    },
    "ko": {
        "waiting": "대기",
        "read": "읽음",
        "unchanged": "그대로",
        "removed": "삭제",
        "skipped": "제외",
        "failed": "실패",
    },
}
_REASONS: Mapping[Language, Mapping[str, str]] = {
    "en": {},
    "ko": {
        "no such file or folder": "이런 파일이나 폴더가 없음",
        "damaged": "파일이 손상됨",
        "empty": "내용이 없음",
        "encrypted": "암호로 잠김",
        "name_too_long": "이름이 너무 긺",
        "no_text_layer": "글자가 없는 스캔 문서",
        "no_unicode": "글자 정보가 없음",
        "timed_out": "읽는 데 너무 오래 걸림",
        "too_large": "너무 큼",
        "unreadable": "읽을 수 없음",
        "unsupported": "지원하지 않는 형식",
    },
}
"""Any other reason is shown as it came."""
_SENTENCES = {
    "en": {
        "meaning": "preparing the search by meaning …",
        "elsewhere": "another process of this machine reads …",
        "stopped": "Stopped. What was read stays, and the rest waits for the next run or for the server.",
        "nothing": "Nothing was found to read.",
    },
    "ko": {
        "meaning": "의미 검색을 준비하는 중 …",
        "elsewhere": "이 컴퓨터의 다른 프로세스가 읽는 중 …",
        "stopped": "멈췄습니다. 읽은 것은 남고, 나머지는 다음 실행이나 서버가 읽습니다.",
        "nothing": "읽을 것을 찾지 못했습니다.",
    },
}
_SHOWN: tuple[StepState, ...] = ("read", "unchanged", "removed", "skipped", "failed")


class ProgressBar:
    """A `ProgressBar` shows one line that is written over, on a terminal. Anywhere else it shows nothing, and only the
    steps are printed, one a line."""

    def __init__(self, out: TextIO, language: Language, *, columns: int = 0) -> None:
        self._out = out
        self._language = language
        self._columns = columns or shutil.get_terminal_size().columns
        self._is_terminal = out.isatty()

    def show_step(self, step: IndexStep) -> None:
        """Print what became of a document. On a terminal what goes well is left to the bar."""
        if self._is_terminal and step.state not in ("failed", "skipped", "removed"):
            return
        words = _REASONS[self._language].get(step.reason, step.reason)
        reason = f" ({words})" if words else ""
        self._print(f"{step.name}: {_STATES[self._language][step.state]}{reason}")

    def show_bar(self, done: int, whole: int, words: str = "") -> None:
        """Show that this many of all are done."""
        if not self._is_terminal:
            return
        filled = BAR * done // whole if whole else 0
        line = f"[{'#' * filled}{'.' * (BAR - filled)}] {done}/{whole} {make_printable(words)}"
        self._out.write(ERASE + _cut(line.replace("\n", " "), self._columns - 1))
        self._out.flush()

    def say(self, sentence: str, done: int = 0, whole: int = 0) -> None:
        """Say one of the fixed sentences: in the bar if it only lasts a while, and otherwise on a line of its own."""
        words = _SENTENCES[self._language][sentence]
        if sentence in ("meaning", "elsewhere"):
            self.show_bar(done, whole, words)
        else:
            self._print(words)

    def show_tally(self, counts: Mapping[StepState, int]) -> None:
        """Print how many documents have come to each state."""
        names = _STATES[self._language]
        parts = [
            f"{names[state]} {counts[state]}" if self._language == "ko" else f"{counts[state]} {names[state]}"
            for state in _SHOWN
            if counts.get(state)
        ]
        if parts:
            self._print(", ".join(parts))
        else:
            self.say("nothing")

    def _print(self, line: str) -> None:
        self._out.write(f"{ERASE if self._is_terminal else ''}{make_printable(line)}\n")
        self._out.flush()


def _cut(line: str, columns: int) -> str:
    """Cut the line to this many columns. A letter of Hangul takes two."""
    width = 0
    for place, letter in enumerate(line):
        width += 2 if east_asian_width(letter) in "WF" else 1
        if width > columns:
            return line[:place]
    return line
