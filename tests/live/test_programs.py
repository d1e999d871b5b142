"""Programs that are no browsers and speak no JavaScript, against real workers: curl, and httpx with httpx-sse."""

import json
import subprocess
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import httpx_sse
import pytest

from tests.live.processes import Service, program
from tests.live.reading import request
from tests.scripted_upstream import NAMED, pieces

NOTE = "배터리는 24개월 동안 보증됩니다."
Frames: TypeAlias = Generator[dict[str, Any], None, None]
Ask: TypeAlias = Callable[[str, Mapping[str, str], "Path | None"], Frames]


def by_curl(url: str, fields: Mapping[str, str], file: Path | None) -> Frames:
    """Give the frames that curl prints, while they come. Without fields it sends a GET."""
    form = [argument for name, value in fields.items() for argument in ("-F", f"{name}={value}")]
    form += ["-F", f"files=@{file}"] if file else []
    with subprocess.Popen([program("curl"), "-sSN", *form, url], stdout=subprocess.PIPE, text=True) as curl:
        try:
            assert curl.stdout is not None
            for line in curl.stdout:
                if line.startswith("data: "):
                    yield json.loads(line[6:])
        finally:
            curl.kill()


def by_httpx(url: str, fields: Mapping[str, str], file: Path | None) -> Frames:
    """Give the frames that httpx-sse reads, while they come. Without fields it sends a GET."""
    files = {"files": (file.name, file.read_bytes())} if file else None
    method = "POST" if fields else "GET"
    with (
        httpx.Client(timeout=20) as client,
        httpx_sse.connect_sse(client, method, url, data=dict(fields), files=files) as source,
    ):
        for event in source.iter_sse():
            yield event.json()


each = pytest.mark.parametrize("ask", [by_curl, by_httpx])


def text_of(frames: list[dict[str, Any]]) -> str:
    return "".join(frame["content"] for frame in frames if frame["type"] == "text")


@each
def test_a_program_asks_with_a_file_and_comes_back_after_a_cut(served: Service, ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "보증.txt"
    file.write_text(NOTE)
    frames: list[dict[str, Any]] = []
    with closing(ask(f"{served.url}/api/ask", {"question": "script:paced 보증 기간은?"}, file)) as asked:
        for frame in asked:
            frames.append(frame)
            if len(text_of(frames)) > len(NOTE):
                break
    answer = frames[0]["content"]["answerId"]
    rest = f"{served.url}/api/answers/{answer}/stream?after={frames[-1]['seq']}"
    frames += [frame for frame in ask(rest, {}, None) if "seq" in frame]
    assert text_of(frames) == "".join(pieces(NAMED["paced"]))
    [metadata] = [frame["content"] for frame in frames if frame["type"] == "metadata"]
    assert [(verdict["name"], verdict["status"]) for verdict in metadata["files"]] == [("보증.txt", "used")]


@each
def test_a_program_stops_an_answer_and_shows_an_error(served: Service, ask: Ask) -> None:
    frames: list[dict[str, Any]] = []
    for frame in ask(f"{served.url}/api/ask", {"question": "script:slow 안녕?"}, None):
        frames.append(frame)
        if text_of(frames) == text_of([frame]) != "":
            request(served.url, f"/api/answers/{frames[0]['content']['answerId']}/cancel", "POST")
    assert frames[-1]["content"] == {"status": "cancelled"}
    failed = list(ask(f"{served.url}/api/ask", {"question": "script:401 안녕?"}, None))
    assert [frame["content"]["code"] for frame in failed if frame["type"] == "error"] == ["upstream_rejected"]
