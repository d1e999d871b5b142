"""How a test asks the line, and what it looks at in the answer."""

from collections.abc import Sequence

from qa_service.answering import Parts, answer
from qa_service.model import Failure, Frame, Metadata, Turn
from qa_service.running import StopSignal
from tests.fakes import FakeSessions, admission, one


def frames(
    known: Parts, text: str = "Why is the sky blue?", stop: StopSignal | None = None, **fields: object
) -> list[Frame]:
    """All frames of one answer."""
    return list(answer(admission(text, **fields), known, stop or StopSignal()))  # type: ignore[arg-type]


def saved(known: Parts) -> Turn:
    """The one turn that was kept."""
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
