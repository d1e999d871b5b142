"""This module searches collections by words and by meaning.

The words are searched exactly, and still few passages are looked at. The essential words of a question are its rarest
ones. Passages with one of them are found by an index, and ranked. What the other words could add to a passage without
any essential word has an upper bound. While that bound is above the tenth passage's score, the search is made once more
with more essential words.
"""

import struct
from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from qa_service.knowledge.connections import DatabaseConnection, DatabaseRow
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import EVERYBODY, OWN, SHARED
from qa_service.knowledge.terms import number_term, write_numbers, write_sparse
from qa_service.model import Passage, Place
from qa_service.retrieval.lexical import weigh_rarity
from qa_service.search_interfaces import Candidate, SearchTerms

FEW_PASSAGES = 300
"""The words that this many passages have together are essential at first."""
MOST_ESSENTIAL_PASSAGES = 4_000
"""A word that more passages have is never essential, unless the question has no other. At 100,000 passages, less than
two in a thousand of an exact top ten are lost by that where people have written them, and four in a hundred where they
are the benchmark's, which have no subjects. The slowest searches take half the time."""
FAINT = 0.05
"""A word has more weight than that in each passage that has it, unless the passage has many thousands of words."""
EXACT = 10
"""This many passages are certainly the best ones by words."""


class SearchScope(Struct, frozen=True):
    """A `SearchScope` says where somebody searches: in the collections of these owners that have one of these names.
    `own` stands for all of somebody's own collections, and `shared` for all shared ones."""

    owners: tuple[str, ...] = (EVERYBODY,)
    names: tuple[str, ...] = (OWN, SHARED)


class SearchedCollection(Struct, frozen=True):
    """A `SearchedCollection` is what a search knows of a collection. `is_near` says whether it has an index of its own
    for vectors, and `is_encoded` whether its vectors are of the encoder that encodes the questions."""

    number: int
    passages: int
    is_near: bool
    is_encoded: bool


class _Term(Struct, frozen=True):
    """A `_Term` is a word of the question. It has a number in each collection."""

    numbers: tuple[int, ...]
    passages: int
    weight: float
    most: float
    """This is the greatest weight that the word has in any passage, times its weight in the question."""


class KnowledgeSource:
    """A `KnowledgeSource` is the `CandidateSource` of a knowledge base. `encoder` is the name of the one that encodes
    the questions."""

    def __init__(self, database: Database, scope: SearchScope, *, encoder: str = "") -> None:
        self._database = database
        self._scope = scope
        self._encoder = encoder

    def find_candidates(self, terms: SearchTerms, most: int) -> Sequence[Candidate]:
        """Return the best passages of either way of searching, as `CandidateSource` says. A document's name stands in
        the field `file` of its passages."""
        if not self._database.has_tables():
            return ()
        return self._database.search(lambda connection: self._search(connection, terms, most))

    def _search(self, connection: DatabaseConnection, terms: SearchTerms, most: int) -> Sequence[Candidate]:
        collections = self._list_collections(connection)
        if not collections:
            return ()
        known = _look_up_terms(connection, collections, terms.weights)
        found = set(_find_lexical(connection, known, most))
        vector = write_vector(terms.vector) if terms.vector and collections[0].is_encoded else ""
        if vector:
            found |= set(_find_dense(connection, collections, vector, most))
        return _load_candidates(connection, collections, found, known, vector)

    def _list_collections(self, connection: DatabaseConnection) -> Sequence[SearchedCollection]:
        rows = connection.run_again(
            "select id, passages, is_near, "
            "coalesce((select value = :encoder from state where name = 'encoder'), false) from collection "
            "where owner = any(:owners::text[]) and passages > 0 and "
            "(name = any(:names::text[]) or case when owner = '' then 'shared' else 'own' end = any(:names::text[]))",
            owners=list(self._scope.owners),
            names=list(self._scope.names),
            encoder=self._encoder,
        )
        return [SearchedCollection(*row) for row in rows]


def write_vector(vector: bytes) -> str:
    """Write a vector as pgvector reads it."""
    numbers = struct.unpack(f"<{len(vector) // 2}e", vector)
    return f"[{','.join(f'{number:.4g}' for number in numbers)}]"


def _look_up_terms(
    connection: DatabaseConnection, collections: Sequence[SearchedCollection], weights: Mapping[str, float]
) -> Sequence[_Term]:
    """Return the words of the question that any passage has, rarest first."""
    numbers = {token: tuple(number_term(one.number, token) for one in collections) for token in weights}
    rows = connection.run_again(
        "select id, passages, most from term where id = any(:numbers::int[])",
        numbers=write_numbers(number for several in numbers.values() for number in several),
    )
    found = {number: (passages, most) for number, passages, most in rows}
    every = sum(one.passages for one in collections)
    terms = []
    for token, several in numbers.items():
        passages = sum(found.get(number, (0, 0.0))[0] for number in several)
        weight = weights[token] * weigh_rarity(every, passages)
        most = max(found.get(number, (0, 0.0))[1] for number in several)
        terms.append(_Term(several, passages, weight, weight * most))
    return sorted(terms, key=lambda term: term.passages)


def _find_lexical(connection: DatabaseConnection, terms: Sequence[_Term], most: int) -> Several[str]:
    """Return the numbers of the best passages by words."""
    known = [term for term in terms if term.passages]
    if not known:
        return ()
    question = _write_question(known)
    essential = _choose_essential(known, FEW_PASSAGES)
    while True:
        best, tenth = _rank_passages(connection, known[:essential], question, most)
        needed = _count_needed(known, tenth)
        if needed <= essential:
            return best
        essential = needed


