"""These tests show what is done before the workers are forked."""

import gc
import subprocess
import sys

from qa_service.server.master import freeze_modules


def test_what_was_imported_is_looked_through_no_more() -> None:
    imported: list[object] = []
    imported.append(imported)  # This refers to itself, so only the garbage collector could ever free it.
    freeze_modules()

    assert all(kept is not imported for kept in gc.get_objects())


FORKS = """
import os, signal, sys, time
from qa_service.server.master import hold_signals_in_forks

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
came = []
signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
hold_signals_in_forks()
for _ in range(50):
    child = os.fork()
    if child == 0:
        time.sleep(0.01)
        os._exit(0 if came else 1)
    os.kill(child, signal.SIGTERM)
    if os.waitpid(child, 0)[1]:
        sys.exit("a signal was lost")
"""


def test_a_worker_sees_a_signal_that_comes_before_it_has_run() -> None:
    # On one core the child can't run before its parent has sent the signal, or gives way to it.
    ran = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
