"""JSON on one line that no client's line reader breaks."""

import msgspec

encode_json = msgspec.json.Encoder().encode
"""A value as JSON, which may hold line separators: `escape_separators` is still to be called for its line."""

# JSON may hold these characters as they are, but the line readers of Swift and of httpx split at them.
SEPARATORS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))
_E2, _C2 = 0xE2, 0xC2
"""The bytes that a separator begins with. Most texts, Korean ones too, have neither, and one byte is found faster."""


def encode_line(value: object) -> bytes:
    """JSON without a raw line separator of any kind."""
    return escape_separators(encode_json(value))


def escape_separators(lines: bytes) -> bytes:
    """JSON, or lines of JSON, with those line separators escaped that stand in its strings."""
    if _E2 in lines or _C2 in lines:
        for raw, escape in SEPARATORS:
            lines = lines.replace(raw, escape)
    return lines
