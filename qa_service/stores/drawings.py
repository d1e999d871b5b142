"""This module keeps in Redis the pictures that were drawn in answers, as long as their session is kept."""

from typing import Any

from redis import Redis

from qa_service.errors import NotFound
from qa_service.model import Owner, Picture
from qa_service.single_use import is_single_use
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import answer_key, quota_key, session_key
from qa_service.stores.quotas import LIVES
from qa_service.stores.space_scripts import KEEP_PICTURE


class RedisDrawings:
    """`RedisDrawings` implements `PictureStore`. A session is kept for `seconds` after its last question, or for
    `single` seconds if it is for a single question, and its pictures as long."""

    def __init__(self, client: Redis, guard: StoreGuard, *, seconds: int, single: int) -> None:
        self._client = client
        self._guard = guard
        self._seconds = seconds
        self._single = single

    def keep_picture(self, owner: Owner, session_id: str, answer_id: str, index: int, picture: Picture) -> bool:
        keys = [session_key(owner, session_id, name) for name in ("answers", "images")]
        keys.append(quota_key(owner, "space"))
        value = b"%b\n%b" % (picture.mime_type.encode(), picture.data)
        seconds = self._single if is_single_use(session_id) else self._seconds
        arguments = (answer_id, f"{answer_id}:{index}", value, seconds, session_id, LIVES * self._seconds)
        with self._guard:
            kept: Any = self._client.eval(KEEP_PICTURE, len(keys), *keys, *arguments)
        return bool(kept)

    def load_picture(self, owner: Owner, answer_id: str, index: int) -> Picture:
        """Load a picture. Raises `NotFound` for one that there isn't, and for another owner's."""
        with self._guard:
            session_id: Any = self._client.hget(answer_key(owner, answer_id, "at"), "session")
            images = session_key(owner, (session_id or b"").decode(), "images")
            found: Any = self._client.hget(images, f"{answer_id}:{index}")
        if not isinstance(found, bytes):
            raise NotFound("no such picture")
        kind, _, data = found.partition(b"\n")
        return Picture(kind.decode(), data)
