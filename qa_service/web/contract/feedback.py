"""This module describes the routes of `web/feedback.py`: what people think of an answer."""

from qa_service import errors
from qa_service.web.contract.operations import InputField, Operation, json_result
from qa_service.web.contract.question import CLEAN
from qa_service.web.contract.sessions import CURSOR, PAGED, STORED
from qa_service.web.feedback import COMMENT, RATINGS
from qa_service.wire.structs import AnswerListObject, AnswerObject

GIVEN = {
    "type": "object",
    "properties": {
        "rating": {"enum": list(RATINGS), "description": "Whether the answer helped."},
        "comment": {"type": "string", "maxLength": COMMENT, "pattern": CLEAN, "description": "Why. It is trimmed."},
    },
    "required": ["rating"],
}
LISTED = (
    "This needs a server's key, and no `X-User-Id`. The list has what the users for whom that key speaks have said, "
    "and those who use the service without any server's key."
)

FEEDBACK: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/answers/{answerId}/feedback",
        name="giveFeedback",
        tag="answers",
        summary="Say what you think of an answer",
        description="It is kept with the answer, in the place of what was said before.",
        body={"application/json": GIVEN, "application/x-www-form-urlencoded": GIVEN},
        results=(json_result(AnswerObject, "The answer, with its feedback."),),
        refusals=(*STORED, errors.InvalidField, errors.TooManyFiles),
    ),
    Operation(
        method="GET",
        path="/feedback",
        name="listFeedback",
        tag="service",
        summary="List the answers that have feedback, the newest feedback first",
        description=LISTED,
        access="key",
        query=(InputField("cursor", {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,9})?$"}, CURSOR), PAGED),
        results=(json_result(AnswerListObject, "A part of the list."),),
        refusals=(errors.ForbiddenOrigin, errors.InvalidField, errors.StoreUnavailable),
    ),
)
"""How feedback is given and read."""
