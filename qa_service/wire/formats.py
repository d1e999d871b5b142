"""The table of formats: a new one is an encoder's file and a row here."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.typed import TypedEncoder

EncoderFactory: TypeAlias = Callable[[FormatContext], FrameEncoder]
"""Makes the encoder of one reader. It is cheap, since a reader that comes back may need two."""

STREAM_HEADERS = (("Cache-Control", "no-cache, no-store, no-transform"), ("X-Accel-Buffering", "no"))
"""What keeps every stream from being held up, changed or kept on its way."""


class WireFormat(Struct, frozen=True):
    """One format of an answer."""

    name: str
    """What the field `format` says."""
    content_type: str
    media_types: tuple[str, ...]
    """What a client may name in `Accept` to get it."""
    encoder: EncoderFactory | None
    """None where the answer is sent whole when it is over."""
    is_resumable: bool = False
    """Whether a reader that was cut off can come back for the rest."""
    headers: Sequence[tuple[str, str]] = STREAM_HEADERS


TYPED = WireFormat(
    "typed",
    "text/event-stream; charset=utf-8",
    ("text/event-stream",),
    TypedEncoder,
    is_resumable=True,
)
JSON = WireFormat("json", "application/json", ("application/json",), None, headers=(("Cache-Control", "no-store"),))

FORMATS: Mapping[str, WireFormat] = {row.name: row for row in (TYPED, JSON)}
DEFAULT = TYPED
