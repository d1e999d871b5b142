"""The line when a part is broken or the store is away: the reader is told, and nothing leaks."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from qa_service.deltas import Annotation, Finished, Opened, RefusalDelta, Retrying, Searching, TextDelta
from qa_service.errors import Cancelled, QAError
from qa_service.file_news import FileEnd, FileNews, FileProgress
from qa_service.frames import Done, Reference, Text
from qa_service.interfaces import Saved
from qa_service.model import Drift, Owner, Passage, Question, Session, Usage, Verdict
from qa_service.prompting import Site
from qa_service.running.stop import StopSignal
from qa_service.search_interfaces import Query
from qa_service.storable import storable
from qa_service.turns import Turn
from tests.answers import failure, frames, metadata, saved
from tests.fakes import (
    ANN,
    BUG,
    STOPPED,
    FakeDetector,
    FakeReader,
    FakeRoom,
    FakeSessions,
    FakeUpstream,
    Step,
    desk,
    parts,
    upload,
)


class Broken:
    """A `Broken` is a part with a bug, wherever it is touched."""

    def __getattr__(self, name: str) -> object:
        def break_down(*arguments: object, **named: object) -> object:
            raise BUG

        return break_down


class TestBugs:
    @pytest.mark.parametrize("part", ["upstream", "reader", "files", "search", "safety_identifier", "site"])
    def test_a_bug_is_told_by_its_id_alone(self, part: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        site = Site("Be plain.", context_tokens="many")
        broken = {"safety_identifier": Broken().call, "site": site}.get(part, Broken())
        with caplog.at_level(logging.ERROR):
            told = frames(replace(parts(), **{part: broken}), files=(upload(tmp_path, "sky.txt", "Blue."),))
        error = failure(told)
        assert (error.code, told[-1]) == ("internal", Done("failed"))
        assert re.fullmatch("internal error [0-9a-f]{16}", error.message)
        assert error.message.split()[-1] in caplog.text

    def test_an_annotation_that_cannot_be_cited_is_no_end_without_done(self) -> None:
        odd = Annotation("url", url=7)
        told = frames(known := parts(FakeUpstream([TextDelta("So."), odd, STOPPED])))
        assert (failure(told).code, told[-1]) == ("internal", Done("failed"))
        assert saved(known).text == "So."

    def test_the_turn_is_kept_with_its_error(self) -> None:
        told = frames(known := parts(FakeUpstream([TextDelta("Half"), BUG])))
        assert (saved(known).text, saved(known).error) == ("Half", failure(told))


HALF = "\ud83d"
"""This is half a surrogate pair, which no UTF-8 holds."""
NAN = float("nan")


class TestUnstorable:
    """What can't be encoded comes from parts that a host site brought. It ends its own answer, in good order."""

    @pytest.mark.parametrize(
        "odd",
        [
            TextDelta(f"half a pair {HALF}"),
            TextDelta(b"bytes"),
            TextDelta(None),
            RefusalDelta(HALF),
            Searching(HALF),
            Searching(b"bytes"),
            Retrying(NAN, "slow", "mini"),
            Retrying(1, "slow", HALF),
            Annotation("url", title=HALF, url="https://a.example"),
            Annotation("document", document_id="d", page=NAN),
            Opened(HALF),
            Finished("stop", model=HALF),
            Finished("so so"),
            Finished("stop", usage=Usage(NAN, 1, 1)),
        ],
        ids=repr,
    )
    def test_what_upstream_says_ends_the_answer_with_all_that_came_before(self, odd: Step) -> None:
        upstream = FakeUpstream([TextDelta("하늘은 "), odd, TextDelta("파랗다"), STOPPED])
        told = frames(known := parts(upstream))
        assert (failure(told).code, told[-1]) == ("internal", Done("failed"))
        assert ([f.content for f in told if isinstance(f, Text)], saved(known).text) == (["하늘은 "], "하늘은 ")
        assert upstream.closed == 1
        for kept in (*told, saved(known)):
            assert storable(kept) == kept

    @pytest.mark.parametrize(
        "news",
        [
            FileProgress(NAN, 2),
            FileEnd(Verdict(HALF, "text", "used")),
            FileEnd(Verdict("sky.txt", "text", "used", tokens=NAN)),
        ],
        ids=repr,
    )
    def test_what_a_reader_of_files_says_ends_the_answer_as_well(self, news: FileNews, tmp_path: Path) -> None:
        reader = FakeReader()
        reader.read_upload = lambda file, stop: iter((news,))
        told = frames(known := parts(reader=reader), files=(upload(tmp_path, "sky.txt", "Blue."),))
        assert (failure(told).code, told[-1]) == ("internal", Done("failed"))
        for kept in (*told, saved(known)):
            assert storable(kept) == kept

    def test_what_a_retriever_finds_ends_the_answer_as_well(self, tmp_path: Path) -> None:
        class Finding:
            def find_passages(self, query: Query) -> tuple[Passage, ...]:
                return (Passage("f", "sky.txt", HALF),)

        told = frames(known := parts(retriever=Finding()), files=(upload(tmp_path, "sky.txt", "Blue."),))
        assert (failure(told).code, told[-1], saved(known).text) == ("internal", Done("failed"), "")

    def test_what_a_detector_judges_refuses_the_question_before_anything_is_claimed(self) -> None:
        class Doubtful(FakeDetector):
            def judge_topic(self, question: str, session: Session, coverage: Mapping[int, float]) -> Drift:
                return Drift(drifted=False, score=NAN)

        sessions, room = FakeSessions(), FakeRoom()
        with pytest.raises(QAError) as refusal:
            desk(sessions, detector=Doubtful(), room=room).admit(Question("Why?", ANN, "chat"))
        assert (refusal.value.code, sessions.sessions, room.inside) == ("internal", {}, 0)

    def test_one_that_the_shared_log_refuses_is_ended_too(self) -> None:
        stop = StopSignal()
        stop.set("unstorable")
        told = frames(parts(FakeUpstream([TextDelta("Half an "), Cancelled()])), stop=stop)
        assert (failure(told).code, told[-1]) == ("internal", Done("failed"))


