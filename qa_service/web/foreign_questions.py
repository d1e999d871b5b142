"""This module has the one way of a question that comes in the words of another protocol.

Every such route gives a function that translates what was sent into a question of `POST ask`. Everything else is the
same for all of them, and happens here in this order: the caller's rate is checked, the body is read, the question is
translated, its files are written to disk, and it is brought to the desk. Where our own words are refused on this way,
the refusal names the field as the caller knows it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from flask import request
from msgspec import Struct
from msgspec.structs import replace

from qa_service.errors import NotFound, QAError
from qa_service.model import Echo, Owner, Rewind
from qa_service.running.source import AnswerSource
from qa_service.submission import Submission
from qa_service.web.admitting import begin_answer, check_rate
from qa_service.web.attachments import Attachment, attach_files, room_for_attachments
from qa_service.web.forms import read_submission
from qa_service.web.mounting import Mounted
from qa_service.wire.formats import WireFormat


class AnswerWay(Struct, frozen=True):
    """An `AnswerWay` says how a client wants its answer: in which format, and whether as a stream or whole. `echo` is
    what the answer must repeat of its question."""

    wanted: WireFormat
    is_streamed: bool = True
    echo: Echo | None = None


class ForeignQuestion(Struct, frozen=True):
    """A `ForeignQuestion` is a question of another protocol in our own words: the fields of `POST ask`, the files that
    are to be written to disk, and the answers that it replaces."""

    fields: Mapping[str, Any]
    attachments: Sequence[Attachment]
    way: AnswerWay
    rewind: Rewind | None = None


def ask_foreign_question(
    service: Mounted,
    owner: Owner,
    translate: Callable[[Submission], ForeignQuestion],
    names: Mapping[str, str],
) -> tuple[AnswerSource | None, AnswerWay]:
    """Begin the answer to a question of another protocol, as `begin_answer` does, and tell how it is wanted. `names`
    has the caller's names of our fields, where they differ.

    What was sent may be large. Nobody holds it any more when this returns, so that it isn't kept while somebody waits
    for the end of the answer.
    """
    check_rate(service, owner)
    uploads = service.limits.uploads
    with (
        read_submission(request, service.limits, json_bytes=room_for_attachments(uploads)) as received,
        _rename_refused_field(names),
    ):
        asked = translate(received)
        plain = replace(received, fields=asked.fields, rewind=asked.rewind)
        with attach_files(plain, asked.attachments, uploads, field=names.get("messages", "messages")) as sent:
            return begin_answer(service, owner, sent, asked.way.wanted, echo=asked.way.echo), asked.way


def omit_known_files(
    service: Mounted, owner: Owner, session_id: str, attachments: Sequence[Attachment], asked: int
) -> Sequence[Attachment]:
    """Leave out the files of messages before the one with the number `asked`, if the session is known. It has these
    files already."""
    if any(file.message < asked for file in attachments) and _is_known(service, owner, session_id):
        return [file for file in attachments if file.message == asked]
    return attachments


def _is_known(service: Mounted, owner: Owner, session_id: str) -> bool:
    try:
        return bool(session_id) and service.assembly.history.list_files(owner, session_id) is not None
    except NotFound:
        return False


@contextmanager
def _rename_refused_field(names: Mapping[str, str]) -> Iterator[None]:
    try:
        yield
    except QAError as error:
        if error.field and (own := names.get(error.field)):
            error.message = error.message.replace(f"{error.field}:", f"{own}:", 1)
            error.field = own
        raise
