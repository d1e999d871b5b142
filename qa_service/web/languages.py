"""This module tells which of Korean and English a caller reads."""

from functools import lru_cache

from flask import request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from qa_service.model import Language


def spoken_language() -> Language | None:
    """Tell which of Korean and English the sender of the current request prefers. It is None if `Accept-Language` names
    neither."""
    return preferred_language(request.headers.get("Accept-Language", ""))


@lru_cache(256)
def preferred_language(accept_language: str) -> Language | None:
    """Return the language that `Accept-Language` prefers. It is None if the header names neither, as `*` does.

    The parser's own `best_match` would choose English for `ko-KR,en;q=0.5`, since it looks for `ko` itself first.
    """
    for name, quality in parse_accept_header(accept_language, LanguageAccept):
        match name.lower().replace("_", "-").partition("-")[0]:
            case "ko" if quality:
                return "ko"
            case "en" if quality:
                return "en"
    return None
