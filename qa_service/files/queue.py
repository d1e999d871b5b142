"""This module has the queue of files that wait to be read. Owners take turns, so that nobody waits behind all files of
somebody else."""

import sys
import threading
from collections import Counter
from collections.abc import Iterator, Set
from contextlib import contextmanager
from itertools import count

from qa_service.interfaces import Stop
from qa_service.model import Owner

SMALL = 256 << 10
"""A file of at most this many bytes is small."""
SMALL_SLOTS = 2


class FairQueue:
    """A `FairQueue` lets at most `slots` files be read at once, and two small files of two owners more.

    All visitors of one IPv6 /48 count as one owner, because one customer of a provider may have all of it. A slot that
    becomes free goes to the owner who holds the fewest slots. Among several such owners it goes to the one who has
    waited longest since getting a slot. Of one owner's files the smallest one is next.

    The two slots for small files are given where no other one is free, so that a small file seldom waits behind large
    ones. An owner holds at most one of them, because a small file may be as slow to read as a large one.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._lock = threading.Lock()
        self._waiting: dict[str, list[_Ticket]] = {}
        self._held: Counter[str] = Counter()
        self._with_small_slot: set[str] = set()
        self._served: dict[str, int] = {}
        self._turns = count(1)

    @contextmanager
    def hold_slot(self, owner: Owner, stop: Stop, size: int) -> Iterator[bool]:
        """Wait for a slot for a file of `size` bytes, and hold it within the context. The context gives False, and
        holds no slot, where the stop came first."""
        ticket = self._take_ticket(owner.caller, size)
        forget = stop.call_when_set(ticket.called.set)
        try:
            ticket.called.wait()
            yield ticket.has_slot
        finally:
            forget()
            self._hand_back(ticket)

    def _take_ticket(self, owner: str, size: int) -> "_Ticket":
        ticket = _Ticket(owner, size, next(self._turns))
        with self._lock:
            self._waiting.setdefault(owner, []).append(ticket)
            self._hand_out()
        return ticket

    def _hand_back(self, ticket: "_Ticket") -> None:
        with self._lock:
            if ticket.has_slot:
                self._take_back(ticket)
            else:
                self._waiting[ticket.owner].remove(ticket)
            self._hand_out()
            self._forget(ticket.owner)

    def _take_back(self, ticket: "_Ticket") -> None:
        self._held[ticket.owner] -= 1
        if ticket.is_for_small:
            self._with_small_slot.remove(ticket.owner)
        else:
            self._free += 1

    def _hand_out(self) -> None:
        while self._free and (ticket := self._choose_next(sys.maxsize)):
            self._free -= 1
            self._give_slot(ticket)
        while len(self._with_small_slot) < SMALL_SLOTS and (
            ticket := self._choose_next(SMALL, besides=self._with_small_slot)
        ):
            ticket.is_for_small = True
            self._with_small_slot.add(ticket.owner)
            self._give_slot(ticket)

    def _choose_next(self, most: int, besides: Set[str] = frozenset()) -> "_Ticket | None":
        """Choose the next one of the waiting files that have at most this many bytes, of all owners but those
        `besides`."""
        first = {owner: min(tickets, key=_Ticket.rank) for owner, tickets in self._waiting.items() if tickets}
        owners = [owner for owner, ticket in first.items() if ticket.size <= most and owner not in besides]
        return first[min(owners, key=self._claim)] if owners else None

    def _give_slot(self, ticket: "_Ticket") -> None:
        self._waiting[ticket.owner].remove(ticket)
        ticket.has_slot = True
        ticket.called.set()
        self._held[ticket.owner] += 1
        self._served[ticket.owner] = next(self._turns)

    def _claim(self, owner: str) -> tuple[int, int]:
        """Return a sort key. The owner with the smallest key gets the next slot."""
        return self._held[owner], self._served.get(owner, 0)

    def _forget(self, owner: str) -> None:
        """Forget an owner who has no file here, so that memory stays bounded."""
        if not self._waiting[owner] and not self._held[owner]:
            for kept in (self._waiting, self._held, self._served):
                kept.pop(owner, None)


class _Ticket:
    """A `_Ticket` stands for one file that waits for a slot or holds one."""

    def __init__(self, owner: str, size: int, turn: int) -> None:
        self.owner = owner
        self.size = size
        self._turn = turn
        self.has_slot = False
        self.is_for_small = False
        """This says whether the slot is one that only small files get."""
        self.called = threading.Event()
        """It is set when the file has a slot, or when the file isn't to be read any more."""

    def rank(self) -> tuple[int, int]:
        """Return a sort key. Of one owner's files the one with the smallest key is next."""
        return self.size, self._turn
