"""This module signs the addresses of drawn pictures. A page shows a picture by its address alone, and sends no header
along that says who asks."""

import hmac
import re
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qa_service.frames import Image
from qa_service.model import Owner
from qa_service.turns import Turn

_SECONDS = re.compile("[0-9]{1,15}")


class PictureLinks(Struct, frozen=True):
    """A `PictureLinks` makes and checks signed addresses. They hold for `seconds`, by `clock`, which gives seconds
    since 1970."""

    secret: str
    seconds: float
    clock: Callable[[], float] = time.time

    def sign_link(self, owner: Owner, answer_id: str, index: int, version: int) -> str:
        """Return the address of a picture below the prefix. Each version has an address of its own, so that a page asks
        for the picture again when there is more of it."""
        expires = int(self.clock() + self.seconds)
        signature = self._sign(owner.key, answer_id, index, expires)
        query = urlencode({"owner": owner.key, "expires": expires, "version": version, "signature": signature})
        return f"answers/{answer_id}/images/{index}?{query}"

    def renew_links(self, owner: Owner, turn: Turn) -> Turn:
        """Return the turn with addresses of its pictures that hold for at least half of the time. A session that is
        used again is kept for longer, and its pictures with it."""
        return replace(turn, images=tuple(self._renew_link(owner, turn.answer_id, image) for image in turn.images))

    def find_owner(self, query: Mapping[str, str], answer_id: str, index: int) -> Owner | None:
        """Return the owner of the picture with this address. It is None where the address wasn't signed here, or has
        expired. Of the owner only the key is known."""
        key, expires, signature = (query.get(name, "") for name in ("owner", "expires", "signature"))
        if not _SECONDS.fullmatch(expires) or int(expires) < self.clock():
            return None
        expected = self._sign(key, answer_id, index, int(expires))
        is_ours = hmac.compare_digest(signature.encode(errors="replace"), expected.encode())
        return Owner("anonymous", key) if is_ours else None

    def _renew_link(self, owner: Owner, answer_id: str, image: Image) -> Image:
        query = dict(parse_qsl(urlsplit(image.url).query))
        if int(query.get("expires", 0)) >= self.clock() + self.seconds / 2:
            return image
        return replace(image, url=self.sign_link(owner, answer_id, image.index, int(query.get("version", 0))))

    def _sign(self, *parts: str | int) -> str:
        return hmac.new(self.secret.encode(), b"picture " + msgspec.json.encode(parts), sha256).hexdigest()[:32]
