"""This module declares the events of OpenAI's Responses API, as this service streams them.

An event is made without its number, and gets it when it is sent.
"""

from typing import TypeAlias

from msgspec import Struct

from qa_service.wire.openai_errors import OpenAIErrorContent
from qa_service.wire.response_objects import Citation, OutputPiece, OutputText, ResponseObject


class ResponsesEvent(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Every event has a number, which grows and never repeats. A reader that comes back names the last one it has
    seen."""

    sequence_number: int = 0


class CreatedEvent(ResponsesEvent, frozen=True, kw_only=True, tag="response.created"):
    """This is the first event."""

    response: ResponseObject


class InProgressEvent(ResponsesEvent, frozen=True, kw_only=True, tag="response.in_progress"):
    """This says that the answer is being written."""

    response: ResponseObject


class CompletedEvent(ResponsesEvent, frozen=True, kw_only=True, tag="response.completed"):
    """This is the last event of an answer that came to its end."""

    response: ResponseObject


class IncompleteEvent(ResponsesEvent, frozen=True, kw_only=True, tag="response.incomplete"):
    """This is the last event of an answer that ends early, or that somebody has stopped."""

    response: ResponseObject


class FailedEvent(ResponsesEvent, frozen=True, kw_only=True, tag="response.failed"):
    """This is the last event of an answer that failed."""

    response: ResponseObject


class OutputEvent(ResponsesEvent, frozen=True, kw_only=True):
    """This is the base of the events of one item of the output."""

    output_index: int


class ItemAddedEvent(OutputEvent, frozen=True, kw_only=True, tag="response.output_item.added"):
    """This says that an item of the output begins."""

    item: OutputPiece


class ItemDoneEvent(OutputEvent, frozen=True, kw_only=True, tag="response.output_item.done"):
    """This has a whole item of the output."""

    item: OutputPiece


class SearchBegunEvent(OutputEvent, frozen=True, kw_only=True, tag="response.web_search_call.in_progress"):
    """This says that a search of the web begins."""

    item_id: str


class SearchingEvent(OutputEvent, frozen=True, kw_only=True, tag="response.web_search_call.searching"):
    """This says that the web is being searched."""

    item_id: str


class SearchedEvent(OutputEvent, frozen=True, kw_only=True, tag="response.web_search_call.completed"):
    """This says that a search of the web is over."""

    item_id: str


class DrawingBegunEvent(OutputEvent, frozen=True, kw_only=True, tag="response.image_generation_call.in_progress"):
    """This says that the model begins a picture."""

    item_id: str


class DrawingEvent(OutputEvent, frozen=True, kw_only=True, tag="response.image_generation_call.generating"):
    """This says that a picture is being drawn."""

    item_id: str


class PartialImageEvent(OutputEvent, frozen=True, kw_only=True, tag="response.image_generation_call.partial_image"):
    """This is a picture as far as it is drawn, in base64."""

    item_id: str
    partial_image_index: int
    partial_image_b64: str


class DrawnEvent(OutputEvent, frozen=True, kw_only=True, tag="response.image_generation_call.completed"):
    """This says that a picture is drawn."""

    item_id: str


class MessageEvent(OutputEvent, frozen=True, kw_only=True):
    """This is the base of the events of the text of one message."""

    item_id: str
    content_index: int = 0


class PartAddedEvent(MessageEvent, frozen=True, kw_only=True, tag="response.content_part.added"):
    """This says that the text of a message begins."""

    part: OutputText


class DeltaEvent(MessageEvent, frozen=True, kw_only=True, tag="response.output_text.delta"):
    """This is a piece of the answer."""

    delta: str
    logprobs: tuple[()] = ()


class CitedEvent(MessageEvent, frozen=True, kw_only=True, tag="response.output_text.annotation.added"):
    """This names a source of the text."""

    annotation_index: int
    annotation: Citation


class TextDoneEvent(MessageEvent, frozen=True, kw_only=True, tag="response.output_text.done"):
    """This has the whole text of a message. It is empty where the text was taken back."""

    text: str
    logprobs: tuple[()] = ()


class PartDoneEvent(MessageEvent, frozen=True, kw_only=True, tag="response.content_part.done"):
    """This has the whole text of a message with its sources."""

    part: OutputText


class FailureEvent(ResponsesEvent, frozen=True, kw_only=True, tag="error"):
    """This says why an answer failed. The SDKs raise what is in `error`; the fields beside it are those that the API
    documents."""

    error: OpenAIErrorContent
    code: str
    message: str
    param: str | None = None


RESPONSES_EVENTS: TypeAlias = (
    CreatedEvent
    | InProgressEvent
    | CompletedEvent
    | IncompleteEvent
    | FailedEvent
    | ItemAddedEvent
    | ItemDoneEvent
    | SearchBegunEvent
    | SearchingEvent
    | SearchedEvent
    | DrawingBegunEvent
    | DrawingEvent
    | PartialImageEvent
    | DrawnEvent
    | PartAddedEvent
    | DeltaEvent
    | CitedEvent
    | TextDoneEvent
    | PartDoneEvent
    | FailureEvent
)
"""An event of this format is one of these."""
