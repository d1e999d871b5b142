"""This module describes the routes under `v1`, for clients of OpenAI's APIs."""

from qa_service import errors
from qa_service.web.contract.asking import ADMITTED, stream_result
from qa_service.web.contract.operations import ErrorShape, InputField, JsonSchema, Operation, json_result
from qa_service.web.contract.question import CLEAN_WORDS
from qa_service.web.contract.refusals import BY_UPSTREAM
from qa_service.wire.completion_objects import CompletionObject, ModelListObject, ModelObject
from qa_service.wire.openai_errors import STATUSES, OpenAIErrorObject
from qa_service.wire.response_objects import DeletedResponse, InputItems, ResponseObject

OPENAI = ErrorShape("application/json", OpenAIErrorObject, names_code=False, statuses=STATUSES)
STORED = (errors.NotFound, errors.StoreUnavailable)
MESSAGES_NOTE = "The conversation, as OpenAI's API has it, with pictures and files too."
SAMPLING_NOTE = "It is left out for models without it."
WORDS: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": CLEAN_WORDS}
TOKENS: JsonSchema = {"type": "integer", "minimum": 16, "description": "The longest answer, in tokens."}
SESSION: JsonSchema = {"type": "string", "pattern": "^[A-Za-z0-9._-]{22,128}$"}
MESSAGES: JsonSchema = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {"role": {"enum": ["user"]}, "content": WORDS},
        "required": ["role", "content"],
    },
}
SAMPLING: JsonSchema = {
    "temperature": {"type": "number", "minimum": 0, "maximum": 2, "description": SAMPLING_NOTE},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1, "description": SAMPLING_NOTE},
    "stream": {"type": "boolean", "default": False, "description": "Whether the answer comes as a stream."},
    "model": {"type": "string", "description": "The model, one of those that the server offers."},
}
COMPLETION: JsonSchema = {
    "type": "object",
    "properties": {
        "messages": {**MESSAGES, "description": MESSAGES_NOTE},
        **SAMPLING,
        "max_completion_tokens": TOKENS,
        "user": {**SESSION, "description": "The session. Without one, nothing is kept."},
    },
    "required": ["messages"],
}
RESPONSE: JsonSchema = {
    "type": "object",
    "properties": {
        "input": {"anyOf": [WORDS, MESSAGES], "description": "The question, as OpenAI's API has it."},
        **SAMPLING,
        "instructions": {**WORDS, "description": "Instructions for this question."},
        "max_output_tokens": TOKENS,
        "previous_response_id": {"type": "string", "description": "The response that this one continues."},
        "conversation": {**SESSION, "description": "The session."},
        "store": {"type": "boolean", "default": True, "description": "`false` keeps nothing when the answer is over."},
    },
    "required": ["input"],
}

COMPLETIONS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/v1/chat/completions",
        name="completeChat",
        tag="openai",
        summary="Ask as OpenAI's Chat Completions API is asked",
        body={"application/json": COMPLETION},
        results=(stream_result("openai", whole=CompletionObject, headers=("X-Request-Id",)),),
        refusals=(*ADMITTED, *BY_UPSTREAM, errors.Busy),
        error_shape=OPENAI,
    ),
    Operation(
        method="GET",
        path="/v1/models",
        name="listModels",
        tag="openai",
        summary="List the models",
        results=(json_result(ModelListObject, "The models. Those that only a pattern allows aren't listed."),),
        error_shape=OPENAI,
    ),
    Operation(
        method="GET",
        path="/v1/models/{model}",
        name="getModel",
        tag="openai",
        summary="Read about one model",
        results=(json_result(ModelObject, "The model."),),
        refusals=(errors.ModelNotAllowed, errors.NotFound),
        error_shape=OPENAI,
    ),
)
"""OpenAI's Chat Completions API."""

RESPONSES: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/v1/responses",
        name="createResponse",
        tag="openai",
        summary="Ask as OpenAI's Responses API is asked",
        body={"application/json": RESPONSE},
        results=(stream_result("responses", whole=ResponseObject, headers=("X-Request-Id",)),),
        refusals=(*ADMITTED, *BY_UPSTREAM),
        error_shape=OPENAI,
    ),
    Operation(
        method="GET",
        path="/v1/responses/{responseId}",
        name="getResponse",
        tag="openai",
        summary="Read a response as it stands, or follow it",
        access="reader",
        query=(
            InputField("stream", {"type": "boolean", "default": False}, "Whether the answer comes as a stream."),
            InputField(
                "starting_after",
                {"type": "integer", "minimum": 0, "maximum": 10**15, "default": 0},
                "The number of the last event that was seen.",
            ),
        ),
        results=(stream_result("responses", whole=ResponseObject, headers=("X-Request-Id",)),),
        refusals=(*STORED, errors.InvalidField, errors.Draining, errors.Overloaded),
        error_shape=OPENAI,
    ),
    Operation(
        method="DELETE",
        path="/v1/responses/{responseId}",
        name="deleteResponse",
        tag="openai",
        summary="Delete a response with its question",
        results=(json_result(DeletedResponse, "It is gone."),),
        refusals=STORED,
        error_shape=OPENAI,
    ),
    Operation(
        method="POST",
        path="/v1/responses/{responseId}/cancel",
        name="cancelResponse",
        tag="openai",
        summary="Stop a response",
        results=(json_result(ResponseObject, "The response, as far as it was written."),),
        refusals=STORED,
        error_shape=OPENAI,
    ),
    Operation(
        method="GET",
        path="/v1/responses/{responseId}/input_items",
        name="listInputItems",
        tag="openai",
        summary="Read the question of a response",
        results=(json_result(InputItems, "The question."),),
        refusals=STORED,
        error_shape=OPENAI,
    ),
)
"""OpenAI's Responses API."""
