"""A write is carried out, its reply is lost, and the client sends it again: that does no harm, on real servers."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis import Redis

from qa_service.frames import Done, Text
from qa_service.model import Repeat, Rewind
from qa_service.stores.pool import pool_options
from tests.fakes import ANN, turn
from tests.stores.talking import Stores, answered, ask_instead, claim, find, frames, history_texts, stores_of, write

REPEAT = Repeat("d" * 32, "print", 60)


class Losing(redis.UnixDomainSocketConnection):
    """A `Losing` is a connection that breaks when the next reply has come, once it is told to."""

    lose = False
    lost = 0

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        reply = super().read_response(*arguments, **options)
        if Losing.lose:
            Losing.lose = False
            Losing.lost += 1
            self.disconnect()
            raise redis.ConnectionError("the reply was lost")
        return reply


@pytest.fixture
def stores(real: Redis) -> Iterator[Stores]:
    path = real.connection_pool.connection_kwargs["path"]
    options = pool_options(max_connections=5, timeout=5)
    pool = redis.BlockingConnectionPool(connection_class=Losing, path=path, **options)
    Losing.lost = 0
    with Redis(connection_pool=pool) as client:
        client.ping()
        yield stores_of(client)
        assert Losing.lost
    pool.disconnect()


@pytest.fixture
def losing(stores: Stores) -> None:
    claim(stores.sessions, turn("before"))
    Losing.lose = True


@pytest.mark.usefixtures("losing")
def test_a_claim_tells_what_it_replaced(stores: Stores) -> None:
    claimed = claim(stores.sessions, turn("first"), expected=1)
    assert (claimed.moved, claimed.replaced) == (False, ["before"])
    assert [first for first, _ in frames(stores)] == [1]
    assert len(stores.history.load_conversation(ANN, "s", "", 9).turns) == 2


def test_a_claim_removes_what_it_replaces_once_and_names_what_was_running(stores: Stores) -> None:
    claim(stores.sessions, turn("before"))
    claim(stores.sessions, turn("running"), expected=1)
    removal = find(stores, Rewind("running"))
    Losing.lose = True
    assert ask_instead(stores, turn("first"), removal).replaced == ["before", "running"]
    assert [said.answer_id for said in stores.history.load_conversation(ANN, "s", "", 9).turns] == ["first", "before"]
    assert stores.history.load_conversation(ANN, "s", "", 9).topics[0].turns == 2


@pytest.mark.usefixtures("losing")
@pytest.mark.parametrize("closed", [True, False])
def test_an_entry_is_written_once(stores: Stores, closed: bool) -> None:
    assert write(stores, Text("One."), Done("completed"), answer_id="before", closed=closed) == "kept"
    assert [first for first, _ in frames(stores, "before")] == [1, 2]


@pytest.mark.usefixtures("losing")
def test_an_answer_is_saved_once(stores: Stores) -> None:
    assert stores.sessions.save_turn(ANN, answered(turn("before"))) == "saved"
    session = stores.sessions.load_session(ANN, "s")
    assert session
    assert len(session.context) == 1
    assert history_texts(stores.history) == ["Because."]


@pytest.mark.usefixtures("losing")
def test_a_key_is_its_first_holders(stores: Stores) -> None:
    assert stores.repeats.reserve_key(ANN, REPEAT, "first") is None


@pytest.mark.usefixtures("losing")
def test_what_was_taken_over_is_held_though_nobody_was_told(stores: Stores) -> None:
    """Whoever holds what it doesn't write looks at that again."""
    assert stores.workers.take_from_dead("w1", "w2") == []
    assert stores.workers.held_ids("w2") == {"before"}
