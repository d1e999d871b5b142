"""This module puts the candidates of all sources into one order. It computes with numbers alone, and asks nobody.

The lexical and the dense score of a passage are each divided by the greatest one, and added. The words count more than
the meaning where the files have the question's words. The less of them the best passage covers, the more the meaning
counts, and for a question in another language than the files' it decides alone. The lexical scores of two sources can't
be compared, since a word is rarer among more passages. So each source has its own greatest one, which counts by how
much of the question the source covers.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from qa_service.language.file_names import find_described_files, find_named_files
from qa_service.model import Passage
from qa_service.search_interfaces import Candidate

LEXICAL_SHARE = 0.65
"""The words decide this much, and the meaning the rest, where the best passage covers the question."""
COVERING = 0.4
"""A passage covers a question when it has this part of the question's weighted words. Hardly any has them all."""
REPEATED = 0.98
"""Each further passage of a document counts by this factor less than the one before, so that an answer has the sources
of several documents where they say equally much."""
NAMED = 2.0
"""A passage of a file whose name stands in the question counts for this much more."""
DESCRIBED = 1.15
"""It counts for this much more if the question has the words of the file's name."""
RELEVANT_COVERAGE = 0.2
RELEVANT_DENSE = 0.3
"""A passage that reaches neither of these has nothing to do with the question, as far as can be seen."""


class SourceCandidates(Struct, frozen=True):
    """A `SourceCandidates` holds what one source has found. The scores of its passages are multiplied by `weight`."""

    candidates: Sequence[Candidate]
    weight: float = 1.0


def fuse_candidates(sources: Sequence[SourceCandidates], question: str = "") -> list[Passage]:
    """Return the passages of all sources, best first. Those of a file that the question names come before others that
    fit as well."""
    every = [candidate for source in sources for candidate in source.candidates]
    dense = max((candidate.dense for candidate in every), default=0.0)
    lexical_share = LEXICAL_SHARE if dense > 0 else 1.0
    dense_share = 1 - lexical_share * _measure_cover(every)
    favours = _weigh_files(question, every)
    scored: list[tuple[float, Passage]] = []
    for source in sources:
        share = lexical_share * _measure_cover(source.candidates)
        lexical = max((candidate.lexical for candidate in source.candidates), default=0.0)
        for candidate in source.candidates:
            score = share * _divide(candidate.lexical, lexical) + dense_share * max(
                0.0, _divide(candidate.dense, dense)
            )
            passage = replace(candidate.passage, nearness=round(candidate.dense, 3))
            scored.append((source.weight * favours.get(passage.file, 1.0) * score, passage))
    return _vary_documents(sorted(scored, key=lambda pair: -pair[0]))


def drop_repeated(passages: Iterable[Passage]) -> list[Passage]:
    """Return the passages without those whose text another one before them has, which says so."""
    known: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        known[" ".join(passage.text.split())].append(passage)
    return [
        replace(first, repeated_in=tuple(other.file_id for other in others)) if others else first
        for first, *others in known.values()
    ]


def is_relevant(candidate: Candidate) -> bool:
    """Tell whether a passage has anything to do with the question."""
    return candidate.coverage >= RELEVANT_COVERAGE or candidate.dense >= RELEVANT_DENSE


def _weigh_files(question: str, candidates: Iterable[Candidate]) -> Mapping[str, float]:
    names = {candidate.passage.file for candidate in candidates}
    described = dict.fromkeys(find_described_files(question, names), DESCRIBED)
    return described | dict.fromkeys(find_named_files(question, names), NAMED)


def _measure_cover(candidates: Iterable[Candidate]) -> float:
    return min(1.0, max((candidate.coverage for candidate in candidates), default=0.0) / COVERING)


def _divide(score: float, greatest: float) -> float:
    return score / greatest if greatest > 0 else 0.0


def _vary_documents(ranked: Iterable[tuple[float, Passage]]) -> list[Passage]:
    counts: Counter[str] = Counter()
    varied: list[tuple[float, Passage]] = []
    for score, passage in ranked:
        varied.append((score * REPEATED ** counts[passage.file_id], passage))
        counts[passage.file_id] += 1
    return [passage for _, passage in sorted(varied, key=lambda pair: -pair[0])]
