"""Reads the events of OpenAI's Responses API back into deltas, decoding only the fields that matter here."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn, TypeAlias

import msgspec
from msgspec import Struct

from qa_service.errors import UpstreamUnavailable
from qa_service.model import (
    Annotation,
    Delta,
    Finished,
    FinishReason,
    RefusalDelta,
    Searching,
    TextDelta,
    Thinking,
    Usage,
)
from qa_service.upstream.failures import failure
from qa_service.upstream.sse import Decoder


class _Event(Struct, tag_field="type", frozen=True):
    output_index: int = 0


class _TextPiece(_Event, frozen=True, tag="response.output_text.delta"):
    delta: str = ""


class _TextWhole(_Event, frozen=True, tag="response.output_text.done"):
    text: str = ""


class _RefusalPiece(_Event, frozen=True, tag="response.refusal.delta"):
    delta: str = ""


class _RefusalWhole(_Event, frozen=True, tag="response.refusal.done"):
    refusal: str = ""


class _ReasoningPiece(_Event, frozen=True, tag="response.reasoning_text.delta"):
    pass


class _SummaryPiece(_Event, frozen=True, tag="response.reasoning_summary_text.delta"):
    pass


class _Action(Struct, frozen=True):
    query: str | None = None
    queries: tuple[str, ...] | None = None


class _Item(Struct, frozen=True):
    type: str = ""
    phase: str | None = None
    action: _Action | None = None


class _ItemAdded(_Event, frozen=True, tag="response.output_item.added"):
    item: _Item = _Item()


class _ItemDone(_Event, frozen=True, tag="response.output_item.done"):
    item: _Item = _Item()


class _Source(Struct, frozen=True):
    type: str = ""
    url: str | None = None
    title: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _AnnotationAdded(_Event, frozen=True, tag="response.output_text.annotation.added"):
    annotation: _Source | None = None


class _Failure(Struct, frozen=True):
    code: str | None = None
    type: str | None = None


class _Error(_Event, frozen=True, tag="error"):
    """Documented flat, sent nested."""

    code: str | None = None
    error: _Failure | None = None


class _Details(Struct, frozen=True):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Tokens(Struct, frozen=True):
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _Incompleteness(Struct, frozen=True):
    reason: str | None = None


class _Response(Struct, frozen=True):
    model: str | None = None
    status: str | None = None
    usage: _Tokens | None = None
    error: _Failure | None = None
    incomplete_details: _Incompleteness | None = None


class _End(_Event, frozen=True):
    response: _Response = _Response()


class _Completed(_End, frozen=True, tag="response.completed"):
    pass


class _Done(_End, frozen=True, tag="response.done"):
    pass


class _Incomplete(_End, frozen=True, tag="response.incomplete"):
    pass


class _Failed(_End, frozen=True, tag="response.failed"):
    pass


class _Untyped(Struct, frozen=True):
    """What some compatible servers and proxies send when they fail."""

    error: _Failure | None = None


_Text: TypeAlias = _TextPiece | _TextWhole | _RefusalPiece | _RefusalWhole
_Work: TypeAlias = _ReasoningPiece | _SummaryPiece | _ItemAdded | _ItemDone | _AnnotationAdded
_Ending: TypeAlias = _Completed | _Done | _Incomplete | _Failed | _Error
_AnyEvent: TypeAlias = _Text | _Work | _Ending

# `response.done` says in its response what became of it.
_STATUS: Mapping[type[_End], str] = {_Completed: "completed", _Incomplete: "incomplete", _Failed: "failed"}

_typed: msgspec.json.Decoder[_AnyEvent] = msgspec.json.Decoder(_AnyEvent)
_untyped = msgspec.json.Decoder(_Untyped)


def read(chunks: Iterable[bytes]) -> Iterator[Delta]:
    """The deltas of one answer, from its bytes cut anywhere. `Finished` comes last, or an `UpstreamError` is raised:
    an end without a terminal event is one. Text of several messages and parts keeps the order of its deltas."""
    return _Reader().deltas(chunks)


class _Reader:
    def __init__(self) -> None:
        self._decoder = Decoder()
        self._written: list[str] = []
        self._asides: set[int] = set()
        self._thinking = False
        self._refused = False

    def deltas(self, chunks: Iterable[bytes]) -> Iterator[Delta]:
        for chunk in chunks:
            for event_data in self._decoder.feed(chunk):
                event = _decode(event_data)
                if type(event) is _TextPiece and event.output_index not in self._asides:
                    self._thinking = False
                    self._written.append(event.delta)
                    yield TextDelta(event.delta)
                    continue
                yield from self._read(event)
                if isinstance(event, _End):
                    return
        raise UpstreamUnavailable("upstream ended without its terminal event")

    def _read(self, event: _AnyEvent | None) -> Iterator[Delta]:
        match event:
            case _TextPiece() | _TextWhole() | _RefusalPiece() | _RefusalWhole():
                yield from self._text(event)
            case _ItemAdded(item=item) if item.type == "message":
                self._begin_message(event.output_index, item)
            case _Error():
                _fail(event.error or _Failure(event.code))
            case _Completed() | _Done() | _Incomplete() | _Failed():
                yield self._finish(event)
            case _ItemAdded() | _ItemDone() | _AnnotationAdded() | _ReasoningPiece() | _SummaryPiece():
                yield from self._work(event)

    def _text(self, event: _Text) -> Iterator[Delta]:
        if event.output_index in self._asides:
            yield from self._think()
            return
        match event:
            case _RefusalPiece(delta=piece):
                self._written.append(piece)
                yield self._refuse(piece)
            case _RefusalWhole(refusal=whole):
                if rest := self._missing(whole):
                    yield self._refuse(rest)
            case _TextWhole(text=whole):
                if rest := self._missing(whole):
                    yield TextDelta(rest)

    def _missing(self, whole: str) -> str:
        """What the finished part has beyond its deltas; nothing where they disagree, since what is said is said."""
        written = "".join(self._written)
        self._written.clear()
        return whole[len(written) :] if whole.startswith(written) else ""

    def _refuse(self, text: str) -> RefusalDelta:
        self._thinking = False
        self._refused = True
        return RefusalDelta(text)

    def _begin_message(self, output_index: int, item: _Item) -> None:
        self._written.clear()
        if item.phase == "commentary":
            self._asides.add(output_index)

    def _work(self, event: _Work) -> Iterator[Delta]:
        match event:
            case _AnnotationAdded(annotation=_Source() as source):
                yield _annotation(source)
            case _ItemAdded(item=item) | _ItemDone(item=item) if item.type == "web_search_call":
                yield from self._search(event, _query(item))
            case _ReasoningPiece() | _SummaryPiece() | _ItemAdded(item=_Item(type="reasoning")):
                yield from self._think()

    def _search(self, event: _Work, query: str) -> Iterator[Delta]:
        if query or isinstance(event, _ItemAdded):
            self._thinking = False
            yield Searching(query)

    def _think(self) -> Iterator[Delta]:
        if not self._thinking:
            self._thinking = True
            yield Thinking()

    def _finish(self, event: _Completed | _Done | _Incomplete | _Failed) -> Finished:
        response = event.response
        reason: FinishReason = "refusal" if self._refused else "stop"
        match _STATUS.get(type(event), response.status):
            case "failed" | "cancelled":
                _fail(response.error or _Failure())
            case "incomplete":
                reason = _shortfall(response.incomplete_details)
        return Finished(reason, model=response.model or "", usage=_usage(response.usage))


def _decode(event: bytes) -> _AnyEvent | None:
    """None for an event of no interest. What isn't JSON is an error: it may have been a piece of the answer."""
    try:
        return _typed.decode(event)
    except msgspec.ValidationError:
        return _error_within(event)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if event in (b"", b"[DONE]"):
            return None
        return _decode_repaired(event, error)


