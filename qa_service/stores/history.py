"""This module reads and changes stored sessions, turns and files in Redis for their owner.

An unknown id and the id of another owner raise the same `NotFound`.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import redis
from msgspec.structs import replace
from redis import Redis

from qa_service.clock import now
from qa_service.errors import Interrupted, NotFound
from qa_service.interfaces import SESSION_TOPICS
from qa_service.language.phrases import build_failure
from qa_service.model import Owner, Page, Passage, StoredFile
from qa_service.pause import LongWork
from qa_service.stores import scripts, topic_scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import answer_key, feedback_field, owner_key, quota_key, session_key
from qa_service.stores.logs import RedisLogs, frames_of
from qa_service.stores.passages import passage_decoder
from qa_service.stores.quotas import queue_space_freed
from qa_service.stores.records import read_record
from qa_service.stores.sessions import CONTEXT_TURNS, files_of, stored_file_decoder, topics_of
from qa_service.stores.workers import queue_stop
from qa_service.turns import Feedback, SessionEntry, SessionList, SessionPage, Turn, turn_from_frames

log = logging.getLogger(__name__)

turn_decoder = msgspec.json.Decoder(Turn)
feedback_decoder = msgspec.json.Decoder(Feedback)

TURNS_AT_ONCE = 20
"""This many turns are loaded without a pause."""
PAGE_CHARACTERS = 500_000
"""A page of a conversation has no more turns when its questions and answers have this many characters together. With
two hundred long questions it would have 20 MB, and the worker would write nothing else for a fifth of a second."""
PASSAGES_AT_ONCE = 500
"""This many passages of a page are loaded without a pause, which takes about three milliseconds."""
DELETED_SECONDS = 60
"""A deletion can be repeated for this long. It then returns again which answers were running in the session."""


class RedisHistory:
    """`RedisHistory` reads and changes the sessions, turns and files of one owner at a time. Every method that takes an
    id raises `NotFound` for an unknown one and for another owner's."""

    def __init__(self, client: Redis, guard: StoreGuard, logs: RedisLogs) -> None:
        self._client = client
        self._guard = guard
        self._logs = logs

    def load_turn(self, owner: Owner, answer_id: str) -> Turn:
        """Load the turn of one answer, whatever its status is. A running turn has the text so far. If its log is gone,
        nobody writes it any more, and it is `failed` with `interrupted`."""
        session_id = self._load_field(answer_key(owner, answer_id, "at"), "session")
        turns = self._load_turns(owner, (session_id or b"").decode(), [answer_id])
        if not turns:
            raise NotFound("no such answer")
        return turns[0]

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
        """Load one session with at most `limit` of its turns, the newest first, and with fewer where they are long.
        `cursor` is the `next` of the page before, or empty."""
        head = self._load_head(owner, session_id)
        with self._guard:
            found: Any = self._client.lrange(session_key(owner, session_id, "turns"), 0, -1)
        ids = [answer_id.decode() for answer_id in reversed(found)]
        first = ids.index(cursor) + 1 if cursor in ids else 0
        page, turns = self._load_part(owner, session_id, ids[first : first + limit])
        more = first + len(page) < len(ids)
        entry = _entry(session_id, head)
        return SessionPage(
            session_id,
            entry.title,
            entry.created_at,
            entry.updated_at,
            topics=topics_of(head),
            turns=turns,
            files=self.list_files(owner, session_id),
            next=page[-1] if more else None,
            topic=int(head["topic"]),
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
        """Open a new topic, to which the next question will belong. Nothing changes where a topic is open that has no
        question yet, and where the session has as many topics as it may have."""
        keys = [session_key(owner, session_id, name) for name in ("head", "context")]
        with self._guard:
            topic: Any = self._client.eval(topic_scripts.NEW_TOPIC, 2, *keys, now(), SESSION_TOPICS)
        if not topic:
            raise NotFound("no such session")
        return _entry(session_id, self._load_head(owner, session_id))

    def reopen_topic(self, owner: Owner, session_id: str, topic: int) -> SessionEntry:
        """Make an earlier topic the current one again, to which the next question will belong. Nothing changes where it
        is the current one. An answer that is being written ends in its own topic."""
        keys = [session_key(owner, session_id, name) for name in ("head", "turns", "answers", "context")]
        with self._guard:
            reopened: Any = self._client.eval(topic_scripts.REOPEN_TOPIC, 4, *keys, topic, now(), CONTEXT_TURNS)
        if reopened is None:
            raise NotFound("no such session")
        if not reopened:
            raise NotFound("no such topic")
        return _entry(session_id, self._load_head(owner, session_id))

    def delete_session(self, owner: Owner, session_id: str) -> Sequence[str]:
        """Delete a conversation with its answers and files. Returns the ids of the answers that were running in it. All
        workers have been told to stop them, unless the store is full.

        After a `StoreUnavailable` the conversation may have been deleted or not. For a minute it can be deleted again,
        and the same ids are returned.
        """
        running, others = self._remove_session(owner, session_id)
        keys = [answer_key(owner, answer_id, "at") for answer_id in {*running, *others}]
        # The log of a running answer stays until it expires, because its readers get the answer's end from it.
        keys += [answer_key(owner, answer_id, "log") for answer_id in others if answer_id not in running]
        if not running:  # This key returns the running answers once more where the deletion is repeated.
            keys.append(session_key(owner, session_id, "deleted"))
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.zrem(owner_key(owner, "sessions"), session_id)
            queue_space_freed(pipeline, owner, session_id)
            for key in keys:
                pipeline.unlink(key)
            pipeline.execute()
        return running

    def _remove_session(self, owner: Owner, session_id: str) -> tuple[list[str], list[str]]:
        """Delete the session's own keys in one write. Returns the ids of the answers that were running in it, and the
        ids of all its answers.

        In the same trip, but before the session is deleted, all workers are told to stop those answers. So if the store
        fails in between, no answer of a deleted session goes on. At worst an answer was stopped, and its session still
        exists.
        """
        names = ("head", "running", "turns", "files", "answers", "context", "deleted", "images", "said")
        keys = [session_key(owner, session_id, name) for name in names]
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for answer_id in self._client.hkeys(keys[1]):
                queue_stop(pipeline, answer_id)
            prefix = session_key(owner, session_id, "file:")
            pipeline.eval(scripts.DELETE_SESSION, len(keys), *keys, DELETED_SECONDS, prefix)
            # A full store runs the deletion, but refuses the messages to other workers, and their errors don't matter.
            told = pipeline.execute(raise_on_error=False)[-1]
            if isinstance(told, redis.RedisError):
                raise told
        if not told:
            raise NotFound("no such session")
        ids = [answer_id.decode() for answer_id in told[1:]]
        return ids[: int(told[0])], ids[int(told[0]) :]

    def delete_turn(self, owner: Owner, answer_id: str) -> None:
        """Delete one question and its answer, with its pictures. A conversation in which nothing else was asked is
        deleted with them.

        An answer that is running must be stopped before. Its readers are told its end, and it isn't kept.
        """
        turn = self.load_turn(owner, answer_id)
        names = ("turns", "answers", "context", "head", "images", "said")
        keys = [session_key(owner, turn.session_id, name) for name in names]
        keys.append(quota_key(owner, "space"))
        arguments = (answer_id, turn.topic, turn.session_id)
        with self._guard:
            left: Any = self._client.eval(scripts.DELETE_TURN, len(keys), *keys, *arguments)
        if left is None:
            raise NotFound("no such answer")
        if left == 0:
            with suppress(NotFound):
                self.delete_session(owner, turn.session_id)
        with self._guard:
            self._client.unlink(*(answer_key(owner, answer_id, name) for name in _left_of(turn)))

    def list_files(self, owner: Owner, session_id: str) -> tuple[StoredFile, ...]:
        """List the files of all topics of a conversation, in the order in which they were added."""
        self._load_head(owner, session_id)
        with self._guard:
            found: Any = self._client.hvals(session_key(owner, session_id, "files"))
        return tuple(files_of(found))

    def load_page(self, owner: Owner, session_id: str, file_id: str, number: int) -> Page:
        """Load the text of one page of a file. Pages are counted from 1. A file without pages has one."""
        file = self.find_file(owner, session_id, file_id)
        if not 1 <= number <= max(file.pages, 1):
            raise NotFound("no such page")
        key = session_key(owner, session_id, f"file:{file_id}")
        with self._guard:
            first, count = (
                int(found or 0) for found in self._client.hmget(key, [f"first:{number}", f"count:{number}"])
            )
        passages = list(self._load_passages(key, range(first, first + count)))
        text = "".join(passage.text for passage in passages)
        section, label = (passages[0].section, passages[0].place.label) if passages else ("", "")
        return Page(file_id, file.name, number, file.pages, text, section or label, label)

    def _load_passages(self, key: str, numbers: Sequence[int]) -> Iterator[Passage]:
        """Yield some passages of a file. Between them the other requests of this worker have their turn, because a page
        may have thousands."""
        work = LongWork()
        for start in range(0, len(numbers), PASSAGES_AT_ONCE):
            with self._guard:
                fields = [f"passage:{number}" for number in numbers[start : start + PASSAGES_AT_ONCE]]
                found: Any = self._client.hmget(key, fields)
            yield from (passage for entry in found if (passage := read_record(passage_decoder, entry)))
            work.end_step()

    def delete_file(self, owner: Owner, session_id: str, file_id: str) -> None:
        """Delete a file, so that no later question is answered from it."""
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

    def _load_part(self, owner: Owner, session_id: str, ids: Sequence[str]) -> tuple[Sequence[str], tuple[Turn, ...]]:
        """Load the first of these turns, as many as have about `PAGE_CHARACTERS` together. Returns their ids too, of
        which some may be gone."""
        turns: tuple[Turn, ...] = ()
        work = LongWork()
        for end in range(TURNS_AT_ONCE, len(ids) + TURNS_AT_ONCE, TURNS_AT_ONCE):
            turns += self._load_turns(owner, session_id, ids[end - TURNS_AT_ONCE : end])
            if sum(len(turn.question) + len(turn.text) for turn in turns) >= PAGE_CHARACTERS:
                return ids[:end], turns
            work.end_step()
        return ids, turns

    def _load_turns(self, owner: Owner, session_id: str, ids: Sequence[str]) -> tuple[Turn, ...]:
        if not ids:
            return ()
        fields = [*ids, *map(feedback_field, ids)]
        with self._guard:
            stored: Any = self._client.hmget(session_key(owner, session_id, "answers"), fields)
        turns = map(read_turn, stored[: len(ids)], stored[len(ids) :])
        return tuple(self._complete_turn(owner, turn) for turn in turns if turn)

    def _complete_turn(self, owner: Owner, turn: Turn) -> Turn:
        """Return the turn. A running turn gets the text that its log has so far. If its log is gone, nobody writes the
        answer any more, and the turn is returned as `failed` with `interrupted`."""
        if turn.status != "running":
            return turn
        logged = self._logs.read_log(owner, turn.answer_id)
        if logged and logged.entries:
            return turn_from_frames(turn, list(frames_of(logged.entries)))
        error = build_failure(Interrupted("the worker that wrote this answer died"), turn.language)
        return replace(turn, status="failed", error=error)


def read_turn(stored: bytes | None, feedback: bytes | None) -> Turn | None:
    """Decode a turn and the feedback that is kept beside it. The result is None where there is no turn that can be
    read."""
    turn = read_record(turn_decoder, stored)
    return replace(turn, feedback=read_record(feedback_decoder, feedback)) if turn else None


def _left_of(turn: Turn) -> Sequence[str]:
    """Name the keys of a deleted answer. The log of a running one stays, because its readers get its end from it."""
    return ("at",) if turn.status == "running" else ("at", "log")


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
