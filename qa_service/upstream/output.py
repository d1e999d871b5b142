"""This module turns the events of one response into deltas: its text, its sources, signs of work, and its end."""

from collections.abc import Generator, Iterator, Mapping

from msgspec.structs import replace

from qa_service.deltas import Delta, Drawing, Finished, RefusalDelta, Searching, TextDelta, Thinking
from qa_service.errors import UpstreamRejected
from qa_service.model import FinishReason, Usage
from qa_service.upstream.drawn_pictures import DrawnPictures
from qa_service.upstream.events import (
    AnnotationAdded,
    AnyEvent,
    CitedSource,
    ContentPart,
    ErrorEvent,
    Event,
    ItemAdded,
    ItemDone,
    OutputItem,
    PartDone,
    PartialPicture,
    ReasoningPiece,
    RefusalPiece,
    RefusalWhole,
    Response,
    ResponseCancelled,
    ResponseCompleted,
    ResponseDone,
    ResponseEnd,
    ResponseFailed,
    ResponseIncomplete,
    SummaryPiece,
    TextPiece,
    TextWhole,
    TokenCounts,
    TokenDetails,
)
from qa_service.upstream.failures import FailureReport, map_report, read_report
from qa_service.upstream.parts import AnswerPart, AnswerParts, CopyKind, PartKind, PartPlace
from qa_service.upstream.sources import NotedSources
from qa_service.upstream.spool import PictureSpool

_NAMED: Mapping[type[ResponseEnd], str] = {
    ResponseCompleted: "completed",
    ResponseDone: "completed",
    ResponseIncomplete: "incomplete",
    ResponseFailed: "failed",
    ResponseCancelled: "cancelled",
}
"""This is the status that a terminal event's name tells, for a response that doesn't tell its own."""
_SHORTFALLS: Mapping[str, FinishReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "length": "length",
    "content_filter": "content_filter",
}
_NOWHERE = -2
"""No event has this index."""


