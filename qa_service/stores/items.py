"""How frames and marks stand in an entry of a shared log, so that workers of several releases read it at a time.

The field `items` holds only what version 1 of the log knows, since a worker of that release fails with anything else.
A later item stands in the field `newer`, under its place, and `items` has a stand-in there: an empty text for a frame,
which takes a number as well, and an `Opened` without an id for a mark, which takes none. Whoever knows the field puts
the items back. An item that this release can't read either is carried along as it came.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, get_args

import msgspec
from msgspec import Raw, Struct

from qa_service.frames import (
    Done,
    Failure,
    Frame,
    Metadata,
    Reference,
    Restart,
    StageNotice,
    Start,
    Text,
    UnknownFrame,
)
from qa_service.model import Opened
from qa_service.stores.records import UNREADABLE
from qa_service.turns import Asked, Mark, UnknownMark

VERSION = b"2"
"""The version of the log, which its first entry has in the field `v`. Version 1 had neither `v` nor `newer`."""

FirstItem: TypeAlias = str | Start | StageNotice | Reference | Metadata | Failure | Restart | Done | Asked | Opened
"""What version 1 knows: text, which is nearly all there is, stands for itself. Nothing may be added here, and no stage
to `StageNotice`."""

LATER: dict[str, type[Frame | Mark]] = {}
"""The kinds of frames and marks that came later, by their `type`. Whoever adds one enters it here, and raises
`FRAMES_VERSION` if the line says it between the frames that it made before."""

_FIRST = {Text, *get_args(FirstItem)}
_MARK_KINDS = {kind.__struct_config__.tag for kind in (Asked, Opened)}
_FRAME_STAND_IN, _MARK_STAND_IN = "", Opened("")

_encode = msgspec.json.Encoder().encode
_first_items = msgspec.json.Decoder(list[FirstItem])
_first_item = msgspec.json.Decoder(FirstItem)
_raw_items = msgspec.json.Decoder(list[Raw])
_newer_items = msgspec.json.Decoder(dict[int, Raw])


class _Named(Struct):
    type: str


_named = msgspec.json.Decoder(_Named)


def encode_items(items: Sequence[Frame | Mark]) -> dict[str, bytes]:
    """Frames and marks as fields of an entry."""
    first = [item.content if type(item) is Text else item for item in items]
    newer = {place: _encoded(item) for place, item in enumerate(items) if _is_newer(item)}
    if not newer:
        return {"items": _encode(first)}
    stand_ins = [_stand_in(items[place]) if place in newer else item for place, item in enumerate(first)]
    return {"items": _encode(stand_ins), "newer": _encode(newer)}


def decode_items(fields: Mapping[bytes, bytes]) -> list[Frame | Mark]:
    """The frames and marks that an entry has. Raises one of `UNREADABLE` where `items` isn't a JSON array."""
    items = _decoded(fields[b"items"])
    for place, raw in _decoded_newer(fields).items():
        if 0 <= place < len(items):
            items[place] = _read_item(raw, is_mark=isinstance(items[place], Mark))
    return items


def _is_newer(item: Frame | Mark) -> bool:
    # A worker of version 1 would go on with the very next frame, which it can't.
    return type(item) not in _FIRST or (type(item) is Opened and item.frames > 1)


def _encoded(item: Frame | Mark) -> Raw:
    return Raw(item.raw if isinstance(item, UnknownFrame | UnknownMark) else _encode(item))


def _stand_in(item: Frame | Mark) -> str | Opened:
    return _MARK_STAND_IN if isinstance(item, Mark) else _FRAME_STAND_IN


def _decoded(items: bytes) -> list[Frame | Mark]:
    try:
        return [Text(item) if isinstance(item, str) else item for item in _first_items.decode(items)]
    except UNREADABLE:
        return [_read_item(bytes(raw)) for raw in _raw_items.decode(items)]


def _decoded_newer(fields: Mapping[bytes, bytes]) -> dict[int, bytes]:
    try:
        found = _newer_items.decode(fields.get(b"newer", b"{}"))
    except UNREADABLE:
        return {}
    return {place: bytes(raw) for place, raw in found.items()}


def _read_item(raw: bytes, *, is_mark: bool = False) -> Frame | Mark:
    """One item; an unknown one is a mark where its stand-in is one, or where its kind is that of a known mark."""
    kind, raw = _kind_of(raw), _legible(raw)
    try:
        item = msgspec.json.decode(raw, type=LATER[kind]) if kind in LATER else _first_item.decode(raw)
    except UNREADABLE:
        return UnknownMark(kind, raw) if is_mark or kind in _MARK_KINDS else UnknownFrame(kind, raw)
    return Text(item) if isinstance(item, str) else item


def _legible(raw: bytes) -> bytes:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return b"null"
    return raw


def _kind_of(raw: bytes) -> str:
    try:
        return _named.decode(raw).type
    except UNREADABLE:
        return ""
