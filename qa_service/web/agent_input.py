"""This module reads what an AG-UI client sends to begin a run, a `RunAgentInput`, as the fields and files of a
question.

What a client may only pass through us is left out: its state, its tools, and answers to what no run of ours asks. A
part of a message that can't be used, such as a picture under a foreign address, must not fail the run, so it is left
out too.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from mimetypes import guess_extension
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct, field

from qa_service.errors import InvalidField
from qa_service.fields import clean_field_text
from qa_service.questions import LONGEST_SYSTEM_PROMPT, QUESTION_FIELDS
from qa_service.submission import is_file_field, present_fields
from qa_service.web.attachments import Attachment
from qa_service.wire.agui import AgentRun

log = logging.getLogger(__name__)

T = TypeVar("T")
_ID = 128
DATA_URL = "data:"
OF_THE_RUN = (*QUESTION_FIELDS, "messages", "sessionId", "lastEventId")
"""A client says these things by the run itself, so `forwardedProps` can't say them."""


class AgentInput(Struct, frozen=True):
    """An `AgentInput` is a run that a client wants: who began it, the fields of its question, and the files in it."""

    run: AgentRun
    fields: Mapping[str, Any]
    files: Sequence[Attachment]


class _Source(Struct, frozen=True):
    type: str = ""
    value: str = ""
    media_type: str | None = field(name="mimeType", default=None)


class _Part(Struct, frozen=True, rename="camel"):
    """A `_Part` is a part of a message. Its bytes are in `source`, or, as versions before 1.0 send them, in `data` or
    `url`."""

    type: str
    text: str = ""
    source: _Source | None = None
    metadata: Raw = Raw(b"null")
    mime_type: str | None = None
    data: str | None = None
    url: str | None = None
    filename: str | None = None


class _Message(Struct, frozen=True):
    role: str


class _Words(Struct, frozen=True):
    content: str | list[_Part] | None = None


class _Names(Struct, frozen=True):
    filename: str = ""
    name: str = ""


class _ContextEntry(Struct, frozen=True):
    description: str
    value: str


class _Said(Struct, frozen=True):
    """A `_Said` is a message with what the person or the model has said in it."""

    role: str
    parts: Sequence[_Part]


def read_agent_input(sent: Mapping[str, Any]) -> AgentInput:
    """Read the members of a `RunAgentInput`. Raises `InvalidField`, which names the member."""
    thread_id, run_id = _read_id(sent, "threadId"), _read_id(sent, "runId")
    raws = _decode(sent, "messages", list[Raw], None)
    said = [_read_message(raw) for raw in raws]
    run = AgentRun(thread_id, run_id, _history(raws, said))
    fields = {**sent, **_forwarded(sent), "sessionId": thread_id, "messages": list(_texts(said))}
    return AgentInput(run, {**fields, "systemPrompt": _instructions(sent, fields)}, list(_files(said)))


def _read_id(sent: Mapping[str, Any], name: str) -> str:
    """Read an id as it is written, since the client looks for the very same one in its events."""
    value = sent.get(name)
    if not (isinstance(value, str) and len(value) <= _ID):
        raise InvalidField(f"{name}: expected 1-{_ID} characters", field=name)
    return value


def _decode(sent: Mapping[str, Any], name: str, kind: type[T], default: T | None) -> T:
    """Decode a member of the input. Raises `InvalidField` where it is of another kind, or absent without a default."""
    value = sent.get(name, default)
    try:
        return msgspec.json.decode(value, type=kind) if isinstance(value, str | Raw) else msgspec.convert(value, kind)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        raise InvalidField(f"{name}: expected what a RunAgentInput has there: {error}", field=name) from None


def _read_message(raw: Raw) -> _Said:
    """Read a message. What tools say, and what a page has drawn, are no words of the conversation."""
    sent = {"messages": raw}
    role = _decode(sent, "messages", _Message, None).role
    if role not in ("user", "assistant"):
        return _Said(role, ())
    content = _decode(sent, "messages", _Words, None).content
    return _Said(role, [_Part("text", content)] if isinstance(content, str) else content or ())


