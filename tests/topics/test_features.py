"""These tests show what the features see in a question beside a conversation."""

import pytest

from qa_service.model import Exchange
from qa_service.topics.features import RECENT_EXCHANGES, compare_words, compute_features, is_unknown_language

TRAIN = Exchange("When does the train to Busan leave?", "The train leaves at nine from platform four. Anything else?")


def test_stems_are_found_where_they_stand() -> None:
    shared = compare_words("Which platform do Busan trains use?", [TRAIN])
    assert shared.last_question == {"busan", "train"}
    assert shared.last_answer == {"platform", "train"}
    assert shared.new == frozenset()


def test_only_recent_exchanges_count() -> None:
    context = [Exchange("penguins", "penguins"), *[TRAIN] * RECENT_EXCHANGES]
    assert compute_features("penguins", context)["nothing shared"]


@pytest.mark.parametrize("separator", [" ", "-", "/", ".", "\n", "—", "、", "\xa0"])
def test_words_are_found_between_any_separators(separator: str) -> None:
    exchange = Exchange(f"{separator}cat{separator}DOG{separator}", f"x{separator}{separator}Ox")
    assert compare_words("dog cat ox cow", [exchange]).new == {"cow"}


def test_an_underscore_is_part_of_a_word() -> None:
    assert compare_words("cat", [Exchange("cat_food", "é cat_food")]).new == {"cat"}


def test_short_word_is_not_found_within_a_longer_one() -> None:
    assert compare_words("cat", [Exchange("category", "")]).new == {"cat"}


def test_korean_stem_is_found_within_a_compound() -> None:
    assert compare_words("휴가는?", [Exchange("연차휴가신청서", "")]).old == {"휴가"}


def test_single_syllable_is_found_only_at_the_beginning_of_a_word() -> None:
    assert compare_words("일", [Exchange("휴일", "")]).old == frozenset()


def test_a_part_of_a_compound_counts_as_a_root() -> None:
    assert compare_words("휴가신청서", [Exchange("신청은 어떻게?", "")]).roots == 1


def test_names_are_told_old_from_new() -> None:
    shared = compare_words("Does the one to Busan or Seoul stop?", [TRAIN])
    assert (shared.names_old, shared.names_new) == (1, 1)


def test_reply_to_a_question_back_is_seen() -> None:
    assert compute_features("Busan, tomorrow morning", [TRAIN])["replies"]
    assert not compute_features("Is it late?", [TRAIN])["replies"]


def test_pronoun_counts_by_what_stands_before_it() -> None:
    assert compute_features("Is it late?", [TRAIN])["pronoun early"]
    assert compute_features("Can the red express engine pull its cars?", [TRAIN])["pronoun late"]


def test_hopping_conversation_is_seen() -> None:
    assert compute_features("Weather?", [TRAIN, Exchange("Which cheese melts?", "Gouda.")])["hopping"]
    assert not compute_features("Weather?", [TRAIN, Exchange("And trains back?", "At ten.")])["hopping"]


def test_missing_question_or_answer_is_allowed() -> None:
    numbers = compute_features("What now?", [Exchange("", "")])
    assert numbers["no answer"]
    assert numbers["nothing shared"]


@pytest.mark.parametrize("question", ["기차는 몇 시?", "When is it?", "電車は？", "電車 is it?"])
def test_languages_of_the_cues_are_known(question: str) -> None:
    assert not is_unknown_language(question)


@pytest.mark.parametrize("question", ["Wann fährt er?", "Cuándo", "Когда?", "متى؟"])
def test_other_languages_are_told_apart(question: str) -> None:
    assert is_unknown_language(question)
