"""This module turns the chunks of Chat Completions into deltas: text, sources, signs of work, and the end."""

import logging
from collections.abc import Iterator, Mapping, Sequence

from qa_service.deltas import Delta, Finished, RefusalDelta, TextDelta, Thinking
from qa_service.errors import UpstreamUnavailable
from qa_service.model import FinishReason, Usage
from qa_service.upstream.chunks import (
    ChatCitation,
    ChatUsage,
    Choice,
    Chunk,
    ChunkPiece,
    CompletionDetails,
    PromptDetails,
    find_failure,
)
from qa_service.upstream.events import CitedSource
from qa_service.upstream.failures import map_report
from qa_service.upstream.marks import SIGNS
from qa_service.upstream.parts import AnswerPart, AnswerParts, PartKind, PartPlace
from qa_service.upstream.sources import NotedSources
from qa_service.upstream.thoughts import ThoughtFilter

log = logging.getLogger(__name__)

_REASONS: Mapping[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "refusal": "refusal",
}
"""Servers use these words for ends that aren't a plain `stop`. They also write them in capitals."""
_GOES_ON = ("null", "none")
"""Some servers write one of these words as long as there is no reason."""
_BROKEN = ("error", "abort", "aborted", "cancelled", "insufficient_system_resource", "network_error")
"""With one of these words a server says that it couldn't go on."""
_TEXT = ("text", "output_text", None)
_THOUGHTS = ("thinking", "reasoning")
_PLACES: Mapping[PartKind, PartPlace] = {"text": PartPlace(0), "refusal": PartPlace(0, kind="refusal")}
_BRACKET, _PRIVATE_SIGN = SIGNS


