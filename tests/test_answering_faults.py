"""The line when a part is broken or the store is away: the reader is told, and nothing leaks."""

import logging
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from qa_service.errors import QAError
from qa_service.frames import Done, Reference
from qa_service.interfaces import Saved
from qa_service.model import Annotation, Owner, TextDelta
from qa_service.prompting import Site
from qa_service.turns import Turn
from tests.answers import failure, frames, metadata, saved
from tests.fakes import ANN, BUG, STOPPED, FakeSessions, FakeUpstream, Step, parts, upload


class Broken:
    """A part with a bug, wherever it is touched."""

    def __getattr__(self, name: str) -> object:
        def break_down(*arguments: object, **named: object) -> object:
            raise BUG

        return break_down


class TestBugs:
    @pytest.mark.parametrize("part", ["upstream", "reader", "files", "retriever", "safety_identifier", "site"])
    def test_a_bug_is_told_by_its_id_alone(self, part: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        site = Site("Be plain.", context_tokens="many")  # type: ignore[arg-type]
        broken = {"safety_identifier": Broken().call, "site": site}.get(part, Broken())
        with caplog.at_level(logging.ERROR):
            told = frames(replace(parts(), **{part: broken}), files=(upload(tmp_path, "sky.txt", "Blue."),))
        error = failure(told)
        assert (error.code, told[-1]) == ("internal", Done("failed"))
        assert re.fullmatch("internal error [0-9a-f]{16}", error.message)
        assert error.message.split()[-1] in caplog.text

    def test_an_annotation_that_cannot_be_cited_is_no_end_without_done(self) -> None:
        odd = Annotation("url", url=7)  # type: ignore[arg-type]
        told = frames(known := parts(FakeUpstream([TextDelta("So."), odd, STOPPED])))
        assert (failure(told).code, told[-1]) == ("internal", Done("failed"))
        assert saved(known).text == "So."

    def test_the_turn_is_kept_with_its_error(self) -> None:
        told = frames(known := parts(FakeUpstream([TextDelta("Half"), BUG])))
        assert (saved(known).text, saved(known).error) == ("Half", failure(told))


class TestSaving:
    def test_a_store_that_is_down_is_told_and_the_answer_stays_whole(self) -> None:
        known = parts()
        known.sessions.available = False  # type: ignore[attr-defined]
        told = frames(known)
        assert (metadata(told).saved, told[-1]) == (False, Done("completed"))

    def test_what_could_not_be_saved_is_given_to_whoever_saves_it_later(self) -> None:
        later: list[tuple[Owner, Turn]] = []
        known = parts(save_later=lambda owner, turn: later.append((owner, turn)))
        known.sessions.available = False  # type: ignore[attr-defined]
        told = frames(known)
        ((owner, turn),) = later
        assert (owner, turn.text, turn.status) == (ANN, "The answer is 42.", "completed")
        assert turn.metadata == replace(metadata(told), saved=True)

    def test_a_session_deleted_meanwhile_is_told(self) -> None:
        known = parts()
        known.sessions.outcome = "gone"  # type: ignore[attr-defined]
        assert metadata(frames(known)).saved is False

    def test_a_store_that_was_asked_for_something_wrong_is_told(self) -> None:
        class Wrong(FakeSessions):
            def save(self, owner: Owner, turn: Turn) -> Saved:
                raise QAError("The store was asked for something wrong.")

        assert metadata(frames(parts(sessions=Wrong()))).saved is False

    def test_what_is_kept_is_what_was_told(self) -> None:
        steps: list[Step] = [TextDelta("See https://example.com/a."), STOPPED]
        told = frames(known := parts(FakeUpstream(steps)))
        kept = saved(known)
        assert kept.references == tuple(frame for frame in told if isinstance(frame, Reference))
        assert kept.metadata == metadata(told)
        assert (kept.question, kept.status) == ("Why is the sky blue?", "completed")
