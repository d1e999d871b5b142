"""This module has a service in this process: the real store, a model that says what a test tells it, and a look behind
it all."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import redis
from flask import Flask, Request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from qa_service.assembly import Assembly
from qa_service.deltas import Delta, Finished, TextDelta
from qa_service.errors import Cancelled, QAError, Unreadable
from qa_service.file_news import FileEnd, FileNews
from qa_service.files.parsed import Parsed
from qa_service.files.parsing import parse_content
from qa_service.files.reading import read_file
from qa_service.interfaces import Stop
from qa_service.model import Prompt, ReadRequest, Verdict
from qa_service.web.mounting import EXTENSION_KEY

SERVER_SECRET = "server-secret-0123456789"
PERSONAL_SECRET = "personal-secret-012345678"
HELD = 10.0
GOODBYE = 0.2
"""Where a test has left a reader behind, nobody waits for it longer than that."""


BOUNDARY = "xXx"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
END = f"--{BOUNDARY}--\r\n".encode()


def logged_in(request: Request) -> str | None:
    """Name the user as the host site does, by a cookie."""
    return request.cookies.get("user")


def part(content: bytes, name: str = "files", filename: str | None = "a.txt") -> bytes:
    """Return one part of a multipart body. It is a field where `filename` is None."""
    file = f'; filename="{filename}"' if filename is not None else ""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


class Model:
    """A `Model` is an `Upstream` that remembers what it was asked. While `go` is clear it waits after its first
    delta."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Become as it was at first."""
        self.prompts: list[Prompt] = []
        self.deltas: Sequence[Delta] = (TextDelta("안녕"), TextDelta("하세요."), Finished("stop", "scripted-1"))
        self.error: QAError | None = None
        self.asked = threading.Event()
        self.go = threading.Event()
        self.go.set()

    @contextmanager
    def open_answer(self, prompt: Prompt, stop: Stop) -> Iterator[Iterator[Delta]]:
        self.prompts.append(prompt)
        self.asked.set()
        yield self._say(stop)

    def _say(self, stop: Stop) -> Iterator[Delta]:
        first, *rest = self.deltas
        yield first
        stop.call_when_set(self.go.set)
        self.go.wait(HELD)
        if stop.is_set():
            raise Cancelled
        if self.error:
            raise self.error
        yield from rest


class Reader:
    """A `Reader` is a `DocumentReader` without a process of its own."""

    def read_upload(self, request: ReadRequest, stop: Stop) -> Iterator[FileNews]:
        file = request.file
        if request.seconds is not None and request.seconds <= 0:
            yield FileEnd(Verdict(file.name, "unknown", "skipped", "over_quota"))
            return
        for report in read_file(file, Path(file.path).read_bytes()):
            yield from report.list_news()
            if report.last:
                Path(file.path).unlink()
                yield FileEnd(report.verdict, seconds=1.0)

    def parse_content(
        self, request: bytes, content: bytes, charset: str, *, seconds: float | None, stop: Stop
    ) -> Parsed:
        if seconds is not None and seconds <= 0:
            raise Unreadable("over_quota")
        if stop.is_set():
            raise Unreadable("stopped")
        return parse_content(request, content, charset)


class House:
    """A `House` is one app, the model behind it, and the store under it."""

    def __init__(self, app: Flask, model: Model, store: redis.Redis) -> None:
        self.app = app
        self.model = model
        self.store = store

    @property
    def assembly(self) -> Assembly:
        return assembly_of(self.app)

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def ask(self, question: str = "안녕?", headers: dict[str, str] | None = None, **fields: Any) -> TestResponse:
        """Ask by JSON."""
        return self.client.post("/api/ask", json={"question": question, **fields}, headers=headers)

    def session(self, question: str = "안녕?", headers: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
        """Ask, wait for the whole answer, and give its `start`."""
        return next(f["content"] for f in frames(self.ask(question, headers, **fields)) if f["type"] == "start")

    def begin(self, question: str = "안녕?", headers: dict[str, str] | None = None, **fields: Any) -> TestResponse:
        """Ask, and leave the model waiting behind its first words. `model.go` lets it go on."""
        self.model.go.clear()
        self.model.asked.clear()
        response = self.ask(question, headers, **fields)
        assert self.model.asked.wait(HELD)
        return response

    def get(self, path: str, headers: dict[str, str] | None = None) -> TestResponse:
        """Get an address below the prefix."""
        return self.client.get(f"/api/{path}", headers=headers)

    def uploads(self) -> list[Path]:
        return list(self.assembly.uploads.iterdir())

    def left_behind(self) -> list[object]:
        """Return the uploads, keys and running answers, of which a worker without readers leaves none. What the rate
        limit has counted is gone some milliseconds later."""
        keys = [key for key in self.store.keys("*") if b"qa:{workers}:" not in key and not key.endswith(b":rate")]
        return [*self.uploads(), *keys, *range(self.assembly.runner.count_answers())]

    def close(self) -> None:
        """End it, so that nobody asks the store any more."""
        self.model.go.set()
        end_service(self.app)

    def is_as_new(self) -> bool:
        """Let the model forget what it was told, and tell whether nothing of a test is left."""
        runner = self.assembly.runner
        self.model.go.set()
        until = time.monotonic() + GOODBYE
        while (busy := runner._running or runner.count_answers()) and time.monotonic() < until:
            time.sleep(0.005)
        self.model.forget()
        return not (busy or runner.draining or self.uploads())

    def settle(self) -> None:
        """Wait until nothing runs, and everybody knows it."""
        until = time.monotonic() + HELD
        while self.assembly.runner._running and time.monotonic() < until:
            time.sleep(0.005)
        assert not self.assembly.runner._running


def assembly_of(app: Flask) -> Assembly:
    """What the service in this app is made of."""
    assembly = app.extensions[EXTENSION_KEY].assembly
    assert isinstance(assembly, Assembly)
    return assembly


def end_service(app: Flask) -> None:
    """End the service in this app, so that nobody asks the store any more."""
    assembly = assembly_of(app)
    assembly.runner.shut_down("interrupted", GOODBYE)
    if knowledge := assembly.knowledge:
        knowledge.keeper.stop_indexing()
        knowledge.database.close()


def frames(response: TestResponse) -> list[dict[str, Any]]:
    """Return the frames of a typed stream, read to its end."""
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.mimetype == "text/event-stream"
    with closing(response):
        whole = response.get_data(as_text=True)
    return [json.loads(frame.rpartition("data: ")[2]) for frame in whole.removesuffix("\n\n").split("\n\n")]


def text(response: TestResponse) -> str:
    """Return the answer."""
    return "".join(frame["content"] for frame in frames(response) if frame["type"] == "text")


def refusal(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Return the problem of a response, whose shape is checked."""
    problem: dict[str, Any] = response.get_json(force=True)
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert response.content_type == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["type"]
    assert problem["detail"] == problem["message"]
    assert problem["userMessage"]
    assert isinstance(problem["retryable"], bool)
    assert problem.get("retryAfter") == (
        int(response.headers["Retry-After"]) if "Retry-After" in response.headers else None
    )
    return problem
