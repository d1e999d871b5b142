"""This module holds the Protocols of searching, from a question to the passages that may answer it, and the values that
go through them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from qa_service.model import Passage

IMPACT_BITS = 12


def pack_posting(passage: int, impact: int) -> int:
    """Pack a passage's number with a word's impact in that passage, which is at most 4095 and takes the lowest twelve
    bits."""
    return passage << IMPACT_BITS | impact


class Postings(Struct, frozen=True):
    """A `Postings` says where one word stands in one file."""

    first: int
    """This is the number of the file's first passage, over all files of the index."""
    packed: Sequence[int]
    """These are the passages that the word stands in, each as `pack_posting` makes it. They are numbered within the
    file."""


class Ranking(Struct, frozen=True):
    """A `Ranking` holds what an index knows of some words. Passages are numbered from 0 over all files of the index."""

    passages: int
    postings: Mapping[str, Sequence[Postings]]
    """This maps each word whose postings were read to the places where it stands."""
    frequencies: Mapping[str, int]
    """This maps each word to the number of passages that it stands in. `postings` may leave out some of these words."""


class Index(Protocol):
    """An `Index` finds words in the passages of some files."""

    def look_up_words(self, words: Iterable[str], most: int) -> Ranking:
        """Return what ranking needs to know of these words, in two trips to the store. No more than about `most`
        postings come: those of the rarest words."""

    def load_passages(self, numbers: Sequence[int]) -> Sequence[Passage | None]:
        """Return the passages with these numbers, in this order, or None for one that can't be read any more."""

    def load_vectors(self, encoder: str, numbers: Sequence[int]) -> Sequence[bytes | None]:
        """Return the vectors of the passages with these numbers, or None for one that the encoder with this name hasn't
        encoded yet."""

    def keep_vectors(self, encoder: str, vectors: Mapping[int, bytes]) -> None:
        """Keep the vectors of passages, by their numbers. Nothing is kept for a file that is gone."""


class Encoder(Protocol):
    """An `Encoder` turns texts into vectors: the more two texts mean the same, the greater is the product of their
    vectors."""

    @property
    def name(self) -> str:
        """Return the name of the model with its version. Vectors of encoders with different names can't be compared."""

    def encode_texts(self, texts: Sequence[str]) -> Sequence[bytes]:
        """Return the vector of each text, in the order of the texts. A vector has length 1, and its numbers are
        little-endian 16-bit floats. An encoder in another process raises `ConnectionError` where that is gone."""


class SearchTerms(Struct, frozen=True):
    """A `SearchTerms` is a question as passages are searched for it."""

    weights: Mapping[str, float]
    """This maps each token to its weight, which is 1 for those of the question, and less for those of earlier ones."""
    vector: bytes = b""
    """This is the question's vector, as an `Encoder` gives it. It is empty where there is no encoder."""


class Candidate(Struct, frozen=True):
    """A `Candidate` is a passage that may answer a question, with what each way of searching says of it."""

    passage: Passage
    lexical: float
    """This is the passage's BM25 for the terms, and 0 where it has none of their tokens."""
    dense: float
    """This is the product of the passage's vector and the question's, and 0 where one of them isn't known."""
    coverage: float = 0.0
    """The passage has tokens that make up this share of the summed weight of all the question's tokens, where each
    token's weight is multiplied by how rare it is. It is between 0 and 1."""


class CandidateSource(Protocol):
    """A `CandidateSource` searches one place, which is the files of a session, or the knowledge base."""

    def find_candidates(self, terms: SearchTerms, most: int) -> Sequence[Candidate]:
        """Return the best `most` passages of either way of searching, each passage once, in any order. A passage that
        only one way has found has the other way's score too."""


class Query(Struct, frozen=True):
    """A `Query` says what is searched for, and where."""

    question: str
    earlier: Sequence[str] = ()
    """These questions were asked before in the same topic, newest last. They weigh less."""
    files: Index | None = None
    """These are the files that came with the topic."""
    other_files: Index | None = None
    """These are the session's other files, which count a little less."""
    knowledge: CandidateSource | None = None
    """This is what the caller may read of the knowledge base."""


class Retriever(Protocol):
    """A `Retriever` finds what files and the knowledge base say about a question."""

    def find_passages(self, query: Query) -> tuple[Passage, ...]:
        """Return the best passages for a question, best first."""
