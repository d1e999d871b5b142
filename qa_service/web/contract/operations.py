"""This module has the words in which the contract's operations are declared."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from qa_service.errors import QAError
from qa_service.wire.error_formats import PROBLEM, ErrorFormat

JsonSchema: TypeAlias = Mapping[str, Any]
"""This is a JSON Schema of draft 2020-12. A declared struct may stand wherever the schema could refer to it."""
Shape: TypeAlias = type | JsonSchema
"""A shape says what a body holds. It is a declared struct, or a schema."""
Access: TypeAlias = Literal["anyone", "caller", "reader", "signed", "key", "server", "operator"]
"""This says who may use an operation.

- `anyone` needs no credential.
- A `caller` is whoever may ask.
- A `reader` is a caller whose address may hold a token.
- `signed` is for a caller, or for anybody with a signed address.
- A `key` is one of the server's keys, and is needed only where there are any.
- A `server` is a site's server with its key, which names the user for whom it asks.
- An `operator` is a site's server with its key, which asks for itself.
"""
Tag: TypeAlias = Literal["asking", "answers", "conversations", "documents", "service", "chat", "openai"]


class InputField(Struct, frozen=True):
    """An `InputField` is a value that a request may bring: in its address, in a header or in its body."""

    name: str
    schema: JsonSchema
    description: str
    required: bool = False


class ResultShape(Struct, frozen=True, kw_only=True):
    """A `ResultShape` is a response that is no refusal: its status, and its content by media type. `headers` are names
    of headers that the document describes."""

    status: int = 200
    description: str
    content: Mapping[str, Shape] = {}
    headers: Sequence[str] = ()


class Operation(Struct, frozen=True, kw_only=True):
    """An `Operation` is one method of one route.

    `path` is below the prefix, with its parts as `{answerId}`. `name` is unique, and clients that are generated from
    the document call their methods by it. `refusals` are the errors that callers may get beside those that `access` and
    the presence of a body bring along.
    """

    method: str = "GET"
    path: str
    name: str
    tag: Tag
    summary: str
    description: str = ""
    access: Access = "caller"
    query: Sequence[InputField] = ()
    headers: Sequence[InputField] = ()
    body: Mapping[str, Shape] = {}
    is_body_required: bool = True
    results: Sequence[ResultShape]
    refusals: Sequence[type[QAError]] = ()
    error_format: ErrorFormat = PROBLEM


def build_plain_body(shape: Shape) -> Mapping[str, Shape]:
    """Declare a body without files, which is sent as JSON or as a form."""
    return {"application/json": shape, "application/x-www-form-urlencoded": shape}


def json_result(shape: type, description: str, *, status: int = 200) -> ResultShape:
    """Declare a response that is one JSON object."""
    return ResultShape(status=status, description=description, content={"application/json": shape})
