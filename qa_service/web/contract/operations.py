"""This module has the words in which the contract's operations are declared."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from qa_service.errors import QAError
from qa_service.wire.structs import ProblemObject

JsonSchema: TypeAlias = Mapping[str, Any]
"""A JSON Schema of draft 2020-12. Wherever it could refer to a declared struct, the struct itself may stand."""
Shape: TypeAlias = type | JsonSchema
"""The shape of a body: a declared struct, or a schema."""
Access: TypeAlias = Literal["anyone", "caller", "reader", "signed", "key", "server", "operator"]
"""Who may use an operation: anyone; whoever may ask; whoever may ask, where the address may hold a token; whoever may
ask, or has a signed address; whoever has one of the server's keys, if there are any; a site's server with its key, for
a user; or that server for itself."""
Tag: TypeAlias = Literal["asking", "answers", "conversations", "service", "chat", "openai"]


class InputField(Struct, frozen=True):
    """An `InputField` is a value that a request may bring: in its address, in a header or in its body."""

    name: str
    schema: JsonSchema
    description: str
    required: bool = False


class ErrorShape(Struct, frozen=True):
    """An `ErrorShape` says in which form an operation refuses. `names_code` says whether the field `code` holds our
    code of the error. `statuses` are those of errors that have another status there, by our code."""

    media_type: str
    shape: Shape
    names_code: bool = True
    statuses: Mapping[str, int] = {}


PROBLEM = ErrorShape("application/problem+json", ProblemObject)


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

    method: str
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
    error_shape: ErrorShape = PROBLEM


def json_result(shape: type, description: str, *, status: int = 200) -> ResultShape:
    """Declare a response that is one JSON object."""
    return ResultShape(status=status, description=description, content={"application/json": shape})
