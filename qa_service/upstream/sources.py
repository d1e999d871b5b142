"""This module notes the sources of one response, so that each place of each source is told once.

Upstream names a source up to four times: in an event of its own, and in the copies of the part, of the item and of the
whole response. The event may be missing, and so may the places in it or in the copies.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from qa_service.deltas import Annotation, PagesFound
from qa_service.upstream.events import CitedSource, OutputItem
from qa_service.upstream.parts import AnswerPart, AnswerParts
from qa_service.upstream.spans import Span


class NotedSources:
    """A `NotedSources` knows the sources that have been told, and the pages that upstream's tools have returned."""

    def __init__(self) -> None:
        self._known: dict[str, Annotation] = {}
        """This maps each address, file and id to its source as it was first told."""
        self._told: set[Annotation] = set()
        self._pages: set[str] = set()

    def note_event(self, source: CitedSource, part: AnswerPart | None) -> Iterator[Annotation]:
        """Tell a source that upstream has just named. Where its place isn't clear, it is the end of the text so far."""
        written = (part.ends, part.ends) if part else None
        yield from self._tell(_annotation(source, _find_place(source, part) or written))

    def note_copy(self, source: CitedSource, part: AnswerPart | None, n: int = 0) -> Iterator[Annotation]:
        """Tell a source of a copy, unless it was told before. `n` is the number by which the text cites it, or 0."""
        yield from self._tell_news(replace(_annotation(source, _find_place(source, part)), n=n))

    def note_targets(self, parts: AnswerParts) -> Iterator[Annotation]:
        """Tell the sources that only marks in the text have named."""
        for part in parts:
            for target in part.targets:
                yield from self._tell_news(target if parts.has_places else replace(target, span=None))

    def note_pages(self, item: OutputItem) -> Iterator[PagesFound]:
        """Tell the web pages that a search has returned or opened, each once."""
        action = item.action
        if item.type != "web_search_call" or action is None:
            return
        returned = [action.url, *(source.url for source in action.sources or () if source)]
        news = tuple(url for url in dict.fromkeys(returned) if url and url not in self._pages)
        self._pages.update(news)
        if news:
            yield PagesFound(news)

    def _tell_news(self, source: Annotation) -> Iterator[Annotation]:
        known = self._identify(source)
        if known not in self._told and (known.span or not self._is_known(known)):
            yield from self._tell(source)

    def _tell(self, source: Annotation) -> Iterator[Annotation]:
        names = [name for name in (source.url, source.document_id, source.file) if name]
        if not names:
            return
        source = self._identify(source)
        for name in names:
            self._known.setdefault(name, source)
        self._told.add(source)
        yield source

    def _is_known(self, source: Annotation) -> bool:
        return (source.url or source.document_id or source.file) in self._known

    def _identify(self, source: Annotation) -> Annotation:
        """Return the source as it was first told, at the place of this one. A mark names a file without its id."""
        first = self._known.get(source.url or source.document_id or source.file, source)
        return replace(first, span=source.span)


def _find_place(source: CitedSource, part: AnswerPart | None) -> Span | None:
    if part is None:
        return None
    if source.start_index is not None and source.end_index is not None:
        return part.find_span(source.start_index, source.end_index)
    return None if source.index is None else part.find_end(source.index)


def _annotation(source: CitedSource, span: Span | None) -> Annotation:
    if source.url and not source.file_id:
        return Annotation("url", title=source.title or "", url=source.url, span=span)
    return Annotation("document", document_id=source.file_id or "", file=source.filename or "", span=span)
