"""This module declares the fields of a question, with the limits of the code that reads them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qa_service.conversation import MOST_MESSAGES
from qa_service.questions import (
    ANSWER_ID,
    BUSY,
    CITATIONS,
    HANGUPS,
    LONGEST_MODEL,
    LONGEST_SYSTEM_PROMPT,
    MOST_COLLECTIONS,
    QUESTION_FIELDS,
    SESSION_ID,
    TOPICS,
)
from qa_service.setting_values import COLLECTION_NAME, LEAST_TOKENS
from qa_service.web.contract.offer import Offer
from qa_service.web.contract.operations import InputField, JsonSchema
from qa_service.web.repeats import LONGEST_KEY
from qa_service.wire.formats import DEFAULT, FORMATS

_CONTROL = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f"
CLEAN = f"^[^{_CONTROL}]*$"
"""A text of this pattern has no control characters. Line breaks and tabs are none."""
CLEAN_WORDS = rf"^[^{_CONTROL}]*[^{_CONTROL}\s][^{_CONTROL}]*$"
"""A text of this pattern has no control characters, and isn't blank."""
SEEN_FRAME = r"^([A-Za-z0-9]{1,64}-)?[0-9]{1,15}$"
LAST_EVENT_ID = (
    "The last frame that was seen, as the answer's id, a hyphen and the frame's number. What follows it comes."
)
_PARTS = ("text", "input_text", "output_text")


def list_question_fields(offer: Offer) -> tuple[InputField, ...]:
    """List the fields of a question, except its files. They may stand in the body or in the address."""
    return (*_list_words(offer), *_list_choices(), *_list_model_fields(offer), *_list_answer_fields())


def list_stream_fields() -> tuple[InputField, ...]:
    """List the fields by which a reader chooses how an answer is sent."""
    return (
        InputField("format", _one_of(FORMATS, DEFAULT.name), "The format of the answer. It wins over `Accept`."),
        InputField(
            "stream", {"type": "boolean", "default": True}, "`false` gives one JSON object when the answer is over."
        ),
        InputField("ids", {"type": "boolean", "default": False}, "Whether each event of the stream has an `id:`."),
        InputField("lastEventId", {"type": "string", "pattern": SEEN_FRAME}, LAST_EVENT_ID),
    )


def build_json_question(offer: Offer) -> JsonSchema:
    """Build the schema of a question as JSON. One of the fields that hold a question is there, and where that is
    `messages`, the user says something in it."""
    properties = {field.name: describe_value(field) for field in list_question_fields(offer)}
    by_user = {"properties": {"role": {"const": "user"}}, "required": ["role"]}
    told = {"required": ["messages"], "properties": {"messages": {"contains": by_user}}}
    return {"type": "object", "properties": properties, "anyOf": [*_one_required(*QUESTION_FIELDS), told]}


def build_form_question(offer: Offer) -> JsonSchema:
    """Build the schema of a question as a form, in which lists are texts of JSON."""
    question = build_json_question(offer)
    messages = question["properties"]["messages"]
    text = {"type": "string", "format": "json", "contentMediaType": "application/json", "contentSchema": messages}
    written = {**text, "description": messages["description"]}
    return {**question, "properties": {**question["properties"], "messages": written}}


def build_multipart_question(offer: Offer) -> JsonSchema:
    """Build the schema of a question as a form with files, which may take the place of a question."""
    question = build_form_question(offer)
    properties = {**question["properties"], "files": describe_files(offer, _FILES_NOTE)}
    return {**question, "properties": properties, "anyOf": _one_required(*QUESTION_FIELDS, "messages", "files")}


def build_text_schema(most: int) -> JsonSchema:
    """Build the schema of a text that isn't blank, of at most this many characters."""
    return {"type": "string", "minLength": 1, "maxLength": most, "pattern": CLEAN_WORDS}


def describe_value(field: InputField) -> JsonSchema:
    """Write a field as a property of an object."""
    return {**field.schema, "description": field.description}


def _one_required(*names: str) -> list[JsonSchema]:
    return [{"required": [name]} for name in names]


def _list_words(offer: Offer) -> tuple[InputField, ...]:
    question = build_text_schema(offer.question)
    return (
        InputField("question", question, "The question. It is trimmed. It may be left out where files are sent."),
        InputField("message", question, "Another name of `question`. Where both are sent, `question` counts."),
        InputField("prompt", question, "Another name of `question`. Where both are sent, `question` counts."),
        InputField("messages", _messages(offer), _MESSAGES_NOTE),
        InputField(
            "systemPrompt",
            {"type": "string", "maxLength": LONGEST_SYSTEM_PROMPT, "pattern": CLEAN},
            "Instructions for this question, beside the site's own.",
        ),
    )


_MESSAGES_NOTE = (
    "An earlier conversation, with which a new session begins. Where there is no `question`, the last message of the "
    "user is the question. In a form, it is a text of JSON."
)


def _messages(offer: Offer) -> JsonSchema:
    text = build_text_schema(offer.question)
    part = {
        "type": "object",
        "properties": {"type": {"enum": list(_PARTS)}, "text": text},
        "required": ["type", "text"],
    }
    content = {"anyOf": [text, {"type": "array", "items": part, "minItems": 1}]}
    message = {
        "type": "object",
        "properties": {"role": {"enum": ["user", "assistant", "system", "developer"]}, "content": content},
        "required": ["role", "content"],
    }
    return {"type": "array", "items": message, "minItems": 1, "maxItems": MOST_MESSAGES}


