"""This module reads a request of OpenAI's Responses API as the question that it asks here.

What the API says in its own words becomes the fields of `POST ask`, which are read and checked as they are there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from qa_service.errors import InvalidField, NotFound
from qa_service.fields import LARGEST, bound_whole_number, decode_value, read_flag, read_text
from qa_service.model import Echo, Owner
from qa_service.questions import LONGEST_SYSTEM_PROMPT
from qa_service.single_use import make_single_use_id
from qa_service.turns import Turn
from qa_service.web.attachments import (
    Attachment,
    SentMessage,
    list_attachments,
    read_sent_messages,
    write_plain_messages,
)
from qa_service.web.mounting import Mounted
from qa_service.wire.response_content import answer_of_item

RESPONSE_NAMES = {
    "question": "input",
    "messages": "input",
    "sessionId": "conversation",
    "systemPrompt": "instructions",
    "maxTokens": "max_output_tokens",
    "topP": "top_p",
    "useWebSearch": "tools",
}
"""These are the API's names of our fields, where it has other ones."""
SAME = ("model", "temperature", "topic", "onBusy", "onHangup", "idempotencyKey")
"""These fields have the same names here and there, or are this service's own."""
_ID = 200
_LABELS, LABEL_NAME, LABEL = 16, 64, 512
"""A request may have this many labels, whose names and values have at most this many characters."""
WEB_SEARCH = "web_search"
RECALLED = 20
"""An answer that isn't kept knows at most this many exchanges of the conversation that it continues."""


class _Format(Struct, frozen=True):
    type: str = "text"


class _TextField(Struct, frozen=True):
    format: _Format = _Format()


class _Tool(Struct, frozen=True):
    type: str


class _Conversation(Struct, frozen=True):
    id: str


class _Reference(Struct, frozen=True):
    type: str = ""
    id: str | None = None


class ResponseRequest(Struct, frozen=True):
    """A `ResponseRequest` is a request as it is asked here."""

    fields: Mapping[str, Any]
    """These are the fields of the question, under our names."""
    attachments: Sequence[Attachment]
    echo: Echo
    streams: bool


def read_response_request(service: Mounted, owner: Owner, fields: Mapping[str, Any]) -> ResponseRequest:
    """Read what was sent. Raises `InvalidField`, which names the API's field, and `NotFound` where the answer that it
    continues is unknown."""
    _check_forms(fields)
    echo, messages = _read_echo(fields), _read_input(fields)
    answer_id, asked = _split_known(fields, messages)
    session_id = _find_session(service, owner, fields, echo.previous or answer_id)
    earlier = [] if echo.stored else _recall_session(service, owner, session_id)
    ours = {
        **_rename_fields(service, fields),
        **_choose_session(fields, echo, session_id),
        "messages": [*earlier, *write_plain_messages(asked)],
        "systemPrompt": "\n\n".join(_list_instructions(echo, messages)),
        "useWebSearch": _wants_web_search(fields),
    }
    return ResponseRequest(ours, list_attachments(asked, "input"), echo, streams=read_flag(fields, "stream"))


def find_kept_turn(service: Mounted, owner: Owner, answer_id: str, *, field: str | None = None) -> Turn:
    """Find the turn of a response that can still be asked for. Raises `NotFound`, also for one that was to be kept only
    until its end. `field` is the field that named it."""
    try:
        turn = service.assembly.runner.read_turn(owner, answer_id)
    except NotFound as error:
        raise NotFound(error.message, field=field) from None
    if turn.echo and not turn.echo.stored and turn.status != "running":
        raise NotFound("no such answer", field=field)
    return turn


def _read_echo(fields: Mapping[str, Any]) -> Echo:
    stored, background = read_flag(fields, "store", default=True), read_flag(fields, "background")
    if background and not stored:
        raise InvalidField(
            "background: expected false with store=false, because an answer that isn't kept can't be asked for later",
            field="background",
        )
    return Echo(
        _read_labels(fields),
        read_text(fields, "instructions", LONGEST_SYSTEM_PROMPT),
        read_text(fields, "previous_response_id", _ID),
        temperature=_read_given(fields, "temperature"),
        top_p=_read_given(fields, "top_p"),
        max_tokens=fields.get("max_output_tokens") if isinstance(fields.get("max_output_tokens"), int) else None,
        background=background,
        stored=stored,
    )


def _read_given(fields: Mapping[str, Any], name: str) -> float | None:
    value = fields.get(name)
    # A larger number is refused later, as any that isn't within its limits. The largest of all have no float.
    return float(value) if isinstance(value, int | float) and abs(value) < LARGEST else None


def _read_labels(fields: Mapping[str, Any]) -> Mapping[str, str]:
    labels = decode_value(fields.get("metadata", {}), dict[str, str], "metadata", "an object of texts")
    if len(labels) > _LABELS or any(len(name) > LABEL_NAME or len(label) > LABEL for name, label in labels.items()):
        raise InvalidField(
            f"metadata: expected at most {_LABELS} texts of at most {LABEL} characters, and names of at most "
            f"{LABEL_NAME}",
            field="metadata",
        )
    return labels


