"""This module declares the objects of OpenAI's Responses API, as this service sends them.

Names are snake_case here, as that API has them. Clients expect nearly every field to be there, so a field that this
service has nothing to say about holds the value that the API gives it by default.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from qa_service.wire.structs import MetadataContent

ResponseStatus: TypeAlias = Literal["in_progress", "completed", "incomplete", "cancelled", "failed"]
ItemStatus: TypeAlias = Literal["in_progress", "completed", "incomplete"]


class WebCitation(Struct, frozen=True, kw_only=True, tag_field="type", tag="url_citation"):
    """This says that a part of the text, from `start_index` up to `end_index`, stands on a page of the web."""

    url: str
    title: str
    start_index: int
    end_index: int


class DocumentCitation(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="file_citation"):
    """This says that the text before `index` stands on a file. The fields behind `index` are this service's own, and
    mean what they mean in a `reference`."""

    file_id: str
    filename: str
    index: int
    url: str = ""
    page: int | None = None
    section: str | None = None
    quote: str | None = None


Citation: TypeAlias = WebCitation | DocumentCitation


class OutputText(Struct, frozen=True, kw_only=True, tag_field="type", tag="output_text"):
    """This is the text of a message, with the sources that it cites."""

    text: str
    annotations: tuple[Citation, ...] = ()
    logprobs: tuple[()] = ()


class OutputMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """This is what the service says. A message that is `incomplete` and has an empty text was taken back."""

    id: str
    status: ItemStatus
    role: Literal["assistant"] = "assistant"
    content: tuple[OutputText, ...] = ()


class WebQuery(Struct, frozen=True, kw_only=True, tag_field="type", tag="search"):
    """This is what was searched for. It is empty where upstream doesn't say it."""

    query: str
    queries: tuple[str, ...]


class WebSearch(Struct, frozen=True, kw_only=True, tag_field="type", tag="web_search_call"):
    """This is a search of the web."""

    id: str
    status: ItemStatus
    action: WebQuery


class ImageGeneration(Struct, frozen=True, kw_only=True, tag_field="type", tag="image_generation_call"):
    """This is a picture that the model draws. It has `failed` where it was taken back, or never finished.

    `result` has its bytes in base64, and is null while there are none, and where they can't be had. `url` is this
    service's own: a path under the public prefix that needs no credential, and expires.
    """

    id: str
    status: Literal["in_progress", "completed", "failed"]
    result: str | None = None
    url: str = ""


OutputPiece: TypeAlias = OutputMessage | WebSearch | ImageGeneration
"""An item of a response's output is one of these."""


class InputTokens(Struct, frozen=True):
    """This says how many of the input tokens were cached."""

    cached_tokens: int
    cache_write_tokens: int = 0


class OutputTokens(Struct, frozen=True):
    """This says how many of the output tokens are thoughts of the model."""

    reasoning_tokens: int


class ResponseUsage(Struct, frozen=True, kw_only=True):
    """This has the numbers of tokens."""

    input_tokens: int
    input_tokens_details: InputTokens
    output_tokens: int
    output_tokens_details: OutputTokens
    total_tokens: int


class ResponseError(Struct, frozen=True):
    """This says why a response failed. `code` is one of those that the API names, and `message` says what is wrong."""

    code: str
    message: str


class IncompleteDetails(Struct, frozen=True):
    """This says why a response ends early."""

    reason: str


class ConversationName(Struct, frozen=True):
    """This names the conversation that a response belongs to, which is a session of this service."""

    id: str


class TextFormat(Struct, frozen=True, tag_field="type", tag="text"):
    """This says that the answer is plain text."""


class TextSettings(Struct, frozen=True):
    """This says which form the answer's text has."""

    format: TextFormat = TextFormat()


class ReasoningSettings(Struct, frozen=True):
    """This says how the model was told to think, which is left to the model."""

    effort: str | None = None
    summary: str | None = None


class ResponseObject(Struct, frozen=True, kw_only=True, tag_field="object", tag="response"):
    """This is an answer as the Responses API describes it.

    `id` is the answer's id, times are seconds since 1970, and `usage` is null until the answer is over. `x_metadata` is
    this service's own: it is what the default stream has as `metadata`.
    """

    id: str
    created_at: int
    completed_at: int | None = None
    status: ResponseStatus
    background: bool = False
    error: ResponseError | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    model: str
    output: tuple[OutputPiece, ...] = ()
    parallel_tool_calls: bool = True
    previous_response_id: str | None = None
    conversation: ConversationName | None = None
    prompt_cache_key: str | None = None
    reasoning: ReasoningSettings = ReasoningSettings()
    safety_identifier: str | None = None
    service_tier: str = "default"
    store: bool = True
    temperature: float | None = None
    text: TextSettings = TextSettings()
    tool_choice: str = "auto"
    tools: tuple[Mapping[str, Any], ...] = ()
    top_logprobs: int = 0
    top_p: float | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    truncation: str = "disabled"
    usage: ResponseUsage | None = None
    user: str | None = None
    metadata: Mapping[str, str] = {}
    x_metadata: MetadataContent | None = None


class InputText(Struct, frozen=True, tag_field="type", tag="input_text"):
    """This is what a person wrote."""

    text: str


class InputFile(Struct, frozen=True, tag_field="type", tag="input_file"):
    """This is a file that came with a question. Its content isn't kept."""

    filename: str


class InputMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """This is the question that a response answers."""

    id: str
    role: Literal["user"] = "user"
    status: ItemStatus = "completed"
    content: tuple[InputText | InputFile, ...]


class InputItems(Struct, frozen=True, kw_only=True, tag_field="object", tag="list"):
    """These are the input items of a response. There is one, because what was said before belongs to other
    responses."""

    data: tuple[InputMessage, ...]
    first_id: str
    last_id: str
    has_more: bool = False


class DeletedResponse(Struct, frozen=True, kw_only=True, tag_field="object", tag="response"):
    """This says that a response was deleted."""

    id: str
    deleted: bool = True


RESPONSE_OBJECTS = (ResponseObject, InputItems, DeletedResponse)
"""Those routes of the Responses API that don't stream answer with these objects."""
