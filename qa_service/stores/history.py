"""What was asked and answered, in Redis, as its owner reads and changes it.

An unknown id and the id of another owner raise the same `NotFound`.
"""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
import redis
from msgspec.structs import replace
from redis import Redis

from qa_service.clock import now
from qa_service.errors import Interrupted, NotFound
from qa_service.interfaces import LogStore
from qa_service.language.phrases import build_failure
from qa_service.model import Owner, Page, StoredFile
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import STOPS, answer_key, owner_key, session_key
from qa_service.stores.logs import frames_of
from qa_service.stores.passages import passage_decoder
from qa_service.stores.quotas import queue_space_freed
from qa_service.stores.records import read_record
from qa_service.stores.sessions import files_of, stored_file_decoder, topics_of
from qa_service.stores.workers import STOPS_KEPT, STOPS_SECONDS
from qa_service.turns import SessionEntry, SessionList, SessionPage, Turn, turn_from_frames

log = logging.getLogger(__name__)

turn_decoder = msgspec.json.Decoder(Turn)

DELETED_SECONDS = 60
"""How long a deletion can be repeated; until then it tells again what ran in the session."""


class RedisHistory:
    """What was asked and answered, and the files of it, as their owner reads and changes them. Every method raises
    `NotFound` for an unknown id as for another owner's."""

    def __init__(self, client: Redis, guard: StoreGuard, logs: LogStore) -> None:
        self._client = client
        self._guard = guard
        self._logs = logs

    def load_turn(self, owner: Owner, answer_id: str) -> Turn:
        """Load one answer, whatever its status is. An answer whose worker died is `failed` with `interrupted`."""
        session_id = self._load_field(answer_key(owner, answer_id, "at"), "session")
        stored = self._load_field(session_key(owner, (session_id or b"").decode(), "answers"), answer_id)
        turn = read_record(turn_decoder, stored)
        if turn is None:
            raise NotFound("no such answer")
        return self._complete_turn(owner, turn)

    def list_sessions(self, owner: Owner, cursor: str, limit: int) -> SessionList:
        """List the owner's sessions, the newest first. `cursor` is the `next` of the page before, or empty."""
        key = owner_key(owner, "sessions")
        newest = f"({cursor}" if cursor else "+inf"
        with self._guard:
            found: Any = self._client.zrevrangebyscore(key, newest, "-inf", start=0, num=limit, withscores=True)
        ids = [member.decode(errors="replace") for member, _ in found]
        heads = self._load_heads(owner, ids)
        items = tuple(entry for i, head in zip(ids, heads, strict=True) if head and (entry := _read_entry(i, head)))
        self._unlist_sessions(key, [i for i, head in zip(ids, heads, strict=True) if head == {}])
        return SessionList(items, repr(found[-1][1]) if len(found) == limit else None)

    def load_conversation(self, owner: Owner, session_id: str, cursor: str, limit: int) -> SessionPage:
        """Load one session with a page of its turns, the newest first. `cursor` is the `next` of the page before, or
        empty."""
        head = self._load_head(owner, session_id)
        with self._guard:
            found: Any = self._client.lrange(session_key(owner, session_id, "turns"), 0, -1)
        ids = [answer_id.decode() for answer_id in reversed(found)]
        first = ids.index(cursor) + 1 if cursor in ids else 0
        page = ids[first : first + limit]
        more = first + limit < len(ids)
        entry = _entry(session_id, head)
        return SessionPage(
            session_id,
            entry.title,
            entry.created_at,
            entry.updated_at,
            topics=topics_of(head),
            turns=self._load_turns(owner, session_id, page),
            files=self.list_files(owner, session_id),
            next=page[-1] if more else None,
        )

    def rename_session(self, owner: Owner, session_id: str, title: str) -> SessionEntry:
        """Give a conversation another title."""
        with self._guard:
            key = session_key(owner, session_id, "head")
            renamed: Any = self._client.eval(scripts.RENAME, 1, key, title, now())
        if not renamed:
            raise NotFound("no such session")
        return _entry(session_id, self._load_head(owner, session_id))

    def begin_topic(self, owner: Owner, session_id: str) -> SessionEntry:
        """Let the next question of a conversation begin a topic of its own."""
        keys = [session_key(owner, session_id, name) for name in ("head", "context")]
        with self._guard:
            topic: Any = self._client.eval(scripts.NEW_TOPIC, 2, *keys, now())
        if not topic:
            raise NotFound("no such session")
        return _entry(session_id, self._load_head(owner, session_id))

    def delete_session(self, owner: Owner, session_id: str) -> Sequence[str]:
        """Forget a conversation with its answers and files, at once. Returns the answers that were running in it, which
        have been told to stop.

        After a `StoreUnavailable` nobody knows whether it was deleted. For a minute, deleting it again is the same
        deletion and tells the same answers. Raises `NotFound`.
        """
        running, others = self._remove_session(owner, session_id)
        keys = [answer_key(owner, answer_id, "at") for answer_id in {*running, *others}]
        # Those who read a running answer still get its end from its log, which then expires.
        keys += [answer_key(owner, answer_id, "log") for answer_id in others if answer_id not in running]
        if not running:  # otherwise a repeated deletion must be able to tell those answers again
            keys.append(session_key(owner, session_id, "deleted"))
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.zrem(owner_key(owner, "sessions"), session_id)
            queue_space_freed(pipeline, owner, session_id)
            for key in keys:
                pipeline.unlink(key)
            pipeline.execute()
        return running

    def _remove_session(self, owner: Owner, session_id: str) -> tuple[list[str], list[str]]:
        """Take the session away in one piece. Returns the answers that ran in it, and all others.

        Every worker is told to stop what runs before the session goes, in the same trip. So where the store goes away
        in between, nothing that was deleted runs on; the worst is an answer that was stopped in a session that is
        still there.
        """
        names = ("head", "running", "turns", "files", "answers", "context", "deleted")
        keys = [session_key(owner, session_id, name) for name in names]
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for answer_id in self._client.hkeys(keys[1]):
                pipeline.xadd(STOPS, {"answer": answer_id}, maxlen=STOPS_KEPT)
                pipeline.expire(STOPS, STOPS_SECONDS)
            prefix = session_key(owner, session_id, "file:")
            pipeline.eval(scripts.DELETE_SESSION, len(keys), *keys, DELETED_SECONDS, prefix)
            # A full store takes the deletion, but no word to other workers.
            told = pipeline.execute(raise_on_error=False)[-1]
            if isinstance(told, redis.RedisError):
                raise told
        if not told:
            raise NotFound("no such session")
        ids = [answer_id.decode() for answer_id in told[1:]]
        return ids[: int(told[0])], ids[int(told[0]) :]

    def list_files(self, owner: Owner, session_id: str) -> tuple[StoredFile, ...]:
        """List the files of all topics of a conversation."""
        self._load_head(owner, session_id)
        with self._guard:
            found: Any = self._client.hvals(session_key(owner, session_id, "files"))
        return tuple(files_of(found))

    def load_page(self, owner: Owner, session_id: str, file_id: str, number: int) -> Page:
        """The text of one page of a file; pages count from 1."""
        file = self.find_file(owner, session_id, file_id)
        if not 1 <= number <= max(file.pages, 1):
            raise NotFound("no such page")
        key = session_key(owner, session_id, f"file:{file_id}")
        with self._guard:
            first, count = (
                int(found or 0) for found in self._client.hmget(key, [f"first:{number}", f"count:{number}"])
            )
            fields = [f"passage:{n}" for n in range(first, first + count)]
            found: Any = self._client.hmget(key, fields) if fields else []
        passages = [passage for entry in found if (passage := read_record(passage_decoder, entry))]
        text = "".join(passage.text for passage in passages)
        section = passages[0].section if passages else ""
        return Page(file_id, file.name, number, file.pages, text, section)

    def delete_file(self, owner: Owner, session_id: str, file_id: str) -> None:
        """Forget a file, so that no later question is answered from it."""
        file = self.find_file(owner, session_id, file_id)
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.hdel(session_key(owner, session_id, "files"), file_id)
            pipeline.unlink(session_key(owner, session_id, f"file:{file_id}"))
            queue_space_freed(pipeline, owner, session_id, file.size)
            pipeline.execute()

    def find_file(self, owner: Owner, session_id: str, file_id: str) -> StoredFile:
        """Find one file of a conversation. Its text isn't loaded."""
        stored = self._load_field(session_key(owner, session_id, "files"), file_id)
        file = read_record(stored_file_decoder, stored)
        if file is None:
            raise NotFound("no such file")
        return file

    def _load_field(self, key: str, field: str) -> bytes | None:
        with self._guard:
            stored: Any = self._client.hget(key, field)
        return stored if isinstance(stored, bytes) else None

    def _load_heads(self, owner: Owner, session_ids: Sequence[str]) -> list[dict[str, str] | None]:
        """Load the head of each session. It is empty for one that isn't there, and None where what is stored can't be
        read."""
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for session_id in session_ids:
                pipeline.hgetall(session_key(owner, session_id, "head"))
            return [_decode_head(head) for head in pipeline.execute(raise_on_error=False)]

    def _load_head(self, owner: Owner, session_id: str) -> dict[str, str]:
        head = self._load_heads(owner, [session_id])[0]
        if not head:
            raise NotFound("no such session")
        return head

    def _unlist_sessions(self, key: str, session_ids: Sequence[str]) -> None:
        if session_ids:
            with self._guard:
                self._client.zrem(key, *session_ids)

    def _load_turns(self, owner: Owner, session_id: str, ids: Sequence[str]) -> tuple[Turn, ...]:
        if not ids:
            return ()
        with self._guard:
            stored: Any = self._client.hmget(session_key(owner, session_id, "answers"), ids)
        turns = [turn for each in stored if (turn := read_record(turn_decoder, each))]
        return tuple(self._complete_turn(owner, turn) for turn in turns)

    def _complete_turn(self, owner: Owner, turn: Turn) -> Turn:
        """Give a running turn the text that its answer has so far. An answer without a log is written by nobody any
        more, so its turn becomes `failed` with `interrupted`."""
        if turn.status != "running":
            return turn
        logged = self._logs.read_log(owner, turn.answer_id)
        if logged and logged.entries:
            return turn_from_frames(turn, list(frames_of(logged.entries)))
        error = build_failure(Interrupted("the worker that wrote this answer died"), turn.language)
        return replace(turn, status="failed", error=error)


def _decode_head(reply: dict[bytes, bytes] | redis.RedisError) -> dict[str, str] | None:
    if isinstance(reply, redis.RedisError) and "WRONGTYPE" not in str(reply):
        raise reply
    try:
        return (
            None if isinstance(reply, redis.RedisError) else {n.decode(): value.decode() for n, value in reply.items()}
        )
    except UnicodeDecodeError:
        return None


def _read_entry(session_id: str, head: dict[str, str]) -> SessionEntry | None:
    """Read a session as a list shows it. One that can't be read is left out, and holds up no other."""
    try:
        return _entry(session_id, head)
    except (KeyError, ValueError):
        log.warning("a session can't be read, and is left out of its owner's list")
        return None


def _entry(session_id: str, head: dict[str, str]) -> SessionEntry:
    turns = sum(topic.turns for topic in topics_of(head))
    return SessionEntry(session_id, head["title"], head["createdAt"], head["updatedAt"], turns)
