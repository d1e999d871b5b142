"""These tests show what scorers call: the shipped detector, asked with a history of messages."""

import pytest

from benchmarks.drift_score import drifted, score

HISTORY = [
    {"role": "user", "text": "How do I renew my library card?"},
    {"role": "assistant", "text": "You can renew the library card online or at the desk."},
]


@pytest.mark.parametrize(
    ("question", "new_topic"),
    [
        ("Does renewing the library card online cost anything?", False),
        ("Different question: which vaccinations does my puppy need?", True),
        ("다른 얘기인데요, 강아지 예방 접종은 언제 하나요?", True),
    ],
)
def test_a_scorer_gets_the_decision_and_how_sure_it_is(question: str, new_topic: bool) -> None:
    assert drifted(HISTORY, question) is new_topic
    assert 0 <= score(HISTORY, question) <= 1
