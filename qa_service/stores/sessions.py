"""Sessions in Redis, as answering needs them: what is asked when, and how often."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from redis import Redis

from qa_service.clock import now
from qa_service.errors import Busy
from qa_service.interfaces import Claim, Claimed, HeldAnswer, Reserved, Saved
from qa_service.model import Exchange, Owner, Repeat, Session, StoredFile, Topic
from qa_service.stores import scripts
from qa_service.stores.breaker import StoreGuard
from qa_service.stores.items import VERSION, encode_items
from qa_service.stores.keys import answer_key, owner_key, repeat_key, session_key, worker_key
from qa_service.stores.records import read_record
from qa_service.turns import Turn

CONTEXT_TURNS = 20
"""Exchanges of a topic that a model may still see; more would not fit most prompts."""

RESERVED_SECONDS = 10
"""How long a key is kept for an answer that hasn't begun yet; its worker may have died."""

exchange = msgspec.json.Decoder(Exchange)
stored_file = msgspec.json.Decoder(StoredFile)


class Kept(Struct, frozen=True):
    """How long and how much is kept; times are seconds."""

    seconds: int
    turns: int
    answer: int
    """The longest that an answer may be written."""
    log: int
    """An answer's log, while it is written."""


class RedisSessions:
    """A `SessionStore`, for one worker."""

    def __init__(self, client: Redis, guard: StoreGuard, kept: Kept, *, worker: str) -> None:
        self._client = client
        self._guard = guard
        self._kept = kept
        self._worker = worker

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
            # Whatever cuts this short, an answer that stands in its session is held by somebody, and found.
            self._begin(pipeline, claim)
            place = len(pipeline)
            pipeline.eval(scripts.CLAIM, len(keys), *keys, *self._claim_arguments(claim))
            if not claim.reject_busy:
                self._list(pipeline, claim)
            outcome: list[bytes] = pipeline.execute()[place]
            if outcome[0] in (b"busy", b"moved"):
                self._withdraw(pipeline, claim)
            else:
                self._settle(pipeline, claim)
            pipeline.execute()
        return _claimed(outcome)

    def _begin(self, pipeline: Any, claim: Claim) -> None:
        """All that stands outside of the session: who holds the answer, where it is found, its log."""
        owner, turn, kept = claim.owner, claim.turn, self._kept
        keys = [answer_key(owner, turn.answer_id, name) for name in ("at", "log")]
        start = encode_items([claim.start])["items"]
        held = HeldAnswer(owner, turn.answer_id, turn.session_id, claim.admission)
        holds = worker_key(self._worker, "holds")
        pipeline.hset(holds, turn.answer_id, msgspec.json.encode(held))
        pipeline.expire(holds, kept.log)
        pipeline.eval(scripts.BEGIN, len(keys), *keys, turn.session_id, 2 * kept.seconds, start, kept.log, VERSION)

    def _settle(self, pipeline: Any, claim: Claim) -> None:
        """What only counts once the answer is let in."""
        if claim.repeat:
            seconds = int(claim.repeat.seconds) or self._kept.answer
            pipeline.expire(repeat_key(claim.owner, claim.repeat.key), seconds)
        if claim.reject_busy:
            self._list(pipeline, claim)

    def _list(self, pipeline: Any, claim: Claim) -> None:
        if claim.owner.kind != "anonymous":  # nothing is listed for them
            pipeline.zadd(owner_key(claim.owner, "sessions"), {claim.turn.session_id: time.time()})
            pipeline.expire(owner_key(claim.owner, "sessions"), self._kept.seconds)

    def _withdraw(self, pipeline: Any, claim: Claim) -> None:
        pipeline.unlink(*(answer_key(claim.owner, claim.turn.answer_id, name) for name in ("at", "log")))
        pipeline.hdel(worker_key(self._worker, "holds"), claim.turn.answer_id)

    def save(self, owner: Owner, turn: Turn) -> Saved:
        keys = _keys(owner, turn.session_id, "head", "answers", "context", "files", "running", "turns")
        with self._guard:
            word, *others = self._client.eval(
                scripts.SAVE,
                len(keys),
                *keys,
                turn.answer_id,
                self._worker,
                msgspec.json.encode(turn),
                turn.topic,
                int(bool(turn.text) and turn.status != "failed"),
                now(),
                self._kept.seconds,
                CONTEXT_TURNS,
                session_key(owner, turn.session_id, "file:"),
                int(time.time()),
            )
        self._keep_found(owner, others)
        saved: Saved = word.decode()
        return saved

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
            self._worker,
            msgspec.json.encode(turn),
            int(claim.reject_busy),
            self._kept.answer,
            self._kept.seconds,
            self._kept.turns,
            *seeds,
        ]


class RedisRepeats:
    """A `Repeats`."""

    def __init__(self, client: Redis, guard: StoreGuard) -> None:
        self._client = client
        self._guard = guard

    def reserve(self, owner: Owner, repeat: Repeat, answer_id: str) -> Reserved | None:
        reserved = self._reserve(owner, repeat, answer_id)
        if reserved and not repeat.seconds and self._is_over(owner, reserved):
            reserved = self._reserve(owner, repeat, answer_id, stale=reserved)
        # The same word sent twice, since its connection broke, is one.
        return reserved if reserved and reserved.answer_id != answer_id else None

    def release(self, owner: Owner, repeat: Repeat, answer_id: str, *, begun: bool = False) -> None:
        with self._guard:
            value = _reservation(Reserved(answer_id, repeat.fingerprint))
            longer = RESERVED_SECONDS if begun else -1
            self._client.eval(scripts.RELEASE, 1, repeat_key(owner, repeat.key), value, longer)

    def _reserve(
        self, owner: Owner, repeat: Repeat, answer_id: str, *, stale: Reserved | None = None
    ) -> Reserved | None:
        value = _reservation(Reserved(answer_id, repeat.fingerprint))
        arguments = (value, RESERVED_SECONDS, _reservation(stale) if stale else "")
        with self._guard:
            found: Any = self._client.eval(scripts.RESERVE, 1, repeat_key(owner, repeat.key), *arguments)
        if not found:
            return None
        answer_id, fingerprint = found[0].decode().split(" ", 1)
        return Reserved(answer_id, fingerprint, begun=found[1] > RESERVED_SECONDS)

    def _is_over(self, owner: Owner, reserved: Reserved) -> bool:
        with self._guard:
            return bool(self._client.hexists(answer_key(owner, reserved.answer_id, "at"), "last"))


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


def _reservation(reserved: Reserved) -> str:
    return f"{reserved.answer_id} {reserved.fingerprint}"


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
        context=tuple(said for turn in turns if (said := read_record(exchange, turn))),
        files=tuple(file for file in files_of(files) if file.topic == topic),
    )


def files_of(stored: Sequence[bytes]) -> list[StoredFile]:
    """Files as a hash gives them, put into the order they came in."""
    files = [file for each in stored if (file := read_record(stored_file, each))]
    return sorted(files, key=lambda file: file.added)


def topics_of(head: Mapping[str, str]) -> tuple[Topic, ...]:
    """The topics that a session's head tells of."""
    return tuple(
        Topic(index, head.get(f"title:{index}", ""), int(head.get(f"turns:{index}", 0)))
        for index in range(1, int(head.get("topic", 0)) + 1)
    )


def _claimed(outcome: Sequence[bytes]) -> Claimed:
    word, *running = (part.decode() for part in outcome)
    if word == "busy":
        raise Busy("the session is answering another question", answer_id=running[0])
    return Claimed(moved=word == "moved", replaced=running)
