"""This module holds the values that a question becomes: its admission, its turn, the marks in its answer's log, and the
lists of sessions."""

from collections.abc import Sequence
from hashlib import blake2b, sha256
from typing import TypeAlias

from msgspec.structs import replace

from qa_service.deltas import Opened
from qa_service.frames import (
    Done,
    Failure,
    Frame,
    Image,
    Metadata,
    Reference,
    Start,
    Text,
    Timing,
    TopicNotice,
    images_from_frames,
    references_from_frames,
    text_from_frames,
)
from qa_service.model import (
    Echo,
    FinishReason,
    Language,
    Meaning,
    Owner,
    Prompt,
    Question,
    Rating,
    Session,
    Status,
    StoredFile,
    Topic,
    Usage,
    Value,
    Verdict,
)
from qa_service.pause import with_pauses


class Feedback(Value, frozen=True):
    """A `Feedback` is what the owner of an answer thinks of it. It is stored beside the turn, so that whoever saves the
    turn again leaves it as it is."""

    rating: Rating
    comment: str
    created_at: str
    v: int = 1
    """It is stored in this version of its format."""


class Turn(Value, frozen=True):
    """A `Turn` is one question with all that became of it. It is stored, and `answers/{id}` shows it."""

    answer_id: str
    session_id: str
    question: str
    text: str
    status: Status
    topic: int
    created_at: str
    references: tuple[Reference, ...] = ()
    files: tuple[Verdict, ...] = ()
    metadata: Metadata | None = None
    error: Failure | None = None
    language: Language = "en"
    feedback: Feedback | None = None
    """This is set where a turn is read from the store. It is never stored with the turn."""
    echo: Echo | None = None
    images: tuple[Image, ...] = ()
    """These pictures were drawn for the answer. Each is as it was finished."""
    meaning: Meaning | None = None
    """It is set when the turn is finished, where there is an encoder."""
    instead_of: tuple[str, ...] = ()
    """These are the latest answers that stood in this turn's place before, oldest first."""
    v: int = 1
    """It is stored in this version of its format."""


def name_file(answer_id: str, number: int) -> str:
    """Return the id of the file that came with a question as its first, second or `number`th one. The id is the same
    when the answer is begun again after a crash, so no file is listed twice."""
    return sha256(f"{answer_id} {number}".encode()).hexdigest()[:32]


def turn_from_frames(turn: Turn, frames: Sequence[Frame]) -> Turn:
    """Return the turn with the text of its frames so far. If the last frame is there, the turn is finished: it has its
    status, references, files, metadata and error, too."""
    so_far = replace(turn, text=text_from_frames(with_pauses(frames)))
    if not (frames and isinstance(frames[-1], Done)):
        return so_far
    others = [frame for frame in with_pauses(frames) if type(frame) is not Text]
    metadata = next((frame for frame in others if isinstance(frame, Metadata)), None)
    return replace(
        so_far,
        status=frames[-1].status,
        references=references_from_frames(others),
        images=images_from_frames(others),
        files=metadata.files if metadata else (),
        metadata=metadata,
        error=next((frame for frame in others if isinstance(frame, Failure)), None),
    )


class Asked(Value, frozen=True, tag_field="type", tag="asked"):
    """This is a mark in the log, which says that upstream is asked from here on. It has what another worker needs to
    end the answer."""

    prompt: Prompt
    """The prompt has no messages, because nobody asks with it again."""
    verdicts: tuple[Verdict, ...]


class Gap(Value, frozen=True, tag_field="type", tag="gap"):
    """This is a mark that isn't kept in the log. It says that readers may have seen other frames under the next
    numbers, because the worker that wrote those died. So the frames that follow get numbers that lie far beyond."""


class UnknownMark(Value, frozen=True, tag_field="type", tag="unknown_mark"):
    """This is a mark that a worker of a later release wrote. It takes no number, and is carried along as it came."""

    kind: str
    """This is the mark's `type`, or empty where the mark has none."""
    raw: bytes
    """This is the mark as JSON. Usually it is an object, in which `type` is one of the fields."""


Mark: TypeAlias = Asked | Opened | Gap | UnknownMark


class Admission(Value, frozen=True):
    """An `Admission` is a question that will be answered. Nothing refuses it any more."""

    question: Question
    answer_id: str
    session: Session
    """This is the session as it is after the claim: in the right topic, with the context of that topic."""
    created: bool
    topic: TopicNotice
    model: str
    created_at: str
    turn: Turn
    """This is the running turn, as the store has it after the claim."""
    began: float
    """The question was accepted at this moment, in seconds of `time.monotonic()`."""

    def build_start(self) -> Start:
        """Make the first frame of the answer."""
        return Start(
            self.answer_id,
            self.session.session_id,
            created=self.created,
            model=self.model,
            topic=self.topic,
            created_at=self.created_at,
        )


class SessionEntry(Value, frozen=True):
    """A `SessionEntry` is one conversation, as a list of conversations shows it."""

    session_id: str
    title: str
    created_at: str
    updated_at: str
    turns: int


class SessionList(Value, frozen=True):
    """A `SessionList` is a part of the list of conversations, newest first. `next` is the cursor of the part that
    follows, or None where this is the last one."""

    items: tuple[SessionEntry, ...]
    next: str | None


class RatedTurns(Value, frozen=True):
    """A `RatedTurns` is a part of the list of turns that have feedback, the newest feedback first. `next` is the cursor
    of the part that follows, or None where this is the last one."""

    turns: tuple[Turn, ...]
    next: str | None


class SessionPage(Value, frozen=True):
    """A `SessionPage` is a conversation as its owner reads it, newest turns first. `next` is the cursor of the turns
    before these, or None where there are none."""

    session_id: str
    title: str
    created_at: str
    updated_at: str
    topics: tuple[Topic, ...]
    turns: tuple[Turn, ...]
    files: tuple[StoredFile, ...]
    next: str | None
    topic: int = 0
    """This is the number of the current topic."""


def logged_id(owner: Owner, answer_id: str) -> str:
    """Return the name under which log files know an answer: its id or, for a visitor's answer, a hash of the id.

    Whoever knows the id of a visitor's answer can read and delete the conversation, so that a log must not hold it.
    The hash is keyed by `owner.key`, which depends on the server's secret and stands in no log.
    """
    if owner.kind != "anonymous":
        return answer_id
    return blake2b(answer_id.encode(), key=owner.key.encode(), digest_size=16).hexdigest()


class Observation(Value, frozen=True):
    """An `Observation` is what observers are told of a finished answer: its names, times, tokens and status, and never
    the question."""

    answer_id: str
    """This is the answer's name as `logged_id` gives it."""
    owner: str
    """This is the `kind` of the owner."""
    status: Status
    finish_reason: FinishReason
    model: str
    usage: Usage
    timing: Timing
    topic: int
    drifted: bool
    files: int
    references: int
    saved: bool
    error: str | None = None
    cost: float | None = None
    dangling: int = 0
    """This many numbers in brackets stand for no source."""
    unsupported: int = 0
    """This many sentences have no support in the sources, as far as the site lets that be checked."""
    leaked: bool = False
    """This says whether the answer repeats the mark of its instructions."""
