"""Thoughts in front of an answer are no part of it, however their words are cut."""

import pytest

from qa_service.upstream.thoughts import ThoughtFilter


def strip(text: str, size: int) -> str:
    thoughts = ThoughtFilter()
    pieces = [thoughts.strip_thoughts(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join([*pieces, thoughts.release_held()])


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
class TestText:
    @pytest.mark.parametrize(
        ("text", "answer"),
        [
            ("<think>흠</think>답", "답"),
            ("<think>\n</think>\n\n답\n", "답\n"),
            (" \n<think>a < b </think >, </thin</think>\n답", "답"),
            ("<thinking>흠 <think></thinking>답", "답"),
            ("<thought>hm</thought>Answer", "Answer"),
            ("[THINK]hm[/THINK]Answer", "Answer"),
            ("<think>흠</think>답 <think>답</think>", "답 <think>답</think>"),
            ("<think>흠", ""),
            ("<think>흠</think>", ""),
            ("<think>흠</think>\n \n", ""),
        ],
    )
    def test_the_thoughts_are_taken_out(self, text, answer, size):
        assert strip(text, size) == answer

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "답",
            " \n답",
            "<",
            "<thin",
            "<thing>",
            "답 <think>x</think>",
            "</think>답",
            "[1] 답",
            "<b>답</b>",
            "\n\n",
        ],
    )
    def test_any_other_text_stays_as_it_is(self, text, size):
        assert strip(text, size) == text


def test_ordinary_text_is_not_held_back():
    thoughts = ThoughtFilter()
    assert thoughts.strip_thoughts("답") == "답"
    assert thoughts.over


def test_thoughts_are_noticed_as_soon_as_they_begin():
    thoughts = ThoughtFilter()
    thoughts.strip_thoughts("<thin")
    assert not thoughts.found
    thoughts.strip_thoughts("k>")
    assert thoughts.found
