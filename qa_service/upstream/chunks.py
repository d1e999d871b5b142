"""This module holds the chunks of Chat Completions, with those of their fields that matter here.

Servers deviate from the documented types even more than those of the Responses API do. `decode_chunk` is strict and
fast. What it refuses is read by `read_chunk`, field by field. An answer that comes as a whole, although a stream was
asked for, has the same shape: its choices have a `message` instead of a `delta`.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from qa_service.errors import UpstreamUnavailable
from qa_service.upstream.events import CitedSource
from qa_service.upstream.failures import FailureReport, read_report
from qa_service.upstream.fields import Count, Fragment, parse_json, read_struct


class ContentPiece(Struct, frozen=True):
    """A `ContentPiece` is one piece of a content that is written as a list."""

    type: str | None = None
    text: Fragment | None = None
    refusal: Fragment | None = None


class ChatCitation(CitedSource, frozen=True):
    """A `ChatCitation` names its source in itself or, as documented, within `url_citation`."""

    url_citation: CitedSource | None = None


class ChunkPiece(Struct, frozen=True):
    """A `ChunkPiece` is what a chunk adds to the message, or the message as a whole. Servers name their thoughts
    differently."""

    content: Fragment | tuple[ContentPiece | None, ...] | None = None
    refusal: Fragment | None = None
    reasoning_content: object = None
    reasoning: object = None
    thinking: object = None
    annotations: tuple[ChatCitation | None, ...] | None = None
    tool_calls: object = None
    function_call: object = None


class Choice(Struct, frozen=True):
    """A `Choice` is one of the answers in a chunk. Only one is asked for, which has the index 0."""

    index: int | None = None
    delta: ChunkPiece | None = None
    message: ChunkPiece | None = None
    finish_reason: str | None = None
    error: object = None


class PromptDetails(Struct, frozen=True):
    cached_tokens: Count | None = None


class CompletionDetails(Struct, frozen=True):
    reasoning_tokens: Count | None = None


class ChatUsage(Struct, frozen=True):
    """A `ChatUsage` is what the answer cost so far. Some servers tell it once, and others in every chunk."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_cache_hit_tokens: Count | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class Chunk(Struct, frozen=True):
    """A `Chunk` is one event of the stream, or the answer as a whole."""

    model: str | None = None
    choices: tuple[Choice | None, ...] | None = None
    usage: ChatUsage | None = None
    citations: tuple[str | CitedSource | None, ...] | None = None
    """Some servers that search the web name their sources here, in every chunk."""
    error: object = None
    code: object = None
    type: object = None
    message: object = None
    detail: object = None


decode_chunk: Callable[[bytes], Chunk] = msgspec.json.Decoder(Chunk).decode
"""This decodes a chunk, all of whose fields have the types above. For any other chunk it raises one of
`fields.UNREADABLE`."""


def read_chunk(content: bytes) -> Chunk | None:
    """Read any chunk, field by field. The result is None for what is no object, such as a keep-alive.

    An object that can't be parsed raises `UpstreamUnavailable`, because it may have been a piece of the answer.
    """
    if not content.lstrip().startswith(b"{"):
        return None
    try:
        return read_struct(Chunk, parse_json(content))
    except ValueError as error:
        raise UpstreamUnavailable("upstream sent a chunk that isn't JSON") from error


def find_failure(chunk: Chunk) -> FailureReport | None:
    """Find the failure that a chunk reports: as its `error`, as that of a choice, or as the chunk itself."""
    errors = [chunk.error, *(choice.error for choice in chunk.choices or () if choice)]
    if chunk.choices is None and chunk.usage is None and (said := chunk.message or chunk.detail):
        errors.append({"code": chunk.code, "type": chunk.type, "message": said})
    return next((report for error in errors if (report := read_report(error))), None)