def _error_within(event: bytes) -> _Error | None:
    try:
        failure = _untyped.decode(event).error
    except msgspec.ValidationError:
        return None
    return _Error(error=failure) if failure else None


def _decode_repaired(event: bytes, error: Exception) -> _AnyEvent | None:
    """The event with U+FFFD for what isn't UTF-8."""
    repaired = event.decode(errors="replace").encode()
    if repaired == event:
        raise UpstreamUnavailable("upstream sent an event that isn't JSON") from error
    return _decode(repaired)


def _fail(reported: _Failure) -> NoReturn:
    raise failure(reported.code, reported.type)


def _shortfall(details: _Incompleteness | None) -> FinishReason:
    return "content_filter" if details and details.reason == "content_filter" else "length"


def _query(item: _Item) -> str:
    if item.action is None:
        return ""
    return item.action.query or next(iter(item.action.queries or ()), "")


def _annotation(source: _Source) -> Annotation:
    if source.type == "url_citation":
        return Annotation("url", title=source.title or "", url=source.url or "")
    return Annotation("document", document_id=source.file_id or "", file=source.filename or "")


def _usage(tokens: _Tokens | None) -> Usage | None:
    if tokens is None:
        return None
    received, written = tokens.input_tokens or 0, tokens.output_tokens or 0
    return Usage(
        input=received,
        output=written,
        total=tokens.total_tokens or received + written,
        cached=(tokens.input_tokens_details or _Details()).cached_tokens or 0,
        reasoning=(tokens.output_tokens_details or _Details()).reasoning_tokens or 0,
    )
