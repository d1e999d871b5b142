"""This module holds the events of OpenAI's Responses API, with those of their fields that matter here.

Real streams deviate from the documented types: fields are missing, null, or of another type. `decode_event` is strict
and fast. What it refuses is read by `read_event`, field by field.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import msgspec
from msgspec import Struct

from qa_service.errors import UpstreamUnavailable
from qa_service.upstream.failures import read_report
from qa_service.upstream.fields import UNREADABLE_REPLY, Count, Fragment, parse_json, read_struct


class Event(Struct, tag_field="type", frozen=True):
    """An `Event` has the fields of every event. They name the item of the output, and the part of that item's content,
    to which the event belongs.

    An `output_index` that is missing means the item that was announced last.
    """

    output_index: int | None = None
    content_index: int | None = None
    sequence_number: int | None = None
    """Upstream counts the events of a response that it keeps."""


class TextPiece(Event, frozen=True, gc=False, tag="response.output_text.delta"):
    delta: Fragment = Fragment("")


class TextWhole(Event, frozen=True, tag="response.output_text.done"):
    text: str = ""


class RefusalPiece(Event, frozen=True, tag="response.refusal.delta"):
    delta: Fragment = Fragment("")


class RefusalWhole(Event, frozen=True, tag="response.refusal.done"):
    refusal: str = ""


class ReasoningPiece(Event, frozen=True, tag="response.reasoning_text.delta"):
    pass


class SummaryPiece(Event, frozen=True, tag="response.reasoning_summary_text.delta"):
    pass


class PartialPicture(Event, frozen=True, tag="response.image_generation_call.partial_image"):
    """A `PartialPicture` is a picture as far as it has been drawn, in base64."""

    partial_image_b64: str | None = None


class CitedSource(Struct, frozen=True):
    """A `CitedSource` is the address, or the file at upstream, to which an annotation points."""

    type: str | None = None
    url: str | None = None
    title: str | None = None
    file_id: str | None = None
    filename: str | None = None
    start_index: Count | None = None
    end_index: Count | None = None
    index: Count | None = None


class ContentPart(Struct, frozen=True):
    """A `ContentPart` is one part of a message: `output_text` or `refusal`."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    annotations: tuple[CitedSource | None, ...] | None = None


class FoundPage(Struct, frozen=True):
    """A `FoundPage` is a page that a web search has returned."""

    url: str | None = None


class SearchAction(Struct, frozen=True):
    """A `SearchAction` says what a web search looked for, which pages it returned, or which page was opened."""

    query: str | None = None
    queries: tuple[str | None, ...] | None = None
    sources: tuple[FoundPage | None, ...] | None = None
    url: str | None = None


class OutputItem(Struct, frozen=True):
    """An `OutputItem` is one item of the output: a message, or the model's work on one."""

    type: str | None = None
    phase: str | None = None
    """A message whose phase is `commentary` isn't the answer."""
    action: SearchAction | None = None
    content: tuple[ContentPart | None, ...] | str | None = None
    result: str | None = None
    """This is the picture that was drawn, in base64."""


class PartDone(Event, frozen=True, tag="response.content_part.done"):
    part: ContentPart = ContentPart()


class ItemAdded(Event, frozen=True, tag="response.output_item.added"):
    item: OutputItem = OutputItem()


class ItemDone(Event, frozen=True, tag="response.output_item.done"):
    item: OutputItem = OutputItem()


class AnnotationAdded(Event, frozen=True, tag="response.output_text.annotation.added"):
    annotation: CitedSource | None = None


class ErrorEvent(Event, frozen=True, tag="error"):
    """An `ErrorEvent` is a failure within the stream. In OpenAI's documentation its fields stand in the event itself,
    but servers send them within `error`."""

    code: str | None = None
    error: object = None


class TokenDetails(Struct, frozen=True):
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class TokenCounts(Struct, frozen=True):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    input_tokens_details: TokenDetails | None = None
    output_tokens_details: TokenDetails | None = None


