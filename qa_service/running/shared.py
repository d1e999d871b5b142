"""This module names the stores that are needed to run answers."""

from collections.abc import Callable

from msgspec import Struct

from qa_service.interfaces import LogStore, WorkerStore
from qa_service.model import Owner
from qa_service.running.unsaved import UnsavedTurns
from qa_service.turns import Turn


class SharedStores(Struct, frozen=True):
    """A `SharedStores` holds the parts of the store through which workers share their answers."""

    unsaved: UnsavedTurns
    logs: LogStore
    workers: WorkerStore
    turn: Callable[[Owner, str], Turn]
    """This loads the turn of an owner's answer as the store knows it, or raises `NotFound`."""
