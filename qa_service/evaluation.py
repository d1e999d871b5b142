"""This module measures how well a site answers, against a file of its own questions. It reads the file's lines, and
counts what came of them.

Each line of the file is a JSON object. A question says where its answer stands, by page and never by passage, because
passages change with each release:

    {"question": "환불은 며칠 걸리나요?", "files": ["rules.pdf"], "pages": [{"file": "rules.pdf", "page": 2}],
     "answer": "7일", "history": [{"role": "user", "text": "…"}, {"role": "assistant", "text": "…"}]}

`files` lie beside the file of questions; without them the knowledge base is asked. A page has `file` or `url`, and
`page` where the kind of file has pages. Without `pages`, nothing answers the question. `answer` are words that the
answer must have. `history` are the turns before. A line with a `label` is about the topic alone:

    {"question": "…", "history": […], "label": "continue"}          or "shift"
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urldefrag

import msgspec
from msgspec import Struct

from qa_service.errors import QAError
from qa_service.frames import Reference
from qa_service.model import Passage

FIRST = 5
"""A page was found if one of the first passages is from it. This many passages count as the first ones."""


class Said(Struct, frozen=True, forbid_unknown_fields=True):
    """A `Said` is a turn before the question."""

    role: Literal["user", "assistant"]
    text: str


class PageLabel(Struct, frozen=True, forbid_unknown_fields=True):
    """A `PageLabel` names a page that answers the question."""

    file: str = ""
    url: str = ""
    page: int = 0
    """0 stands for any page."""


class LabelledQuestion(Struct, frozen=True, forbid_unknown_fields=True):
    """A `LabelledQuestion` is a line about an answer. Nothing answers it if it has no pages."""

    question: str
    files: tuple[str, ...] = ()
    pages: tuple[PageLabel, ...] = ()
    answer: str = ""
    history: tuple[Said, ...] = ()


class LabelledTopic(Struct, frozen=True, forbid_unknown_fields=True):
    """A `LabelledTopic` is a line about the topic of a question."""

    question: str
    label: Literal["shift", "continue"]
    history: tuple[Said, ...] = ()


class Outcome(Struct, frozen=True):
    """An `Outcome` is what came of a labelled question: the passages that were found, and the answer with its
    sources."""

    passages: Sequence[Passage]
    text: str
    references: Sequence[Reference]


class Figure(Struct, frozen=True):
    """A `Figure` says how many of those lines that count for it have what it is about."""

    having: int = 0
    counted: int = 0

    @property
    def share(self) -> float:
        """Return the share, or 0 where no line counts."""
        return self.having / self.counted if self.counted else 0.0


FIGURES: Mapping[str, str] = {
    "found_page": f"a page that answers is among those of the first {FIRST} passages",
    "cited_first": "the first source is such a page",
    "cited_page": "any source is such a page",
    "answer_words": "the answer has the words that it must have",
    "wrong_silence": "no source is cited, although a page answers",
    "honest_silence": "no source is cited, and no page answers",
    "found_shifts": "a new subject begins a new topic",
    "wrong_resets": "a follow-up is taken for a new topic",
}
"""These are the figures, each with its meaning. Of `wrong_silence` and `wrong_resets` less is better."""


class Tally:
    """A `Tally` counts what came of the lines."""

    def __init__(self) -> None:
        self.figures = {name: Figure() for name in FIGURES}

    def add_answer(self, asked: LabelledQuestion, outcome: Outcome) -> None:
        """Count what came of a question."""
        cited = [_is_cited(asked.pages, reference) for reference in outcome.references]
        if not asked.pages:
            self._count("honest_silence", not cited)
            return
        self._count("found_page", any(_is_found(asked.pages, passage) for passage in outcome.passages[:FIRST]))
        self._count("cited_first", any(cited[:1]))
        self._count("cited_page", any(cited))
        self._count("wrong_silence", not cited)
        if asked.answer:
            self._count("answer_words", _fold(asked.answer) in _fold(outcome.text))

    def add_topic(self, asked: LabelledTopic, *, drifted: bool) -> None:
        """Count whether a question was taken for a new topic."""
        self._count("found_shifts" if asked.label == "shift" else "wrong_resets", drifted)

    def find_failures(self, least: Mapping[str, float], most: Mapping[str, float]) -> list[str]:
        """Return a sentence for each figure that is below its least value, or above its most. A figure that no line
        counts for fails too, since nothing shows that it holds."""
        return [
            *self._compare(least, "at least", lambda share, bound: share < bound),
            *self._compare(most, "at most", lambda share, bound: share > bound),
        ]

    def _count(self, name: str, has: bool) -> None:
        figure = self.figures[name]
        self.figures[name] = Figure(figure.having + has, figure.counted + 1)

    def _compare(self, bounds: Mapping[str, float], word: str, fails: Callable[[float, float], bool]) -> list[str]:
        figures = ((name, self.figures[name], bound) for name, bound in bounds.items())
        return [
            f"{name}: expected {word} {bound:g}, but it is {figure.share:.3f} of {figure.counted}"
            for name, figure, bound in figures
            if not figure.counted or fails(figure.share, bound)
        ]


def read_lines(path: Path) -> list[LabelledQuestion | LabelledTopic]:
    """Read the file of questions. Raises `QAError` that names the line that is wrong."""
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise QAError(f"{path}: expected a file of UTF-8 text that can be read") from None
    return [_read_line(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def read_bound(text: str) -> tuple[str, float]:
    """Read a bound such as `found_page=0.9`. Raises `ValueError`."""
    name, _, value = text.partition("=")
    if name not in FIGURES or not 0 <= float(value) <= 1:
        raise ValueError(f"expected figure=share, with one of the figures {', '.join(FIGURES)}")
    return name, float(value)


def _read_line(line: str, place: str) -> LabelledQuestion | LabelledTopic:
    try:
        fields = msgspec.json.decode(line, type=dict[str, object])
        if "label" in fields:
            return msgspec.convert(fields, LabelledTopic)
        return msgspec.convert(fields, LabelledQuestion)
    except msgspec.DecodeError as error:
        raise QAError(
            f"{place}: {error}; a line is a JSON object with a question and its pages, as docs/performance.md shows"
        ) from None


def _is_found(labels: Sequence[PageLabel], passage: Passage) -> bool:
    return any(_names(label, passage.file, passage.url) and label.page in (0, passage.page) for label in labels)


def _is_cited(labels: Sequence[PageLabel], reference: Reference) -> bool:
    return any(
        _names(label, reference.file or reference.title, reference.url) and label.page in (0, reference.page or 1)
        for label in labels
    )


def _names(label: PageLabel, file: str, url: str) -> bool:
    if label.url:
        return urldefrag(label.url).url.rstrip("/") == urldefrag(url).url.rstrip("/")
    return _fold(Path(label.file).name) == _fold(file)


def _fold(text: str) -> str:
    """Fold a text for comparison: letters in one case and one form, and runs of spaces as one."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
