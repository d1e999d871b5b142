"""This module is the answer line: an admitted question goes in, and the frames of its answer come out.

The line is a plain generator: it reads the files, finds passages, builds the prompt, asks upstream, cites, saves the
turn, and says that it is saved. It owns no thread and knows no connection. Whoever runs it may set `stop`; what was
produced until then is kept. Between the frames it yields marks, from which another worker can go on, should this one
die.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from qa_service.answer_parts import Parts
from qa_service.deltas import (
    Annotation,
    Delta,
    Drawn,
    Finished,
    Opened,
    PagesFound,
    RefusalDelta,
    Retrying,
    TextDelta,
    Unseen,
)
from qa_service.draft import Draft, build_observation
from qa_service.errors import (
    Cancelled,
    ContextLength,
    Interrupted,
    QAError,
    TooLong,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from qa_service.frames import FRAMES_VERSION, Done, Failure, Frame, Image, Restart, StageNotice
from qa_service.interfaces import (
    ELSEWHERE,
    AnswerSoFar,
    Attaching,
    MediaQuery,
    Saved,
    Stop,
    SummaryWish,
)
from qa_service.language.phrases import build_failure
from qa_service.language.sentences import language_of
from qa_service.model import Owner
from qa_service.notices import build_notice
from qa_service.preparing import prepare_prompt, read_files
from qa_service.shown_sources import list_shown_sources
from qa_service.single_use import is_single_use
from qa_service.storable import storable
from qa_service.turns import Admission, Asked, Gap, Mark, Turn, logged_id

log = logging.getLogger(__name__)

DEADLY = 2
"""When this many workers in a row have died with an answer, the answer itself is taken for the cause."""


class AnswerLine(Struct, frozen=True):
    """An `AnswerLine` is the `AnswerWriter` of this service."""

    parts: Parts

    def write_answer(self, admission: Admission, stop: Stop) -> Iterator[Frame | Mark]:
        """Give the frames of an answer. `Done` comes last: the turn is saved by then, or the metadata has said that it
        isn't."""
        draft, parts = Draft(admission), self.parts
        return chain(
            (admission.build_start(),), _take_steps(draft, parts, stop, _write(draft, parts, stop), _cite(draft, parts))
        )

    def continue_answer(self, admission: Admission, said: AnswerSoFar, stop: Stop) -> Iterator[Frame | Mark]:
        """Attach to an answer that upstream keeps, begin one again that hasn't said a word, and end any other.

        An answer that workers keep dying with is ended, and its sources aren't looked for: that may be what kills.
        """
        draft, parts = Draft(admission), self.parts
        if said.deaths >= DEADLY:
            return _take_steps(draft, parts, stop, _break_off(draft, said))
        if said.response_id and said.asked and isinstance(parts.upstream, Attaching):
            draft.recall_prompt(said.asked)
            attach = partial(parts.upstream.attach_answer, said.asked.prompt, said.response_id, stop)
            step = _replay(draft, said, parts, stop, attach)
        elif said.whole and not said.text and _files_are_here(admission):
            step = _begin_again(draft, said, parts, stop)
        else:
            step = _break_off(draft, said)
        return _take_steps(draft, parts, stop, step, _cite(draft, parts))


def _take_steps(draft: Draft, parts: Parts, stop: Stop, *steps: Iterator[Frame | Mark]) -> Iterator[Frame | Mark]:
    """Take the steps, then save the turn and say so, whatever happens on the way. Once another worker goes on with the
    answer, nothing more is said or saved."""
    for frames in steps:
        try:
            yield from frames
        except QAError as error:
            draft.error = draft.error or _explain_stop(error, stop)
        except Exception:
            # This is the outermost code of an answer: whatever broke, its readers are told, and its turn is kept.
            bug = secrets.token_hex(8)
            answer = logged_id(draft.admission.question.owner, draft.admission.answer_id)
            log.exception("answer %s broke, id %s", answer, bug)
            draft.error = draft.error or QAError(f"internal error {bug}")
        if stop.reason in ELSEWHERE:
            return
        if frames is steps[0] and stop.reason == "cancelled":
            parts.meter.record_time("closed", time.monotonic() - stop.at)
    yield from _save_and_end(draft, parts)


