"""The default stream: what each frame is on the wire, byte by byte."""

import random
import re
from typing import Any

import msgspec
import pytest

from qa_service.frames import (
    Call,
    Cite,
    Done,
    Failure,
    Frame,
    Image,
    ImageResult,
    Metadata,
    Reference,
    Restart,
    StageNotice,
    Start,
    Text,
    Timing,
    TopicNotice,
    VideoResult,
)
from qa_service.model import Usage, Verdict
from qa_service.wire.content import build_answer, build_content
from qa_service.wire.encoder import FormatContext
from qa_service.wire.lines import encode_json
from qa_service.wire.typed import TypedEncoder
from tests.fakes import turn

USAGE = Usage(10, 5, 15)
TOPIC = TopicNotice(2, drifted=True, score=0.93)
METADATA = Metadata(
    "chat",
    "a1",
    "mini",
    usage=USAGE,
    calls=(Call("mini", "answer", USAGE, 0.5),),
    cost=0.5,
    timing=Timing(120, 900),
    topic=TOPIC,
    files=(Verdict("sky.pdf", "pdf", "truncated", "over_budget", 3, 900),),
    finish_reason="stop",
    saved=True,
)
DOCUMENT = Reference(
    1, "document", title="sky.pdf", url="sessions/chat/files/f1/pages/3", document_id="f1", file="sky.pdf", page=3
)
LINK = Reference(2, "url", title="A", url="https://a.example")
FRAMES: tuple[Frame, ...] = (
    Start("a1", "chat", created=True, model="mini", topic=TOPIC, created_at="2026-01-02T03:04:05.678Z"),
    StageNotice("reading_file", name="sky.pdf", page=1, pages=3),
    Text('안녕 "you"\n\r\t\\ \x00 \u2028\u2029\x85 👍'),
    Text(""),
    DOCUMENT,
    LINK,
    Failure("rate_limited", "slow down", "Please wait.", retryable=True, retry_after=7, status=429),
    Restart("lost"),
    Image(0, partial=True, mime_type="image/webp", url="answers/a1/images/0?version=0"),
    METADATA,
    Done("completed"),
)


def typed(prefix: str = "/api", *, ids: bool = False) -> TypedEncoder:
    return TypedEncoder(FormatContext("a1", prefix, ids=ids))


def decoded(encoded: bytes) -> dict[str, Any]:
    """Return the JSON of one frame that has nothing beside its data."""
    assert encoded.startswith(b"data: ")
    assert encoded.endswith(b"\n\n")
    found: dict[str, Any] = msgspec.json.decode(encoded[6:-2])
    return found


def sent(frame: Frame, prefix: str = "/api") -> dict[str, Any]:
    return decoded(typed(prefix).batch(7, [frame]))


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_is_one_line_of_data(frame: Frame) -> None:
    encoded = typed().batch(7, [frame])
    text = encoded.decode()
    assert re.fullmatch(r"data: \{[^\n]*\}\n\n", text)
    assert len(text.splitlines()) == 2
    assert (decoded(encoded)["seq"], decoded(encoded)["type"]) == (7, frame.__struct_config__.tag)


def test_a_text_is_as_in_the_example_of_the_contract() -> None:
    assert typed().batch(3, [Text("안녕")]) == 'data: {"seq":3,"type":"text","content":"안녕"}\n\n'.encode()


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85"])
def test_line_separators_are_escaped_wherever_they_stand(character: str) -> None:
    for frame in (Text(f"a{character}b"), StageNotice("file", name=f"a{character}b.txt")):
        encoded = typed().batch(1, [frame])
        assert character.encode() not in encoded
        assert f"\\u{ord(character):04x}".encode() in encoded
        found = decoded(encoded)["content"]
        assert f"a{character}b" in (found if isinstance(found, str) else found["name"])


