"""Owners take turns at the readers."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from qa_service.files.queue import SMALL, FairQueue
from qa_service.model import Owner
from qa_service.running.stop import StopSignal

ANN, BEN, CEE = (Owner("user", name) for name in ("ann", "ben", "cee"))
LARGE = 1 << 20


class Room:
    """A `Room` has a queue, and threads that hold their slot until they are let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._changed = threading.Condition()
        self._ends: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []

    def wait(
        self, queue: FairQueue, owner: Owner, name: str, stop: StopSignal | None = None, size: int = LARGE
    ) -> None:
        """Begin to wait, or to hold a slot where one is free. Returns when the file is in the queue."""
        self._ends[name] = threading.Event()
        registered = Registered()
        thread = threading.Thread(target=self._hold, args=[queue, owner, name, stop or registered, size])
        self._threads.append(thread)
        thread.start()
        assert stop or registered.registered.wait(5)

    def _hold(self, queue: FairQueue, owner: Owner, name: str, stop: StopSignal, size: int) -> None:
        with queue.hold_slot(owner, stop, size) as has_slot:
            with self._changed:
                self.begun.append(name if has_slot else f"{name} stopped")
                self._changed.notify_all()
            if has_slot:
                self._ends[name].wait(5)

    def end(self, name: str) -> None:
        """Let one go, and wait until its thread has gone."""
        self._ends[name].set()
        self._threads[list(self._ends).index(name)].join(5)

    def expect(self, *names: str) -> None:
        """Check that these have begun, in this order."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.begun) >= len(names), 5)
            assert self.begun == list(names)

    def close(self) -> None:
        for end in self._ends.values():
            end.set()
        for thread in self._threads:
            thread.join(5)


class Registered(StopSignal):
    """A `Registered` is a stop that says when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.registered = threading.Event()

    def call_when_set(self, action):
        forget = super().call_when_set(action)
        self.registered.set()
        return forget


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.close()


def test_the_only_file_of_a_second_owner_is_next(room: Room) -> None:
    queue = FairQueue(1)
    for name in ("a1", "a2", "a3", "a4"):
        room.wait(queue, ANN, name)
    room.wait(queue, BEN, "b1")

    room.end("a1")
    room.expect("a1", "b1")
    room.end("b1")
    room.expect("a1", "b1", "a2")


def test_visitors_of_one_network_are_one_owner(room: Room) -> None:
    queue = FairQueue(1)
    for name in ("a1", "a2", "a3"):
        room.wait(queue, Owner("anonymous", "all", address=name, network="2001:db8::/48"), name)
    room.wait(queue, Owner("anonymous", "all", address="192.0.2.1"), "b1")

    room.end("a1")
    room.expect("a1", "b1")


def test_owners_take_turns(room: Room) -> None:
    queue = FairQueue(1)
    for owner, names in ((ANN, "a1 a2 a3"), (BEN, "b1 b2"), (CEE, "c1")):
        for name in names.split():
            room.wait(queue, owner, name)

    for name in ("a1", "b1", "c1", "a2", "b2"):
        room.end(name)

    room.expect("a1", "b1", "c1", "a2", "b2", "a3")


def test_who_holds_fewer_slots_is_next(room: Room) -> None:
    queue = FairQueue(3)
    for owner, name in ((ANN, "a1"), (ANN, "a2"), (BEN, "b1"), (ANN, "a3"), (BEN, "b2")):
        room.wait(queue, owner, name)

    room.end("b1")
    room.expect("a1", "a2", "b1", "b2")


def test_an_owner_with_all_slots_shares_them_as_soon_as_another_waits(room: Room) -> None:
    queue = FairQueue(2)
    for name in ("a1", "a2", "a3", "a4"):
        room.wait(queue, ANN, name)
    for name in ("b1", "b2"):
        room.wait(queue, BEN, name)

    room.end("a1")
    room.expect("a1", "a2", "b1")
    room.end("a2")
    room.expect("a1", "a2", "b1", "a3")
    room.end("b1")
    room.expect("a1", "a2", "b1", "a3", "b2")


def test_one_owner_alone_has_all_slots(room: Room) -> None:
    queue = FairQueue(2)
    for name in ("a1", "a2"):
        room.wait(queue, ANN, name)

    room.expect("a1", "a2")


def test_a_small_file_never_waits_behind_large_ones(room: Room) -> None:
    queue = FairQueue(1)
    for name in ("a1", "a2"):
        room.wait(queue, ANN, name)
    room.wait(queue, ANN, "small", size=SMALL)
    room.expect("a1", "small")
    room.wait(queue, BEN, "b small", size=1)
    room.end("small")
    room.expect("a1", "small", "b small")

    room.wait(queue, CEE, "c1")
    room.end("b small")
    room.end("a1")
    room.expect("a1", "small", "b small", "c1")


def test_small_files_of_one_owner_leave_a_slot_to_the_small_file_of_another(room: Room) -> None:
    """Small files may be as slow as large ones, so that one owner's must not hold all slots."""
    queue = FairQueue(2)
    for name in ("a1", "a2", "a3", "a4", "a5"):
        room.wait(queue, ANN, name, size=SMALL)
    room.wait(queue, BEN, "b1", size=SMALL)
    room.wait(queue, CEE, "c1", size=SMALL)

    room.expect("a1", "a2", "a3", "b1")
    room.end("a3")
    room.expect("a1", "a2", "a3", "b1", "c1")


def test_of_one_owners_files_the_smallest_one_is_next(room: Room) -> None:
    queue = FairQueue(1)
    for name, size in (("a1", 9), ("a2", 5), ("a3", 3), ("a4", 5)):
        room.wait(queue, ANN, name, size=size * LARGE)

    for name in ("a1", "a3", "a2"):
        room.end(name)

    room.expect("a1", "a3", "a2", "a4")


def test_a_file_that_is_stopped_leaves_its_place_to_the_next(room: Room) -> None:
    queue, stop = FairQueue(1), StopSignal()
    room.wait(queue, ANN, "a1")
    room.expect("a1")
    room.wait(queue, BEN, "b1", stop)
    stop.set("cancelled")
    room.expect("a1", "b1 stopped")
    room.wait(queue, CEE, "c1")

    room.end("a1")

    room.expect("a1", "b1 stopped", "c1")


def test_an_error_gives_the_slot_back() -> None:
    queue = FairQueue(1)
    with pytest.raises(KeyError), queue.hold_slot(ANN, StopSignal(), LARGE):
        raise KeyError

    with queue.hold_slot(BEN, StopSignal(), LARGE) as has_slot:
        assert has_slot


def test_nothing_is_kept_of_an_owner_who_has_gone() -> None:
    queue = FairQueue(2)
    with ExitStack() as held:
        for owner in (ANN, BEN):
            held.enter_context(queue.hold_slot(owner, StopSignal(), LARGE))

    assert not [kept for kept in vars(queue).values() if isinstance(kept, dict) and kept]
