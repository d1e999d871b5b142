"""This module starts threads where the system may refuse one, and has two kinds of threads."""

import _thread
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from qa_service.errors import Overloaded

Arguments = ParamSpec("Arguments")
T = TypeVar("T")

log = logging.getLogger(__name__)

NO_ROOM_SECONDS = 5
"""After this many seconds a caller may ask a worker again that has no room now."""


def start_thread(thread: threading.Thread) -> None:
    """Start a thread. Raises `Overloaded` where the system has no room for one more."""
    with _room_for_one():
        thread.start()


def submit_task(
    pool: ThreadPoolExecutor, task: Callable[Arguments, T], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Future[T]:
    """Let a pool do a task. Raises `Overloaded` where the system has no room for one more thread."""
    with _room_for_one():
        return pool.submit(task, *args, **kwargs)


@contextmanager
def _room_for_one() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise Overloaded("the system starts no more threads here", retry_after=NO_ROOM_SECONDS) from error


class RestartableThread:
    """A `RestartableThread` is a daemon thread that can be started again when it is gone. A process that was forked has
    none of its parent's threads, and a system that is short of memory may refuse to start one.
    """

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self._name = name
        self._run = run
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._retired = False

    @property
    def is_started(self) -> bool:
        """Tell whether the thread has ever been started."""
        return self._thread is not None

    def ensure_running(self) -> None:
        """Start the thread unless it runs or is retired. Where the system refuses, the caller tries again later."""
        with self._lock:
            if self._retired or (self._thread and self._thread.is_alive()):
                return
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                start_thread(thread)
            except Overloaded as error:
                log.warning("the thread %s could not be started: %s", self._name, error)
            else:
                self._thread = thread

    def retire(self) -> None:
        """Keep the thread from being started again. A thread that runs has to end by itself."""
        with self._lock:
            self._retired = True

    def join(self, seconds: float) -> bool:
        """Wait at most `seconds` for the thread to end, and return whether it runs no longer."""
        thread = self._thread
        if thread is None:
            return True
        thread.join(seconds)
        return not thread.is_alive()


class ParkedThread:
    """A `ParkedThread` has been started and waits for what it is to run. It is started before anything is promised to a
    caller, so that a system without room for another thread refuses the question and leaves nothing behind.

    It isn't a `threading.Thread`, which would take 2 KiB more of the 56 that an idle stream takes under gevent.
    """

    def __init__(self) -> None:
        self._work: Callable[[], None] | None = None
        self._parked = threading.Lock()
        self._parked.acquire()
        with _room_for_one():
            _thread.start_new_thread(self._run, ())

    def run(self, work: Callable[[], None]) -> None:
        """Run `work` in the thread, which then ends. This may be called once at most, and not after `dismiss`."""
        self._work = work
        self._parked.release()

    def dismiss(self) -> None:
        """End the thread without running anything."""
        self._parked.release()

    def _run(self) -> None:
        self._parked.acquire()
        if self._work:
            self._work()
