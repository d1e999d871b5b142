"""This module shows the pages of `docs/`, the guide for whoever uses or runs the service, in Korean or English."""

from collections.abc import Mapping
from functools import cache, lru_cache
from html import escape
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from msgspec import Struct, json

import qa_service
from qa_service.model import Language
from qa_service.web.markdown_html import RenderedPage, list_anchors, render_page

GUIDES = (
    "embedding",
    "element",
    "asking",
    "clients",
    "phones",
    "sessions",
    "files",
    "knowledge",
    "errors",
    "operating",
    "models",
    "security",
    "performance",
    "how-it-works",
)
"""These are the pages, in the order in which they are listed."""
PREFIX_PLACEHOLDER = "/-prefix-"
"""This stands in a written page for the path under which its reader finds the service."""
GUIDE_PICTURES = ("figures.svg",)
_KEPT = 64
GUIDE_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "documentation": "Documentation",
        "reference": "API reference",
        "search": "Search",
        "found": "{} found",
        "nothing": "Nothing found",
        "english": "",
    },
    "ko": {
        "documentation": "문서",
        "reference": "API 문서",
        "search": "검색",
        "found": "{}개 찾음",
        "nothing": "찾은 것이 없어요",
        "english": "이 문서는 아직 영어로만 있어요.",
    },
}


class GuideEntry(Struct, frozen=True):
    """A `GuideEntry` names a page in a list."""

    name: str
    title: str


class SearchedSection(Struct, frozen=True):
    """A `SearchedSection` is a section as the search of the pages gets it."""

    page: str
    title: str
    anchor: str
    heading: str
    text: str


@lru_cache(len(GUIDE_WORDS))
def list_guides(language: Language) -> tuple[GuideEntry, ...]:
    """List the pages with their titles, which are their first lines."""
    return tuple(
        GuideEntry(name, _read_guide(name, language).partition("\n")[0].removeprefix("# "))
        for name in GUIDES
        if _has(name)
    )


def write_guide(name: str, language: Language, prefix: str) -> str | None:
    """Write a page for a reader who finds the service under this path. It is None where there is no such page."""
    if name not in GUIDES or not _has(name):
        return None
    # Behind a proxy the path may come from the request, so it is escaped.
    return _write_page(name, language).replace(PREFIX_PLACEHOLDER, escape(prefix))


@lru_cache(len(GUIDE_WORDS))
def write_search_index(language: Language) -> bytes:
    """Write the sections of all pages as JSON."""
    return json.encode(
        [
            SearchedSection(entry.name, entry.title, section.anchor, section.heading, section.text)
            for entry in list_guides(language)
            for section in _render_guide(entry.name, language).sections
        ]
    )


def read_guide_picture(name: str) -> bytes | None:
    """Read a picture of the pages. It is None where there is no such picture."""
    return (_folder() / name).read_bytes() if name in GUIDE_PICTURES else None


@lru_cache(_KEPT)
def _write_page(name: str, language: Language) -> str:
    return _read_template().render(
        page=_render_guide(name, language),
        name=name,
        guides=list_guides(language),
        written_in="ko" if language == "ko" and _is_korean(name) else "en",
        language=language,
        words=GUIDE_WORDS[language],
        prefix=PREFIX_PLACEHOLDER,
    )


@lru_cache(_KEPT)
def _render_guide(name: str, language: Language) -> RenderedPage:
    return render_page(_read_guide(name, language), lambda link: _find_address(link, language))


def _read_guide(name: str, language: Language) -> str:
    file = f"{name}.ko.md" if language == "ko" and _is_korean(name) else f"{name}.md"
    return (_folder() / file).read_text("utf-8")


def _find_address(link: str, language: Language) -> str:
    """Find what a page links to. Files of the repository that aren't pages are not served."""
    path, mark, anchor = link.partition("#")
    name = path.removesuffix(".md").removesuffix(".ko")
    if "://" in link or not path:
        return link
    if path in GUIDE_PICTURES:
        return f"{PREFIX_PLACEHOLDER}/docs/{path}"
    if name not in GUIDES:
        return ""
    if anchor and language == "ko" and path == f"{name}.md" and _is_korean(name):
        anchor = _korean_anchors(name)[anchor]
    return f"{PREFIX_PLACEHOLDER}/docs/{name}?language={language}{mark}{anchor}"


@cache
def _korean_anchors(name: str) -> dict[str, str]:
    """Tell which Korean heading stands for each English one. Both pages have the same headings in the same order."""
    return dict(zip(*(list_anchors(_read_guide(name, language)) for language in ("en", "ko")), strict=True))


def _is_korean(name: str) -> bool:
    return (_folder() / f"{name}.ko.md").exists()


def _has(name: str) -> bool:
    return (_folder() / f"{name}.md").exists()


@cache
def _folder() -> Path:
    """Find the pages. They lie beside the package in a checkout, and inside of an installed package."""
    package = Path(qa_service.__file__).parent
    return package / "docs" if (package / "docs").exists() else package.parent / "docs"


@cache
def _read_template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(files("qa_service.web").joinpath("static/guide.html").read_text("utf-8"))
