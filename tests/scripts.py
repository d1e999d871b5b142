"""This module has what a scripted upstream says: scripts, the events of an answer, and the pace at which it is
generated."""

import json
import math
import random
import re
import secrets
import struct
import time
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

RECORDINGS = Path(__file__).parent / "recordings"
KOREAN = "안녕하세요. 질문에 대한 답변입니다. 이 답은 시험용 서버가 만들었고, 조각마다 따로 전송됩니다. 감사합니다! 👍"

TOKENS_IN = 10
"""Every question costs this many tokens."""


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `Script` says what one request gets."""

    recording: str = ""
    text: str = KOREAN
    deltas: int = 0
    """The text is cut into this many pieces, and repeated if it is too short. With 0 a piece has three characters."""
    rate: float = 0
    """This many events come per second. With 0 they come as fast as it goes."""
    chunk: int = 0
    """One HTTP chunk has this many bytes. With 0 each event is one."""
    delay: float = 0
    """This many seconds pass before the headers."""
    status: int = 200
    headers: dict[str, str] = {}
    error: dict[str, Any] = {}
    """This is the error object of a JSON body, which is what any status but 200 gets."""
    picture: int = 0
    """A picture of at least this many bytes is drawn before the text, in three parts and then whole."""
    page: str = ""
    """This is the address of a page of the web that stands behind the whole text."""
    failure: str = ""
    """This is the code of a `response.failed`, or of an error in the stream, that comes instead of a text."""
    body: str = ""
    """This comes under a 200 instead of a text: events, or something that is no stream."""
    fault: Literal["", "mute", "hang", "drip", "cut", "end", "reset", "garbage"] = ""
    """This is one of these faults: never a header, silence, only comments, the connection closed or reset, a clean end,
    or an event that isn't JSON. In the background it is the connection's alone, and the response is generated to its
    end."""
    after: int = 0
    """This many chunks come before the fault."""
    follow: bool = False
    """This script is for a request that follows or cancels a response in the background, whose text is as it is."""
    times: int = 1


NAMED = {
    "slow": Script(deltas=300, rate=10),
    "paced": Script(deltas=120, rate=20),
    "late": Script(delay=7),
    "citing": Script(text="배터리는 24개월 동안 보증됩니다 [1]."),
    "fast": Script(deltas=2000),
    "long": Script(deltas=3000, rate=50),
    "image": Script(picture=20_000),
    "steady": Script(deltas=150, rate=25),
    "illustrated": Script(deltas=150, rate=25, picture=20_000, page="https://example.com/terms"),
    "mute": Script(fault="mute"),
    "hang": Script(fault="hang", after=10),
    "hang-first": Script(fault="hang", after=2),
    "drip": Script(fault="drip", after=2),
    "cut": Script(fault="cut", after=10),
    "end": Script(fault="end", after=10),
    "reset": Script(fault="reset", after=10),
    "garbage": Script(fault="garbage", after=10),
    "401": Script(status=401, error={"code": "invalid_api_key", "type": "invalid_request_error"}),
    "404": Script(status=404, error={"code": "model_not_found", "type": "invalid_request_error"}),
    "429": Script(status=429, headers={"Retry-After": "30"}, error={"code": "rate_limit_exceeded"}),
    "quota": Script(status=429, error={"code": "insufficient_quota"}),
    "400": Script(status=400, error={"code": "context_length_exceeded", "type": "invalid_request_error"}),
    "500": Script(status=500, error={"code": None, "type": "server_error"}),
}
FAULTY = sorted(name for name, script in NAMED.items() if script.fault or script.status != 200)
"""After these a question has failed."""


def chat_chunk(**fields: Any) -> bytes:
    """Return one chunk of Chat Completions as upstream frames it."""
    return f"data: {json.dumps(fields, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def chat_answer(pieces: Iterable[str], *, model: str = "scripted", usage: bool = True) -> Iterator[bytes]:
    """Return the chunks of a plain answer. There are as many before the first piece as `answer` has events there: a
    comment, chunks without a choice and without a text, as several servers send them."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    yield b": waiting\n\n"
    yield chat_chunk(**head, choices=[])
    yield _choice(head, {"role": "assistant"})
    yield _choice(head, {"content": ""})
    written = list(pieces)
    yield from (_choice(head, {"content": piece}) for piece in written)
    yield _choice(head, {}, finish_reason="stop")
    if usage:
        told = {"prompt_tokens": TOKENS_IN, "completion_tokens": len(written), "total_tokens": TOKENS_IN + len(written)}
        yield chat_chunk(**head, choices=[], usage=told)
    yield b"data: [DONE]\n\n"


