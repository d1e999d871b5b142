"""Pictures as people send them become pictures as models take them."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from random import Random

import pytest
from PIL import Image, PngImagePlugin

from qa_service.errors import Unreadable
from qa_service.files.picture import LONGEST_SIDE, MOST_PIXELS, MOST_TIFF_PAGES, read_picture, read_scan
from qa_service.files.reading import read_file
from qa_service.files.segment import PICTURE_BYTES, RawFile, Segment
from qa_service.model import Picture, UploadedFile
from qa_service.pictures import MOST_PROMPT_PICTURES

ORIENTATION, GPS, MAKER = 0x0112, 0x8825, 0x010F
SECRET = "서울 37.5665"
RED, BLUE = (200, 30, 30), (30, 30, 200)


def read(content: bytes) -> Segment:
    (segment,) = read_picture(RawFile(content))
    return segment


def picture(content: bytes) -> Picture:
    found = read(content).picture
    assert found is not None
    return found


def decoded(content: bytes) -> Image.Image:
    return Image.open(BytesIO(picture(content).data))


def written(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def flag(width: int = 64, height: int = 32) -> Image.Image:
    """Return a picture whose upper left quarter is red, and whose other three are blue."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    return image


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.frombytes(mode, (width, height), Random(1).randbytes(width * height * len(mode)))


def red_corner(image: Image.Image) -> tuple[int, int]:
    """Return the column and the row, 0 or 1 each, of the corner that is red."""
    small = image.convert("RGB").resize((2, 2), Image.Resampling.BOX)
    reds = [(small.getpixel((x, y))[0], (x, y)) for x in range(2) for y in range(2)]
    return max(reds)[1]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_each_kind_keeps_what_it_shows(kind: str) -> None:
    shown = decoded(written(flag(), kind))
    assert (shown.size, red_corner(shown)) == ((64, 32), (0, 0))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_as_the_camera_says(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    as_taken = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    taken = flag() if as_taken is None else flag().transpose(as_taken)
    shown = decoded(written(taken, kind, exif=exif.tobytes()))
    assert (shown.size, red_corner(shown)) == ((64, 32), (0, 0))


@pytest.mark.parametrize("size", [(5000, 1000), (900, 4001), (2049, 2049)])
def test_a_large_one_is_scaled_and_keeps_its_shape(size: tuple[int, int]) -> None:
    shown = decoded(written(flag(*size), "JPEG"))
    assert max(shown.size) == LONGEST_SIDE
    assert shown.width / shown.height == pytest.approx(size[0] / size[1], rel=0.01)


def test_a_small_one_is_not_enlarged() -> None:
    assert decoded(written(flag(3, 2), "PNG")).size == (3, 2)


def test_where_and_with_what_it_was_taken_is_left_out() -> None:
    exif = Image.Exif()
    exif[MAKER] = SECRET
    exif.get_ifd(GPS)[1] = SECRET
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Comment", SECRET)
    notes = {"exif": exif.tobytes(), "icc_profile": SECRET.encode()}
    for content in (
        written(flag(), "JPEG", comment=SECRET.encode(), xmp=SECRET.encode(), **notes),
        written(flag(), "PNG", pnginfo=text, **notes),
        written(flag(), "WEBP", xmp=SECRET.encode(), **notes),
        written(flag(), "GIF", comment=SECRET.encode()),
    ):
        assert SECRET.encode() in content
        found = picture(content).data
        assert SECRET.encode() not in found
        assert not {"exif", "icc_profile", "xmp", "comment", "Comment"} & set(Image.open(BytesIO(found)).info)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_one_that_packs_badly_still_becomes_small_enough(mode: str) -> None:
    found = picture(written(noise(1000, 1000, mode), "PNG", compress_level=0))
    assert len(found.data) <= PICTURE_BYTES
    assert found.mime_type == ("image/jpeg" if mode == "RGB" else "image/webp")


def test_a_small_one_without_loss_stays_as_it_is() -> None:
    sharp = noise(40, 30)
    found = picture(written(sharp, "PNG"))
    assert found.mime_type == "image/png"
    assert Image.open(BytesIO(found.data)).tobytes() == sharp.tobytes()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_stays_so(mode: str) -> None:
    clear = Image.new("RGBA", (20, 20), (*RED, 0))
    content = written(clear.quantize() if mode == "P" else clear.convert(mode), "PNG")
    assert decoded(content).convert("RGBA").getpixel((5, 5))[3] == 0


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "I;16", "P"])
def test_other_ways_to_write_colours_are_understood(mode: str) -> None:
    image = flag().convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.frombytes("I;16", image.size, b"".join(bytes((0, value)) for value in image.tobytes()))
    shown = decoded(written(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert red_corner(shown) == (0, 0)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_counts(kind: str) -> None:
    frames = [flag(), Image.new("RGB", (64, 32), BLUE)]
    shown = decoded(written(frames[0], kind, save_all=True, append_images=frames[1:], duration=100))
    assert (getattr(shown, "n_frames", 1), red_corner(shown)) == (1, (0, 0))


def test_of_a_file_with_several_pictures_the_first_counts() -> None:
    content = written(flag(), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 32), BLUE)])
    assert red_corner(decoded(content)) == (0, 0)


def png_head(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = b"IDAT" + zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data)) for data in (chunk, pixels)
    )


def webp_head(width: int, height: int) -> bytes:
    body = struct.pack("<4sII", b"VP8X", 10, 2) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def gif_head(width: int, height: int) -> bytes:
    return written(flag(), "GIF")[:6] + struct.pack("<HH", width, height) + written(flag(), "GIF")[10:]


