"""The default stream: `data: ` and one line of JSON, the one shape that every hand-written parser reads."""

from collections.abc import Sequence
from typing import Any

from qa_service.frames import Frame, Metadata, Reference, Text
from qa_service.wire.frames import content, encoded, escaped, one_line

BESIDE = ("usage", "imageResults", "videoResults")


class Typed:
    """A `WireFormat`. With an `answer_id` each frame also carries `id:`, for clients that resume by it."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, prefix: str, answer_id: str = "") -> None:
        self._prefix = prefix
        self._answer_id = answer_id
        self._retry = "retry: 3000\n" if answer_id else ""

    def encode_batch(self, first: int, frames: Sequence[Frame]) -> bytes:
        """These frames, numbered from `first` on."""
        return escaped(b"".join([self._lines(seq, frame) for seq, frame in enumerate(frames, first)]))

    def encode_heartbeat(self) -> bytes:
        return b'data: {"type":"heartbeat","content":{}}\n\n'

    def _lines(self, seq: int, frame: Frame) -> bytes:
        if isinstance(frame, Text):
            lines = b'data: {"seq":%d,"type":"text","content":%b}\n\n' % (seq, encoded(frame.content))
        else:
            lines = b"data: %b\n\n" % encoded({"seq": seq, "type": _type(frame), **self._body(frame)})
        return self._head(seq) + lines if self._answer_id else lines

    def encode_reconnect(self, reason: str, backoff_ms: int) -> bytes:
        content = {"reason": reason, "backoffMs": backoff_ms}
        return b"data: %b\n\n" % one_line({"type": "reconnect", "content": content})

    def _body(self, frame: Frame) -> dict[str, Any]:
        fields = content(frame, self._prefix)
        match frame:
            case Reference():
                return {"content": fields, "url": fields.get("url", "")}
            case Metadata():
                return {"content": fields, **{name: fields[name] for name in BESIDE if name in fields}}
            case _:
                return {"content": fields}

    def _head(self, seq: int) -> bytes:
        head = f"id: {self._answer_id}-{seq}\n{self._retry}"
        self._retry = ""
        return head.encode()


def _type(frame: Frame) -> str:
    tag = frame.__struct_config__.tag
    assert isinstance(tag, str)  # noqa: S101 - every frame has one
    return tag
