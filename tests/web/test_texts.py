"""These tests show how texts are decoded that were made to take long."""

import itertools
import time
from collections.abc import Callable

import pytest

from qa_service.web.texts import SentField, decode_fields, replace_lone_halves, split_urlencoded

MOST_SECONDS = 0.04
"""This is the longest stretch that a text may take before others have their turn, in seconds of the processor."""
MANY = 200_000

HOSTILE: dict[str, Callable[[], object]] = {
    "halves": lambda: replace_lone_halves(r"\ud800" * MANY),
    "whole pairs": lambda: replace_lone_halves(r"\ud83d\ude00" * (MANY // 2)),
    "backslashes around a half": lambda: replace_lone_halves(r"\ud800" + r"\\" * MANY),
    "quotation marks around a half": lambda: replace_lone_halves(r"\ud800" + r"\"" * MANY),
    "backslashes before what looks like a half": lambda: replace_lone_halves(r"\ud800" + r"\\ud800" * MANY),
    "a file that holds no half": lambda: replace_lone_halves("A" * (24 << 20)),
    "Korean fields in CP949": lambda: list(decode_fields([SentField("a", "환불".encode("cp949") * 5_000)] * 198)),
    "percent signs": lambda: split_urlencoded(b"question=" + b"%" * MANY),
    "escapes": lambda: split_urlencoded(b"question=" + b"%41" * (MANY // 3)),
}


@pytest.mark.parametrize("place", range((1 << 20) - 8, (1 << 20) + 2))
def test_a_half_is_found_wherever_it_stands(place: int) -> None:
    assert replace_lone_halves("A" * place + r"\ud800" + "A") == "A" * place + r"\ufffd" + "A"


@pytest.mark.parametrize("kind", HOSTILE)
def test_others_have_their_turn_while_a_hostile_text_is_decoded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [time.thread_time()]
    monkeypatch.setattr("qa_service.pause.give_way", lambda: turns.append(time.thread_time()))
    HOSTILE[kind]()
    turns.append(time.thread_time())
    assert max(after - before for before, after in itertools.pairwise(turns)) < MOST_SECONDS
