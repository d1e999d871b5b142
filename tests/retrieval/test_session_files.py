"""These tests show how the files of a session are searched by words and by meaning, and when passages are encoded."""

import time
from collections.abc import Iterable, Sequence

import pytest

from qa_service.model import Passage
from qa_service.retrieval.encoding import PassageEncoding
from qa_service.retrieval.finding import HybridRetriever
from qa_service.retrieval.lexical import ADDED_AT_ONCE, score_words
from qa_service.retrieval.session_files import COMPARED, FileCandidates
from qa_service.retrieval.terms import build_terms
from qa_service.search_interfaces import Index, Query
from tests.fakes import FakeEncoder, FakeIndex

TEXTS = ["The fee is ten dollars.", "Dogs need a leash.", "Opening hours are nine to five.", "Cats may stay."]


class Translating(FakeEncoder):
    """A `Translating` encoder knows that 목줄 is a leash, and remembers what it was asked to encode."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []

    def encode_texts(self, texts: Sequence[str]) -> Sequence[bytes]:
        self.asked.append(texts)
        return super().encode_texts([text.replace("목줄", "leash.") for text in texts])


def index_of(texts: Sequence[str] = TEXTS) -> FakeIndex:
    return FakeIndex([Passage("f", "a.txt", text, page=number) for number, text in enumerate(texts)])


def found(question: str, index: FakeIndex, encoder: FakeEncoder | None = None) -> list[int]:
    return [passage.page for passage in HybridRetriever(encoder).find_passages(Query(question, (), index))]


def test_a_question_in_another_language_finds_by_meaning_once_the_passages_are_encoded() -> None:
    index, encoder = index_of(), Translating()
    PassageEncoding(encoder).encode_now(index, range(4))
    assert found("목줄", index, encoder)[0] == 1


def test_a_fresh_file_is_found_by_words_and_only_what_words_find_is_encoded_at_once() -> None:
    index, encoder = index_of([*TEXTS, *(f"Page {n} says nothing." for n in range(200))]), Translating()
    assert found("the fee", index, encoder)[0] == 0
    assert sorted(number for _, number in index.vectors) == [0, 1]
    encoder.asked.clear()
    found("the fee", index, encoder)
    assert encoder.asked == [["the fee"]]


def test_at_most_fifty_passages_are_encoded_for_a_question() -> None:
    index = index_of([f"The fee of room {n}." for n in range(300)])
    found("fee", index, Translating())
    assert len(index.vectors) == 50


def test_encoding_ends_when_its_time_is_over() -> None:
    index = index_of([f"The fee of room {n}." for n in range(300)])
    assert len(PassageEncoding(FakeEncoder()).encode_now(index, range(300), seconds=0)) == 4


def test_with_an_encoder_in_another_process_the_rest_follows_off_the_answers_way() -> None:
    index, encoder = index_of([*TEXTS, *(f"Page {n} says nothing." for n in range(60))]), Translating()
    HybridRetriever(encoder, shared=encoder).find_passages(Query("the fee", (), index))
    until = time.monotonic() + 5
    while len(index.vectors) < 64 and time.monotonic() < until:
        time.sleep(0.005)
    assert len(index.vectors) == 64


def test_passages_that_arent_compared_arent_encoded_later_either() -> None:
    class Waiting(PassageEncoding):
        waiting: Sequence[int] = ()

        def encode_later(self, index: Index, numbers: Iterable[int]) -> None:
            self.waiting = list(numbers)

    encoding = Waiting(FakeEncoder())
    index = index_of([f"The fee of room {n}." if n % 2 else f"Page {n}." for n in range(3 * COMPARED)])
    FileCandidates(index, encoding).find_candidates(build_terms("fee", encoder=FakeEncoder()), 60)
    assert len(encoding.waiting) == COMPARED - 50


def test_of_passages_with_equal_words_the_first_ones_are_found() -> None:
    assert found("fee", index_of(["The fee."] * 300)) == list(range(60))


def test_adding_up_a_word_of_endless_files_gives_way_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[int] = []
    monkeypatch.setattr("qa_service.pause.give_way", lambda: pauses.append(1))
    ranking = index_of(["The fee."] * 10 * ADDED_AT_ONCE).look_up_words(["fee"], 10)
    score_words({"fee": 1.0}, ranking, 0.0)
    assert len(pauses) == 10


def test_where_that_process_is_gone_the_words_still_find() -> None:
    class Gone(FakeEncoder):
        def encode_texts(self, texts: Sequence[str]) -> Sequence[bytes]:
            raise ConnectionError

    ranked = HybridRetriever(FakeEncoder(), shared=Gone()).find_passages(Query("the fee", (), index := index_of()))
    assert ranked[0].page == 0
    assert index.vectors == {}


def test_a_heading_counts_with_its_passage_for_both_ways() -> None:
    index, encoder = FakeIndex([Passage("f", "a.docx", "Within 7 days.", section="Refunds")]), Translating()
    PassageEncoding(encoder).encode_now(index, [0])
    assert encoder.asked == [["Refunds\nWithin 7 days."]]


def test_a_neighbour_of_a_hit_comes_before_what_only_shares_a_common_word() -> None:
    texts = [*(f"The room {n} is open." for n in range(9)), "The pump starts then.", "It hums.", "Valve room pump."]
    ranked = [p.text for p in HybridRetriever().find_passages(Query("pump valve room", (), index_of(texts)))]
    assert ranked.index("It hums.") < ranked.index("The room 0 is open.")


def test_a_passage_that_can_not_be_read_is_left_out() -> None:
    class Torn(FakeIndex):
        def load_passages(self, numbers: Sequence[int]) -> Sequence[Passage | None]:
            return [None if number == 0 else self._passages[number] for number in numbers]

    index = Torn([Passage("f", "a.txt", text) for text in ("The fee is ten.", "The fee of dogs.")])
    terms = build_terms("fee")
    assert [candidate.passage.text for candidate in FileCandidates(index).find_candidates(terms, 9)] == [
        "The fee of dogs."
    ]
