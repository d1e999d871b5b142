"""This module connects a worker with all the stores in Redis. Only here and in `stores` it is known that they are
there."""

import secrets
from collections.abc import Callable
from functools import partial

import redis
from msgspec import Struct

from qa_service.interfaces import Meter
from qa_service.running.settings import Pace
from qa_service.running.shared import SharedStores
from qa_service.running.unsaved import UnsavedTurns
from qa_service.settings import Settings
from qa_service.stores.arrivals import RedisArrivals
from qa_service.stores.drawings import RedisDrawings
from qa_service.stores.drawn_lines import RedisDrawnLines
from qa_service.stores.embedded import embedded_pool
from qa_service.stores.feedback import RedisFeedback
from qa_service.stores.guard import StoreGuard
from qa_service.stores.history import RedisHistory
from qa_service.stores.limiter import RedisLimiter
from qa_service.stores.logs import LogTimes, RedisLogs
from qa_service.stores.passages import RedisFiles
from qa_service.stores.quotas import Quota, RedisQuotas
from qa_service.stores.readiness import check_store
from qa_service.stores.redis_url import redis_pool
from qa_service.stores.repeats import RedisRepeats
from qa_service.stores.rewinds import RedisRewinds
from qa_service.stores.sessions import Kept, RedisSessions
from qa_service.stores.summaries import RedisSummaries
from qa_service.stores.workers import RedisWorkers

STORE_SECONDS = 0.7
"""A store elsewhere may take this many seconds for one reply."""
PRIVATE_STORE_SECONDS = 5.0
"""The private store may take this many seconds for one reply. No reply of it is lost on a network, but it can't reply
while a busy disk keeps it from writing, which takes seconds on people's own machines."""
STORE_CONNECTIONS = 100
SEARCHES = 10
"""For each question that an owner may ask, they may also search the knowledge base this many times without a
question."""
_OUTAGE_SECONDS = 600
"""The store may be away for this many seconds at an answer's end, and the answer's writer may still save it then."""


class Storeroom(Struct, frozen=True):
    """A `Storeroom` holds the stores as one worker speaks to them."""

    worker: str
    """The other workers know this one by this name."""
    sessions: RedisSessions
    files: RedisFiles
    drawings: RedisDrawings
    drawn_lines: RedisDrawnLines
    quotas: RedisQuotas
    history: RedisHistory
    feedback: RedisFeedback
    rewinds: RedisRewinds
    repeats: RedisRepeats
    limiter: RedisLimiter
    search_limiter: RedisLimiter
    arrivals: RedisArrivals
    summaries: RedisSummaries
    shared: SharedStores
    check: Callable[[], None]
    """This raises `StoreUnavailable`, which says why, where the store doesn't answer or lacks something."""


def open_storeroom(settings: Settings, meter: Meter) -> Storeroom:
    """Make all stores for one worker. Without `REDIS_URL`, the private store is running when this returns."""
    client, guard, worker = _client(settings), StoreGuard(meter=meter), secrets.token_hex(8)
    times = LogTimes(int(max(settings.log_ttl, settings.answer_seconds)), int(settings.log_done_ttl))
    longest = int(settings.answer_seconds) + _OUTAGE_SECONDS
    kept = Kept(
        int(settings.session_ttl), settings.session_turns, answer=longest, log=times.open, bytes=settings.owner_bytes
    )
    sessions = RedisSessions(client, guard, kept, worker=worker)
    logs = RedisLogs(client, guard, times, worker=worker)
    history = RedisHistory(client, guard, logs)
    # The client that waits for messages of other workers has connections of its own, so that it takes none from
    # questions, and a longer time-out, so that a wait isn't taken for a failure.
    waiting = _client(settings, connections=2, more_seconds=Pace().news)
    workers = RedisWorkers(client, guard, waiting=waiting, seconds=times.open)
    questions, seconds = settings.rate
    limiter = RedisLimiter(client, guard, questions=questions, seconds=seconds)
    quotas = RedisQuotas(client, guard, Quota(settings.session_files, settings.owner_bytes, settings.read_seconds))
    return Storeroom(
        worker,
        sessions,
        RedisFiles(client, guard, seconds=kept.seconds, single=kept.log),
        RedisDrawings(client, guard, seconds=kept.seconds, single=kept.log),
        RedisDrawnLines(client, guard),
        quotas,
        history,
        RedisFeedback(client, guard, seconds=kept.seconds),
        RedisRewinds(client, guard),
        RedisRepeats(client, guard),
        limiter,
        RedisLimiter(client, guard, questions=SEARCHES * questions, seconds=seconds, name="searches"),
        RedisArrivals(client, guard, limiter, sessions, quotas),
        RedisSummaries(client, guard, seconds=kept.seconds),
        SharedStores(UnsavedTurns(sessions, partial(workers.drop_held, worker)), logs, workers, history.load_turn),
        partial(check_store, client, guard),
    )


def try_store(settings: Settings) -> None:
    """Raise `StoreUnavailable`, which says why, where the store of these settings can't be used."""
    with _client(settings, connections=1) as client:
        check_store(client, StoreGuard())


def _client(settings: Settings, *, connections: int = STORE_CONNECTIONS, more_seconds: float = 0) -> redis.Redis:
    if settings.redis_url:
        connect, seconds = partial(redis_pool, settings.redis_url), STORE_SECONDS
    else:
        connect = partial(embedded_pool, settings.data, memory=settings.store_memory)
        seconds = PRIVATE_STORE_SECONDS
    return redis.Redis(connection_pool=connect(max_connections=connections, timeout=seconds + more_seconds))
