"""This module describes the routes of `web/answers.py`: to read, to follow and to stop an answer."""

from qa_service import errors
from qa_service.web.contract.asking import LAST_SEEN, answer_result, nothing_result
from qa_service.web.contract.operations import InputField, Operation, json_result
from qa_service.web.contract.question import list_stream_fields
from qa_service.web.contract.refusals import BY_UPSTREAM
from qa_service.wire.structs import AnswerObject

FURTHEST = 10**15 - 1
AFTER = InputField(
    "after",
    {"type": "integer", "minimum": -FURTHEST, "maximum": FURTHEST, "default": 0},
    "The number of the last frame that was seen. A negative number asks for that many of the last frames, and for all "
    "that follow.",
)
STREAM_NOTE = (
    "Any number of readers may follow an answer, at any worker, while it is written and afterwards. Each gets the same "
    "frames. A stream was cut if it ends without `done`, or if it is silent for three heartbeats."
)
STORED = (errors.NotFound, errors.StoreUnavailable)

ANSWERS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/answers/{answerId}",
        name="getAnswer",
        tag="answers",
        summary="Read an answer as it stands",
        results=(json_result(AnswerObject, "The answer."),),
        refusals=STORED,
    ),
    Operation(
        method="GET",
        path="/answers/{answerId}/stream",
        name="streamAnswer",
        tag="answers",
        summary="Follow an answer from where a reader was cut off",
        description=STREAM_NOTE,
        access="reader",
        query=(AFTER, *list_stream_fields()),
        headers=(LAST_SEEN,),
        results=(answer_result(), nothing_result()),
        refusals=(*STORED, errors.InvalidField, errors.Draining, errors.Overloaded, *BY_UPSTREAM),
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
)
"""What can be done with an answer."""
