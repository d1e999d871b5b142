"""This module finds in Redis which of a session's last turns a question replaces, and what the session is without them.

Nothing is changed here. The question's claim removes the turns, if the session still has the same ones by then.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from redis import Redis

from qa_service.interfaces import Removal, TopicContext
from qa_service.model import EarlierTopic, Exchange, Owner, Rewind, Session, StoredFile
from qa_service.rewinding import context_of, find_replaced, topic_after, topics_after
from qa_service.stores.guard import StoreGuard
from qa_service.stores.history import turn_decoder
from qa_service.stores.keys import session_key
from qa_service.stores.records import read_record
from qa_service.stores.scripts import LOAD_TURNS
from qa_service.stores.sessions import (
    CONTEXT_TURNS,
    EARLIER_TOPICS,
    SAID_PLACES,
    compose_session,
    decode_pairs,
    group_exchanges,
    remember_turns,
)
from qa_service.stores.summaries import name_summary
from qa_service.turns import Turn, name_file

FILES_OF_QUESTION = 100
"""The files of a replaced question are looked for under this many numbers."""


class RedisRewinds:
    """`RedisRewinds` finds what becomes of sessions in which a question is asked again, or was changed."""

    def __init__(self, client: Redis, guard: StoreGuard) -> None:
        self._client = client
        self._guard = guard

    def find_removal(self, owner: Owner, session_id: str, rewind: Rewind) -> Removal | None:
        """Find which turns are replaced, and which files go with them. Where the question names the first of the turns,
        the files of that one stay. The result is None where no turn is replaced, or there is no such session."""
        names = ("head", "turns", "answers", "files", "said")
        keys = [session_key(owner, session_id, name) for name in names]
        with self._guard:
            reply: Any = self._client.eval(LOAD_TURNS, len(keys), *keys)
        if not reply:
            return None
        head, ids, turns, files, said = reply
        stored = _StoredSession(decode_pairs(head), ids, turns, files, dict(zip(said[::2], said[1::2], strict=True)))
        return _find_removal(stored, session_id, rewind)


class _StoredSession(Struct, frozen=True):
    """A `_StoredSession` is all of a session, as it is stored. `turns` has a record for each of the `ids`."""

    head: Mapping[str, str]
    ids: Sequence[bytes]
    turns: Sequence[bytes | None]
    files: Sequence[bytes]
    said: Mapping[bytes, bytes]


def _find_removal(stored: _StoredSession, session_id: str, rewind: Rewind) -> Removal | None:
    turns = [turn for record in stored.turns if (turn := read_record(turn_decoder, record))]
    begin = find_replaced(turns, rewind)
    kept, removed = turns[:begin], turns[begin:]
    if not removed:
        return None
    session = _session_after(stored, session_id, kept, removed)
    files = _files_of(session.files, removed[rewind.is_exact :])
    return Removal(
        replace(session, files=tuple(file for file in session.files if file not in files)),
        [answer_id.decode() for answer_id in stored.ids],
        kept,
        removed,
        files,
        {turn.topic: TopicContext(_exchanges_of(kept, turn.topic)) for turn in removed},
    )


def _session_after(stored: _StoredSession, session_id: str, kept: Sequence[Turn], removed: Sequence[Turn]) -> Session:
    """Return the session as the claim will leave it without the removed turns, but still with their files."""
    head, topic = _head_after(stored.head, kept, removed), topic_after(kept)
    records = dict(zip(stored.ids, stored.turns, strict=True))
    ids = [turn.answer_id.encode() for turn in context_of(kept, topic, CONTEXT_TURNS)]
    session = compose_session(session_id, head, {one: records.get(one) for one in ids}, stored.files)
    said = _said_after(stored.said, kept, {turn.topic for turn in removed})
    return replace(session, earlier=_earlier_topics(said, session))


def _head_after(head: Mapping[str, str], kept: Sequence[Turn], removed: Sequence[Turn]) -> dict[str, str]:
    """Return the head as `remove_turns` of `claim_scripts` will leave it. That script has the same rule for the store,
    so the two are changed together."""
    lost = Counter(turn.topic for turn in removed)
    after = {**head, "topic": str(topic_after(kept)), "topics": str(topics_after(kept))}
    for topic, turns in lost.items():
        after[f"turns:{topic}"] = str(int(head.get(f"turns:{topic}", turns)) - turns)
        after.pop(name_summary(topic), None)
    return after if kept else {**after, "title:1": "", "turns:1": "0", name_summary(1): ""}


def _said_after(said: Mapping[bytes, bytes], kept: Sequence[Turn], topics: Collection[int]) -> dict[bytes, bytes]:
    """Return what is remembered of all topics. What is remembered of `topics` comes from the turns that are kept."""
    others = {field: exchange for field, exchange in said.items() if int(field.partition(b":")[0]) not in topics}
    return others | remember_turns(kept, topics)


def _earlier_topics(said: Mapping[bytes, bytes], session: Session) -> tuple[EarlierTopic, ...]:
    last = len(session.topics)
    earlier = [index for index in range(max(1, last - EARLIER_TOPICS), last + 1) if index != session.topic]
    fields = [b"%d:%d" % (index, slot) for index in earlier for slot in range(SAID_PLACES)]
    return group_exchanges(fields, [said.get(field) for field in fields])


def _exchanges_of(turns: Sequence[Turn], topic: int) -> tuple[Exchange, ...]:
    seen = context_of(turns, topic, CONTEXT_TURNS)
    return tuple(Exchange(turn.question, turn.text, turn.meaning) for turn in seen)


def _files_of(files: Sequence[StoredFile], turns: Sequence[Turn]) -> list[StoredFile]:
    """Return those of the files that came with the questions of these turns."""
    numbers = range(1, FILES_OF_QUESTION + 1) if files else ()
    theirs = {name_file(turn.answer_id, number) for turn in turns for number in numbers}
    return [file for file in files if file.file_id in theirs]