class TestSaving:
    def test_a_store_that_is_down_is_told_and_the_answer_stays_whole(self) -> None:
        known = parts()
        known.sessions.available = False
        told = frames(known)
        assert (metadata(told).saved, told[-1]) == (False, Done("completed"))

    def test_what_could_not_be_saved_is_given_to_whoever_saves_it_later(self) -> None:
        later: list[tuple[Owner, Turn]] = []
        known = parts(save_later=lambda owner, turn: later.append((owner, turn)))
        known.sessions.available = False
        told = frames(known)
        ((owner, turn),) = later
        assert (owner, turn.text, turn.status) == (ANN, "The answer is 42.", "completed")
        assert turn.metadata == replace(metadata(told), saved=True)

    def test_a_session_deleted_meanwhile_is_told(self) -> None:
        known = parts()
        known.sessions.outcome = "gone"
        assert metadata(frames(known)).saved is False

    def test_a_store_that_was_asked_for_something_wrong_is_told(self) -> None:
        class Wrong(FakeSessions):
            def save_turn(self, owner: Owner, turn: Turn) -> Saved:
                raise QAError("The store was asked for something wrong.")

        assert metadata(frames(parts(sessions=Wrong()))).saved is False

    def test_what_is_kept_is_what_was_told(self) -> None:
        steps: list[Step] = [TextDelta("See https://example.com/a."), STOPPED]
        told = frames(known := parts(FakeUpstream(steps)))
        kept = saved(known)
        assert kept.references == tuple(frame for frame in told if isinstance(frame, Reference))
        assert kept.metadata == metadata(told)
        assert (kept.question, kept.status) == ("Why is the sky blue?", "completed")
