"""The values: frozen, camelCase outside, and readable again."""

from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace

from qa_service import deltas, frames, model, turns
from qa_service.deltas import Finished, Opened
from qa_service.draft import STATUS
from qa_service.frames import Done, Frame, Restart, Text, text_from_frames
from qa_service.model import FinishReason, Message, Question, Status, StoredFile, TextPart, Usage, Value
from qa_service.turns import Admission, Mark, Turn
from tests.fakes import ANN, admission, turn

VALUES = sorted(
    {
        found
        for module in (model, deltas, frames, turns)
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Value)
    },
    key=lambda value: value.__name__,
)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_every_value_is_frozen_and_camel_case_outside(value: type[Value]) -> None:
    assert value.__struct_config__.frozen
    outside = [field.encode_name for field in msgspec.structs.fields(value)]
    assert [name for name in outside if "_" in name] == []


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_every_value_says_what_it_is(value: type[Value]) -> None:
    assert value.__doc__
    assert not value.__doc__.startswith(f"{value.__name__}(")


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Text("a").content = "b"


def test_every_frame_has_a_name_of_its_own() -> None:
    names = [frame.__struct_config__.tag for frame in get_args(Frame)]
    assert len({*names}) == len(names)
    assert None not in names


def test_every_finish_has_a_status() -> None:
    (_, reasons), (_, statuses) = get_args(FinishReason), get_args(Status)
    assert {*STATUS} == {*reasons.examples}
    assert {*STATUS.values()} | {"running"} == {*statuses.examples}


def test_usage_says_that_it_was_estimated_only_where_it_was() -> None:
    assert b"estimated" not in msgspec.json.encode(Usage(1, 2, 3))
    assert msgspec.json.decode(msgspec.json.encode(Usage(1, 2, 3, estimated=True)))["estimated"] is True


@pytest.mark.parametrize(
    "value", [turn(text="하늘 \u2028"), StoredFile("f", "a.txt", "txt", "used", 1), Finished("stop", usage=Usage(1))]
)
def test_what_is_stored_is_read_back_whole(value: Value) -> None:
    assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value


def test_every_mark_has_a_name_that_no_frame_has() -> None:
    names = [found.__struct_config__.tag for found in (*get_args(Frame), *get_args(Mark))]
    assert len({*names}) == len(names)


def test_the_text_of_an_answer_is_what_it_said_since_it_last_began() -> None:
    frames = [Text("old"), Restart("model"), Opened("r1"), Text("So "), Done("completed"), Text("far.")]
    assert text_from_frames(frames) == "So far."
    assert text_from_frames([]) == ""


def test_an_admission_names_itself_in_the_first_frame() -> None:
    asked = admission("Why?")
    start = asked.build_start()
    assert (start.answer_id, start.session_id) == (asked.answer_id, asked.session.session_id)
    assert (start.created, start.model, start.topic) == (asked.created, asked.model, asked.topic)
    assert start.created_at == asked.created_at == asked.turn.created_at


class TestMessage:
    """An earlier conversation is kept with a question's claim, where workers of two releases read it."""

    def test_of_text_alone_is_kept_as_every_release_reads_it(self) -> None:
        assert msgspec.json.encode(Message("user", "왜요?")) == '{"role":"user","content":"왜요?"}'.encode()

    def test_of_parts_is_read_back_whole(self) -> None:
        message = Message("user", (TextPart("왜 "), TextPart("그래요?")))
        assert msgspec.json.decode(msgspec.json.encode(message), type=Message) == message
        assert message.text == "왜 그래요?"

    @pytest.mark.parametrize("written", ["So.", (TextPart("So."),)])
    def test_is_made_of_parts_however_it_is_written(self, written: str | tuple[TextPart, ...]) -> None:
        message = Message("assistant", written)
        assert (message.content, message.text) == ((TextPart("So."),), "So.")

    def test_kept_with_an_admission_comes_back(self) -> None:
        kept = replace(admission("Why?"), question=Question("Why?", ANN, messages=(Message("user", "Who?"),)))
        read = msgspec.json.decode(msgspec.json.encode(kept), type=Admission)
        assert [message.text for message in read.question.messages] == ["Who?"]


def test_a_turn_of_an_earlier_release_is_read_with_its_defaults() -> None:
    stored = {
        "answerId": "a",
        "sessionId": "s",
        "question": "Why?",
        "text": "So.",
        "status": "completed",
        "topic": 1,
        "createdAt": "2026-01-02T03:04:05.678Z",
    }
    read = msgspec.convert(stored, Turn)
    assert (read.v, read.references, read.language) == (1, (), "en")
