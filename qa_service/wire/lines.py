"""This module writes JSON on one line that no client's line reader breaks."""

import msgspec

encode_json = msgspec.json.Encoder().encode
"""This writes a value as JSON, which may hold line separators. `escape_separators` must still be called for its
line."""

# JSON may hold these characters as they are, but the line readers of Swift and of httpx split at them.
SEPARATORS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))
_E2, _C2 = 0xE2, 0xC2
"""A separator begins with one of these bytes. Most texts, Korean ones too, have neither of them, and looking for one
byte is faster than looking for a separator."""


def encode_line(value: object) -> bytes:
    """Write a value as JSON without any line separator."""
    return escape_separators(encode_json(value))


def escape_separators(lines: bytes) -> bytes:
    """Escape the line separators that stand in the strings of JSON, or of lines of JSON."""
    if _E2 in lines or _C2 in lines:
        for raw, escape in SEPARATORS:
            lines = lines.replace(raw, escape)
    return lines
