"""Workers of several releases share one answer: nothing is lost, nothing is told twice, and nothing fails."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from qa_service import answering
from qa_service.deltas import Annotation, Opened, TextDelta
from qa_service.frames import (
    FRAMES_VERSION,
    Cite,
    Done,
    Failure,
    Frame,
    Reference,
    Restart,
    StageNotice,
    Text,
    UnknownFrame,
)
from qa_service.interfaces import NewLogEntry
from qa_service.model import Prompt
from qa_service.running.adopted import answer_so_far, restore_log
from qa_service.running.log import FAR
from qa_service.running.written import RunningAnswer
from qa_service.stores.keys import answer_key, session_key, worker_key
from qa_service.turns import Asked, Mark, UnknownMark
from tests.fakes import ANN, STOPPED, WAITING_SECONDS, KeepingUpstream, Step
from tests.lives import Saying, Waiting, Worker, World, eventually, numbered, texts
from tests.stores.talking import held

NOTE = UnknownFrame("note", '{"type":"note","content":"새 소식"}'.encode())
SIGN = UnknownMark("sign", b'{"type":"sign"}')
LATER = FRAMES_VERSION + 1
ASKED = Asked(Prompt("mini", (), "Why?", tokens=30), ())
SCRIPT: tuple[Step, ...] = (TextDelta("The sky "), TextDelta("is "), TextDelta("blue."), STOPPED)


def raw_log(worker: Worker, answer_id: str) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in worker.redis.xrange(answer_key(ANN, answer_id, "log"))]


class TestReading:
    @pytest.fixture
    def writer(self, world: World) -> Worker:
        return world.worker(Saying(Text("a"), NOTE, SIGN, Text("b"), NOTE, Done("completed")))

    def test_readers_elsewhere_get_what_is_unknown_under_its_number(self, writer: Worker, world: World) -> None:
        running = writer.ask()
        told = world.worker().read(running.answer_id)
        assert told == writer.read(running)
        assert told[1:] == [(2, Text("a")), (3, NOTE), (4, Text("b")), (5, NOTE), (6, Done("completed"))]

    @pytest.mark.parametrize("after", range(7))
    def test_they_come_back_behind_any_number(self, writer: Worker, world: World, after: int) -> None:
        running = writer.ask()
        whole = writer.read(running)
        other = world.worker()
        eventually(lambda: not writer.runner._running)
        source = other.runner.find_answer(ANN, running.answer_id, after)
        told = other.read(source) if source and not after else other.read(running.answer_id, after) if source else []
        assert told == whole[after:]

    def test_its_turn_and_its_text_are_those_without_it(self, writer: Worker, world: World) -> None:
        running = writer.ask()
        writer.read(running)
        eventually(lambda: not writer.runner._running)
        found = world.worker().history.load_turn(ANN, running.answer_id)
        assert (found.text, found.status) == ("ab", "completed")

    def test_a_log_that_is_made_again_has_every_byte_of_it(self, world: World) -> None:
        line = Waiting()
        writer = world.worker(line)
        running = writer.ask()
        running.log.append_frame(NOTE)
        running.log.marks.append((len(running.log), SIGN))
        eventually(lambda: running.is_flushed)
        writer.redis.delete(answer_key(ANN, running.answer_id, "log"))
        running.log.append_frame(Text("more"))
        eventually(lambda: raw_log(writer, running.answer_id))
        whole = b"".join(fields.get(b"newer", b"") for fields in raw_log(writer, running.answer_id))
        assert NOTE.raw in whole
        assert SIGN.raw in whole
        assert raw_log(writer, running.answer_id)[0][b"v"] == b"2"
        line.may_go_on.set()


class TestGarbage:
    """An entry that nobody can read costs what it held, and nothing else."""

    def spoil(self, writer: Worker, running: RunningAnswer) -> None:
        last = running.log.last
        key = answer_key(ANN, running.answer_id, "log")
        writer.redis.xadd(key, {"first": str(last), "items": b"\xff{"}, id=f"{last}-999")

    def test_whoever_reads_it_elsewhere_gets_what_follows_and_so_do_all_others(self, world: World) -> None:
        lines = Waiting(), Waiting()
        writers = [world.worker(line) for line in lines]
        answers = [worker.ask(session_id=f"s{number}") for number, worker in enumerate(writers)]
        for running in answers:
            eventually(lambda: running.log.text() and running.is_flushed)  # noqa: B023
        reader = world.worker()
        sources = [reader.runner.find_answer(ANN, running.answer_id) for running in answers]
        readers = [reader.runner.open_reader(source, ANN, heartbeat=WAITING_SECONDS) for source in sources if source]
        self.spoil(writers[0], answers[0])
        for line in lines:
            line.may_go_on.set()
        for follower, running in zip(readers, answers, strict=True):
            with closing(follower):
                assert numbered(follower)[-1] == (running.log.last, Done("completed"))

    def test_an_answer_is_taken_over_behind_it(self, world: World) -> None:
        writer = world.worker(Waiting())
        running = writer.ask()
        eventually(lambda: running.log.text() and running.is_flushed)
        self.spoil(writer, running)
        writer.die()
        other = world.worker()
        assert other.read(running.answer_id)[-1][1] == Done("failed")
        assert other.kept(running.answer_id).text == "One "

    def test_it_is_shown_in_its_session(self, world: World) -> None:
        writer = world.worker(line := Waiting())
        running = writer.ask()
        eventually(lambda: running.log.text() and running.is_flushed)
        self.spoil(writer, running)
        assert world.worker().history.load_turn(ANN, running.answer_id).text == "One "
        line.may_go_on.set()

    def test_what_cannot_be_read_of_a_dead_worker_holds_up_no_other_answer(self, world: World) -> None:
        writer = world.worker(Waiting())
        answers = [writer.ask(session_id=f"s{number}") for number in range(3)]
        for running in answers:
            eventually(lambda: running.log.text() and running.is_flushed)  # noqa: B023
        unread, unheld, well = answers
        writer.redis.hset(session_key(ANN, unread.session_id, "answers"), unread.answer_id, b"{")
        writer.redis.hset(worker_key(writer.presence.worker, "holds"), unheld.answer_id, b"\xff")
        writer.die()
        assert world.worker().read(well.answer_id)[-1][1] == Done("failed")


def dying(world: World, *items: Frame | Mark) -> RunningAnswer:
    """Return an answer that had these behind its first frame when its worker, maybe of another release, died."""
    writer = world.worker(Saying(*items), background=True)
    running = writer.ask()
    eventually(lambda: running.log.closed and running.is_flushed)
    writer.die()
    return running


class TestTakingOver:
    def other(self, world: World, *kept: Step) -> Worker:
        upstream = KeepingUpstream()
        upstream.kept = kept or SCRIPT
        return world.worker(upstream=upstream, background=True)

    def test_one_whose_frames_it_makes_itself_goes_on_with_the_very_next(self, world: World) -> None:
        running = dying(world, ASKED, Opened("r1", FRAMES_VERSION), Text("The sky "))
        told = self.other(world).read(running.answer_id)
        assert [number for number, _ in told] == list(range(1, len(told) + 1))
        assert texts(told) == ["The sky ", "is ", "blue."]

    @pytest.mark.parametrize("version", [1, LATER])
    def test_of_another_release_it_begins_the_text_again(self, world: World, version: int) -> None:
        """That release's frames are others, and its readers may have seen some that the log doesn't have."""
        running = dying(world, ASKED, Opened("r1", version), Text("The "), NOTE, Text("sky is "))
        other = self.other(world)
        told = other.read(running.answer_id)
        again = [frame for number, frame in told if number > FAR]
        assert again[:4] == [Restart("interrupted"), Text("The sky "), Text("is "), Text("blue.")]
        assert told[-1][1] == Done("completed")
        assert [frame for number, frame in told if number < FAR][1:] == [Text("The "), NOTE, Text("sky is ")]
        assert other.kept(running.answer_id).text == "The sky is blue."

    SOURCES = tuple(
        Reference(n, "url", name, f"https://{name}.example", cites=(Cite(0, 3),)) for n, name in ((1, "a"), (2, "b"))
    )
    NOTES = tuple(Annotation("url", title=name, url=f"https://{name}.example", span=(0, 3)) for name in "ab")
    SAID = (Text("The sky "), Text("is "), Text("blue."))

    def test_a_source_that_was_told_already_is_not_told_again(self, world: World) -> None:
        running = dying(world, ASKED, Opened("r1", FRAMES_VERSION), *self.SAID, self.SOURCES[0])
        other = self.other(world, *SCRIPT[:3], *self.NOTES, STOPPED)
        told = other.read(running.answer_id)
        assert [frame for _, frame in told][1:-2] == [*self.SAID, *self.SOURCES]
        assert [number for number, _ in told] == list(range(1, len(told) + 1))
        assert other.kept(running.answer_id).references == self.SOURCES

    def test_where_the_text_begins_again_its_sources_are_told_again(self, world: World) -> None:
        running = dying(world, ASKED, Opened("r1", LATER), *self.SAID, self.SOURCES[0])
        other = self.other(world, *SCRIPT[:3], *self.NOTES, STOPPED)
        told = [frame for number, frame in other.read(running.answer_id) if number > FAR]
        assert told[:-2] == [Restart("interrupted"), *self.SAID, *self.SOURCES]
        assert other.kept(running.answer_id).references == self.SOURCES

    def test_where_it_only_ends_the_sources_that_were_told_are_kept(self, world: World) -> None:
        """What upstream had named is lost with the first worker."""
        running = dying(world, ASKED, *self.SAID, *self.SOURCES)
        told = (other := world.worker()).read(running.answer_id)
        assert [frame for _, frame in told if isinstance(frame, Reference)] == list(self.SOURCES)
        kept = other.kept(running.answer_id)
        assert (kept.references, kept.status) == (self.SOURCES, "failed")

    def test_whoever_takes_it_over_after_that_goes_on_with_the_very_next_frame(self, world: World) -> None:
        running = dying(world, ASKED, Opened("r1", LATER), Text("The "), NOTE)
        second = self.other(world, *SCRIPT[:2], threading.Event())
        second.wait_text(running.answer_id, "The sky is ")
        second.die()
        told = self.other(world).read(running.answer_id)
        assert [number for number, _ in told][3:] == list(range(told[3][0], told[3][0] + len(told) - 3))
        assert [frame for _, frame in told].count(Restart("interrupted")) == 1
        assert texts(told) == ["The ", "The sky ", "is ", "blue."]

    @pytest.mark.parametrize("kept", [(), SCRIPT[:1]], ids=["not at all", "in part"])
    def test_where_upstream_gives_it_no_more_its_readers_get_what_was_said(
        self, world: World, kept: tuple[Step, ...]
    ) -> None:
        running = dying(world, ASKED, Opened("r1", LATER), Text("The sky is "))
        other = self.other(world, *kept, answering.UpstreamUnavailable("broke"))
        told = other.read(running.answer_id)
        again = [(number, frame) for number, frame in told if number > FAR]
        assert again[0][1] == Restart("interrupted")
        assert "".join(texts(again)) == other.kept(running.answer_id).text == "The sky is "
        assert any(isinstance(frame, Failure) for _, frame in again)

    def test_without_a_mark_that_names_upstreams_answer_it_is_ended(self, world: World) -> None:
        """The release before sees it so where it would make other frames of the answer."""
        running = dying(world, ASKED, Opened("r1"), Text("The "), Opened(""), Text("sky "))
        told = (other := self.other(world)).read(running.answer_id)
        assert told[-1][1] == Done("failed")
        assert other.upstream.attached == []
        assert other.kept(running.answer_id).text == "The sky "

    def test_in_plain_mode_it_ends_with_what_was_said(self, world: World) -> None:
        writer = world.worker(Saying(Text("The "), NOTE, SIGN, Text("sky")))
        running = writer.ask()
        eventually(lambda: running.log.closed and running.is_flushed)
        writer.die()
        told = (other := world.worker()).read(running.answer_id)
        assert [frame for _, frame in told][1:4] == [Text("The "), NOTE, Text("sky")]
        assert (other.kept(running.answer_id).text, told[-1][1]) == ("The sky", Done("failed"))

    def test_the_log_is_written_on_behind_what_is_unknown(self, world: World) -> None:
        worker = world.worker(Waiting())
        running = worker.ask()
        eventually(lambda: running.is_flushed and running.log.text())
        last = running.log.last
        worker.die()
        entry = NewLogEntry(ANN, running.answer_id, last + 1, last + 1, 99, [SIGN, NOTE])
        (other := world.worker(Waiting(), name="later")).logs.append_entries([entry])
        logged = other.logs.read_log(ANN, running.answer_id)
        assert logged
        answer, entries = restore_log(logged)
        assert (answer.last, entries, answer.marks[-1]) == (last + 1, 100, (last, SIGN))
        assert answer_so_far(answer, held()).text == "One "


def test_upstreams_answer_is_marked_with_the_version_of_its_frames(world: World) -> None:
    running = world.worker(upstream=KeepingUpstream([TextDelta("a"), STOPPED]), background=True).ask()
    marks = eventually(lambda: [mark for _, mark in running.log.marks if isinstance(mark, Opened)])
    assert marks == [Opened("r1", FRAMES_VERSION)]


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_a_notice_of_an_unknown_stage_is_passed_on(world: World) -> None:
    raw = b'{"type":"status","stage":"dreaming"}'
    writer = world.worker(Saying(StageNotice("thinking"), UnknownFrame("status", raw), Done("completed")))
    running = writer.ask()
    assert world.worker().read(running.answer_id)[2] == (3, UnknownFrame("status", raw))
