"""The events of OpenAI's Responses API, of their fields those that matter here."""

from typing import TypeAlias

import msgspec
from msgspec import Struct

from qa_service.errors import UpstreamUnavailable


class Event(Struct, tag_field="type", frozen=True):
    """Any event; a stream that is kept upstream counts them."""

    output_index: int = 0
    sequence_number: int | None = None


class TextPiece(Event, frozen=True, tag="response.output_text.delta"):
    delta: str = ""


class TextWhole(Event, frozen=True, tag="response.output_text.done"):
    text: str = ""


class RefusalPiece(Event, frozen=True, tag="response.refusal.delta"):
    delta: str = ""


class RefusalWhole(Event, frozen=True, tag="response.refusal.done"):
    refusal: str = ""


class ReasoningPiece(Event, frozen=True, tag="response.reasoning_text.delta"):
    pass


class SummaryPiece(Event, frozen=True, tag="response.reasoning_summary_text.delta"):
    pass


class Action(Struct, frozen=True):
    query: str | None = None
    queries: tuple[str, ...] | None = None


class Item(Struct, frozen=True):
    type: str = ""
    phase: str | None = None
    action: Action | None = None


class ItemAdded(Event, frozen=True, tag="response.output_item.added"):
    item: Item = Item()


class ItemDone(Event, frozen=True, tag="response.output_item.done"):
    item: Item = Item()


class Source(Struct, frozen=True):
    type: str = ""
    url: str | None = None
    title: str | None = None
    file_id: str | None = None
    filename: str | None = None


class AnnotationAdded(Event, frozen=True, tag="response.output_text.annotation.added"):
    annotation: Source | None = None


class Failure(Struct, frozen=True):
    code: str | None = None
    type: str | None = None


class Error(Event, frozen=True, tag="error"):
    """Documented flat, sent nested."""

    code: str | None = None
    error: Failure | None = None


class Details(Struct, frozen=True):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class Tokens(Struct, frozen=True):
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: Details | None = None
    output_tokens_details: Details | None = None


class Incompleteness(Struct, frozen=True):
    reason: str | None = None


class Response(Struct, frozen=True):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    usage: Tokens | None = None
    error: Failure | None = None
    incomplete_details: Incompleteness | None = None


class Created(Event, frozen=True, tag="response.created"):
    response: Response = Response()


class Queued(Created, frozen=True, tag="response.queued"):
    pass


class InProgress(Created, frozen=True, tag="response.in_progress"):
    pass


class End(Event, frozen=True):
    response: Response = Response()


class Completed(End, frozen=True, tag="response.completed"):
    pass


class Done(End, frozen=True, tag="response.done"):
    pass


class Incomplete(End, frozen=True, tag="response.incomplete"):
    pass


class Failed(End, frozen=True, tag="response.failed"):
    pass


class Other(Struct, frozen=True):
    """An event of no interest; or what some compatible servers and proxies send when they fail."""

    error: Failure | None = None
    sequence_number: int | None = None


Text: TypeAlias = TextPiece | TextWhole | RefusalPiece | RefusalWhole
Work: TypeAlias = ReasoningPiece | SummaryPiece | ItemAdded | ItemDone | AnnotationAdded
Beginning: TypeAlias = Created | Queued | InProgress
Ending: TypeAlias = Completed | Done | Incomplete | Failed | Error
Known: TypeAlias = Beginning | Text | Work | Ending

_known: msgspec.json.Decoder[Known] = msgspec.json.Decoder(Known)
_other = msgspec.json.Decoder(Other)


def decode(event: bytes) -> Known | Other | None:
    """None for what is no event at all. What isn't JSON is an error: it may have been a piece of the answer."""
    try:
        return _known.decode(event)
    except msgspec.ValidationError:
        return _decode_other(event)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if event in (b"", b"[DONE]"):
            return None
        return _decode_repaired(event, error)


def _decode_other(event: bytes) -> Error | Other | None:
    try:
        other = _other.decode(event)
    except msgspec.ValidationError:
        return None
    return Error(error=other.error) if other.error else other


def _decode_repaired(event: bytes, error: Exception) -> Known | Other | None:
    """The event with U+FFFD for what isn't UTF-8."""
    repaired = event.decode(errors="replace").encode()
    if repaired == event:
        raise UpstreamUnavailable("upstream sent an event that isn't JSON") from error
    return decode(repaired)
