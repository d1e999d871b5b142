"""This module describes the routes of `web/asking.py`: a question and its answer."""

from collections.abc import Sequence
from http import HTTPStatus

from msgspec.structs import replace

from qa_service import errors
from qa_service.web.contract.offer import Offer
from qa_service.web.contract.operations import InputField, JsonSchema, Operation, ResultShape, Shape
from qa_service.web.contract.question import (
    LAST_EVENT_ID,
    SEEN_FRAME,
    build_form_question,
    build_json_question,
    build_multipart_question,
    list_question_fields,
)
from qa_service.web.contract.refusals import ASKED
from qa_service.web.repeats import LONGEST_KEY
from qa_service.wire.formats import FORMATS, EventUnion, StreamEvent
from qa_service.wire.structs import AnswerObject

_STREAM_HEADERS = ("X-Session-Id", "X-Answer-Id", "Cache-Control", "X-Accel-Buffering")
RESULT = (
    "The answer. When a stream has begun, failures come in it as `error` frames. The schema of `text/event-stream` is "
    "that of one event. The title of each of its shapes names the format and the event; `message` is an event without "
    "a name."
)
_NOTHING = "Nothing comes after the frame that was named."
LAST_SEEN = InputField("Last-Event-ID", {"type": "string", "pattern": SEEN_FRAME}, LAST_EVENT_ID)
ASKED_ONCE = InputField(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": r"^[!-~]+$"},
    "The same as the field `idempotencyKey`, which it wins over.",
)
TOO_LONG = ResultShape(
    status=HTTPStatus.REQUEST_URI_TOO_LONG,
    description=(
        "The first line of the request, in which the address stands, has more than 8,190 bytes. A question of 880 "
        "Korean characters fits into it."
    ),
    content={"text/html": {"type": "string"}},
)
"""The server tells it before the service sees the request."""
ASK_NOTE = (
    "The answer comes as a stream of frames. Fields may also stand in the address, where those of the body win. An "
    "empty field, `null` or `undefined` counts as absent, and unknown fields are ignored."
)
GET_NOTE = (
    "For clients that can only GET, such as a browser's `EventSource`. Each event has an `id:`. A request that "
    "equals one still being answered joins it. HEAD is refused."
)


def describe_asking(offer: Offer) -> tuple[Operation, ...]:
    """Describe how questions are asked."""
    return (
        Operation(
            method="POST",
            path="/ask",
            name="ask",
            tag="asking",
            summary="Ask a question",
            description=ASK_NOTE,
            headers=(ASKED_ONCE, LAST_SEEN),
            body={
                "multipart/form-data": build_multipart_question(offer),
                "application/json": build_json_question(offer),
                "application/x-www-form-urlencoded": build_form_question(offer),
            },
            results=(answer_result(), nothing_result()),
            refusals=ASKED,
        ),
        Operation(
            path="/ask",
            name="askByAddress",
            tag="asking",
            summary="Ask a question by its address",
            description=GET_NOTE,
            access="reader",
            query=tuple(replace(field, required=field.name == "question") for field in list_question_fields(offer)),
            headers=(ASKED_ONCE, LAST_SEEN),
            results=(answer_result(), nothing_result(), TOO_LONG),
            refusals=(*ASKED, errors.ForbiddenOrigin),
        ),
    )


def answer_result() -> ResultShape:
    """Declare the response that brings an answer, in any format of the table."""
    return ResultShape(description=RESULT, content=_list_contents(), headers=_STREAM_HEADERS)


def nothing_result() -> ResultShape:
    """Declare the response to a reader who has seen everything."""
    return ResultShape(status=HTTPStatus.NO_CONTENT, description=_NOTHING)


def stream_result(*names: str, whole: Shape, headers: Sequence[str] = ()) -> ResultShape:
    """Declare the response that brings an answer in one of these formats, or whole. It may have more headers."""
    content = {**_list_contents(*names), "application/json": whole}
    return ResultShape(description=RESULT, content=content, headers=(*_STREAM_HEADERS, *headers))


def _list_contents(*names: str) -> dict[str, Shape]:
    contents: dict[str, Shape] = {}
    for row in (FORMATS[name] for name in names or FORMATS):
        media_type = row.content_type.partition(";")[0]
        if row.encoder is None:
            contents[media_type] = AnswerObject
        elif media_type == "text/event-stream":
            contents.setdefault(media_type, _build_event_schema(*names))
        else:
            lines = [_refer(line) for line in row.events.get("line", ()) if not isinstance(line, str)]
            contents[media_type] = {"type": "string", "x-line": lines[0]} if lines else {"type": "string"}
    return contents


def _build_event_schema(*names: str) -> JsonSchema:
    """Build the schema of one event of a stream, in any format that consists of events."""
    shapes = [
        {"title": f"{name}: {event}", "properties": {**_name_event(event), "data": _build_data_schema(data)}}
        for name, row in FORMATS.items()
        if name in (names or FORMATS) and row.content_type.startswith("text/event-stream")
        for event, alternatives in row.events.items()
        for data in alternatives
    ]
    properties = {"event": {"type": "string"}, "id": {"type": "string"}, "data": {"type": "string"}}
    return {"type": "object", "properties": properties, "required": ["data"], "anyOf": shapes}


def _name_event(event: str) -> JsonSchema:
    return {} if event == "*" else {"event": {"const": event}}


def _build_data_schema(data: StreamEvent) -> JsonSchema:
    if isinstance(data, str):
        return {"const": data}
    return {"type": "string", "contentMediaType": "application/json", "contentSchema": _refer(data)}


def _refer(data: type | EventUnion) -> Shape:
    return {"$ref": f"#/$defs/{data.name}"} if isinstance(data, EventUnion) else data