class ResponseOutput:
    """A `ResponseOutput` is the output of one response, as far as it has come.

    Text of several messages and parts is told in the order of its events."""

    def __init__(self, spool: PictureSpool | None = None) -> None:
        self._pictures = DrawnPictures(spool or PictureSpool())
        self.plain_output: int | None = _NOWHERE
        """This is the item of the part that was written last, as the part's events name it; `plain_content` is the
        part's index in that item. Text for this part in which no mark can begin may be added to `plain_pieces` and told
        as it is. While something of the part is held back, this is an index that no event has."""
        self.plain_content: int | None = _NOWHERE
        self.plain_pieces: list[str] = []
        self._parts = AnswerParts()
        self._item = -1
        """The item that was announced last has this place in the output."""
        self._asides: tuple[int, ...] = ()
        """The messages at these places are no part of the answer."""
        self._sources = NotedSources()
        self._thinking = False
        self._refused = False

    def forget_plain(self) -> None:
        """Add no text to `plain_pieces` until `tell_event` has told the next piece."""
        self.plain_output = _NOWHERE

    def tell_event(self, event: AnyEvent | None) -> Iterator[Delta]:
        """Tell the deltas of one event. An event that reports a failure raises the `UpstreamError` for it."""
        match event:
            case TextPiece():
                yield from self._add_piece(event, "text")
            case RefusalPiece():
                yield from self._add_piece(event, "refusal")
            case TextWhole() | RefusalWhole() | PartDone():
                yield from self._tell_copy(event)
            case ResponseEnd(response=response):
                yield from self.tell_end(response, _NAMED[type(event)])
            case ErrorEvent(code=code, error=error):
                raise map_report(read_report(error) or FailureReport(code=code))
            case _:
                yield from self._tell_work(event)

    def _tell_copy(self, event: TextWhole | RefusalWhole | PartDone) -> Iterator[Delta]:
        output, content = self._output_of(event), event.content_index or 0
        if output in self._asides:
            return
        match event:
            case TextWhole(text=text):
                yield from self._add_copy(PartPlace(output, content), text, "text")
            case RefusalWhole(refusal=text):
                yield from self._add_copy(PartPlace(output, content, "refusal"), text, "text")
            case PartDone(part=part):
                yield from self._add_part(PartPlace(output, content), part, "part")

    def _tell_work(self, event: AnyEvent | None) -> Iterator[Delta]:
        match event:
            case ItemAdded(item=OutputItem(type="message") as item):
                self._begin_message(event, item)
            case ItemAdded(item=item):
                self._item = self._next_output(event)
                yield from self._tell_item(item, begun=True)
            case ItemDone(item=item):
                if (output := self._output_of(event)) not in self._asides:
                    yield from self._add_item(output, item, "item")
                yield from self._tell_item(item, begun=False)
            case AnnotationAdded(annotation=CitedSource() as source):
                yield from self._sources.note_event(source, self._find_cited(event))
            case PartialPicture(partial_image_b64=str(written)):
                yield from self._draw(self._output_of(event), written, partial=True)
            case ReasoningPiece() | SummaryPiece():
                yield from self._think()

    def _add_piece(self, event: TextPiece | RefusalPiece, kind: PartKind) -> Iterator[Delta]:
        place = PartPlace(self._output_of(event), event.content_index or 0, kind)
        if place.output in self._asides:
            yield from self._think()
            return
        if not event.delta:
            return
        part = self._parts.find_part(place)
        if part is None or part.copied:  # After a whole text, servers that don't count parts begin another one.
            yield from self.release_held()
            part = self._parts.begin_part(place)
        if shown := part.add_piece(event.delta):
            yield self._say(shown, part)
        if kind == "text" and not part.holds_back:
            self.plain_output, self.plain_content = event.output_index, event.content_index
            self.plain_pieces = part.pieces

    def _add_copy(self, place: PartPlace, whole: str, copy: CopyKind) -> Generator[Delta, None, AnswerPart | None]:
        """Tell what the whole text has beyond the part that it repeats, and return the part."""
        if not whole:
            return None
        part = self._parts.find_copied(place, whole, copy)
        if part is None:
            yield from self.release_held()
            part = self._parts.begin_part(place)
        part.copied = (*part.copied, copy)
        if shown := part.add_rest(whole):
            yield self._say(shown, part)
        return part

    def _find_cited(self, event: AnnotationAdded) -> AnswerPart | None:
        """Find the part to whose text a source belongs, if it is known where the part stands in the answer."""
        output = self._output_of(event)
        if output in self._asides or not self._parts.has_places:
            return None
        return self._parts.find_part(PartPlace(output, event.content_index or 0)) or self._parts.newest

    def _add_part(self, place: PartPlace, part: ContentPart, copy: CopyKind) -> Iterator[Delta]:
        copied = None
        if part.type == "refusal":
            yield from self._add_copy(replace(place, kind="refusal"), part.refusal or part.text or "", copy)
        elif part.type in ("output_text", "text", None):
            copied = yield from self._add_copy(place, part.text or "", copy)
        for source in part.annotations or ():
            if source:
                yield from self._sources.note_copy(source, copied if self._parts.has_places else None)

    def _draw(self, output: int, written: str, *, partial: bool) -> Iterator[Delta]:
        """Tell of a picture. A finished one comes several times, and is told once."""
        if not self._pictures.is_finished(output):
            self._thinking = False
            yield from self._pictures.tell_picture(output, written, partial=partial)

    def _add_item(self, output: int, item: OutputItem, copy: CopyKind) -> Iterator[Delta]:
        if item.type == "image_generation_call" and item.result:
            yield from self._draw(output, item.result, partial=False)
            return
        if item.type not in ("message", None) or item.phase == "commentary":
            return
        content = item.content or ()
        parts = (ContentPart("output_text", content),) if isinstance(content, str) else content
        for index, part in enumerate(parts):
            if part:
                yield from self._add_part(PartPlace(output, index), part, copy)

    def release_held(self) -> Iterator[Delta]:
        """Tell the text that was held back, because nothing follows it."""
        for part in self._parts:
            if part.holds_back and (shown := part.release_held()):
                yield self._say(shown, part)

    def _say(self, text: str, part: AnswerPart) -> Delta:
        self._thinking = False
        self._parts.note_growth(part)
        if part.kind == "text":
            return TextDelta(text)
        self._refused = True
        return RefusalDelta(text)

    def _output_of(self, event: Event) -> int:
        return max(self._item, 0) if event.output_index is None else event.output_index

    def _next_output(self, event: Event) -> int:
        return self._item + 1 if event.output_index is None else event.output_index

    def _begin_message(self, event: ItemAdded, item: OutputItem) -> None:
        self._item = self._next_output(event)
        self._parts.begin_item(self._item)
        self._asides = tuple(place for place in self._asides if place != self._item)
        if item.phase == "commentary":
            self._asides = (*self._asides, self._item)

    def _tell_item(self, item: OutputItem, *, begun: bool) -> Iterator[Delta]:
        if item.type == "web_search_call" and ((query := _query(item)) or begun):
            self._thinking = False
            yield Searching(query)
        elif item.type == "image_generation_call" and begun:
            self._thinking = False
            yield Drawing()
        elif item.type == "reasoning" and begun:
            yield from self._think()
        yield from self._sources.note_pages(item)

    def _think(self) -> Iterator[Delta]:
        if not self._thinking:
            self._thinking = True
            yield Thinking()

    def tell_end(self, response: Response, named: str) -> Iterator[Delta]:
        """Tell the rest of the text and of the sources, and `Finished`. A failed response raises its `UpstreamError`.

        `named` is the status of a response that doesn't tell its own; it may be empty."""
        status = find_status(response, named)
        if status in ("failed", "cancelled"):
            raise map_report(read_report(response.error) or FailureReport())
        if not status:
            raise UpstreamRejected("upstream answered without an answer; the base URL may be wrong")
        for output, item in enumerate(response.output or ()):
            if item:
                yield from self._add_item(output, item, "response")
        yield from self.release_held()
        yield from self._sources.note_targets(self._parts)
        yield Finished(self._reason(status, response), model=response.model or "", usage=_usage(response.usage))

    def _reason(self, status: str, response: Response) -> FinishReason:
        shortfall = _shortfall(response.incomplete_details)
        if status == "incomplete" or shortfall:
            return shortfall or "length"
        return "refusal" if self._refused else "stop"


def find_status(response: Response, named: str) -> str:
    """Find what became of the response. Its own status decides, unless that is missing or isn't one of an end."""
    status = response.status or ""
    return status if status in _NAMED.values() else named


def _shortfall(details: object) -> FinishReason | None:
    """Find why a response is incomplete. The result is None where that isn't said, or not in a known way."""
    reason = details.get("reason") if isinstance(details, dict) else details
    return _SHORTFALLS.get(reason) if isinstance(reason, str) else None


def _query(item: OutputItem) -> str:
    if item.action is None:
        return ""
    return item.action.query or next((query for query in item.action.queries or () if query), "")


def _usage(tokens: TokenCounts | None) -> Usage | None:
    if tokens is None or tokens == TokenCounts():
        return None
    received, written = tokens.input_tokens or 0, tokens.output_tokens or 0
    return Usage(
        input=received,
        output=written,
        total=tokens.total_tokens or received + written,
        cached=(tokens.input_tokens_details or TokenDetails()).cached_tokens or 0,
        reasoning=(tokens.output_tokens_details or TokenDetails()).reasoning_tokens or 0,
    )
