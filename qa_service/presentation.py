"""This module reads the settings by which a site introduces itself on the page: texts in Korean and English, a logo and
a colour."""

import re
from typing import TypeVar

import msgspec
from msgspec import Struct

from qa_service.setting_values import is_origin, read_printable

T = TypeVar("T")

MOST_LETTERS = 300
MOST_EXAMPLES = 6
BETWEEN_EXAMPLES = "|"
COLOR = re.compile(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")
LOGO_ADDRESS = re.compile(r"(?P<origin>https://[^/\s]+)?/(?!/)[^\s\\\"'<>]{0,2000}")
LOGO_DATA = re.compile(r"data:image/(?:png|jpeg|webp|gif|svg\+xml);base64,[A-Za-z0-9+/]{1,100000}={0,2}")


class SiteText(Struct, frozen=True):
    """A `SiteText` is one text in both languages. Both are the same where a site has given it in one alone."""

    ko: str
    en: str


class SiteTexts(Struct, frozen=True):
    """A `SiteTexts` is a list of texts in both languages."""

    ko: tuple[str, ...]
    en: tuple[str, ...]


def read_site_text(text: str) -> SiteText:
    """Read a text, or JSON with a text for each language: `{"ko": "…", "en": "…"}`."""
    given = _decode(text, dict[str, str])
    ko, en = _in_both(_read_line(text) if given is None else {key: _read_line(value) for key, value in given.items()})
    return SiteText(ko, en)


def read_examples(text: str) -> SiteTexts:
    """Read texts that are separated by `|`, or JSON with a list of texts for each language."""
    given = _decode(text, dict[str, list[str]])
    listed = _read_list(text.split(BETWEEN_EXAMPLES)) if given is None else {k: _read_list(v) for k, v in given.items()}
    ko, en = _in_both(listed)
    return SiteTexts(ko, en)


def read_logo(text: str) -> str:
    """Read the address of a picture: a path of the same site, an https address, or the picture itself as `data:`."""
    address = LOGO_ADDRESS.fullmatch(text.strip())
    is_right = address and (address["origin"] is None or is_origin(address["origin"]))
    if not (is_right or LOGO_DATA.fullmatch(text.strip())):
        raise ValueError("expected a path such as /pictures/mark.png, an https address, or data:image/…;base64,…")
    return text.strip()


def read_color(text: str) -> str:
    """Read a colour as `#rrggbb` or `#rgb`."""
    if not COLOR.fullmatch(text.strip()):
        raise ValueError("expected a colour such as #0f6b5c")
    return text.strip()


def read_frame_ancestors(text: str) -> tuple[str, ...]:
    """Read the exact origins of websites, separated by commas. An app has no page that could frame another."""
    origins = tuple(name.strip() for name in text.split(",") if name.strip())
    if not all(is_origin(origin) and origin.startswith(("https://", "http://")) for origin in origins):
        raise ValueError("expected exact origins of websites such as https://www.example.com, comma-separated")
    return origins


def _decode(text: str, form: type[T]) -> T | None:
    """Return what JSON says, or None where the text is no JSON."""
    if not text.strip().startswith("{"):
        return None
    try:
        return msgspec.json.decode(text.encode("utf-8", "surrogateescape"), type=form)
    except msgspec.DecodeError:
        raise ValueError('expected a text, or JSON such as {"ko": "…", "en": "…"}') from None


def _in_both(given: T | dict[str, T]) -> tuple[T, T]:
    if not isinstance(given, dict):
        return given, given
    if not given or not given.keys() <= {"ko", "en"}:
        raise ValueError("expected the languages ko and en, or one of them")
    first = next(iter(given.values()))
    return given.get("ko", first), given.get("en", first)


def _read_list(texts: list[str]) -> tuple[str, ...]:
    lines = tuple(_read_line(text) for text in texts if text.strip())
    if not 1 <= len(lines) <= MOST_EXAMPLES:
        raise ValueError(f"expected 1 to {MOST_EXAMPLES} texts for each language")
    return lines


def _read_line(text: str) -> str:
    line = read_printable(text)
    if not 1 <= len(line) <= MOST_LETTERS:
        raise ValueError(f"expected 1 to {MOST_LETTERS} characters")
    return line
