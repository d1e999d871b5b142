"""This module has many streams for a long time, by hand: no worker's memory grows once it is warm, and no file stays
open.

python -m tests.live.soak

SOAK_SECONDS=600    how long
SOAK_STREAMS=100    how many at a time: half of what the machine can do
SOAK_WORKERS=2      gunicorn's
"""

import json
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from tests.live.processes import Service, memory, model_process, open_files
from tests.live.stores import service_with_redis
from tests.scripts import Script, pieces

LOOK_SECONDS = 5.0
SLOW = Script(deltas=300, rate=10)
"""The scripted upstream has a script under this name."""
MOST_GROWTH = 0.05
MEGABYTE = 1 << 20
REST_SECONDS = 65.0
"""After this many seconds connections to the model are no longer kept. The next question closes them."""
FILES_LEFT = 30
"""This many more files may be open than when it began. They are connections to Redis."""


class Sample(Struct, frozen=True):
    """A `Sample` is a worker at one moment."""

    rss: int
    files: int


class Listener:
    """A `Listener` asks one question after another and reads the answer raw, in a session that grows."""

    def __init__(self, port: int, over: threading.Event) -> None:
        self.ends: Counter[str] = Counter()
        self._port = port
        self._over = over
        self._said = "".join(pieces(SLOW))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join(60)

    def _run(self) -> None:
        session, asked = os.urandom(16).hex(), 0
        while not self._over.is_set():
            asked += 1
            if asked % 10 == 0:
                session = os.urandom(16).hex()
            try:
                self.ends[self._ask(session)] += 1
            except OSError as error:
                self.ends[type(error).__name__] += 1

    def _ask(self, session: str) -> str:
        body = json.dumps({"question": "script:slow 배송은 얼마나 걸리나요?", "sessionId": session}).encode()
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nHost: localhost"
        with socket.create_connection(("127.0.0.1", self._port), timeout=30) as connection:
            connection.sendall(f"POST /api/ask HTTP/1.1\r\n{head}\r\n\r\n".encode() + body)
            response = b""
            while not response.endswith(b"0\r\n\r\n"):
                piece = connection.recv(1 << 16)
                if not piece:
                    return "cut"
                response += piece
        return self._judged(response)

    def _judged(self, response: bytes) -> str:
        """Return how it ended, and whether it is all that was said."""
        lines = [line[6:] for line in response.split(b"\n") if line.startswith(b"data: ")]
        frames = [json.loads(line) for line in lines]
        if not frames or frames[-1]["type"] != "done":
            return "refused" if not frames else "cut"
        text = "".join(frame["content"] for frame in frames if frame["type"] == "text")
        status = str(frames[-1]["content"]["status"])
        return status if status != "completed" or text == self._said else "wrong"


class Watch:
    """A `Watch` samples every worker until it is told to stop."""

    def __init__(self, served: Service) -> None:
        self.samples: dict[int, list[Sample]] = {worker: [] for worker in served.workers()}

    def look(self) -> None:
        for worker, seen in self.samples.items():
            with suppress(FileNotFoundError):
                seen.append(Sample(memory(worker), open_files(worker)))

    def growth(self, worker: int) -> float:
        """Return by how much of itself the memory has grown, from the second quarter to the last."""
        sizes = [sample.rss for sample in self.samples[worker]]
        quarter = max(1, len(sizes) // 4)
        before, after = (statistics.mean(part) for part in (sizes[quarter : 2 * quarter], sizes[-quarter:]))
        return after / before - 1

    def show(self, ends: Counter[str], files_before: dict[int, int]) -> bool:
        """Print it all, and tell whether it is well."""
        well = set(ends) == {"completed"}
        print(f"\nanswers {sum(ends.values())}: {dict(ends)}")
        for worker, seen in self.samples.items():
            sizes = " ".join(str(sample.rss // MEGABYTE) for sample in seen[:: max(1, len(seen) // 12)])
            left = open_files(worker) - files_before[worker]
            well = well and self.growth(worker) <= MOST_GROWTH and left <= FILES_LEFT
            print(f"worker {worker}: MB {sizes}; grown {self.growth(worker):+.1%} once warm; {left} files more open")
        print("all is well" if well else "IT IS NOT WELL")
        return well


@contextmanager
def service(folder: Path, workers: int) -> Iterator[Service]:
    """Give the service and all that it needs, in processes of their own."""
    with (
        model_process(folder) as model,
        service_with_redis(folder, model, WEB_CONCURRENCY=str(workers)) as (served, _),
    ):
        served.until_workers(workers)
        yield served


def soak(served: Service, seconds: float, streams: int) -> tuple[Watch, Counter[str]]:
    """Ask all the time. Return what was seen, and how the answers ended."""
    watch, over, began = Watch(served), threading.Event(), time.monotonic()
    listeners = []
    for _ in range(streams):
        listeners.append(Listener(served.port, over))
        time.sleep(0.02)
    while time.monotonic() - began < seconds:
        time.sleep(LOOK_SECONDS)
        watch.look()
        sizes = [f"{seen[-1].rss // MEGABYTE} MB, {seen[-1].files} files" for seen in watch.samples.values()]
        print(f"{time.monotonic() - began:5.0f} s: {'; '.join(sizes)}", flush=True)
    over.set()
    for listener in listeners:
        listener.join()
    return watch, total(listeners)


def rest(served: Service) -> None:
    """Ask nothing for a while, and then a few questions, so that every worker gets one."""
    time.sleep(REST_SECONDS)
    over = threading.Event()
    listeners = [Listener(served.port, over) for _ in range(20)]
    time.sleep(1)
    over.set()
    for listener in listeners:
        listener.join()


def total(listeners: Sequence[Listener]) -> Counter[str]:
    """Return how all answers ended."""
    ends: Counter[str] = Counter()
    for listener in listeners:
        ends.update(listener.ends)
    return ends


def main() -> None:
    seconds, streams, workers = (
        int(os.environ.get(f"SOAK_{name}", usual))
        for name, usual in (("SECONDS", 600), ("STREAMS", 100), ("WORKERS", 2))
    )
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, service(Path(folder), workers) as served:
        before = {worker: open_files(worker) for worker in served.workers()}
        watch, ends = soak(served, seconds, streams)
        rest(served)
        well = watch.show(ends, before)
    sys.exit(not well)


if __name__ == "__main__":
    main()