def _write(draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame | Mark]:
    return chain(read_files(draft, parts, stop), prepare_prompt(draft, parts), _ask_upstream(draft, parts, stop))


def _begin_again(draft: Draft, said: AnswerSoFar, parts: Parts, stop: Stop) -> Iterator[Frame | Mark]:
    # Once upstream was asked, readers may have seen words that the shared log doesn't have.
    again = (Gap(), Restart("interrupted")) if said.asked else (Gap(),)
    return chain(again, _write(draft, parts, stop))


def _replay(
    draft: Draft,
    said: AnswerSoFar,
    parts: Parts,
    stop: Stop,
    attach: Callable[[], AbstractContextManager[Iterator[Delta]]],
) -> Iterator[Frame | Mark]:
    """Attach to the answer: upstream gives it again from its beginning. The frames are the same as before, and those
    that the shared log has are left out. Where this release makes other frames than the one before, the text begins
    again."""
    try:
        with attach() as deltas:
            frames = _draft_frames(deltas, draft, parts, stop)
            if said.repeatable:
                draft.references = said.references
                yield from islice(frames, said.since_opened, None)
            else:
                yield from (Gap(), Restart("interrupted"))
                yield from _name_sources(draft, parts)
                yield Opened(said.response_id, FRAMES_VERSION)
                yield from frames
    except QAError:
        if stop.reason in ELSEWHERE:
            raise
        # Under the next numbers readers may have seen what the first worker said. What comes now isn't the same.
        yield Gap()
        if len(draft.text) < len(said.text):
            rest = draft.write_text(said.text[len(draft.text) :])
            if not said.repeatable:
                yield rest
        raise


def _break_off(draft: Draft, said: AnswerSoFar) -> Iterator[Frame | Mark]:
    yield Gap()
    if said.asked:
        draft.recall_prompt(said.asked)
    if said.text:
        draft.write_text(said.text)
    draft.references = said.references
    raise Interrupted("the worker that wrote this answer died")


def _files_are_here(admission: Admission) -> bool:
    return all(Path(file.path).exists() for file in admission.question.files)


def _cite(draft: Draft, parts: Parts) -> Iterator[Frame]:
    # Most sessions have a single question, so the first turn is encoded only when a second one is compared with it.
    if draft.text and not draft.admission.created:
        draft.meaning = parts.recall_meaning(draft.admission.question.text, draft.text)
    if parts.site.citations:
        yield from draft.cite_sources(trusts_links=parts.site.cite_links)
    draft.check_answer(parts.site)
    if draft.leaked:
        admission = draft.admission
        log.warning(
            "answer %s repeats the mark of its instructions", logged_id(admission.question.owner, admission.answer_id)
        )
    draft.list_media([] if draft.error else parts.media.gather_results(draft.searches))


def _explain_stop(error: QAError, stop: Stop) -> QAError:
    # These reasons stop the line as a person's stop does, but no person wished it, so they are told as errors.
    match stop.reason if isinstance(error, Cancelled) else "":
        case "timeout":
            return UpstreamTimeout("the answer took longer than this server allows")
        case "interrupted":
            return Interrupted("the worker was stopped")
        case "unstorable":
            return QAError("the answer holds what can't be stored")
        case _:
            return error


def _name_sources(draft: Draft, parts: Parts, *, were_named: bool = False) -> Iterator[Frame]:
    """Name the sources that the numbers in the text will stand for. `were_named` says that an earlier frame has
    named some. Only then does a frame say that the model is shown none."""
    passages = draft.prompt.passages if parts.site.citations else ()
    if passages or were_named:
        admission = draft.admission
        sources = list_shown_sources(passages, admission.session.session_id, admission.question.language)
        yield StageNotice("retrieving", sources=sources)


