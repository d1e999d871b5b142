"""This module goes on with an answer whose worker died or left."""

import logging
from collections.abc import Callable, Iterator

from qa_service.errors import NotFound
from qa_service.frames import Frame
from qa_service.interfaces import AnswerWriter, HeldAnswer, Meter
from qa_service.running.adopted import answer_so_far, count_deaths, restore_admission, restore_log
from qa_service.running.log import MemoryLog, turn_of_log
from qa_service.running.mirror import frames_from_turn
from qa_service.running.shared import SharedStores
from qa_service.running.written import RunningAnswer
from qa_service.turns import Gap, Mark, Turn, logged_id

log = logging.getLogger(__name__)


class Adopter:
    """An `Adopter` makes an answer this worker's own and goes on with it. `write` begins to write the answer's frames
    in a thread."""

    def __init__(
        self,
        line: AnswerWriter,
        shared: SharedStores,
        meter: Meter,
        *,
        worker: str,
        seconds: float,
        write: Callable[[RunningAnswer, Iterator[Frame | Mark]], None],
    ) -> None:
        self._line = line
        self._shared = shared
        self._meter = meter
        self._worker = worker
        self._seconds = seconds
        self._write = write

    def adopt(self, held: HeldAnswer) -> None:
        """Go on with the answer, or find that there is nothing left to do for it.

        Raises `QAError` where that isn't possible now. Trying again is safe.
        """
        turn = self._shared.workers.adopt_answer(held, self._worker) or self._ended_turn(held)
        logged = self._shared.logs.read_log(held.owner, held.answer_id) if turn else None
        answer, entries = restore_log(logged) if logged else (MemoryLog(), 0)
        if turn and turn.status == "running" and answer.is_finished:
            # The answer came to its end while the store was away, and its turn died with the worker.
            self._shared.unsaved.save_turn(held.owner, turn_of_log(turn, answer))
        elif turn is None or logged is None or answer.is_finished:
            self._shared.workers.drop_held(self._worker, held.answer_id)
        else:
            self._go_on(count_deaths(held, answer), turn, answer, entries)

    def _go_on(self, held: HeldAnswer, turn: Turn, answer: MemoryLog, entries: int) -> None:
        admission = restore_admission(held, turn, answer)
        running = RunningAnswer(admission, answer, seconds=self._seconds, entries=entries)
        if turn.status != "running":
            # The worker died between saving the turn and `done`, so nobody knows how far the readers have come.
            self._write(running, iter((Gap(), *frames_from_turn(turn, "interrupted")[1:])))
            return
        # This comes before the work: should the work kill this worker as well, the next one knows of both deaths.
        self._shared.workers.keep_held(self._worker, held)
        log.warning("answer %s is taken over from a worker that died", logged_id(held.owner, held.answer_id))
        self._write(running, self._line.continue_answer(admission, answer_so_far(answer, held), running.stop))
        self._meter.count_event("takeovers")

    def _ended_turn(self, held: HeldAnswer) -> Turn | None:
        try:
            turn = self._shared.turn(held.owner, held.answer_id)
        except NotFound:
            return None
        return turn if turn.status != "running" else None