def test_text_comes_back_whole_through_a_naive_parser() -> None:
    pieces = ["한 ", "줄\n", "두\u2028줄\r\n\n", 'data: {"x"}\n\n', "끝 👍🏽", "\x85"]
    encoder = typed()
    stream = b"".join(encoder.batch(seq, [Text(piece)]) for seq, piece in enumerate(pieces, 1)).decode()
    events = [line.removeprefix("data: ") for line in stream.splitlines() if line]
    assert "".join(msgspec.json.decode(event)["content"] for event in events) == "".join(pieces)


SCRIPTS = ("a", "가", "한글 답", "—", "é", "\xa0", "\x85", "\u2028", "\u2029", "\n", '"', "👍", "\ue2c2")


@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_a_batch_is_its_frames_joined(seed: int, ids: bool) -> None:
    chance = random.Random(seed)
    texts = [Text("".join(chance.choices(SCRIPTS, k=chance.randrange(9)))) for _ in range(chance.randrange(12))]
    frames = chance.sample([*FRAMES, *texts], k=chance.randrange(len(FRAMES) + len(texts)))
    one_by_one, together = typed(ids=ids), typed(ids=ids)
    joined = b"".join([one_by_one.batch(seq, [frame]) for seq, frame in enumerate(frames, 99)])
    assert together.batch(99, frames) == joined
    assert len(joined.decode().splitlines()) == joined.count(b"\n")


class TestIds:
    def test_without_an_answer_there_are_none(self) -> None:
        assert typed().batch(1, [Text("a")]).startswith(b"data: ")

    def test_with_one_each_frame_has_its_own_and_the_first_a_time_to_come_back(self) -> None:
        encoder = typed(ids=True)
        assert encoder.batch(4, [Text("a")]).startswith(b"id: a1-4\nretry: 3000\ndata: {")
        assert encoder.batch(5, [Done("completed")]).startswith(b"id: a1-5\ndata: {")

    def test_a_heartbeat_has_neither_number_nor_id(self) -> None:
        beat = typed(ids=True).heartbeat()
        assert decoded(beat) == {"type": "heartbeat", "content": {}}

    def test_two_streams_of_one_answer_each_have_their_first(self) -> None:
        assert b"retry" in typed(ids=True).batch(9, [Text("a")])
        assert b"retry" in typed(ids=True).batch(9, [Text("a")])


def test_a_connection_that_ends_before_its_answer_says_so_without_a_number() -> None:
    assert decoded(typed(ids=True).reconnect("draining", 500)) == {
        "type": "reconnect",
        "content": {"reason": "draining", "backoffMs": 500},
    }


