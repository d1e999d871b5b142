"""From a form's fields to a well-formed `Question`; a field with an impossible value is refused by name."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, cast
from unicodedata import combining, normalize

import msgspec
from msgspec import Struct

from qa_service.errors import InvalidField, ModelNotAllowed, TooLarge, UpstreamNotConfigured
from qa_service.language.phrases import phrase_label
from qa_service.language.sentences import language_of
from qa_service.model import Language, Message, Owner, Question, TopicChoice
from qa_service.setting_values import LEAST_TOKENS
from qa_service.settings import Settings
from qa_service.web.forms import Form

Format: TypeAlias = Literal["typed", "json"]

SESSION_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
SYSTEM_PROMPT = 8_000
MESSAGES = 400
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
MOST_MARKS = 30
"""As in Unicode's stream-safe text (UAX #15): to put a run of marks in order takes the square of its length, seconds
for a long text's."""
LONG = 1_000
MARKS = re.compile(f"[{''.join(filter(combining, map(chr, range(0x300, 0x1E950))))}]{{{MOST_MARKS + 1}}}")
QUESTION_FIELDS = ("question", "message", "prompt")
TRUE = ("true", "1", "on")
FALSE = ("false", "0", "off")
TOPICS: tuple[TopicChoice, ...] = ("auto", "keep", "new")
HANGUPS: tuple[Literal["finish", "cancel"], ...] = ("finish", "cancel")
BUSY: tuple[Literal["replace", "reject"], ...] = ("replace", "reject")
FORMATS: tuple[Format, ...] = ("typed", "json")
NUMBER = re.compile(r"[0-9.]{1,20}(?:[eE]-?[0-9]{1,2})?")
WHOLE = re.compile(r"[0-9]{1,9}")
UNBUILT_TYPES = ("application/jsonl", "application/x-ndjson", "text/plain")

Choice = TypeVar("Choice", bound=str)


def format_of(fields: Mapping[str, Any], accept: str) -> Format:
    """`format` and `stream` decide, else `Accept` unless it takes anything, else `typed`."""
    wanted = fields.get("format")
    if wanted is not None:
        return _choice(fields, "format", FORMATS)
    if not flag(fields, "stream", default=True):
        return "json"
    if "stream" in fields or not accept or "*/*" in accept or "text/event-stream" in accept:
        return "typed"
    if any(kind in accept for kind in UNBUILT_TYPES):
        raise InvalidField("Accept: expected text/event-stream or application/json", field="format")
    return "json" if "application/json" in accept else "typed"


def question_of(
    form: Form, owner: Owner, settings: Settings, *, language: Language | None, resumable: bool, offline: bool
) -> Question:
    """Raises `InvalidField`, `ModelNotAllowed`, `UpstreamNotConfigured` or `TooLarge`.

    `resumable` says that a reader can come back, so that a hang-up doesn't end the answer by itself.
    """
    fields = form.fields
    messages = _messages(fields, settings.max_question)
    text, earlier = _question_text(fields, messages, settings.max_question)
    if not text and not form.files:
        raise InvalidField("question: expected text, or at least one file", field="question")
    spoken = language or (language_of(text) if text else "en")
    return Question(
        text or phrase_label("files_question", spoken),
        owner,
        _session_id(fields),
        form.files,
        earlier,
        system_prompt=text_field(fields, "systemPrompt", SYSTEM_PROMPT),
        topic=_choice(fields, "topic", TOPICS),
        web_search=_web_search(fields, settings, offline=offline),
        model=_model(fields, settings),
        temperature=_number(fields, "temperature", 2, settings.temperature),
        top_p=_number(fields, "topP", 1, settings.top_p),
        max_tokens=_max_tokens(fields, settings.max_tokens),
        on_hangup=_choice(fields, "onHangup", HANGUPS if resumable else HANGUPS[::-1]),
        on_busy=_choice(fields, "onBusy", BUSY),
        language=spoken,
    )


