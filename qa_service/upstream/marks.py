"""This module takes out the marks by which models cite. Only upstream knows what they mean, so no reader sees them.

There are two kinds. Between U+E200 and U+E201 stand a family and its fields, separated by U+E202, as in
`cite U+E202 turn0search0`. Between the lenticular brackets 【 and 】 stand the number of a source and what it is,
separated by a dagger, as in `4:0†source.pdf`. Other text between such signs is text.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from operator import attrgetter

from msgspec import Struct

from qa_service.deltas import Annotation
from qa_service.upstream.fields import repair_text

SIGNS = ("\u3010", "\ue200")
"""A mark begins with one of these."""

_OPENING = re.compile("[\u3010\ue200]")
_FAMILY = "\ue200[a-z_]{1,32}\ue202"
_NUMBER = r"\d{1,4}(?::\d{1,4})?"
_SOURCE = r"turn\d{1,4}[a-z]{1,16}\d{1,4}"
_INSIDE_SIGNS = "[^\ue200\ue201]{0,2000}"
_INSIDE_BRACKETS = "[^\u3010\u3011\n]{0,300}"
_MARK = re.compile(
    f"{_FAMILY}{_INSIDE_SIGNS}\ue201|\u3010(?:(?:{_NUMBER}|{_SOURCE})\u2020{_INSIDE_BRACKETS}|{_SOURCE})\u3011"
)
_UNFINISHED = re.compile(
    f"\ue200[a-z_]{{0,32}}|{_FAMILY}{_INSIDE_SIGNS}|\u3010[0-9a-z:]{{0,32}}(?:\u2020{_INSIDE_BRACKETS})?"
)
_SURELY_A_MARK = re.compile(f"{_FAMILY}|\u3010(?:{_NUMBER}|{_SOURCE})\u2020")
_ADDRESS = re.compile(r"https?://\S+")
_FILE = re.compile(r"[^/\\]{1,250}\.[A-Za-z0-9]{1,8}")


class Cut(Struct, frozen=True, gc=False):
    """A `Cut` is a place where a mark was taken out: from `start` to `end` in the text that upstream wrote. What
    follows stands behind `shown` in the text that readers have."""

    start: int
    end: int
    shown: int


class MarkFilter:
    """A `MarkFilter` takes the marks out of one text, which comes in pieces that are cut anywhere.

    Where a sign may begin a mark, the text from there on is held back until the next pieces tell whether it does.
    Ordinary text waits for one piece or two, and for no more text than a mark may have.
    """

    def __init__(self) -> None:
        self.held = ""
        """This text is held back, because it may be the beginning of a mark."""
        self.targets: list[Annotation] = []
        """These addresses and files stood in the marks, each with the place of its mark in the text that is shown."""
        self._cuts: list[Cut] = []
        self._given = 0
        """The text that upstream wrote has this many characters, with what is held back."""

    def strip_marks(self, piece: str, at: int | None = None) -> str:
        """Add a piece, and return the text up to its end or up to where it is held back.

        `at` is where the piece begins in the text that upstream wrote. It is needed where the filter didn't get what
        came before, because no mark could begin in it.
        """
        text, begins = self.held + piece, (self._given if at is None else at) - len(self.held)
        self._given = begins + len(text)
        shown, at = list[str](), 0
        while opening := _OPENING.search(text, at):
            shown.append(text[at : opening.start()])
            at = opening.start()
            if mark := _MARK.match(text, at):
                shown.append(self._read_mark(mark[0], begins + at))
                at = mark.end()
            elif _UNFINISHED.fullmatch(text, at):
                break
            else:
                shown.append(text[at])
                at += 1
        self.held = text[at:] if opening else ""
        return "".join(shown) if opening else "".join([*shown, text[at:]])

    def release_held(self) -> str:
        """Return what was held back, at the end of the text. The beginning of what can only be a mark is dropped."""
        held, self.held = self.held, ""
        if not _SURELY_A_MARK.match(held):
            return held
        self._note_cut(self._given - len(held), held, "")
        return ""

    def find_shown(self, place: int) -> int:
        """Return where a place of the text that upstream wrote is in the text that is shown. A place inside of a mark
        is behind what is shown instead of the mark."""
        index = bisect_right(self._cuts, place, key=attrgetter("start")) - 1
        if index < 0:
            return place
        cut = self._cuts[index]
        return cut.shown + max(0, place - cut.end)

    def _note_cut(self, start: int, mark: str, instead: str) -> int:
        """Note that a mark was taken out, and return the place behind what is shown instead."""
        shown = self.find_shown(start) + len(instead)
        self._cuts.append(Cut(start, start + len(mark), shown))
        return shown

    def _read_mark(self, mark: str, start: int) -> str:
        """Return what a reader sees in the mark's place: the words that some families carry, or nothing."""
        family, *marked = mark[1:-1].split("\ue202" if mark[0] == "\ue200" else "\u2020")
        words = ""
        if family == "url" and marked:
            words = marked[0]
        elif family == "entity" and marked:
            words = _read_entity(marked[0])
        self._note_targets(marked, self._note_cut(start, mark, words))
        return words

    def _note_targets(self, marked: Sequence[str], shown: int) -> None:
        title = next((field for field in marked if not _ADDRESS.fullmatch(field)), "")
        for field in marked:
            if _ADDRESS.fullmatch(field):
                self.targets.append(Annotation("url", title=title, url=field, span=(shown, shown)))
            elif _FILE.fullmatch(field):
                self.targets.append(Annotation("document", file=field, span=(shown, shown)))


def _read_entity(written: str) -> str:
    """Return the name of an entity, which is `Seoul` in `["city", "Seoul", …]`."""
    with suppress(ValueError, RecursionError):
        match json.loads(written):
            case [_, str(name), *_]:
                return repair_text(name)
    return ""
