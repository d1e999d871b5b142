"""What every wire format shares: JSON on one line that no client's line reader breaks, and public addresses."""

from typing import Any

import msgspec

from qa_service.frames import Failure, Frame, Metadata, Reference, Text, UnknownFrame
from qa_service.model import Verdict
from qa_service.turns import Turn

encoded = msgspec.json.Encoder().encode
"""A value as JSON, which may hold line separators; see `escaped`."""

# JSON may carry these raw, but Swift's and httpx's line readers split at them.
SEPARATORS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))
_E2, _C2 = 0xE2, 0xC2
"""The bytes that a separator begins with. Most texts have neither, Korean ones too, and a number is found faster."""


def one_line(value: object) -> bytes:
    """JSON without a raw line separator of any kind."""
    return escaped(encoded(value))


def escaped(lines: bytes) -> bytes:
    """JSON, or lines of it, with the line separators escaped that its strings hold."""
    if _E2 in lines or _C2 in lines:
        for raw, escape in SEPARATORS:
            lines = lines.replace(raw, escape)
    return lines


def reference(frame: Reference, prefix: str) -> dict[str, Any]:
    """A reference's fields, a document's address standing under the public prefix."""
    fields = _fields(frame)
    return {**fields, "url": f"{prefix}/{frame.url}"} if frame.kind == "document" and frame.url else fields


def content(frame: Frame, prefix: str) -> Any:
    """What the contract calls `content`: a text's string, any other frame's fields."""
    match frame:
        case Text(content=text):
            return text
        case Reference():
            return reference(frame, prefix)
        case Failure():
            return failure(frame)
        case Metadata():
            return metadata(frame)
        case UnknownFrame(raw=raw):
            return _unknown(raw)
        case _:
            return _fields(frame)


def failure(frame: Failure) -> dict[str, Any]:
    """An error frame's fields; its HTTP status is for those who don't stream."""
    fields = _fields(frame)
    fields.pop("status", None)
    return fields


def metadata(frame: Metadata) -> dict[str, Any]:
    """A metadata frame's fields; lists of results are left out when empty."""
    fields = {**_fields(frame), "files": [verdict(file) for file in frame.files]}
    return {name: value for name, value in fields.items() if value or name not in ("imageResults", "videoResults")}


def verdict(file: Verdict) -> dict[str, Any]:
    """A file's verdict; without a reason where there is none."""
    return {name: value for name, value in _fields(file).items() if value is not None}


def answer(turn: Turn, prefix: str) -> dict[str, Any]:
    """The answer object of `answers/{id}` and of `stream=false`."""
    fields: dict[str, Any] = {
        "answerId": turn.answer_id,
        "sessionId": turn.session_id,
        "question": turn.question,
        "text": turn.text,
        "status": turn.status,
        "references": [reference(source, prefix) for source in turn.references],
        "metadata": turn.metadata and metadata(turn.metadata),
        "createdAt": turn.created_at,
    }
    return {**fields, "error": failure(turn.error)} if turn.error else fields


def _unknown(raw: bytes) -> dict[str, msgspec.Raw]:
    """The fields as a later release has written them, on one line."""
    try:
        fields = msgspec.json.decode(msgspec.json.format(raw, indent=-1), type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return {}
    return {name: value for name, value in fields.items() if name != "type"}


def _fields(frame: object) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(frame)
    fields.pop("type", None)
    return fields
