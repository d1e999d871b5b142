"""The text of an answer, part by part: what upstream has written of each, and what of it can be shown.

Upstream says a text up to five times: in deltas, in the event that ends it, in those that end its part and its item,
and in the event that ends the response. Any of them may be missing, and their places may differ. Each text is shown
once.
"""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct

from qa_service.model import Annotation
from qa_service.upstream.fields import repair_text
from qa_service.upstream.marks import MarkFilter

PartKind: TypeAlias = Literal["text", "refusal"]
CopyKind: TypeAlias = Literal["text", "part", "item", "response"]
"""Which event repeats a text as a whole."""


class Place(Struct, frozen=True):
    """Where in the output a part stands: its item, its index in the content, and what it is."""

    output: int
    content: int = 0
    kind: PartKind = "text"


class AnswerPart:
    """One part's text. It comes in pieces that may be cut inside a character or inside a mark."""

    def __init__(self, kind: PartKind) -> None:
        self.kind = kind
        self.pieces: list[str] = []
        """What upstream has written, marks included, in whole characters."""
        self.copied: set[CopyKind] = set()
        """Which events have repeated this part as a whole."""
        self._half = ""
        self._marks = MarkFilter()

    @property
    def holds_back(self) -> bool:
        """Whether the beginning of a character or of a mark waits for its rest."""
        return bool(self._half or self._marks.held)

    @property
    def targets(self) -> list[Annotation]:
        """What the marks in this part point to."""
        return self._marks.targets

    def add_piece(self, piece: str) -> str:
        """What can be shown with this piece; it may be nothing."""
        text = self._half + piece
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        whole = repair_text(text.removesuffix(self._half))
        self.pieces.append(whole)
        return self._marks.strip_marks(whole)

    def add_rest(self, whole: str) -> str:
        """What can be shown once the text is known as a whole, which ends the part.

        Where it contradicts what was written nothing is added, because what was shown can't be taken back.
        """
        shown = ""
        if self.agrees_with(whole):
            self._half = ""
            rest = whole[len(self.join_text()) :]
            self.pieces[:] = [whole]
            shown = self._marks.strip_marks(rest)
        return shown + self.release_held()

    def release_held(self) -> str:
        """What was held back, since nothing follows it."""
        lost, self._half = "\ufffd" if self._half else "", ""
        return self.add_piece(lost) + self._marks.release_held()

    def join_text(self) -> str:
        """What upstream has written so far."""
        if len(self.pieces) != 1:
            self.pieces[:] = ["".join(self.pieces)]
        return self.pieces[0]

    def agrees_with(self, whole: str) -> bool:
        """Whether what was written is where this text begins."""
        return whole.startswith(self.join_text())


class AnswerParts:
    """The parts of one answer, in the order in which they began."""

    def __init__(self) -> None:
        self._all: list[AnswerPart] = []
        self._placed: dict[Place, AnswerPart] = {}

    def __iter__(self) -> Iterator[AnswerPart]:
        return iter(self._all)

    def find_part(self, place: Place) -> AnswerPart | None:
        """The part that stands there."""
        return self._placed.get(place)

    def begin_part(self, place: Place) -> AnswerPart:
        """A part that stands there from now on."""
        part = self._placed[place] = AnswerPart(place.kind)
        self._all.append(part)
        return part

    def find_copied(self, place: Place, whole: str, copy: CopyKind) -> AnswerPart | None:
        """The part that this event repeats. It stands at that place, or, where servers count differently, elsewhere;
        None where the text is a new one."""
        here = self._placed.get(place)
        if here is not None and here.agrees_with(whole):
            return here
        written = (part for part in self._all if part.kind == place.kind and part.join_text())
        others = [part for part in written if copy not in part.copied]
        same = next((part for part in others if part.join_text() == whole), here)
        return same or next((part for part in others if not part.copied and part.agrees_with(whole)), None)

    def begin_item(self, output: int) -> None:
        """Another item stands at this place of the output from now on."""
        for place in [place for place in self._placed if place.output == output]:
            del self._placed[place]
