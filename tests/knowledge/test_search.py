"""Searching: what is found by words is exactly what BM25 over all passages ranks first."""

import random
from collections import Counter
from collections.abc import Sequence
from math import log
from pathlib import Path

import pytest
from msgspec.structs import replace

from qa_service.knowledge import search, terms
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import CollectionKey
from qa_service.knowledge.search import KnowledgeSource, SearchScope
from qa_service.knowledge_base import open_knowledge
from qa_service.language.tokens import list_tokens
from qa_service.search_interfaces import SearchTerms
from qa_service.settings import Settings
from tests.fakes import FakeEncoder
from tests.knowledge.shelf import MINE, ask, put, texts_of

WORDS = [f"word{number}" for number in range(400)]
TITLE = "book"


def rank_exactly(passages: list[str], question: str) -> list[float]:
    """Return the ten best scores of BM25, computed one passage after another."""
    counted = [Counter(list_tokens(f"{TITLE}\n\n{passage}")) for passage in passages]
    frequencies = Counter(token for counts in counted for token in counts)
    scores = []
    for counts in counted:
        norm = 1.2 * (0.25 + 0.75 * counts.total() / 325)
        parts = (
            log(1 + (len(passages) - frequencies[token] + 0.5) / (frequencies[token] + 0.5))
            * counts[token] * 2.2 / (counts[token] + norm)
            for token in set(list_tokens(question))
            if token in counts
        )  # fmt: skip
        scores.append(sum(parts))
    return sorted(scores, reverse=True)[:10]


@pytest.fixture
def passages(knowledge: Database) -> list[str]:
    """Return passages whose words are as unequally common as those of a language."""
    dice = random.Random(7)
    weights = [1 / (rank + 3) for rank in range(len(WORDS))]
    texts = [" ".join(dice.choices(WORDS, weights, k=dice.randint(20, 80))) for _ in range(300)]
    put(knowledge, TITLE, *texts)
    return texts


def test_the_best_ten_are_exact_however_few_words_are_essential(
    knowledge: Database, passages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(8)
    monkeypatch.setattr(search, "FEW_PASSAGES", 10)
    for _ in range(10):
        rare, common = dice.sample(WORDS[100:], 3), dice.sample(WORDS[:30], 4)
        question = " ".join([*rare, *common])
        found = [round(one.lexical, 3) for one in ask(knowledge, question)[:10]]
        exact = [round(score, 3) for score in rank_exactly(passages, question)]
        assert found == pytest.approx(exact, abs=2e-3)


def test_a_question_of_common_words_alone_finds_something(
    knowledge: Database, passages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST_ESSENTIAL_PASSAGES", 5)
    assert ask(knowledge, f"{WORDS[0]} {WORDS[1]}")[0].lexical > 0


def test_two_collections_are_ranked_as_one(knowledge: Database) -> None:
    put(knowledge, "a.txt", "refund rules of the shop", "parking")
    put(knowledge, "b.txt", "refund rules of mine", key=MINE)
    both = ask(knowledge, "refund rules", MINE.owner)
    assert texts_of(both)[:2] == ["refund rules of mine", "refund rules of the shop"]
    assert [one.coverage for one in both[:2]] == pytest.approx([1, 1], abs=1e-3)


def test_coverage_is_the_weighted_share_of_the_questions_words(knowledge: Database) -> None:
    put(knowledge, TITLE, "common rare", "common", *["common other"] * 30)
    found = {one.passage.text: one.coverage for one in ask(knowledge, "common rare unknown")}
    every = {word: log(1 + (32 - n + 0.5) / (n + 0.5)) for word, n in (("common", 32), ("rare", 1), ("unknown", 0))}
    whole = sum(every.values())
    assert found["common rare"] == pytest.approx((every["common"] + every["rare"]) / whole, abs=2e-3)
    assert found["common"] == pytest.approx(every["common"] / whole, abs=2e-3)


def test_collections_are_chosen_by_name(knowledge: Database) -> None:
    put(knowledge, "a.txt", "refund in shared")
    put(knowledge, "b.txt", "refund in the handbook", key=CollectionKey("", "handbook"))
    put(knowledge, "c.txt", "refund of mine", key=MINE)
    assert len(ask(knowledge, "refund", MINE.owner)) == 3
    assert texts_of(ask(knowledge, "refund", MINE.owner, names=["own"])) == ["refund of mine"]
    assert texts_of(ask(knowledge, "refund", MINE.owner, names=["handbook"])) == ["refund in the handbook"]
    assert len(ask(knowledge, "refund", MINE.owner, names=["shared"])) == 2


def test_two_words_with_the_same_number_show_nobody_elses_passage(
    knowledge: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (search, terms):
        monkeypatch.setattr(module, "number_term", lambda _, token: 1 + len(token))
    put(knowledge, "a.txt", "secret", key=MINE)
    put(knowledge, "b.txt", "public")
    assert texts_of(ask(knowledge, "public", "b" * 32)) == ["public"]


def test_a_vector_of_another_encoder_is_not_compared(knowledge: Database) -> None:
    put(knowledge, "a.txt", "alpha")
    source = KnowledgeSource(knowledge, SearchScope(), encoder="another/1")
    assert source.find_candidates(SearchTerms({}, b"\0" * 1024), 5) == []


class Lent(FakeEncoder):
    """A `Lent` counts what it encodes. Where its process is gone, it encodes nothing."""

    def __init__(self, *, is_gone: bool = False) -> None:
        self.encoded: list[str] = []
        self._is_gone = is_gone

    def encode_texts(self, texts: Sequence[str]) -> Sequence[bytes]:
        if self._is_gone:
            raise ConnectionError
        self.encoded += texts
        return super().encode_texts(texts)


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_search_without_a_question_is_encoded_in_the_process_that_workers_share(
    knowledge: Database, tmp_path: Path, *, is_gone: bool
) -> None:
    put(knowledge, "a.txt", "alpha beta")
    own, shared = Lent(), Lent(is_gone=is_gone)
    opened = open_knowledge(Settings(data=tmp_path), own, shared)
    assert opened
    base = replace(opened, database=knowledge)
    assert [found.passage.text for found in base.search([""], "alpha", (), 5)] == ["alpha beta"]
    assert (own.encoded, shared.encoded) == ((["alpha"], []) if is_gone else ([], ["alpha"]))