def _ask_upstream(draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame | Mark]:
    yield from _name_sources(draft, parts)
    if draft.prompt.web_search:
        draft.searches = parts.media.begin_searches(MediaQuery(draft.prompt.question, draft.prompt.language))
    parts.meter.record_time("asked", time.monotonic() - draft.admission.began)
    try:
        yield from _ask_once(draft, parts, stop)
    except ContextLength as error:
        were_named = parts.site.citations and bool(draft.prompt.passages)
        if not draft.shorten_prompt(error.fitting):
            raise
        yield StageNotice("retrying", attempt=2, reason=error.code)
        yield from _name_sources(draft, parts, were_named=were_named)
        yield from _ask_once(draft, parts, stop)


def _ask_once(draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame | Mark]:
    yield Asked(replace(draft.prompt, messages=()), tuple(draft.verdicts))
    with parts.upstream.open_answer(draft.hand_out_prompt(), stop) as deltas:
        yield from _draft_frames(deltas, draft, parts, stop)


def _draft_frames(deltas: Iterator[Delta], draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame | Mark]:
    for delta in deltas:
        if isinstance(delta, TextDelta):
            if delta.text != "":
                yield draft.write_text(delta.text)
        elif isinstance(delta, Drawn):
            yield _show_drawing(delta, draft, parts, stop)
        elif frame := _frame(delta, draft):
            yield frame
        if draft.size > parts.longest:
            raise TooLong("the answer is as long as this server keeps")
    if draft.finished is None:
        raise Cancelled if stop.is_set() else UpstreamUnavailable("upstream ended without saying so")


def _show_drawing(drawn: Drawn, draft: Draft, parts: Parts, stop: Stop) -> Frame:
    frame = parts.gallery.show_picture(drawn, draft.admission, len(draft.images), stop)
    if isinstance(frame, Image):
        draft.images.append(frame)
    return frame


def _frame(delta: Delta, draft: Draft) -> Frame | Mark | None:
    match delta:
        case Opened():
            return storable(replace(delta, frames=FRAMES_VERSION))
        case RefusalDelta(text=text) if text != "":
            return draft.write_refusal(text)
        case Annotation() | PagesFound():
            draft.add_source(storable(delta))
        case Unseen():
            draft.note_unseen()
        case Finished():
            draft.finished = storable(delta)
        case Retrying():
            draft.model = storable(delta).model
            return build_notice(delta)
        case _:
            draft.forget_rebuild()
            return build_notice(delta)
    return None


def _save_and_end(draft: Draft, parts: Parts) -> Iterator[Frame]:
    """Save the turn, and only then say what the answer was. Where it can't be saved, the metadata says so."""
    error = _failure(draft)
    if error is not None:
        yield error
    metadata = draft.build_metadata(parts.prices)
    turn = draft.build_turn(metadata, error)
    saved = _save_turn(draft.admission.question.owner, turn, parts)
    if saved == "lost":
        return
    metadata = replace(metadata, saved=saved == "saved")
    yield metadata
    yield Done(turn.status)
    owner = draft.admission.question.owner
    if parts.summarize and draft.is_long_topic and metadata.saved and not is_single_use(turn.session_id):
        language = language_of(turn.question)
        parts.summarize(
            SummaryWish(owner, turn.session_id, turn.topic, turn.answer_id, draft.admission.model, language)
        )
    parts.observe(build_observation(turn, metadata, owner=owner, dangling=draft.dangling, leaked=draft.leaked))


def _failure(draft: Draft) -> Failure | None:
    if draft.error is None or isinstance(draft.error, (Cancelled, TooLong)):
        return None
    return build_failure(draft.error, draft.admission.question.language)


def _save_turn(owner: Owner, turn: Turn, parts: Parts) -> Saved | Literal["later"]:
    try:
        return parts.sessions.save_turn(owner, turn)
    except QAError:
        log.warning("answer %s could not be saved yet", logged_id(owner, turn.answer_id))
        parts.save_later(owner, turn)
        return "later"
