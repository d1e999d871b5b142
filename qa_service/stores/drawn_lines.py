"""This module shares the lines of pictures in Redis, for readers at another worker than the one that writes them.

The pieces of a picture are large, so they are only there while somebody reads them, and for a minute more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from redis import Redis

from qa_service.interfaces import DrawingPlace, LineNews, LinesEnd, SharedLines
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import drawing_key

CLAIM_SECONDS = 10
WATCH_SECONDS = 3
"""A reader counts for this long after each read."""
KEPT_SECONDS = 60
MOST_PIECES = 8
"""This many pieces are read at once."""
_ENDS: Mapping[bytes, LinesEnd] = {b"whole": "whole", b"cut": "cut"}

# It returns the drawing that has the claim. A claim that is sent again finds itself.
_CLAIM_DRAWING = """
-- drawing, watched
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then
  redis.call('SET', KEYS[2], '', 'EX', ARGV[3])
  return held
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]
"""

# It returns whether somebody reads the lines. An end is refused while a reader lacks pieces.
_SHARE_LINES = """
-- drawing, watched, lines
local drawing, held, kept, all, finish = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if redis.call('GET', KEYS[1]) ~= drawing then return 0 end
redis.call('EXPIRE', KEYS[1], held)
local watched = redis.call('EXISTS', KEYS[2])
for i = 6, #ARGV do redis.call('XADD', KEYS[3], '*', 'p', ARGV[i]) end
local ends = finish ~= '' and (watched == 0 or all == '1')
if ends and watched == 1 then redis.call('XADD', KEYS[3], '*', 'end', finish) end
redis.call('EXPIRE', KEYS[3], kept)
if ends then redis.call('UNLINK', KEYS[1]) end
return ends and 0 or watched
"""

_READ_LINES = """
-- drawing, watched, lines
redis.call('SET', KEYS[2], '', 'EX', ARGV[2])
local claimed = redis.call('GET', KEYS[1]) == ARGV[1]
return {claimed and 1 or 0, redis.call('XRANGE', KEYS[3], ARGV[3], '+', 'COUNT', ARGV[4])}
"""


class RedisDrawnLines:
    """`RedisDrawnLines` implements `DrawingShare`."""

    def __init__(self, client: Redis, guard: StoreGuard) -> None:
        self._client = client
        self._guard = guard

    def claim_drawing(self, place: DrawingPlace) -> str:
        keys = [drawing_key(place.owner, place.request, name) for name in ("drawing", "watched")]
        with self._guard:
            held: Any = self._client.eval(
                _CLAIM_DRAWING, len(keys), *keys, place.drawing_id, CLAIM_SECONDS, WATCH_SECONDS
            )
        return str(held, "ascii")

    def share_lines(self, place: DrawingPlace, news: LineNews) -> bool:
        keys = _keys(place)
        arguments: Sequence[Any] = (place.drawing_id, CLAIM_SECONDS, KEPT_SECONDS, int(news.is_all), news.end)
        with self._guard:
            return bool(self._client.eval(_SHARE_LINES, len(keys), *keys, *arguments, *news.pieces))

    def read_lines(self, place: DrawingPlace, after: str) -> SharedLines:
        keys, beyond = _keys(place), f"({after}" if after else "-"
        with self._guard:
            found: Any = self._client.eval(
                _READ_LINES, len(keys), *keys, place.drawing_id, WATCH_SECONDS, beyond, MOST_PIECES
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
