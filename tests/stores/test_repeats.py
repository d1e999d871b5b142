"""These tests show what `Repeats` promises, over every Redis."""

import threading
from contextlib import suppress

import pytest
from redis import Redis

from qa_service.errors import Busy
from qa_service.frames import Done
from qa_service.interfaces import Reserved
from qa_service.model import Owner, Repeat
from qa_service.stores.keys import repeat_key
from qa_service.stores.repeats import RESERVED_SECONDS
from tests.fakes import ANN, BEN, turn
from tests.stores.talking import ANSWER_SECONDS, Stores, claim, endless, stores_of, write

DAY = Repeat("d" * 32, "print", 86_400)
MEANWHILE = Repeat("e" * 32, "print", 0)
"""This key stands while its question is answered."""


class TestReserving:
    def test_a_free_key_is_taken(self, stores: Stores) -> None:
        assert stores.repeats.reserve_key(ANN, DAY, "first") is None

    def test_the_second_is_told_whose_it_is(self, stores: Stores) -> None:
        stores.repeats.reserve_key(ANN, DAY, "first")
        other = Repeat(DAY.key, "another print", DAY.seconds)
        assert stores.repeats.reserve_key(ANN, other, "second") == Reserved("first", "print")

    def test_the_same_word_twice_is_one(self, stores: Stores) -> None:
        """A command is sent again when its connection breaks."""
        assert [stores.repeats.reserve_key(ANN, DAY, "first") for _ in range(2)] == [None, None]

    def test_each_owner_has_keys_of_their_own(self, stores: Stores) -> None:
        stores.repeats.reserve_key(ANN, DAY, "first")
        assert stores.repeats.reserve_key(BEN, DAY, "second") is None

    def test_a_visitors_stands_at_every_address(self, stores: Stores) -> None:
        home, cafe = (Owner("anonymous", "c" * 32, address=address) for address in ("1" * 32, "2" * 32))
        stores.repeats.reserve_key(home, DAY, "first")
        assert stores.repeats.reserve_key(cafe, DAY, "second") == Reserved("first", "print")

    def test_it_stands_for_as_long_as_an_answer_takes_to_begin(self, stores: Stores) -> None:
        stores.repeats.reserve_key(ANN, DAY, "first")
        assert RESERVED_SECONDS - 5 < stores.client.ttl(repeat_key(ANN, DAY.key)) <= RESERVED_SECONDS

    def test_of_many_at_once_one_takes_it(self, real: Redis) -> None:
        outcomes = _at_once(stores_of(real), DAY)
        (winner,) = [answer_id for answer_id, reserved in outcomes if reserved is None]
        assert {reserved.answer_id for _, reserved in outcomes if reserved} == {winner}


class TestLettingIn:
    def test_the_answer_is_known_to_its_owner_from_then_on(self, stores: Stores) -> None:
        stores.repeats.reserve_key(ANN, DAY, "first")
        assert not stores.repeats.knows_answer(ANN, "first")
        claim(stores.sessions, turn("first"), repeat=DAY)
        assert [stores.repeats.knows_answer(owner, "first") for owner in (ANN, BEN)] == [True, False]

    def test_a_key_is_kept_with_the_claim(self, stores: Stores) -> None:
        stores.repeats.reserve_key(ANN, DAY, "first")
        claim(stores.sessions, turn("first"), repeat=DAY)
        assert stores.client.ttl(repeat_key(ANN, DAY.key)) > 86_000

    @pytest.mark.parametrize("expected", [1, 7])
    def test_a_claim_that_was_refused_leaves_its_key_a_reservation(self, stores: Stores, expected: int) -> None:
        """The session is busy, or in another topic by now. The answer has not begun, and may still do so."""
        claim(stores.sessions, turn("before"))
        stores.repeats.reserve_key(ANN, DAY, "first")
        with suppress(Busy):
            claim(stores.sessions, turn("first"), expected=expected, reject=True, repeat=DAY)
        assert stores.repeats.reserve_key(ANN, DAY, "second") == Reserved("first", "print", begun=False)


