"""This module describes the routes of `web/answers.py`: to read, to follow and to stop an answer."""

from collections.abc import Mapping

from qa_service import errors
from qa_service.model import PICTURE_KINDS
from qa_service.web.contract.asking import LAST_SEEN, answer_result, nothing_result
from qa_service.web.contract.operations import (
    InputField,
    JsonSchema,
    Operation,
    ResultShape,
    build_plain_body,
    json_result,
)
from qa_service.web.contract.paging import PAGED, TIME_CURSOR
from qa_service.web.contract.question import CLEAN, list_stream_fields
from qa_service.web.contract.refusals import BY_UPSTREAM, STORED
from qa_service.web.feedback import LONGEST_COMMENT, RATINGS
from qa_service.wire.structs import AnswerListObject, AnswerObject

FURTHEST = 10**15 - 1
AFTER = InputField(
    "after",
    {"type": "integer", "minimum": -FURTHEST, "maximum": FURTHEST, "default": 0},
    "The number of the last frame that was seen. A negative number asks for that many of the last frames, and for all "
    "that follow.",
)
STREAM_NOTE = (
    "Many readers may follow an answer, at any worker, while it is written and afterwards. One caller may have a "
    "quarter of a worker's places for readers. Each gets the same frames. A stream was cut if it ends without `done`, "
    "or if it is silent for three heartbeats."
)

FEEDBACK: JsonSchema = {
    "type": "object",
    "properties": {
        "rating": {"type": "string", "enum": list(RATINGS), "description": "Whether the answer was good."},
        "comment": {
            "type": "string",
            "maxLength": LONGEST_COMMENT,
            "pattern": CLEAN,
            "description": "What was good or bad.",
        },
    },
    "required": ["rating"],
}
PICTURE_NOTE = (
    "Its address in the frame is signed and expires, so that a page can show it. Its owner needs no signature."
)
SIGNED = (
    InputField("owner", {"type": "string"}, "Whose picture it is, as the signed address has it."),
    InputField("expires", {"type": "integer", "minimum": 0}, "When the address expires, in seconds since 1970."),
    InputField("version", {"type": "integer", "minimum": 0}, "It tells the addresses of a picture's versions apart."),
)
_PICTURES: Mapping[str, JsonSchema] = {f"image/{kind}": {"type": "string"} for kind in sorted(PICTURE_KINDS)}

ANSWERS: tuple[Operation, ...] = (
    Operation(
        path="/answers/{answerId}",
        name="getAnswer",
        tag="answers",
        summary="Read an answer as it stands",
        results=(json_result(AnswerObject, "The answer."),),
        refusals=STORED,
    ),
    Operation(
        path="/answers/{answerId}/stream",
        name="streamAnswer",
        tag="answers",
        summary="Follow an answer from where a reader was cut off",
        description=STREAM_NOTE,
        access="reader",
        query=(AFTER, *list_stream_fields()),
        headers=(LAST_SEEN,),
        results=(answer_result(), nothing_result()),
        refusals=(*STORED, errors.InvalidField, errors.RateLimited, errors.Draining, errors.Overloaded, *BY_UPSTREAM),
    ),
    Operation(
        method="POST",
        path="/answers/{answerId}/cancel",
        name="cancelAnswer",
        tag="answers",
        summary="Stop an answer",
        description="What was written is kept, with what it cost. Stopping an answer again changes nothing.",
        results=(json_result(AnswerObject, "The answer, as far as it was written."),),
        refusals=STORED,
    ),
    Operation(
        path="/answers/{answerId}/images/{index}",
        name="getPicture",
        tag="answers",
        summary="Read a picture that was drawn in an answer",
        description=PICTURE_NOTE,
        access="signed",
        query=SIGNED,
        results=(ResultShape(description="The picture.", content=_PICTURES),),
        refusals=STORED,
    ),
    Operation(
        method="POST",
        path="/answers/{answerId}/feedback",
        name="giveFeedback",
        tag="answers",
        summary="Say what you think of an answer",
        description="It takes the place of what was said before.",
        body=build_plain_body(FEEDBACK),
        results=(json_result(AnswerObject, "The answer with the feedback."),),
        refusals=(*STORED, errors.InvalidField, errors.TooManyFiles),
    ),
    Operation(
        path="/feedback",
        name="listFeedback",
        tag="answers",
        summary="List the answers that have feedback, the newest feedback first",
        description="This needs a server's key, and no `X-User-Id`.",
        access="operator",
        query=(TIME_CURSOR, PAGED),
        results=(json_result(AnswerListObject, "A part of the list."),),
        refusals=(errors.InvalidField, errors.StoreUnavailable),
    ),
)
"""These operations read an answer, follow it, stop it and rate it."""