def _choose_essential(known: Sequence[_Term], passages: int) -> int:
    """Return how many of the rarest words have about this many passages together, and one at least."""
    count, together = 0, 0
    for term in known:
        together += term.passages
        if count and together > passages:
            break
        count += 1
    return count


def _count_needed(known: Sequence[_Term], score: float) -> int:
    """Return how many of the rarest words are needed so that the others alone can't give a passage that score."""
    usable = max(1, sum(term.passages <= MOST_ESSENTIAL_PASSAGES for term in known))
    rest, needed = sum(term.most for term in known), 0
    while needed < usable and rest > score:
        rest -= known[needed].most
        needed += 1
    return needed


def _rank_passages(
    connection: DatabaseConnection, essential: Sequence[_Term], question: str, most: int
) -> tuple[Several[str], float]:
    """Return the numbers of the best passages that have an essential word, and the tenth score, or 0."""
    rows = connection.run_again(
        # The driver reads one row with a list many times as fast as a row for each passage.
        f"select string_agg(id::text, ','), (array_agg(score order by score desc))[{EXACT}] from "
        "(select id, -(weights <#> :question::sparsevec) as score from lexical where terms && :essential::int[] "
        "order by score desc, id limit :most::int) as best",
        question=question,
        essential=write_numbers(number for term in essential for number in term.numbers),
        most=most,
    )
    return _split_numbers(rows), rows[0][1] or 0.0


def _find_dense(
    connection: DatabaseConnection, collections: Sequence[SearchedCollection], vector: str, most: int
) -> Several[str]:
    """Return the numbers of the best passages by meaning. A large collection has an index of its own; with one index
    for all, small collections would find next to nothing. The vectors of small collections are all compared."""
    small = [one.number for one in collections if not one.is_near]
    parts = [f"collection = {one.number} order by vector <#> :vector::halfvec" for one in collections if one.is_near]
    if small:
        # The sum keeps PostgreSQL from using the index of another collection.
        parts.append("collection = any(:small::int[]) order by (vector <#> :vector::halfvec) + 0")
    near = " union all ".join(
        f"(select id, vector <#> :vector::halfvec as distance from dense where {part} limit :most::int)"
        for part in parts
    )
    rows = connection.run(
        "select string_agg(id::text, ',') from "
        f"(select id from ({near}) as near order by distance limit :most::int) as nearest",
        vector=vector,
        most=most,
        small=small,
    )
    return _split_numbers(rows)


def _split_numbers(rows: Sequence[DatabaseRow]) -> Several[str]:
    """Return the numbers that are written with commas between them in the first column of the only row."""
    return rows[0][0].split(",") if rows[0][0] else ()


def _load_candidates(
    connection: DatabaseConnection,
    collections: Sequence[SearchedCollection],
    numbers: Several[str],
    terms: Sequence[_Term],
    vector: str,
) -> Sequence[Candidate]:
    """Load passages with their scores of both ways. The collections are checked once more here, because two words may
    have the same number.

    The coverage is found by the sums of absolute differences, which pgvector computes thirty times as fast as
    PostgreSQL intersects two lists. A faint question has less weight for each word than any passage that has the word.
    So such a word makes the difference to the passage smaller by its weight in the question, and any other word makes
    it larger by that.
    """
    faint = FAINT / max((term.weight for term in terms), default=1.0)
    dense = "-(e.vector <#> :vector::halfvec)" if vector else "0"
    rows = connection.run_again(
        # One row of JSON is read three times as fast as a hundred rows with a dozen columns.
        "select json_agg(json_build_array("
        f"-(l.weights <#> :question::sparsevec), coalesce({dense}, 0), "
        "(l.weights <+> :nothing::sparsevec) - (l.weights <+> :faint::sparsevec), "
        "d.id, coalesce(nullif(d.title, ''), d.name), d.url, p.body, p.page, p.section, p.paged, p.place::json, "
        "p.anchor))::text from passage p join document d on d.id = p.document join lexical l on l.id = p.id "
        "left join dense e on e.id = p.id "
        "where p.id = any(:numbers::bigint[]) and p.collection = any(:collections::int[])",
        question=_write_question(terms),
        vector=vector,
        nothing=write_sparse({}),
        faint=_write_question(terms, faint),
        numbers=write_numbers(numbers),
        collections=write_numbers(one.number for one in collections),
    )
    every = faint * sum(term.weight for term in terms for _ in term.numbers)
    once = faint * sum(term.weight for term in terms) or 1.0
    return [
        _build_candidate(found, min(1.0, max(0.0, (found.nearer + every) / 2 / once)))
        for found in _FOUND.decode(rows[0][0] or "[]")
    ]


class _Found(Struct, frozen=True, array_like=True):
    """A `_Found` is a passage as the statement gives it."""

    lexical: float
    dense: float
    nearer: float
    """The passage is by this much nearer to the faint question than to nothing."""
    document_id: str
    title: str
    url: str
    text: str
    page: int
    section: str
    paged: bool
    place: Place
    anchor: str


_FOUND = msgspec.json.Decoder(list[_Found])


def _build_candidate(found: _Found, coverage: float) -> Candidate:
    passage = Passage(
        found.document_id,
        found.title,
        found.text,
        page=found.page,
        section=found.section,
        paged=found.paged,
        place=found.place,
        url=f"{found.url}#{found.anchor}" if found.url and found.anchor else found.url,
        in_knowledge=True,
    )
    return Candidate(passage, max(0.0, found.lexical), found.dense, coverage)


def _write_question(terms: Sequence[_Term], factor: float = 1.0) -> str:
    weights = {number: factor * term.weight for term in terms for number in term.numbers if term.weight > 0}
    return write_sparse(dict(sorted(weights.items())))
