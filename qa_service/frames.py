"""Frames are what the reader of an answer gets, one after another. README lists them."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from qa_service.model import FinishReason, SourceKind, Status, Usage, Value, Verdict, VerdictStatus


class TopicNotice(Value, frozen=True, omit_defaults=True):
    """This tells the client which topic its question belongs to."""

    index: int
    drifted: bool
    score: float
    reopened: bool = False


class Start(Value, frozen=True, tag_field="type", tag="start"):
    """The first frame. It is sent before anything of upstream's is waited for."""

    answer_id: str
    session_id: str
    created: bool
    model: str
    topic: TopicNotice
    created_at: str


Stage: TypeAlias = Literal[
    "reading_file", "file", "retrieving", "searching_web", "thinking", "generating_image", "retrying"
]


class StageNotice(Value, frozen=True, tag_field="type", tag="status", omit_defaults=True):
    """Says what is being done while no text comes."""

    stage: Stage
    name: str | None = None
    page: int | None = None
    pages: int | None = None
    query: str | None = None
    attempt: int | None = None
    reason: str | None = None
    kind: str | None = None
    status: VerdictStatus | None = None
    tokens: int | None = None


class Text(Value, frozen=True, tag_field="type", tag="text", gc=False):
    """A piece of the answer. The answer is all of them, joined."""

    content: str


class Reference(Value, frozen=True, tag_field="type", tag="reference", omit_defaults=True):
    """One source of the answer; `n` is the number printed in the text."""

    n: int
    kind: SourceKind
    title: str = ""
    url: str = ""
    document_id: str | None = None
    file: str | None = None
    page: int | None = None
    section: str | None = None
    quote: str | None = None


class Call(Value, frozen=True):
    """One model call that a question caused."""

    model: str
    purpose: str
    usage: Usage
    cost: float | None = None


class Timing(Value, frozen=True):
    """Times in milliseconds since the question was accepted. The first token's is None where no text came."""

    first_token_ms: int | None
    total_ms: int


class Metadata(Value, frozen=True, tag_field="type", tag="metadata"):
    """The facts about the whole answer. It comes once, after the references."""

    session_id: str
    answer_id: str
    model: str
    usage: Usage
    calls: tuple[Call, ...]
    cost: float | None
    timing: Timing
    topic: TopicNotice
    files: tuple[Verdict, ...]
    finish_reason: FinishReason
    saved: bool
    image_results: tuple[Mapping[str, str], ...] = ()
    video_results: tuple[Mapping[str, str], ...] = ()


class Failure(Value, frozen=True, tag_field="type", tag="error", omit_defaults=True):
    """Says why the answer failed: `message` for operators, `user_message` for the person."""

    code: str
    message: str
    user_message: str
    retryable: bool
    retry_after: int | None = None
    status: int = 500
    """The HTTP status of a caller that doesn't stream."""


class Restart(Value, frozen=True, tag_field="type", tag="restart"):
    """The text so far doesn't count, and the answer begins again."""

    reason: str


class Done(Value, frozen=True, tag_field="type", tag="done"):
    """The last frame, exactly once. The turn is saved by then, unless the metadata said that it isn't."""

    status: Status


class UnknownFrame(Value, frozen=True, tag_field="type", tag="unknown"):
    """A frame that a worker of a later release wrote. It has its number, and is carried along as it came."""

    kind: str
    """Its `type`; empty where it has none."""
    raw: bytes
    """JSON; usually an object, in which `type` is one of the fields."""


Frame: TypeAlias = Start | StageNotice | Text | Reference | Metadata | Failure | Restart | Done | UnknownFrame

FRAMES_VERSION = 2
"""Which frames the same pieces of an upstream make. A release that makes other ones of them, or cuts texts otherwise,
has another number: it can't go on with the very next frame of an answer that this one has begun."""


def text_from_frames(items: Iterable[object]) -> str:
    """The answer's text, as far as these frames have it. What comes before a `restart` doesn't count."""
    pieces: list[str] = []
    for item in items:
        if type(item) is Text:
            pieces.append(item.content)
        elif type(item) is Restart:
            pieces.clear()
    return "".join(pieces)
