"""The logs of answers in Redis: one stream each, an entry for all that was new at a tick.

An entry's id is the number of its last frame, and how many entries came before: ids are known before they are sent,
whatever follows a frame is found by the frame's number, and who writes on an answer that another worker has taken
over is refused by Redis itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec
import redis
from msgspec import Struct
from redis import Redis

from qa_service.frames import Done, Failure, Frame, Metadata, Reference, Restart, StageNotice, Start, Text
from qa_service.interfaces import Appended, Entry, Logged, Piece
from qa_service.model import Opened, Owner
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import answer_key, worker_key
from qa_service.turns import Asked, Mark

Item: TypeAlias = str | Start | StageNotice | Reference | Metadata | Failure | Restart | Done | Asked | Opened
"""A frame or a mark as it is kept: text, which is nearly all there is, stands for itself."""

_encode = msgspec.json.Encoder().encode
_items = msgspec.json.Decoder(list[Item])


class LogTimes(Struct, frozen=True):
    """Seconds for which a log is kept: while the answer is written, and when it is finished."""

    open: int
    done: int


class RedisLogs:
    """A `LogStore`."""

    def __init__(self, client: Redis, guard: StoreGuard, times: LogTimes, *, worker: str) -> None:
        self._client = client
        self._guard = guard
        self._times = times
        self._worker = worker

    def append(self, entries: Sequence[Entry]) -> Sequence[Appended]:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            written, places = [kept_items(entry.items) for entry in entries], []
            for entry, items in zip(entries, written, strict=True):
                places.append(len(pipeline))
                self._add(pipeline, entry, items)
            replies = pipeline.execute(raise_on_error=False)
            return [
                self._outcome(replies[place], entry, items)
                for place, entry, items in zip(places, entries, written, strict=True)
            ]

    def read(self, owner: Owner, answer_id: str) -> Logged | None:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.hmget(answer_key(owner, answer_id, "at"), "session", "last")
            pipeline.xrange(answer_key(owner, answer_id, "log"))
            (session_id, last), entries = pipeline.execute()
        if session_id is None:
            return None
        cursor = entries[-1][0].decode() if entries else "0-0"
        return Logged(session_id.decode(), int(last or 0), pieces_of(entries), cursor)

    def _add(self, pipeline: Any, entry: Entry, items: bytes) -> None:
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

    def _outcome(self, reply: object, entry: Entry, items: bytes) -> Appended:
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

    def _has(self, entry: Entry, items: bytes) -> bool:
        """Whether exactly this was written before: a command is sent again when its connection breaks."""
        key = answer_key(entry.owner, entry.answer_id, "log")
        found: Any = self._client.xrange(key, _id(entry), _id(entry))
        return any(fields[b"items"] == items for _, fields in found)


def kept_items(items: Sequence[Frame | Mark]) -> bytes:
    """Frames and marks as JSON."""
    return _encode([item.content if type(item) is Text else item for item in items])


def pieces_of(entries: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> list[Piece]:
    """What a stream's entries hold."""
    return [Piece(int(fields[b"first"]), _frames(fields[b"items"])) for _, fields in entries]


def frames_of(pieces: Iterable[Piece]) -> Iterator[Frame]:
    """Every frame once: entries overlap where a write was carried out and its reply was lost."""
    last = 0
    for piece in pieces:
        frames = [item for item in piece.items if not isinstance(item, Mark)]
        yield from frames[max(0, last + 1 - piece.first) :]
        last = max(last, piece.first + len(frames) - 1)


def _frames(items: bytes) -> list[Frame | Mark]:
    return [Text(item) if isinstance(item, str) else item for item in _items.decode(items)]


def _id(entry: Entry) -> str:
    return f"{entry.last}-{entry.count}"
