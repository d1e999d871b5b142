"""This module keeps files in Redis: of text each passage, and for each word the passages in which it stands, and of a
picture the bytes as models take them.

For a question three things are read: in how many passages each of its words stands, then the postings of its rarest
words, and then the few passages that it needs. So a follow-up to a thousand pages moves only kilobytes, and a long
question about many files costs no more than a short one.

A posting has four bytes: the number of the passage in its file, and the word's impact there in the lowest twelve bits.
In files of version 1, which the release before wrote, postings are decimal numbers. They are still read. The release
before finds no words in files of version 2, and takes their passages in reading order.

The vector of a passage is a field of its own, which is added when the passage has been encoded. A release that knows no
vectors leaves these fields alone.
"""

import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import Any

import msgspec
from msgspec import Struct
from redis import Redis

from qa_service.file_news import FileText
from qa_service.model import Owner, Passage, Picture, StoredFile
from qa_service.pause import LongWork
from qa_service.search_interfaces import Index, Postings, Ranking, pack_posting
from qa_service.single_use import is_single_use
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import session_key
from qa_service.stores.quotas import queue_space_taken
from qa_service.stores.records import read_record

_FIELD_BYTES = 72
"""This many bytes of memory does a field of a hash take in Redis, besides its name and its value."""
VECTOR_BYTES = 1024
"""A passage may get a vector of this many bytes later, which is another field."""
UNFINISHED_SECONDS = 600
"""A file that isn't finished expires this many seconds after its last part."""

passage_decoder = msgspec.json.Decoder(Passage)


class RedisFiles:
    """`RedisFiles` is a `FileStore`. A session is kept for `seconds` after its last question, or for `single` seconds
    if it is for a single question, and its files as long."""

    def __init__(self, client: Redis, guard: StoreGuard, *, seconds: int, single: int) -> None:
        self._client = client
        self._guard = guard
        self._seconds = seconds
        self._single = single

    def add_part(self, owner: Owner, session_id: str, file_id: str, part: FileText) -> int:
        if not part.passages:
            return 0
        key = session_key(owner, session_id, f"file:{file_id}")
        with self._guard:
            words: Any = self._client.eval(scripts.ADD_PART, 1, key, part.first, UNFINISHED_SECONDS, *_arguments(part))
        return int(words) + sum(map(_size_of, part.passages))

    def add_picture(self, owner: Owner, session_id: str, file_id: str, picture: Picture, page: int = 1) -> None:
        key = session_key(owner, session_id, f"file:{file_id}")
        with self._guard, self._client.pipeline() as pipeline:
            pipeline.hset(key, mapping=dict(zip(_name_picture(page), (picture.data, picture.mime_type), strict=True)))
            pipeline.expire(key, UNFINISHED_SECONDS)
            pipeline.execute()

    def load_pictures(self, owner: Owner, session_id: str, files: Sequence[StoredFile]) -> Sequence[Sequence[Picture]]:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for file in files:
                names = [name for page in range(1, 1 + len(file.list_pictures())) for name in _name_picture(page)]
                pipeline.hmget(session_key(owner, session_id, f"file:{file.file_id}"), names)
            found = pipeline.execute()
        pairs = (zip(fields[::2], fields[1::2], strict=True) for fields in found)
        return [[Picture(kind.decode(), data) for data, kind in pages if data and kind] for pages in pairs]

    def finish_file(self, owner: Owner, session_id: str, file: StoredFile) -> None:
        keys = [session_key(owner, session_id, name) for name in ("head", "files", f"file:{file.file_id}")]
        seconds = self._single if is_single_use(session_id) else self._seconds
        arguments = (file.file_id, msgspec.json.encode(file), seconds)
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            if self._client.eval(scripts.FINISH_FILE, len(keys), *keys, *arguments) and file.size:
                queue_space_taken(pipeline, owner, session_id, file.size, seconds=self._seconds)
            pipeline.execute()

    def open_index(self, owner: Owner, session_id: str, files: Sequence[StoredFile]) -> Index:
        kept = [file for file in files if file.passages]
        shelves = [
            _Shelf(session_key(owner, session_id, f"file:{file.file_id}"), file.passages, file.v) for file in kept
        ]
        return _RedisIndex(self._client, self._guard, shelves)


class _Shelf(Struct, frozen=True):
    """A `_Shelf` describes one stored file. `version` is that of the format in which it was stored."""

    key: str
    passages: int
    version: int

    @property
    def word_prefix(self) -> str:
        """Return the text that stands before a word in the name of its field."""
        return "word:" if self.version == 1 else "w:"

    @property
    def posting_bytes(self) -> int:
        """Return how many bytes a posting has. The decimal postings of version 1 differ in length, and this is their
        average."""
        return 9 if self.version == 1 else 4

    def unpack(self, entry: bytes) -> Sequence[int]:
        """Return the postings in a field's value, each as `pack_posting` makes it."""
        if self.version > 1:
            return _unpacked(entry)
        flat = list(map(int, entry.split()))
        return list(map(pack_posting, flat[::2], flat[1::2]))


