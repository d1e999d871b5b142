"""These tests show where passages are looked for, and which places give only what has to do with the question."""

import pytest

from qa_service.evaluator import WatchedRetriever
from qa_service.model import Passage
from qa_service.retrieval.finding import HybridRetriever
from qa_service.retrieval.session_files import FileCandidates
from qa_service.search_interfaces import Query, Retriever
from tests.fakes import FakeEncoder, FakeIndex


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
    # A passage beside one that fits is a candidate, and has nothing to do with the question.
    knowledge = FileCandidates(index_of("The fee is five.", "A day off.", file="handbook"))
    assert texts(Query("fee", knowledge=knowledge)) == ["The fee is five."]
    assert texts(Query("fee", files=OWN, knowledge=knowledge))[:2] == ["The fee is ten.", "The fee is five."]


@pytest.mark.parametrize("question", ["이 파일 요약해 줘", "Summarize this document", "What is this file about?"])
def test_a_question_about_a_whole_file_gets_it_in_reading_order(question: str) -> None:
    assert texts(Query(question, files=index_of("One.", "This file.", "Two."))) == ["One.", "This file.", "Two."]


class TestRetriever:
    """These tests show what every `Retriever` promises."""

    @pytest.fixture(params=["words", "meaning", "watched"])
    def retriever(self, request: pytest.FixtureRequest) -> Retriever:
        if request.param == "watched":
            return WatchedRetriever(HybridRetriever())
        return HybridRetriever(FakeEncoder() if request.param == "meaning" else None)

    def test_the_best_passage_comes_first(self, retriever: Retriever) -> None:
        found = retriever.find_passages(Query("leash", files=OWN))
        assert [passage.text for passage in found] == ["Dogs need a leash.", "The fee is ten."]

    def test_nowhere_to_look_finds_nothing(self, retriever: Retriever) -> None:
        assert retriever.find_passages(Query("fee")) == ()
