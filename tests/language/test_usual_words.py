"""These tests show which words any text may have."""

import pytest

from qa_service.language.tokens import list_words
from qa_service.language.usual_words import is_usual


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ("which year this happened", [True, True]),
        ("the deposit of the tenant", [False, False]),
        ("제품의 종류와 이유는", [False, True, True]),
        ("임대료를 매달", [False, True]),
    ],
)
def test_a_usual_word_is_told_from_one_of_a_subject(text: str, usual: list[bool]) -> None:
    assert [is_usual(word) for word in list_words(text)] == usual
