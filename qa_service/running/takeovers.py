"""This module takes the answers that dead workers leave."""

import time
from collections.abc import Callable, Collection, Container

from qa_service.errors import QAError
from qa_service.interfaces import HeldAnswer, WorkerStore
from qa_service.running.presence import Presence


class Takeovers:
    """A `Takeovers` takes answers of dead workers, and hands them to `adopt` one by one. `answers` are the ids of those
    that this worker writes. Only one thread may use it."""

    def __init__(
        self,
        workers: WorkerStore,
        presence: Presence,
        *,
        answers: Container[str],
        adopt: Callable[[HeldAnswer], None],
        settle: float,
    ) -> None:
        self._workers = workers
        self._presence = presence
        self._worker = presence.worker
        self._answers = answers
        self._adopt = adopt
        self._settle = settle
        self._empty: dict[str, float] = {}
        """These are the dead workers that held nothing, each with the moment at which that was first seen."""
        self._taken: list[HeldAnswer] = []
        """These are the answers that this worker has taken and hasn't adopted yet."""
        self._strays: set[str] = set()
        """At the last look this worker held these answers without writing them."""

    def take_over_dead(self, silent: Collection[str]) -> None:
        """Take over what dead workers held. These are the workers whose lock on this machine is gone, and the `silent`
        ones, which the store says are dead. A dead worker that holds nothing is forgotten only after a while, because
        its last write may still be on its way into the store."""
        gone = set(self._presence.find_dead())
        dead = {*gone, *silent} - {self._worker}
        self._empty = {worker: since for worker, since in self._empty.items() if worker in dead}
        for worker in dead:
            taken = self._workers.take_from_dead(worker, self._worker, sure=worker in gone)
            self._taken.extend(taken)
            if not taken and time.monotonic() - self._empty.setdefault(worker, time.monotonic()) > self._settle:
                del self._empty[worker]
                self._presence.forget_worker(worker)
        self._adopt_taken()

    def take_strays(self) -> None:
        """Take the answers that this worker holds without writing them, both now and at the last look. The store
        carried out their claims, but its replies were lost. Those that wait to be adopted are tried again anyway."""
        taken = {held.answer_id for held in self._taken}
        held_ids = self._workers.held_ids(self._worker)
        strays = {each for each in held_ids if each not in self._answers and each not in taken}
        for answer_id in strays & self._strays:
            if held := self._workers.read_held(self._worker, answer_id):
                self._taken.append(held)
        self._strays = strays

    def _adopt_taken(self) -> None:
        """Adopt the answers that were taken. An answer that can't be adopted now is tried again the next time, and
        holds up no other."""
        failed: list[HeldAnswer] = []
        try:
            while self._taken:
                held = self._taken.pop(0)
                try:
                    self._adopt(held)
                except QAError:
                    failed.append(held)
        finally:
            self._taken += failed
