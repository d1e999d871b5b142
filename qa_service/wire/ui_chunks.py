"""This module declares the events of the AI SDK's UI message stream, as this service sends them."""

from typing import TypeAlias

from msgspec import Struct

from qa_service.wire.structs import (
    ErrorContent,
    ImageContent,
    MetadataContent,
    ReconnectContent,
    ReferenceContent,
    RestartContent,
    StartContent,
    StatusContent,
)


class UiChunk(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, tag_field="type"):
    """This is the base of everything that the stream holds."""


class UiStart(UiChunk, frozen=True, kw_only=True, tag="start"):
    """This begins the message. Its id is the answer's."""

    message_id: str
    message_metadata: StartContent


class UiStepStart(UiChunk, frozen=True, kw_only=True, tag="start-step"):
    """This begins a step."""


class UiStepEnd(UiChunk, frozen=True, kw_only=True, tag="finish-step"):
    """This ends a step."""


class UiTextStart(UiChunk, frozen=True, kw_only=True, tag="text-start"):
    """This opens a part of text."""

    id: str


class UiTextDelta(UiChunk, frozen=True, kw_only=True, tag="text-delta"):
    """This is a piece of the answer, in the part of text that is open."""

    id: str
    delta: str


class UiTextEnd(UiChunk, frozen=True, kw_only=True, tag="text-end"):
    """This closes a part of text."""

    id: str


class UiSourceUrl(UiChunk, frozen=True, kw_only=True, tag="source-url"):
    """This is a source in the web. `sourceId` is its number in the text."""

    source_id: str
    url: str
    title: str | None = None


class UiSourceDocument(UiChunk, frozen=True, kw_only=True, tag="source-document"):
    """This is a document that the answer cites. `sourceId` is its number in the text. Where the document is read stands
    in the `data-reference` that follows."""

    source_id: str
    media_type: str
    title: str
    filename: str | None = None


class UiReference(UiChunk, frozen=True, kw_only=True, tag="data-reference"):
    """This is a source as the default stream has it, with its page and its quote. `id` is its number in the text."""

    id: str
    data: ReferenceContent


class UiDrawing(UiChunk, frozen=True, kw_only=True, tag="data-image"):
    """This is a picture that isn't finished. It takes the place of an earlier one with the same index."""

    data: ImageContent
    transient: bool


class UiFile(UiChunk, frozen=True, kw_only=True, tag="file"):
    """This is a picture that is finished."""

    url: str
    media_type: str


class UiStatus(UiChunk, frozen=True, kw_only=True, tag="data-status"):
    """This says what is being done while no text comes."""

    data: StatusContent
    transient: bool


class UiRestart(UiChunk, frozen=True, kw_only=True, tag="data-restart"):
    """This says that the text of the steps before this one doesn't count."""

    data: RestartContent
    transient: bool


class UiReconnect(UiChunk, frozen=True, kw_only=True, tag="data-reconnect"):
    """This says that the connection is cut here, and that the answer goes on elsewhere."""

    data: ReconnectContent
    transient: bool


class UiMetadata(UiChunk, frozen=True, kw_only=True, tag="message-metadata"):
    """This adds the facts about the whole answer to the message's metadata."""

    message_metadata: MetadataContent


class UiErrorDetails(UiChunk, frozen=True, kw_only=True, tag="data-error"):
    """This says why the answer failed, with its code and whether trying again may help."""

    data: ErrorContent
    transient: bool


class UiError(UiChunk, frozen=True, kw_only=True, tag="error"):
    """This ends an answer that failed. The text is a sentence for the person who asked."""

    error_text: str


class UiAbort(UiChunk, frozen=True, kw_only=True, tag="abort"):
    """This ends an answer that was stopped."""

    reason: str


class UiFinish(UiChunk, frozen=True, kw_only=True, tag="finish"):
    """This ends any other answer."""

    finish_reason: str


UI_CHUNKS: TypeAlias = (
    UiStart
    | UiStepStart
    | UiStepEnd
    | UiTextStart
    | UiTextDelta
    | UiTextEnd
    | UiSourceUrl
    | UiSourceDocument
    | UiReference
    | UiDrawing
    | UiFile
    | UiStatus
    | UiRestart
    | UiReconnect
    | UiMetadata
    | UiErrorDetails
    | UiError
    | UiAbort
    | UiFinish
)
"""An event of this format is one of these, or stands for a frame of a later release."""
