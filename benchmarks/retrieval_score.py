"""This module offers the shipped retriever to scorers, which give documents and questions. Each document is one passage
of a file of its own, in an index that is held in memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from qa_service.language.encoder import load_encoder
from qa_service.model import Passage
from qa_service.retrieval.encoding import PassageEncoding
from qa_service.retrieval.finding import HybridRetriever
from qa_service.retrieval.lexical import build_index
from qa_service.search_interfaces import Encoder, Postings, Query, Ranking, pack_posting

Search = Callable[..., Sequence[str]]


def find_hybrid(docs: Sequence[Mapping[str, str]]) -> Search:
    """Return a search by words and by meaning over documents of `{id, text}`."""
    return _make_search(docs, load_encoder())


def find_lexical(docs: Sequence[Mapping[str, str]]) -> Search:
    """Return a search by words alone over documents of `{id, text}`."""
    return _make_search(docs, None)


def _make_search(docs: Sequence[Mapping[str, str]], encoder: Encoder | None) -> Search:
    index, retriever = MemoryIndex([Passage(doc["id"], "", doc["text"]) for doc in docs]), HybridRetriever(encoder)
    if encoder:
        PassageEncoding(encoder).encode_now(index, range(len(docs)))

    def search(query: str, k: int, history: Iterable[Mapping[str, str]] = ()) -> Sequence[str]:
        earlier = [message["text"] for message in history if message["role"] == "user"]
        return [passage.file_id for passage in retriever.find_passages(Query(query, earlier, index))[:k]]

    return search


class MemoryIndex:
    """A `MemoryIndex` is an `Index` over passages that are held in memory."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._index = build_index([passage.text for passage in passages])
        self._vectors: dict[int, bytes] = {}

    def look_up_words(self, words: Iterable[str], most: int) -> Ranking:
        """Return all postings of these words, however many they are."""
        found = {word: places for word in words if (places := self._index.get(word))}
        postings = {word: [Postings(0, list(map(pack_posting, flat[::2], flat[1::2])))] for word, flat in found.items()}
        return Ranking(len(self._passages), postings, {word: len(flat) // 2 for word, flat in found.items()})

    def load_passages(self, numbers: Sequence[int]) -> Sequence[Passage | None]:
        """Return the passages with these numbers."""
        return [self._passages[number] for number in numbers]

    def load_vectors(self, encoder: str, numbers: Sequence[int]) -> Sequence[bytes | None]:
        """Return the vectors of the passages with these numbers."""
        return [self._vectors.get(number) for number in numbers]

    def keep_vectors(self, encoder: str, vectors: Mapping[int, bytes]) -> None:
        """Keep the vectors of passages, by their numbers."""
        self._vectors.update(vectors)
