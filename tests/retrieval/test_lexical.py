"""Ranking by words: what comes first, in Korean and in English, and what comes when nothing fits."""

import time
from collections.abc import Iterable, Sequence

import pytest

from qa_service.model import Passage
from qa_service.retrieval.finding import HybridRetriever
from qa_service.retrieval.lexical import build_index
from qa_service.search_interfaces import Postings, Query, Ranking, pack_posting
from tests.fakes import FakeIndex

pytestmark = pytest.mark.usefixtures("no_collections")

TEXTS = [
    "Opening hours are nine to five.",
    "The fee is ten dollars a day.",
    "Dogs must be kept on a leash. A dog without a leash is taken home.",
    "운영 시간은 오전 아홉 시부터 오후 다섯 시까지입니다.",
    "이용 요금은 하루에 만 원입니다.",
    "반려견은 목줄을 해야 합니다.",
]
PASSAGES = [Passage("f", "rules.pdf", text, page=number) for number, text in enumerate(TEXTS)]


def found(question: str, *earlier: str, limit: int = 60) -> list[int]:
    """Return the numbers of the passages found, best first."""
    query = Query(question, earlier, FakeIndex(PASSAGES))
    return [passage.page for passage in HybridRetriever(limit=limit).find_passages(query)]


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("What is the fee?", 1),
        ("opening hours", 0),
        ("Is a leash needed for my dog?", 2),
        ("이용요금이 얼마인가요?", 4),
        ("목줄이 필요한가요?", 5),
        ("운영시간 알려줘", 3),
    ],
)
def test_the_passage_that_answers_comes_first(question: str, best: int) -> None:
    assert found(question)[0] == best


def test_what_shares_no_word_follows_in_reading_order() -> None:
    assert found("fee") == [1, 0, 2, 3, 4, 5]


def test_a_question_without_a_known_word_gets_the_beginning() -> None:
    assert found("zebra", limit=2) == [0, 1]
    assert found("?", limit=2) == [0, 1]


def test_no_more_than_the_limit_are_found() -> None:
    assert found("fee", limit=3) == [1, 0, 2]


def test_an_empty_index_finds_nothing() -> None:
    assert HybridRetriever().find_passages(Query("fee", (), FakeIndex([]))) == ()


class TestFollowUps:
    def test_they_are_helped_by_the_words_of_the_question_before(self) -> None:
        assert found("And how much is it?", "Tell me about the fee")[0] == 1

    def test_their_own_words_weigh_more(self) -> None:
        assert found("And a leash?", "Tell me about opening hours")[0] == 2

    def test_only_the_last_two_count(self) -> None:
        assert found("And how much?", "fee", "zebra", "zebra") == [0, 1, 2, 3, 4, 5]


class TestIndexing:
    def test_it_says_where_a_word_stands(self) -> None:
        index = build_index(["plum pear", "pear"])
        assert (index["plum"][::2], index["pear"][::2]) == ([0], [0, 1])

    def test_a_word_said_often_weighs_more_and_one_in_a_long_passage_less(self) -> None:
        index = build_index(["plum pear", "plum plum", "plum pear fig lemon melon"])
        once, often, lost = index["plum"][1::2]
        assert often > once > lost > 0

    def test_a_passage_weighs_the_same_whatever_others_are_indexed_with_it(self) -> None:
        assert build_index(["plum pear", "fig " * 900])["plum"] == build_index(["plum pear"])["plum"]

    @pytest.mark.parametrize("passages", [[], [""], ["!?", "…"]])
    def test_text_without_words_has_an_empty_one(self, passages: list[str]) -> None:
        assert build_index(passages) == {}


def test_where_very_much_is_found_the_rare_words_decide() -> None:
    rare = Postings(0, [pack_posting(7, 900), pack_posting(9, 800)])

    class Crowded(FakeIndex):
        """The other word stands in every one of its passages, which are more than are read."""

        def look_up_words(self, words: Iterable[str], most: int) -> Ranking:
            assert most < 200_000
            return Ranking(200_000, {"leash": [rare]}, {"fee": 200_000, "leash": 2})

        def load_passages(self, numbers: Sequence[int]) -> Sequence[Passage | None]:
            return [Passage("f", "f", f"Page {number}", page=number) for number in numbers]

    ranked = HybridRetriever(limit=3).find_passages(Query("fee leash", (), Crowded([])))
    assert [passage.page for passage in ranked] == [7, 9, 6]


@pytest.mark.parametrize("piece", ["가나 ", "들이", "ab은 ", "a1,2.", "%", "水", "e\u0301", "라마"])
def test_a_hostile_question_costs_little(piece: str) -> None:
    question = piece * (32_000 // len(piece))
    started = time.thread_time()
    found(question, question, question)
    assert time.thread_time() - started < 0.1


def test_a_pasted_page_costs_no_more_than_its_first_words() -> None:
    asked: list[int] = []

    class Counting(FakeIndex):
        def look_up_words(self, words, most):
            asked.append(len(list(words)))
            return super().look_up_words(words, most)

    HybridRetriever().find_passages(Query(" ".join(f"word{n}" for n in range(5000)), (), Counting(PASSAGES)))
    assert max(asked) == 400


class Common(FakeIndex):
    """A `Common` is an `Index` in which every word stands in all passages, of which there are this many; it tells no
    more than it is asked for."""

    def __init__(self, passages: int) -> None:
        super().__init__([])
        self._count = passages
        self.most = 0

    def look_up_words(self, words: Iterable[str], most: int) -> Ranking:
        self.most = max(self.most, most)
        everywhere = [Postings(0, [pack_posting(number, 1000) for number in range(self._count)])]
        kept = list(words)[: most // self._count]
        return Ranking(self._count, dict.fromkeys(kept, everywhere), dict.fromkeys(kept, self._count))

    def load_passages(self, numbers: Sequence[int]) -> Sequence[Passage | None]:
        return [Passage("f", "a.txt", str(number)) for number in numbers]


def test_ranking_many_postings_takes_turns_with_others(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    monkeypatch.setattr("qa_service.pause.give_way", lambda: turns.append(1))
    index, began = Common(2000), time.process_time()
    found = HybridRetriever(turn_seconds=-1).find_passages(Query(" ".join(f"word{n}" for n in range(300)), (), index))
    assert time.process_time() - began < 0.2
    assert [passage.text for passage in found[:3]] == ["0", "1", "2"]
    assert index.most == 50_000
    assert len(turns) == 27  # one for each word, and one before either choice of the best