def _choice(head: dict[str, Any], delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    return chat_chunk(**head, choices=[{"index": 0, "delta": delta, "finish_reason": finish_reason}])


def event(kind: str, **fields: Any) -> bytes:
    """Return one event as upstream frames it."""
    body = json.dumps({"type": kind, **fields}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {body}\n\n".encode()


def answer(
    pieces: Iterable[str], *, model: str = "scripted", response_id: str = "resp_1", page: str = ""
) -> Iterator[bytes]:
    """Return the events of a plain answer, from `response.created` to `response.completed`, numbered from 0."""
    for number, (kind, fields) in enumerate(_said(pieces, model, response_id, page)):
        yield _piece(fields["delta"], number) if "delta" in fields else event(kind, **fields, sequence_number=number)


_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}


def _said(pieces: Iterable[str], model: str, response_id: str, page: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    response = {"id": response_id, "object": "response", "model": model, "status": "in_progress", "usage": None}
    yield "response.created", {"response": response}
    yield "response.in_progress", {"response": response}
    yield "response.output_item.added", {"output_index": 0, "item": message}
    opening = {"type": "output_text", "text": "", "annotations": []}
    yield "response.content_part.added", {**_PLACE, "part": opening}
    written = []
    for piece in pieces:
        written.append(piece)
        yield "response.output_text.delta", {"delta": piece}
    part: dict[str, Any] = {**opening, "text": "".join(written)}
    if page:
        note: dict[str, Any] = {
            "type": "url_citation",
            "title": "약관",
            "url": page,
            "start_index": 0,
            "end_index": len(part["text"]),
        }
        part["annotations"] = [note]
        yield "response.output_text.annotation.added", {**_PLACE, "annotation_index": 0, "annotation": note}
    done = {**message, "status": "completed", "content": [part]}
    yield "response.output_text.done", {**_PLACE, "text": part["text"], "logprobs": []}
    yield "response.content_part.done", {**_PLACE, "part": part}
    yield "response.output_item.done", {"output_index": 0, "item": done}
    usage = {"input_tokens": TOKENS_IN, "output_tokens": len(written), "total_tokens": TOKENS_IN + len(written)}
    yield "response.completed", {"response": {**response, "status": "completed", "output": [done], "usage": usage}}


def _failed(response_id: str, model: str, code: str) -> list[bytes]:
    response = {"id": response_id, "object": "response", "model": model, "status": "in_progress", "error": None}
    failed = {**response, "status": "failed", "error": {"code": code, "message": "scripted"}}
    return [
        event("response.created", response=response, sequence_number=0),
        event("response.failed", response=failed, sequence_number=1),
    ]


@lru_cache
def noise(size: int) -> bytes:
    """Return a PNG of at least this many bytes, since nothing in it can be packed."""
    side = math.isqrt(size // 3) + 1
    rows = b"".join(b"\0" + random.Random(row).randbytes(3 * side) for row in range(side))
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(rows, 0),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )


@lru_cache
def _base64_noise(size: int) -> str:
    return b64encode(noise(size)).decode()


@lru_cache
def _drawn(size: int, written: Sequence[str], model: str, page: str) -> list[bytes]:
    """Return the events of an answer with a picture, whose parts are as large as the whole. All such answers share
    them."""
    call = {"id": "ig_1", "type": "image_generation_call", "status": "in_progress", "result": None}
    done = {**call, "status": "completed", "result": _base64_noise(size)}
    said = list(_said(written, model, "resp_1", page))
    parts: list[tuple[str, dict[str, Any]]] = [
        ("image_generation_call.partial_image", {"partial_image_index": part, "partial_image_b64": done["result"]})
        for part in range(3)
    ]
    drawing = [
        ("response.output_item.added", {"output_index": 1, "item": call}),
        *((f"response.{kind}", {"output_index": 1, "item_id": "ig_1", **fields}) for kind, fields in parts),
        ("response.output_item.done", {"output_index": 1, "item": done}),
    ]
    completed = said[-1][1]["response"]
    completed["output"].append(done)
    events: list[tuple[str, dict[str, Any]]] = [*said[:2], *drawing, *said[2:]]
    placed = [(kind, {**_PLACE, **fields} if "delta" in fields else fields) for kind, fields in events]
    return [event(kind, **fields, sequence_number=number) for number, (kind, fields) in enumerate(placed)]


@lru_cache(maxsize=100_000)
def _piece(text: str, number: int) -> bytes:
    return event("response.output_text.delta", **_PLACE, delta=text, logprobs=[], sequence_number=number)


def recorded(name: str) -> list[bytes]:
    """Return the events of a recording; the last may be a piece of one."""
    return _split((RECORDINGS / f"{name}.sse").read_bytes())


def _split(content: bytes) -> list[bytes]:
    return re.findall(rb"(?s:.+?)(?:\n\n|\Z)", content)


def pieces(script: Script) -> Iterator[str]:
    if not script.deltas:
        return (script.text[start : start + 3] for start in range(0, len(script.text), 3))
    words = re.findall(r"\s*\S{1,3}", script.text) or ["."]
    return (words[number % len(words)] for number in range(script.deltas))


class _ChatDelta(Struct):
    content: str | None = None


class _ChatChoice(Struct):
    delta: _ChatDelta


class _Said(Struct):
    delta: str = ""
    choices: list[_ChatChoice] = []

    @property
    def text(self) -> str:
        return self.delta + "".join(choice.delta.content or "" for choice in self.choices)


_said_by = msgspec.json.Decoder(_Said)
_ids = count(1)


class Response:
    """A `Response` is generated at its own pace, whoever listens. Nothing does the work: how far it has come is a
    matter of the clock alone."""

    def __init__(self, script: Script, model: str, *, background: bool, chat: bool = False) -> None:
        self.id = f"resp_{next(_ids)}_{secrets.token_hex(8)}"
        self.model = model
        self.background = background
        self.chat = chat
        self.events: Sequence[bytes] = self._generated(script)
        self._rate = script.rate
        self._began = time.monotonic()
        self._stopped_at: int | None = None

    @property
    def status(self) -> str:
        if self._stopped_at is not None:
            return "cancelled"
        return "completed" if self.generated() == len(self.events) else "in_progress"

    @property
    def ended(self) -> bool:
        return self.status != "in_progress"

    def text(self) -> str:
        """Return what has been generated."""
        datas = (one.partition(b"data: ")[2] for one in self.events[: self.generated()])
        said = (_said_by.decode(found) for found in datas if b"output_text.delta" in found or b'"choices"' in found)
        return "".join(one.text for one in said)

    def generated(self) -> int:
        """Return how many events there are by now."""
        if self._stopped_at is not None:
            return self._stopped_at
        if not self._rate:
            return len(self.events)
        return min(len(self.events), int((time.monotonic() - self._began) * self._rate) + 1)

    def until(self, number: int) -> float:
        """Return the seconds until there are more events than this many."""
        return max(0.0, self._began + number / self._rate - time.monotonic()) if self._rate else 0.0

    def stop(self, number: int | None = None) -> None:
        """Generate no more than this many events, or than there are; a response that has ended stays as it is."""
        number = self.generated() if number is None else number
        if self._stopped_at is None and number < len(self.events):
            self._stopped_at = number

    def _generated(self, script: Script) -> Sequence[bytes]:
        if script.failure:
            waiting = [b": waiting\n\n", chat_chunk(error={"code": script.failure, "message": "scripted"})]
            return waiting if self.chat else _failed(self.id, self.model, script.failure)
        if script.body:
            return _split(script.body.encode())
        if script.picture:
            return self._named(_drawn(script.picture, tuple(pieces(script)), self.model, script.page))
        if self.chat:
            return list(chat_answer(pieces(script), model=self.model))
        if not script.recording:
            return list(answer(pieces(script), model=self.model, response_id=self.id, page=script.page))
        return self._named(recorded(script.recording))

    def _named(self, events: Sequence[bytes]) -> Sequence[bytes]:
        """Return the same events under this response's own id, by which one in the background is followed."""
        named = re.search(rb'"id": ?"(resp_\w+)"', events[0]) if self.background else None
        return [one.replace(named[1], self.id.encode()) for one in events] if named else events