class Completion:
    """A `Completion` is the answer of one response, as far as it has come."""

    def __init__(self) -> None:
        self.reason: FinishReason | None = None
        """This says why the answer has ended. It is None until then."""
        self._parts = AnswerParts()
        self._sources = NotedSources()
        self._thoughts = ThoughtFilter()
        self._model = ""
        self._usage: ChatUsage | None = None
        self._thinking = False
        self._refused = False
        self._called = False

    def add_plain(self, chunk: Chunk) -> str:
        """Add a chunk that has text and nothing else, where that text can be told as it is, and return the text. It is
        empty for any other chunk, which is left to `tell_chunk`."""
        choice = chunk.choices[0] if chunk.choices else None
        if choice is None or choice.delta is None or not isinstance(text := choice.delta.content, str):
            return ""
        nothing_else = choice == Choice(choice.index, ChunkPiece(text)) and chunk == Chunk(chunk.model, (choice,))
        part = self._parts.newest
        if not nothing_else or choice.index or part is None or not self._goes_on(part):
            return ""
        if _BRACKET in text or _PRIVATE_SIGN in text:
            return ""
        part.pieces.append(text)
        return text

    def _goes_on(self, part: AnswerPart) -> bool:
        """Tell whether text may be added to this part as it is."""
        return part.kind == "text" and not part.holds_back and self._thoughts.over and not self._thinking

    def tell_chunk(self, chunk: Chunk) -> Iterator[Delta]:
        """Tell the deltas of one chunk. One that reports a failure raises the `UpstreamError` for it."""
        if failure := find_failure(chunk):
            raise map_report(failure)
        self._model = chunk.model or self._model
        self._usage = chunk.usage or self._usage
        for choice in chunk.choices or ():
            if choice and not choice.index:
                yield from self._tell_choice(choice)
        for number, page in enumerate(chunk.citations or (), 1):
            if page:  # The text cites it by its place in this list, as in [1].
                source = CitedSource(url=page) if isinstance(page, str) else page
                yield from self._sources.note_copy(source, None, number)

    def tell_end(self) -> Iterator[Delta]:
        """Tell the rest of the text and of the sources, and `Finished`."""
        yield from self.release_held()
        yield from self._sources.note_targets(self._parts)
        reason = self.reason or "stop"
        if self._refused and reason == "stop":
            reason = "refusal"
        yield Finished(reason, model=self._model, usage=_usage(self._usage))

    def release_held(self) -> Iterator[Delta]:
        """Tell the text that was held back, because nothing follows it."""
        if held := self._thoughts.release_held():
            yield from self._add_text(held)
        for part in self._parts:
            yield from self._say(part, part.release_held())

    def _tell_choice(self, choice: Choice) -> Iterator[Delta]:
        if choice.delta:
            yield from self._add_piece(choice.delta)
        if choice.message:
            yield from self._add_whole(choice.message)
        if choice.finish_reason and (word := choice.finish_reason.lower()) not in _GOES_ON:
            self._end(word)

    def _add_piece(self, piece: ChunkPiece) -> Iterator[Delta]:
        yield from self._tell_work(piece)
        text, refusal = _split_content(piece)
        if text:
            yield from self._add_text(text)
        if refusal:
            part = self._find_part("refusal")
            yield from self._say(part, part.add_piece(refusal))
        yield from self._note_citations(piece.annotations or ())

    def _add_text(self, text: str) -> Iterator[Delta]:
        if not self._thoughts.over:
            found, text = self._thoughts.found, self._thoughts.strip_thoughts(text)
            if self._thoughts.found and not found:
                yield from self._think()
        if text:
            part = self._find_part("text")
            yield from self._say(part, part.add_piece(text))

    def _add_whole(self, message: ChunkPiece) -> Iterator[Delta]:
        """Tell what the whole message has beyond its pieces."""
        yield from self._tell_work(message)
        text, refusal = _split_content(message)
        if text:
            self._thoughts.release_held()  # The whole text has it, too.
            part = self._find_part("text")
            yield from self._say(part, part.add_rest(_without_thoughts(text)))
        if refusal:
            part = self._find_part("refusal")
            yield from self._say(part, part.add_rest(refusal))
        yield from self._note_citations(message.annotations or ())

    def _tell_work(self, piece: ChunkPiece) -> Iterator[Delta]:
        if piece.reasoning_content or piece.reasoning or piece.thinking or _has_thoughts(piece):
            yield from self._think()
        if (piece.tool_calls or piece.function_call) and not self._called:
            self._called = True
            log.warning("upstream's model called a tool, although none was offered; the call is passed over")

    def _end(self, word: str) -> None:
        if word in _BROKEN:
            raise UpstreamUnavailable("upstream broke the answer off")
        self.reason = _REASONS.get(word, "stop")

    def _say(self, part: AnswerPart, text: str) -> Iterator[Delta]:
        if not text:
            return
        self._thinking = False
        self._parts.note_growth(part)
        if part.kind == "text":
            yield TextDelta(text)
        else:
            self._refused = True
            yield RefusalDelta(text)

    def _think(self) -> Iterator[Delta]:
        if not self._thinking:
            self._thinking = True
            yield Thinking()

    def _note_citations(self, citations: Sequence[ChatCitation | None]) -> Iterator[Delta]:
        part = self._parts.find_part(_PLACES["text"])
        for citation in filter(None, citations):
            source = citation.url_citation or citation
            yield from self._sources.note_copy(source, part if self._parts.has_places else None)

    def _find_part(self, kind: PartKind) -> AnswerPart:
        place = _PLACES[kind]
        return self._parts.find_part(place) or self._parts.begin_part(place)


def _split_content(piece: ChunkPiece) -> tuple[str, str]:
    """Return the text and the refusal of a piece. The thoughts in a content that is a list are no text."""
    if not isinstance(piece.content, tuple):
        return piece.content or "", piece.refusal or ""
    parts = [part for part in piece.content if part]
    text = "".join(part.text or "" for part in parts if part.type in _TEXT)
    return text, "".join([piece.refusal or "", *(part.refusal or "" for part in parts)])


def _has_thoughts(piece: ChunkPiece) -> bool:
    parts = piece.content if isinstance(piece.content, tuple) else ()
    return any(part.type in _THOUGHTS for part in parts if part)


def _without_thoughts(text: str) -> str:
    thoughts = ThoughtFilter()
    return thoughts.strip_thoughts(text) + thoughts.release_held()


def _usage(told: ChatUsage | None) -> Usage | None:
    if told is None or told == ChatUsage():
        return None
    received, written = told.prompt_tokens or 0, told.completion_tokens or 0
    prompt, completion = told.prompt_tokens_details or PromptDetails(), told.completion_tokens_details
    return Usage(
        input=received,
        output=written,
        total=told.total_tokens or received + written,
        cached=prompt.cached_tokens or told.prompt_cache_hit_tokens or 0,
        reasoning=(completion or CompletionDetails()).reasoning_tokens or 0,
    )
