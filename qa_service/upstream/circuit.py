"""This module has the circuit breaker: a model that is down is asked only now and then, and not by all at once."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from qa_service.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable
from qa_service.pause import spread_pause

_ENOUGH = 5
"""This many failures in a row open the circuit."""
_FIRST_REST = 5.0
_LONGEST_REST = 60.0
_UNDER_TRIAL = 1
"""A caller is told to wait for this many seconds while the trial of another caller runs."""


class Circuit:
    """A `Circuit` decides in this process whether one model may be asked.

    It is closed as long as requests pass. Five failures in a row that look like an upstream that is down (no
    connection, a 5xx, a time-out) open it, and requests are refused at once. After a rest it is half open: one request
    at a time passes as a trial. A trial that works closes the circuit, and one that fails doubles the rest, up to a
    minute.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._rest = _FIRST_REST
        self._until = 0.0
        self._trial: object = None

    @property
    def is_open(self) -> bool:
        """Tell whether a request would be refused now."""
        return self._failures >= _ENOUGH and (self._trial is not None or self._clock() < self._until)

    @contextmanager
    def guard_request(self) -> Iterator[Callable[[], None]]:
        """Open a context around one request. It gives a function that is to be called when upstream is seen to work.

        Raises `UpstreamUnavailable` at once while the circuit is open.
        """
        trial = self._admit()
        try:
            yield self._close
        except (UpstreamUnavailable, UpstreamTimeout):
            self._note_failure()
            raise
        except UpstreamError:
            self._close()  # An upstream that refuses isn't down.
            raise
        finally:
            if self._trial is trial:
                self._trial = None

    def _admit(self) -> object:
        """Let the request pass, or raise `UpstreamUnavailable`. Return a mark where the request is a trial, and
        otherwise None."""
        with self._lock:
            if self._failures < _ENOUGH:
                return None
            left = self._until - self._clock()
            if left > 0 or self._trial:
                raise UpstreamUnavailable(
                    "upstream has been down, and is left alone for a while",
                    connected=False,
                    retry_after=max(_UNDER_TRIAL, math.ceil(left)),
                )
            self._trial = object()
            return self._trial

    def _close(self) -> None:
        with self._lock:
            self._failures, self._rest, self._trial = 0, _FIRST_REST, None

    def _note_failure(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures < _ENOUGH or self._clock() < self._until:
                return
            self._until = self._clock() + spread_pause(self._rest)
            self._rest = min(self._rest * 2, _LONGEST_REST)
