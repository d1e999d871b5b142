"""This module is where the command line begins. It hears Ctrl-C before the rest of the package is imported."""

import os
import signal
import sys

from qa_service.exits import INTERRUPTED


def start_command() -> None:
    """Import the command line, and run the command. Until it is imported, Ctrl-C ends the process at once. Python alone
    would show where it was interrupted."""
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_default:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    _open_closed_streams()
    from qa_service.cli import run_command

    if is_default:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run_command()


def _open_closed_streams() -> None:
    """Open those of the three standard streams that are closed, to nowhere. Otherwise the next file or connection would
    get their number, and get what other code writes into the stream."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The system gives the lowest number that is free, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


if __name__ == "__main__":
    start_command()
