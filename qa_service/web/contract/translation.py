"""This module gives the contract's texts in Korean. They are written in English where they belong."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from qa_service.model import Language

TEXT_KEYS = ("description", "summary")
_CODES = re.compile(r"`\w+`(, `\w+`)*")
"""A list of codes is the same in every language."""


def translate_texts(value: Any, language: Language) -> Any:
    """Return a document with its descriptions and summaries in this language, each on one line. A text that has no
    translation stays as it is."""
    match value:
        case Mapping():
            return {key: _translate_entry(key, inner, language) for key, inner in value.items()}
        case list() | tuple():
            return [translate_texts(inner, language) for inner in value]
        case _:
            return value


def list_texts(value: Any) -> Iterator[str]:
    """Yield every description and summary of a document that has words."""
    match value:
        case Mapping():
            for key, inner in value.items():
                if not (key in TEXT_KEYS and isinstance(inner, str)):
                    yield from list_texts(inner)
                elif not _CODES.fullmatch(inner):
                    yield " ".join(inner.split())
        case list() | tuple():
            for inner in value:
                yield from list_texts(inner)


def translate_text(text: str, language: Language) -> str:
    """Return a text in this language, on one line."""
    text = " ".join(text.split())
    return read_korean().get(text, text) if language == "ko" else text


@cache
def read_korean() -> Mapping[str, str]:
    """Read the Korean texts by their English ones."""
    return tomllib.loads(files("qa_service.web.contract").joinpath("korean.toml").read_text("utf-8"))


def _translate_entry(key: str, value: Any, language: Language) -> Any:
    is_text = key in TEXT_KEYS and isinstance(value, str)
    return translate_text(value, language) if is_text else translate_texts(value, language)
