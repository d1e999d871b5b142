"""The sentences people see."""

from collections.abc import Iterator

import pytest

from qa_service.errors import Interrupted, QAError, RateLimited
from qa_service.language.phrases import failure, label, user_message


def _tree(error: type[QAError]) -> Iterator[type[QAError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _tree(kind)


_CODES = sorted({error.code for error in _tree(QAError)} - {"internal"})


@pytest.mark.parametrize("code", _CODES)
def test_every_code_has_a_sentence_of_its_own_in_both_languages(code: str) -> None:
    korean, english = user_message(code, "ko"), user_message(code, "en")
    assert korean != user_message("internal", "ko")
    assert english != user_message("internal", "en")
    assert any("가" <= letter <= "힣" for letter in korean)
    assert english.isascii()


def test_unknown_code_gets_the_internal_sentence() -> None:
    assert user_message("no_such_code", "en") == user_message("internal", "en")


def test_labels_follow_the_language() -> None:
    assert (label("reference", "ko"), label("reference", "en")) == ("[참고 정보]", "[Reference]")
    assert label("files_question", "ko").endswith("?")
    assert label("files_question", "en") == "What is in these files?"


def test_failure_says_it_to_the_operator_and_to_the_person() -> None:
    told = failure(RateLimited("12 questions a minute", retry_after=7), "ko")
    assert (told.code, told.message, told.retry_after) == ("rate_limited", "12 questions a minute", 7)
    assert told.user_message == user_message("rate_limited", "ko")


def test_failure_says_whether_to_try_again() -> None:
    assert failure(Interrupted(), "en").retryable
