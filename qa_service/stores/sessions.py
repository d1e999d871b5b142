"""Sessions in Redis, as answering needs them, and what workers tell each other of running answers."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from redis import Redis

from qa_service.clock import now
from qa_service.errors import Busy
from qa_service.interfaces import Claim, Claimed
from qa_service.model import Exchange, Owner, Session, StoredFile, Topic, Turn
from qa_service.stores import scripts
from qa_service.stores.breaker import StoreGuard
from qa_service.stores.keys import MARK_MS, answer_key, owner_key, session_key, stops_key

CONTEXT_TURNS = 20
"""Exchanges of a topic that a model may still see; more would not fit most prompts."""

exchange = msgspec.json.Decoder(Exchange)
stored_file = msgspec.json.Decoder(StoredFile)


class Kept(Struct, frozen=True):
    """How long and how much of a session is kept."""

    seconds: int
    turns: int


class RedisSessions:
    """A `SessionStore`."""

    def __init__(self, client: Redis, guard: StoreGuard, kept: Kept) -> None:
        self._client = client
        self._guard = guard
        self._kept = kept

    def load(self, owner: Owner, session_id: str) -> Session | None:
        keys = _keys(owner, session_id, "head", "context", "answers", "files")
        with self._guard:
            found: Any = self._client.eval(scripts.LOAD, len(keys), *keys)
        if not found:
            return None
        head, turns, files = found
        return _session(session_id, pairs(head), turns, files)

    def claim(self, claim: Claim) -> Claimed:
        turn = claim.turn
        keys = _keys(claim.owner, turn.session_id, "head", "turns", "answers", "context", "running")
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.set(answer_key(claim.owner, turn.answer_id, "at"), turn.session_id, ex=2 * self._kept.seconds)
            pipeline.eval(scripts.CLAIM, len(keys), *keys, *self._claim_arguments(claim))
            pipeline.set(answer_key(claim.owner, turn.answer_id, "live"), msgspec.json.encode(turn), px=MARK_MS)
            if claim.owner.kind != "anonymous":  # nothing is listed for them
                pipeline.zremrangebyscore(owner_key(claim.owner, "sessions"), "-inf", time.time() - self._kept.seconds)
                pipeline.zadd(owner_key(claim.owner, "sessions"), {turn.session_id: time.time()})
                pipeline.expire(owner_key(claim.owner, "sessions"), self._kept.seconds)
            outcome: list[bytes] = pipeline.execute()[1]
            if outcome[0] in (b"busy", b"moved"):
                pipeline.unlink(*(answer_key(claim.owner, turn.answer_id, name) for name in ("at", "live")))
                pipeline.execute()
        return _claimed(outcome)

    def save(self, owner: Owner, turn: Turn) -> bool:
        keys = _keys(owner, turn.session_id, "head", "answers", "context", "files", "running", "turns")
        with self._guard:
            turns: Any = self._client.eval(
                scripts.SAVE,
                len(keys),
                *keys,
                turn.answer_id,
                turn.worker,
                msgspec.json.encode(turn),
                turn.topic,
                int(bool(turn.text) and turn.status != "failed"),
                now(),
                self._kept.seconds,
                CONTEXT_TURNS,
                session_key(owner, turn.session_id, "file:"),
                int(time.time()),
            )
        self._keep_found(owner, turns or ())
        return turns is not None

    def _keep_found(self, owner: Owner, answer_ids: Sequence[bytes]) -> None:
        """An answer is found by its id as long as its session lives: its pointer lives twice as long as a session
        that rests, and is renewed as often as one such time has passed."""
        if not answer_ids:
            return
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for answer_id in answer_ids:
                pipeline.expire(answer_key(owner, answer_id.decode(), "at"), 2 * self._kept.seconds)
            pipeline.execute()

    def _claim_arguments(self, claim: Claim) -> list[Any]:
        turn = claim.turn
        seeds = [part for seed in claim.seed for part in (seed.answer_id, msgspec.json.encode(seed))]
        return [
            claim.expected_topic,
            turn.topic,
            claim.topic_title,
            claim.title,
            turn.created_at,
            turn.answer_id,
            turn.worker,
            msgspec.json.encode(turn),
            int(claim.reject_busy),
            MARK_MS,
            self._kept.seconds,
            self._kept.turns,
            *seeds,
        ]


class RedisRunning:
    """A `RunningStore`."""

    def __init__(self, client: Redis, guard: StoreGuard, *, waiting: Redis) -> None:
        self._client = client
        self._guard = guard
        self._waiting = waiting
        self._waiting_guard = StoreGuard()

    def renew(self, owner: Owner, turn: Turn) -> None:
        keys, written = _keys(owner, turn.session_id, "running", "answers"), msgspec.json.encode(turn)
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.eval(scripts.RENEW, len(keys), *keys, turn.answer_id, turn.worker, written, MARK_MS)
            pipeline.set(answer_key(owner, turn.answer_id, "live"), written, px=MARK_MS)
            pipeline.execute()

    def stop(self, answer_id: str, worker: str) -> None:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.rpush(stops_key(worker), answer_id)
            pipeline.pexpire(stops_key(worker), MARK_MS)
            pipeline.execute()

    def stopped(self, worker: str, wait: float) -> Sequence[str]:
        with self._waiting_guard:
            first: Any = self._waiting.blpop([stops_key(worker)], timeout=wait)
        return [first[1].decode()] if first else []


class RedisLimiter:
    """A `Limiter` that lets a burst through and then one question an interval, over all workers."""

    def __init__(self, client: Redis, guard: StoreGuard, *, questions: int, seconds: float) -> None:
        self._client = client
        self._guard = guard
        self._burst = questions
        self._interval = seconds / questions

    def take(self, owner: Owner) -> float:
        times = (time.time() * 1000, self._interval * 1000, self._burst)
        with self._guard:
            wait: Any = self._client.eval(scripts.TAKE, 1, owner_key(owner, "rate"), *times)
        return float(wait) / 1000


def _keys(owner: Owner, session_id: str, *names: str) -> list[str]:
    return [session_key(owner, session_id, name) for name in names]


def pairs(flat: Sequence[bytes]) -> dict[str, str]:
    """A hash as a script returns it."""
    texts = [item.decode() for item in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _session(
    session_id: str, head: Mapping[str, str], turns: Sequence[bytes | None], files: Sequence[bytes]
) -> Session:
    topic = int(head["topic"])
    return Session(
        session_id,
        topic,
        topics_of(head),
        context=tuple(exchange.decode(turn) for turn in turns if turn),
        files=tuple(file for file in files_of(files) if file.topic == topic),
    )


def files_of(stored: Sequence[bytes]) -> list[StoredFile]:
    """Files as a hash gives them, put into the order they came in."""
    return sorted(map(stored_file.decode, stored), key=lambda file: file.added)


def topics_of(head: Mapping[str, str]) -> tuple[Topic, ...]:
    """The topics that a session's head tells of."""
    return tuple(
        Topic(index, head.get(f"title:{index}", ""), int(head.get(f"turns:{index}", 0)))
        for index in range(1, int(head.get("topic", 0)) + 1)
    )


def _claimed(outcome: Sequence[bytes]) -> Claimed:
    word, *rest = (part.decode() for part in outcome if part is not None)
    answer_id, _, worker = (rest[0] if rest else "").partition(" ")
    if word == "busy":
        raise Busy("the session is answering another question", answer_id=answer_id)
    return Claimed(created=word == "created", moved=word == "moved", replaced=answer_id, replaced_worker=worker)
