"""This module searches the web for pictures, by Google's Programmable Search (the Custom Search JSON API)."""

from collections.abc import Sequence

from msgspec import Struct

from qa_service.frames import ImageResult
from qa_service.interfaces import MediaQuery
from qa_service.links import is_web_address
from qa_service.media.fetching import SEARCH_SECONDS, fetch_object
from qa_service.media.linked import build_picture

PICTURES_ADDRESS = "https://www.googleapis.com/customsearch/v1"
_MOST = 5


class _Picture(Struct, frozen=True, rename="camel"):
    thumbnail_link: str = ""


class _Item(Struct, frozen=True, rename="camel"):
    title: str = ""
    link: str = ""
    display_link: str = ""
    image: _Picture = _Picture()


class _Found(Struct, frozen=True):
    items: Sequence[_Item] = ()


class GoogleImageSearch:
    """A `GoogleImageSearch` is a `MediaSearch` for pictures."""

    name = "Google"

    def __init__(
        self, key: str, engine: str, *, address: str = PICTURES_ADDRESS, seconds: float = SEARCH_SECONDS
    ) -> None:
        """`engine` is the id of the site's search engine, in which image search is switched on."""
        self._key = key
        self._engine = engine
        self._address = address
        self._seconds = seconds

    def find_media(self, query: MediaQuery) -> Sequence[ImageResult]:
        """Find pictures, best first, as `MediaSearch` says."""
        parameters = {
            "searchType": "image",
            "num": str(_MOST),
            "safe": "active",
            "hl": query.language,
            "q": query.text,
            "cx": self._engine,
            "key": self._key,
        }
        found = fetch_object(self._address, parameters, _Found, seconds=self._seconds)
        return [_build(item) for item in found.items[:_MOST] if is_web_address(item.link)]


def _build(item: _Item) -> ImageResult:
    thumbnail = item.image.thumbnail_link
    shown = thumbnail if is_web_address(thumbnail) else ""
    return build_picture(item.title, item.link, thumbnail=shown, source=item.display_link)
