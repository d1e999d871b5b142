"""This module finds the passages for a question, in the files of its session and in the knowledge base."""

from qa_service.language.summaries import asks_for_summary
from qa_service.model import Passage
from qa_service.retrieval.encoding import PassageEncoding
from qa_service.retrieval.fusing import SourceCandidates, fuse_candidates, is_relevant
from qa_service.retrieval.session_files import TURN_SECONDS, FileCandidates
from qa_service.retrieval.synonyms import Synonyms
from qa_service.retrieval.terms import build_terms
from qa_service.search_interfaces import CandidateSource, Encoder, Index, Query, SearchTerms

OTHER_WEIGHT = 0.9
"""A passage of a file that came with an earlier topic counts for this part of one that came with the question's."""
_OPENING = 2
"""This many passages from the beginning of the session's other files are found for any question, if the topic has no
file of its own. "That file" may be one of them."""


class HybridRetriever:
    """`HybridRetriever` is the `Retriever` that ranks by words and, with an encoder, by meaning. It finds at most
    `limit` passages.

    `shared` is the same encoder in another process, which encodes passages. Without it, `encoder` does.
    """

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        shared: Encoder | None = None,
        synonyms: Synonyms | None = None,
        limit: int = 60,
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        self._encoder = encoder
        passages = shared or encoder
        self._encoding = PassageEncoding(passages, is_far=shared is not None) if encoder and passages else None
        self._synonyms = synonyms
        self._limit = limit
        self._turn_seconds = turn_seconds

    def find_passages(self, query: Query) -> tuple[Passage, ...]:
        """Find the best passages, best first. If there is room, passages of the topic's files that fit neither by words
        nor by meaning follow in reading order. So a question about a whole file ("what is this?") gets the file's
        beginning, and one that asks for a summary gets nothing else. Of the other places only what has to do with the
        question is found."""
        own, others = self._open(query.files), self._open(query.other_files)
        nearest = own or others
        if nearest and asks_for_summary(query.question):
            return tuple(nearest.list_beginning(self._limit))
        terms = build_terms(query.question, query.earlier, self._encoder, self._synonyms)
        elsewhere = [(others, OTHER_WEIGHT), (query.knowledge, 1.0)]
        found = [SourceCandidates(own.find_candidates(terms, self._limit))] if own else []
        found += [self._find_relevant(source, terms, weight) for source, weight in elsewhere if source]
        ranked = fuse_candidates(found, query.question)[: self._limit]
        rest = (
            own.list_beginning(self._limit - len(ranked)) if own else others.list_beginning(_OPENING) if others else ()
        )
        return (*ranked, *rest)

    def _open(self, index: Index | None) -> FileCandidates | None:
        return FileCandidates(index, self._encoding, turn_seconds=self._turn_seconds) if index else None

    def _find_relevant(self, source: CandidateSource, terms: SearchTerms, weight: float) -> SourceCandidates:
        found = source.find_candidates(terms, self._limit)
        return SourceCandidates([candidate for candidate in found if is_relevant(candidate)], weight)
