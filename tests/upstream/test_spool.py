"""Pictures go to files on their way, wherever their bytes are cut."""

import json
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from qa_service.deltas import Drawing, Drawn, Finished, TextDelta
from qa_service.errors import UpstreamUnavailable
from qa_service.upstream import spool as room
from qa_service.upstream.reading import ResponseReader
from qa_service.upstream.spool import PictureSpool
from tests.scripted_upstream import RECORDINGS, answer, event
from tests.scripts import noise

DATA = Random(7).randbytes(5_000)
TEXT = b64encode(DATA).decode()


def chunks(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def read_pictures(content: bytes, size: int, folder: Path) -> list[tuple[int, bool, bytes]]:
    """Return the pictures of a body that comes in chunks of this size. Nothing of them is left behind."""
    found = [
        (delta.index, delta.partial, Path(delta.path).read_bytes())
        for delta in ResponseReader(spool=str(folder)).read_deltas(chunks(content, size))
        if isinstance(delta, Drawn)
    ]
    assert list(folder.iterdir()) == []
    return found


def stream(*pictures: str) -> bytes:
    """Return an answer in which each picture comes twice as a part, then whole, and again at the end."""
    first, *rest = answer(['그림 "result":"AAAA', "입니다."])
    items = [{"type": "image_generation_call", "result": picture} for picture in pictures]
    drawn = [
        each
        for place, item in enumerate(items, 1)
        for each in (
            event("response.output_item.added", output_index=place, item={**item, "result": None}),
            *[
                event(f"response.image_generation_call.{kind}", output_index=place, partial_image_b64=item["result"])
                for kind in ("partial_image", "partial_image")
            ],
            event("response.output_item.done", output_index=place, item=item),
        )
    ]
    completed = json.loads(rest[-1].partition(b"data: ")[2])
    completed["response"]["output"] += items
    return b"".join([first, *drawn, *rest[:-1], b"data: " + json.dumps(completed).encode() + b"\n\n"])


@pytest.mark.parametrize("size", [1, 7, 64, 65, 1000, 4096, 7_000, 10_000, 15_000, 10_000_000])
def test_each_picture_is_told_in_parts_and_once_as_a_whole(size: int, tmp_path: Path) -> None:
    other = DATA[::-1]
    found = read_pictures(stream(TEXT, b64encode(other).decode()), size, tmp_path)
    assert found == [
        (0, True, DATA), (0, True, DATA), (0, False, DATA), (1, True, other), (1, True, other), (1, False, other)
    ]  # fmt: skip


@pytest.mark.parametrize("length", range(8))
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_no_byte_is_lost_whatever_the_length(length: int, size: int, tmp_path: Path) -> None:
    data = DATA[: 90 + length]
    assert {picture for _, _, picture in read_pictures(stream(b64encode(data).decode()), size, tmp_path)} == {data}


@pytest.mark.parametrize("size", [1, 33, 10_000_000])
def test_the_recorded_one_is_told_before_its_text(size: int, tmp_path: Path) -> None:
    content = (RECORDINGS / "03_image_generation.sse").read_bytes()
    deltas = list(ResponseReader(spool=str(tmp_path)).read_deltas(chunks(content, size)))
    kinds = [type(delta) for delta in deltas]
    assert kinds[:6] == [type(deltas[0]), Drawing, Drawn, Drawn, Drawn, Drawn]
    assert [delta.partial for delta in deltas if isinstance(delta, Drawn)] == [True, True, True, False]
    assert (kinds[6], kinds[-1]) == (TextDelta, Finished)


@pytest.mark.parametrize("size", [1, 9, 10_000_000])
def test_a_body_that_is_no_stream_has_its_pictures_too(size: int, tmp_path: Path) -> None:
    output = [{"type": "image_generation_call", "result": TEXT}]
    body = json.dumps({"status": "completed", "output": output}, indent=1).encode()
    assert read_pictures(body, size, tmp_path) == [(0, False, DATA)]


@pytest.mark.parametrize("written", ["~0", "~9", "~x", "no base64!", "", "~", "AAA~0"])
def test_what_is_no_picture_has_no_bytes_and_does_no_harm(written: str, tmp_path: Path) -> None:
    assert all(data == b"" or written == "no base64!" for _, _, data in _tolerant(stream(written), tmp_path))


def _tolerant(content: bytes, folder: Path) -> list[tuple[int, bool, bytes]]:
    deltas = ResponseReader(spool=str(folder)).read_deltas([content])
    return [
        (delta.index, delta.partial, Path(delta.path).read_bytes() if delta.path else b"")
        for delta in deltas
        if isinstance(delta, Drawn)
    ]


@pytest.mark.parametrize("size", [1, 5, 100])
def test_text_is_never_taken_for_a_picture(size: int) -> None:
    said = ['{"result":"', "A" * 500, '","partial_image_b64":"', "B" * 500, '"}']
    deltas = ResponseReader().read_deltas(chunks(b"".join(answer(said)), size))
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == "".join(said)


def test_files_go_when_nobody_reads_on(tmp_path: Path) -> None:
    deltas = ResponseReader(spool=str(tmp_path)).read_deltas(chunks(stream(TEXT, TEXT), 100))
    assert any(isinstance(delta, Drawn) for delta in deltas)
    deltas.close()
    assert list(tmp_path.iterdir()) == []


def test_a_picture_without_an_end_is_an_error_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_PICTURE_BYTES", 1_000)
    with pytest.raises(UpstreamUnavailable, match="longer than 1000 bytes"):
        list(ResponseReader(spool=str(tmp_path)).read_deltas(chunks(stream(TEXT), 500)))
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_to_write_to_the_picture_has_no_file(tmp_path: Path) -> None:
    spool = PictureSpool(str(tmp_path / "missing"))
    begun = b'data: {"type":"x","result":"AAAA'
    assert spool.divert_pictures(begun) == begun
    with spool.open_picture("AAAA") as path:
        assert path == ""


def test_a_large_picture_takes_little_memory(tmp_path: Path) -> None:
    content = stream(b64encode(noise(2_000_000)).decode())
    pieces = list(chunks(content, 32 * 1024))
    tracemalloc.start()
    sizes = [
        Path(delta.path).stat().st_size
        for delta in ResponseReader(spool=str(tmp_path)).read_deltas(pieces)
        if isinstance(delta, Drawn)
    ]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert min(sizes) > 2_000_000
    assert peak < 500_000
