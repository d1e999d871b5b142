"""The data stream of the AI SDK 4, read line by line as its client does."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from qa_service.frames import Done, Failure, Frame, Restart, StageNotice, Text
from qa_service.model import Status
from qa_service.wire.data_stream import DataStreamEncoder
from qa_service.wire.encoder import FormatContext
from tests.wire.contract import problems
from tests.wire.test_typed import DOCUMENT, FRAMES, METADATA

START = FRAMES[0]
FAILED = Failure("rate_limited", "slow down", "잠시 후 다시 물어 주세요.", retryable=True, status=429)
USAGE = {"promptTokens": METADATA.usage.input, "completionTokens": METADATA.usage.output}


def encoder(*sent: Frame) -> DataStreamEncoder:
    return DataStreamEncoder(FormatContext("a1", "/api", sent=sent))


def read(stream: bytes) -> list[tuple[str, Any]]:
    """Return the code and the value of each line."""
    lines = stream.decode().removesuffix("\n").split("\n")
    return [(line[0], msgspec.json.decode(line[2:])) for line in lines if line[1] == ":"]


def encode(*frames: Frame) -> list[tuple[str, Any]]:
    return read(encoder().batch(1, frames))


def test_every_value_is_as_declared() -> None:
    named = {"f": "DataStreamStep", "h": "DataStreamSource", "e": "DataStreamStepEnd", "d": "DataStreamEnd"}
    for code, value in encode(*FRAMES):
        assert code not in named or problems(named[code], value) == []
        assert code != "2" or problems("TypedFrame", value[0]) == []


def test_the_message_has_the_answers_id() -> None:
    assert encode(START)[0] == ("f", {"messageId": "a1"})


def test_text_comes_back_whole() -> None:
    pieces = ["한 ", "줄\n", "두\u2028줄\r\n\n", "0:x\n", "끝 👍🏽", "\x85"]
    stream = encoder().batch(1, list(map(Text, pieces)))
    assert "".join(value for code, value in read(stream) if code == "0") == "".join(pieces)
    assert len(stream.decode().splitlines()) == len(pieces)


def test_what_is_no_text_comes_as_the_default_streams_frame() -> None:
    assert encode(StageNotice("thinking")) == [("2", [{"type": "status", "seq": 1, "content": {"stage": "thinking"}}])]


def test_a_source_has_its_number_and_its_address() -> None:
    _, (code, source) = encode(DOCUMENT)
    assert (code, source["sourceType"], source["id"]) == ("h", "url", "1")
    assert (source["url"], source["title"]) == ("/api/sessions/chat/files/f1/pages/3", "sky.pdf")


def test_a_restart_begins_a_step() -> None:
    (code, _), (_, told) = encode(Restart("lost"))
    assert code == "f"
    assert told[0]["type"] == "restart"


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        ("completed", "stop", "stop"),
        ("incomplete", "content_filter", "content-filter"),
        ("cancelled", "cancelled", "other"),
    ],
)
def test_the_end_has_a_reason_and_the_tokens(status: Status, reason: Any, said: str) -> None:
    _, step, message = encode(replace(METADATA, finish_reason=reason), Done(status))
    assert step == ("e", {"finishReason": said, "usage": USAGE, "isContinued": False})
    assert message == ("d", {"finishReason": said, "usage": USAGE})


def test_a_failure_comes_behind_the_metadata_in_the_persons_words() -> None:
    codes = encode(START, FAILED, METADATA, Done("failed"))
    assert [code for code, _ in codes][-4:] == ["2", "3", "e", "d"]
    assert ("3", FAILED.user_message) in codes
    assert codes[-1][1]["finishReason"] == "error"


def test_who_comes_back_behind_a_failure_still_gets_it_at_the_end() -> None:
    assert read(encoder(START, FAILED, METADATA).batch(4, [Done("failed")]))[0] == ("3", FAILED.user_message)


def test_a_sign_of_life_is_no_data() -> None:
    assert read(encoder().heartbeat()) == [("2", [])]


def test_an_answer_that_goes_on_elsewhere_is_cut_off() -> None:
    leaving = encoder(START)
    assert leaving.reconnect("draining", 700) == b""
    assert leaving.is_cut
