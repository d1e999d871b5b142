"""This module has the queue of files that wait to be read. Owners take turns, so that nobody waits behind all files of
somebody else."""

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from qa_service.interfaces import Stop
from qa_service.model import Owner


class FairQueue:
    """A `FairQueue` lets at most `slots` files be read at once.

    A slot that becomes free goes to the owner who holds the fewest slots. Among several such owners it goes to the one
    who has waited longest since getting a slot. The files of one owner get their slots in the order in which they came.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._lock = threading.Lock()
        self._waiting: dict[Owner, deque[_Ticket]] = {}
        self._held: Counter[Owner] = Counter()
        self._served: dict[Owner, int] = {}
        self._turns = count(1)

    @contextmanager
    def hold_slot(self, owner: Owner, stop: Stop) -> Iterator[bool]:
        """Wait for a slot, and hold it within the context. The context gives False, and holds no slot, where the stop
        came first."""
        ticket = self._take_ticket(owner)
        forget = stop.call_when_set(ticket.called.set)
        try:
            ticket.called.wait()
            yield ticket.has_slot
        finally:
            forget()
            self._hand_back(ticket)

    def _take_ticket(self, owner: Owner) -> "_Ticket":
        ticket = _Ticket(owner)
        with self._lock:
            self._waiting.setdefault(owner, deque()).append(ticket)
            self._hand_out()
        return ticket

    def _hand_back(self, ticket: "_Ticket") -> None:
        with self._lock:
            if ticket.has_slot:
                self._free += 1
                self._held[ticket.owner] -= 1
            else:
                self._waiting[ticket.owner].remove(ticket)
            self._hand_out()
            self._forget(ticket.owner)

    def _hand_out(self) -> None:
        while self._free and any(self._waiting.values()):
            owner = min(filter(self._waiting.get, self._waiting), key=self._claim)
            ticket = self._waiting[owner].popleft()
            ticket.has_slot = True
            ticket.called.set()
            self._free -= 1
            self._held[owner] += 1
            self._served[owner] = next(self._turns)

    def _claim(self, owner: Owner) -> tuple[int, int]:
        """Return a sort key. The owner with the smallest key gets the next slot."""
        return self._held[owner], self._served.get(owner, 0)

    def _forget(self, owner: Owner) -> None:
        """Forget an owner who has no file here, so that memory stays bounded."""
        if not self._waiting[owner] and not self._held[owner]:
            for kept in (self._waiting, self._held, self._served):
                kept.pop(owner, None)


class _Ticket:
    """A `_Ticket` stands for one file that waits for a slot or holds one."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.has_slot = False
        self.called = threading.Event()
        """It is set when the file has a slot, or when the file isn't to be read any more."""
