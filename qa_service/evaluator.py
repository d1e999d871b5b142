"""This module asks a site the questions of an evaluation, from the command line and without a server."""

import logging
import secrets
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

from msgspec.structs import replace

from qa_service.assembly import assemble, choose_encoder, make_retriever
from qa_service.console import copy_upload
from qa_service.errors import QAError
from qa_service.evaluation import (
    FIGURES,
    LabelledQuestion,
    LabelledTopic,
    Outcome,
    Said,
    Tally,
    read_lines,
)
from qa_service.frames import Failure, Frame, Reference, references_from_frames, text_from_frames
from qa_service.language.sentences import language_of
from qa_service.model import Exchange, Message, Passage, Question, Session
from qa_service.search_interfaces import Query, Retriever
from qa_service.settings import Settings
from qa_service.web.identity import Owners

_ALWAYS = (1_000_000, 1.0)
"""The evaluation may ask as often as the first number says, in as many seconds as the second says."""
_LAST_SECONDS = 1.0


def evaluate_site(settings: Settings, path: Path, least: Mapping[str, float], most: Mapping[str, float]) -> None:
    """Ask all questions of a file, and print the figures. The process exits with 1 where one of them is below its least
    value or above its most, and where the file can't be read."""
    logging.getLogger("qa_service.answers").setLevel(logging.WARNING)
    tally = measure_site(settings, path)
    for name, figure in tally.figures.items():
        if figure.counted:
            print(f"{name:15} {figure.share:6.3f}  {figure.having}/{figure.counted}  {FIGURES[name]}")
    if failures := tally.find_failures(least, most):
        sys.exit("\n".join(failures))


def measure_site(settings: Settings, path: Path) -> Tally:
    """Ask all questions of a file, and count what came of them. The sessions of the questions are deleted."""
    lines, tally = read_lines(path), Tally()
    evaluator = _Evaluator(settings, path.parent)
    try:
        for line in lines:
            if isinstance(line, LabelledTopic):
                tally.add_topic(line, drifted=evaluator.is_new_topic(line))
            else:
                tally.add_answer(line, evaluator.ask_question(line))
    finally:
        evaluator.clean_up()
    return tally


class WatchedRetriever:
    """A `WatchedRetriever` remembers what another one has found last."""

    def __init__(self, retriever: Retriever) -> None:
        self._retriever = retriever
        self.found: tuple[Passage, ...] = ()

    def find_passages(self, query: Query) -> tuple[Passage, ...]:
        """Find what the other retriever finds."""
        self.found = self._retriever.find_passages(query)
        return self.found


class _Evaluator:
    """An `_Evaluator` asks the questions of one file in sessions of its own, which are deleted when it is closed."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._folder = folder
        self._watched = WatchedRetriever(make_retriever(settings, choose_encoder(settings)))
        self._assembly = assemble(replace(settings, rate=_ALWAYS), retriever=self._watched)
        self._owner = Owners(self._assembly.secret).key("evaluation")
        self._sessions: dict[tuple[str, ...], str] = {}
        self._used: list[str] = []

    def is_new_topic(self, line: LabelledTopic) -> bool:
        session = Session("evaluation", topic=1, context=tuple(_pair_turns(line.history)))
        return self._assembly.desk.detector.judge_topic(line.question, session, {}).drifted

    def ask_question(self, line: LabelledQuestion) -> Outcome:
        self._watched.found = ()
        frames = self._answer(self._build_question(line))
        references: Sequence[Reference] = references_from_frames(frames)
        if failure := next((frame for frame in frames if isinstance(frame, Failure)), None):
            raise QAError(f"{line.question[:80]!r} could not be answered: {failure.message}")
        return Outcome(self._watched.found, text_from_frames(frames), references)

    def clean_up(self) -> None:
        for session_id in self._used:
            self._assembly.history.delete_session(self._owner, session_id)
        self._assembly.runner.shut_down("interrupted", _LAST_SECONDS)

    def _build_question(self, line: LabelledQuestion) -> Question:
        uploads = tuple(copy_upload(self._folder / name, self._assembly.uploads) for name in line.files)
        return Question(
            line.question,
            self._owner,
            self._choose_session(line),
            uploads,
            messages=tuple(Message(said.role, said.text) for said in line.history),
            topic="keep" if line.history else "new",
            language=language_of(line.question),
        )

    def _choose_session(self, line: LabelledQuestion) -> str:
        """Choose the session of a question. Questions about the same files share one, so that each file is read once. A
        question with earlier turns gets a session that begins with them."""
        known = None if line.history else self._sessions.get(line.files)
        if known:
            return known
        session_id = secrets.token_hex(16)
        self._used.append(session_id)
        if not line.history:
            self._sessions[line.files] = session_id
        return session_id

    def _answer(self, question: Question) -> list[Frame]:
        assembly = self._assembly
        running = assembly.runner.start_answer(assembly.desk.admit_new(question))
        heartbeat = assembly.settings.heartbeat_seconds
        with closing(assembly.runner.open_reader(running, question.owner, heartbeat=heartbeat)) as reader:
            return list(chain.from_iterable(batch.frames for batch in reader))


def _pair_turns(history: Sequence[Said]) -> list[Exchange]:
    exchanges: list[Exchange] = []
    for said in history:
        if said.role == "user":
            exchanges.append(Exchange(said.text, ""))
        elif exchanges:
            exchanges[-1] = replace(exchanges[-1], text=said.text)
    return exchanges
