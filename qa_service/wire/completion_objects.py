"""This module declares the objects of OpenAI's Chat Completions API that leave the service, and builds them.

Their names are OpenAI's. What that API has no name for stands in a field whose name begins with `x_`, which its clients
pass over.
"""

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from typing import Literal, TypeAlias

from msgspec import Struct

from qa_service.clock import unix_seconds
from qa_service.frames import Cite, Image, Metadata, Reference
from qa_service.model import Usage
from qa_service.turns import Turn
from qa_service.wire.content import build_image, build_metadata, build_reference
from qa_service.wire.structs import MetadataContent

FINGERPRINT = f"qa-service-{version('qa-service')}"
"""OpenAI's `system_fingerprint` tells which release of the server answered."""
OWNER = "qa-service"

FinishWord: TypeAlias = Literal["stop", "length", "content_filter"]


class CompletionPart(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """This is the base of the objects here. A field with its default is left out."""


class UrlCitation(CompletionPart, frozen=True, kw_only=True):
    """This is a source, and the place in the text that it stands behind, in Unicode code points of the whole text.

    Clients know addresses alone, so a document has one too: the path under which its page is found. The fields from `n`
    on are this service's own, and mean what they mean in a `reference`.
    """

    start_index: int
    end_index: int
    title: str
    url: str
    n: int
    document_id: str | None = None
    file: str | None = None
    page: int | None = None
    section: str | None = None
    quote: str | None = None


class CompletionAnnotation(Struct, frozen=True, kw_only=True):
    """This is an annotation of a message. All of them are citations."""

    type: Literal["url_citation"]
    url_citation: UrlCitation


class ImageAddress(Struct, frozen=True, kw_only=True):
    """This is where a picture is: a path under the public prefix that needs no credential, and expires."""

    url: str


class CompletionImage(Struct, frozen=True, kw_only=True):
    """This is a picture that the model has drawn. OpenAI's API has no name for it in an answer; several servers that
    speak that API call it so. `index` is the number of the picture in the answer."""

    index: int
    type: Literal["image_url"]
    image_url: ImageAddress


class CompletionMessage(CompletionPart, frozen=True, kw_only=True):
    """This is the answer. A refusal is its text like any other, and is repeated in `refusal`."""

    role: Literal["assistant"]
    content: str
    refusal: str | None
    annotations: tuple[CompletionAnnotation, ...] = ()
    images: tuple[CompletionImage, ...] = ()


class CompletionChoice(Struct, frozen=True, kw_only=True):
    """This is the one choice that there is."""

    index: Literal[0]
    message: CompletionMessage
    logprobs: None
    finish_reason: FinishWord


class PromptTokens(Struct, frozen=True, kw_only=True):
    """This says how many tokens of the prompt upstream had in its cache."""

    cached_tokens: int


class CompletionTokens(Struct, frozen=True, kw_only=True):
    """This says how many tokens of the answer were spent on reasoning."""

    reasoning_tokens: int


class CompletionUsage(Struct, frozen=True, kw_only=True):
    """These are the tokens of an answer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokens
    completion_tokens_details: CompletionTokens


class CompletionObject(CompletionPart, frozen=True, kw_only=True):
    """This is an answer as `POST v1/chat/completions` gives it. `id` has the answer's id, and `x_metadata` is the
    answer's `metadata`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: tuple[CompletionChoice, ...]
    usage: CompletionUsage | None
    x_metadata: MetadataContent | None = None


class CompletionDelta(CompletionPart, frozen=True, kw_only=True):
    """This is what a chunk adds to the answer."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    refusal: str | None = None
    annotations: tuple[CompletionAnnotation, ...] = ()
    images: tuple[CompletionImage, ...] = ()


class ChunkChoice(Struct, frozen=True, kw_only=True):
    """This is the one choice of a chunk. Only the last chunk has a reason to finish."""

    index: Literal[0]
    delta: CompletionDelta
    finish_reason: FinishWord | None


class CompletionChunk(CompletionPart, frozen=True, kw_only=True):
    """This is an event of the stream. The one with the usage has no choice. `x_metadata` comes with the reason to
    finish."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: str
    choices: tuple[ChunkChoice, ...]
    usage: CompletionUsage | None = None
    x_metadata: MetadataContent | None = None


class ModelObject(Struct, frozen=True, kw_only=True):
    """This is a model that a question may name. When it was made isn't known, so `created` is 0."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelListObject(Struct, frozen=True, kw_only=True):
    """These are the models that a question may name."""

    object: Literal["list"]
    data: tuple[ModelObject, ...]


COMPLETION_OBJECTS = (CompletionObject, CompletionChunk, ModelObject, ModelListObject)
"""The routes of Chat Completions answer with these objects."""

_NOWHERE = Cite(0, 0)
_FINISH_WORDS: dict[str, FinishWord] = {"length": "length", "content_filter": "content_filter"}


def completion_id(answer_id: str) -> str:
    """Return the id of the answer as OpenAI writes ids of completions."""
    return f"chatcmpl-{answer_id}"


def finish_word(metadata: Metadata) -> FinishWord:
    """Return OpenAI's word for why an answer ended. A refusal is an answer that has come to its end."""
    return _FINISH_WORDS.get(metadata.finish_reason, "stop")


def build_annotations(sources: Iterable[Reference], prefix: str) -> tuple[CompletionAnnotation, ...]:
    """Build one annotation for each place in the text that a source stands behind. A source whose places aren't known
    has one, at the beginning and of no length."""
    return tuple(annotation for source in sources for annotation in _annotate(source, prefix))


def build_completion_image(image: Image, prefix: str) -> CompletionImage:
    """Build a picture."""
    address = ImageAddress(url=build_image(image, prefix).url)
    return CompletionImage(index=image.index, type="image_url", image_url=address)


def build_completion_usage(usage: Usage) -> CompletionUsage:
    """Build the usage."""
    return CompletionUsage(
        prompt_tokens=usage.input,
        completion_tokens=usage.output,
        total_tokens=usage.total,
        prompt_tokens_details=PromptTokens(cached_tokens=usage.cached),
        completion_tokens_details=CompletionTokens(reasoning_tokens=usage.reasoning),
    )


def build_completion(turn: Turn, prefix: str) -> CompletionObject:
    """Build the completion of an answer that has ended without an error."""
    metadata = turn.metadata
    refused = metadata is not None and metadata.finish_reason == "refusal"
    message = CompletionMessage(
        role="assistant",
        content=turn.text,
        refusal=turn.text if refused else None,
        annotations=build_annotations(turn.references, prefix),
        images=tuple(build_completion_image(image, prefix) for image in turn.images),
    )
    finish = finish_word(metadata) if metadata else "stop"
    return CompletionObject(
        id=completion_id(turn.answer_id),
        object="chat.completion",
        created=unix_seconds(turn.created_at),
        model=metadata.model if metadata else "",
        system_fingerprint=FINGERPRINT,
        choices=(CompletionChoice(index=0, message=message, logprobs=None, finish_reason=finish),),
        usage=build_completion_usage(metadata.usage) if metadata else None,
        x_metadata=build_metadata(metadata) if metadata else None,
    )


def build_models(names: Sequence[str]) -> ModelListObject:
    """Build the list of models."""
    return ModelListObject(object="list", data=tuple(map(build_model, names)))


def build_model(name: str) -> ModelObject:
    """Build a model as it is listed."""
    return ModelObject(id=name, object="model", created=0, owned_by=OWNER)


def _annotate(source: Reference, prefix: str) -> Iterator[CompletionAnnotation]:
    content = build_reference(source, prefix)
    for cite in content.cites or (_NOWHERE,):
        citation = UrlCitation(
            start_index=cite.start,
            end_index=cite.end,
            title=content.title,
            url=content.url,
            n=content.n,
            document_id=content.document_id,
            file=content.file,
            page=content.page,
            section=content.section,
            quote=cite.quote or content.quote,
        )
        yield CompletionAnnotation(type="url_citation", url_citation=citation)
