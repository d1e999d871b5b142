"""THE LINE: one admitted question in, the frames of its answer out.

A plain generator: read the files, find passages, build the prompt, ask upstream, cite, save, say so. It owns no
thread and knows no connection; whoever runs it may set `stop`, and what was produced until then is kept. Between the
frames it leaves marks: what another worker must know to go on, should this one die.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from qa_service.draft import Draft, observed
from qa_service.errors import Cancelled, Interrupted, QAError, TooLong, UpstreamTimeout, UpstreamUnavailable
from qa_service.frames import Done, Failure, Frame, Restart, StageNotice
from qa_service.intake import Intake, Place
from qa_service.interfaces import (
    ELSEWHERE,
    Attaching,
    FileReader,
    FileStore,
    Meter,
    Observer,
    Quotas,
    Retriever,
    Said,
    Saved,
    SessionStore,
    Stop,
    Upstream,
)
from qa_service.language.phrases import failure
from qa_service.language.sentences import language_of
from qa_service.model import (
    Annotation,
    Delta,
    Finished,
    Opened,
    Owner,
    Passage,
    RefusalDelta,
    Retrying,
    Searching,
    TextDelta,
    Thinking,
    UploadedFile,
    Verdict,
)
from qa_service.prompting import Site, build_prompt
from qa_service.turns import Admission, Asked, Gap, Mark, Turn

log = logging.getLogger(__name__)


class Parts(Struct, frozen=True):
    """What the line walks past, and the site's part in every prompt."""

    upstream: Upstream
    sessions: SessionStore
    files: FileStore
    quotas: Quotas
    reader: FileReader
    retriever: Retriever
    observe: Observer
    meter: Meter
    save_later: Callable[[Owner, Turn], None]
    """Takes a turn that couldn't be saved now."""
    site: Site
    prices: Mapping[str, Mapping[str, float]]
    safety_identifier: Callable[[str], str]
    """From an owner's key, and a visitor's address, to what upstream may know of who asks."""


class AnswerLine(Struct, frozen=True):
    """A `Line`."""

    parts: Parts

    def answer(self, admission: Admission, stop: Stop) -> Iterator[Frame | Mark]:
        """`Done` comes last. The turn is saved by then, or the metadata says it isn't."""
        draft = Draft(admission)
        return chain((admission.start(),), _walk(draft, self.parts, stop, _write(draft, self.parts, stop)))

    def go_on(self, admission: Admission, said: Said, stop: Stop) -> Iterator[Frame | Mark]:
        """Attach to an answer that upstream keeps; begin one again that hasn't said anything; end any other."""
        draft, parts = Draft(admission), self.parts
        if said.response_id and said.asked and isinstance(parts.upstream, Attaching):
            draft.recall(said.asked)
            step = _replay(draft, said, parts.upstream, stop)
        elif said.whole and not said.text and _files_are_here(admission):
            step = _begin_again(draft, said, parts, stop)
        else:
            step = _break_off(draft, said)
        return _walk(draft, parts, stop, step)


def _walk(draft: Draft, parts: Parts, stop: Stop, step: Iterator[Frame | Mark]) -> Iterator[Frame | Mark]:
    """Write, cite, save and say so, whatever happens on the way; but not a word once another worker goes on."""
    for frames in (step, _cite(draft, parts)):
        try:
            yield from frames
        except QAError as error:
            draft.error = draft.error or _why(error, stop)
        except Exception:
            # The outermost: whatever broke, the reader is told, and the turn is kept.
            bug = secrets.token_hex(8)
            log.exception("answer %s broke, id %s", draft.admission.answer_id, bug)
            draft.error = draft.error or QAError(f"internal error {bug}")
        if stop.reason in ELSEWHERE:
            return
        if frames is step and stop.reason == "cancelled":
            parts.meter.time("closed", time.monotonic() - stop.at)
    yield from _close(draft, parts)


def _write(draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame | Mark]:
    return chain(_read_files(draft, parts, stop), _prepare(draft, parts), _ask(draft, parts, stop))


def _begin_again(draft: Draft, said: Said, parts: Parts, stop: Stop) -> Iterator[Frame | Mark]:
    # Once upstream was asked, readers may have words that were never logged.
    again = (Gap(), Restart("interrupted")) if said.asked else (Gap(),)
    return chain(again, _write(draft, parts, stop))


def _replay(draft: Draft, said: Said, upstream: Attaching, stop: Stop) -> Iterator[Frame | Mark]:
    """Upstream tells the answer from its beginning: the frames are the same, and those that are logged are left out."""
    assert draft.prompt is not None  # noqa: S101 - it was recalled
    try:
        with upstream.attach(draft.prompt, said.response_id, stop) as deltas:
            yield from islice(_told(deltas, draft, stop), said.since_opened, None)
    except QAError:
        if stop.reason in ELSEWHERE:
            raise
        # What follows isn't what would have: readers may know numbers that were never logged.
        yield Gap()
        if len(draft.text) < len(said.text):
            draft.write(said.text[len(draft.text) :])
        raise


def _break_off(draft: Draft, said: Said) -> Iterator[Frame | Mark]:
    yield Gap()
    if said.asked:
        draft.recall(said.asked)
    if said.text:
        draft.write(said.text)
    raise Interrupted("the worker that wrote this answer died")


