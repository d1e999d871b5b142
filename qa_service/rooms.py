"""This module bounds how many requests of one kind a worker serves at once, where each of them takes long. One caller
may have a share of the places."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from qa_service.errors import Overloaded, RateLimited

CALLER_SHARE = 4
"""One caller may have a quarter of the places. Visitors are told apart by their addresses, as `Owner.caller` says."""
_RETRY_SECONDS = 7
GUEST = "guest"
"""No caller has this name, because those of callers are hashes."""


class WorkerRoom:
    """A `WorkerRoom` has this many places for requests of one kind, to all callers of this worker and to one. `kind` is
    their English plural, as it stands in messages. In a small room one caller may still have `fewest` places."""

    def __init__(self, kind: str, most: int, *, fewest: int = 0) -> None:
        self._kind = kind
        self._most = most
        self._share = max(fewest, most // CALLER_SHARE)
        self._lock = Lock()
        self._taken = Counter[str]()

    def reserve_place(self, caller: str) -> str:
        """Take a place, and return whose it is. Raises `RateLimited` if this caller has its share already, and
        `Overloaded` if the worker is full. Whoever got a place gives it back with `release_place`."""
        with self._lock:
            self.check_room(caller)
            self._taken[caller] += 1
        return caller

    def add_guest(self) -> str:
        """Take a place for somebody who must not be refused, and return whose it is. It counts to no caller's share."""
        with self._lock:
            self._taken[GUEST] += 1
        return GUEST

    def check_room(self, caller: str) -> None:
        """Raise what `reserve_place` would raise now, and take no place."""
        if self._taken[caller] >= self._share:
            raise RateLimited(f"this caller has too many {self._kind} at once", retry_after=_RETRY_SECONDS)
        if self._taken.total() >= self._most:
            raise Overloaded(f"this worker has too many {self._kind} at once", retry_after=_RETRY_SECONDS)

    def release_place(self, caller: str) -> None:
        """Give a place back."""
        with self._lock:
            self._taken[caller] -= 1
            self._taken = +self._taken  # This forgets callers who have no place any more.

    @property
    def is_empty(self) -> bool:
        """Tell whether nobody has a place."""
        return not self._taken

    @contextmanager
    def hold_place(self, caller: str) -> Iterator[None]:
        """Hold a place for as long as the block takes. Raises as `reserve_place` does."""
        self.reserve_place(caller)
        try:
            yield
        finally:
            self.release_place(caller)
