"""This module keeps the text of an answer, part by part: what upstream has written, and what of that can be shown.

Upstream sends a text up to five times: in deltas, in the event that ends the text, in the events that end its part and
its item, and in the event that ends the response. Any of these events may be missing, and they may name different
places. Each text is shown once.
"""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from qa_service.deltas import Annotation
from qa_service.upstream.fields import repair_text
from qa_service.upstream.marks import MarkFilter
from qa_service.upstream.spans import Span, locate_end, locate_span

PartKind: TypeAlias = Literal["text", "refusal"]
CopyKind: TypeAlias = Literal["text", "part", "item", "response"]
"""Events of these kinds repeat a text as a whole."""


class PartPlace(Struct, frozen=True):
    """A `PartPlace` says where a part stands in the output: in which item, at which index of that item's content, and
    as what."""

    output: int
    content: int = 0
    kind: PartKind = "text"


class AnswerPart:
    """An `AnswerPart` is the text of one part. It comes in pieces that may be cut inside a character or a mark."""

    def __init__(self, kind: PartKind, begins: int = 0) -> None:
        self.kind = kind
        self.begins = begins
        """The part's text begins at this place of the answer as readers have it."""
        self.pieces: list[str] = []
        """Upstream has written these pieces. They still hold the marks, and only whole characters."""
        self.copied: tuple[CopyKind, ...] = ()
        """Events of these kinds have repeated this part as a whole."""
        self._half = ""
        self._marks = MarkFilter()
        self._counted = 0
        """This many of the pieces are counted in `_length`."""
        self._length = 0

    @property
    def holds_back(self) -> bool:
        """Tell whether the beginning of a character or of a mark waits for its rest."""
        return bool(self._half or self._marks.held)

    @property
    def targets(self) -> list[Annotation]:
        """Return the sources to which the marks in this part point."""
        places = [target.span or (0, 0) for target in self._marks.targets]
        return [
            replace(target, span=(self.begins + start, self.begins + end))
            for target, (start, end) in zip(self._marks.targets, places, strict=True)
        ]

    @property
    def ends(self) -> int:
        """Return where the text of this part ends in the answer, as far as readers have it."""
        return self.begins + self._marks.find_shown(self._measure()) - len(self._marks.held)

    def add_piece(self, piece: str) -> str:
        """Add a piece, and return the text that can be shown now. It may be empty."""
        text = self._half + piece
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        whole, at = repair_text(text.removesuffix(self._half)), self._measure()
        self.pieces.append(whole)
        return self._marks.strip_marks(whole, at)

    def add_rest(self, whole: str) -> str:
        """Add what the whole text has beyond the pieces, and return what can be shown now. The part ends there.

        Where the whole text contradicts the pieces it adds nothing, because what was shown can't be taken back.
        """
        if not self.holds_back and whole == self.join_text():
            return ""  # Nearly every copy repeats just what was written.
        shown = ""
        if self.agrees_with(whole):
            self._half = ""
            at = self._measure()
            self._replace_pieces(whole)
            shown = self._marks.strip_marks(whole[at:], at)
        return shown + self.release_held()

    def release_held(self) -> str:
        """Return the text that was held back, since nothing follows it."""
        lost, self._half = "\ufffd" if self._half else "", ""
        return self.add_piece(lost) + self._marks.release_held()

    def join_text(self) -> str:
        """Return the text that upstream has written so far."""
        if len(self.pieces) != 1:
            self._replace_pieces("".join(self.pieces))
        return self.pieces[0]

    def find_span(self, start: int, end: int) -> Span | None:
        """Find the place in the answer that upstream names in this part's text. It is None where there is no such
        place."""
        return self._move_span(locate_span(self.join_text(), start, end))

    def find_end(self, index: int) -> Span | None:
        """Find the end of a claim in the answer, to which upstream's `index` points in this part's text."""
        return self._move_span(locate_end(self.join_text(), index))

    def _move_span(self, written: Span | None) -> Span | None:
        find = self._marks.find_shown
        return written and (self.begins + find(written[0]), self.begins + find(written[1]))

    def _measure(self) -> int:
        """Return how long the text is that upstream has written. No piece is measured twice."""
        self._length += sum(map(len, self.pieces[self._counted :]))
        self._counted = len(self.pieces)
        return self._length

    def _replace_pieces(self, whole: str) -> None:
        self.pieces[:] = [whole]
        self._counted, self._length = 1, len(whole)

    def agrees_with(self, whole: str) -> bool:
        """Tell whether this text begins with what was written."""
        return whole.startswith(self.join_text())


class AnswerParts:
    """An `AnswerParts` holds the parts of one answer, in the order in which they began."""

    def __init__(self) -> None:
        self._all: list[AnswerPart] = []
        self._placed: dict[PartPlace, AnswerPart] = {}
        self._mixed = False

    def __iter__(self) -> Iterator[AnswerPart]:
        return iter(self._all)

    def find_part(self, place: PartPlace) -> AnswerPart | None:
        """Find the part that stands at a place."""
        return self._placed.get(place)

    def begin_part(self, place: PartPlace) -> AnswerPart:
        """Begin a part that stands at this place from now on."""
        part = self._placed[place] = AnswerPart(place.kind, self._all[-1].ends if self._all else 0)
        self._all.append(part)
        return part

    def note_growth(self, part: AnswerPart) -> None:
        """Note that readers get text of this part now. Where that isn't the newest part, the texts are mixed, and the
        parts have no places any more."""
        self._mixed = self._mixed or part is not self._all[-1]

    @property
    def newest(self) -> AnswerPart | None:
        """Return the part that began last, if any has begun."""
        return self._all[-1] if self._all else None

    @property
    def has_places(self) -> bool:
        """Tell whether it is known where each part stands in the answer."""
        return not self._mixed

    def find_copied(self, place: PartPlace, whole: str, copy: CopyKind) -> AnswerPart | None:
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
