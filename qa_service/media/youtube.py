"""This module searches YouTube for videos, by the YouTube Data API v3."""

from collections.abc import Mapping, Sequence
from html import unescape

from msgspec import Struct

from qa_service.frames import VideoResult
from qa_service.interfaces import MediaQuery
from qa_service.links import is_web_address
from qa_service.media.fetching import SEARCH_SECONDS, fetch_object
from qa_service.media.linked import VIDEO_ID, build_video

VIDEOS_ADDRESS = "https://www.googleapis.com/youtube/v3/search"
_MOST = 5


class _Thumbnail(Struct, frozen=True):
    url: str = ""


class _Snippet(Struct, frozen=True, rename="camel"):
    title: str = ""
    channel_title: str = ""
    thumbnails: Mapping[str, _Thumbnail] = {}


class _Identity(Struct, frozen=True, rename="camel"):
    video_id: str = ""


class _Item(Struct, frozen=True):
    id: _Identity = _Identity()
    snippet: _Snippet = _Snippet()


class _Found(Struct, frozen=True):
    items: Sequence[_Item] = ()


class YouTubeSearch:
    """A `YouTubeSearch` is a `MediaSearch` for videos. Each search takes 100 units of the key's daily quota."""

    name = "YouTube"

    def __init__(self, key: str, *, address: str = VIDEOS_ADDRESS, seconds: float = SEARCH_SECONDS) -> None:
        self._key = key
        self._address = address
        self._seconds = seconds

    def find_media(self, query: MediaQuery) -> Sequence[VideoResult]:
        """Find videos, best first, as `MediaSearch` says."""
        parameters = {
            "part": "snippet",
            "type": "video",
            "maxResults": str(_MOST),
            "safeSearch": "moderate",
            "relevanceLanguage": query.language,
            "q": query.text,
            "key": self._key,
        }
        found = fetch_object(self._address, parameters, _Found, seconds=self._seconds)
        return [_build(item) for item in found.items[:_MOST] if VIDEO_ID.fullmatch(item.id.video_id)]


def _build(item: _Item) -> VideoResult:
    # The titles of this service are written as HTML.
    title, channel = unescape(item.snippet.title), unescape(item.snippet.channel_title)
    sizes = item.snippet.thumbnails
    thumbnail = next((sizes[size].url for size in ("medium", "high", "default") if size in sizes), "")
    shown = thumbnail if is_web_address(thumbnail) else ""
    return build_video(item.id.video_id, title, thumbnail=shown, channel=channel)
