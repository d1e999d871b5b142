"""A thread of this worker that must run as long as the worker does."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class RestartableThread:
    """A daemon thread that is started again when it is gone: a process that was forked has none of its parent's
    threads, and a system that is short of memory may refuse to start one.
    """

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self._name = name
        self._run = run
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._retired = False

    @property
    def is_started(self) -> bool:
        """Whether the thread has ever been started."""
        return self._thread is not None

    def ensure_running(self) -> None:
        """Start the thread unless it runs or is retired. Where the system refuses, the caller tries again later."""
        with self._lock:
            if self._retired or (self._thread and self._thread.is_alive()):
                return
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                log.warning("the thread %s could not be started: %s", self._name, error)
            else:
                self._thread = thread

    def retire(self) -> None:
        """Never start the thread again. One that runs has to end by itself."""
        with self._lock:
            self._retired = True

    def join(self, seconds: float) -> bool:
        """Wait at most `seconds` for the thread to end; return whether none runs any more."""
        thread = self._thread
        if thread is None:
            return True
        thread.join(seconds)
        return not thread.is_alive()
