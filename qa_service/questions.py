"""This module turns what a caller sent into a well-formed `Question`.

What can be refused by looking at the question alone is refused here. This module knows nothing of HTTP, because the web
and the command line both use it.
"""

import re
from collections.abc import Mapping
from typing import Any

from qa_service.conversation import read_messages, split_question, with_words
from qa_service.errors import InvalidField, ModelNotAllowed, TooLarge, UpstreamNotConfigured
from qa_service.fields import decode_value, read_choice, read_flag, read_number, read_text, read_whole_number, read_word
from qa_service.language.phrases import phrase_label
from qa_service.language.sentences import language_of
from qa_service.model import BusyChoice, HangupChoice, Language, Message, Owner, Question, Rewind, TopicChoice
from qa_service.setting_values import COLLECTION_NAME, LEAST_TOKENS
from qa_service.settings import Settings
from qa_service.submission import Submission, is_file_field

SESSION_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}")
"""`.` and `..` aren't allowed: clients resolve them in a path, so such a session could be neither read nor deleted."""
ANSWER_ID = re.compile(r"[0-9a-f]{32}")
LONGEST_SYSTEM_PROMPT = 8_000
MOST_COLLECTIONS = 20
LONGEST_MODEL = 200
"""The name of a model has at most this many characters."""
QUESTION_FIELDS = ("question", "message", "prompt")
TOPICS: tuple[TopicChoice, ...] = ("auto", "keep", "new")
HANGUPS: tuple[HangupChoice, ...] = ("finish", "cancel")
BUSY: tuple[BusyChoice, ...] = ("replace", "reject")
CITATIONS = ("on", "check")


def build_question(
    sent: Submission, owner: Owner, settings: Settings, *, language: Language | None, resumable: bool, offline: bool
) -> Question:
    """Build the question that this owner asks. Raises `InvalidField`, which names the field, `ModelNotAllowed`,
    `UpstreamNotConfigured` or `TooLarge`.

    `language` is the one that the caller reads. Where it is None, the question's own language is taken. `resumable`
    says that a reader can come back, so that by default a hang-up doesn't end the answer. `offline` says that there is
    no model to ask.
    """
    fields = sent.fields
    _check_files(fields)
    text, earlier = _read_question(fields, settings.max_question)
    if not text and not sent.files:
        raise InvalidField("question: expected text, or at least one file", field="question")
    spoken = language or (language_of(text) if text else "en")
    return Question(
        text or phrase_label("files_question", spoken),
        owner,
        _read_session_id(fields),
        sent.files,
        earlier,
        system_prompt=read_text(fields, "systemPrompt", LONGEST_SYSTEM_PROMPT),
        topic=read_choice(fields, "topic", TOPICS),
        web_search=_read_web_search(fields, settings, offline=offline),
        model=_read_model(fields, settings),
        temperature=read_number(fields, "temperature", 2, default=settings.temperature),
        top_p=read_number(fields, "topP", 1, default=settings.top_p),
        max_tokens=_read_max_tokens(fields, settings.max_tokens),
        on_hangup=read_choice(fields, "onHangup", HANGUPS if resumable else HANGUPS[::-1]),
        on_busy=read_choice(fields, "onBusy", BUSY),
        language=spoken,
        collections=read_collections(fields) if read_flag(fields, "knowledge", default=True) else None,
        rewind=sent.rewind or _read_replaced(fields),
        checks_support=_read_citations(fields, settings),
    )


def _read_replaced(fields: Mapping[str, Any]) -> Rewind | None:
    """Read which answer the question replaces, with all that came after it."""
    answer_id = read_word(fields, "replaces")
    if answer_id and not ANSWER_ID.fullmatch(answer_id):
        raise InvalidField("replaces: expected the id of an answer", field="replaces")
    return Rewind(answer_id, is_exact=True) if answer_id else None


def read_collections(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the names of the collections to search, as a list or as a text with commas. There are none where the request
    says nothing."""
    sent, expected = fields.get("collections", ""), "names of A-Za-z0-9._-, separated by commas"
    listed = sent.split(",") if isinstance(sent, str) else decode_value(sent, list[str], "collections", expected)
    names = tuple(name.strip() for name in listed if name.strip())
    if len(names) > MOST_COLLECTIONS or not all(map(COLLECTION_NAME.fullmatch, names)):
        raise InvalidField(f"collections: expected {expected}, at most {MOST_COLLECTIONS}", field="collections")
    return names


def _check_files(fields: Mapping[str, Any]) -> None:
    """Refuse a value in a field of files. It was meant as a file, and an answer without that file would miss the
    point."""
    for name, value in fields.items():
        if is_file_field(name) and value != []:
            raise InvalidField(
                f"{name}: expected a file, sent as a part of multipart/form-data with a filename", field="files"
            )


def _read_question(fields: Mapping[str, Any], most: int) -> tuple[str, tuple[Message, ...]]:
    """Read the question and what was said before it. A question without a field of its own is the last thing that the
    user says in `messages`."""
    messages = read_messages(fields, most)
    for name in QUESTION_FIELDS:
        if name in fields:
            return read_text(fields, name, most, too_long=TooLarge), with_words(messages)
    return split_question(messages)


def _read_session_id(fields: Mapping[str, Any]) -> str:
    value = fields.get("sessionId")
    if value is None:
        return ""
    if not (isinstance(value, str) and SESSION_ID.fullmatch(value)):
        raise InvalidField("sessionId: expected 1-128 of A-Za-z0-9._-, not only . or ..", field="sessionId")
    return value


def _read_citations(fields: Mapping[str, Any], settings: Settings) -> bool | None:
    if "citations" not in fields:
        return None
    if settings.citations == "off":
        raise InvalidField("citations: this server cites no sources", field="citations")
    return read_choice(fields, "citations", CITATIONS) == "check"


def _read_web_search(fields: Mapping[str, Any], settings: Settings, *, offline: bool) -> bool:
    wanted = read_flag(fields, "useWebSearch" if "useWebSearch" in fields else "isWebSearch")
    if wanted and offline:
        raise UpstreamNotConfigured("web search needs a model, and none is configured")
    if wanted and not settings.web_search:
        raise InvalidField("useWebSearch: this server doesn't search the web", field="useWebSearch")
    return wanted


def _read_model(fields: Mapping[str, Any], settings: Settings) -> str:
    model = read_text(fields, "model", LONGEST_MODEL)
    if model and not (settings.allows(model) and model.isprintable()):
        allowed = ", ".join(dict.fromkeys((settings.first_model, *settings.models_allowed)))
        raise ModelNotAllowed(f"model: expected one of {allowed}", field="model")
    return model


def _read_max_tokens(fields: Mapping[str, Any], most: int) -> int:
    name = "maxTokens" if "maxTokens" in fields else "maxOutputTokens"
    return read_whole_number(fields, name, most, least=LEAST_TOKENS, default=most)
