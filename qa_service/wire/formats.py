"""This module has the table of formats. A new format needs a file with its `FrameEncoder` (`encoder.py`), and
a row here. The row also declares what the stream consists of, and the contract is made from that."""

from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import TypeAlias

from msgspec import Struct

from qa_service.wire.agent_events import AGENT_EVENTS
from qa_service.wire.agui import AgentEncoder
from qa_service.wire.completion_objects import CompletionChunk
from qa_service.wire.completions import CompletionEncoder
from qa_service.wire.data_stream import DATA_STREAM_HEADER, DATA_STREAM_VALUES, DataStreamEncoder
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.events import EVENT_DATA, EventsEncoder
from qa_service.wire.jsonl import JsonLinesEncoder
from qa_service.wire.openai_errors import OpenAIErrorObject
from qa_service.wire.plain import PlainTextEncoder
from qa_service.wire.response_events import RESPONSES_EVENTS
from qa_service.wire.responses import ResponsesEncoder
from qa_service.wire.typed import TYPED_FRAMES, TypedEncoder
from qa_service.wire.ui_chunks import UI_CHUNKS
from qa_service.wire.ui_message import UI_MESSAGE_HEADER, UiMessageEncoder

EncoderFactory: TypeAlias = Callable[[FormatContext], FrameEncoder]
"""A factory makes the encoder of one reader. It must be cheap, because it is called twice for each reader."""

STREAM_HEADERS = (("Cache-Control", "no-cache, no-store, no-transform"), ("X-Accel-Buffering", "no"))
"""These headers keep proxies and browsers from holding a stream up, from changing it and from storing it."""


class EventUnion(Struct, frozen=True):
    """An `EventUnion` is all kinds of events of a stream together. The contract calls them by its name."""

    name: str
    kinds: UnionType


StreamEvent: TypeAlias = type[Struct] | EventUnion | str
"""This is the declaration of an event's data. A text stands for itself, and isn't JSON."""


class WireFormat(Struct, frozen=True):
    """A `WireFormat` is one format of an answer."""

    name: str
    """This is the value of the field `format` that asks for this format."""
    encoder: EncoderFactory | None
    """This makes the format's encoders. It is None where the answer is sent whole when it is over."""
    content_type: str = "text/event-stream; charset=utf-8"
    media_types: tuple[str, ...] = ()
    """A client may name these media types in `Accept` to get this format."""
    is_resumable: bool = False
    """This says whether a reader that was cut off can come back for the rest."""
    headers: Sequence[tuple[str, str]] = STREAM_HEADERS
    events: Mapping[str, Sequence[StreamEvent]] = {}
    """This says what the stream consists of, by the names of its events. An event without a name is a `message`, and
    `*` stands for any name. A stream without events has a `line`, or a `part` that no contract can describe further."""


ANY_FRAME = EventUnion("TypedFrame", TYPED_FRAMES)
DONE_MARK = "[DONE]"

TYPED = WireFormat(
    "typed",
    TypedEncoder,
    media_types=("text/event-stream",),
    is_resumable=True,
    events={"message": (ANY_FRAME,)},
)
JSON = WireFormat("json", None, "application/json", ("application/json",), headers=(("Cache-Control", "no-store"),))
EVENTS = WireFormat("events", EventsEncoder, is_resumable=True, events=EVENT_DATA)
JSONL = WireFormat(
    "jsonl",
    JsonLinesEncoder,
    "application/jsonl; charset=utf-8",
    ("application/jsonl", "application/x-ndjson"),
    events={"line": (ANY_FRAME,)},
)
TEXT = WireFormat("text", PlainTextEncoder, "text/plain; charset=utf-8", ("text/plain",))
OPENAI = WireFormat("openai", CompletionEncoder, events={"message": (CompletionChunk, OpenAIErrorObject, DONE_MARK)})
RESPONSES = WireFormat(
    "responses",
    ResponsesEncoder,
    is_resumable=True,
    events={"*": (EventUnion("ResponsesEvent", RESPONSES_EVENTS), OpenAIErrorObject, DONE_MARK)},
)
UI_MESSAGE = WireFormat(
    "ui-message",
    UiMessageEncoder,
    is_resumable=True,
    headers=(*STREAM_HEADERS, UI_MESSAGE_HEADER),
    events={"message": (EventUnion("UiChunk", UI_CHUNKS), DONE_MARK)},
)
DATA_STREAM = WireFormat(
    "data-stream",
    DataStreamEncoder,
    "text/plain; charset=utf-8",
    headers=(*STREAM_HEADERS, DATA_STREAM_HEADER),
    events={"part": DATA_STREAM_VALUES},
)
AG_UI = WireFormat("ag-ui", AgentEncoder, events={"message": (EventUnion("AgUiEvent", AGENT_EVENTS),)})

FORMATS: Mapping[str, WireFormat] = {
    row.name: row for row in (TYPED, JSON, EVENTS, JSONL, TEXT, OPENAI, RESPONSES, UI_MESSAGE, DATA_STREAM, AG_UI)
}
DEFAULT = TYPED
