"""These tests show what every `CandidateSource` promises, wherever it searches."""

from pathlib import Path

import pytest

from qa_service.knowledge.database import Database
from qa_service.knowledge.search import KnowledgeSource, SearchScope
from qa_service.knowledge_base import OptionalSource, Outage
from qa_service.language.tokens import list_tokens
from qa_service.model import Passage
from qa_service.retrieval.encoding import PassageEncoding
from qa_service.retrieval.session_files import FileCandidates
from qa_service.search_interfaces import CandidateSource, SearchTerms
from tests.fakes import FakeEncoder, FakeIndex
from tests.knowledge.shelf import make_indexer, put

TEXTS = ["The fee is ten dollars", "Dogs need a leash", "Ten dollars and ten cents", "Cats may stay"]
BY_WORDS, _, BY_MEANING, _ = TEXTS
TERMS = SearchTerms(
    dict.fromkeys(list_tokens("fee in dollars"), 1.0), FakeEncoder().encode_texts(["ten dollars and ten cents"])[0]
)


def search_files() -> FileCandidates:
    index, encoding = FakeIndex([Passage("f", "a.txt", text) for text in TEXTS]), PassageEncoding(FakeEncoder())
    encoding.encode_now(index, range(len(TEXTS)), 10)
    return FileCandidates(index, encoding)


class TestCandidateSource:
    @pytest.fixture(params=["files", "knowledge", "optional"])
    def source(self, request: pytest.FixtureRequest, tmp_path: Path) -> CandidateSource:
        if request.param == "files":
            return search_files()
        if request.param == "optional":
            return OptionalSource(search_files(), Outage())
        database: Database = request.getfixturevalue("knowledge")
        put(database, "a.txt", *TEXTS)
        make_indexer(database, tmp_path, encoder=FakeEncoder()).run()
        return KnowledgeSource(database, SearchScope(("",), ("shared",)), encoder=FakeEncoder.name)

    def test_the_best_of_either_way_are_found_each_once(self, source: CandidateSource) -> None:
        found = source.find_candidates(TERMS, 1)
        assert sorted(candidate.passage.text for candidate in found) == sorted([BY_WORDS, BY_MEANING])

    def test_what_one_way_has_found_has_the_score_of_the_other_too(self, source: CandidateSource) -> None:
        found = {candidate.passage.text: candidate for candidate in source.find_candidates(TERMS, 1)}
        assert found[BY_WORDS].lexical > found[BY_MEANING].lexical > 0
        assert found[BY_MEANING].dense > found[BY_WORDS].dense > 0

    def test_words_that_stand_nowhere_find_nothing(self, source: CandidateSource) -> None:
        assert list(source.find_candidates(SearchTerms({"zebra": 1.0}), 5)) == []
