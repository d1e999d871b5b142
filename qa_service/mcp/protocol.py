"""This module answers the methods of the Model Context Protocol."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

from msgspec import UNSET, Struct

from qa_service.mcp.messages import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    MCP_STATUSES,
    UNKNOWN_METHOD,
    UNSUPPORTED_VERSION,
    RequestId,
    RpcFailure,
    RpcMessage,
    read_rpc_messages,
    write_failure,
    write_result,
)

AGREED = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""In these versions a client begins with `initialize`."""
MODERN = "2026-07-28"
"""Since this version each request stands for itself."""
_SILENT = "2025-03-26"
"""A client that names no version has this one, or an earlier one."""
BATCHING = AGREED[:2]
"""These versions know batches of messages."""
VERSION_HEADER, METHOD_HEADER, NAME_HEADER = "mcp-protocol-version", "mcp-method", "mcp-name"
_META = "io.modelcontextprotocol/"
_PACKED = re.compile(r"=\?base64\?(.*)\?=")
_FRESH_MS = 60_000

Headers: TypeAlias = Mapping[str, str]
"""This maps the lower-case names of headers to their values."""


class ToolServer(Struct, frozen=True):
    """A `ToolServer` is what the protocol offers. `tools` describes its tools, and `call` runs one by its name and
    arguments; it raises `RpcFailure` for an unknown tool, and for arguments that aren't right."""

    name: str
    version: str
    instructions: str
    tools: Sequence[Mapping[str, Any]]
    call: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


class RpcReply(Struct, frozen=True):
    """An `RpcReply` is what is sent back. It has no body where no request was answered."""

    status: int
    body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None


def answer_body(body: bytes, headers: Headers, server: ToolServer) -> RpcReply:
    """Answer the message or the messages in the body of a request."""
    try:
        version = _read_version(headers)
        messages, is_batch = read_rpc_messages(body)
        _check_batch(version, is_batch=is_batch)
    except RpcFailure as failure:
        return RpcReply(HTTPStatus.BAD_REQUEST, write_failure(None, failure))
    if version == MODERN:
        return _answer_modern(messages[0], headers, server)
    answers = [_answer_agreed(message, server) for message in messages if message.method and message.id is not UNSET]
    if not answers:
        return RpcReply(HTTPStatus.ACCEPTED)
    return RpcReply(HTTPStatus.OK, answers if is_batch else answers[0])


def _read_version(headers: Headers) -> str:
    version = headers.get(VERSION_HEADER, _SILENT)
    if version not in (*AGREED, MODERN):
        raise _unsupported(version)
    return version


def _check_batch(version: str, *, is_batch: bool) -> None:
    if is_batch and version not in BATCHING:
        raise RpcFailure(INVALID_REQUEST, f"the version {version} knows no batches")


def _unsupported(version: object) -> RpcFailure:
    details = {"supported": [MODERN, *reversed(AGREED)], "requested": str(version)[:100]}
    return RpcFailure(UNSUPPORTED_VERSION, "Unsupported protocol version", details)


def _answer_agreed(message: RpcMessage, server: ToolServer) -> Mapping[str, Any]:
    return _answer(message, lambda: _run_agreed(message, server))


def _run_agreed(message: RpcMessage, server: ToolServer) -> Mapping[str, Any]:
    match message.method:
        case "initialize":
            return _initialize(message.params, server)
        case "ping":
            return {}
        case method:
            return _run_tools(method, message.params, server)


def _initialize(params: Mapping[str, Any], server: ToolServer) -> Mapping[str, Any]:
    """Agree on a version: the client's, if it is known, and otherwise the latest one that knows this method."""
    wanted = params.get("protocolVersion")
    return {
        "protocolVersion": wanted if wanted in AGREED else AGREED[-1],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": server.name, "version": server.version},
        "instructions": server.instructions,
    }


def _answer_modern(message: RpcMessage, headers: Headers, server: ToolServer) -> RpcReply:
    if message.id is UNSET or not message.method:
        return RpcReply(HTTPStatus.ACCEPTED)

    def run() -> Mapping[str, Any]:
        _check_envelope(message, headers)
        return {"resultType": "complete", **_run_modern(message, server)}

    body = _answer(message, run)
    error = body.get("error")
    return RpcReply(MCP_STATUSES.get(error["code"], HTTPStatus.BAD_REQUEST) if error else HTTPStatus.OK, body)


def _check_envelope(message: RpcMessage, headers: Headers) -> None:
    """Check that a request says for itself what it is, and that its headers, by which proxies may have let it pass, say
    the same. Raises `RpcFailure`."""
    meta = message.params.get("_meta")
    missing = [
        name
        for name in ("protocolVersion", "clientCapabilities")
        if not isinstance(meta, Mapping) or _META + name not in meta
    ]
    if missing or not isinstance(meta, Mapping):
        raise RpcFailure(INVALID_PARAMS, f"params._meta lacks {' and '.join(_META + name for name in missing)}")
    said = {VERSION_HEADER: meta[_META + "protocolVersion"], METHOD_HEADER: message.method}
    if message.method == "tools/call" and "name" in message.params:
        said[NAME_HEADER] = message.params["name"]
    for name, value in said.items():
        if _unpack_header(headers.get(name, "")) != value:
            raise RpcFailure(HEADER_MISMATCH, f"the header {name} differs from the request")


def _unpack_header(value: str) -> str | None:
    """Return the value of a header, which is in base64 where it has characters that headers can't have."""
    packed = _PACKED.fullmatch(value)
    if not packed:
        return value
    try:
        return base64.b64decode(packed[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _run_modern(message: RpcMessage, server: ToolServer) -> Mapping[str, Any]:
    fresh = {"ttlMs": _FRESH_MS, "cacheScope": "private"}
    match message.method:
        case "server/discover":
            return {
                "supportedVersions": [MODERN, *reversed(AGREED)],
                "capabilities": {"tools": {}},
                "instructions": server.instructions,
                "_meta": {f"{_META}serverInfo": {"name": server.name, "version": server.version}},
                **fresh,
            }
        case "tools/list":
            return {**_run_tools(message.method, message.params, server), **fresh}
        case method:
            return _run_tools(method, message.params, server)


def _run_tools(method: str, params: Mapping[str, Any], server: ToolServer) -> Mapping[str, Any]:
    match method:
        case "tools/list":
            return {"tools": list(server.tools)}
        case "tools/call":
            return _call_tool(params, server)
    raise RpcFailure(UNKNOWN_METHOD, f"there is no method {method[:100]}")


def _call_tool(params: Mapping[str, Any], server: ToolServer) -> Mapping[str, Any]:
    name, arguments = params.get("name"), params.get("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        raise RpcFailure(INVALID_PARAMS, "expected the name of a tool, and its arguments as an object")
    return server.call(name, arguments)


def _answer(message: RpcMessage, run: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    message_id: RequestId = "" if message.id is UNSET else message.id
    try:
        return write_result(message_id, run())
    except RpcFailure as failure:
        return write_failure(message_id, failure)
