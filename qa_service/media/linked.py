"""This module recognizes pictures and YouTube's videos by their addresses, and asks nobody."""

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from qa_service.frames import ImageResult, VideoResult
from qa_service.interfaces import MediaResult

MOST_RESULTS = 10
"""At most this many pictures, and this many videos, are told."""
LONGEST_RESULT_TITLE = 300
"""A title has at most this many characters, since all results stand in one frame."""
_PICTURE = re.compile(r"\.(?:avif|bmp|gif|jpe?g|png|svg|webp)", re.IGNORECASE)
_VIDEO_HOST = re.compile(r"(?:(?:www|m|music)\.)?youtube(?:-nocookie)?\.com")
_VIDEO_PATH = re.compile(r"/(?:embed|live|shorts|v)/([^/]+)/?")
VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")


class MediaLists(Struct, frozen=True):
    """A `MediaLists` holds the pictures and the videos about one answer, each once."""

    images: tuple[ImageResult, ...] = ()
    videos: tuple[VideoResult, ...] = ()


def recognize_media(links: Iterable[tuple[str, str]]) -> list[MediaResult]:
    """Recognize the pictures and videos among these web addresses, each of which comes with its title or an empty
    text."""
    found = (_recognize_video(url, title) or _recognize_picture(url, title) for url, title in links)
    return [media for media in found if media]


def merge_media(linked: Sequence[MediaResult], searched: Sequence[MediaResult]) -> MediaLists:
    """List those that the answer links first. Where a search has found the same video, it knows more about it."""
    known = {media.url: media for media in searched}
    each = {media.url: known.get(media.url, media) for media in (*linked, *searched)}
    images = [media for media in each.values() if isinstance(media, ImageResult)]
    videos = [media for media in each.values() if isinstance(media, VideoResult)]
    return MediaLists(tuple(images[:MOST_RESULTS]), tuple(videos[:MOST_RESULTS]))


def build_video(video_id: str, title: str, *, thumbnail: str = "", channel: str = "") -> VideoResult:
    """Build the result for one of YouTube's videos. YouTube has a thumbnail of each video under its id."""
    url = f"https://www.youtube.com/watch?v={video_id}"
    default = f"https://i.ytimg.com/vi/{video_id}/hqdefault.jpg"
    title, channel = title[:LONGEST_RESULT_TITLE] or url, channel[:LONGEST_RESULT_TITLE]
    return VideoResult(video_id, title, url, thumbnail=thumbnail or default, channel=channel)


def build_picture(title: str, url: str, *, thumbnail: str = "", source: str = "") -> ImageResult:
    """Build the result for a picture, which is its own thumbnail where there is no other. `source` is the host that
    shows it."""
    return ImageResult(title[:LONGEST_RESULT_TITLE], url, thumbnail or url, source[:LONGEST_RESULT_TITLE])


def _recognize_video(url: str, title: str) -> VideoResult | None:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    named = next(_name_videos(host, parts.path, parts.query), "")
    if not VIDEO_ID.fullmatch(named):
        return None
    return build_video(named, "" if title.lower() == host else title.removesuffix(" - YouTube"))


def _name_videos(host: str, path: str, query: str) -> Iterator[str]:
    if host == "youtu.be":
        yield path.strip("/")
    elif _VIDEO_HOST.fullmatch(host):
        yield from parse_qs(query).get("v", []) if path == "/watch" else ()
        yield from _VIDEO_PATH.findall(path)[:1]


def _recognize_picture(url: str, title: str) -> ImageResult | None:
    parts = urlsplit(url)
    name = unquote(parts.path.rpartition("/")[2])
    if not _PICTURE.fullmatch(name[name.rfind(".") :]):
        return None
    host = parts.hostname or ""
    return build_picture(name if title in ("", host) else title, url, source=host)
