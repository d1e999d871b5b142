"""This module has a later release of the service: it has a kind of frame that this one doesn't know, a note behind
every third text."""

from collections.abc import Callable, Iterator

from flask import Flask

from qa_service import answering, create_app
from qa_service.frames import FRAMES_VERSION, Frame, Text
from qa_service.model import Value
from qa_service.running import adopted
from qa_service.stores import items
from qa_service.turns import Mark
from qa_service.web.serving import log_to_terminal
from qa_service.wire import structs, typed

EVERY = 3
"""A note follows this many texts."""


class Note(Value, frozen=True, tag_field="type", tag="note"):
    """A `Note` is what this release adds."""

    words: str
    texts: int


class NoteContent(structs.Outgoing, frozen=True, kw_only=True):
    """A `NoteContent` is what the readers of a note get."""

    words: str
    texts: int


class NoteFrame(typed.TypedFrame, frozen=True, kw_only=True, tag="note"):
    """A `NoteFrame` is the same with its number."""

    content: NoteContent


def with_notes(draft: Callable[..., Iterator[Frame | Mark]]) -> Callable[..., Iterator[Frame | Mark]]:
    """Give the same frames, and notes between them."""

    def drafted(*parts: object) -> Iterator[Frame | Mark]:
        texts = 0
        for frame in draft(*parts):
            yield frame
            if isinstance(frame, Text):
                texts += 1
                if texts % EVERY == 0:
                    yield Note("새 소식", texts)

    return drafted


def make_app() -> Flask:
    """Make this process the later release, and its app. Nothing is changed before, so that tests can import `EVERY`."""
    items.LATER["note"] = Note
    structs.CONTENTS[Note] = NoteContent
    typed._ENVELOPES[Note] = NoteFrame
    answering._draft_frames = with_notes(answering._draft_frames)
    answering.FRAMES_VERSION = adopted.FRAMES_VERSION = FRAMES_VERSION + 1
    log_to_terminal()
    return create_app()
