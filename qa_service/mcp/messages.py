"""This module reads and writes the messages of JSON-RPC 2.0, of which the Model Context Protocol is made."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
UNKNOWN_METHOD = -32601
INVALID_PARAMS = -32602
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022

MCP_STATUSES = {UNKNOWN_METHOD: HTTPStatus.NOT_FOUND}
"""This maps the codes of errors to the statuses with which they are sent since the version 2026-07-28. All other errors
are sent with the status 400."""
_MOST_MESSAGES = 10
"""A batch may have this many messages."""

RequestId: TypeAlias = int | str


class RpcMessage(Struct, frozen=True):
    """An `RpcMessage` is a message from a client. Without an `id` it is a notification, and without a `method` it is
    the answer to a request of ours. We never send requests, so that there is nothing to do with such an answer."""

    jsonrpc: str
    method: str = ""
    id: RequestId | UnsetType = UNSET
    params: Mapping[str, Any] = {}


class RpcFailure(Exception):
    """An `RpcFailure` ends the work on a message. Its client is told the code, the message and the details. It is no
    `QAError`, because JSON-RPC has codes of its own and no status."""

    def __init__(self, code: int, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


def read_rpc_messages(body: bytes) -> tuple[Sequence[RpcMessage], bool]:
    """Read the message or the batch of messages in a body. Returns the messages, and whether they came as a batch.
    Raises `RpcFailure`."""
    try:
        sent = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RpcFailure(PARSE_ERROR, "expected JSON") from None
    is_batch = isinstance(sent, list)
    messages = sent if is_batch else [sent]
    if not 0 < len(messages) <= _MOST_MESSAGES:
        raise RpcFailure(INVALID_REQUEST, f"expected one message, or at most {_MOST_MESSAGES} in a batch")
    return [_read_message(message) for message in messages], is_batch


def write_result(message_id: RequestId, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write the answer to a request."""
    return {"jsonrpc": "2.0", "id": message_id, "result": result}


def write_failure(message_id: RequestId | None, failure: RpcFailure) -> Mapping[str, Any]:
    """Write the answer to a request that failed. The id is None where the request's own can't be told."""
    details = {} if failure.details is None else {"data": failure.details}
    return {
        "jsonrpc": "2.0",
        "id": message_id,
        "error": {"code": failure.code, "message": failure.message, **details},
    }


def _read_message(sent: object) -> RpcMessage:
    try:
        message = msgspec.convert(sent, RpcMessage)
    except msgspec.ValidationError:
        raise RpcFailure(INVALID_REQUEST, "expected a JSON-RPC message") from None
    is_answer = isinstance(sent, dict) and ("result" in sent or "error" in sent)
    if message.jsonrpc != "2.0" or not (message.method or is_answer):
        raise RpcFailure(INVALID_REQUEST, 'expected a message with "jsonrpc": "2.0" and a method')
    return message
