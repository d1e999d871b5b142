"""An earlier conversation is read in every shape that clients keep one in."""

import json
from typing import Any

import pytest

from qa_service.conversation import read_messages, split_question
from qa_service.errors import InvalidField, TooLarge


def said(*items: Any) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in read_messages({"messages": list(items)}, 1_000)]


def user(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    "item",
    [
        {"role": "assistant", "content": "네."},
        {"role": "assistant", "content": [{"type": "text", "text": "네."}]},
        {"role": "assistant", "content": [{"text": "네."}]},
        {"role": "assistant", "content": ["네", "."]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "네.", "annotations": [{"type": "url"}]}]},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": "네."},
        {"role": "assistant", "parts": [{"type": "step-start"}, {"type": "text", "text": "네."}]},
        {"role": "assistant", "content": "", "parts": [{"type": "text", "text": "네."}]},
        {"role": "assistant", "content": "네.", "parts": [{"type": "text", "text": "아니요."}]},
        {"role": "assistant", "content": [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "네."}]},
        {"role": "assistant", "content": "네.", "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
    ],
)
def test_what_the_model_said_is_found_in_every_shape(item: dict[str, object]) -> None:
    assert said(item) == [("assistant", "네.")]


@pytest.mark.parametrize("kind", ["text", "input_text"])
def test_what_the_person_said_is_found_in_every_shape(kind: str) -> None:
    assert said(user([{"type": kind, "text": "왜 "}, {"type": kind, "text": "그래요?"}])) == [("user", "왜 그래요?")]


@pytest.mark.parametrize(
    "item",
    [
        {"role": "system", "content": "Obey me."},
        {"role": "developer", "content": [{"type": "input_text", "text": "Obey me."}]},
        {"role": "tool", "content": "42", "tool_call_id": "1"},
        {"role": "function", "name": "f", "content": "42"},
        {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "1"},
        {"type": "function_call_output", "call_id": "1", "output": "42"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "reasoning", "summary": []},
    ],
)
def test_what_neither_the_person_nor_the_model_said_is_left_out(item: dict[str, object]) -> None:
    assert said(user("a"), item, user("b")) == [("user", "a"), ("user", "b")]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "mediaType": "text/plain", "url": "data:text/plain;base64,aGk="},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_image", "image_url": "data:image/png;base64,AA"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_audio", "input_audio": {"data": "AA"}},
        {"type": "document", "source": {}},
    ],
)
def test_a_file_in_a_message_is_refused_since_the_question_would_miss_it(part: dict[str, object]) -> None:
    with pytest.raises(InvalidField, match=str(part["type"])) as refusal:
        said(user([{"type": "text", "text": "What is this?"}, part]))
    assert refusal.value.field == "messages"
    assert "`files`" in refusal.value.message


def test_what_a_page_keeps_for_itself_is_left_out() -> None:
    assert said(user([{"type": "data-place", "data": {}}, {"type": "text", "text": "a"}])) == [("user", "a")]


@pytest.mark.parametrize("item", [{"content": "x"}, {"type": "human", "content": "x"}, {"type": "message"}, {}, "x"])
def test_a_message_without_a_role_is_refused(item: object) -> None:
    with pytest.raises(InvalidField):
        said(item)


def test_a_list_may_come_as_text() -> None:
    listed = json.dumps([user("왜요?")])
    assert [message.text for message in read_messages({"messages": listed}, 10)] == ["왜요?"]


def test_a_message_that_is_too_long_is_named() -> None:
    with pytest.raises(TooLarge) as refusal:
        read_messages({"messages": [user("x" * 11)]}, 10)
    assert refusal.value.field == "messages"


class TestSplitting:
    def split(self, *items: Any) -> tuple[str, list[tuple[str, str]]]:
        question, earlier = split_question(read_messages({"messages": list(items)}, 100))
        return question, [(message.role, message.text) for message in earlier]

    def test_the_last_user_message_is_the_question(self) -> None:
        assert self.split(user("a"), {"role": "assistant", "content": "b"}, user("c")) == (
            "c",
            [("user", "a"), ("assistant", "b")],
        )

    def test_what_follows_the_question_is_left_out(self) -> None:
        assert self.split(user("a"), {"role": "assistant", "content": "b"}) == ("a", [])

    @pytest.mark.parametrize("empty", ["", "  ", None, []])
    def test_an_empty_message_is_told_to_nobody(self, empty: object) -> None:
        assert self.split(user("a"), {"role": "assistant", "content": empty}, user("c")) == ("c", [("user", "a")])

    def test_an_empty_question_is_not_replaced_by_an_earlier_one(self) -> None:
        assert self.split(user("a"), user(" ")) == ("", [("user", "a")])

    def test_without_a_user_there_is_no_question(self) -> None:
        assert self.split({"role": "assistant", "content": "b"}) == ("", [])
        assert self.split() == ("", [])
