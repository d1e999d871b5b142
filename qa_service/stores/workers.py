"""What workers tell each other, in Redis: that they live, what they write, what is to be stopped, who reads."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from redis import Redis

from qa_service.interfaces import Followed, Held, News
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import ALIVE, STOPS, answer_key, session_key, worker_key
from qa_service.stores.logs import pieces_of
from qa_service.turns import Turn

SILENT_MS = 5_000
"""A worker that hasn't been heard of for so long is taken for dead, should nobody on its machine know better."""
READ_MS = 3_000
TAKEN = 64
"""Answers taken over at a time, so that several workers share a dead one's."""
STOPS_KEPT = 1_000
STOPS_SECONDS = 60

_held = msgspec.json.Decoder(Held)
_turn = msgspec.json.Decoder(Turn)


class RedisWorkers:
    """A `WorkerStore`. `seconds` is how long a dead worker's answers wait for another."""

    def __init__(self, client: Redis, guard: StoreGuard, *, waiting: Redis, seconds: int) -> None:
        self._client = client
        self._guard = guard
        self._waiting = waiting
        self._waiting_guard = StoreGuard()
        self._seconds = seconds
        self._heard = {STOPS: "0-0"}
        """The last stop and the last nudge that were heard; those before the first count as new, and harm nobody."""

    def beat(self, worker: str) -> tuple[Sequence[str], bool]:
        keys = (ALIVE, worker_key(worker, "holds"))
        with self._guard:
            missed, dead = self._eval(scripts.BEAT, keys, worker, SILENT_MS, self._seconds)
        return [name.decode() for name in dead], bool(missed)

    def leave(self, worker: str) -> None:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.zadd(ALIVE, {worker: 0})
            pipeline.expire(ALIVE, self._seconds)
            pipeline.execute()

    def holds(self, worker: str) -> Collection[str]:
        with self._guard:
            found: Any = self._client.hkeys(worker_key(worker, "holds"))
        return {answer_id.decode() for answer_id in found}

    def held(self, worker: str, answer_id: str) -> Held | None:
        with self._guard:
            found: Any = self._client.hget(worker_key(worker, "holds"), answer_id)
        return _held.decode(found) if found else None

    def take(self, dead: str, worker: str, *, sure: bool = True) -> Sequence[Held]:
        keys = (ALIVE, worker_key(dead, "holds"), worker_key(worker, "holds"))
        silent = 0 if sure else SILENT_MS
        with self._guard:
            taken = self._eval(scripts.TAKE_OVER, keys, dead, TAKEN, self._seconds, silent)
        return [_held.decode(held) for held in taken]

    def adopt(self, held: Held, worker: str) -> Turn | None:
        keys = [session_key(held.owner, held.session_id, name) for name in ("answers", "running")]
        with self._guard:
            turn = self._eval(scripts.ADOPT, keys, held.answer_id, worker, self._seconds)
        return _turn.decode(turn) if turn else None

    def lost(self, worker: str, held: Sequence[Held]) -> Sequence[bool]:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for each in held:
                pipeline.hget(session_key(each.owner, each.session_id, "running"), each.answer_id)
            return [found not in (None, worker.encode()) for found in pipeline.execute()]

    def drop(self, worker: str, answer_id: str) -> None:
        with self._guard:
            self._client.hdel(worker_key(worker, "holds"), answer_id)

    def stop(self, answer_id: str) -> None:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.xadd(STOPS, {"answer": answer_id}, maxlen=STOPS_KEPT)
            pipeline.expire(STOPS, STOPS_SECONDS)
            pipeline.execute()

    def nudge(self, worker: str) -> None:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.xadd(worker_key(worker, "nudge"), {"now": ""}, maxlen=1, approximate=False)
            pipeline.expire(worker_key(worker, "nudge"), STOPS_SECONDS)
            pipeline.execute()

    def news(self, worker: str, cursors: Mapping[Followed, str], wait: float) -> News:
        logs = {answer_key(each.owner, each.answer_id, "log"): each for each in cursors}
        own = {STOPS: "0-0", worker_key(worker, "nudge"): "0-0"}
        streams: Any = {**own, **self._heard, **{key: cursors[each] for key, each in logs.items()}}
        with self._waiting_guard:
            found: Any = self._waiting.xread(streams, block=max(1, int(wait * 1000)))
        heard = {key.decode(): entries for key, entries in _streams(found)}
        reached = {key: entries[-1][0].decode() for key, entries in heard.items()}
        self._heard |= {key: reached[key] for key in own if key in reached}
        return News(
            [fields[b"answer"].decode() for _, fields in heard.get(STOPS, [])],
            {logs[key].answer_id: pieces_of(entries) for key, entries in heard.items() if key in logs},
            {logs[key].answer_id: reached[key] for key in logs if key in reached},
        )

    def reading(self, followed: Collection[Followed]) -> None:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for each in followed:
                pipeline.set(answer_key(each.owner, each.answer_id, "read"), "", px=READ_MS)
            pipeline.execute()

    def read_elsewhere(self, followed: Sequence[Followed]) -> Sequence[bool]:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for each in followed:
                pipeline.exists(answer_key(each.owner, each.answer_id, "read"))
            return [bool(found) for found in pipeline.execute()]

    def _eval(self, script: str, keys: Sequence[str], *arguments: str | int) -> Any:
        return self._client.eval(script, len(keys), *keys, *arguments)


def _streams(found: Any) -> Sequence[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]:
    """What XREAD gives: pairs, a mapping to lists of lists in the newer protocol, or nothing when time ran out."""
    if isinstance(found, dict):
        return [(key, [entry for batch in batches for entry in batch]) for key, batches in found.items()]
    return list(found or ())
