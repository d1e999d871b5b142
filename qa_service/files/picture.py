"""This module reads pictures: it turns them upright, scales them to what models take, and leaves out all metadata.

How large a picture is stands in its first bytes. One with too many pixels is refused before any of them is unpacked.
"""

import copy
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from math import ceil

from PIL import GifImagePlugin, Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from qa_service.errors import Unreadable
from qa_service.files.segment import PICTURE_BYTES, RawFile, Segment
from qa_service.model import Picture

MOST_PIXELS = 64_000_000
"""A picture has at most this many pixels. The cameras of phones give 50 million. Unpacked, this many pixels take a
quarter of a reading process's memory."""
MOST_TIFF_PAGES = 10
"""This many pages of a TIFF are read, which is as many pictures as a prompt holds."""
LONGEST_SIDE = 2_048
"""Models scale pictures that are larger than this down by themselves."""

_PLUGINS = (copy, GifImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
"""Pillow would import these only when it needs them, and nothing can be imported in the sandbox."""
_FORMATS = ("GIF", "JPEG", "PNG", "WEBP")
_LOSSLESS = ("GIF", "PNG")
_BROKEN = (EOFError, LookupError, OSError, RuntimeError, SyntaxError, TypeError, ValueError, struct.error)
"""Pillow raises these for damaged files."""
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""It maps each orientation that EXIF knows to the turn that makes such a picture upright."""
_QUALITIES = (85, 70, 50)
_PATCH, _MOST_PATCHES = 32, 1_536
"""A model spends about one token on each square with this side, and at most this many on a picture."""

Image.preinit()
Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def read_picture(raw: RawFile) -> Iterator[Segment]:
    """Give one segment with the picture. Of several frames it is the first one."""
    _check_webp(raw.content)
    with _errors_mapped():
        picture, tokens = _read_image(_open_image(raw.content, _FORMATS), len(raw.content))
    yield Segment("", picture=picture, tokens=tokens)


def read_scan(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each page of a TIFF, as a picture in a format that models take. Raises `Unreadable` where it
    has more than `MOST_TIFF_PAGES`."""
    with _errors_mapped():
        image = _open_image(raw.content, ("TIFF",))
    for number in range(MOST_TIFF_PAGES):
        with _errors_mapped():
            if not _turn_to(image, number):
                return
            picture, tokens = _read_image(image.copy(), len(raw.content))
        yield Segment("", page=number + 1, pages=0, picture=picture, tokens=tokens)
    with _errors_mapped():
        if _turn_to(image, MOST_TIFF_PAGES):
            raise Unreadable("too_large")


@contextmanager
def _errors_mapped() -> Iterator[None]:
    """Map what Pillow raises to `Unreadable`."""
    try:
        with warnings.catch_warnings():
            # Pillow also warns of broken notes in a file, which don't matter.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable("too_large") from error
    except _BROKEN as error:
        raise Unreadable("damaged") from error


def _open_image(content: bytes, formats: tuple[str, ...]) -> Image.Image:
    return Image.open(BytesIO(content), formats=formats)


def _turn_to(image: Image.Image, number: int) -> bool:
    """Turn to a page, and return whether there is one. Raises `Unreadable` for one with too many pixels, which Pillow
    checks for the first page alone."""
    try:
        image.seek(number)
    except EOFError:
        return False
    if image.width * image.height > MOST_PIXELS:
        raise Unreadable("too_large")
    return True


def _read_image(image: Image.Image, size: int) -> tuple[Picture, int]:
    is_lossless = image.format in _LOSSLESS and size <= PICTURE_BYTES
    upright = _make_upright(image)
    return _encode(upright, is_lossless=is_lossless), _estimate(upright)


def _check_webp(content: bytes) -> None:
    """Raise `Unreadable` for a WebP whose canvas has too many pixels, since Pillow makes room for it on opening. Only
    the extended format, which is also that of animations, declares a canvas; any other WebP is too small to matter."""
    if content[8:16] == b"WEBPVP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        if width * height > MOST_PIXELS:
            raise Unreadable("too_large")


def _make_upright(image: Image.Image) -> Image.Image:
    """Decode, scale and turn a picture. Nothing of the file is left but its colours."""
    turn = _find_turn(image)
    if image.mode == "1":
        # In black and white, scaling would drop lines of letters.
        image = image.convert("L")
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # Only a grey PNG has 16 bits a pixel, and converting it would cut off its upper bits.
    plain = image.point(lambda bits: bits / 256).convert("L") if image.mode.startswith("I") else image
    plain = plain.convert("RGBA" if plain.has_transparency_data else "RGB")
    plain.info = {}
    return plain if turn is None else plain.transpose(turn)


def _find_turn(image: Image.Image) -> Image.Transpose | None:
    with suppress(*_BROKEN, ArithmeticError):
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    return None


def _encode(image: Image.Image, *, is_lossless: bool) -> Picture:
    """Write a picture with at most `PICTURE_BYTES`: with worse quality and then with fewer pixels, until it fits."""
    if is_lossless and len(data := _save(image, "PNG")) <= PICTURE_BYTES:
        return Picture("image/png", data)
    kind = "JPEG" if image.mode == "RGB" else "WEBP"
    while True:
        for quality in _QUALITIES:
            # The method is the fastest one of WebP; JPEG has none.
            if len(data := _save(image, kind, quality=quality, method=0)) <= PICTURE_BYTES:
                return Picture(f"image/{kind.lower()}", data)
        image = image.reduce(2)


def _save(image: Image.Image, kind: str, **options: int) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _estimate(image: Image.Image) -> int:
    return min(ceil(image.width / _PATCH) * ceil(image.height / _PATCH), _MOST_PATCHES)
