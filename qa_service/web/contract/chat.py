"""This module describes the routes of `web/chat.py`, for pages with the AI SDK."""

from http import HTTPStatus

from qa_service import errors
from qa_service.questions import SESSION_ID
from qa_service.web.contract.asking import nothing_result, stream_result
from qa_service.web.contract.offer import Offer
from qa_service.web.contract.operations import JsonSchema, Operation, ResultShape
from qa_service.web.contract.question import build_text_schema
from qa_service.web.contract.refusals import ASKED, STORED
from qa_service.wire.structs import AnswerObject

IDLE = ResultShape(status=HTTPStatus.NO_CONTENT, description="No answer is being written there.")
STOPPED = ResultShape(status=HTTPStatus.NO_CONTENT, description="Nothing is being written there any more.")
TRIGGER_NOTE = "Version 5 and later say what the page wants; `regenerate-message` writes an answer again."
CHAT_NOTE = (
    "The format follows from the messages: the UI message stream of version 5 and later, the data stream of version "
    "4, or plain text for bare messages of `role` and `content`. Every field of `POST ask` may stand beside them."
)


def describe_chats(offer: Offer) -> tuple[Operation, ...]:
    """Describe what pages with the AI SDK ask for."""
    asked = Operation(
        method="POST",
        path="/chat",
        name="askInChat",
        tag="chat",
        summary="Ask a chat page's question",
        description=CHAT_NOTE,
        body={"application/json": _build_chat_schema(offer)},
        results=(stream_result("ui-message", "data-stream", "text", whole=AnswerObject), nothing_result()),
        refusals=ASKED,
    )
    return (asked, *CHATS)


def _build_chat_schema(offer: Offer) -> JsonSchema:
    properties = {
        "id": {"type": "string", "pattern": f"^{SESSION_ID.pattern}$", "description": "The chat, which is a session."},
        "messages": {**_list_messages(offer), "description": "The messages of the page."},
        "trigger": {"enum": ["submit-message"], "description": TRIGGER_NOTE},
        "messageId": {"type": "string", "description": "The message that is replaced."},
    }
    return {"type": "object", "properties": properties, "required": ["id", "messages", "trigger"]}


def _list_messages(offer: Offer) -> JsonSchema:
    text = build_text_schema(offer.question)
    part = {
        "type": "object",
        "properties": {"type": {"const": "text"}, "text": text},
        "required": ["type", "text"],
    }
    properties = {
        "id": {"type": "string"},
        "role": {"enum": ["user"]},
        "parts": {"type": "array", "minItems": 1, "maxItems": 1, "items": part},
    }
    message = {"type": "object", "properties": properties, "required": ["id", "role", "parts"]}
    return {"type": "array", "minItems": 1, "items": message}


CHATS: tuple[Operation, ...] = (
    Operation(
        path="/chat/{chatId}/stream",
        name="resumeChat",
        tag="chat",
        summary="Come back to the answer that is being written in a chat",
        access="reader",
        results=(stream_result("ui-message", whole=AnswerObject), IDLE),
        refusals=(*STORED, errors.RateLimited, errors.Draining, errors.Overloaded),
    ),
    Operation(
        method="POST",
        path="/chat/{chatId}/stop",
        name="stopChat",
        tag="chat",
        summary="Stop the answer that is being written in a chat",
        description="What was written is kept. Stopping it again changes nothing.",
        results=(STOPPED,),
        refusals=STORED,
    ),
)
"""These operations come back to the answer of a chat, and stop it."""
