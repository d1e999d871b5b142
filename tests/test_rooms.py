"""The places that a worker has for requests which take long."""

import pytest

from qa_service.errors import Overloaded, RateLimited
from qa_service.rooms import WorkerRoom


def test_a_place_is_free_again_after_its_block_even_where_the_block_fails() -> None:
    room = WorkerRoom("pages", 4)
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"), room.hold_place("kim"):
            raise ValueError("broken")
    with room.hold_place("kim"):
        pass


def test_a_caller_has_a_quarter_of_the_places_and_another_one_still_gets_in() -> None:
    room = WorkerRoom("pages", 8)
    with room.hold_place("kim"), room.hold_place("kim"):
        with pytest.raises(RateLimited, match="too many pages at once"), room.hold_place("kim"):
            pass
        with room.hold_place("lee"):
            pass


def test_a_full_worker_refuses_everybody() -> None:
    room = WorkerRoom("pages", 4)
    for caller in "abcd":
        room.reserve_place(caller)
    with pytest.raises(Overloaded, match="too many pages at once"):
        room.reserve_place("e")
    room.release_place("a")
    room.reserve_place("e")
