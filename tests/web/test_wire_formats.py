"""Any row of the table of formats is served: chosen by its names, with its headers, from wherever a reader stands."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from werkzeug.test import TestResponse

from qa_service.deltas import Finished, TextDelta, Thinking
from qa_service.frames import Done, Frame, StageNotice, Start, Text, TopicNotice
from qa_service.interfaces import FollowedAnswer, LogEntry
from qa_service.model import Owner
from qa_service.running.mirror import MirroredAnswer
from qa_service.running.reader import AnswerReader, ReaderTimes
from qa_service.web.formats import choose_format
from qa_service.web.serving import drain_answers
from qa_service.web.streaming import AnswerBody
from qa_service.wire.encoder import FormatContext
from qa_service.wire.formats import FORMATS, JSON, JSONL, TEXT, TYPED, EncoderFactory
from qa_service.wire.plain import PlainTextEncoder
from tests.fakes import FakeMeter
from tests.web.house import HELD, House
from tests.wire.open_parts import OPEN_PARTS, OpenPartsEncoder

START = Start(
    "a1", "chat", created=True, model="mini", topic=TopicNotice(1, drifted=False, score=0.0), created_at="2026"
)


@pytest.fixture
def open_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add one row to the table of formats."""
    monkeypatch.setitem(FORMATS, OPEN_PARTS.name, OPEN_PARTS)


def lines(response: TestResponse) -> list[str]:
    assert response.status_code == 200, response.get_data(as_text=True)
    with closing(response):
        return response.get_data(as_text=True).splitlines()


class TestChoice:
    @pytest.mark.parametrize(
        ("accept", "row"),
        [
            ("", TYPED),
            ("*/*", TYPED),
            ("text/html", TYPED),
            ("text/event-stream", TYPED),
            ("application/json", JSON),
            ("Application/JSON; charset=utf-8, text/html", JSON),
            ("application/json, text/event-stream", TYPED),
            ("text/plain, application/json", JSON),
            ("application/json, text/plain, */*", TYPED),
            ("application/jsonl", JSONL),
            ("application/x-ndjson, text/html", JSONL),
            ("text/plain;q=0.9", TEXT),
        ],
    )
    def test_goes_by_what_is_accepted(self, accept: str, row: object) -> None:
        assert choose_format({}, accept) is row

    @pytest.mark.parametrize(
        ("fields", "row"),
        [
            ({"format": "json"}, JSON),
            ({"format": "typed"}, TYPED),
            ({"format": "events"}, FORMATS["events"]),
            ({"format": "text"}, TEXT),
            ({"stream": "false"}, JSON),
            ({"stream": True}, TYPED),
            ({"format": "typed", "stream": False}, TYPED),
        ],
    )
    @pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "text/plain"])
    def test_a_field_decides_before_the_header(self, fields: dict[str, Any], row: object, accept: str) -> None:
        assert choose_format(fields, accept) is row

    @pytest.mark.usefixtures("open_parts")
    def test_a_new_row_is_found_by_both_its_names(self) -> None:
        assert choose_format({"format": "open-parts"}, "") is OPEN_PARTS
        assert choose_format({}, "text/html, application/x-open-parts;q=0.9") is OPEN_PARTS


