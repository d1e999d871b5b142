"""This module describes the route of `web/agui.py`, for front ends that speak the AG-UI protocol."""

from qa_service.questions import SESSION_ID
from qa_service.web.contract.asking import nothing_result, stream_result
from qa_service.web.contract.offer import Offer
from qa_service.web.contract.operations import JsonSchema, Operation
from qa_service.web.contract.question import build_text_schema
from qa_service.web.contract.refusals import ASKED
from qa_service.wire.structs import AnswerObject

RUN_ID_NOTE = "The run, as the client names it."
RUN_NOTE = "The body is a `RunAgentInput`, and its thread is the session."


def describe_agents(offer: Offer) -> tuple[Operation, ...]:
    """Describe how a run of the AG-UI protocol is begun."""
    return (
        Operation(
            method="POST",
            path="/agui",
            name="runAgent",
            tag="asking",
            summary="Ask as the AG-UI protocol asks",
            description=RUN_NOTE,
            body={"application/json": _build_run_schema(offer)},
            results=(stream_result("ag-ui", whole=AnswerObject), nothing_result()),
            refusals=ASKED,
        ),
    )


def _build_run_schema(offer: Offer) -> JsonSchema:
    words = build_text_schema(offer.question)
    message = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "role": {"enum": ["user"]}, "content": words},
        "required": ["id", "role", "content"],
    }
    properties = {
        "threadId": {"type": "string", "pattern": f"^{SESSION_ID.pattern}$", "description": "The session."},
        "runId": {
            "type": "string",
            "minLength": 1,
            "maxLength": 128,
            "description": RUN_ID_NOTE,
        },
        "messages": {"type": "array", "minItems": 1, "items": message, "description": "The conversation so far."},
        "forwardedProps": {"type": "object", "description": "Fields of `POST ask` may stand here."},
    }
    return {"type": "object", "properties": properties, "required": ["threadId", "runId", "messages"]}
