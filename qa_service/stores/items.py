"""This module writes frames and marks into the fields of a log entry, so that workers of several releases can read it.

The field `items` is a list that has only kinds of items which version 1 of the log knows, since a worker of that
release fails with any other kind. An item of a later kind stands in the field `newer`, under its index in the list. In
the list a stand-in takes its place: for a frame an empty text, since it is a frame too and takes a number, and for a
mark an `Opened` without an id, since it takes no number. A worker that knows the field `newer` puts the items back into
the list. An item that this release doesn't know either becomes an `UnknownFrame` or an `UnknownMark`, and its bytes are
kept.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, get_args

import msgspec
from msgspec import Raw, Struct

from qa_service.deltas import Opened
from qa_service.frames import (
    Done,
    Failure,
    Frame,
    Image,
    Metadata,
    Reference,
    Restart,
    StageNotice,
    Start,
    Text,
    UnknownFrame,
)
from qa_service.stores.records import UNREADABLE_RECORD
from qa_service.turns import Asked, Mark, UnknownMark

LOG_VERSION = b"2"
"""This is the version of the log. The first entry of a log has it in the field `v`. Version 1 had neither `v` nor
`newer`."""

FirstItem: TypeAlias = str | Start | StageNotice | Reference | Metadata | Failure | Restart | Done | Asked | Opened
"""These kinds are known to version 1. A text frame, which nearly every item is, is written as its bare text. No kind
may be added here, and no stage may be added to `StageNotice`."""

LATER: dict[str, type[Frame | Mark]] = {"image": Image}
"""It maps a `type` to a kind of frame or mark that came after version 1. Whoever adds a kind enters it here,
and also raises `FRAMES_VERSION` if the same answer of upstream then has other frames than before."""

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
    """Make the fields of a log entry that has these frames and marks."""
    first = [item.content if type(item) is Text else item for item in items]
    newer = {place: _encoded(item) for place, item in enumerate(items) if _is_newer(item)}
    if not newer:
        return {"items": _encode(first)}
    stand_ins = [_stand_in(items[place]) if place in newer else item for place, item in enumerate(first)]
    return {"items": _encode(stand_ins), "newer": _encode(newer)}


def decode_items(fields: Mapping[bytes, bytes]) -> list[Frame | Mark]:
    """Read the frames and marks from the fields of a log entry. Raises one of `UNREADABLE_RECORD` where `items` isn't a
    JSON array."""
    items = _decoded(fields[b"items"])
    for place, raw in _decoded_newer(fields).items():
        if 0 <= place < len(items):
            items[place] = _read_item(raw, is_mark=isinstance(items[place], Mark))
    return items


def _is_newer(item: Frame | Mark) -> bool:
    # An `Opened` of version 1 has no `frames`. A worker of that release would take over such an answer and go on with
    # the very next frame, although it makes other frames.
    return type(item) not in _FIRST or (type(item) is Opened and item.frames > 1)


def _encoded(item: Frame | Mark) -> Raw:
    return Raw(item.raw if isinstance(item, UnknownFrame | UnknownMark) else _encode(item))


def _stand_in(item: Frame | Mark) -> str | Opened:
    return _MARK_STAND_IN if isinstance(item, Mark) else _FRAME_STAND_IN


def _decoded(items: bytes) -> list[Frame | Mark]:
    try:
        return [Text(item) if isinstance(item, str) else item for item in _first_items.decode(items)]
    except UNREADABLE_RECORD:
        return [_read_item(bytes(raw)) for raw in _raw_items.decode(items)]


def _decoded_newer(fields: Mapping[bytes, bytes]) -> dict[int, bytes]:
    try:
        found = _newer_items.decode(fields.get(b"newer", b"{}"))
    except UNREADABLE_RECORD:
        return {}
    return {place: bytes(raw) for place, raw in found.items()}


def _read_item(raw: bytes, *, is_mark: bool = False) -> Frame | Mark:
    """Read one item. An unreadable one becomes an `UnknownMark` where its stand-in is a mark or where a known mark has
    its kind, and else an `UnknownFrame`."""
    kind, raw = _kind_of(raw), _legible(raw)
    try:
        item = msgspec.json.decode(raw, type=LATER[kind]) if kind in LATER else _first_item.decode(raw)
    except UNREADABLE_RECORD:
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
    except UNREADABLE_RECORD:
        return ""
