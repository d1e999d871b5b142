"""What files say, in Redis: passages one by one, and for each word the passages it stands in.

A question asks for the postings of its own words and then for the few passages it needs, so that a follow-up to
a thousand pages moves kilobytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from redis import Redis

from qa_service.interfaces import Index, Ranking
from qa_service.model import FileText, Owner, Passage, StoredFile
from qa_service.stores import scripts
from qa_service.stores.breaker import StoreGuard
from qa_service.stores.keys import session_key
from qa_service.stores.records import read_record

UNFINISHED_SECONDS = 600
"""A file that is never finished is forgotten after this."""

passage_decoder = msgspec.json.Decoder(Passage)


class RedisFiles:
    """A `FileStore`."""

    def __init__(self, client: Redis, guard: StoreGuard, *, seconds: int) -> None:
        self._client = client
        self._guard = guard
        self._seconds = seconds

    def add(self, owner: Owner, session_id: str, file_id: str, part: FileText) -> None:
        if not part.passages:
            return
        key = session_key(owner, session_id, f"file:{file_id}")
        with self._guard:
            self._client.eval(scripts.ADD_PART, 1, key, part.first, UNFINISHED_SECONDS, *_arguments(part))

    def finish(self, owner: Owner, session_id: str, file: StoredFile) -> None:
        keys = [session_key(owner, session_id, name) for name in ("head", "files", f"file:{file.file_id}")]
        with self._guard:
            self._client.eval(scripts.FINISH, len(keys), *keys, file.file_id, msgspec.json.encode(file), self._seconds)

    def index(self, owner: Owner, session_id: str, files: Sequence[StoredFile]) -> Index:
        kept = [file for file in files if file.passages]
        shelves = [_Shelf(session_key(owner, session_id, f"file:{file.file_id}"), file.passages) for file in kept]
        return _RedisIndex(self._client, self._guard, shelves)


class _Shelf(Struct, frozen=True):
    key: str
    passages: int


class _RedisIndex:
    """An `Index` over some files, their passages numbered through."""

    def __init__(self, client: Redis, guard: StoreGuard, shelves: Sequence[_Shelf]) -> None:
        self._client = client
        self._guard = guard
        self._shelves = shelves

    def look_up(self, words: Iterable[str]) -> Ranking:
        asked = list(words)
        fields = [f"word:{word}" for word in asked]
        found = self._fetch([(shelf, fields) for shelf in self._shelves]) if asked else []
        postings: dict[str, list[tuple[int, int]]] = {word: [] for word in asked}
        for offset, row in zip(_offsets(self._shelves), found, strict=False):
            for word, entry in zip(asked, row, strict=True):
                if entry:
                    postings[word] += _posting(list(map(int, entry.split())), offset)
        return Ranking(sum(shelf.passages for shelf in self._shelves), postings)

    def passages(self, numbers: Sequence[int]) -> tuple[Passage, ...]:
        wanted: dict[int, list[int]] = {}
        places = [self._place(number) for number in numbers]
        for shelf, number in places:
            wanted.setdefault(shelf, []).append(number)
        rows = self._fetch([(self._shelves[s], [f"passage:{n}" for n in ns]) for s, ns in wanted.items()])
        found = {
            (shelf, number): entry
            for (shelf, asked), row in zip(wanted.items(), rows, strict=True)
            for number, entry in zip(asked, row, strict=True)
        }
        return tuple(passage for place in places if (passage := read_record(passage_decoder, found[place])))

    def _fetch(self, asked: Sequence[tuple[_Shelf, Sequence[str]]]) -> list[list[bytes | None]]:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for shelf, fields in asked:
                pipeline.hmget(shelf.key, fields)
            found: list[list[bytes | None]] = pipeline.execute()
        return found

    def _place(self, number: int) -> tuple[int, int]:
        for shelf, (offset, end) in enumerate(_spans(self._shelves)):
            if number < end:
                return shelf, number - offset
        raise IndexError(number)


def _arguments(part: FileText) -> Iterator[Any]:
    yield len(part.passages)
    for passage in part.passages:
        yield from (passage.page, msgspec.json.encode(passage))
    for word, places in part.index.items():
        yield from (word, " ".join(map(str, places)) + " ")


def _spans(shelves: Sequence[_Shelf]) -> Iterator[tuple[int, int]]:
    offset = 0
    for shelf in shelves:
        yield offset, offset + shelf.passages
        offset += shelf.passages


def _offsets(shelves: Sequence[_Shelf]) -> list[int]:
    return [offset for offset, _ in _spans(shelves)]


def _posting(flat: Sequence[int], offset: int) -> list[tuple[int, int]]:
    return [(offset + number, impact) for number, impact in zip(flat[::2], flat[1::2], strict=True)]
