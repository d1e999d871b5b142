"""This module describes the routes of `web/chat.py`, for pages with the AI SDK."""

from http import HTTPStatus

from qa_service import errors
from qa_service.web.contract.asking import ADMITTED, nothing_result, stream_result
from qa_service.web.contract.operations import JsonSchema, Operation, ResultShape
from qa_service.web.contract.question import CLEAN_WORDS
from qa_service.web.contract.refusals import BY_UPSTREAM
from qa_service.wire.structs import AnswerObject

STOPPED = ResultShape(status=HTTPStatus.NO_CONTENT, description="Nothing is being written there any more.")
UI_PART: JsonSchema = {
    "type": "object",
    "properties": {"type": {"const": "text"}, "text": {"type": "string", "pattern": CLEAN_WORDS}},
    "required": ["type", "text"],
}
UI_MESSAGE: JsonSchema = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "role": {"enum": ["user"]},
        "parts": {"type": "array", "minItems": 1, "items": UI_PART},
    },
    "required": ["id", "role", "parts"],
}
CHAT: JsonSchema = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$", "description": "The chat, which is a session."},
        "messages": {"type": "array", "minItems": 1, "items": UI_MESSAGE, "description": "The messages of the page."},
        "trigger": {
            "enum": ["submit-message"],
            "description": "Version 5 and later say what the page wants; `regenerate-message` writes an answer again.",
        },
        "messageId": {"type": "string", "description": "The message that is replaced."},
    },
    "required": ["id", "messages", "trigger"],
}
CHAT_NOTE = (
    "The format follows from the messages: the UI message stream of version 5 and later, the data stream of version "
    "4, or plain text for bare messages of `role` and `content`. Every field of `POST ask` may stand beside them."
)

CHATS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/chat",
        name="askInChat",
        tag="chat",
        summary="Ask a chat page's question",
        description=CHAT_NOTE,
        body={"application/json": CHAT},
        results=(
            stream_result("ui-message", "data-stream", "text", whole=AnswerObject),
            nothing_result(),
        ),
        refusals=(*ADMITTED, *BY_UPSTREAM),
    ),
    Operation(
        method="GET",
        path="/chat/{chatId}/stream",
        name="resumeChat",
        tag="chat",
        summary="Come back to the answer that is being written in a chat",
        access="reader",
        results=(stream_result("ui-message", whole=AnswerObject), nothing_result()),
        refusals=(errors.NotFound, errors.StoreUnavailable, errors.Draining, errors.Overloaded),
    ),
    Operation(
        method="POST",
        path="/chat/{chatId}/stop",
        name="stopChat",
        tag="chat",
        summary="Stop the answer that is being written in a chat",
        description="What was written is kept. Stopping it again changes nothing.",
        results=(STOPPED,),
        refusals=(errors.NotFound, errors.StoreUnavailable),
    ),
)
"""What pages with the AI SDK ask for."""