class Response(Struct, frozen=True):
    """A `Response` is the response as a whole, as it is when the event is sent."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    usage: TokenCounts | None = None
    error: object = None
    incomplete_details: object = None
    """This is an object with a `reason`, or the reason itself."""
    output: tuple[OutputItem | None, ...] | None = None


class ResponseCreated(Event, frozen=True, tag="response.created"):
    response: Response = Response()


class ResponseQueued(ResponseCreated, frozen=True, tag="response.queued"):
    pass


class ResponseInProgress(ResponseCreated, frozen=True, tag="response.in_progress"):
    pass


class ResponseEnd(Event, frozen=True):
    """This is a terminal event: nothing follows it."""

    response: Response = Response()


class ResponseCompleted(ResponseEnd, frozen=True, tag="response.completed"):
    pass


class ResponseDone(ResponseEnd, frozen=True, tag="response.done"):
    pass


class ResponseIncomplete(ResponseEnd, frozen=True, tag="response.incomplete"):
    pass


class ResponseFailed(ResponseEnd, frozen=True, tag="response.failed"):
    pass


class ResponseCancelled(ResponseEnd, frozen=True, tag="response.cancelled"):
    pass


class OtherEvent(Struct, frozen=True):
    """An `OtherEvent` tells nothing of the answer. Compatible servers and proxies also report errors in events of their
    own making; those become an `ErrorEvent`."""

    type: str | None = None
    error: object = None
    code: object = None
    message: object = None
    sequence_number: int | None = None


TextEvent: TypeAlias = TextPiece | TextWhole | RefusalPiece | RefusalWhole | PartDone
WorkEvent: TypeAlias = ReasoningPiece | SummaryPiece | ItemAdded | ItemDone | AnnotationAdded | PartialPicture
BeginningEvent: TypeAlias = ResponseCreated | ResponseQueued | ResponseInProgress
EndingEvent: TypeAlias = ResponseCompleted | ResponseDone | ResponseIncomplete | ResponseFailed | ResponseCancelled
KnownEvent: TypeAlias = BeginningEvent | TextEvent | WorkEvent | EndingEvent | ErrorEvent
AnyEvent: TypeAlias = KnownEvent | OtherEvent

_KINDS: dict[str, type[KnownEvent]] = {str(kind.__struct_config__.tag): kind for kind in KnownEvent.__args__}

decode_event: Callable[[bytes], KnownEvent] = msgspec.json.Decoder(KnownEvent).decode
"""This decodes an event of a known type, all of whose fields have the types above. For any other event it raises one of
`UNREADABLE_REPLY`."""

_decode_other = msgspec.json.Decoder(OtherEvent).decode


def read_event(content: bytes) -> AnyEvent | None:
    """Read any event, field by field. The result is None for what is no object, such as a keep-alive or `[DONE]`.

    An object that can't be parsed raises `UpstreamUnavailable`, because it may have been a piece of the answer.
    """
    with suppress(*UNREADABLE_REPLY):
        other = _decode_other(content)
        if other.type not in _KINDS:
            return _find_error(other)
    if not content.lstrip().startswith(b"{"):
        return None
    try:
        value = parse_json(content)
    except ValueError as error:
        raise UpstreamUnavailable("upstream sent an event that isn't JSON") from error
    name = value.get("type") if isinstance(value, dict) else None
    kind = _KINDS.get(name) if isinstance(name, str) else None
    return read_struct(kind, value) if kind else _find_error(read_struct(OtherEvent, value))


def _find_error(other: OtherEvent | None) -> ErrorEvent | OtherEvent | None:
    if other is None or _is_of_a_tool(other.type or ""):
        return other
    error = other.error
    if not error and other.code and other.message:  # The event itself is the error.
        error = {"code": other.code, "type": other.type}
    return ErrorEvent(sequence_number=other.sequence_number, error=error) if read_report(error) else other


def _is_of_a_tool(kind: str) -> bool:
    """Tell whether an event of an unknown type is about the work on an answer. An error that a tool had doesn't end the
    answer."""
    return kind.startswith("response.") and kind != "response.error"