class TestReleasing:
    def test_what_was_given_back_is_free(self, stores: Stores) -> None:
        stores.repeats.reserve_key(ANN, DAY, "first")
        stores.repeats.release_key(ANN, DAY, "first")
        assert stores.repeats.reserve_key(ANN, DAY, "second") is None

    def test_only_its_holder_gives_it_back(self, stores: Stores) -> None:
        stores.repeats.reserve_key(ANN, DAY, "first")
        stores.repeats.release_key(ANN, DAY, "second")
        assert stores.repeats.reserve_key(ANN, DAY, "second") == Reserved("first", "print")


class TestClaiming:
    @pytest.mark.parametrize(("repeat", "seconds"), [(DAY, 86_400), (MEANWHILE, ANSWER_SECONDS)])
    def test_from_then_on_it_stands_for_its_time(self, stores: Stores, repeat: Repeat, seconds: int) -> None:
        """Where it has no time of its own, it stands for as long as an answer may be written."""
        stores.repeats.reserve_key(ANN, repeat, "first")
        claim(stores.sessions, turn("first"), repeat=repeat)
        assert seconds - 5 < stores.client.ttl(repeat_key(ANN, repeat.key)) <= seconds
        assert endless(stores.client) == []

    def test_a_claim_that_was_refused_can_be_given_back(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.repeats.reserve_key(ANN, DAY, "second")
        with pytest.raises(Busy):
            claim(stores.sessions, turn("second"), expected=1, reject=True, repeat=DAY)
        stores.repeats.release_key(ANN, DAY, "second")
        assert stores.repeats.reserve_key(ANN, DAY, "third") is None


class TestMeanwhile:
    def test_it_stands_while_the_answer_runs(self, stores: Stores) -> None:
        _begin(stores, MEANWHILE)
        assert stores.repeats.reserve_key(ANN, MEANWHILE, "second") == Reserved("first", "print", begun=True)

    def test_it_stands_before_the_answer_has_begun(self, stores: Stores) -> None:
        stores.repeats.reserve_key(ANN, MEANWHILE, "first")
        assert stores.repeats.reserve_key(ANN, MEANWHILE, "second") == Reserved("first", "print")

    def test_once_the_answer_is_over_the_next_takes_it(self, stores: Stores) -> None:
        _begin(stores, MEANWHILE)
        write(stores, Done("completed"), closed=True)
        assert stores.repeats.reserve_key(ANN, MEANWHILE, "second") is None
        assert stores.repeats.reserve_key(ANN, MEANWHILE, "third") == Reserved("second", "print")
        assert stores.client.ttl(repeat_key(ANN, MEANWHILE.key)) <= RESERVED_SECONDS

    def test_one_that_stands_for_longer_outlives_its_answer(self, stores: Stores) -> None:
        _begin(stores, DAY)
        write(stores, Done("completed"), closed=True)
        assert stores.repeats.reserve_key(ANN, DAY, "second") == Reserved("first", "print", begun=True)

    def test_of_many_at_once_one_takes_it_over_and_the_others_learn_whose_it_is(self, real: Redis) -> None:
        stores = stores_of(real)
        _begin(stores, MEANWHILE)
        write(stores, Done("completed"), closed=True)
        outcomes = _at_once(stores, MEANWHILE)
        (winner,) = [answer_id for answer_id, reserved in outcomes if reserved is None]
        assert {reserved.answer_id for _, reserved in outcomes if reserved} == {winner}


def _begin(stores: Stores, repeat: Repeat) -> None:
    stores.repeats.reserve_key(ANN, repeat, "first")
    claim(stores.sessions, turn("first"), repeat=repeat)


def _at_once(stores: Stores, repeat: Repeat) -> list[tuple[str, Reserved | None]]:
    begin, outcomes = threading.Barrier(10), []

    def reserve(answer_id: str) -> None:
        begin.wait()
        outcomes.append((answer_id, stores.repeats.reserve_key(ANN, repeat, answer_id)))

    threads = [threading.Thread(target=reserve, args=(f"caller-{number}",)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 10
    return outcomes
