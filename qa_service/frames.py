"""What a reader of an answer gets, one frame after another."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from qa_service.model import FinishReason, SourceKind, Status, Usage, Value, Verdict, VerdictStatus


class TopicNotice(Value, frozen=True, omit_defaults=True):
    """Which topic a question belongs to, as the client is told."""

    index: int
    drifted: bool
    score: float
    reopened: bool = False


class Start(Value, frozen=True, tag_field="type", tag="start"):
    """The first frame, before any upstream byte is waited for."""

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
    """What is being done while no text comes."""

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
    """A piece of the answer; all of them, joined, are the answer."""

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
    """Milliseconds since the question was accepted; the first token's is null when none came."""

    first_token_ms: int | None
    total_ms: int


class Metadata(Value, frozen=True, tag_field="type", tag="metadata"):
    """What the answer was, once, after its references."""

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
    """Why the answer failed: an operator's sentence and a person's."""

    code: str
    message: str
    user_message: str
    retryable: bool
    retry_after: int | None = None
    status: int = 500
    """The HTTP status of a caller that doesn't stream."""


class Restart(Value, frozen=True, tag_field="type", tag="restart"):
    """The text so far is void; the answer begins again."""

    reason: str


class Done(Value, frozen=True, tag_field="type", tag="done"):
    """The last frame, exactly once; the turn is saved, or the metadata said it isn't."""

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


def text_of(items: Iterable[object]) -> str:
    """The answer that these frames have said so far; a `restart` voids what came before it."""
    said: list[str] = []
    for item in items:
        if type(item) is Text:
            said.append(item.content)
        elif type(item) is Restart:
            said.clear()
    return "".join(said)