@pytest.mark.usefixtures("open_parts")
class TestANewRow:
    def test_is_sent_from_its_head_to_its_tail_with_its_headers(self, house: House) -> None:
        response = house.ask(headers={"Accept-Language": "ko"}, format="open-parts", sessionId="c" * 32)
        assert response.content_type == "application/x-open-parts"
        assert response.headers["X-Open-Parts"] == "v1"
        assert response.headers["Cache-Control"] == "no-store"
        assert lines(response) == [
            f'["head","{"c" * 32}","ko"]',
            "start",
            "text-start 1",
            'text-delta 1 "안녕"',
            'text-delta 1 "하세요."',
            "text-end 1",
            "metadata",
            "done",
            "tail",
        ]

    def test_goes_on_for_a_reader_that_comes_back_wherever_it_was_cut_off(self, house: House) -> None:
        house.model.deltas = (
            Thinking(),
            TextDelta("안"),
            TextDelta("녕"),
            Thinking(),
            TextDelta("!"),
            Finished("stop"),
        )
        answer_id = house.session()["answerId"]
        last = len(frames_of(house, answer_id))
        rests = [lines(house.get(f"answers/{answer_id}/stream?format=open-parts&after={n}"))[1:] for n in range(last)]
        whole = rests[0]
        for before, after in pairwise(rests):
            assert whole[-len(after) :] == after
            assert len(after) <= len(before)
        assert rests[-1] == ["done", "tail"]

    def test_whose_goodbye_has_no_bytes_just_ends(self, house: House) -> None:
        response = house.begin(format="open-parts")
        drain_answers(house.app, 0)
        with closing(response):
            chunks = list(response.response)
        assert all(chunks)
        assert b"".join(chunks).splitlines()[1:] == [b"start", b"text-start 1", 'text-delta 1 "안녕"'.encode()]

    def test_is_cancelled_when_its_reader_leaves_who_cannot_come_back(self, house: House) -> None:
        response = house.begin(format="open-parts")
        next(response.iter_encoded())
        response.close()
        house.settle()
        kept = house.get(f"answers/{response.headers['X-Answer-Id']}").get_json()
        assert (kept["status"], kept["text"]) == ("cancelled", "안녕")


def frames_of(house: House, answer_id: str) -> list[str]:
    stream = house.get(f"answers/{answer_id}/stream").get_data(as_text=True)
    return stream.removesuffix("\n\n").split("\n\n")


class BeatingEncoder(OpenPartsEncoder):
    """A `BeatingEncoder` is the same with signs of life."""

    def heartbeat(self) -> bytes:
        return b"beat\n"


class TestAReaderThatHasSeenMoreThanIsHere:
    """Of an answer that another worker writes, the frames come here a moment later than to that worker's readers."""

    @pytest.fixture
    def mirror(self) -> MirroredAnswer:
        mirror = MirroredAnswer(FollowedAnswer(Owner("user", "0" * 32), "a1"), "chat")
        self.add(mirror, 1, START)
        return mirror

    def add(self, mirror: MirroredAnswer, first: int, *frames: Frame) -> None:
        mirror.add_entries([LogEntry(first, frames)], "0-0")

    def body(
        self,
        mirror: MirroredAnswer,
        after: int,
        heartbeat: float = HELD,
        make_encoder: EncoderFactory = OpenPartsEncoder,
    ) -> AnswerBody:
        times = ReaderTimes(heartbeat, look=0.0)
        reader = AnswerReader(
            mirror, meter=FakeMeter(), times=times, after=after, gone=lambda: False, left=lambda source: None
        )
        return AnswerBody(reader, make_encoder, FormatContext("a1", "/api"))

    def test_gets_the_rest_in_the_part_that_it_has_open(self, mirror: MirroredAnswer) -> None:
        with closing(self.body(mirror, after=3)) as body:
            late = threading.Timer(0.02, self.add, (mirror, 2, Text("a"), Text("b"), Text("c"), Done("completed")))
            late.start()
            assert b"".join(body) == b'["head","chat","en"]\ntext-delta 1 "c"\ntext-end 1\ndone\ntail\n'

    def test_has_the_head_of_its_response_before_the_first_word(self, mirror: MirroredAnswer) -> None:
        with closing(self.body(mirror, after=0, make_encoder=PlainTextEncoder)) as body:
            frames = (StageNotice("thinking"), Text("a"), Text("b"), Done("completed"))
            late = threading.Timer(0.02, self.add, (mirror, 2, *frames))
            late.start()
            assert list(body) == [b"", b"ab"]

    def test_hears_signs_of_life_until_then(self, mirror: MirroredAnswer) -> None:
        body = self.body(mirror, after=2, heartbeat=0.0, make_encoder=BeatingEncoder)

        def keep_waking() -> None:
            while not mirror.log.closed:
                mirror.log.wake_readers()
                time.sleep(0.02)

        with closing(body):
            threading.Thread(target=keep_waking).start()
            pieces: Iterator[bytes] = iter(body)
            assert next(pieces) == b"beat\n"
            self.add(mirror, 2, Text("a"), Text("b"), Done("completed"))
            assert b"".join(pieces).splitlines()[1:] == [b'text-delta 1 "b"', b"text-end 1", b"done", b"tail"]
