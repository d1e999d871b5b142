"""This module reads what the store knows of an answer that is taken over, so that its new worker can go on with it."""

import time
from datetime import UTC, datetime

from msgspec.structs import replace

from qa_service.deltas import Opened
from qa_service.frames import FRAMES_VERSION, Start, TopicNotice
from qa_service.interfaces import AnswerSoFar, HeldAnswer, StoredLog
from qa_service.model import Question, Session
from qa_service.running.log import MemoryLog
from qa_service.turns import Admission, Asked, Turn


def restore_log(logged: StoredLog) -> tuple[MemoryLog, int]:
    """Make a memory log of all that the shared log has, and count its entries."""
    answer = MemoryLog()
    for entry in logged.entries:
        answer.add_entry(entry)
    return answer, int(logged.cursor.partition("-")[2]) + 1


def count_deaths(held: HeldAnswer, answer: MemoryLog) -> HeldAnswer:
    """Return the answer as its new worker holds it. Where the answer has got a new word since it was last taken over,
    only the last death counts, because the work during which earlier workers died is done."""
    said = len(answer.text())
    deaths = min(held.deaths, 1) if said > held.said else held.deaths
    return replace(held, deaths=deaths, said=max(said, held.said))


def answer_so_far(answer: MemoryLog, held: HeldAnswer) -> AnswerSoFar:
    """Gather how far the answer has come, for `AnswerWriter.continue_answer`."""
    asked = [mark for _, mark in answer.marks if isinstance(mark, Asked)]
    opened = [(place, mark) for place, mark in answer.marks if isinstance(mark, Opened)]
    place, last = opened[-1] if opened else (len(answer), Opened(""))
    return AnswerSoFar(
        answer.text(),
        asked[-1] if asked else None,
        last.response_id,
        since_opened=len(answer) - place,
        repeatable=last.frames == FRAMES_VERSION,
        whole=held.admission is not None,
        deaths=held.deaths,
        references=answer.references(),
    )


def restore_admission(held: HeldAnswer, turn: Turn, answer: MemoryLog) -> Admission:
    """Return the question as it was admitted, or as much of it as its turn and its first frame tell."""
    began = time.monotonic() - (datetime.now(UTC) - datetime.fromisoformat(turn.created_at)).total_seconds()
    if held.admission:
        return replace(held.admission, turn=turn, began=began)
    known = [frame for frame in answer.frames_between(0, 1) if isinstance(frame, Start)]
    return Admission(
        Question(turn.question, held.owner, held.session_id, language=turn.language),
        turn.answer_id,
        Session(held.session_id, turn.topic),
        created=bool(known) and known[0].created,
        topic=known[0].topic if known else TopicNotice(turn.topic, drifted=False, score=0.0),
        model=known[0].model if known else "",
        created_at=turn.created_at,
        turn=turn,
        began=began,
    )
