"""This module decides which addresses of a site are read: by the patterns of whoever had the site read, and by bounds
that keep the crawl out of traps."""

import re
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from qa_service.crawling.addresses import is_same_site

MOST_VARIANTS = 100
"""This many addresses are read that differ in their query alone. Lists of a shop, and calendars, have endless ones."""
MOST_PARAMETERS = 8
MOST_SEGMENTS = 16
MOST_REPEATED = 3
"""A wrong relative link makes addresses such as `/a/b/a/b/a/b`, which get longer with each page."""
_DOCUMENTS = re.compile(
    r"pdf|doc|docx|docm|dotx|hwp|hwpx|odt|ott|odp|ods|ppt|pptx|pptm|xls|xlsx|xlsm|rtf|epub|csv|tsv|txt|md|eml"
)
_OTHER_FILES = re.compile(
    r"jpe?g|png|gif|svg|webp|avif|bmp|ico|tiff?|css|m?js|map|json|woff2?|ttf|otf|eot|mp3|m4a|wav|ogg|mp4|m4v|webm|avi|"
    r"mov|wmv|mkv|zip|gz|tgz|bz2|xz|7z|rar|tar|exe|msi|dmg|pkg|deb|rpm|apk|ipa|iso|bin|jar|rss|atom|ics|vcf|torrent|"
    r"swf|psd"
)


class CrawlRules(Struct, frozen=True):
    """A `CrawlRules` says which addresses of a site are read."""

    start: str
    """This is the normalized address at which the site begins."""
    include: tuple[str, ...] = ()
    """An address is only read if its path fits one of these patterns, or if there are none. `*` stands for any
    characters."""
    exclude: tuple[str, ...] = ()
    """An address whose path fits one of these patterns isn't read."""
    pages: int = 5_000
    """This many pages are read at most."""
    depth: int = 25
    """This many links may lie between the start and a page."""

    def includes(self, address: str) -> bool:
        """Tell whether the patterns let this address be kept. Its path is compared as people read it, with its
        query."""
        parts = urlsplit(address)
        path = unquote(f"{parts.path}?{parts.query}" if parts.query else parts.path)
        included = not self.include or any(fnmatchcase(path, pattern) for pattern in self.include)
        return included and not any(fnmatchcase(path, pattern) for pattern in self.exclude)

    def may_read(self, address: str) -> bool:
        """Tell whether this address is one of the site, may be kept, and doesn't look like a trap."""
        return (
            is_same_site(address, self.start)
            and self.includes(address)
            and not _is_trap(address)
            and not _OTHER_FILES.fullmatch(file_extension(address))
        )


class QueryVariants:
    """A `QueryVariants` counts the addresses that differ in their query alone."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._counts = Counter(map(_without_query, addresses))

    def admit_variant(self, address: str) -> bool:
        """Count this address, and tell whether there are few enough like it."""
        if "?" not in address:
            return True
        self._counts[_without_query(address)] += 1
        return self._counts[_without_query(address)] <= MOST_VARIANTS


def is_document(address: str) -> bool:
    """Tell whether this is the address of a file that people save, such as a PDF, by its name."""
    return _DOCUMENTS.fullmatch(file_extension(address)) is not None


def file_extension(address: str) -> str:
    """Return the extension of the file that the address seems to be of, in lower case and without its dot."""
    return PurePosixPath(urlsplit(address).path).suffix.lower().removeprefix(".")


def _without_query(address: str) -> str:
    return address.partition("?")[0]


def _is_trap(address: str) -> bool:
    parts = urlsplit(address)
    segments = [segment for segment in parts.path.split("/") if segment]
    repeated = max(Counter(segments).values(), default=0)
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    return len(segments) > MOST_SEGMENTS or repeated > MOST_REPEATED or len(parameters) > MOST_PARAMETERS
