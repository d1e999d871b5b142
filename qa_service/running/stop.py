"""This module has the signal that ends an answer early."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

log = logging.getLogger(__name__)


class StopSignal:
    """A `StopSignal` is a `Stop` that any thread may set, once."""

    def __init__(self) -> None:
        self.reason = ""
        self.at = 0.0
        self._lock = threading.Lock()
        self._actions: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        return bool(self.reason)

    def set(self, reason: str) -> None:
        """Stop for this reason. A reason that was set before stays. All registered actions run in this thread, and what
        one of them raises is logged and goes no further."""
        with self._lock:
            if self.reason:
                return
            self.at = time.monotonic()
            self.reason, actions, self._actions = reason, self._actions, []
        for action in actions:
            _run_safely(action)

    def call_when_set(self, action: Callable[[], None]) -> Callable[[], None]:
        with self._lock:
            if not self.reason:
                self._actions.append(action)
                return lambda: self._forget(action)
        action()
        return lambda: None

    def _forget(self, action: Callable[[], None]) -> None:
        with self._lock, suppress(ValueError):
            self._actions.remove(action)


def _run_safely(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception:
        # Whoever sets the signal may have other answers to stop, so one action that fails must not end the others.
        log.exception("an action of a stop failed")
