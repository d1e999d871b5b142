"""This module shows how a test asks the line, once or in a conversation, and what it looks at in the answer."""

from collections.abc import Sequence

from qa_service.answer_parts import Parts
from qa_service.answering import AnswerLine
from qa_service.frames import Failure, Frame, Metadata
from qa_service.model import Question
from qa_service.running.stop import StopSignal
from qa_service.stores.guard import StoreGuard
from qa_service.stores.passages import RedisFiles
from qa_service.stores.sessions import Kept, RedisSessions
from qa_service.turns import Turn
from tests.fakes import (
    ANN,
    FakeDetector,
    FakeSessions,
    FakeUpstream,
    admission,
    client,
    desk,
    one,
    parts,
    shown,
)


def frames(
    known: Parts, text: str = "Why is the sky blue?", stop: StopSignal | None = None, **fields: object
) -> list[Frame]:
    """Return all frames of one answer."""
    return shown(AnswerLine(known).write_answer(admission(text, **fields), stop or StopSignal()))


def saved(known: Parts) -> Turn:
    """Return the one turn that was kept."""
    assert isinstance(known.sessions, FakeSessions)
    (kept,) = known.sessions.saved
    return kept


def metadata(told: Sequence[Frame]) -> Metadata:
    found = one(told, Metadata)
    assert isinstance(found, Metadata)
    return found


def failure(told: Sequence[Frame]) -> Failure:
    found = one(told, Failure)
    assert isinstance(found, Failure)
    return found


class Conversation:
    """A `Conversation` is Ann's session `chat`, with desk and line over a Redis in memory, to which one question comes
    after another."""

    def __init__(self, upstream: FakeUpstream, **others: object) -> None:
        redis, guard = client(), StoreGuard()
        sessions = RedisSessions(redis, guard, Kept(60, 100, answer=60, log=60, bytes=1 << 30), worker="w1")
        self._parts = parts(
            upstream, sessions=sessions, files=RedisFiles(redis, guard, seconds=60, single=60), **others
        )
        self._desk = desk(sessions, detector=FakeDetector())

    def ask(self, text: str, **fields: object) -> list[Frame]:
        """Ask, and return all frames of the answer."""
        admitted = self._desk.admit_new(Question(text, ANN, "chat", **fields))
        return shown(AnswerLine(self._parts).write_answer(admitted, StopSignal()))
