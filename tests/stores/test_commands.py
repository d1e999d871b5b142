"""These tests show what answering costs a Redis, in commands of any kind: those that we send and those that our scripts
give."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis import Redis

from qa_service.frames import Done, Text
from qa_service.model import Repeat
from qa_service.stores.pool import StorePool, pool_options
from tests.fakes import ANN, turn
from tests.stores.talking import Stores, answered, claim, start_of, stores_of, write

ENTRIES = 160
MOST = 230


def test_a_long_answer_takes_few_commands_beside_its_log(real: Redis) -> None:
    """The answer has four hundred deltas, and is flushed a hundred and sixty times."""
    stores = stores_of(real)
    before = _commands(real)
    _answer(stores)
    assert ENTRIES < _commands(real) - before <= MOST


def _answer(stores: Stores) -> None:
    asked = turn("first")
    stores.arrivals.receive_question(ANN, "s")
    claim(stores.sessions, asked)
    write(stores, start_of(asked), Text("word "), Text("word "), first=1)
    number = 4
    for count in range(2, ENTRIES):
        deltas = [Text("word ")] * (2 + count % 2)
        write(stores, *deltas, first=number, count=count)
        number += len(deltas)
    stores.sessions.save_turn(ANN, answered(asked))
    write(stores, Done("completed"), first=number, count=ENTRIES, closed=True)


def _commands(client: Redis) -> int:
    told = client.info("commandstats")
    return sum(command["calls"] for name, command in told.items() if name != "cmdstat_info")


class Counting(redis.UnixDomainSocketConnection):
    """A `Counting` is a connection that counts how often something is sent, however much it is."""

    sent = 0

    def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        Counting.sent += 1
        super().send_packed_command(*arguments, **options)


@pytest.fixture
def counted(real: Redis) -> Iterator[Stores]:
    path = real.connection_pool.connection_kwargs["path"]
    pool = StorePool(connection_class=Counting, path=path, **pool_options(max_connections=1, timeout=5))
    with Redis.from_pool(pool) as client:
        client.ping()
        yield stores_of(client)


@pytest.mark.parametrize("reject", [False, True])
@pytest.mark.parametrize(("repeat", "trips"), [(None, 2), (Repeat("d" * 32, "print", 60), 3)])
def test_a_question_takes_two_trips_and_a_third_where_it_can_be_repeated(
    counted: Stores, repeat: Repeat | None, trips: int, reject: bool
) -> None:
    """One trip is for the rate limit and the session, and one claims the session. Before them, one takes the key."""
    before = Counting.sent
    if repeat:
        counted.repeats.reserve_key(ANN, repeat, "first")
    counted.arrivals.receive_question(ANN, "s")
    claim(counted.sessions, turn("first"), repeat=repeat, reject=reject)
    assert Counting.sent - before == trips
