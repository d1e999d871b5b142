"""This module has the stream of OpenAI's Responses API, for the clients of that API.

Each frame becomes some events, and an event's number is made of its frame's number. So a reader that names the last
event it has seen finds the rest in any worker.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from qa_service.frames import Frame, StageNotice, Text
from qa_service.model import Echo
from qa_service.pause import with_pauses
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.lines import encode_json
from qa_service.wire.response_draft import ImageLoader, ResponseDraft
from qa_service.wire.response_events import ResponsesEvent
from qa_service.wire.response_objects import ResponseObject

EVENTS_OF_FRAME = 10_000
"""A frame becomes fewer events than this. The events of frame 7 are numbered from 70,000 on."""
NO_ECHO = Echo()
_COMMENT = b": working\n\n"
"""This keeps a connection alive while frames come that the API has no event for. Clients pass over it."""
_LAST = b"data: [DONE]\n\n"
"""The Open Responses specification wants this behind the last event. OpenAI's own SDKs pass over it."""
_DELTA = (
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":%d,'
    b'"output_index":%b,"delta":%b,"logprobs":[]}\n\n'
)
"""This is a `DeltaEvent` as it is sent. Its holes are its number, where it stands, and its text."""


class ResponsesEncoder(FrameEncoder):
    """A `ResponsesEncoder` is a `FrameEncoder`. `seen` is the number of the last event that the reader has seen, and it
    gets only later ones. `load_image` gives the bytes of pictures, and may wait for the store. Where the answer goes on
    elsewhere, the connection is cut, so that the reader comes back."""

    def __init__(
        self, context: FormatContext, *, echo: Echo = NO_ECHO, seen: int = 0, load_image: ImageLoader = lambda _: None
    ) -> None:
        self._seen = seen
        self._draft = ResponseDraft(context, echo, load_image)
        for frame in with_pauses(context.sent):
            self._draft.skip_frame(frame)
        self._where = b""
        """This says where a delta of the open message stands, as it is sent. It is empty where more must be said than a
        delta."""
        self._note_message()

    def heartbeat(self) -> bytes:
        return _COMMENT

    def tail(self) -> bytes:
        return _LAST

    def encode_frame(self, seq: int, frame: Frame) -> bytes:
        number = seq * EVENTS_OF_FRAME
        # Nearly every frame is text that goes on with the message, and making its event would take several times as
        # long.
        if self._where and isinstance(frame, Text):
            self._draft.add_text(frame.content)
            return _DELTA % (number, self._where, encode_json(frame.content)) if number > self._seen else b""
        events = list(enumerate(self._draft.add_frame(frame), number))
        self._note_message()
        if isinstance(frame, StageNotice) and not events:
            return _COMMENT
        return b"".join([_encode_event(event, at) for at, event in events if at > self._seen])

    def _note_message(self) -> None:
        found = self._draft.find_open_message()
        self._where = b'%d,"item_id":"%b","content_index":0' % (found[1], found[0].encode()) if found else b""


def build_response(
    context: FormatContext, echo: Echo, frames: Sequence[Frame], load_image: ImageLoader = lambda _: None
) -> ResponseObject:
    """Build the response of an answer that has come as far as these frames, the first of which is its first."""
    draft = ResponseDraft(context, echo, load_image)
    for frame in with_pauses(frames):
        draft.skip_frame(frame)
    return draft.build_response()


def _encode_event(event: ResponsesEvent, number: int) -> bytes:
    name = str(event.__struct_config__.tag).encode()
    return b"event: %b\ndata: %b\n\n" % (name, encode_json(replace(event, sequence_number=number)))
