"""Leaves an upstream alone that is down: it is asked again now and then, and not by everybody."""

import math
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from qa_service.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable

_ENOUGH = 5
_FIRST_REST = 5.0
_LONGEST_REST = 60.0
_UNDER_TRIAL = 1
"""Seconds a caller is told to wait while another one tries."""


class Circuit:
    """Of one model, in this process. So many failures in a row that look like "down" open it for a while: no
    connection, a 5xx, a time-out. Then one request at a time is let through, and what becomes of it decides."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._rest = _FIRST_REST
        self._until = 0.0
        self._trial: object = None

    @property
    def resting(self) -> bool:
        """Whether upstream is left alone now."""
        return self._failures >= _ENOUGH and (self._trial is not None or self._clock() < self._until)

    @contextmanager
    def asked(self) -> Iterator[Callable[[], None]]:
        """Around one request; what it gives is to be called when upstream is seen to work.

        Raises `UpstreamUnavailable` at once while upstream is left alone.
        """
        trial = self._admit()
        try:
            yield self._close
        except (UpstreamUnavailable, UpstreamTimeout):
            self._note_failure()
            raise
        except UpstreamError:
            self._close()  # it answers
            raise
        finally:
            if self._trial is trial:
                self._trial = None

    def _admit(self) -> object:
        """What stands for the trial that this request is, if it is one."""
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
            spread = random.uniform(0.75, 1)  # noqa: S311 - spreads trials, hides nothing
            self._until = self._clock() + self._rest * spread
            self._rest = min(self._rest * 2, _LONGEST_REST)
