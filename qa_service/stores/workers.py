"""Through Redis workers tell each other that they live, what they write and read, and which answers must stop."""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import redis
from msgspec.structs import replace
from redis import Redis

from qa_service.interfaces import FollowedAnswer, HeldAnswer, WorkerNews
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import ALIVE, STOPS, answer_key, session_key, worker_key
from qa_service.stores.logs import log_entries_of
from qa_service.stores.records import UNREADABLE_RECORD, read_record
from qa_service.stores.refusals import is_wrong_kind
from qa_service.turns import Turn

SILENT_MS = 5_000
"""A worker that has been silent for this long is taken for dead. Workers on the same machine find out sooner."""
READ_MS = 3_000
"""An answer counts as read for this long after a worker has said that it reads it."""
TAKEN = 64
"""A worker takes over at most this many answers at a time, so that several workers share those of a dead one."""
STOPS_KEPT = 1_000
STOPS_SECONDS = 60
"""A stop is kept for this long. Every worker that runs hears of it within a second or two."""

_held = msgspec.json.Decoder(HeldAnswer)
_held_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_turn = msgspec.json.Decoder(Turn)


class RedisWorkers:
    """`RedisWorkers` is a `WorkerStore`. The answers of a dead worker are kept for `seconds` until another worker takes
    them. `waiting` is a separate client for the call that waits for news, because that call occupies a connection
    nearly all the time."""

    def __init__(self, client: Redis, guard: StoreGuard, *, waiting: Redis, seconds: int) -> None:
        self._client = client
        self._guard = guard
        self._waiting = waiting
        # The other guard logs the same outage as a warning.
        self._waiting_guard = StoreGuard(level=logging.DEBUG)
        self._seconds = seconds
        self._heard = {STOPS: "0-0"}
        """It maps the key of a stream to the id of the last stop or nudge that was heard. A new worker hears all stops
        that are kept, which does no harm."""

    def announce_life(self, worker: str) -> tuple[Sequence[str], bool]:
        keys = (ALIVE, worker_key(worker, "holds"))
        with self._guard:
            missed, dead = self._eval(scripts.BEAT, keys, worker, SILENT_MS, self._seconds)
        return [name.decode() for name in dead], bool(missed)

    def withdraw_worker(self, worker: str) -> None:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.zadd(ALIVE, {worker: 0})
            pipeline.expire(ALIVE, self._seconds)
            pipeline.execute()

    def held_ids(self, worker: str) -> Collection[str]:
        with self._guard:
            found: Any = self._client.hkeys(worker_key(worker, "holds"))
        return {answer_id.decode() for answer_id in found}

    def read_held(self, worker: str, answer_id: str) -> HeldAnswer | None:
        with self._guard:
            found: Any = self._client.hget(worker_key(worker, "holds"), answer_id)
        return _read_held(found)

    def take_from_dead(self, dead: str, worker: str, *, sure: bool = True) -> Sequence[HeldAnswer]:
        keys = (ALIVE, worker_key(dead, "holds"), worker_key(worker, "holds"))
        silent = 0 if sure else SILENT_MS
        with self._guard:
            left, *taken = self._eval(scripts.TAKE_OVER, keys, dead, TAKEN, self._seconds, silent)
        answers = [held for each in taken if (held := _read_held(each))]
        return answers if left else [replace(held, deaths=held.deaths + 1) for held in answers]

    def keep_held(self, worker: str, held: HeldAnswer) -> None:
        with self._guard:
            self._eval(scripts.HOLD, [worker_key(worker, "holds")], held.answer_id, msgspec.json.encode(held))

    def adopt_answer(self, held: HeldAnswer, worker: str) -> Turn | None:
        keys = [session_key(held.owner, held.session_id, name) for name in ("answers", "running")]
        with self._guard:
            turn = self._eval(scripts.ADOPT, keys, held.answer_id, worker, self._seconds)
        return read_record(_turn, turn)

    def find_lost(self, worker: str, held: Sequence[HeldAnswer]) -> Sequence[bool]:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for each in held:
                pipeline.hget(session_key(each.owner, each.session_id, "running"), each.answer_id)
            # Where something else stands in the place of a session's hash, nobody has taken the answer over.
            found = pipeline.execute(raise_on_error=False)
            return [not is_wrong_kind(each) and each not in (None, worker.encode()) for each in found]

    def drop_held(self, worker: str, answer_id: str) -> None:
        with self._guard:
            self._client.hdel(worker_key(worker, "holds"), answer_id)

    def announce_stop(self, answer_id: str) -> None:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            queue_stop(pipeline, answer_id)
            pipeline.execute()

    def end_wait(self, worker: str) -> None:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.xadd(worker_key(worker, "nudge"), {"now": ""}, maxlen=1, approximate=False)
            pipeline.expire(worker_key(worker, "nudge"), STOPS_SECONDS)
            pipeline.execute()

    def wait_for_news(self, worker: str, cursors: Mapping[FollowedAnswer, str], wait: float) -> WorkerNews:
        logs = {answer_key(each.owner, each.answer_id, "log"): each for each in cursors}
        own = {STOPS: "0-0", worker_key(worker, "nudge"): "0-0"}
        streams: Any = {**own, **self._heard, **{key: cursors[each] for key, each in logs.items()}}
        with self._waiting_guard:
            found = self._read_streams(streams, max(1, int(wait * 1000)))
        heard = {key.decode(): entries for key, entries in _streams(found)}
        reached = {key: entries[-1][0].decode() for key, entries in heard.items()}
        self._heard |= {key: reached[key] for key in own if key in reached}
        return WorkerNews(
            [fields[b"answer"].decode() for _, fields in heard.get(STOPS, []) if b"answer" in fields],
            {logs[key].answer_id: log_entries_of(entries) for key, entries in heard.items() if key in logs},
            {logs[key].answer_id: reached[key] for key in logs if key in reached},
        )

    def _read_streams(self, streams: Any, milliseconds: int) -> Any:
        """Wait for entries of these streams. The store refuses to read any of them where one key holds something else,
        so such a key is left out: it would silence what all other answers say."""
        try:
            return self._waiting.xread(streams, block=milliseconds)
        except redis.ResponseError:
            with self._waiting.pipeline(transaction=False) as pipeline:
                for key, cursor in streams.items():
                    pipeline.xread({key: cursor}, count=1)
                tried = zip(streams.items(), pipeline.execute(raise_on_error=False), strict=True)
            readable = {key: cursor for (key, cursor), reply in tried if not is_wrong_kind(reply)}
            if len(readable) == len(streams):
                raise
            return self._waiting.xread(readable, block=milliseconds)

    def announce_reading(self, followed: Collection[FollowedAnswer]) -> None:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for each in followed:
                pipeline.set(answer_key(each.owner, each.answer_id, "read"), "", px=READ_MS)
            pipeline.execute()

    def find_read_elsewhere(self, followed: Sequence[FollowedAnswer]) -> Sequence[bool]:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for each in followed:
                pipeline.exists(answer_key(each.owner, each.answer_id, "read"))
            return [bool(found) for found in pipeline.execute()]

    def _eval(self, script: str, keys: Sequence[str], *arguments: str | int | bytes) -> Any:
        return self._client.eval(script, len(keys), *keys, *arguments)


def queue_stop(pipeline: Any, answer_id: str | bytes) -> None:
    """Add to the pipeline that all workers are told to stop an answer."""
    pipeline.xadd(STOPS, {"answer": answer_id}, maxlen=STOPS_KEPT)
    pipeline.expire(STOPS, STOPS_SECONDS)


def _read_held(stored: bytes | None) -> HeldAnswer | None:
    """Read an entry of `holds`. Where a later release has stored an admission that this one can't read, the admission
    is left out. The answer can then be ended, but not begun again."""
    try:
        return _held.decode(stored) if stored else None
    except UNREADABLE_RECORD:
        fields = read_record(_held_fields, stored) or {}
        known = {name: value for name, value in fields.items() if name != "admission"}
        return read_record(_held, msgspec.json.encode(known))


def _streams(found: Any) -> Sequence[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]:
    """Make pairs of a stream's key and its entries from the reply of XREAD. In the newer protocol the reply maps a key
    to lists of entries. It is None when the time ran out."""
    if isinstance(found, dict):
        return [(key, [entry for batch in batches for entry in batch]) for key, batches in found.items()]
    return list(found or ())
