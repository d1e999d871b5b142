"""This module turns a question into the terms by which passages are searched: its tokens with their weights, and its
vector."""

from collections.abc import Sequence

from qa_service.language.tokens import list_search_tokens
from qa_service.pause import give_way
from qa_service.retrieval.synonyms import Synonyms
from qa_service.retrieval.vectors import mix_vectors
from qa_service.search_interfaces import Encoder, SearchTerms

_EARLIER_WEIGHT = 0.25
"""An earlier question has this weight, and the new question has 1. Earlier ones are needed, because a follow-up often
doesn't name its subject again. With more weight they would count more than the new question."""
_EARLIER = 2
"""This many earlier questions count. The words of answers don't: they help as often as they mislead."""
SEARCHED_OF_QUESTION = 8_000
"""At most this many characters of a question are searched for words."""
_WORDS = 400
"""At most this many tokens of a question are looked up. That is enough for a whole page that somebody has pasted."""


def build_terms(
    question: str, earlier: Sequence[str] = (), encoder: Encoder | None = None, synonyms: Synonyms | None = None
) -> SearchTerms:
    """Build the terms of a question. `earlier` are those asked before in its topic, newest last."""
    before = list(reversed(earlier[-_EARLIER:]))
    weights = dict.fromkeys(_read_words(question), 1.0)
    if synonyms:
        weights = synonyms.add_synonyms(weights)
    for previous in before:
        for word in _read_words(previous):
            weights.setdefault(word, _EARLIER_WEIGHT)
    return SearchTerms(weights, _encode(encoder, question, before) if encoder else b"")


def _encode(encoder: Encoder, question: str, before: Sequence[str]) -> bytes:
    # A long text takes some hundredths of a second. Of many who ask or search at once, one encodes at a time, and other
    # requests have their turn in between.
    give_way()
    # Each text is encoded by itself, because an encoder remembers the vectors of single texts.
    (vector,) = encoder.encode_texts([question])
    mixed = [(encoder.encode_texts([previous])[0], _EARLIER_WEIGHT) for previous in before]
    return mix_vectors([(vector, 1.0), *mixed]) if mixed else vector


def _read_words(question: str) -> list[str]:
    return list_search_tokens(question[:SEARCHED_OF_QUESTION])[:_WORDS]
