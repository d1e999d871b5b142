"""These tests show where passages are looked for, and which places give only what has to do with the question."""

from collections.abc import Sequence

import pytest

from qa_service.model import Passage
from qa_service.retrieval.finding import HybridRetriever
from qa_service.search_interfaces import Candidate, Query, SearchTerms
from tests.fakes import FakeIndex


class Library:
    """A `Library` is a `CandidateSource` with one passage that fits, and one that doesn't."""

    def find_candidates(self, terms: SearchTerms, most: int) -> Sequence[Candidate]:
        fits = Candidate(Passage("d", "handbook", "The fee is five."), 30.0, 0.0, 0.8)
        return (fits, Candidate(Passage("d", "handbook", "A day off."), 9.0, 0.0, 0.1))


def index_of(*texts: str, file: str = "f") -> FakeIndex:
    return FakeIndex([Passage(file, f"{file}.txt", text) for text in texts])


def texts(query: Query) -> list[str]:
    return [passage.text for passage in HybridRetriever().find_passages(query)]


OWN = index_of("The fee is ten.", "Dogs need a leash.")
OTHER = index_of("The fee was nine.", "Cats may stay.", "Birds sing.", file="old")


def test_files_of_the_topic_come_first_and_others_only_where_they_fit() -> None:
    assert texts(Query("fee", files=OWN, other_files=OTHER)) == [
        "The fee is ten.",
        "The fee was nine.",
        "Dogs need a leash.",
    ]


def test_without_a_file_of_its_own_the_topic_gets_the_beginning_of_the_others() -> None:
    assert texts(Query("Who won?", other_files=OTHER)) == ["The fee was nine.", "Cats may stay."]


def test_the_knowledge_base_gives_what_fits() -> None:
    assert texts(Query("fee", knowledge=Library())) == ["The fee is five."]
    assert texts(Query("fee", files=OWN, knowledge=Library()))[:2] == ["The fee is ten.", "The fee is five."]


@pytest.mark.parametrize("question", ["이 파일 요약해 줘", "Summarize this document", "What is this file about?"])
def test_a_question_about_a_whole_file_gets_it_in_reading_order(question: str) -> None:
    assert texts(Query(question, files=index_of("One.", "This file.", "Two."))) == ["One.", "This file.", "Two."]


def test_nowhere_to_look_finds_nothing() -> None:
    assert texts(Query("fee")) == []
