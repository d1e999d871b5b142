"""What makes a question a repetition: its key, or, for clients that reconnect by asking again, all of a GET."""

import time
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from qa_service.desk import HARD_TO_GUESS
from qa_service.errors import InvalidField
from qa_service.model import Question, Repeat, UploadedFile
from qa_service.web.questions import text_field

KEY = 255
UNGUESSABLE_KEY = 32
"""Characters of a visitor's key outside of a session: nobody else may come upon the same."""
ASIDE = ("token", "lastEventId")
"""Fields that don't belong to the question."""
GULP = 1 << 20


def repeat_of(
    question: Question, fields: Mapping[str, Any], header: str, *, get: bool, seconds: float
) -> Repeat | None:
    """The question's key, from the header or else the field `idempotencyKey`, or that of a GET as it stands."""
    key = text_field({"idempotencyKey": header} if header else fields, "idempotencyKey", KEY)
    if key:
        return Repeat(_digest((_scope(question, key), key)), _fingerprint(question), seconds)
    if get and (question.owner.kind != "anonymous" or _session_of_visitor(question)):
        asked = msgspec.json.encode({name: fields[name] for name in sorted(fields) if name not in ASIDE}).decode()
        return Repeat(_digest(("GET", asked)), "", 0)
    return None


def _scope(question: Question, key: str) -> str:
    if question.owner.kind != "anonymous":
        return ""
    session_id = _session_of_visitor(question)
    if not session_id and len(key) < UNGUESSABLE_KEY:
        raise InvalidField(
            f"idempotencyKey: without a session of your own expected at least {UNGUESSABLE_KEY} characters",
            field="idempotencyKey",
        )
    return session_id


def _session_of_visitor(question: Question) -> str:
    """All visitors are one owner: only their session tells them apart."""
    return question.session_id if len(question.session_id) >= HARD_TO_GUESS else ""


def _fingerprint(question: Question) -> str:
    files = [f"{file.name}\n{_content(file)}" for file in question.files]
    return _digest((question.text, *files))


def _content(file: UploadedFile) -> str:
    digest = blake2b(digest_size=16)
    with Path(file.path).open("rb") as content:
        while piece := content.read(GULP):
            digest.update(piece)
            time.sleep(0)  # others of this worker go on meanwhile
    return digest.hexdigest()


def _digest(parts: Iterable[str]) -> str:
    return blake2b(msgspec.json.encode(list(parts)), digest_size=16).hexdigest()
