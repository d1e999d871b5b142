"""This module shows at a terminal which step an examination takes, and for how long."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TextIO

from qa_service.doctor.arrivals import TimedFrame
from qa_service.doctor.examination import Step
from qa_service.model import Language
from qa_service.terminal import ERASE

_WORDS: Mapping[Language, Mapping[Step, str]] = {
    "en": {
        "reach": "looking for the service",
        "stream": "trying how a stream arrives",
        "refusals": "trying how refusals arrive",
        "body": "trying how large a body may be",
        "quiet": "waiting in a stream of heartbeats alone",
    },
    "ko": {
        "reach": "서비스를 찾는 중",
        "stream": "스트림이 어떻게 도착하는지 시험하는 중",
        "refusals": "거절이 어떻게 도착하는지 시험하는 중",
        "body": "본문이 얼마나 커도 되는지 시험하는 중",
        "quiet": "하트비트만 오는 스트림에서 기다리는 중",
    },
}
_UNITS: Mapping[Language, tuple[str, str]] = {
    "en": ("{passed:.0f} of {whole:.0f} s", "frames: {frames}"),
    "ko": ("{whole:.0f}초 중 {passed:.0f}초", "프레임 {frames}개"),
}
_TICK_SECONDS = 1.0


class ProgressLine:
    """A `ProgressLine` is the last line of a terminal. It says every `tick` seconds what is being done, until it is
    closed. Where the stream is no terminal, each step is a line that stays."""

    def __init__(
        self,
        out: TextIO,
        language: Language,
        *,
        clock: Callable[[], float] = time.monotonic,
        tick: float = _TICK_SECONDS,
    ) -> None:
        self._out = out
        self._language = language
        self._clock = clock
        self._tick = tick
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._step: Step | None = None
        self._began = self._whole = 0.0
        self._frames = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        if out.isatty():
            self._thread.start()

    def begin_step(self, step: Step, whole: float) -> None:
        """Show that this step begins, which takes this many seconds, or nobody knows how many where that is 0."""
        with self._lock:
            self._step, self._whole, self._began, self._frames = step, whole, self._clock(), 0
            self._show()

    def count_frame(self, _: TimedFrame) -> None:
        """Count a frame that has arrived."""
        self._frames += 1

    def clear(self) -> None:
        """Erase the line, so that something else can be printed in its place."""
        with self._lock:
            if self._out.isatty():
                self._out.write(ERASE)
                self._out.flush()

    def erase_line(self) -> None:
        """Erase the line for good."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        self.clear()

    def _run(self) -> None:
        while not self._closed.wait(self._tick):
            with self._lock, suppress(OSError):
                self._show()

    def _show(self) -> None:
        if self._step is None:
            return
        line = _WORDS[self._language][self._step] + " …"
        if not self._out.isatty():
            self._out.write(f"{line}\n")
        else:
            self._out.write(f"{ERASE}{line}{self._measure()}")
        self._out.flush()

    def _measure(self) -> str:
        if not self._whole:
            return ""
        time_passed, frames = _UNITS[self._language]
        passed = min(self._whole, self._clock() - self._began)
        return f" {time_passed.format(passed=passed, whole=self._whole)}, {frames.format(frames=self._frames)}"