NAMED_COLLECTION: JsonSchema = {"type": "string", "pattern": f"^{COLLECTION_NAME.pattern}$"}
COLLECTIONS = InputField(
    "collections",
    {"type": "array", "items": NAMED_COLLECTION, "maxItems": MOST_COLLECTIONS},
    "The collections to search: `own` stands for all of the caller's own ones, and `shared` for all shared ones. In a "
    "form or an address, they are separated by commas.",
)


def _list_choices() -> tuple[InputField, ...]:
    return (
        InputField("sessionId", {"type": "string", "pattern": f"^{SESSION_ID.pattern}$"}, SESSION_NOTE),
        InputField("topic", _one_of(TOPICS, TOPICS[0]), TOPIC_NOTE),
        InputField("replaces", {"type": "string", "pattern": f"^{ANSWER_ID.pattern}$"}, REPLACES_NOTE),
        InputField("onBusy", _one_of(BUSY, BUSY[0]), BUSY_NOTE),
        InputField("onHangup", _one_of(HANGUPS), HANGUP_NOTE),
        InputField("citations", _one_of(CITATIONS), CITATIONS_NOTE),
        COLLECTIONS,
        InputField("knowledge", {"type": "boolean", "default": True}, "Whether the knowledge base is searched."),
    )


SESSION_NOTE = (
    "The conversation. Without one a new one begins. An unknown one begins anew under this id; the id of a visitor "
    "without a credential must be a UUID or have at least 22 characters, or else another one is chosen."
)
TOPIC_NOTE = (
    "Whether the question belongs to the topic before it: `auto` finds that out, `keep` says that it does, and `new` "
    "that it doesn't."
)
REPLACES_NOTE = (
    "The id of an answer of this session. The question takes its place, and all answers after it are removed. The "
    "files that came with it stay. Of several questions that name the same answer, only the last one is left, as long "
    "as no other question came between them. Where the session has neither the answer nor, at its end, one that took "
    "its place, nothing is removed, and the question is asked at the end. A question that is refused removes nothing."
)
BUSY_NOTE = (
    "What happens while another answer of the session is being written: `replace` stops that one, `reject` is a 409."
)
CITATIONS_NOTE = (
    "Whether `metadata` says where the sentences stand that no source supports: `check` says it, `on` doesn't. Without "
    "this field the server's setting decides."
)
HANGUP_NOTE = (
    "What happens to the answer when its last reader has gone: it is finished or cancelled. Without this field, "
    "formats whose readers can come back finish it, and all others cancel it."
)
SAMPLING_NOTE = "It isn't sent to models that don't have it."


def _list_model_fields(offer: Offer) -> tuple[InputField, ...]:
    search: JsonSchema = {"type": "boolean", "default": False} if offer.web_search else {"const": False}
    tokens = {"type": "integer", "minimum": LEAST_TOKENS, "maximum": offer.tokens}
    searches = "Whether the model may search the web."
    return (
        InputField("model", build_model_schema(offer.models), "The model, one of those that the server offers."),
        InputField("temperature", {"type": "number", "minimum": 0, "maximum": 2}, SAMPLING_NOTE),
        InputField("topP", {"type": "number", "minimum": 0, "maximum": 1}, SAMPLING_NOTE),
        InputField("maxTokens", tokens, "The longest answer, in tokens."),
        InputField("maxOutputTokens", tokens, "Another name of `maxTokens`. Where both are sent, `maxTokens` counts."),
        InputField("useWebSearch", search, searches),
        InputField(
            "isWebSearch", search, "Another name of `useWebSearch`. Where both are sent, `useWebSearch` counts."
        ),
    )


def build_model_schema(names: Sequence[str]) -> JsonSchema:
    """Build the schema of a model's name. A name that is allowed may be a pattern such as `ft:*`."""
    if not any(character in name for name in names for character in "*?["):
        return {"type": "string", "enum": list(names)}
    named: JsonSchema = {"type": "string", "maxLength": LONGEST_MODEL}
    if any("[" in name for name in names):
        return named
    patterns = (re.escape(name).replace(r"\*", ".*").replace(r"\?", ".") for name in names)
    return {**named, "pattern": f"^(?:{'|'.join(patterns)})$"}


def _list_answer_fields() -> tuple[InputField, ...]:
    return (*list_stream_fields(), InputField("idempotencyKey", build_text_schema(LONGEST_KEY), KEY_NOTE))


KEY_NOTE = (
    "A question that is repeated with the same key gets the same answer, which is paid once. A visitor's key needs a "
    "session of their own, or at least 32 characters."
)


def describe_files(offer: Offer, note: str) -> JsonSchema:
    """Describe the field of a form that brings files."""
    return {
        "type": "array",
        "items": {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"},
        "minItems": 1,
        "maxItems": offer.files,
        "description": note,
        "x-max-bytes": offer.file_bytes,
    }


_FILES_NOTE = (
    "Files, each a part with a filename; `file`, `files[]` and `files[0]` are read too. They stay with the session. "
    "A bad file gets a verdict, and doesn't end the answer. `x-max-bytes` is the most that one file may have."
)


def _one_of(names: Iterable[str] | Mapping[str, Any], default: str = "") -> JsonSchema:
    schema = {"type": "string", "enum": list(names)}
    return {**schema, "default": default} if default else schema
