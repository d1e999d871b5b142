"""What answering costs a Redis, in commands of any kind: those that we send and those that our scripts give."""

from redis import Redis

from qa_service.frames import Done, Text
from qa_service.stores.guard import StoreGuard
from qa_service.stores.limiter import RedisLimiter
from tests.fakes import ANN, turn
from tests.stores.talking import Stores, answered, claim, start_of, stores_of, write

ENTRIES = 160
MOST = 215


def test_a_long_answer_takes_few_commands_beside_its_log(real: Redis) -> None:
    """Four hundred deltas, flushed a hundred and sixty times."""
    stores = stores_of(real)
    before = _commands(real)
    _answer(stores)
    assert ENTRIES < _commands(real) - before <= MOST


def _answer(stores: Stores) -> None:
    asked = turn("first")
    RedisLimiter(stores.client, StoreGuard(), questions=30, seconds=60).take_question(ANN)
    stores.sessions.load(ANN, "s")
    claim(stores.sessions, asked)
    write(stores, start_of(asked), Text("word "), Text("word "), first=1)
    number = 4
    for count in range(2, ENTRIES):
        deltas = [Text("word ")] * (2 + count % 2)
        write(stores, *deltas, first=number, count=count)
        number += len(deltas)
    stores.sessions.save(ANN, answered(asked))
    write(stores, Done("completed"), first=number, count=ENTRIES, closed=True)


def _commands(client: Redis) -> int:
    told = client.info("commandstats")
    return sum(command["calls"] for name, command in told.items() if name != "cmdstat_info")
