"""This module keeps the logs of answers in Redis. Each log is a stream, and a flush adds an entry with all that is new.

An entry's id has two parts: the number of its last frame, and how many entries came before it. So the id is known
before the entry is sent. What follows a frame is found by the frame's number. And Redis itself refuses the entries of a
worker whose answer another worker has taken over and written on, because their ids are too small.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import redis
from msgspec import Struct
from redis import Redis

from qa_service.frames import Frame
from qa_service.interfaces import AppendOutcome, LogEntry, NewLogEntry, StoredLog
from qa_service.model import Owner
from qa_service.pause import LongWork
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.items import LOG_VERSION, decode_items, encode_items
from qa_service.stores.keys import answer_key, worker_key
from qa_service.stores.records import UNREADABLE_RECORD
from qa_service.turns import Mark, logged_id

Fields: TypeAlias = Mapping[str, bytes]
"""These are the fields of an entry, except the number of its first frame."""

log = logging.getLogger(__name__)


class LogTimes(Struct, frozen=True):
    """`LogTimes` are the seconds for which a log is kept: `open` while its answer is written, and `done` once it is
    finished."""

    open: int
    done: int


class RedisLogs:
    """`RedisLogs` is a `LogStore` for one worker."""

    def __init__(self, client: Redis, guard: StoreGuard, times: LogTimes, *, worker: str) -> None:
        self._client = client
        self._guard = guard
        self._times = times
        self._worker = worker

    def append_entries(self, entries: Sequence[NewLogEntry]) -> Sequence[AppendOutcome]:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            written: list[tuple[NewLogEntry, Fields | None]] = [(entry, _encoded(entry)) for entry in entries]
            places = []
            for entry, fields in written:
                places.append(len(pipeline))
                if fields is not None:
                    self._add(pipeline, entry, fields)
            replies = pipeline.execute(raise_on_error=False)
            return [
                "unstorable" if fields is None else self._outcome(replies[place], entry, fields)
                for place, (entry, fields) in zip(places, written, strict=True)
            ]

    def read_log(self, owner: Owner, answer_id: str) -> StoredLog | None:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.hmget(answer_key(owner, answer_id, "at"), "session", "last")
            pipeline.xrange(answer_key(owner, answer_id, "log"))
            (session_id, last), entries = pipeline.execute()
        if session_id is None:
            return None
        cursor = entries[-1][0].decode() if entries else "0-0"
        return StoredLog(session_id.decode(), int(last or 0), log_entries_of(entries), cursor)

    def _add(self, pipeline: Any, entry: NewLogEntry, fields: Fields) -> None:
        log, at = (answer_key(entry.owner, entry.answer_id, name) for name in ("log", "at"))
        begins = entry.first == 1
        flat = [part for field in fields.items() for part in field]
        added = (*(() if begins else ("NOMKSTREAM",)), _id(entry), "first", entry.first, *flat)
        if entry.closed:
            pipeline.eval(scripts.CLOSE, 2, log, at, entry.last, self._times.done, *added)
            if entry.settled:
                pipeline.hdel(worker_key(self._worker, "holds"), entry.answer_id)
            return
        pipeline.execute_command("XADD", log, *added)
        if begins:
            pipeline.expire(log, self._times.open)

    def _outcome(self, reply: object, entry: NewLogEntry, fields: Fields) -> AppendOutcome:
        match reply:
            case redis.ResponseError() if "equal or smaller" in str(reply):
                return "kept" if self._has(entry, fields) else "lost"
            case redis.RedisError():
                self._guard.note(reply)
                return "refused"
            case None:
                return "gone"
            case _:
                return "kept"

    def _has(self, entry: NewLogEntry, fields: Fields) -> bool:
        """Return whether the log has exactly this entry already, because a command is sent again when its connection
        breaks."""
        key = answer_key(entry.owner, entry.answer_id, "log")
        found: Any = self._client.xrange(key, _id(entry), _id(entry))
        ours = {b"first": b"%d" % entry.first, **{name.encode(): value for name, value in fields.items()}}
        return any(theirs == ours for _, theirs in found)


def _encoded(entry: NewLogEntry) -> Fields | None:
    try:
        fields = encode_items(entry.items)
    except (TypeError, ValueError, ArithmeticError, RecursionError):
        log.exception("a part of answer %s can't be stored", logged_id(entry.owner, entry.answer_id))
        return None
    return {**fields, "v": LOG_VERSION} if entry.first == 1 else fields


def log_entries_of(entries: Sequence[tuple[bytes, Mapping[bytes, bytes]]]) -> list[LogEntry]:
    """Read the entries of a stream. An entry that can't be read is left out, and nothing else gets the numbers of its
    frames."""
    found, work = [], LongWork()
    for entry_id, fields in entries:
        if entry := _read_entry(entry_id, fields):
            found.append(entry)
        work.end_step()
    return found


def frames_of(pieces: Iterable[LogEntry]) -> Iterator[Frame]:
    """Give each frame once. Two entries have the same frames where the first was written but its reply was lost."""
    last = 0
    for piece in pieces:
        frames = [item for item in piece.items if not isinstance(item, Mark)]
        yield from frames[max(0, last + 1 - piece.first) :]
        last = max(last, piece.first + len(frames) - 1)


def _read_entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> LogEntry | None:
    try:
        return LogEntry(int(fields[b"first"]), decode_items(fields))
    except (KeyError, *UNREADABLE_RECORD):
        log.warning("entry %s of a log can't be read, and is left out", entry_id.decode())
        return None


def _id(entry: NewLogEntry) -> str:
    return f"{entry.last}-{entry.count}"
