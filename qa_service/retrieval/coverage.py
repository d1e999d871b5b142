"""This module measures how much of a question the files of a session have words for. A question whose words stand in
them is probably about them."""

from collections import defaultdict
from collections.abc import Mapping

from qa_service.interfaces import FileStore
from qa_service.language.tokens import list_content_tokens
from qa_service.model import Question, Session, StoredFile
from qa_service.retrieval.lexical import weigh_rarity
from qa_service.retrieval.terms import SEARCHED_OF_QUESTION
from qa_service.search_interfaces import IMPACT_BITS, Index

LOOKED_UP = 64
"""This many tokens of a question are looked up."""
MOST_TOPICS = 3
"""The files of this many topics are looked at: those of the current topic, and of the latest others that have some."""
READ_POSTINGS = 5_000
"""About this many postings are read, which takes about a millisecond."""


def measure_coverage(question: str, index: Index) -> float:
    """Return which part of the question's content words stands in the passage that has most of them, between 0 and 1.

    Each word counts as much as it is rare. It costs one look-up, and none where the question has no content word.
    """
    tokens = list(dict.fromkeys(list_content_tokens(question[:SEARCHED_OF_QUESTION])))[:LOOKED_UP]
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


def measure_topics(store: FileStore, question: Question, session: Session) -> Mapping[int, float]:
    """Return the coverage of a question by the files of each topic. Topics without files aren't in it, so where there
    are no files it costs nothing."""
    files = defaultdict[int, list[StoredFile]](list)
    for file in session.files:
        if file.passages:
            files[file.topic].append(file)
    latest = sorted(files, key=lambda topic: (topic != session.topic, -topic))[:MOST_TOPICS]
    indexes = {topic: store.open_index(question.owner, session.session_id, files[topic]) for topic in latest}
    return {topic: measure_coverage(question.text, index) for topic, index in indexes.items()}