def _read_input(fields: Mapping[str, Any]) -> Sequence[SentMessage]:
    given = fields.get("input")
    if given is None:
        raise InvalidField("input: expected text, or a list of messages", field="input")
    if isinstance(given, str):
        return (SentMessage(role="user", content=given),)
    return read_sent_messages(given, "input")


def _check_forms(fields: Mapping[str, Any]) -> None:
    """Refuse what would make the answer something else than the caller builds on: another form of the text, and tools
    that the caller would have to run."""
    text = decode_value(fields.get("text", _TextField()), _TextField, "text", "an object with a `format`")
    if text.format.type != "text":
        raise InvalidField("text: expected the format `text`; answers aren't given as JSON", field="text")
    choice = _read_tool_choice(fields)
    if choice not in ("auto", "none") and not (choice in ("required", WEB_SEARCH) and _wants_web_search(fields)):
        raise InvalidField("tool_choice: expected auto or none; no tools of the caller's are run", field="tool_choice")


def _wants_web_search(fields: Mapping[str, Any]) -> bool:
    tools = decode_value(fields.get("tools", []), list[_Tool], "tools", "a list of tools, each with a type")
    return _read_tool_choice(fields) != "none" and any(tool.type.startswith(WEB_SEARCH) for tool in tools)


def _read_tool_choice(fields: Mapping[str, Any]) -> str:
    """Read which tool must be called: a word of the API's, or the kind of a tool. All releases of web search are one
    kind."""
    choice = fields.get("tool_choice", "auto")
    kind = choice if isinstance(choice, str) else decode_value(choice, _Tool, "tool_choice", "a tool").type
    return WEB_SEARCH if kind.startswith(WEB_SEARCH) else kind


def _rename_fields(service: Mounted, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields that are read here under another name. Who would take more tokens than this server gives is
    content with fewer."""
    ours = _only(fields, *SAME)
    if "top_p" in fields:
        ours["topP"] = fields["top_p"]
    if "max_output_tokens" in fields:
        ours["maxTokens"] = bound_whole_number(fields, "max_output_tokens", service.assembly.settings.max_tokens)
    # Without a model that can be asked, the one that is listed isn't among those that are allowed.
    if fields.get("model") == service.assembly.desk.model:
        del ours["model"]
    return ours


def _only(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields}


def _list_instructions(echo: Echo, messages: Sequence[SentMessage]) -> Iterator[str]:
    yield from filter(None, [echo.instructions])
    yield from (message.text for message in messages if message.role in ("system", "developer"))


def _split_known(fields: Mapping[str, Any], messages: Sequence[SentMessage]) -> tuple[str, Sequence[SentMessage]]:
    """Find the last answer of this service that the input refers to, and return its id with the messages behind it.

    Clients write such references in the place of answers that they have got from here. What comes before is known.
    """
    if isinstance(fields["input"], str):
        return "", messages
    items = decode_value(fields["input"], list[_Reference], "input", "a list of items")
    found = [(at, answer_of_item(item.id or "")) for at, item in enumerate(items) if item.type == "item_reference"]
    at, answer_id = max((each for each in found if each[1]), default=(-1, ""))
    return answer_id, messages[at + 1 :]


def _find_session(service: Mounted, owner: Owner, fields: Mapping[str, Any], answer_id: str) -> str:
    """Find the session in which the question is asked. It is empty for a new one. `answer_id` is that of the answer
    which the question continues."""
    named, field = fields.get("conversation"), "previous_response_id" if "previous_response_id" in fields else "input"
    if named is None:
        return find_kept_turn(service, owner, answer_id, field=field).session_id if answer_id else ""
    if "previous_response_id" in fields:
        raise InvalidField("conversation: expected either this or previous_response_id, not both", field="conversation")
    if isinstance(named, str):
        return named
    return decode_value(named, _Conversation, "conversation", "its id, or an object with its id").id


def _choose_session(fields: Mapping[str, Any], echo: Echo, session_id: str) -> dict[str, Any]:
    """Return the fields that say in which session the question is asked, and in which topic. The topic can change only
    within a conversation. In other requests the caller names what the question goes on from."""
    if not echo.stored:
        return {"sessionId": make_single_use_id(), "topic": "keep"}
    session = {"sessionId": session_id} if session_id else {}
    return session if "conversation" in fields else {"topic": "keep", **session, **_only(fields, "topic")}


def _recall_session(service: Mounted, owner: Owner, session_id: str) -> list[dict[str, str]]:
    """Write down what was said in the latest topic of a session, for an answer that is to leave no trace there."""
    try:
        page = service.assembly.history.load_conversation(owner, session_id, "", RECALLED)
    except NotFound:
        return []
    topic = page.topics[-1].index if page.topics else 0
    said = [turn for turn in reversed(page.turns) if turn.topic == topic and turn.status != "running"]
    return [
        message
        for turn in said
        for message in ({"role": "user", "content": turn.question}, {"role": "assistant", "content": turn.text})
    ]