def flag(fields: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """A boolean as JSON or as a form writes it."""
    value = fields.get(name, default)
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in TRUE + FALSE:
        raise InvalidField(f"{name}: expected true or false", field=name)
    return word in TRUE


def _choice(fields: Mapping[str, Any], name: str, choices: Sequence[Choice]) -> Choice:
    """One of `choices`; the first where the field is absent."""
    value = fields.get(name, choices[0])
    if value not in choices:
        raise InvalidField(f"{name}: expected one of {', '.join(sorted(choices))}", field=name)
    return cast(Choice, value)


def text_field(fields: Mapping[str, Any], name: str, most: int) -> str:
    """A text of at most `most` characters, trimmed; empty where the field is absent."""
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise InvalidField(f"{name}: expected text", field=name)
    return _clean(value.strip(), name, most)


def _clean(text: str, name: str, most: int) -> str:
    if len(text) > most:
        refusal = f"{name}: {len(text)} characters, at most {most} are read"
        raise (
            TooLarge(refusal, field=name)
            if name in (*QUESTION_FIELDS, "messages")
            else InvalidField(refusal, field=name)
        )
    if CONTROL.search(text):
        raise InvalidField(f"{name}: holds NUL, another control character or half a surrogate pair", field=name)
    if len(text) > LONG and MARKS.search(text):
        raise InvalidField(f"{name}: has more than {MOST_MARKS} accents on one letter", field=name)
    # macOS writes Hangul as single letters, which no word list knows.
    return normalize("NFC", text)


def _question_text(
    fields: Mapping[str, Any], messages: tuple[Message, ...], most: int
) -> tuple[str, tuple[Message, ...]]:
    """The question and what was said before it; without a field of its own, the list's last user message."""
    for name in QUESTION_FIELDS:
        if name in fields:
            return text_field(fields, name, most), messages
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].role == "user":
            return messages[at].content, messages[:at]
    return "", ()


def _messages(fields: Mapping[str, Any], most: int) -> tuple[Message, ...]:
    value = fields.get("messages", [])
    try:
        found = (
            msgspec.json.decode(value, type=list[_Said])
            if isinstance(value, str)
            else msgspec.convert(value, list[_Said])
        )
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError):
        raise InvalidField(
            "messages: expected a JSON list of {role, content} or {role, parts}", field="messages"
        ) from None
    if len(found) > MESSAGES:
        raise InvalidField(f"messages: {len(found)} of them, at most {MESSAGES} are read", field="messages")
    # A system message in the caller's list is not the site's: it is left out.
    return tuple(
        Message(said.role, _clean(said.text().strip(), "messages", most)) for said in found if said.role != "system"
    )


class _Part(Struct, frozen=True):
    type: str = "text"
    text: str = ""


class _Said(Struct, frozen=True):
    role: Literal["system", "user", "assistant"]
    content: str | list[_Part] | None = None
    parts: list[_Part] = []

    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content or self.parts if part.type == "text")


def _session_id(fields: Mapping[str, Any]) -> str:
    value = fields.get("sessionId")
    if value is None:
        return ""
    if not (isinstance(value, str) and SESSION_ID.fullmatch(value)):
        raise InvalidField("sessionId: expected 1-128 of A-Za-z0-9._-", field="sessionId")
    return value


def _web_search(fields: Mapping[str, Any], settings: Settings, *, offline: bool) -> bool:
    wanted = flag(fields, "useWebSearch" if "useWebSearch" in fields else "isWebSearch")
    if wanted and offline:
        raise UpstreamNotConfigured("web search needs a model, and none is configured")
    if wanted and not settings.web_search:
        raise InvalidField("useWebSearch: this server doesn't search the web", field="useWebSearch")
    return wanted


def _model(fields: Mapping[str, Any], settings: Settings) -> str:
    model = text_field(fields, "model", 200)
    if model and not (settings.allows(model) and model.isprintable()):
        allowed = ", ".join(dict.fromkeys((settings.model, *settings.models_allowed)))
        raise ModelNotAllowed(f"model: expected one of {allowed}", field="model")
    return model


def _number(fields: Mapping[str, Any], name: str, most: float, default: float) -> float:
    value = fields.get(name, default)
    try:
        number = float(value) if NUMBER.fullmatch(str(value)) else -1.0
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not 0 <= number <= most:
        raise InvalidField(f"{name}: expected a number between 0 and {most:g}", field=name)
    return number


def _max_tokens(fields: Mapping[str, Any], most: int) -> int:
    name = "maxTokens" if "maxTokens" in fields else "maxOutputTokens"
    return whole_field(fields, name, most, least=LEAST_TOKENS, default=most)


def whole_field(fields: Mapping[str, Any], name: str, most: int, *, least: int = 1, default: int) -> int:
    """A whole number from `least` to `most`."""
    value = str(fields.get(name, default)).strip()
    if not WHOLE.fullmatch(value) or not least <= int(value) <= most:
        raise InvalidField(f"{name}: expected a whole number between {least} and {most}", field=name)
    return int(value)