def _texts(said: Sequence[_Said]) -> Iterator[Mapping[str, str]]:
    for message in said:
        if message.role in ("user", "assistant"):
            text = "".join(part.text for part in message.parts if part.type == "text")
            yield {"role": message.role, "content": text}


def _files(said: Sequence[_Said]) -> Iterator[Attachment]:
    """Find the files in what the person has said since the last answer. The session has those that came before."""
    last = max((at for at, message in enumerate(said) if message.role == "assistant"), default=-1)
    unusable = list[_Part]()
    for number, message in enumerate(said[last + 1 :], last + 1):
        for part in message.parts if message.role == "user" else ():
            if content := _content_of(part):
                yield Attachment(number, _file_name(part) or _make_name(part), content)
            elif part.type != "text":
                unusable.append(part)
    if unusable:
        # A run has one line for all of them, since a client may send thousands.
        log.warning(
            "%d of a run's parts are left out, the first of type %.50r: their bytes aren't in it",
            len(unusable),
            unusable[0].type,
        )


def _content_of(part: _Part) -> str:
    """Return the bytes of a part as they are written, or an empty text for text and for what lies elsewhere."""
    source = part.source or _Source("data" if part.data else "url", part.data or part.url or "")
    return source.value if source.type == "data" or source.value.startswith(DATA_URL) else ""


def _make_name(part: _Part) -> str:
    """Make a name for a file that came without one, with the usual ending of its media type."""
    media_type = (part.source and part.source.media_type) or part.mime_type
    if not media_type:
        media_type = _content_of(part)[:100].removeprefix(DATA_URL).partition(",")[0]
    return part.type + (guess_extension(media_type.partition(";")[0].strip().lower()) or "")


def _file_name(part: _Part) -> str:
    """Return the name that a client gave the file. The protocol has no member for it, so that clients write it into the
    part's metadata."""
    try:
        names = msgspec.json.decode(part.metadata, type=_Names)
    except msgspec.ValidationError:
        names = _Names()
    return part.filename or names.filename or names.name


def _history(raws: Sequence[Raw], said: Sequence[_Said]) -> bytes:
    """Write the conversation as the client has it, but on one line, since an event ends where its line does. The bytes
    of files are left out: they would stay in memory for as long as the answer lasts."""
    written = msgspec.json.encode([_without_files(raw, message) for raw, message in zip(raws, said, strict=True)])
    return msgspec.json.format(written, indent=-1)


def _without_files(raw: Raw, message: _Said) -> Raw | dict[str, Raw | list[Raw]]:
    if not any(map(_content_of, message.parts)):
        return raw
    whole = msgspec.json.decode(raw, type=dict[str, Raw])
    parts = msgspec.json.decode(whole["content"], type=list[Raw])
    kept = [part for part, read in zip(parts, message.parts, strict=True) if not _content_of(read)]
    return {**whole, "content": kept}


def _forwarded(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Take the fields of a question from what the application passes through. It may also pass other things on, of any
    shape."""
    try:
        forwarded = _decode(sent, "forwardedProps", dict[str, Any], {})
    except InvalidField:
        return {}
    return present_fields((n, value) for n, value in forwarded.items() if n not in OF_THE_RUN and not is_file_field(n))


def _instructions(sent: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
    """Return the additional instructions, with what the application wants the model to know."""
    entries = _decode(sent, "context", list[_ContextEntry], [])
    written = "\n".join(f"{entry.description}: {entry.value}" for entry in entries)
    context = clean_field_text(written, "context", LONGEST_SYSTEM_PROMPT)
    own = fields.get("systemPrompt", "")
    return f"{own}\n\n{context}".strip() if context and isinstance(own, str) else own
