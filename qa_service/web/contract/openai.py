"""This module describes the routes under `v1`, for clients of OpenAI's APIs."""

from qa_service import errors
from qa_service.questions import LONGEST_SYSTEM_PROMPT
from qa_service.setting_values import LEAST_TOKENS
from qa_service.web.contract.asking import stream_result
from qa_service.web.contract.offer import Offer
from qa_service.web.contract.operations import InputField, JsonSchema, Operation, json_result
from qa_service.web.contract.question import SAMPLING_NOTE, build_model_schema, build_text_schema
from qa_service.web.contract.refusals import ASKED, STORED
from qa_service.wire.completion_objects import CompletionObject, ModelListObject, ModelObject
from qa_service.wire.response_objects import DeletedResponse, InputItems, ResponseObject

_MESSAGES_NOTE = "The conversation, as OpenAI's API has it, with pictures and files too."
MODEL_NOTE = "The model, one of those that the server offers."
SESSION: JsonSchema = {"type": "string", "pattern": "^[A-Za-z0-9._-]{22,128}$"}


def describe_completions(offer: Offer) -> tuple[Operation, ...]:
    """Describe OpenAI's Chat Completions API."""
    asked = Operation(
        method="POST",
        path="/v1/chat/completions",
        name="completeChat",
        tag="openai",
        summary="Ask as OpenAI's Chat Completions API is asked",
        body={"application/json": _build_completion_schema(offer)},
        results=(stream_result("openai", whole=CompletionObject, headers=("X-Request-Id",)),),
        refusals=ASKED,
    )
    return (asked, *MODELS)


def describe_responses(offer: Offer) -> tuple[Operation, ...]:
    """Describe OpenAI's Responses API."""
    asked = Operation(
        method="POST",
        path="/v1/responses",
        name="createResponse",
        tag="openai",
        summary="Ask as OpenAI's Responses API is asked",
        body={"application/json": _build_response_schema(offer)},
        results=(stream_result("responses", whole=ResponseObject, headers=("X-Request-Id",)),),
        refusals=ASKED,
    )
    return (asked, *_RESPONSES)


def _build_completion_schema(offer: Offer) -> JsonSchema:
    properties = {
        "messages": {**_list_messages(offer), "description": _MESSAGES_NOTE},
        **_list_sampling(offer),
        "max_completion_tokens": _tokens(offer),
        "user": {**SESSION, "description": "The session. Without one, nothing is kept."},
    }
    return {"type": "object", "properties": properties, "required": ["messages"]}


def _build_response_schema(offer: Offer) -> JsonSchema:
    asked = {"anyOf": [build_text_schema(offer.question), _list_messages(offer)]}
    properties = {
        "input": {**asked, "description": "The question, as OpenAI's API has it."},
        **_list_sampling(offer),
        "instructions": {**build_text_schema(LONGEST_SYSTEM_PROMPT), "description": "Instructions for this question."},
        "max_output_tokens": _tokens(offer),
        "previous_response_id": {"type": "string", "description": "The response that this one continues."},
        "conversation": {**SESSION, "description": "The session."},
        "store": {"type": "boolean", "default": True, "description": "`false` keeps nothing when the answer is over."},
    }
    return {"type": "object", "properties": properties, "required": ["input"]}


def _tokens(offer: Offer) -> JsonSchema:
    limits = {"type": "integer", "minimum": LEAST_TOKENS, "maximum": offer.tokens}
    return {**limits, "description": "The longest answer, in tokens."}


def _list_messages(offer: Offer) -> JsonSchema:
    properties = {"role": {"enum": ["user"]}, "content": build_text_schema(offer.question)}
    message = {"type": "object", "properties": properties, "required": ["role", "content"]}
    return {"type": "array", "minItems": 1, "items": message}


def _list_sampling(offer: Offer) -> JsonSchema:
    return {
        "temperature": {"type": "number", "minimum": 0, "maximum": 2, "description": SAMPLING_NOTE},
        "top_p": {"type": "number", "minimum": 0, "maximum": 1, "description": SAMPLING_NOTE},
        "stream": {"type": "boolean", "default": False, "description": "Whether the answer comes as a stream."},
        "model": {**build_model_schema(offer.models), "description": MODEL_NOTE},
    }


MODELS: tuple[Operation, ...] = (
    Operation(
        path="/v1/models",
        name="listModels",
        tag="openai",
        summary="List the models",
        results=(json_result(ModelListObject, "The models. Those that only a pattern allows aren't listed."),),
    ),
    Operation(
        path="/v1/models/{model}",
        name="getModel",
        tag="openai",
        summary="Read about one model",
        results=(json_result(ModelObject, "The model."),),
        refusals=(errors.ModelNotAllowed, errors.NotFound),
    ),
)
"""These operations show the models that a question may name."""

_RESPONSES: tuple[Operation, ...] = (
    Operation(
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
        refusals=(*STORED, errors.InvalidField, errors.RateLimited, errors.Draining, errors.Overloaded),
    ),
    Operation(
        method="DELETE",
        path="/v1/responses/{responseId}",
        name="deleteResponse",
        tag="openai",
        summary="Delete a response with its question",
        results=(json_result(DeletedResponse, "It is gone."),),
        refusals=STORED,
    ),
    Operation(
        method="POST",
        path="/v1/responses/{responseId}/cancel",
        name="cancelResponse",
        tag="openai",
        summary="Stop a response",
        results=(json_result(ResponseObject, "The response, as far as it was written."),),
        refusals=STORED,
    ),
    Operation(
        path="/v1/responses/{responseId}/input_items",
        name="listInputItems",
        tag="openai",
        summary="Read the question of a response",
        results=(json_result(InputItems, "The question."),),
        refusals=STORED,
    ),
)
"""These operations read a response, follow it, stop it and delete it."""