class TestContent:
    def test_the_start_names_the_answer_and_its_session(self) -> None:
        assert sent(FRAMES[0])["content"] == {
            "answerId": "a1",
            "sessionId": "chat",
            "created": True,
            "model": "mini",
            "topic": {"index": 2, "drifted": True, "score": 0.93},
            "createdAt": "2026-01-02T03:04:05.678Z",
        }

    def test_a_stage_tells_what_it_knows_alone(self) -> None:
        assert sent(FRAMES[1])["content"] == {"stage": "reading_file", "name": "sky.pdf", "page": 1, "pages": 3}
        assert sent(StageNotice("thinking"))["content"] == {"stage": "thinking"}

    def test_a_documents_address_stands_under_the_prefix_and_beside_the_content(self) -> None:
        found = sent(DOCUMENT, "/site/api")
        assert found["url"] == found["content"]["url"] == "/site/api/sessions/chat/files/f1/pages/3"
        assert found["content"]["documentId"] == "f1"

    def test_a_links_address_is_its_own(self) -> None:
        found = sent(LINK)
        assert found["url"] == found["content"]["url"] == "https://a.example"
        assert set(found["content"]) == {"n", "kind", "title", "url"}

    def test_its_places_are_told_where_it_has_some(self) -> None:
        found = sent(msgspec.structs.replace(LINK, cites=(Cite(3, 9), Cite(12, 20, "하늘은 파랗다."))))
        assert found["content"]["cites"] == [
            {"start": 3, "end": 9},
            {"start": 12, "end": 20, "quote": "하늘은 파랗다."},
        ]

    def test_a_document_without_an_address_gets_none(self) -> None:
        assert sent(Reference(1, "document", title="Base"))["url"] == ""

    def test_an_error_hides_the_status_of_those_who_do_not_stream(self) -> None:
        assert sent(FRAMES[6])["content"] == {
            "code": "rate_limited",
            "message": "slow down",
            "userMessage": "Please wait.",
            "retryable": True,
            "retryAfter": 7,
        }

    def test_metadata_repeats_its_usage_and_leaves_empty_lists_out(self) -> None:
        found = sent(METADATA)
        assert (
            found["usage"]
            == found["content"]["usage"]
            == {
                "input": 10,
                "output": 5,
                "total": 15,
                "cached": 0,
                "reasoning": 0,
            }
        )
        assert not {"imageResults", "videoResults"} & (found.keys() | found["content"].keys())
        assert found["content"]["timing"] == {"firstTokenMs": 120, "totalMs": 900}
        assert found["content"]["files"] == [
            {
                "name": "sky.pdf",
                "kind": "pdf",
                "status": "truncated",
                "reason": "over_budget",
                "pages": 3,
                "tokens": 900,
            }
        ]

    def test_metadata_repeats_results_where_there_are_some(self) -> None:
        image = {"title": "하늘", "url": "https://a.example/sky.png", "thumbnail": "", "source": "a.example"}
        video = {"id": "dQw4w9WgXcQ", "title": "Sky", "url": "https://b.example", "thumbnail": "", "channel": "하늘 TV"}
        results = {"image_results": (ImageResult(**image),), "video_results": (VideoResult(**video),)}
        found = sent(msgspec.structs.replace(METADATA, **results))
        assert found["imageResults"] == found["content"]["imageResults"] == [image]
        assert found["videoResults"] == found["content"]["videoResults"] == [video]

    def test_what_is_unknown_is_null(self) -> None:
        unknown = msgspec.structs.replace(METADATA, cost=None, timing=Timing(None, 5), files=())
        found = sent(unknown)["content"]
        assert (found["cost"], found["timing"]["firstTokenMs"], found["files"]) == (None, None, [])

    def test_done_has_a_status_and_restart_has_a_reason(self) -> None:
        assert sent(FRAMES[-1])["content"] == {"status": "completed"}
        assert sent(Restart("lost"))["content"] == {"reason": "lost"}

    def test_a_text_is_its_string(self) -> None:
        assert build_content(Text("안녕"), "/api") == sent(Text("안녕"))["content"] == "안녕"


def decoded_object(value: object) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(encode_json(value))
    return found


class TestAnswerObject:
    def test_it_holds_what_the_frames_told(self) -> None:
        kept = turn("a1", text="Blue [1].", status="completed", references=(DOCUMENT, LINK), metadata=METADATA)
        found = decoded_object(build_answer(kept, "/api"))
        assert {name: found[name] for name in ("answerId", "sessionId", "question", "text", "status")} == {
            "answerId": "a1",
            "sessionId": "s",
            "question": "Why?",
            "text": "Blue [1].",
            "status": "completed",
        }
        assert [source["url"] for source in found["references"]] == [
            "/api/sessions/chat/files/f1/pages/3",
            "https://a.example",
        ]
        assert found["metadata"]["usage"]["total"] == 15
        assert "error" not in found

    def test_a_failed_one_tells_its_error_and_a_running_one_no_metadata(self) -> None:
        error = Failure("internal", "internal error 1", "Sorry.", retryable=True)
        found = decoded_object(build_answer(turn("a1", error=error), "/api"))
        assert found["metadata"] is None
        assert found["error"] == {
            "code": "internal",
            "message": "internal error 1",
            "userMessage": "Sorry.",
            "retryable": True,
        }
