"""This module builds the objects of OpenAI's Responses API from the values that this service uses inside."""

import re
from collections.abc import Iterator, Mapping

from qa_service.frames import Cite, Failure, Metadata, Reference
from qa_service.model import Usage
from qa_service.turns import Turn
from qa_service.wire.content import build_reference
from qa_service.wire.response_objects import (
    Citation,
    DocumentCitation,
    IncompleteDetails,
    InputFile,
    InputItems,
    InputMessage,
    InputText,
    InputTokens,
    OutputTokens,
    ResponseError,
    ResponseUsage,
    WebCitation,
)

_ERRORS = {
    "rate_limited": "rate_limit_exceeded",
    "content_filter": "invalid_prompt",
    "context_length": "invalid_prompt",
}
"""These are the codes of the API for errors that it has a word for. Every other error is a `server_error`."""
_ITEM = re.compile(r"[a-z]+_([A-Za-z0-9]{1,64})_[0-9]{1,9}")
_REASONS: Mapping[str, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}


def name_item(kind: str, answer_id: str, place: int) -> str:
    """Make the id of the item at this place of an answer's output."""
    return f"{kind}_{answer_id}_{place}"


def answer_of_item(item_id: str) -> str:
    """Return the id of the answer that the item with this id belongs to. It is empty where the id isn't ours."""
    match = _ITEM.fullmatch(item_id)
    return match[1] if match else ""


def build_usage(usage: Usage) -> ResponseUsage:
    """Build the numbers of tokens."""
    return ResponseUsage(
        input_tokens=usage.input,
        input_tokens_details=InputTokens(usage.cached),
        output_tokens=usage.output,
        output_tokens_details=OutputTokens(usage.reasoning),
        total_tokens=usage.total,
    )


def build_response_error(failure: Failure) -> ResponseError:
    """Build the error of a response that failed."""
    return ResponseError(_ERRORS.get(failure.code, "server_error"), failure.message)


def build_details(metadata: Metadata | None) -> IncompleteDetails | None:
    """Say why an answer ends early, where the API has a word for the reason."""
    reason = _REASONS.get(metadata.finish_reason) if metadata else None
    return IncompleteDetails(reason) if reason else None


def build_citations(source: Reference, text: str, prefix: str) -> Iterator[Citation]:
    """Build a citation for each place of the text that a source stands behind. A source without a place stands behind
    the whole text."""
    reference = build_reference(source, prefix)
    for place in source.cites or (Cite(0, len(text)),):
        if source.kind == "url":
            yield WebCitation(url=source.url, title=source.title, start_index=place.start, end_index=place.end)
        else:
            yield DocumentCitation(
                file_id=source.document_id or source.file or source.title,
                filename=source.file or source.title,
                index=place.end,
                url=reference.url,
                page=source.page,
                section=source.section,
                quote=place.quote or source.quote,
            )


def build_input_items(turn: Turn) -> InputItems:
    """Build the list of what was asked: the question and the names of its files."""
    files = (InputFile(file.name) for file in turn.files)
    item = InputMessage(id=name_item("q", turn.answer_id, 0), content=(InputText(turn.question), *files))
    return InputItems(data=(item,), first_id=item.id, last_id=item.id)
