"""The sentences that people see are there in both languages."""

from collections.abc import Iterator

import pytest

from qa_service.errors import Interrupted, QAError, RateLimited
from qa_service.language.phrases import build_failure, phrase_error, phrase_label
from qa_service.model import Language


def _tree(error: type[QAError]) -> Iterator[type[QAError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _tree(kind)


_CODES = sorted({error.code for error in _tree(QAError)} - {"internal"})


@pytest.mark.parametrize("code", _CODES)
def test_every_code_has_a_sentence_of_its_own_in_both_languages(code: str) -> None:
    korean, english = phrase_error(code, "ko"), phrase_error(code, "en")
    assert korean != phrase_error("internal", "ko")
    assert english != phrase_error("internal", "en")
    assert any("가" <= letter <= "힣" for letter in korean)
    assert english.isascii()


@pytest.mark.parametrize("code", ["internal", "cancelled", *_CODES])
def test_every_korean_sentence_speaks_in_the_same_kind_tone(code: str) -> None:
    sentences = phrase_error(code, "ko").removesuffix(".").split(". ")
    assert all(sentence.endswith("요") for sentence in sentences)


def test_unknown_code_gets_the_internal_sentence() -> None:
    assert phrase_error("no_such_code", "en") == phrase_error("internal", "en")


def test_labels_follow_the_language() -> None:
    assert (phrase_label("reference", "ko"), phrase_label("reference", "en")) == ("[참고 정보]", "[Reference]")
    assert phrase_label("files_question", "ko").endswith("?")
    assert phrase_label("files_question", "en") == "What is in these files?"


def test_failure_says_it_to_the_operator_and_to_the_person() -> None:
    told = build_failure(RateLimited("12 questions a minute", retry_after=7), "ko")
    assert (told.code, told.message, told.retry_after) == ("rate_limited", "12 questions a minute", 7)
    assert told.user_message == phrase_error("rate_limited", "ko")


@pytest.mark.parametrize(("language", "advice"), [("ko", "잠시 후"), ("en", "in a moment")])
@pytest.mark.parametrize("code", ["rate_limited", "overloaded", "upstream_unavailable", "no_such_code"])
def test_nobody_is_told_to_try_again_in_a_moment_where_it_takes_longer(
    code: str, language: Language, advice: str
) -> None:
    assert advice in phrase_error(code, language)
    assert advice in phrase_error(code, language, 10)
    later = phrase_error(code, language, 60)
    assert advice not in later
    assert phrase_error(code, language).startswith(later)


def test_failure_says_whether_to_try_again() -> None:
    assert build_failure(Interrupted(), "en").retryable
