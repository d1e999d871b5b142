"""This module shares the lines of pictures in Redis, for readers at another worker than the one that writes them.

The pieces of a picture are large, so they are only there while somebody reads them, and for a minute more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from redis import Redis

from qa_service.interfaces import DrawingPlace, LineNews, LinesEnd, SharedLines
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import drawing_key

CLAIM_SECONDS = 10
WATCH_SECONDS = 3
"""A reader counts for so long after each read."""
KEPT_SECONDS = 60
MOST_PIECES = 8
"""So many pieces are read at once."""
_ENDS: Mapping[bytes, LinesEnd] = {b"whole": "whole", b"cut": "cut"}


class RedisDrawnLines:
    """`RedisDrawnLines` implements `DrawingShare`."""

    def __init__(self, client: Redis, guard: StoreGuard) -> None:
        self._client = client
        self._guard = guard

    def claim_drawing(self, place: DrawingPlace) -> str:
        keys = [drawing_key(place.owner, place.request, name) for name in ("drawing", "watched")]
        with self._guard:
            held: Any = self._client.eval(
                scripts.CLAIM_DRAWING, len(keys), *keys, place.drawing_id, CLAIM_SECONDS, WATCH_SECONDS
            )
        return str(held, "ascii")

    def share_lines(self, place: DrawingPlace, news: LineNews) -> bool:
        keys = _keys(place)
        arguments: Sequence[Any] = (place.drawing_id, CLAIM_SECONDS, KEPT_SECONDS, int(news.is_all), news.end)
        with self._guard:
            return bool(self._client.eval(scripts.SHARE_LINES, len(keys), *keys, *arguments, *news.pieces))

    def read_lines(self, place: DrawingPlace, after: str) -> SharedLines:
        keys, beyond = _keys(place), f"({after}" if after else "-"
        with self._guard:
            found: Any = self._client.eval(
                scripts.READ_LINES, len(keys), *keys, place.drawing_id, WATCH_SECONDS, beyond, MOST_PIECES
            )
        claimed, entries = found
        fields = [dict(zip(written[::2], written[1::2], strict=True)) for _, written in entries]
        return SharedLines(
            [entry[b"p"] for entry in fields if b"p" in entry],
            last=entries[-1][0].decode() if entries else after,
            is_claimed=bool(claimed),
            end=next((_ENDS[entry[b"end"]] for entry in fields if b"end" in entry), ""),
        )


def _keys(place: DrawingPlace) -> list[str]:
    names = ("drawing", "watched", f"lines:{place.drawing_id}")
    return [drawing_key(place.owner, place.request, name) for name in names]
