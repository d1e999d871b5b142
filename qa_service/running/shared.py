"""Where answers are known to all workers."""

from collections.abc import Callable

from msgspec import Struct

from qa_service.interfaces import LogStore, WorkerStore
from qa_service.model import Owner
from qa_service.running.unsaved import UnsavedTurns
from qa_service.turns import Turn


class SharedStores(Struct, frozen=True):
    """The stores that running answers needs."""

    unsaved: UnsavedTurns
    logs: LogStore
    workers: WorkerStore
    turn: Callable[[Owner, str], Turn]
    """A saved answer, or as it stands; raises `NotFound`."""
