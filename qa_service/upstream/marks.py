"""This module takes out the marks by which models cite. Only upstream knows what they mean, so no reader sees them.

There are two kinds. Between U+E200 and U+E201 stand a family and its fields, separated by U+E202, as in
`cite U+E202 turn0search0`. Between the lenticular brackets 【 and 】 stand the number of a source and what it is,
separated by a dagger, as in `4:0†source.pdf`. Other text between such signs is text.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress

from qa_service.model import Annotation
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


class MarkFilter:
    """A `MarkFilter` takes the marks out of one text, which comes in pieces that are cut anywhere.

    Where a sign may begin a mark, the text from there on is held back until the next pieces tell whether it does.
    Ordinary text waits for one piece or two, and for no more text than a mark may have.
    """

    def __init__(self) -> None:
        self.held = ""
        """The text that is held back, because it may be the beginning of a mark."""
        self.targets: list[Annotation] = []
        """The addresses and files that stood in the marks."""

    def strip_marks(self, piece: str) -> str:
        """Add a piece, and return the text up to its end or up to where it is held back."""
        text, at = self.held + piece, 0
        shown: list[str] = []
        while opening := _OPENING.search(text, at):
            shown.append(text[at : opening.start()])
            at = opening.start()
            if mark := _MARK.match(text, at):
                shown.append(self._read_mark(mark[0]))
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
        return "" if _SURELY_A_MARK.match(held) else held

    def _read_mark(self, mark: str) -> str:
        """Return what a reader sees in the mark's place: the words that some families carry, or nothing."""
        family, *marked = mark[1:-1].split("\ue202" if mark[0] == "\ue200" else "\u2020")
        self._note_targets(marked)
        if family == "url" and marked:
            return marked[0]
        return _read_entity(marked[0]) if family == "entity" and marked else ""

    def _note_targets(self, marked: Sequence[str]) -> None:
        title = next((field for field in marked if not _ADDRESS.fullmatch(field)), "")
        for field in marked:
            if _ADDRESS.fullmatch(field):
                self.targets.append(Annotation("url", title=title, url=field))
            elif _FILE.fullmatch(field):
                self.targets.append(Annotation("document", file=field))


def _read_entity(written: str) -> str:
    """Return the name of an entity, which is `Seoul` in `["city", "Seoul", …]`."""
    with suppress(ValueError, RecursionError):
        match json.loads(written):
            case [_, str(name), *_]:
                return repair_text(name)
    return ""
