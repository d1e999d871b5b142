"""A text becomes search tokens and content words."""

import time

import pytest

from qa_service.language.tokens import LONGEST_WORD, list_search_tokens, list_tokens, list_words

pytestmark = pytest.mark.usefixtures("no_collections")


@pytest.mark.parametrize("form", ["고양이가", "고양이는", "고양이를", "고양이에게", "고양이들의", "고양이"])
def test_korean_word_keeps_its_stem_under_any_particle(form: str) -> None:
    assert list_words(form) == list_words("고양이")


@pytest.mark.parametrize("word", ["가을", "마을", "지도", "나이", "회의"])
def test_syllables_that_look_like_particles_stay_in_short_words(word: str) -> None:
    assert list_words(word) == [word]


def test_compound_shares_a_token_with_each_of_its_parts() -> None:
    assert set(list_tokens("연차")) & set(list_tokens("연차휴가규정은"))
    assert set(list_tokens("규정")) & set(list_tokens("연차휴가규정은"))


def test_verb_forms_of_a_noun_meet_the_noun() -> None:
    assert list_words("신청하려면") == list_words("신청합니다") == list_words("신청")


def test_forms_of_to_do_alone_are_no_content() -> None:
    assert list_words("어떻게 해야 하나요") == []


def test_particle_behind_a_latin_word_is_no_token() -> None:
    assert list_tokens("GPT로") == ["gpt"]


@pytest.mark.parametrize(
    ("forms", "stem"),
    [("cats cat", "cat"), ("studies study", "study"), ("running runs run", "run"), ("boxes box", "box")],
)
def test_english_forms_meet(forms: str, stem: str) -> None:
    assert set(list_words(forms)) == {stem}


def test_silent_e_does_not_part_a_verb_from_its_forms() -> None:
    assert len(set(list_tokens("invite invites invited inviting"))) == 1


def test_short_and_odd_english_words_stay_whole() -> None:
    assert list_tokens("need bring class bus as 4th naïve") == ["need", "bring", "class", "bus", "as", "4th", "naïve"]


def test_possessive_and_contraction_leave_the_word() -> None:
    assert list_tokens("the user's cat can’t") == ["the", "user", "cat", "can"]


def test_number_is_found_whole_and_by_its_parts() -> None:
    assert list_tokens("3.5") == ["3.5", "3", "5"]
    assert "1000" in list_tokens("1,000")
    assert list_words("3.5 and 1,000") == ["3.5", "1000"]


def test_a_raised_digit_is_no_part_of_the_number_or_the_word_before_it() -> None:
    assert list_tokens("300¹ 10⁶ word² 10₂ H₂O") == ["300", "1", "10", "6", "word", "2", "10", "2", "h2o"]


def test_japanese_and_chinese_give_pairs() -> None:
    assert list_tokens("東京都") == ["東京", "京都"]
    assert list_tokens("水") == ["水"]


def test_hiragana_is_no_content_word() -> None:
    assert list_words("東京の水です") == ["東京", "水"]


def test_function_words_are_tokens_but_no_content() -> None:
    assert list_tokens("what is the cat") == ["what", "is", "the", "cat"]
    assert list_words("what is the cat") == ["cat"]
    assert list_words("그리고 어떤 고양이는") == list_words("고양이")


def test_tokens_repeat_in_order() -> None:
    assert list_tokens("b a b") == ["b", "a", "b"]


def test_composed_decomposed_and_full_width_text_are_the_same() -> None:
    assert list_tokens("각설탕") == list_tokens("\u1100\u1161\u11a8\u1109\u1165\u11af\u1110\u1161\u11bc")
    assert list_tokens("ＡＢＣ") == list_tokens("abc")


def test_lone_surrogates_part_words() -> None:
    assert list_tokens("cat\ud800dog\udfff") == ["cat", "dog"]


@pytest.mark.parametrize("letter", ["가", "a", "은", "水"])
def test_endless_run_gives_no_endless_token(letter: str) -> None:
    run = letter * 1000
    assert max(map(len, list_tokens(run) + list_words(run))) <= LONGEST_WORD


@pytest.mark.parametrize("piece", [".", "가", "은", "a", "도에만의", "1,", " ", "\n", "a'", "ab은 ", "들이", "에서의"])
def test_hostile_text_is_read_in_linear_time(piece: str) -> None:
    text = piece * (32_000 // len(piece))
    started = time.thread_time()
    list_tokens(text)
    list_words(text)
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize(
    "word", ["가" + "들이" * 31 + "쿠", "가" + "도에만의" * 15 + "쿠", "이" * 63 + "쿠", "나라" * 32]
)
def test_a_word_made_of_particles_is_stemmed_at_once(word: str) -> None:
    started = time.thread_time()
    assert list_words(word) == [word]
    assert time.thread_time() - started < 0.05


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("고양이들에게서는", "고양"),
        ("학교들에게", "학교"),
        ("사람들이", "사람"),
        ("서울로", "서울"),
        ("부산으로부터", "부산"),
        ("가을로", "가을"),
        ("책을", "책"),
        ("배는", "배"),
        ("집에서", "집"),
        ("나이", "나이"),
        ("검토하려면", "검토"),
        ("승인되었습니다", "승인"),
    ],
)
def test_a_stem_is_the_shortest_whose_rest_is_particles(word: str, stem: str) -> None:
    assert list_words(word) == [stem]


def test_a_korean_word_with_a_number_is_a_token_besides_its_parts() -> None:
    assert list_tokens("펌프3은") == ["펌프", "펌프", "3", "펌프3"]
    assert "펌프3" in list_search_tokens("펌프3의 압력은?")
    assert "펌프1" not in list_tokens("펌프13과 펌프1.5")
