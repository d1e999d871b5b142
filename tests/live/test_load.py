"""Two hundred streams at once over real sockets: all whole, byte for byte, also while big and hostile files come.

LIVE_MEGABYTES=15 uploads four files of that size, as a person at the machine would measure it; CI's are smaller.
"""

import json
import os
import statistics
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.documents import (
    bomb,
    deeply_nested_pdf,
    html_that_never_ends,
    pdf,
    pdf_that_never_ends,
    pdf_that_wants_memory,
)
from tests.live.processes import Service, gunicorn, model_process, program, queue_script, until
from tests.live.reading import Asked
from tests.scripted_upstream import Script, pieces

STREAMS = 200
RATE = 5
SCRIPT = Script(deltas=20, rate=RATE, times=STREAMS)
FILE_MEMORY = 400_000_000
MEGABYTES = int(os.environ.get("LIVE_MEGABYTES", "1"))


@pytest.fixture(scope="module")
def upstream_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a model's service."""
    with model_process(tmp_path_factory.mktemp("upstream")) as url:
        yield url


@pytest.fixture(scope="module")
def served(redis_url: str, upstream_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("load"),
        REDIS_URL=redis_url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=f"{upstream_url}/v1",
        QA_FILE_SECONDS="4",
        QA_FILE_MEMORY=str(FILE_MEMORY),
    ) as found:
        yield found


def ask(served: Service) -> Asked:
    with Asked(served.url, "hello", timeout=60) as asked:
        return asked.finish()


def upload(served: Service, path: Path) -> subprocess.Popen[bytes]:
    """Upload in a process of its own, so that the readers here aren't late for its sake."""
    form = ["-F", "question=script:fast 무엇이 들어 있나요?", "-F", f"files=@{path}"]
    return subprocess.Popen([program("curl"), "-sSN", *form, f"{served.url}/api/ask"], stdout=subprocess.PIPE)


def finished(uploading: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
    """Return the frames it got."""
    with uploading:
        said, _ = uploading.communicate(timeout=120)
    return [json.loads(line[6:]) for line in said.decode().split("\n\n") if line]


def late(asked: Sequence[Asked]) -> list[float]:
    """Return the milliseconds that each delta came later after the one before than it was said."""
    texts = [[seen.at for seen in one.seen if seen.kind == "text"] for one in asked]
    return [max(0.0, (after - before) * 1000 - 1000 / RATE) for times in texts for before, after in pairwise(times)]


def p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return big files, and files that mean harm."""
    folder = tmp_path_factory.mktemp("files")
    line = "환불은 구매일부터 7일 안에 됩니다. Refunds take seven days.\n".encode()
    size = MEGABYTES * 1_000_000
    big = line * (size // len(line))
    contents = {
        "one.txt": big,
        "two.md": big,
        "three.csv": big.replace(b". ", b","),
        "four.html": b"<p>" + big.replace(b"\n", b"</p><p>")[:size],
        "bomb.docx": bomb(),
        "cut.pdf": pdf(["한 쪽"] * 30)[:-2000],
        "deep.pdf": deeply_nested_pdf(),
        "endless.html": html_that_never_ends().encode(),
        "endless.pdf": pdf_that_never_ends(),
        "hungry.pdf": pdf_that_wants_memory(2 * FILE_MEMORY),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())


def test_two_hundred_streams_are_whole_also_while_files_are_read(
    served: Service, upstream_url: str, files: list[Path]
) -> None:
    said = "".join(pieces(SCRIPT))
    with ThreadPoolExecutor(STREAMS) as pool:
        queue_script(upstream_url, SCRIPT)
        streaming = [pool.submit(ask, served) for _ in range(STREAMS)]
        until(lambda: requests(upstream_url) >= STREAMS, 20, "all have asked")
        uploads = [upload(served, path) for path in files]
        streams = [stream.result() for stream in streaming]
    read = [finished(uploading) for uploading in uploads]
    assert [(one.text, one.status) for one in streams] == [(said, "completed")] * STREAMS
    assert [frames[-1]["content"] for frames in read] == [{"status": "completed"}] * len(read)
    first = [(one.seen[0].at - one.began) * 1000 for one in streams]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    verdicts = [frames[-2]["content"]["files"][0] for frames in read]
    print(f"\n{STREAMS} streams: first frame p50 {statistics.median(first):.0f}, p99 {p99(first):.0f} ms")
    lateness = late(streams)
    print(
        f"lateness with {megabytes:.0f} MB of files: p50 {statistics.median(lateness):.1f}, p99 {p99(lateness):.1f} ms"
    )
    print("verdicts: " + ", ".join(f"{one['name']} {one['status']} {one.get('reason') or ''}" for one in verdicts))


def requests(upstream_url: str) -> int:
    with urllib.request.urlopen(f"{upstream_url}/requests", timeout=10) as response:
        return len(json.loads(response.read()))


def test_uploads_are_gone_when_they_were_read(served: Service) -> None:
    assert served.uploads() == []
