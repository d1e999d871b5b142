"""These tests show what every streamed format promises, whichever it is."""

from collections.abc import Sequence

import pytest

from qa_service.frames import Done, Frame, Text
from qa_service.pause import ITEMS_PER_STEP
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.formats import DEFAULT, FORMATS, WireFormat
from tests.wire.open_parts import OPEN_PARTS
from tests.wire.test_typed import FRAMES

STREAMED = [OPEN_PARTS, *(row for row in FORMATS.values() if row.encoder)]
"""A format with open parts is among them, so that the suite holds for such formats, too."""

STATELESS = {OPEN_PARTS.name, DEFAULT.name, "jsonl"}
"""In these formats what comes doesn't depend on what was sent before."""


@pytest.fixture(params=STREAMED, ids=lambda row: row.name)
def row(request: pytest.FixtureRequest) -> WireFormat:
    found: WireFormat = request.param
    return found


def encoder_of(row: WireFormat, *, sent: int = 0) -> FrameEncoder:
    """Return the encoder for a reader that has seen this many of the frames."""
    assert row.encoder
    start = FRAMES[0]
    return row.encoder(FormatContext("a1", "/api", start=start, sent=FRAMES[:sent]))


def encoded(encoder: FrameEncoder, first: int, frames: Sequence[Frame]) -> bytes:
    """Return the frames without what an `EventSource` is told once for each connection."""
    return encoder.batch(first, frames).replace(b"retry: 3000\n", b"")


class TestEveryEncoder:
    def test_gives_the_same_bytes_however_frames_are_put_together(self, row: WireFormat) -> None:
        together, apart = encoder_of(row), encoder_of(row)
        whole = together.head() + together.batch(1, FRAMES) + together.tail()
        pieces = [apart.batch(number, [frame]) for number, frame in enumerate(FRAMES, 1)]
        assert apart.head() + b"".join(pieces) + apart.tail() == whole

    def test_is_pure_so_that_two_readers_get_the_same(self, row: WireFormat) -> None:
        assert encoder_of(row).batch(1, FRAMES) == encoder_of(row).batch(1, FRAMES)

    @pytest.mark.parametrize("sent", range(len(FRAMES) + 1))
    def test_continues_for_a_reader_that_comes_back(self, row: WireFormat, sent: int) -> None:
        before = encoded(encoder_of(row), 1, FRAMES[:sent])
        rest = (
            b"" if encoder_of(row, sent=sent).is_cut else encoded(encoder_of(row, sent=sent), sent + 1, FRAMES[sent:])
        )
        assert before + rest == encoded(encoder_of(row), 1, FRAMES)

    def test_goes_on_after_a_sign_of_life_as_without_it(self, row: WireFormat) -> None:
        encoder = encoder_of(row)
        before, _, rest = encoder.batch(1, FRAMES[:4]), encoder.heartbeat(), encoder.batch(5, FRAMES[4:])
        assert before + rest == encoder_of(row).batch(1, FRAMES)

    def test_carries_every_character(self, row: WireFormat) -> None:
        frames = [Text("안녕\u2028\r\n👍"), Done("completed")]
        assert encoder_of(row).batch(1, frames)


class TestTable:
    def test_each_row_has_the_name_it_is_found_by(self) -> None:
        assert {name: row.name for name, row in FORMATS.items()} == {name: name for name in FORMATS}

    def test_no_two_rows_answer_to_one_media_type(self) -> None:
        media_types = [media_type for row in FORMATS.values() for media_type in row.media_types]
        assert len(media_types) == len(set(media_types))

    def test_no_answer_may_be_stored_on_its_way(self) -> None:
        assert all("no-store" in dict(row.headers)["Cache-Control"] for row in FORMATS.values())

    def test_the_default_is_one_of_them(self) -> None:
        assert FORMATS[DEFAULT.name] is DEFAULT


@pytest.mark.parametrize("row", [row for row in STREAMED if row.name not in STATELESS], ids=lambda row: row.name)
def test_an_encoder_gives_way_where_it_looks_at_very_many_frames(
    row: WireFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[int] = []
    monkeypatch.setattr("qa_service.pause.give_way", lambda: pauses.append(1))
    assert row.encoder
    sent = [FRAMES[0], *[Text("a")] * (ITEMS_PER_STEP + 1)]
    row.encoder(FormatContext("a1", "/api", start=FRAMES[0], sent=sent))
    assert pauses