@pytest.mark.parametrize(
    "head",
    [
        lambda: png_head(60_000, 60_000),
        lambda: png_head(MOST_PIXELS // 1000, 1001),
        lambda: webp_head(16_000, 16_000),
        lambda: gif_head(65_535, 65_535),
    ],
)
def test_a_bomb_is_refused_before_it_is_unpacked(head: Callable[[], bytes]) -> None:
    with pytest.raises(Unreadable, match="too_large"):
        read(head())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_one_that_is_cut_or_garbled_is_damaged(kind: str) -> None:
    content = written(noise(120, 120), kind)
    for broken in (content[: len(content) // 2], content[:30], content[:12] + bytes(500)):
        with pytest.raises(Unreadable, match="damaged"):
            read(broken)


def test_broken_notes_of_a_camera_spoil_nothing() -> None:
    content = written(flag(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(20))
    assert red_corner(decoded(content)) == (0, 0)


def test_one_that_only_looks_like_a_picture_of_another_kind_is_not_opened() -> None:
    with pytest.raises(Unreadable, match="damaged"):
        read(written(flag(), "BMP"))


@pytest.mark.parametrize(("size", "tokens"), [((1, 1), 1), ((64, 33), 4), ((1300, 1300), 1536)])
def test_it_costs_about_as_much_as_models_take(size: tuple[int, int], tokens: int) -> None:
    assert read(written(Image.new("RGB", size), "PNG")).tokens == tokens


def test_the_report_has_the_picture_and_its_verdict() -> None:
    content = written(flag(), "JPEG")
    *_, shown, last = read_file(UploadedFile("cat.png", "", len(content)), content)
    assert shown.picture is not None
    assert (last.picture, last.text) == (None, None)
    assert (last.verdict.kind, last.verdict.status, last.verdict.tokens) == ("jpeg", "used", 2)


def scan(*pages: Image.Image, **options: object) -> bytes:
    return written(pages[0], "TIFF", save_all=True, append_images=list(pages[1:]), **options)


def opened_picture(page: Segment) -> Image.Image:
    assert page.picture is not None
    return Image.open(BytesIO(page.picture.data))


def read_pages(content: bytes) -> tuple[list[Segment], str]:
    """Return the pages of a TIFF, and the reason why there are no more."""
    pages, steps = list[Segment](), read_scan(RawFile(content))
    while True:
        try:
            pages.append(next(steps))
        except StopIteration:
            return pages, ""
        except Unreadable as error:
            return pages, error.reason


class TestScans:
    def test_each_page_is_a_picture_in_a_format_that_models_take(self) -> None:
        pages, reason = read_pages(scan(flag(), flag(32, 64), flag(3_000, 200)))

        assert [(page.page, opened_picture(page).size) for page in pages] == [
            (1, (64, 32)),
            (2, (32, 64)),
            (3, (2_048, 137)),
        ]
        assert reason == ""
        assert {page.picture.mime_type for page in pages if page.picture} <= {"image/png", "image/jpeg"}
        assert all(page.tokens for page in pages)

    @pytest.mark.parametrize(
        ("mode", "options"),
        [
            ("1", {"compression": "group4"}),
            ("L", {"compression": "tiff_lzw"}),
            ("RGB", {"compression": "jpeg"}),
            ("RGBA", {"compression": "tiff_deflate"}),
            ("CMYK", {}),
            ("I;16", {}),
            ("P", {}),
            ("F", {}),
        ],
    )
    def test_each_way_to_write_a_page_is_understood(self, mode: str, options: dict[str, object]) -> None:
        white = Image.new("L", (40, 30), 255)
        page = white.convert("I;16") if mode == "I;16" else white.convert("RGB").convert(mode)

        (segment,), reason = read_pages(scan(page, **options))

        assert (reason, segment.picture is not None) == ("", True)

    def test_letters_in_black_and_white_stay_whole_when_they_are_scaled(self) -> None:
        thin = Image.new("1", (4_096, 64), 1)
        thin.paste(0, (0, 31, 4_096, 32))

        (page,), _ = read_pages(scan(thin, compression="group4"))

        darkest, _ = opened_picture(page).convert("L").getextrema()
        assert darkest < 200

    def test_a_page_is_turned_as_its_note_says(self) -> None:
        (page,), _ = read_pages(scan(flag(), tiffinfo={0x0112: 6}))

        assert opened_picture(page).size == (32, 64)

    def test_no_more_pages_are_read_than_a_prompt_holds(self) -> None:
        pages, reason = read_pages(scan(*[flag()] * (MOST_TIFF_PAGES + 1)))

        assert (len(pages), reason) == (MOST_TIFF_PAGES, "too_large")
        assert MOST_TIFF_PAGES == MOST_PROMPT_PICTURES

    def test_a_bomb_on_a_later_page_is_refused(self) -> None:
        bomb = scan(flag().convert("1"), Image.new("1", (9_000, 8_000)), compression="group4")

        assert [len(read_pages(bomb)[0]), read_pages(bomb)[1]] == [1, "too_large"]

    def test_what_is_cut_is_damaged_and_the_pages_before_are_kept(self) -> None:
        whole = scan(noise(300, 300), noise(300, 300))

        pages, reason = read_pages(whole[: len(whole) * 3 // 4])
        assert (len(pages), reason) in {(1, "damaged"), (1, "")}
        assert read_pages(b"II*\x00" + bytes(range(200)))[1] == "damaged"
