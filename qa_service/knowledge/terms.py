"""This module turns words into the numbers under which PostgreSQL finds them, and weighs them by BM25.

Two collections never share a number, so that a search by numbers finds the passages of its collections alone. Two words
of one collection share one by chance, once among a thousand million pairs.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from qa_service.retrieval.lexical import weigh_words

DIMENSIONS = 999_999_999
"""pgvector's sparse vectors have at most a thousand million dimensions."""


def number_term(collection: int, token: str) -> int:
    """Return the number of a token in a collection, from 1 to `DIMENSIONS`."""
    digest = blake2b(f"{collection} {token}".encode("utf-8", "replace"), digest_size=8).digest()
    return 1 + int.from_bytes(digest) % DIMENSIONS


def weigh_terms(collection: int, text: str) -> dict[int, float]:
    """Return the weight of each term of a text, as `weigh_words` gives it, in the order of their numbers."""
    weights = {number_term(collection, token): weight for token, weight in weigh_words(text).items()}
    return dict(sorted(weights.items()))


def write_sparse(weights: Mapping[int, float]) -> str:
    """Write a sparse vector as pgvector reads it."""
    return f"{{{','.join(f'{number}:{weight:.5g}' for number, weight in weights.items())}}}/{DIMENSIONS}"


def write_numbers(numbers: Iterable[int | str]) -> str:
    """Write whole numbers as PostgreSQL reads an array."""
    return f"{{{','.join(map(str, numbers))}}}"
