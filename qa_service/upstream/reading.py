"""Reads the bytes of one response back into deltas, over one connection or over several."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn

from qa_service.errors import UpstreamUnavailable
from qa_service.model import (
    Annotation,
    Delta,
    Finished,
    FinishReason,
    Opened,
    RefusalDelta,
    Searching,
    TextDelta,
    Thinking,
    Usage,
)
from qa_service.upstream.events import (
    AnnotationAdded,
    Completed,
    Created,
    Details,
    Done,
    End,
    Error,
    Failed,
    Failure,
    Incomplete,
    Incompleteness,
    Item,
    ItemAdded,
    ItemDone,
    Known,
    Other,
    ReasoningPiece,
    RefusalPiece,
    RefusalWhole,
    Source,
    SummaryPiece,
    Text,
    TextPiece,
    TextWhole,
    Tokens,
    Work,
    decode,
)
from qa_service.upstream.failures import failure
from qa_service.upstream.sse import Decoder

# `response.done` says in its response what became of it.
_STATUS: Mapping[type[End], str] = {Completed: "completed", Incomplete: "incomplete", Failed: "failed"}


class Reader:
    """Of one response. Text of several messages and parts keeps the order of its deltas.

    A response that upstream keeps says its id, unless it is known, and counts its events: none is read twice.
    """

    def __init__(self, *, kept: bool = False, response_id: str = "") -> None:
        self.response_id = response_id
        self.last = -1
        """The number of the last event that was read, where upstream keeps the response."""
        self.working = False
        """Whether anything of the answer has come, or a sign of work on it."""
        self.ended = False
        """Whether upstream itself ended the response, one way or another."""
        self._kept = kept
        self._decoder = Decoder()
        self._written: list[str] = []
        self._asides: set[int] = set()
        self._thinking = False
        self._refused = False

    def deltas(self, chunks: Iterable[bytes]) -> Iterator[Delta]:
        """From bytes cut anywhere. `Finished` comes last, or an `UpstreamError` is raised: an end without a terminal
        event is one. What follows the terminal event is left unread."""
        for chunk in chunks:
            for written in self._decoder.feed(chunk):
                event = decode(written)
                if event is None or (self._kept and self._is_old(event)):
                    continue
                # The way of nearly every event, kept short.
                if type(event) is TextPiece and event.output_index not in self._asides:
                    self.working, self._thinking = True, False
                    self._written.append(event.delta)
                    yield TextDelta(event.delta)
                    continue
                yield from self._read(event)
                if self.ended:
                    return
        raise UpstreamUnavailable("upstream ended without its terminal event")

    @property
    def nameless(self) -> bool:
        """Whether upstream keeps the response, but hasn't said its id yet."""
        return self._kept and not self.response_id and not self.working

    @property
    def resumable(self) -> bool:
        """Whether the rest can be had over another connection."""
        return bool(self.response_id) and (self.last >= 0 or not self.working)

    def reconnect(self) -> None:
        """What comes next is of another connection: an event that was cut comes again as a whole."""
        self._decoder = Decoder()

    def _is_old(self, event: Known | Other) -> bool:
        number = event.sequence_number
        if number is None:
            return False
        if number <= self.last:
            return True
        self.last = number
        return False

    def _read(self, event: Known | Other) -> Iterator[Delta]:
        if isinstance(event, Created):
            yield from self._open(event)
            return
        self.ended = isinstance(event, End | Error)
        for delta in self._said(event):
            self.working = True
            yield delta

    def _open(self, event: Created) -> Iterator[Delta]:
        if self._kept and not self.response_id and event.response.id:
            self.response_id = event.response.id
            yield Opened(self.response_id)

    def _said(self, event: Known | Other) -> Iterator[Delta]:
        match event:
            case TextPiece() | TextWhole() | RefusalPiece() | RefusalWhole():
                yield from self._text(event)
            case ItemAdded(item=item) if item.type == "message":
                self._begin_message(event.output_index, item)
            case Error():
                _fail(event.error or Failure(event.code))
            case Completed() | Done() | Incomplete() | Failed():
                yield self._finish(event)
            case ItemAdded() | ItemDone() | AnnotationAdded() | ReasoningPiece() | SummaryPiece():
                yield from self._work(event)

    def _text(self, event: Text) -> Iterator[Delta]:
        if event.output_index in self._asides:
            yield from self._think()
            return
        match event:
            case RefusalPiece(delta=piece):
                self._written.append(piece)
                yield self._refuse(piece)
            case RefusalWhole(refusal=whole):
                if rest := self._missing(whole):
                    yield self._refuse(rest)
            case TextWhole(text=whole):
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

    def _begin_message(self, output_index: int, item: Item) -> None:
        self._written.clear()
        if item.phase == "commentary":
            self._asides.add(output_index)

    def _work(self, event: Work) -> Iterator[Delta]:
        match event:
            case AnnotationAdded(annotation=Source() as source):
                yield _annotation(source)
            case ItemAdded(item=item) | ItemDone(item=item) if item.type == "web_search_call":
                yield from self._search(event, _query(item))
            case ReasoningPiece() | SummaryPiece() | ItemAdded(item=Item(type="reasoning")):
                yield from self._think()

    def _search(self, event: Work, query: str) -> Iterator[Delta]:
        if query or isinstance(event, ItemAdded):
            self._thinking = False
            yield Searching(query)

    def _think(self) -> Iterator[Delta]:
        if not self._thinking:
            self._thinking = True
            yield Thinking()

    def _finish(self, event: Completed | Done | Incomplete | Failed) -> Finished:
        response = event.response
        reason: FinishReason = "refusal" if self._refused else "stop"
        match _STATUS.get(type(event), response.status):
            case "failed" | "cancelled":
                _fail(response.error or Failure())
            case "incomplete":
                reason = _shortfall(response.incomplete_details)
        return Finished(reason, model=response.model or "", usage=_usage(response.usage))


def _fail(reported: Failure) -> NoReturn:
    raise failure(reported.code, reported.type)


def _shortfall(details: Incompleteness | None) -> FinishReason:
    return "content_filter" if details and details.reason == "content_filter" else "length"


def _query(item: Item) -> str:
    if item.action is None:
        return ""
    return item.action.query or next(iter(item.action.queries or ()), "")


def _annotation(source: Source) -> Annotation:
    if source.type == "url_citation":
        return Annotation("url", title=source.title or "", url=source.url or "")
    return Annotation("document", document_id=source.file_id or "", file=source.filename or "")


def _usage(tokens: Tokens | None) -> Usage | None:
    if tokens is None:
        return None
    received, written = tokens.input_tokens or 0, tokens.output_tokens or 0
    return Usage(
        input=received,
        output=written,
        total=tokens.total_tokens or received + written,
        cached=(tokens.input_tokens_details or Details()).cached_tokens or 0,
        reasoning=(tokens.output_tokens_details or Details()).reasoning_tokens or 0,
    )
