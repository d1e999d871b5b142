"""This module has the script of `<qa-chat>` as it is sent.

The small script was made when the package was built. Whoever changes a module in a checkout gets the modules as they
are written, until the script is made again: the browser never runs an old one.
"""

import gzip
from functools import cache
from hashlib import sha256

from msgspec import Struct

from qa_service.web.script_modules import GZIPPED, STATIC, join_script, read_made, read_packed


class Script(Struct, frozen=True):
    """A `Script` is the script of `<qa-chat>`: plain, packed in the content codings that browsers know, the smallest
    first, and the name of this version of it."""

    plain: bytes
    packed: dict[str, bytes]
    version: str


@cache
def chat_script() -> Script:
    """Return the script of this release."""
    joined = join_script(STATIC)
    text = read_made(joined) or joined
    plain, brotli = text.encode(), read_packed(text)
    packed = {"br": brotli} if brotli else {}
    gzipped = read_packed(text, GZIPPED) or gzip.compress(plain, 9, mtime=0)
    return Script(plain, packed | {"gzip": gzipped}, sha256(plain).hexdigest()[:16])