class _RedisIndex:
    """A `_RedisIndex` is an `Index` over some files. Their passages are numbered from 0, over all files in their
    order."""

    def __init__(self, client: Redis, guard: StoreGuard, shelves: Sequence[_Shelf]) -> None:
        self._client = client
        self._guard = guard
        self._shelves = shelves
        self._ends = list(accumulate(shelf.passages for shelf in shelves))

    def look_up_words(self, words: Iterable[str], most: int) -> Ranking:
        asked, work = list(words), LongWork()
        counts = self._count(asked) if asked else []
        frequencies = {word: sum(column) for word, column in zip(asked, zip(*counts, strict=True), strict=False)}
        work.end_step()
        wanted = _rarest(asked, counts, frequencies, most)
        work.end_step()
        shelves = [(self._shelves[number], chosen) for number, chosen in wanted.items()]
        found = self._fetch([(shelf, [shelf.word_prefix + word for word in chosen]) for shelf, chosen in shelves])
        postings: dict[str, list[Postings]] = {}
        for (number, chosen), row in zip(wanted.items(), found, strict=True):
            for word, entry in zip(chosen, row, strict=True):
                if entry:
                    packed = self._shelves[number].unpack(entry)
                    postings.setdefault(word, []).append(Postings(self._first(number), packed))
            work.end_step()
        return Ranking(sum(shelf.passages for shelf in self._shelves), postings, frequencies)

    def load_passages(self, numbers: Sequence[int]) -> Sequence[Passage | None]:
        return [read_record(passage_decoder, entry) for entry in self._load("passage:", numbers)]

    def load_vectors(self, encoder: str, numbers: Sequence[int]) -> Sequence[bytes | None]:
        return self._load(_vector_prefix(encoder), numbers)

    def keep_vectors(self, encoder: str, vectors: Mapping[int, bytes]) -> None:
        prefix = _vector_prefix(encoder)
        by_shelf: dict[int, list[str | bytes]] = {}
        for number, vector in vectors.items():
            shelf, own = self._place(number)
            by_shelf.setdefault(shelf, []).extend((f"{prefix}{own}", vector))
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for shelf, pairs in by_shelf.items():
                pipeline.eval(scripts.KEEP_VECTORS, 1, self._shelves[shelf].key, *pairs)
            pipeline.execute()

    def _load(self, prefix: str, numbers: Sequence[int]) -> list[bytes | None]:
        """Load one field for each of these passages, in one trip."""
        wanted: dict[int, list[int]] = {}
        places = [self._place(number) for number in numbers]
        for shelf, number in places:
            wanted.setdefault(shelf, []).append(number)
        rows = self._fetch([(self._shelves[s], [f"{prefix}{n}" for n in ns]) for s, ns in wanted.items()])
        found = {
            (shelf, number): entry
            for (shelf, asked), row in zip(wanted.items(), rows, strict=True)
            for number, entry in zip(asked, row, strict=True)
        }
        return [found[place] for place in places]

    def _count(self, words: Sequence[str]) -> list[list[int]]:
        """Count, for each file, in how many of its passages each word stands."""
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for shelf in self._shelves:
                pipeline.eval(scripts.COUNT_POSTINGS, 1, shelf.key, shelf.word_prefix, shelf.posting_bytes, *words)
            counts: list[list[int]] = pipeline.execute()
        return counts

    def _fetch(self, asked: Sequence[tuple[_Shelf, Sequence[str]]]) -> list[list[bytes | None]]:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for shelf, fields in asked:
                pipeline.hmget(shelf.key, fields)
            found: list[list[bytes | None]] = pipeline.execute()
        return found

    def _place(self, number: int) -> tuple[int, int]:
        shelf = bisect_right(self._ends, number)
        return shelf, number - self._first(shelf)

    def _first(self, shelf: int) -> int:
        """Return the number of a file's first passage."""
        return self._ends[shelf] - self._shelves[shelf].passages


def _name_picture(page: int) -> tuple[str, str]:
    """Return the names of the two fields that hold one page of a picture. Releases before this one have the first page
    alone."""
    return ("picture", "mimeType") if page == 1 else (f"picture:{page}", f"mimeType:{page}")


def _size_of(passage: Passage) -> int:
    """Return how many bytes of the store a passage takes, with its place, its vector, and its share of its page."""
    return len(msgspec.json.encode(passage)) + VECTOR_BYTES + 2 * _FIELD_BYTES


def _arguments(part: FileText) -> Iterator[Any]:
    yield from (len(part.passages), _FIELD_BYTES)
    for passage in part.passages:
        yield from (passage.page, msgspec.json.encode(passage))
    for word, places in part.index.items():
        yield from (word, _packed(map(pack_posting, places[::2], places[1::2])))


def _rarest(
    words: Sequence[str], counts: Sequence[Sequence[int]], frequencies: Mapping[str, int], most: int
) -> dict[int, list[str]]:
    """Choose which words are read from which file, so that they have no more than `most` postings together. Rare words
    are chosen first, since they say more, and the very first choice may have more than `most`.

    The result maps the number of a file to its words.
    """
    wanted: dict[int, list[str]] = {}
    left = most
    for place, word in sorted(enumerate(words), key=lambda numbered: frequencies.get(numbered[1], 0)):
        for number, row in enumerate(counts):
            if row[place] > left and wanted:
                return wanted
            if row[place]:
                wanted.setdefault(number, []).append(word)
                left -= row[place]
    return wanted


def _vector_prefix(encoder: str) -> str:
    """Return what stands before a passage's number in the name of its vector's field. An encoder of another name has
    other fields."""
    return f"v:{blake2b(encoder.encode(), digest_size=4).hexdigest()}:"


def _packed(postings: Iterable[int]) -> bytes:
    return _little_endian(array("I", postings)).tobytes()


def _unpacked(entry: bytes) -> Sequence[int]:
    postings = array("I")
    postings.frombytes(entry)
    return _little_endian(postings)


def _little_endian(postings: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        postings.byteswap()
    return postings
