"""This module unpacks a page step by step, as it comes."""

import zlib

_STEP = 1 << 16


class Unpacking:
    """An `Unpacking` unpacks what is sent in this coding. It raises `ValueError` for a coding that wasn't asked
    for."""

    def __init__(self, coding: str) -> None:
        if coding not in ("", "identity", "gzip", "x-gzip"):
            raise ValueError("it is packed in an unknown way")
        self._member = _open_member() if coding.endswith("gzip") else None

    @property
    def is_whole(self) -> bool:
        """Tell whether what was sent so far may be all."""
        return self._member is None or self._member.eof

    def unpack(self, sent: bytes) -> tuple[bytes, bytes]:
        """Unpack at most `_STEP` bytes of what was sent, and return them with what is left of it. What was packed in
        several members is unpacked one after another."""
        if self._member is None:
            return sent, b""
        if self._member.eof:
            self._member = _open_member()
        piece = self._member.decompress(sent, _STEP)
        return piece, self._member.unused_data or self._member.unconsumed_tail


def _open_member() -> "zlib._Decompress":
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
