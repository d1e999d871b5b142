"""This module loads a session from Redis, claims it for a question, and saves the turn of the answer."""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from redis import Redis

from qa_service.clock import now
from qa_service.errors import NO_ROOM, Busy, OverQuota
from qa_service.interfaces import Claim, Claimed, HeldAnswer, Removal, Saved, TopicContext
from qa_service.model import EarlierTopic, Exchange, Owner, Session, StoredFile, Topic
from qa_service.rewinding import is_seen
from qa_service.single_use import is_single_use
from qa_service.stores import scripts, topic_scripts
from qa_service.stores.claim_scripts import CLAIM
from qa_service.stores.guard import StoreGuard
from qa_service.stores.items import LOG_VERSION, encode_items
from qa_service.stores.keys import answer_key, owner_key, quota_key, repeat_key, session_key, worker_key
from qa_service.stores.quotas import LIVES, share_of
from qa_service.stores.records import read_record
from qa_service.stores.repeats import RESERVED_SECONDS
from qa_service.stores.summaries import name_summary, summary_of
from qa_service.turns import Turn

CONTEXT_TURNS = 20
"""A model sees at most this many exchanges of a topic. More would not fit into most prompts."""

SAID_PLACES = 4
"""The hash `said` has this many places for each topic. The script `SAVE` says which of them an exchange gets."""
WITH_MEANING = 7
"""The first exchange of a context is loaded with its vectors, and so are this many of the latest ones. The drift
detector compares a question with no others."""
EARLIER_TOPICS = 6
"""A question is compared with the latest topics alone: the last one, and this many before it."""
REMEMBERED_QUESTION, REMEMBERED_TEXT = 400, 600
"""This many characters of an exchange are kept for that, from its beginning."""


class SaidExchange(Exchange, frozen=True, omit_defaults=True):
    """A `SaidExchange` is what is kept of an exchange, by which a question that comes back to its topic is
    recognised."""

    created_at: str = ""


exchange_decoder = msgspec.json.Decoder(Exchange)
said_decoder = msgspec.json.Decoder(SaidExchange)
stored_file_decoder = msgspec.json.Decoder(StoredFile)


class Kept(Struct, frozen=True):
    """`Kept` says how long and how much is kept. Times are in seconds."""

    seconds: int
    """A session is kept for this long after its last question."""
    turns: int
    """At most this many turns of a session are kept."""
    answer: int
    """A session can be busy with one answer for this long."""
    log: int
    """An answer's log is kept for this long while the answer is written, and so is a session for a single question."""
    bytes: int
    """A question is refused where this much is kept for its owner. It is the quota that `RedisQuotas` has."""

    def seconds_of(self, session_id: str) -> int:
        """Return for how long this session is kept after its last question."""
        return self.log if is_single_use(session_id) else self.seconds


