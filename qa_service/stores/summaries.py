"""This module keeps summaries of topics in Redis.

A summary stands in the head of its session, in the field `summary:` with the topic's number, so that loading a session
loads it too, and releases that know no summaries pass it over. It goes with the session, and it is removed when one of
the topic's turns is. The call that made it is added to the turn after which it was made, in the same write.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from redis import Redis

from qa_service.frames import Call
from qa_service.interfaces import LongTopic, MadeSummary
from qa_service.model import Exchange, Owner, Summary, Value
from qa_service.stores import topic_scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import quota_key, session_key
from qa_service.stores.quotas import LIVES
from qa_service.stores.records import read_record
from qa_service.turns import Turn


class StoredSummary(Value, frozen=True):
    """A `StoredSummary` is a summary as it is stored."""

    text: str
    through: str
    """This is the id of the last answer that is summed up."""
    v: int = 1


class _Told(Value, frozen=True):
    answer_id: str
    question: str
    text: str


_summary_decoder = msgspec.json.Decoder(StoredSummary)
_told_decoder = msgspec.json.Decoder(_Told)
_turn_decoder = msgspec.json.Decoder(Turn)


def name_summary(topic: int) -> str:
    """Return the field of a session's head that has the summary of this topic."""
    return f"summary:{topic}"


def summary_of(head: Mapping[str, str], topic: int, ids: Sequence[bytes]) -> Summary | None:
    """Read the summary of the topic. `ids` are those of the answers in the context, of which the summary may stand for
    a part."""
    stored = read_record(_summary_decoder, head.get(name_summary(topic), "").encode())
    if stored is None:
        return None
    through = stored.through.encode()
    return Summary(stored.text, ids.index(through) + 1 if through in ids else 0)


class RedisSummaries:
    """`RedisSummaries` is a `SummaryStore`. `seconds` is how long a session is kept."""

    def __init__(self, client: Redis, guard: StoreGuard, *, seconds: int) -> None:
        self._client = client
        self._guard = guard
        self._seconds = seconds

    def load_topic(self, owner: Owner, session_id: str, topic: int) -> LongTopic | None:
        keys, field = self._keys(owner, session_id), name_summary(topic)
        with self._guard:
            reply: Any = self._client.eval(topic_scripts.LOAD_LONG, len(keys), *keys, field)
        current, stored, turns = reply
        if current is None or int(current) != topic:
            return None
        told = [one for turn in turns if (one := read_record(_told_decoder, turn))]
        ids = [one.answer_id.encode() for one in told]
        before = summary_of({field: stored.decode()} if stored else {}, topic, ids)
        return LongTopic(
            tuple(Exchange(one.question, one.text) for one in told),
            tuple(one.answer_id for one in told),
            before,
            stored.decode() if stored else "",
        )

    def keep_summary(self, owner: Owner, session_id: str, made: MadeSummary) -> bool:
        head, _, answers = self._keys(owner, session_id)
        with self._guard:
            stored: Any = self._client.hget(answers, made.answer_id) if made.call else None
            turn = read_record(_turn_decoder, stored)
            charged = msgspec.json.encode(_add_call(turn, made.call)) if turn and made.call else b""
            summary = StoredSummary(made.text, made.covered[-1]) if made.text else None
            done: Any = self._client.eval(
                topic_scripts.SUM_UP,
                3,
                head,
                answers,
                quota_key(owner, "space"),
                name_summary(made.topic),
                msgspec.json.encode(summary) if summary else b"",
                made.before,
                made.answer_id,
                stored if charged else b"",
                charged,
                session_id,
                LIVES * self._seconds,
                *made.covered,
            )
        return bool(done)

    def _keys(self, owner: Owner, session_id: str) -> list[str]:
        return [session_key(owner, session_id, name) for name in ("head", "context", "answers")]


def _add_call(turn: Turn, call: Call) -> Turn:
    """Add a call to a turn's metadata, and its cost to the turn's."""
    metadata = turn.metadata
    if metadata is None:
        return turn
    known = [cost for cost in (metadata.cost, call.cost) if cost is not None]
    cost = round(sum(known), 8) if known else None
    return replace(turn, metadata=replace(metadata, calls=(*metadata.calls, call), cost=cost))
