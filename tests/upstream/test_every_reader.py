"""These tests show what every `EventReader` promises, whatever the server's protocol is."""

from collections.abc import Mapping

import pytest

from qa_service.deltas import Finished
from qa_service.upstream.chat_reading import ChatReader
from qa_service.upstream.drawing import DrawingReader
from qa_service.upstream.protocol import EventReader
from qa_service.upstream.reading import ResponseReader
from tests.scripted_upstream import answer, chat_answer
from tests.upstream.questions import text_from_frames
from tests.upstream.test_transport import PlainReader

SAID = ["안녕", "하세요."]


class TestEventReader:
    BODIES: Mapping[type, bytes] = {
        ResponseReader: b"".join(answer(SAID)),
        DrawingReader: b"".join(answer(SAID)),
        ChatReader: b"".join(chat_answer(SAID)),
        PlainReader: "".join(SAID).encode(),
    }

    @pytest.fixture(params=BODIES)
    def reader(self, request: pytest.FixtureRequest) -> EventReader:
        reader: EventReader = request.param(kept=False)
        return reader

    def test_nothing_is_known_before_anything_was_read(self, reader: EventReader) -> None:
        assert (reader.response_id, reader.last) == ("", -1)
        assert [reader.working, reader.ended, reader.told, reader.nameless, reader.resumable] == [False] * 5

    @pytest.mark.parametrize("size", [1, 7, 1 << 20])
    def test_the_end_comes_last_however_the_body_is_cut(self, reader: EventReader, size: int) -> None:
        body = self.BODIES[type(reader)]
        *said, end = reader.read_deltas(body[start : start + size] for start in range(0, len(body), size))
        assert isinstance(end, Finished)
        assert not any(isinstance(delta, Finished) for delta in said)
        assert (reader.working, reader.ended) == (True, True)
        assert text_from_frames(said) == "".join(SAID)
