"""This module builds the contract: an OpenAPI document, and the JSON Schemas of everything that it declares."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any, TypeAlias

from qa_service.model import Language
from qa_service.web.contract.glossary import HEADERS, describe_fields
from qa_service.web.contract.offer import Offer
from qa_service.web.contract.operations import Operation, ResultShape
from qa_service.web.contract.paths import PARAMETERS, SECURITY, build_paths
from qa_service.web.contract.refusals import describe_error, list_errors, statuses_of
from qa_service.web.contract.table import list_operations
from qa_service.web.contract.translation import translate_texts
from qa_service.wire.error_formats import ErrorFormat
from qa_service.wire.schema import build_schemas, list_foreign_names

ContractDocument: TypeAlias = Mapping[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DEFINED = "#/$defs/"
COMPONENT = "#/components/schemas/"
_KEPT = 8
_ABOUT = (
    "Ask a question with files, and get a cited answer streamed. Objects may get more fields, and streams more types "
    "of frames: skip what you don't know. Times are RFC 3339 in UTC. Another caller's id and an unknown id get the "
    "same 404. A method that a path doesn't have is a 405. The server itself answers with 414 or 431 where an "
    "address or the headers are too long. Pages of other origins may ask if the server lists their origin; they can "
    "read the headers `X-Session-Id`, `X-Answer-Id` and `Retry-After`. All JSON but the guide's search index has "
    "`Cache-Control: no-store`, and every response has `Referrer-Policy: no-referrer` and `X-Content-Type-Options: "
    "nosniff`."
)
SCHEMAS_NOTE = (
    "These are the frames and the objects of qa-service, by their names. `TypedFrame` is any frame of the default "
    "stream."
)
TAGS = {
    "asking": "A question, and its answer as a stream.",
    "answers": "An answer doesn't depend on a connection: by its id it is read, followed and stopped.",
    "conversations": "Questions with one `sessionId` are a conversation, which has topics and files.",
    "documents": "The knowledge base has documents that belong to no conversation and that every question can find.",
    "chat": "For chat pages with the AI SDK's `useChat`.",
    "openai": "For clients of OpenAI's APIs. Refusals have OpenAI's shape, codes and statuses.",
    "service": "What operators and clients ask about the service itself.",
}


@lru_cache(_KEPT)
def build_contract(offer: Offer, language: Language) -> ContractDocument:
    """Build the contract of a server with this offer as an OpenAPI document, without the server's address. It is
    shared, so nobody may change it."""
    operations = list_operations(offer)
    info = {
        "title": "qa-service",
        "version": version("qa-service"),
        "description": _ABOUT,
        "license": {"name": "MIT", "identifier": "MIT"},
    }
    components = {
        "schemas": _build_described_schemas(operations),
        "headers": {name: {"schema": schema, "description": text} for name, (schema, text) in HEADERS.items()},
        "parameters": PARAMETERS,
        "securitySchemes": SECURITY,
    }
    document = {
        "openapi": "3.1.0",
        "info": info,
        "jsonSchemaDialect": DIALECT,
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": build_paths(operations, offer),
        "components": components,
        "x-errors": _list_described_errors(),
    }
    return _finish(document, COMPONENT, language)


@lru_cache(_KEPT)
def build_schema_document(offer: Offer, language: Language) -> ContractDocument:
    """Build the JSON Schemas of every frame and object, in `$defs`. It is shared, so nobody may change it."""
    schemas = _build_described_schemas(list_operations(offer))
    document = {"$schema": DIALECT, "title": "qa-service", "description": SCHEMAS_NOTE, "$defs": schemas}
    return _finish(document, DEFINED, language)


def _build_described_schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    """Build the schemas of all structs that the operations declare, and of all that leave the service anyway."""
    shapes = [(operation.body, operation.results, operation.error_format) for operation in operations]
    schemas = build_schemas(dict.fromkeys(_find_structs(shapes)))
    foreign = list_foreign_names()
    return {name: describe_fields(name, schema, is_foreign=name in foreign) for name, schema in sorted(schemas.items())}


def _list_described_errors() -> list[dict[str, Any]]:
    return [
        {"code": error.code, "status": status, "retryable": error.retryable, "description": describe_error(error)}
        for error in list_errors()
        for status in statuses_of(error)
    ]


def _finish(document: ContractDocument, prefix: str, language: Language) -> ContractDocument:
    finished: ContractDocument = translate_texts(_refer(document, prefix), language)
    return finished


def _refer(value: Any, prefix: str) -> Any:
    """Put a reference in the place of each struct, and let each reference lead to where the schemas are."""
    match value:
        case type():
            return {"$ref": f"{prefix}{value.__name__}"}
        case str():
            return value.replace(DEFINED, prefix) if value.startswith(DEFINED) else value
        case Mapping():
            return {key: _refer(inner, prefix) for key, inner in value.items()}
        case list() | tuple():
            return [_refer(inner, prefix) for inner in value]
        case _:
            return value


def _find_structs(value: Any) -> Iterator[type]:
    """Find the structs that stand in the place of a schema."""
    match value:
        case type():
            yield value
        case Mapping():
            yield from _find_structs(tuple(value.values()))
        case list() | tuple():
            for inner in value:
                yield from _find_structs(inner)
        case ResultShape(content=content):
            yield from _find_structs(content)
        case ErrorFormat(shape=shape):
            yield from _find_structs(shape)