def _files_are_here(admission: Admission) -> bool:
    return all(Path(file.path).exists() for file in admission.question.files)


def _cite(draft: Draft, parts: Parts) -> Iterator[Frame]:
    if parts.site.citations:
        yield from draft.cite()


def _why(error: QAError, stop: Stop) -> QAError:
    # These stop the line as a person would, but aren't a person's wish.
    match stop.reason if isinstance(error, Cancelled) else "":
        case "timeout":
            return UpstreamTimeout("the answer took longer than this server allows")
        case "interrupted":
            return Interrupted("the worker was stopped")
        case "length":
            return TooLong("the answer is as long as this server keeps")
        case _:
            return error


def _read_files(draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame]:
    files = draft.admission.question.files
    for number, file in enumerate(files, 1):
        yield from _read(file, number, draft, parts, stop)
        if stop.is_set():
            draft.verdicts += [Verdict(unread.name, "unknown", "skipped", "stopped") for unread in files[number:]]
            raise Cancelled


def _read(file: UploadedFile, number: int, draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame]:
    yield StageNotice("reading_file", name=file.name)
    admission = draft.admission
    # The id is the same when the answer is begun again after a crash, so no file is listed twice.
    file_id = sha256(f"{admission.answer_id} {number}".encode()).hexdigest()[:32]
    place = Place(admission.question.owner, admission.session.session_id, file_id, admission.topic.index)
    stored, verdict = yield from Intake(parts.files, parts.quotas, parts.reader).take_in(file, place, stop)
    draft.add_file(stored, verdict)
    yield _announced(verdict)


def _announced(verdict: Verdict) -> StageNotice:
    return StageNotice(
        "file",
        name=verdict.name,
        kind=verdict.kind,
        status=verdict.status,
        reason=verdict.reason,
        pages=verdict.pages,
        tokens=verdict.tokens,
    )


def _prepare(draft: Draft, parts: Parts) -> Iterator[Frame]:
    admission, question = draft.admission, draft.admission.question
    passages: tuple[Passage, ...] = ()
    if any(file.passages for file in draft.files):
        yield StageNotice("retrieving")
        passages = _find(draft, parts)
    prompt = build_prompt(
        question,
        site=parts.site,
        model=admission.model,
        context=admission.session.context,
        passages=passages,
        language=language_of(question.text),
    )
    draft.settle(
        replace(prompt, safety_identifier=parts.safety_identifier(question.owner.key + question.owner.address))
    )


def _find(draft: Draft, parts: Parts) -> tuple[Passage, ...]:
    question, session = draft.admission.question, draft.admission.session
    index = parts.files.index(question.owner, session.session_id, draft.files)
    return parts.retriever.find(question.text, [exchange.question for exchange in session.context], index)


def _ask(draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame | Mark]:
    assert draft.prompt is not None  # noqa: S101 - the line prepared it
    yield Asked(replace(draft.prompt, messages=()), tuple(draft.verdicts))
    parts.meter.time("asked", time.monotonic() - draft.admission.began)
    with parts.upstream.open(draft.spend(), stop) as deltas:
        yield from _told(deltas, draft, stop)


def _told(deltas: Iterator[Delta], draft: Draft, stop: Stop) -> Iterator[Frame | Mark]:
    for delta in deltas:
        if isinstance(delta, TextDelta):
            yield draft.write(delta.text)
        elif frame := _frame(delta, draft):
            yield frame
    if draft.finished is None:
        raise Cancelled if stop.is_set() else UpstreamUnavailable("upstream ended without saying so")


def _frame(delta: Delta, draft: Draft) -> Frame | Mark | None:
    match delta:
        case Opened():
            return delta
        case RefusalDelta(text=text):
            return draft.refuse(text)
        case Annotation():
            draft.annotate(delta)
        case Finished():
            draft.finished = delta
        case Searching(query=query):
            return StageNotice("searching_web", query=query or None)
        case Thinking():
            return StageNotice("thinking")
        case Retrying(attempt=attempt, reason=reason, model=model):
            draft.model = model
            return StageNotice("retrying", attempt=attempt, reason=reason)
    return None


def _close(draft: Draft, parts: Parts) -> Iterator[Frame]:
    """Save, and only then say what it was. A failure to save is said, not hidden."""
    error = _failure(draft)
    if error is not None:
        yield error
    metadata = draft.metadata(parts.prices)
    turn = draft.turn(metadata, error)
    saved = _saved(draft.admission.question.owner, turn, parts)
    if saved == "lost":
        return
    metadata = replace(metadata, saved=saved == "saved")
    yield metadata
    yield Done(turn.status)
    parts.observe(observed(turn, metadata, owner=draft.admission.question.owner.kind))


def _failure(draft: Draft) -> Failure | None:
    if draft.error is None or isinstance(draft.error, (Cancelled, TooLong)):
        return None
    return failure(draft.error, draft.admission.question.language)


def _saved(owner: Owner, turn: Turn, parts: Parts) -> Saved | Literal["later"]:
    try:
        return parts.sessions.save(owner, turn)
    except QAError:
        log.warning("answer %s could not be saved yet", turn.answer_id)
        parts.save_later(owner, turn)
        return "later"
