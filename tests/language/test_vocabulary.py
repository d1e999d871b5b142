"""Tokens are counted as OpenAI's models do, where the extra is installed, and estimated where it isn't."""

import sys
from unittest.mock import patch

import pytest

from qa_service.language.vocabulary import COUNTED_PIECE, load_vocabulary
from qa_service.model import Question
from qa_service.prompting import Material, Site, build_prompt, choose_counter
from qa_service.retrieval.splitting import estimate_tokens
from tests.fakes import ANN


def test_without_the_extra_there_is_none() -> None:
    with patch.dict(sys.modules, {"bpe_openai": None}):
        assert load_vocabulary.__wrapped__() is None


class TestExact:
    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def installed() -> None:
        pytest.importorskip("bpe_openai")

    @pytest.mark.parametrize(
        ("text", "tokens"),
        [
            ("", 0),
            ("Refunds may be requested within seven days of payment. After that, the shop only exchanges goods.", 20),
            ("환불은 결제일로부터 칠 일 이내에 신청할 수 있으며 배송비는 고객이 부담합니다.", 26),
            ("7919.12,15838.24,23757.36,31676.48\n" * 9, 180),
            ("<|endoftext|>", 7),
        ],
    )
    def test_it_is_the_number_of_the_vocabularys_own(self, text: str, tokens: int) -> None:
        count = load_vocabulary()
        assert count
        assert count(text) == tokens

    def test_a_text_of_any_length_and_any_characters_is_counted(self) -> None:
        count = load_vocabulary()
        assert count
        assert count("\ud800") > 0
        assert count("word " * (COUNTED_PIECE * 11 // 5)) == pytest.approx(COUNTED_PIECE * 11 / 5, rel=0.001)


def length(text: str) -> int:
    return len(text)


class TestChoosing:
    @pytest.mark.parametrize(
        "model", ["gpt-4.1-mini", "gpt-4o", "gpt-5-nano", "o4-mini", "ft:gpt-4o:shop", "openai/gpt-4.1", "responses:o3"]
    )
    def test_models_with_the_vocabulary_are_counted_by_it(self, model: str) -> None:
        assert choose_counter(Site("", vocabulary=length), model) is length

    @pytest.mark.parametrize("model", ["gpt-4", "llama3.2", "chat:qwen2.5:7b", "claude-4"])
    def test_for_others_the_larger_number_counts(self, model: str) -> None:
        count = choose_counter(Site("", vocabulary=length), model)
        assert (count("word"), count("가나다")) == (4, 3)
        assert choose_counter(Site("", vocabulary=lambda text: 1), model)("가나다 " * 9) == estimate_tokens(
            "가나다 " * 9
        )

    def test_a_prompt_is_counted_by_the_model_that_is_asked(self) -> None:
        site = Site("Be plain.", vocabulary=length)
        built = build_prompt(Question("Why?", ANN), Material(), site=site, model="gpt-4.1", language="en")
        assert built.tokens == len("Be plain.Why?") + 2 * 4
