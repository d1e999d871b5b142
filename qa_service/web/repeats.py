"""This module tells whether a question repeats another one.

A repetition is known by the caller's key, in the header `Idempotency-Key` or in the field `idempotencyKey`. A GET
without a key is known by all of its fields, because a browser's `EventSource` reconnects by asking again, and would pay
twice.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from qa_service.desk import HARD_TO_GUESS
from qa_service.errors import InvalidField
from qa_service.fields import read_text
from qa_service.model import Owner, Question, Repeat, UploadedFile
from qa_service.pause import LongWork
from qa_service.single_use import is_single_use

LONGEST_KEY = 255
UNGUESSABLE_KEY = 32
"""The key of a visitor without a session has at least this many characters, so that nobody else uses the same key."""
ASIDE = ("token", "lastEventId")
"""These fields aren't part of the question, so they may differ in a repetition."""
_GULP = 1 << 20


def find_repeat(
    question: Question, fields: Mapping[str, Any], header: str, *, get: bool, seconds: float
) -> Repeat | None:
    """Find what this question has in common with its repetitions. The result is None where it can't have any. `seconds`
    is how long a caller's key is remembered. Raises `InvalidField` for a key that another visitor may have, too."""
    key = _read_key(fields, header)
    if key:
        scope = _scope(question.owner, question.session_id, key)
        return Repeat(_digest((scope, key)), _fingerprint(question), seconds)
    if get and (question.owner.kind != "anonymous" or _session_of_visitor(question.session_id)):
        asked = msgspec.json.encode({name: fields[name] for name in sorted(fields) if name not in ASIDE}).decode()
        return Repeat(_digest(("GET", asked)), "", 0)
    return None


def name_key(owner: Owner, fields: Mapping[str, str], header: str) -> str:
    """Return the name under which the key of a request is stored, before its body is read. `fields` are those of the
    address. It is empty where they and the header have no key, or one that needs the session that a body names."""
    key = _read_key(fields, header)
    with suppress(InvalidField):
        return _digest((_scope(owner, fields.get("sessionId", ""), key), key)) if key else ""
    return ""


def _read_key(fields: Mapping[str, Any], header: str) -> str:
    return read_text({"idempotencyKey": header} if header else fields, "idempotencyKey", LONGEST_KEY)


def _scope(owner: Owner, session: str, key: str) -> str:
    if owner.kind != "anonymous":
        return ""
    session_id = _session_of_visitor(session)
    if not session_id and len(key) < UNGUESSABLE_KEY:
        raise InvalidField(
            f"idempotencyKey: without a session of your own expected at least {UNGUESSABLE_KEY} characters",
            field="idempotencyKey",
        )
    return session_id


def _session_of_visitor(session_id: str) -> str:
    """Return the id of the visitor's session if nobody can guess it, and otherwise an empty text. All visitors are one
    owner, and only their sessions tell them apart. A session for a single question is another one in each repetition,
    and tells nothing."""
    own = len(session_id) >= HARD_TO_GUESS and not is_single_use(session_id)
    return session_id if own else ""


def _fingerprint(question: Question) -> str:
    files = [f"{file.name}\n{_content(file)}" for file in question.files]
    return _digest((question.text, *files))


def _content(file: UploadedFile) -> str:
    digest, work = blake2b(digest_size=16), LongWork()
    with Path(file.path).open("rb") as content:
        while piece := content.read(_GULP):
            digest.update(piece)
            work.end_step()
    return digest.hexdigest()


def _digest(parts: Iterable[str]) -> str:
    return blake2b(msgspec.json.encode(list(parts)), digest_size=16).hexdigest()