class RedisSessions:
    """`RedisSessions` is a `SessionStore` for one worker."""

    def __init__(self, client: Redis, guard: StoreGuard, kept: Kept, *, worker: str) -> None:
        self._client = client
        self._guard = guard
        self._kept = kept
        self._worker = worker

    def load_session(self, owner: Owner, session_id: str) -> Session | None:
        with self._guard:
            return self.decode_session(session_id, self.run_load_session(self._client, owner, session_id))

    def run_load_session(self, client: Redis, owner: Owner, session_id: str) -> Any:
        """Run the script, or add it to `client` where that is a pipeline. `decode_session` reads the reply."""
        keys = _keys(owner, session_id, "head", "context", "answers", "files", "said")
        return client.eval(scripts.LOAD, len(keys), *keys, EARLIER_TOPICS, WITH_MEANING)

    def decode_session(self, session_id: str, reply: Any) -> Session | None:
        """Make the session of the script's reply. It is None where this owner has no such session."""
        if not reply:
            return None
        head, ids, turns, files, fields, said = reply
        session = compose_session(session_id, decode_pairs(head), dict(zip(ids, turns, strict=True)), files)
        return replace(session, earlier=group_exchanges(fields, said))

    def load_context(self, owner: Owner, session_id: str, topic: int) -> TopicContext:
        keys = _keys(owner, session_id, "head", "turns", "answers")
        with self._guard:
            reply: Any = self._client.eval(topic_scripts.LOAD_CONTEXT, len(keys), *keys, topic, CONTEXT_TURNS)
        summary, ids, turns = reply
        said = _read_exchanges(dict(zip(ids, turns, strict=True)))
        return TopicContext(tuple(said.values()), summary_of({name_summary(topic): summary.decode()}, topic, [*said]))

    def claim_session(self, claim: Claim) -> Claimed:
        names = ("head", "turns", "answers", "context", "running", "images", "files", "said")
        keys = [*_keys(claim.owner, claim.turn.session_id, *names), quota_key(claim.owner, "space")]
        # Visitors have no list of sessions, and one for a single question stands in none.
        if claim.owner.kind != "anonymous" and not is_single_use(claim.turn.session_id):
            keys.append(owner_key(claim.owner, "sessions"))
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            # The answer is in `holds` of its worker before it is in the session. So wherever this breaks off, no
            # session stays busy with an answer that no worker knows of.
            self._begin_log(pipeline, claim)
            place = len(pipeline)
            pipeline.eval(CLAIM, len(keys), *keys, *self._claim_arguments(claim))
            self._keep_repeat(pipeline, claim)
            outcome: list[Any] = pipeline.execute()[place]
            if outcome[0] in (b"busy", b"full", b"moved"):
                self._take_back_claim(pipeline, claim)
                pipeline.execute()
        return _claimed(outcome)

    def _begin_log(self, pipeline: Any, claim: Claim) -> None:
        """Write what isn't part of the session: the answer in `holds` of this worker, its key `at`, and its log."""
        owner, turn, kept = claim.owner, claim.turn, self._kept
        keys = [answer_key(owner, turn.answer_id, "at"), answer_key(owner, turn.answer_id, "log")]
        keys.append(worker_key(self._worker, "holds"))
        start = encode_items([claim.start])["items"]
        found_for = 2 * kept.seconds_of(turn.session_id)
        held = HeldAnswer(owner, turn.answer_id, turn.session_id, claim.admission)
        arguments = (
            turn.session_id,
            found_for,
            start,
            kept.log,
            LOG_VERSION,
            turn.answer_id,
            msgspec.json.encode(held),
        )
        pipeline.eval(scripts.BEGIN, len(keys), *keys, *arguments)

    def _keep_repeat(self, pipeline: Any, claim: Claim) -> None:
        if claim.repeat:
            seconds = int(claim.repeat.seconds) or self._kept.answer
            pipeline.expire(repeat_key(claim.owner, claim.repeat.key), seconds)

    def _take_back_claim(self, pipeline: Any, claim: Claim) -> None:
        """Remove what `_begin_log` has written, since the answer wasn't let in. First the idempotency key becomes a
        reservation again: with more time it would stand for an answer that has begun, and where that isn't found, a
        repetition would free the key."""
        if claim.repeat:
            pipeline.expire(repeat_key(claim.owner, claim.repeat.key), RESERVED_SECONDS)
        pipeline.unlink(*(answer_key(claim.owner, claim.turn.answer_id, name) for name in ("at", "log")))
        pipeline.hdel(worker_key(self._worker, "holds"), claim.turn.answer_id)

    def save_turn(self, owner: Owner, turn: Turn) -> Saved:
        names = ("head", "answers", "context", "files", "running", "turns", "said")
        keys = [*_keys(owner, turn.session_id, *names), quota_key(owner, "space")]
        with self._guard:
            word, *others = self._client.eval(
                scripts.SAVE,
                len(keys),
                *keys,
                turn.answer_id,
                self._worker,
                msgspec.json.encode(turn),
                turn.topic,
                int(is_seen(turn)),
                now(),
                self._kept.seconds_of(turn.session_id),
                CONTEXT_TURNS,
                session_key(owner, turn.session_id, "file:"),
                int(time.time()),
                msgspec.json.encode(_remember_exchange(turn)),
                turn.session_id,
                LIVES * self._kept.seconds,
            )
        self._renew_pointers(owner, others)
        saved: Saved = word.decode()
        return saved

    def _renew_pointers(self, owner: Owner, answer_ids: Sequence[bytes]) -> None:
        """Let the keys `at`, by which these answers are found, last longer.

        Such a key is kept for twice as long as a session after its last question. The first save that comes a session's
        time after the last renewal renews all of them, so that they last as long as the session.
        """
        if not answer_ids:
            return
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for answer_id in answer_ids:
                pipeline.expire(answer_key(owner, answer_id.decode(), "at"), 2 * self._kept.seconds)
            pipeline.execute()

    def _claim_arguments(self, claim: Claim) -> list[Any]:
        turn = claim.turn
        seeds = [part for seed in claim.seed for part in (seed.answer_id, msgspec.json.encode(seed))]
        removal = _removal_arguments(claim.owner, claim.removal) if claim.removal else []
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
            self._kept.seconds_of(turn.session_id),
            self._kept.turns,
            CONTEXT_TURNS,
            turn.session_id,
            LIVES * self._kept.seconds,
            share_of(claim.owner) * self._kept.bytes,
            time.time(),
            self._kept.seconds,
            *seeds,
            *removal,
        ]


