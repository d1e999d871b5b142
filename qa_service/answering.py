"""THE LINE: one admitted question in, the frames of its answer out.

A plain generator: read the files, find passages, build the prompt, ask upstream, cite, save, say so. It owns no
thread and knows no connection; whoever runs it may set `stop`, and what was produced until then is kept.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from qa_service.draft import Draft, observed
from qa_service.errors import Cancelled, Interrupted, QAError, UpstreamTimeout, UpstreamUnavailable
from qa_service.interfaces import (
    FileReader,
    FileStore,
    Observer,
    Retriever,
    SessionStore,
    Stop,
    Upstream,
)
from qa_service.language.phrases import failure
from qa_service.language.sentences import language_of
from qa_service.model import (
    Admission,
    Annotation,
    Delta,
    Done,
    Failure,
    FileEnd,
    FileProgress,
    FileText,
    Finished,
    Frame,
    Metadata,
    Passage,
    RefusalDelta,
    Retrying,
    Searching,
    StageNotice,
    Start,
    StoredFile,
    TextDelta,
    Thinking,
    Turn,
    UploadedFile,
    Verdict,
)
from qa_service.prompting import Site, build_prompt

log = logging.getLogger(__name__)


class Parts(Struct, frozen=True):
    """What the line walks past, and the site's part in every prompt."""

    upstream: Upstream
    sessions: SessionStore
    files: FileStore
    reader: FileReader
    retriever: Retriever
    observe: Observer
    site: Site
    prices: Mapping[str, Mapping[str, float]]
    safety_identifier: Callable[[str], str]
    """From an owner's key, and a visitor's address, to what upstream may know of who asks."""


def answer(admission: Admission, parts: Parts, stop: Stop) -> Iterator[Frame]:
    """The frames of one answer, `Done` last. The turn is saved when it comes, or the metadata says it isn't."""
    draft = Draft(admission)
    yield _start(admission)
    for step in (_write(draft, parts, stop), _cite(draft, parts)):
        try:
            yield from step
        except QAError as error:
            draft.error = draft.error or _why(error, stop)
        except Exception:
            # The outermost: whatever broke, the reader is told, and the turn is kept.
            bug = secrets.token_hex(8)
            log.exception("answer %s broke, id %s", admission.answer_id, bug)
            draft.error = draft.error or QAError(f"internal error {bug}")
    yield from _close(draft, parts)


def _write(draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame]:
    yield from _read_files(draft, parts, stop)
    yield from _prepare(draft, parts)
    yield from _ask(draft, parts, stop)


def _cite(draft: Draft, parts: Parts) -> Iterator[Frame]:
    if parts.site.citations:
        yield from draft.cite()


def _start(admission: Admission) -> Start:
    return Start(
        admission.answer_id,
        admission.session.session_id,
        created=admission.created,
        model=admission.model,
        topic=admission.topic,
        created_at=admission.created_at,
    )


def _why(error: QAError, stop: Stop) -> QAError:
    # These two stop the line as a person would, but are failures.
    if isinstance(error, Cancelled) and stop.reason == "timeout":
        return UpstreamTimeout("the answer took longer than this server allows")
    if isinstance(error, Cancelled) and stop.reason == "interrupted":
        return Interrupted("the worker was stopped")
    return error


def _read_files(draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame]:
    files = draft.admission.question.files
    for number, file in enumerate(files, 1):
        yield from _read(file, draft, parts, stop)
        if stop.is_set():
            draft.verdicts += [Verdict(unread.name, "unknown", "skipped", "stopped") for unread in files[number:]]
            raise Cancelled


def _read(file: UploadedFile, draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame]:
    yield StageNotice("reading_file", name=file.name)
    file_id, passages = secrets.token_hex(16), 0
    verdict = Verdict(file.name, "unknown", "failed", "damaged")
    for news in parts.reader.read(file, stop):
        match news:
            case FileProgress(page=page, pages=pages):
                yield StageNotice("reading_file", name=file.name, page=page, pages=pages or None)
            case FileText():
                passages += len(news.passages)
                _keep(news, file_id, file.name, draft, parts)
            case FileEnd(verdict=verdict):
                pass
    stored = _stored(file_id, verdict, draft.admission.topic.index, passages)
    parts.files.finish(draft.admission.question.owner, draft.admission.session.session_id, stored)
    draft.add_file(stored, verdict)
    yield _announced(verdict)


def _keep(part: FileText, file_id: str, name: str, draft: Draft, parts: Parts) -> None:
    named = tuple(replace(passage, file_id=file_id, file=name) for passage in part.passages)
    owner, session_id = draft.admission.question.owner, draft.admission.session.session_id
    parts.files.add(owner, session_id, file_id, replace(part, passages=named))


def _stored(file_id: str, verdict: Verdict, topic: int, passages: int) -> StoredFile:
    return StoredFile(
        file_id,
        verdict.name,
        verdict.kind,
        verdict.status,
        topic,
        reason=verdict.reason,
        pages=verdict.pages,
        tokens=verdict.tokens,
        passages=passages,
        added=time.time(),
    )


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


def _ask(draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame]:
    assert draft.prompt is not None  # noqa: S101 - the line prepared it
    with parts.upstream.open(draft.prompt, stop) as deltas:
        for delta in deltas:
            if isinstance(delta, TextDelta):
                yield draft.write(delta.text)
            elif frame := _frame(delta, draft):
                yield frame
    if draft.finished is None:
        raise Cancelled if stop.is_set() else UpstreamUnavailable("upstream ended without saying so")


def _frame(delta: Delta, draft: Draft) -> Frame | None:
    match delta:
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
        case Retrying(attempt=attempt, reason=reason):
            return StageNotice("retrying", attempt=attempt, reason=reason)
    return None


def _close(draft: Draft, parts: Parts) -> Iterator[Frame]:
    """Save, and only then say what it was. A failure to save is said, not hidden."""
    error = _failure(draft)
    if error is not None:
        yield error
    metadata, turn = _saved(draft, error, parts)
    yield metadata
    yield Done(turn.status)
    parts.observe(observed(turn, metadata, owner=draft.admission.question.owner.kind))


def _failure(draft: Draft) -> Failure | None:
    if draft.error is None or isinstance(draft.error, Cancelled):
        return None
    return failure(draft.error, draft.admission.question.language)


def _saved(draft: Draft, error: Failure | None, parts: Parts) -> tuple[Metadata, Turn]:
    metadata = draft.metadata(parts.prices)
    turn = draft.turn(metadata, error)
    try:
        saved = parts.sessions.save(draft.admission.question.owner, turn)
    except QAError:
        log.warning("answer %s could not be saved", turn.answer_id)
        saved = False
    return replace(metadata, saved=saved), turn
