"""The logs of answers in Redis: each is a stream, with an entry for all that was new at a tick.

An entry's id is the number of its last frame, and how many entries came before it. So an id is known before the entry
is sent, whatever follows a frame is found by the frame's number, and Redis itself refuses the entries of a worker whose
answer another worker has taken over.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec
import redis
from msgspec import Struct
from redis import Redis

from qa_service.frames import Done, Failure, Frame, Metadata, Reference, Restart, StageNotice, Start, Text
from qa_service.interfaces import AppendOutcome, LogEntry, NewLogEntry, StoredLog
from qa_service.model import Opened, Owner
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import answer_key, worker_key
from qa_service.turns import Asked, Mark, logged_id

Item: TypeAlias = str | Start | StageNotice | Reference | Metadata | Failure | Restart | Done | Asked | Opened
"""A frame or a mark as it is kept. Text, which is nearly all there is, is kept as a mere string."""

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode
_items = msgspec.json.Decoder(list[Item])


class LogTimes(Struct, frozen=True):
    """How many seconds a log is kept: while its answer is written, and once it is finished."""

    open: int
    done: int


class RedisLogs:
    """A `LogStore`."""

    def __init__(self, client: Redis, guard: StoreGuard, times: LogTimes, *, worker: str) -> None:
        self._client = client
        self._guard = guard
        self._times = times
        self._worker = worker

    def append_entries(self, entries: Sequence[NewLogEntry]) -> Sequence[AppendOutcome]:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            written: list[tuple[NewLogEntry, bytes | None]] = [(entry, _encoded(entry)) for entry in entries]
            places = []
            for entry, items in written:
                places.append(len(pipeline))
                if items is not None:
                    self._add(pipeline, entry, items)
            replies = pipeline.execute(raise_on_error=False)
            return [
                "unstorable" if items is None else self._outcome(replies[place], entry, items)
                for place, (entry, items) in zip(places, written, strict=True)
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

    def _add(self, pipeline: Any, entry: NewLogEntry, items: bytes) -> None:
        log, at = (answer_key(entry.owner, entry.answer_id, name) for name in ("log", "at"))
        begins = entry.first == 1
        added = (*(() if begins else ("NOMKSTREAM",)), _id(entry), "first", entry.first, "items", items)
        if entry.closed:
            pipeline.eval(scripts.CLOSE, 2, log, at, entry.last, self._times.done, *added)
            if entry.settled:
                pipeline.hdel(worker_key(self._worker, "holds"), entry.answer_id)
            return
        pipeline.execute_command("XADD", log, *added)
        if begins:
            pipeline.expire(log, self._times.open)

    def _outcome(self, reply: object, entry: NewLogEntry, items: bytes) -> AppendOutcome:
        match reply:
            case redis.ResponseError() if "equal or smaller" in str(reply):
                return "kept" if self._has(entry, items) else "lost"
            case redis.RedisError():
                self._guard.note(reply)
                return "refused"
            case None:
                return "gone"
            case _:
                return "kept"

    def _has(self, entry: NewLogEntry, items: bytes) -> bool:
        """Whether exactly this entry was written before: a command is sent again when its connection breaks."""
        key = answer_key(entry.owner, entry.answer_id, "log")
        found: Any = self._client.xrange(key, _id(entry), _id(entry))
        return any(fields[b"items"] == items for _, fields in found)


def _encoded(entry: NewLogEntry) -> bytes | None:
    try:
        return encode_items(entry.items)
    except (TypeError, ValueError, ArithmeticError, RecursionError):
        log.exception("a part of answer %s can't be stored", logged_id(entry.owner, entry.answer_id))
        return None


def encode_items(items: Sequence[Frame | Mark]) -> bytes:
    """Frames and marks as JSON."""
    return _encode([item.content if type(item) is Text else item for item in items])


def log_entries_of(entries: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> list[LogEntry]:
    """The entries of a stream."""
    return [LogEntry(int(fields[b"first"]), _frames(fields[b"items"])) for _, fields in entries]


def frames_of(pieces: Iterable[LogEntry]) -> Iterator[Frame]:
    """Every frame once. Entries overlap where one was written, and its reply was lost."""
    last = 0
    for piece in pieces:
        frames = [item for item in piece.items if not isinstance(item, Mark)]
        yield from frames[max(0, last + 1 - piece.first) :]
        last = max(last, piece.first + len(frames) - 1)


def _frames(items: bytes) -> list[Frame | Mark]:
    return [Text(item) if isinstance(item, str) else item for item in _items.decode(items)]


def _id(entry: NewLogEntry) -> str:
    return f"{entry.last}-{entry.count}"
