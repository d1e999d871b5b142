"""This module keeps the text of an answer, part by part: what upstream has written, and what of that can be shown.

Upstream sends a text up to five times: in deltas, in the event that ends the text, in the events that end its part and
its item, and in the event that ends the response. Any of these events may be missing, and they may name different
places. Each text is shown once.
"""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct

from qa_service.model import Annotation
from qa_service.upstream.fields import repair_text
from qa_service.upstream.marks import MarkFilter

PartKind: TypeAlias = Literal["text", "refusal"]
CopyKind: TypeAlias = Literal["text", "part", "item", "response"]
"""The events that repeat a text as a whole."""


class Place(Struct, frozen=True):
    """A `Place` says where a part stands in the output: in which item, at which index of that item's content, and as
    what."""

    output: int
    content: int = 0
    kind: PartKind = "text"


class AnswerPart:
    """An `AnswerPart` is the text of one part. It comes in pieces that may be cut inside a character or a mark."""

    def __init__(self, kind: PartKind) -> None:
        self.kind = kind
        self.pieces: list[str] = []
        """The pieces that upstream has written. They still hold the marks, and only whole characters."""
        self.copied: tuple[CopyKind, ...] = ()
        """The kinds of events that have repeated this part as a whole."""
        self._half = ""
        self._marks = MarkFilter()

    @property
    def holds_back(self) -> bool:
        """Tell whether the beginning of a character or of a mark waits for its rest."""
        return bool(self._half or self._marks.held)

    @property
    def targets(self) -> list[Annotation]:
        """Return the sources to which the marks in this part point."""
        return self._marks.targets

    def add_piece(self, piece: str) -> str:
        """Add a piece, and return the text that can be shown now. It may be empty."""
        text = self._half + piece
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        whole = repair_text(text.removesuffix(self._half))
        self.pieces.append(whole)
        return self._marks.strip_marks(whole)

    def add_rest(self, whole: str) -> str:
        """Add what the whole text has beyond the pieces, and return what can be shown now. The part ends there.

        Where the whole text contradicts the pieces it adds nothing, because what was shown can't be taken back.
        """
        shown = ""
        if self.agrees_with(whole):
            self._half = ""
            rest = whole[len(self.join_text()) :]
            self.pieces[:] = [whole]
            shown = self._marks.strip_marks(rest)
        return shown + self.release_held()

    def release_held(self) -> str:
        """Return the text that was held back, since nothing follows it."""
        lost, self._half = "\ufffd" if self._half else "", ""
        return self.add_piece(lost) + self._marks.release_held()

    def join_text(self) -> str:
        """Return the text that upstream has written so far."""
        if len(self.pieces) != 1:
            self.pieces[:] = ["".join(self.pieces)]
        return self.pieces[0]

    def agrees_with(self, whole: str) -> bool:
        """Tell whether this text begins with what was written."""
        return whole.startswith(self.join_text())


class AnswerParts:
    """An `AnswerParts` holds the parts of one answer, in the order in which they began."""

    def __init__(self) -> None:
        self._all: list[AnswerPart] = []
        self._placed: dict[Place, AnswerPart] = {}

    def __iter__(self) -> Iterator[AnswerPart]:
        return iter(self._all)

    def find_part(self, place: Place) -> AnswerPart | None:
        """Find the part that stands at a place."""
        return self._placed.get(place)

    def begin_part(self, place: Place) -> AnswerPart:
        """Begin a part that stands at this place from now on."""
        part = self._placed[place] = AnswerPart(place.kind)
        self._all.append(part)
        return part

    def find_copied(self, place: Place, whole: str, copy: CopyKind) -> AnswerPart | None:
        """Find the part that an event repeats as a whole, or None where its text is a new one.

        The part stands at that place, or elsewhere, because servers count differently from event to event."""
        here = self._placed.get(place)
        if here is not None and here.agrees_with(whole):
            return here
        written = (part for part in self._all if part.kind == place.kind and part.join_text())
        others = [part for part in written if copy not in part.copied]
        same = next((part for part in others if part.join_text() == whole), here)
        return same or next((part for part in others if not part.copied and part.agrees_with(whole)), None)

    def begin_item(self, output: int) -> None:
        """Note that another item stands at this place of the output from now on."""
        for place in [place for place in self._placed if place.output == output]:
            del self._placed[place]
