"""The stores that running answers needs."""

from collections.abc import Callable

from msgspec import Struct

from qa_service.interfaces import LogStore, WorkerStore
from qa_service.model import Owner
from qa_service.running.unsaved import UnsavedTurns
from qa_service.turns import Turn


class SharedStores(Struct, frozen=True):
    """The parts of the store through which workers share their answers."""

    unsaved: UnsavedTurns
    logs: LogStore
    workers: WorkerStore
    turn: Callable[[Owner, str], Turn]
    """From an owner and an answer's id to its turn as the store knows it; raises `NotFound`."""
