"""This module declares the objects that leave the service as JSON, each of them once.

The contract's schemas are made from these declarations, so that what is documented is what is sent. The docstrings are
the descriptions in those schemas. A field that is left out when it is empty has a default here; a field without a
default is always there, and may be null.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from qa_service.frames import (
    Call,
    Cite,
    Done,
    Failure,
    Frame,
    Image,
    ImageResult,
    Metadata,
    Reference,
    Restart,
    ShownSource,
    Stage,
    StageNotice,
    Start,
    TextSpan,
    Timing,
    TopicNotice,
    VideoResult,
)
from qa_service.model import FinishReason, OwnerKind, Rating, SourceKind, Status, Topic, Usage, VerdictStatus
from qa_service.presentation import SiteText, SiteTexts


class Outgoing(Struct, frozen=True, rename="camel", omit_defaults=True):
    """This is the base of every object that leaves. Its names are camelCase, and a field with its default is left
    out."""


class StartContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of a `start` frame."""

    answer_id: str
    session_id: str
    created: bool
    model: str
    topic: TopicNotice
    created_at: str


class StatusContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of a `status` frame: the stage, and what is known at that stage. `sources` come where the
    search for passages is over: by them a reader can open what a number in the text cites, before its `reference` has
    come. They replace those of an earlier frame, and a `restart` takes them back."""

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
    unread_pages: tuple[int, ...] = ()
    sources: tuple[ShownSource, ...] | None = None


class ImageContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of an `image` frame: a picture, or a part of it, that takes the place of an earlier one with
    the same `index`. `url` is a path under the public prefix that needs no credential, and expires."""

    index: int
    partial: bool
    mime_type: str
    url: str


class ReferenceContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of a `reference` frame. A document's `url` is a path under the public prefix."""

    n: int
    kind: SourceKind
    title: str = ""
    url: str = ""
    document_id: str | None = None
    file: str | None = None
    page: int | None = None
    section: str | None = None
    topic: int | None = None
    quote: str | None = None
    cites: tuple[Cite, ...] = ()


class VerdictContent(Outgoing, frozen=True, kw_only=True):
    """This says what became of one file of a question. `reason` says why it wasn't used, or not wholly."""

    name: str
    kind: str
    status: VerdictStatus
    reason: str | None = None
    pages: int
    tokens: int
    unread_pages: tuple[int, ...] = ()


class MetadataContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of a `metadata` frame. `cost` is null where the site has set no price for the model."""

    session_id: str
    answer_id: str
    model: str
    usage: Usage
    calls: tuple[Call, ...]
    cost: float | None
    timing: Timing
    topic: TopicNotice
    files: tuple[VerdictContent, ...]
    finish_reason: FinishReason
    saved: bool
    image_results: tuple[ImageResult, ...] = ()
    video_results: tuple[VideoResult, ...] = ()
    unsupported: tuple[TextSpan, ...] = ()


class ErrorContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of an `error` frame: a sentence for operators, and one for the person who asked."""

    code: str
    message: str
    user_message: str
    retryable: bool
    retry_after: int | None = None


class RestartContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of a `restart` frame. `reason` says why the text so far doesn't count."""

    reason: str


class DoneContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of a `done` frame."""

    status: Status


class HeartbeatContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of a `heartbeat`. It is empty, because a heartbeat only shows that the connection lives."""


class ReconnectContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of a `reconnect`. The answer goes on elsewhere, and the reader may come back after
    `backoffMs`."""

    reason: str
    backoff_ms: int


class FeedbackContent(Outgoing, frozen=True, kw_only=True):
    """This is what the person who asked thinks of an answer. `createdAt` is the moment when it was said."""

    rating: Rating
    comment: str = ""
    created_at: str


class AnswerObject(Outgoing, frozen=True, kw_only=True):
    """This is an answer as `GET answers/{id}` and `stream=false` give it. `metadata` is null while it is written."""

    answer_id: str
    session_id: str
    question: str
    text: str
    status: Status
    references: tuple[ReferenceContent, ...]
    images: tuple[ImageContent, ...] = ()
    metadata: MetadataContent | None
    error: ErrorContent | None = None
    feedback: FeedbackContent | None = None
    created_at: str


class TurnObject(Outgoing, frozen=True, kw_only=True):
    """This is a question and its answer in the list of a conversation. `metadata` is null while it is written."""

    answer_id: str
    question: str
    text: str
    references: tuple[ReferenceContent, ...]
    images: tuple[ImageContent, ...] = ()
    status: Status
    topic: int
    files: tuple[VerdictContent, ...]
    metadata: MetadataContent | None
    error: ErrorContent | None = None
    feedback: FeedbackContent | None = None
    created_at: str


class AnswerListObject(Outgoing, frozen=True, kw_only=True):
    """These are answers that have feedback, the newest feedback first. `next` is the cursor of those that follow, or
    null."""

    items: tuple[AnswerObject, ...]
    next: str | None


class FileObject(Outgoing, frozen=True, kw_only=True):
    """This is a file of a conversation. `topic` is the topic that it came with."""

    file_id: str
    name: str
    kind: str
    pages: int
    tokens: int
    status: VerdictStatus
    reason: str | None = None
    unread_pages: tuple[int, ...] = ()
    topic: int


class SessionObject(Outgoing, frozen=True, kw_only=True):
    """This is a conversation, newest turns first. `next` is the cursor of the turns before these, or null."""

    session_id: str
    title: str
    created_at: str
    updated_at: str
    topic: int
    topics: tuple[Topic, ...]
    turns: tuple[TurnObject, ...]
    files: tuple[FileObject, ...]
    next: str | None


class SessionEntryObject(Outgoing, frozen=True, kw_only=True):
    """This is a conversation in a list of conversations. `turns` is the number of its questions."""

    session_id: str
    title: str
    created_at: str
    updated_at: str
    turns: int


class SessionListObject(Outgoing, frozen=True, kw_only=True):
    """These are conversations, newest first. `next` is the cursor of those that follow, or null."""

    items: tuple[SessionEntryObject, ...]
    next: str | None


class FileListObject(Outgoing, frozen=True, kw_only=True):
    """These are the files that a conversation is answered from."""

    items: tuple[FileObject, ...]


class PageObject(Outgoing, frozen=True, kw_only=True):
    """This is the text of one page of a file. `section` is empty where the page belongs to none, and `label` where the
    page has no printed number of its own."""

    file_id: str
    name: str
    page: int
    pages: int
    text: str
    section: str
    label: str


class ProblemObject(Outgoing, frozen=True, kw_only=True):
    """This is a refusal (RFC 9457). `message` repeats `detail`, and `userMessage` is a sentence for the person who
    asked.

    `field` is the field that is wrong, and `answerId` the answer that keeps the conversation busy.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    user_message: str
    retryable: bool
    retry_after: int | None = None
    field: str | None = None
    answer_id: str | None = None


class LimitsObject(Outgoing, frozen=True, kw_only=True):
    """These are the limits of a question: its characters, its files, and the bytes of a file and of the whole
    request."""

    question: int
    files: int
    file_bytes: int
    body_bytes: int


class CallerObject(Outgoing, frozen=True, kw_only=True):
    """This says how the service knows who asks: by a site's login, a server's key, a personal key, or not at all."""

    kind: OwnerKind


class IntroductionObject(Outgoing, frozen=True, kw_only=True):
    """This is how the site introduces itself. Each text is given in both languages, and is null where the site says
    nothing."""

    name: SiteText | None
    greeting: SiteText | None
    examples: SiteTexts | None
    logo: str | None
    accent: str | None


class ConfigObject(Outgoing, frozen=True, kw_only=True):
    """This is what a client must know before it asks. `kinds` are the kinds of files that are read."""

    kinds: tuple[str, ...]
    limits: LimitsObject
    model: str
    models: tuple[str, ...]
    web_search: bool
    upstream: str
    encoder: str | None
    caller: CallerObject
    introduction: IntroductionObject
    show_cost: bool
    currency: str
    version: str


class TokenObject(Outgoing, frozen=True, kw_only=True):
    """This is a token, and the moment at which it ends."""

    token: str
    expires_at: str


class HealthObject(Outgoing, frozen=True, kw_only=True):
    """This says that the process answers requests. It says nothing about the store and the model."""

    status: Literal["ok"]


class ReadinessObject(Outgoing, frozen=True, kw_only=True):
    """This says whether questions are answered now, and has one line about each thing that this depends on."""

    status: Literal["ready", "draining", "unavailable"]
    store: str
    upstream: str
    files: str
    topics: str
    knowledge: str


OBJECTS = (
    AnswerListObject,
    AnswerObject,
    ConfigObject,
    FileListObject,
    FileObject,
    HealthObject,
    PageObject,
    ProblemObject,
    ReadinessObject,
    SessionEntryObject,
    SessionListObject,
    SessionObject,
    TokenObject,
)
"""Those routes that don't stream answer with these objects."""

Content: TypeAlias = (
    StartContent
    | StatusContent
    | ImageContent
    | ReferenceContent
    | MetadataContent
    | ErrorContent
    | RestartContent
    | DoneContent
)

CONTENTS: Mapping[type[Frame], type[Content]] = {
    Start: StartContent,
    StageNotice: StatusContent,
    Image: ImageContent,
    Reference: ReferenceContent,
    Metadata: MetadataContent,
    Failure: ErrorContent,
    Restart: RestartContent,
    Done: DoneContent,
}
"""This is the declaration of the content of each kind of frame except `text`, whose content is its string."""
