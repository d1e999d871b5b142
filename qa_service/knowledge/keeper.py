"""This module keeps an indexer running on this machine while there is work for one.

The indexer is a process with a low priority, so that it takes no time from the streams of the workers. It ends when
nothing waits any more, and when the worker that started it ends. Each worker looks now and then whether there is work
and no indexer; a lock on a file of the data folder decides which worker's indexer works.

An indexer frees the lock and then looks for work once more before it ends. So a document that comes at that moment is
seen by the indexer, or its worker finds the lock free.
"""

import fcntl
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import IO, cast

from qa_service.errors import QAError
from qa_service.threads import RestartableThread

_PERIOD_SECONDS = 5.0
END_SECONDS = 10.0
_NICENESS = 19
# The process lowers its priority before it imports anything.
_PROGRAM = f"import os; os.nice({_NICENESS}); from qa_service.knowledge_base import run_indexing; run_indexing()"

log = logging.getLogger(__name__)


class IndexerKeeper:
    """An `IndexerKeeper` starts indexers. `has_work` tells whether there is something to index, and `describe_work`
    returns what the indexer is told through its standard input."""

    def __init__(
        self,
        data: Path,
        has_work: Callable[[], bool],
        describe_work: Callable[[], bytes],
        *,
        period: float = _PERIOD_SECONDS,
    ) -> None:
        self._data = data
        self._has_work = has_work
        self._describe_work = describe_work
        self._period = period
        self._woken = threading.Event()
        self._closed = False
        self._process: Popen[bytes] | None = None
        self._thread = RestartableThread("qa-indexing", self._run)

    def ensure_running(self) -> None:
        """Start the thread that looks for work, unless it runs."""
        self._thread.ensure_running()

    def wake(self) -> None:
        """Look for work now, because there is some."""
        self._thread.ensure_running()
        self._woken.set()

    def stop_indexing(self) -> None:
        """Start no more indexers, and end the one of this worker. What it was doing waits for another one."""
        self._closed = True
        self._thread.retire()
        self._woken.set()
        self._thread.join(END_SECONDS)
        self._end_process()

    def _run(self) -> None:
        while not self._closed:
            try:
                if not self._is_indexing() and self._has_work() and is_lock_free(self._data):
                    self._start()
            except (QAError, OSError) as error:
                log.warning("no indexer could be started: %s", error)
            self._woken.wait(self._period)
            self._woken.clear()

    def _is_indexing(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _end_process(self) -> None:
        if self._process and self._process.stdin:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()

    def _start(self) -> None:
        self._end_process()
        self._process = Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=PIPE,
            stdout=DEVNULL,
            # It gets no keys and no settings but those that it is told.
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"},
            process_group=0,
        )
        # `Popen` declares it as optional, but with PIPE it is there. It stays open, so that the indexer sees this
        # worker's end.
        told = cast("IO[bytes]", self._process.stdin)
        told.write(self._describe_work() + b"\n")
        told.flush()


def lock_indexing(data: Path) -> IO[bytes] | None:
    """Return a file that holds the lock of this machine's indexer until it is closed, or None where another process
    holds it."""
    file = (data / "indexing").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def is_lock_free(data: Path) -> bool:
    """Tell whether no indexer works on this machine."""
    file = lock_indexing(data)
    if file:
        file.close()
    return file is not None
