"""This module has a reader that comes back: it asks once, and follows the answer over as many connections as it takes.
It also has those who ask one question after another with such readers."""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any, Self

from tests.live.reading import Asked, Resumed, Seen, Stream, own_id

PAUSE = 0.05
SECONDS = 90.0
PATIENCE = 5.0
"""After this many seconds without a byte a connection counts as cut. Within them some heartbeats of the servers under
test are due."""


class Follower:
    """A `Follower` reads in a thread of its own. `wrong` is what it got that nobody may get."""

    def __init__(
        self,
        url: str,
        question: str = "안녕하세요?",
        *,
        answer_id: str = "",
        session_id: str = "",
        files: Mapping[str, bytes] | None = None,
        seconds: float = SECONDS,
        patience: float = PATIENCE,
        drop: Callable[[Seen], bool] = lambda _: False,
        **fields: str,
    ) -> None:
        """Follow a known answer, or ask. `drop` says after which frames the reader hangs up, to come back."""
        self.url = url
        self.question = question
        self.answer_id = answer_id
        self.session_id = session_id or own_id()
        self.seen: list[Seen] = []
        self.wrong: list[str] = []
        self.refused: list[str] = []
        """These codes came instead of a stream."""
        self.connections = 0
        self.beats = 0
        self.reconnects = 0
        self._asks = {"idempotencyKey": uuid.uuid4().hex, "sessionId": self.session_id, **fields}
        self._files = files
        self._seconds = seconds
        self._patience = patience
        self._drop = drop
        self._gone = False
        self._stream: Stream | None = None
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def last(self) -> int:
        """Return the number of the last frame."""
        return int(self.seen[-1].frame["seq"]) if self.seen else 0

    @property
    def text(self) -> str:
        """Return the answer, as it was read."""
        kinds = [seen.kind for seen in self.seen]
        void = len(kinds) - kinds[::-1].index("restart") if "restart" in kinds else 0
        return "".join(seen.content for seen in self.seen[void:] if seen.kind == "text")

    @property
    def status(self) -> str:
        """Return how the answer ended. The text is empty before that."""
        return str(self.seen[-1].content["status"]) if self.seen and self.seen[-1].kind == "done" else ""

    @property
    def error(self) -> dict[str, Any]:
        """Return what went wrong, as the reader was told. The text is empty where nothing did."""
        return next((seen.content for seen in self.seen if seen.kind == "error"), {})

    @property
    def silence(self) -> float:
        """Return the longest time between two frames."""
        times = [seen.at for seen in self.seen]
        return max((after - before for before, after in pairwise(times)), default=0.0)

    def kinds(self, kind: str) -> list[Seen]:
        """Return all frames of a kind."""
        return [seen for seen in self.seen if seen.kind == kind]

    def wait(self, true: Callable[[Self], object], seconds: float = SECONDS) -> None:
        """Wait until something holds of what was read."""
        with self._news:
            assert self._news.wait_for(lambda: true(self), seconds), self.story()

    def wait_text(self, pieces: int) -> None:
        """Wait until this many pieces of text have come."""
        self.wait(lambda reader: len(reader.kinds("text")) >= pieces)

    def finish(self, seconds: float = SECONDS) -> Self:
        """Wait until the answer is over."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"not over: {self.story()}"
        return self

    def leave(self) -> None:
        """Hang up, and don't come back."""
        self._gone = True
        if self._stream:
            self._stream.shut()
        self._thread.join(SECONDS)

    def story(self) -> str:
        """Return what happened to it, in a line."""
        kinds = [seen.content.get("stage") if seen.kind == "status" else seen.kind for seen in self.seen]
        return (
            f"{self.answer_id or 'unasked'}: {len(kinds)} frames, {kinds[:8]} to {kinds[-3:]}, {self.connections} "
            f"connections, refused {self.refused}, wrong {self.wrong}, {self.error}"
        )

    def _run(self) -> None:
        until = time.monotonic() + self._seconds
        while not self.status and not self.wrong and not self._gone and time.monotonic() < until:
            try:
                with self._connected() as stream:
                    self._stream = stream
                    self._read(stream)
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                pass
            if not self.status:
                time.sleep(PAUSE)
        with self._news:
            self._news.notify_all()

    def _connected(self) -> Stream:
        if self.answer_id:
            return Resumed(self.url, self.answer_id, self.last, timeout=self._patience)
        return Asked(self.url, self.question, files=self._files, timeout=self._patience, **self._asks)

    def _read(self, stream: Stream) -> None:
        self.connections += 1
        match stream.response.status:
            case 200:
                self.answer_id = self.answer_id or stream.answer_id
                for seen in stream:
                    self._take(seen)
                    if self.status or self._gone or self.wrong or self._drop(seen):
                        return
            case 204:
                self.wrong.append("nothing comes any more, and there was no end")
            case 503 | 429:
                self.refused.append(str(stream.problem()["code"]))
            case other:
                self.wrong.append(f"refused: {other} {stream.problem()}")

    def _take(self, seen: Seen) -> None:
        match seen.kind:
            case "heartbeat":
                self.beats += 1
            case "reconnect":
                self.reconnects += 1
            case _:
                if seen.frame["seq"] <= self.last:
                    self.wrong.append(f"{seen.frame['seq']} came after {self.last}")
                with self._news:
                    self.seen.append(seen)
                    self._news.notify_all()


class Asking:
    """An `Asking` asks one question after another in a thread of its own, until it is stopped. `readers` are those who
    asked."""

    def __init__(self, ask: Callable[[], Follower], seconds: float = SECONDS, pause: float = 0.0) -> None:
        """An answer that isn't over after this many seconds is left, and the next question is asked after the pause."""
        self.readers: list[Follower] = []
        self._ask = ask
        self._seconds = seconds
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run_questions, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()

    def join(self) -> list[Follower]:
        """Return all who asked, once the last one is over. It must have been told to stop."""
        self._thread.join(self._seconds + 30)
        return self.readers

    def _run_questions(self) -> None:
        while not self._over.is_set():
            self.readers.append(self._ask())
            with suppress(AssertionError):  # Who isn't over by now is lost, and whoever looks at the readers sees it.
                self.readers[-1].finish(self._seconds)
            self._over.wait(self._pause)


def drop_every(frames: int) -> Callable[[Seen], bool]:
    """Hang up each time after this many frames of an answer."""
    return lambda seen: bool(seen.frame.get("seq", 1) % frames == 0)
