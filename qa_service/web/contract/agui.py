"""This module describes the route of `web/agui.py`: a run of the AG-UI protocol."""

from typing import Any

from qa_service.conversation import MESSAGES
from qa_service.web.agent_input import ID
from qa_service.web.contract.asking import ADMITTED, STREAM_HEADERS
from qa_service.web.contract.operations import JsonSchema, Operation, ResultShape
from qa_service.web.contract.question import CLEAN, CLEAN_WORDS

RUN_NOTE = (
    "The body is a `RunAgentInput` of AG-UI 1.0, whose thread is the session. The question is the last message of the "
    "user. What a run has beside these members is passed over."
)
EVENTS_NOTE = (
    "The events of the run. Each has only `data`. The last one is `RUN_FINISHED` or `RUN_ERROR`; without either, the "
    "stream was cut."
)
FORWARDED = "The fields of a question, such as `useWebSearch`. Whatever else an application passes on is ignored."
PART = "A part of a message: a text, or an image, a document or the like, whose bytes are a file of the question."


EVENT: JsonSchema = {
    "type": "object",
    "properties": {
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/$defs/AgUiEvent"},
        }
    },
    "required": ["data"],
}


def _build_run_input() -> JsonSchema:
    written = {"type": "string", "minLength": 1, "pattern": CLEAN_WORDS}
    clean = {"type": "string", "pattern": CLEAN}
    identity = {**written, "maxLength": ID}
    part = {"type": "object", "properties": {"type": written}, "required": ["type"], "description": PART}
    message: dict[str, Any] = {
        "type": "object",
        "properties": {
            "id": written,
            "role": {"enum": ["user", "assistant", "system", "developer", "tool", "activity", "reasoning"]},
            "content": {"description": "A text, or a list of parts."},
        },
        "required": ["role"],
    }
    text = {"properties": {"type": {"const": "text"}, "text": written}, "required": ["type", "text"]}
    parts = {"type": "array", "items": part, "contains": text}
    by_user = {
        "properties": {"role": {"const": "user"}, "content": {"anyOf": [written, parts]}},
        "required": ["role", "content"],
    }
    return {
        "type": "object",
        "properties": {
            "threadId": {**identity, "pattern": "^[A-Za-z0-9._-]+$", "description": "The session."},
            "runId": {**identity, "description": "The id that the run has in its events."},
            "messages": {
                "type": "array",
                "items": message,
                "contains": by_user,
                "maxItems": MESSAGES,
                "description": "The conversation so far, with the question as the user's last message.",
            },
            "context": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"description": clean, "value": clean},
                    "required": ["description", "value"],
                },
                "description": "What the application wants the model to know, as instructions for this question.",
            },
            "forwardedProps": {"type": "object", "description": FORWARDED},
        },
        "required": ["threadId", "runId", "messages"],
    }


RUNS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/agui",
        name="runAgent",
        tag="asking",
        summary="Run the service as an AG-UI agent",
        description=RUN_NOTE,
        body={"application/json": _build_run_input()},
        results=(ResultShape(description=EVENTS_NOTE, content={"text/event-stream": EVENT}, headers=STREAM_HEADERS),),
        refusals=ADMITTED,
    ),
)
"""How an AG-UI front end asks."""
