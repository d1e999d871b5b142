"""This program measures how often the encoding of a text is found, and compares the detectors that are installed.

    python -m benchmarks.encodings [DETECTOR …]

It measures the detectors with these names, and all of them where none is named. From each text of
`encoding_texts.json`, all of which were made up for it, it cuts pieces of several lengths, encodes them as people do,
and counts the pieces that come back as they were. A piece of ASCII alone doesn't count.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from unicodedata import combining, normalize

from msgspec import Struct

from qa_service.files.decoding import decode_file_text

TEXTS = json.loads(Path(__file__).with_name("encoding_texts.json").read_text())
"""This maps a language to a text, and to the encodings in which people write the language."""
LENGTHS = (8, 16, 32, 64, 128)
"""The pieces have this many characters."""
STEPS = 24
"""This many pieces of each length are cut from a text at most."""


class Piece(Struct, frozen=True):
    """A `Piece` is a text with one of its encodings."""

    language: str
    encoding: str
    text: str

    @property
    def content(self) -> bytes:
        """Return the bytes of the piece."""
        return self.text.encode(self.encoding)


def cut_pieces(length: int) -> Iterator[Piece]:
    """Cut pieces of this length from all texts."""
    for language, sample in TEXTS.items():
        text = sample["text"]
        step = max(1, (len(text) - length) // STEPS)
        for start in range(0, max(1, len(text) - length), step):
            piece = text[start : start + length]
            for encoding in () if piece.isascii() else sample["encodings"]:
                shown = _write_vietnamese(piece) if encoding == "cp1258" else piece
                with suppress(UnicodeEncodeError):
                    shown.encode(encoding)
                    yield Piece(language, encoding, shown)


def _write_vietnamese(text: str) -> str:
    """Write the five tones as signs of their own, as Windows-1258 has them."""
    tones = "\u0300\u0301\u0303\u0309\u0323"
    shown = ""
    for letter in normalize("NFC", text):
        signs = normalize("NFD", letter)
        tone = "".join(sign for sign in signs if sign in tones)
        base = normalize("NFC", "".join(sign for sign in signs if sign not in tones or not combining(sign)))
        shown += base + tone
    return shown


def list_detectors() -> Mapping[str, Callable[[bytes], str]]:
    """Return the detectors that are installed, by their names: each of them decodes bytes."""
    detectors: dict[str, Callable[[bytes], str]] = {"qa-service": decode_file_text}
    with suppress(ImportError):
        chardetng = import_module("chardetng_py")
        detectors["chardetng"] = lambda content: content.decode(chardetng.detect(content), "replace")
    with suppress(ImportError):
        normalizer = import_module("charset_normalizer")
        detectors["charset-normalizer"] = lambda content: str(normalizer.from_bytes(content).best() or "")
    with suppress(ImportError):
        chardet = import_module("chardet")
        detectors["chardet"] = lambda content: content.decode(chardet.detect(content)["encoding"] or "ascii", "replace")
    return detectors


def measure_detector(decode: Callable[[bytes], str], pieces: list[Piece]) -> tuple[dict[str, float], float]:
    """Return the share of the pieces that came back, for each language and encoding, and the seconds for one piece."""
    right: dict[str, list[bool]] = {}
    began = time.perf_counter()
    for piece in pieces:
        with_name = f"{piece.language} {piece.encoding}"
        try:
            found = decode(piece.content)
        except (LookupError, ValueError):
            found = ""
        right.setdefault(with_name, []).append(normalize("NFC", found) == normalize("NFC", piece.text))
    shares = {name: sum(answers) / len(answers) for name, answers in right.items()}
    return shares, (time.perf_counter() - began) / len(pieces)


def main() -> None:
    """Print a line for each detector and length, with the share of the pieces that came back: the mean over all
    languages and encodings, Korean, and the worst ones."""
    only = sys.argv[1:]
    for name, decode in list_detectors().items():
        if only and name not in only:
            continue
        for length in LENGTHS:
            shares, seconds = measure_detector(decode, list(cut_pieces(length)))
            mean = sum(shares.values()) / len(shares)
            ordered = sorted(shares.items(), key=lambda one: one[1])
            worst = ", ".join(f"{pair} {share:.2f}" for pair, share in ordered[:6])
            figures = f"{mean:.3f}, Korean CP949 {shares['ko cp949']:.3f}, {seconds * 1e6:6.0f} µs"
            print(f"{name:18} {length:4} characters: {figures}; {worst}")


if __name__ == "__main__":
    main()
