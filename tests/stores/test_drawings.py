"""Pictures of answers are kept over every kind of Redis."""

from collections.abc import Callable

import pytest

from qa_service.errors import NotFound
from qa_service.model import Picture, Rewind
from qa_service.stores.keys import owner_key, session_key
from qa_service.stores.space_scripts import TURN_BYTES
from tests.fakes import ANN, BEN, turn
from tests.stores.talking import TURNS, Stores, ask_instead, claim, converse, find

ONE, TWO = Picture("image/png", b"\x89PNG\n\0\xff"), Picture("image/webp", b"RIFF....WEBP")


def keep(stores: Stores, picture: Picture = ONE, index: int = 0, answer_id: str = "first") -> bool:
    return stores.drawings.keep_picture(ANN, "s", answer_id, index, picture)


def space(stores: Stores) -> int:
    return int(stores.client.hget(owner_key(ANN, "space"), "total") or 0)


def kept_bytes(stores: Stores) -> int:
    hashes = [stores.client.hgetall(session_key(ANN, "s", name)) for name in ("answers", "images", "said")]
    turns = stores.client.llen(session_key(ANN, "s", "turns"))
    return sum(len(value) for each in hashes for value in each.values()) + TURN_BYTES * turns


@pytest.fixture(autouse=True)
def asked(stores: Stores) -> None:
    claim(stores.sessions, turn("first"))


def test_what_is_kept_is_loaded_byte_for_byte(stores: Stores) -> None:
    assert keep(stores)
    assert keep(stores, TWO, index=1)
    assert [stores.drawings.load_picture(ANN, "first", index) for index in (0, 1)] == [ONE, TWO]


def test_a_later_one_takes_the_place_of_an_earlier_one(stores: Stores) -> None:
    keep(stores)
    keep(stores, TWO)
    assert stores.drawings.load_picture(ANN, "first", 0) == TWO


@pytest.mark.parametrize(("owner", "answer_id", "index"), [(BEN, "first", 0), (ANN, "second", 0), (ANN, "first", 1)])
def test_what_is_not_there_or_anothers_is_not_found(stores: Stores, owner: object, answer_id: str, index: int) -> None:
    keep(stores)
    with pytest.raises(NotFound):
        stores.drawings.load_picture(owner, answer_id, index)


def test_it_counts_as_its_owners_space_and_once(stores: Stores) -> None:
    before = space(stores)
    keep(stores)
    first = space(stores)
    assert first > before + len(ONE.data)
    keep(stores)
    assert space(stores) == first
    keep(stores, Picture("image/png", ONE.data + b"more"))
    assert space(stores) == first + 4


def test_it_goes_with_its_session_and_frees_the_space(stores: Stores) -> None:
    keep(stores)
    stores.history.delete_session(ANN, "s")
    with pytest.raises(NotFound):
        stores.drawings.load_picture(ANN, "first", 0)
    assert space(stores) == 0
    assert not keep(stores)


def test_it_is_kept_as_long_as_its_session_is_used(stores: Stores) -> None:
    keep(stores)
    (key,) = (key for key in stores.client.keys("*:images"))
    stores.client.expire(key, 30)
    converse(stores, session_id="other")
    assert stores.client.ttl(key) <= 30
    claim(stores.sessions, turn("next"), expected=1)
    assert stores.client.ttl(key) > 30


def delete(stores: Stores) -> None:
    stores.history.delete_turn(ANN, "first")


def replace_all(stores: Stores) -> None:
    ask_instead(stores, turn("next"), find(stores, Rewind(is_first=True)))


def crowd_out(stores: Stores) -> None:
    for number in range(TURNS - 1):
        claim(stores.sessions, turn(f"later-{number}"), expected=1)


@pytest.mark.parametrize("leave", [delete, replace_all, crowd_out])
def test_it_goes_with_its_turn_and_frees_the_space(stores: Stores, leave: Callable[[Stores], None]) -> None:
    claim(stores.sessions, turn("first-2"), expected=1)
    keep(stores)
    keep(stores, TWO, answer_id="first-2")
    leave(stores)
    left = stores.client.hgetall(session_key(ANN, "s", "images"))
    assert set(left) <= {b"first-2:0"}
    assert space(stores) == kept_bytes(stores)
    assert not keep(stores)
