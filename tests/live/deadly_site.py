"""This module has a host site with parts that end or freeze their worker, as a bug or a lack of memory would, whenever
they meet one of some questions. Such a question is a way and a place: "kills before"."""

import ctypes
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from qa_service import create_app
from qa_service.assembly import assemble
from qa_service.deltas import Delta, Finished, Opened, TextDelta
from qa_service.interfaces import Stop
from qa_service.model import Passage, Prompt
from qa_service.retrieval.finding import HybridRetriever
from qa_service.search_interfaces import Query
from qa_service.web.serving import log_to_terminal

C = ctypes.PyDLL(None)
"""Calls of C that keep the interpreter's lock, as computing does."""
LOST = "lost"
"""This is the file, in the folder of the site's data, with a line for every worker that was ended or frozen."""


class Deadly:
    """A `Deadly` is an `Upstream` that keeps answers. It ends or freezes its worker over some of them: before it says
    anything, behind its first words, or when it is attached to."""

    @contextmanager
    def open_answer(self, prompt: Prompt, stop: Stop) -> Iterator[Iterator[Delta]]:
        meet(prompt.question, "before")
        yield said(prompt.question, opened=True)

    @contextmanager
    def attach_answer(self, prompt: Prompt, response_id: str, stop: Stop) -> Iterator[Iterator[Delta]]:
        yield said(response_id, opened=False)


def said(question: str, *, opened: bool) -> Iterator[Delta]:
    """Return the question itself, word by word. Some questions are survived no further than their first word."""
    if opened:
        yield Opened(question)
    yield TextDelta("One ")
    meet(question, "behind")
    yield from (TextDelta("two."), Finished("stop"))


class DeadlyRetriever:
    """A `DeadlyRetriever` is a `Retriever` that ends or freezes its worker over some questions."""

    def find_passages(self, query: Query) -> tuple[Passage, ...]:
        meet(query.question, "while files are searched")
        return HybridRetriever().find_passages(query)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def loop() -> None:
    """Never give way. gunicorn's first signal, SIGABRT, raises `SystemExit` in here, as in all of Python's own code. A
    worker that computed without end would take a core from all tests that run beside this one."""
    while True:
        C.usleep(10_000)


def compute() -> None:
    """Never give way. Inside of this one call no signal is handled, so that only SIGKILL ends it. It waits for a mutex
    that it has locked itself."""
    mutex = ctypes.create_string_buffer(64)
    C.pthread_mutex_lock(mutex)
    C.pthread_mutex_lock(mutex)


WAYS: Mapping[str, Callable[[], Any]] = {"kills": kill, "loops": loop, "computes": compute}


def meet(question: str, place: str) -> None:
    """End or freeze this worker if the question does so at this place. Write down first which worker it is."""
    way, _, where = question.partition(" ")
    if where == place:
        with (Path(os.environ["QA_DATA"]) / LOST).open("a") as lost:
            lost.write(f"{os.getpid()}\n")
        WAYS[way]()


log_to_terminal()
app = create_app(assemble=partial(assemble, upstream=Deadly(), retriever=DeadlyRetriever()))
