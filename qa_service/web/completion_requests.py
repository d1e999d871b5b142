"""This module reads a request of OpenAI's Chat Completions API in our own words.

What that API calls otherwise than we do is renamed. Our own fields, such as `systemPrompt`, may stand beside its own.
What it can ask for and nobody here can do is refused where an answer without it would be wrong, and else passed over:
tools, for example, are passed over, because a model may choose to call none.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from qa_service.errors import InvalidField
from qa_service.fields import bound_whole_number, decode_value, read_flag, read_text, read_word
from qa_service.questions import LONGEST_MODEL, SESSION_ID
from qa_service.single_use import make_single_use_id
from qa_service.submission import Submission
from qa_service.web.attachments import SentMessage, read_sent_messages, write_plain_messages

COMPLETION_NAMES: Mapping[str, str] = {
    "question": "messages",
    "files": "messages",
    "systemPrompt": "messages",
    "topP": "top_p",
    "useWebSearch": "web_search_options",
    "maxTokens": "max_completion_tokens",
}
"""These are OpenAI's names for our fields. Refusals use them."""
INSTRUCTING = ("system", "developer")
SESSION_HEADER = "X-Session-Id"
SESSION_LABELS = ("session_id", "sessionId", "conversation_id")
"""Under one of these names `metadata` may hold the session."""
_LONGEST_NAME = 1_000
"""This many characters of a name of a user or a session are read."""


class _StreamOptions(Struct, frozen=True):
    include_usage: bool | None = None


class _Named(Struct, frozen=True):
    id: str = ""


class _Typed(Struct, frozen=True):
    type: str = "text"


class CompletionRequest(Struct, frozen=True):
    """A `CompletionRequest` is what a client of Chat Completions asked for."""

    messages: list[SentMessage]
    session_id: str
    """This is the id of the session that the client named, or an empty text."""
    is_streamed: bool
    wants_usage: bool
    """This says whether the stream has an event with the tokens of the answer."""
    fields: Mapping[str, Any]
    """These are all other fields, under our names."""

    def plain_fields(self) -> dict[str, Any]:
        """Return all fields of the question, under our names. A question without a session of its own gets one that is
        for a single question, and keeps its topic."""
        session = {"sessionId": self.session_id} if self.session_id else _single_question()
        said = [message for message in self.messages if message.role not in INSTRUCTING]
        return {**self.fields, **session, "messages": write_plain_messages(said)}


def read_completion_request(sent: Submission, session_header: str, *, own_model: str, most: int) -> CompletionRequest:
    """Read the request. `own_model` is the model that answers where none is named, and `most` is how many tokens an
    answer may have here. Raises `InvalidField`."""
    fields = sent.fields
    _refuse_what_nobody_can_do(fields)
    messages = read_sent_messages(fields.get("messages", []), "messages")
    options = _read_object(fields, "stream_options", _StreamOptions)
    return CompletionRequest(
        messages,
        _read_session(fields, session_header),
        is_streamed=read_flag(fields, "stream"),
        wants_usage=bool(options and options.include_usage),
        fields=_rename(fields, messages, own_model, most),
    )


def _rename(fields: Mapping[str, Any], messages: list[SentMessage], own_model: str, most: int) -> dict[str, Any]:
    ours = {name: value for name, value in fields.items() if name not in ("messages", "stream", "model", "format")}
    if (model := read_text(fields, "model", LONGEST_MODEL)) and model != own_model:
        ours["model"] = model
    if "top_p" in fields:
        ours["topP"] = fields["top_p"]
    if "web_search_options" in fields:
        ours["useWebSearch"] = True
    # A client that would take more tokens than this server gives is content with fewer.
    for name in ("max_tokens", "max_completion_tokens"):
        if name in fields:
            ours["maxTokens"] = bound_whole_number(fields, name, most)
    instructions = [message.text for message in messages if message.role in INSTRUCTING]
    if any(instructions) and "systemPrompt" not in fields:
        ours["systemPrompt"] = "\n\n".join(instructions)
    return ours


def _read_session(fields: Mapping[str, Any], header: str) -> str:
    """Read which session the question belongs to. The header is the surest, and a user's name the least sure sign."""
    signs = {
        SESSION_HEADER: header.strip(),
        "sessionId": read_text(fields, "sessionId", _LONGEST_NAME),
        "conversation": _read_conversation(fields),
        "metadata": _read_label(fields),
        "user": _session_of_user(read_text(fields, "user", _LONGEST_NAME)),
    }
    name, session_id = next(((name, sign) for name, sign in signs.items() if sign), ("", ""))
    if session_id and not SESSION_ID.fullmatch(session_id):
        raise InvalidField(f"{name}: expected a session, which is 1-128 of A-Za-z0-9._-", field=name)
    return session_id


def _read_conversation(fields: Mapping[str, Any]) -> str:
    named: str | _Named | None = _read_object(fields, "conversation", str | _Named)
    return named.id if isinstance(named, _Named) else named or ""


def _read_label(fields: Mapping[str, Any]) -> str:
    labels = _read_object(fields, "metadata", dict[str, Any]) or {}
    return next((str(labels[name]) for name in SESSION_LABELS if labels.get(name)), "")


def _session_of_user(user: str) -> str:
    """Return the session of a user. A name that can't be the id of a session, such as an address, is hashed."""
    if not user or SESSION_ID.fullmatch(user):
        return user
    return blake2b(user.encode(), digest_size=16).hexdigest()


def _single_question() -> dict[str, str]:
    return {"sessionId": make_single_use_id(), "topic": "keep"}


def _refuse_what_nobody_can_do(fields: Mapping[str, Any]) -> None:
    if read_word(fields, "n", default=1) != "1":
        raise InvalidField("n: expected 1, because an answer has one choice here", field="n")
    if fields.get("tool_choice", "auto") not in ("auto", "none"):
        raise InvalidField("tool_choice: expected auto or none, because no tools are called here", field="tool_choice")
    shape = _read_object(fields, "response_format", _Typed)
    if shape and shape.type != "text":
        raise InvalidField(
            "response_format: expected the type text, because answers are text here", field="response_format"
        )


def _read_object(fields: Mapping[str, Any], name: str, kind: Any) -> Any:
    """Read a field that holds an object. The result is None where it is absent."""
    value = fields.get(name)
    return None if value is None else decode_value(value, kind, name, "what OpenAI's API has there")
