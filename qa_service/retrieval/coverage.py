"""This module measures how much of a question the files of a session have words for. A question whose words stand in
them is probably about them."""

from collections import defaultdict

from qa_service.interfaces import IMPACT_BITS, Index
from qa_service.language.tokens import list_content_tokens
from qa_service.retrieval.lexical import weigh_rarity
from qa_service.retrieval.terms import LOOKED_AT

LOOKED_UP = 64
"""So many tokens of a question are looked up."""
READ_POSTINGS = 5_000
"""About so many postings are read, which takes about a millisecond."""


def measure_coverage(question: str, index: Index) -> float:
    """Return which part of the question's content words stands in the passage that has most of them, between 0 and 1.

    Each word counts as much as it is rare. It costs one look-up, and none where the question has no content word.
    """
    tokens = list(dict.fromkeys(list_content_tokens(question[:LOOKED_AT])))[:LOOKED_UP]
    if not tokens:
        return 0.0
    ranking = index.look_up_words(tokens, READ_POSTINGS)
    weights = {token: weigh_rarity(ranking.passages, ranking.frequencies.get(token, 0)) for token in tokens}
    held: dict[int, float] = defaultdict(float)
    for token, places in ranking.postings.items():
        for part in places:
            for posting in part.packed:
                held[part.first + (posting >> IMPACT_BITS)] += weights[token]
    return max(held.values(), default=0.0) / sum(weights.values())
