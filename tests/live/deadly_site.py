"""This module has a host site with a part that kills its worker, as a bug or a lack of memory would, whenever it meets
one question."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from qa_service import create_app
from qa_service.assembly import assemble
from qa_service.deltas import Delta, Finished, Opened, TextDelta
from qa_service.interfaces import Stop
from qa_service.model import Passage, Prompt
from qa_service.retrieval.finding import HybridRetriever
from qa_service.search_interfaces import Query
from qa_service.web.serving import log_to_terminal

KILLED = "killed"
"""This is the file, in the folder of the site's data, with a line for every worker that was killed."""


class Deadly:
    """A `Deadly` is an `Upstream` that keeps answers, and dies of some: before it says anything, behind its first
    words, or when it is attached to."""

    @contextmanager
    def open_answer(self, prompt: Prompt, stop: Stop) -> Iterator[Iterator[Delta]]:
        if prompt.question == "before":
            die()
        yield said(prompt.question, opened=True)

    @contextmanager
    def attach_answer(self, prompt: Prompt, response_id: str, stop: Stop) -> Iterator[Iterator[Delta]]:
        yield said(response_id, opened=False)


def said(question: str, *, opened: bool) -> Iterator[Delta]:
    """Return the question itself, word by word. Some questions are survived no further than their first word."""
    if opened:
        yield Opened(question)
    yield TextDelta("One ")
    if question == "behind":
        die()
    yield from (TextDelta("two."), Finished("stop"))


class DeadlyRetriever:
    """A `DeadlyRetriever` is a `Retriever` that dies of a question."""

    def find_passages(self, query: Query) -> tuple[Passage, ...]:
        if query.question == "while files are searched":
            die()
        return HybridRetriever().find_passages(query)


def die() -> None:
    """Write down who was killed, and kill it."""
    with (Path(os.environ["QA_DATA"]) / KILLED).open("a") as killed:
        killed.write(f"{os.getpid()}\n")
    os.kill(os.getpid(), signal.SIGKILL)


log_to_terminal()
app = create_app(assemble=partial(assemble, upstream=Deadly(), retriever=DeadlyRetriever()))
