"""Files inside of messages: every shape that clients send them in, and what is refused."""

import base64
import itertools
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from qa_service.conversation import read_messages
from qa_service.errors import InvalidField, TooLarge, TooManyFiles
from qa_service.submission import Submission
from qa_service.web.attachments import (
    Attachment,
    attach_files,
    list_attachments,
    read_sent_messages,
    room_for_attachments,
    write_plain_messages,
)
from qa_service.web.uploads import UploadLimits

BYTES = "환불은 30일.".encode()
BASE64 = base64.b64encode(BYTES).decode()
URL = f"data:text/plain;base64,{BASE64}"

SHAPES: dict[str, tuple[Mapping[str, Any], str]] = {
    "a file of Chat Completions": ({"type": "file", "file": {"filename": "환불.txt", "file_data": URL}}, "환불.txt"),
    "one in bare base64": ({"type": "file", "file": {"filename": "a.txt", "file_data": BASE64}}, "a.txt"),
    "a file of Responses": ({"type": "input_file", "filename": "a.txt", "file_data": URL}, "a.txt"),
    "a picture of Chat Completions": ({"type": "image_url", "image_url": {"url": URL, "detail": "low"}}, "image.plain"),
    "a picture by its address alone": ({"type": "image_url", "image_url": URL}, "image.plain"),
    "a picture of Responses": ({"type": "input_image", "image_url": URL}, "image.plain"),
    "a file of a chat page": ({"type": "file", "mediaType": "text/plain", "url": URL, "filename": "a.txt"}, "a.txt"),
    "a file without a name": ({"type": "file", "url": URL}, "file.plain"),
    "a data URL with a charset": (
        {"type": "file", "url": f"data:text/plain;charset=utf-8;name=b.txt;base64,{BASE64}"},
        "file.plain",
    ),
    "a data URL without a type": ({"type": "file", "url": f"data:;base64,{BASE64}"}, "file"),
    "base64 in lines": (
        {"type": "file", "url": f"data:text/plain;base64,{BASE64[:8]}\r\n{BASE64[8:]}\n"},
        "file.plain",
    ),
    "base64 without its padding": ({"type": "file", "url": URL.rstrip("=")}, "file.plain"),
}

REFUSED: dict[str, Mapping[str, Any]] = {
    "the address of a picture": {"type": "image_url", "image_url": {"url": "https://a.example/cat.png"}},
    "an address inside of this network": {"type": "input_file", "file_url": "http://169.254.169.254/"},
    "a file of this machine": {"type": "input_image", "image_url": "file:///etc/passwd"},
    "the id of a file": {"type": "file", "file": {"file_id": "file-1"}},
    "a sound": {"type": "input_audio", "input_audio": {"data": BASE64, "format": "wav"}},
    "nothing": {"type": "image_url"},
}


@pytest.fixture
def limits(tmp_path: Path) -> UploadLimits:
    return UploadLimits(file=100, files=2, folder=tmp_path)


def found(part: Mapping[str, Any], role: str = "user") -> list[Attachment]:
    return list_attachments(read_sent_messages([{"role": role, "content": [part]}], "messages"), "messages")


def attached(limits: UploadLimits, *attachments: Attachment) -> Submission:
    return attach_files(Submission({}), attachments, limits, field="messages")


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_becomes_an_upload(shape: str, limits: UploadLimits) -> None:
    part, name = SHAPES[shape]
    [file] = attached(limits, *found(part)).files
    assert (file.name, file.size, Path(file.path).read_bytes()) == (name, len(BYTES), BYTES)


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_read_is_refused_and_not_passed_over(what: str) -> None:
    with pytest.raises(InvalidField) as refused:
        found(REFUSED[what])
    assert refused.value.field == "messages"


@pytest.mark.parametrize(
    "content", ["data:text/plain,hello", "data:text/plain;base64,a!b?", "data:a/b;base64,가", "x===="]
)
def test_what_is_not_base64_is_refused_and_leaves_nothing(content: str, limits: UploadLimits) -> None:
    with pytest.raises(InvalidField):
        attached(limits, Attachment(0, "a.txt", URL), Attachment(0, "b.txt", content))
    assert not list(limits.folder.iterdir())


@pytest.mark.parametrize(
    ("attachments", "error"),
    [
        ([Attachment(0, "a", URL)] * 3, TooManyFiles),
        ([Attachment(0, "a", base64.b64encode(b"x" * 101).decode())], TooLarge),
    ],
)
def test_the_limits_of_uploads_hold_and_nothing_is_left(
    attachments: list[Attachment], error: type[Exception], limits: UploadLimits
) -> None:
    with pytest.raises(error):
        attached(limits, *attachments)
    assert not list(limits.folder.iterdir())


def test_only_what_the_user_sent_is_a_file() -> None:
    assert found({"type": "file", "url": URL}, role="assistant") == []


def test_a_file_knows_its_message_and_texts_keep_their_places() -> None:
    sent = [
        {"role": "user", "content": ["안", {"type": "file", "url": URL}, {"type": "input_text", "text": "녕"}]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"type": "function_call", "name": "f"},
        {"role": "user", "content": "", "parts": [{"type": "text", "text": "왜?"}, {"type": "file", "url": URL}]},
    ]
    messages = read_sent_messages(sent, "messages")
    assert [attachment.message for attachment in list_attachments(messages, "messages")] == [0, 3]
    plain = read_messages({"messages": write_plain_messages(messages)}, 100)
    assert [(message.role, message.text) for message in plain] == [("user", "안녕"), ("assistant", ""), ("user", "왜?")]


@pytest.mark.parametrize("sent", ["{", "5", [5], [{"role": 5}], [{"role": "user", "content": [{"type": 5}]}]])
def test_what_is_no_list_of_messages_is_refused(sent: object) -> None:
    with pytest.raises(InvalidField):
        read_sent_messages(sent, "input")


def test_a_body_has_room_for_the_largest_file(limits: UploadLimits) -> None:
    assert room_for_attachments(limits) > len(base64.b64encode(b"x" * limits.file))


HOSTILE: dict[str, Callable[[], str]] = {
    "a large file": lambda: "A" * (20 << 20),
    "a large file that isn't base64": lambda: "A" * (20 << 20) + "!",
    "a large file in lines": lambda: ("A" * 76 + "\n") * (4 << 16),
    "a data URL with parameters alone": lambda: "data:" + ";a" * (1 << 20),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_others_have_their_turn_while_a_file_is_decoded(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, limits = HOSTILE[kind](), UploadLimits(file=1 << 30, files=2, folder=tmp_path)
    turns = [time.thread_time()]
    monkeypatch.setattr("qa_service.pause.give_way", lambda: turns.append(time.thread_time()))
    with suppress(InvalidField):
        attached(limits, *found({"type": "file", "url": content})).discard_files()
    turns.append(time.thread_time())
    assert max(after - before for before, after in itertools.pairwise(turns)) < 0.04