def _removal_arguments(owner: Owner, removal: Removal) -> list[Any]:
    session, removed = removal.session, removal.removed
    turns = [part for turn in removed for part in (turn.answer_id, turn.topic)]
    files = [
        part
        for file in removal.files
        for part in (file.file_id, session_key(owner, session.session_id, f"file:{file.file_id}"), file.size)
    ]
    remembered = remember_turns(removal.kept, {turn.topic for turn in removed})
    said = [part for pair in remembered.items() for part in pair]
    lists = [part for each in (turns, files, said) for part in (len(each), *each)]
    return [" ".join(removal.answer_ids), session.topic, len(session.topics), *lists]


def _keys(owner: Owner, session_id: str, *names: str) -> list[str]:
    return [session_key(owner, session_id, name) for name in names]


def decode_pairs(flat: Sequence[bytes]) -> dict[str, str]:
    """Make a dict of a hash. A script returns it as a flat list, in which each name is followed by its value."""
    texts = [item.decode() for item in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def compose_session(
    session_id: str, head: Mapping[str, str], turns: Mapping[bytes, bytes | None], files: Sequence[bytes]
) -> Session:
    """Make a session of what is stored of it. `turns` is its context by the ids of the answers, oldest first. Earlier
    topics aren't in it."""
    topic, said = int(head["topic"]), _read_exchanges(turns)
    return Session(
        session_id,
        topic,
        topics_of(head),
        context=tuple(said.values()),
        files=tuple(sorted(files_of(files), key=lambda file: file.topic != topic)),
        summary=summary_of(head, topic, [*said]),
    )


def _read_exchanges(turns: Mapping[bytes, bytes | None]) -> dict[bytes, Exchange]:
    return {answer_id: said for answer_id, turn in turns.items() if (said := read_record(exchange_decoder, turn))}


def group_exchanges(fields: Sequence[bytes], said: Sequence[bytes | None]) -> tuple[EarlierTopic, ...]:
    """Group the exchanges of earlier topics. A field is the number of a topic, a colon, and one of its places."""
    topics = dict[int, list[SaidExchange]]()
    for field, stored in zip(fields, said, strict=True):
        if exchange := read_record(said_decoder, stored):
            topics.setdefault(int(field.partition(b":")[0]), []).append(exchange)
    return tuple(
        EarlierTopic(index, tuple(sorted(exchanges, key=attrgetter("created_at"))))
        for index, exchanges in topics.items()
    )


def remember_turns(turns: Sequence[Turn], topics: Collection[int]) -> dict[bytes, bytes]:
    """Return what the hash `said` has of these topics when these turns have been saved, oldest first."""
    asked, said = Counter[int](), dict[bytes, bytes]()
    for turn in turns:
        asked[turn.topic] += 1
        if turn.topic in topics and is_seen(turn):
            place = asked[turn.topic] % (SAID_PLACES - 1) + 1 if asked[turn.topic] > 1 else 0
            said[b"%d:%d" % (turn.topic, place)] = msgspec.json.encode(_remember_exchange(turn))
    return said


def _remember_exchange(turn: Turn) -> SaidExchange:
    question, text = turn.question[:REMEMBERED_QUESTION], turn.text[:REMEMBERED_TEXT]
    return SaidExchange(question, text, turn.meaning, turn.created_at)


def files_of(stored: Sequence[bytes]) -> list[StoredFile]:
    """Decode the files of a session, and sort them by the time when they were added, because a hash keeps no order."""
    files = [file for each in stored if (file := read_record(stored_file_decoder, each))]
    return sorted(files, key=lambda file: file.added)


def topics_of(head: Mapping[str, str]) -> tuple[Topic, ...]:
    """Read the topics of a session from its head. The first topic comes first. Raises `ValueError` where the head names
    no number of topics, or more topics than it can hold."""
    topics = max(int(head.get("topics", 0)), int(head.get("topic", 0)))
    if topics > len(head):  # Each topic has a field of its own.
        raise ValueError("a session's head has more topics than fields")
    return tuple(
        Topic(index, head.get(f"title:{index}", ""), int(head.get(f"turns:{index}", 0)))
        for index in range(1, topics + 1)
    )


def _claimed(outcome: Sequence[Any]) -> Claimed:
    word, *others = outcome
    running = [answer_id.decode() for answer_id in others]
    if word == b"busy":
        raise Busy("the session is answering another question", answer_id=running[0])
    if word == b"full":
        raise OverQuota(NO_ROOM)
    return Claimed(moved=word == b"moved", replaced=running)
