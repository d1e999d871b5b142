"""Answers whose worker died: gone on with word for word where upstream keeps them, ended honestly where it doesn't."""

import threading
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from qa_service.deltas import Annotation, Searching, TextDelta
from qa_service.errors import UpstreamUnavailable
from qa_service.frames import Done, Failure, Frame, Metadata, Reference, Restart, Text
from qa_service.interfaces import HeldAnswer
from qa_service.running.log import FAR
from qa_service.running.written import RunningAnswer
from qa_service.stores.keys import answer_key, session_key, worker_key
from tests.fakes import ANN, STOPPED, WAITING_SECONDS, FakeUpstream, KeepingUpstream, Step, kinds, upload
from tests.lives import Saying, Waiting, Worker, World, eventually, texts, wait_opened

SOURCE = Annotation("url", title="A", url="https://a.example")


def stuck_after(*said: Step) -> list[Step]:
    """Return a script that gets stuck after some of it."""
    return [*said, threading.Event()]


def let_worker_die(world: World, upstream: FakeUpstream, *, text: str, background: bool = False) -> RunningAnswer:
    """Let a worker die that writes an answer. By then the answer has this text, and the shared log has all of it."""
    worker = world.worker(upstream=upstream, background=background)
    running = worker.ask()
    eventually(lambda: running.log.text() == text and running.is_flushed)
    worker.die()
    return running


def read_ended(worker: Worker, answer_id: str) -> list[tuple[int, Frame]]:
    """Wait until a worker has taken the answer over and ended it. Return all of its frames."""
    worker.kept(answer_id)
    return worker.read(answer_id)


def frames_of(told: list[tuple[int, Frame]], kind: type) -> list[Frame]:
    return [frame for _, frame in told if isinstance(frame, kind)]


class TestWithoutBackground:
    @pytest.fixture
    def told(self, world: World) -> list[tuple[int, Frame]]:
        upstream = FakeUpstream(stuck_after(TextDelta("See "), TextDelta("https://a.example/x.")))
        running = let_worker_die(world, upstream, text="See https://a.example/x.")
        self.meter = (other := world.worker()).meter
        self.kept = other.kept(running.answer_id)
        return read_ended(other, running.answer_id)

    def test_what_was_said_stays_and_the_end_says_what_happened(self, told: list[tuple[int, Frame]]) -> None:
        assert kinds([frame for _, frame in told]) == ["start", "text", "reference", "error", "metadata", "done"]
        (error,) = frames_of(told, Failure)
        assert isinstance(error, Failure)
        assert (error.code, told[-1][1]) == ("interrupted", Done("failed"))

    def test_its_first_new_number_is_beyond_what_anybody_has_seen(self, told: list[tuple[int, Frame]]) -> None:
        assert [number for number, _ in told] == [1, 2, 3, *range(3 + FAR, 7 + FAR)]

    def test_its_text_and_sources_are_saved(self, told: list[tuple[int, Frame]]) -> None:
        assert (self.kept.text, self.kept.status) == ("See https://a.example/x.", "failed")
        assert list(self.kept.references) == frames_of(told, Reference) != []
        assert [self.kept.error] == frames_of(told, Failure)

    def test_its_metadata_counts_what_upstream_was_asked_for(self, told: list[tuple[int, Frame]]) -> None:
        (metadata,) = frames_of(told, Metadata)
        assert isinstance(metadata, Metadata)
        assert metadata.usage.input > 0
        assert metadata.usage.output > 0
        assert metadata.usage.estimated is True
        assert (metadata.saved, metadata.finish_reason) == (True, "error")
        assert 0 <= metadata.timing.total_ms < 60_000

    def test_it_is_counted(self, told: list[tuple[int, Frame]]) -> None:
        assert (self.meter.counts["takeovers"], self.meter.counts["gaps"]) == (1, 1)


class TestFiles:
    def test_verdicts_and_cited_pages_survive(self, world: World, tmp_path: Path) -> None:
        upstream = FakeUpstream(stuck_after(TextDelta("It scatters [1].")))
        file = upload(tmp_path, "sky.txt", "The sky scatters blue light.")
        worker = world.worker(upstream=upstream)
        running = worker.ask("What scatters?", files=(file,))
        eventually(lambda: running.log.text() and running.is_flushed)
        worker.die()
        told = read_ended(world.worker(), running.answer_id)
        (metadata,), (reference,) = frames_of(told, Metadata), frames_of(told, Reference)
        assert isinstance(metadata, Metadata)
        assert isinstance(reference, Reference)
        assert [(verdict.name, verdict.status) for verdict in metadata.files] == [("sky.txt", "used")]
        assert (reference.file, reference.quote) == ("sky.txt", "The sky scatters blue light.")


class TestWithBackground:
    FIRST: tuple[Step, ...] = (Searching("blue"), TextDelta("The sky "), TextDelta("is "))
    REST: tuple[Step, ...] = (TextDelta("blue"), SOURCE, TextDelta("."), STOPPED)

    def other(self, world: World, kept: list[Step] | None = None) -> Worker:
        upstream = KeepingUpstream()
        upstream.kept = [*self.FIRST, *self.REST] if kept is None else kept
        return world.worker(upstream=upstream, background=True)

    def test_it_goes_on_where_it_stood_without_loss_or_repetition(self, world: World) -> None:
        running = let_worker_die(world, KeepingUpstream(stuck_after(*self.FIRST)), text="The sky is ", background=True)
        told = read_ended(other := self.other(world), running.answer_id)
        assert [number for number, _ in told] == list(range(1, len(told) + 1))
        assert texts(told) == ["The sky ", "is ", "blue", "."]
        assert kinds([frame for _, frame in told]) == ["start", "status", "text", "reference", "metadata", "done"]
        assert told[-1][1] == Done("completed")
        kept = other.kept(running.answer_id)
        assert (kept.text, kept.status, len(kept.references)) == ("The sky is blue.", "completed", 1)
        assert other.upstream.attached == ["r1"]
        assert other.upstream.prompts == []

    def test_the_frames_are_those_that_its_first_worker_would_have_told(self, world: World) -> None:
        whole = world.worker(upstream=KeepingUpstream([*self.FIRST, *self.REST]), background=True, name="whole")
        expected = whole.read(whole.ask(session_id="whole"))
        running = let_worker_die(world, KeepingUpstream(stuck_after(*self.FIRST)), text="The sky is ", background=True)
        told = read_ended(self.other(world), running.answer_id)
        assert told[1:-2] == expected[1:-2]

    def test_frames_that_were_never_logged_come_with_their_numbers(self, world: World) -> None:
        """Its worker had told its readers more than the store knew when it died."""
        go = threading.Event()
        script = [*self.FIRST, go, *self.REST[:1], threading.Event()]
        worker = world.worker(upstream=KeepingUpstream(script), background=True)
        running = worker.ask()
        wait_opened(worker, running)
        eventually(lambda: running.log.text() == "The sky is " and running.is_flushed)
        worker.die()
        go.set()
        eventually(lambda: running.log.text() == "The sky is blue")
        seen = running.log.read_batch(0)
        told = read_ended(self.other(world), running.answer_id)
        assert told[: len(seen.frames)] == list(enumerate(seen.frames, 1))

    def test_one_that_upstream_keeps_no_more_is_ended_with_what_was_said(self, world: World) -> None:
        running = let_worker_die(world, KeepingUpstream(stuck_after(*self.FIRST)), text="The sky is ", background=True)
        gone = self.other(world, [UpstreamUnavailable("no such response")])
        told = read_ended(gone, running.answer_id)
        assert [code.code for code in frames_of(told, Failure) if isinstance(code, Failure)] == ["upstream_unavailable"]
        assert told[-1] == (4 + FAR + 2, Done("failed"))
        assert (gone.kept(running.answer_id).text, texts(told)) == ("The sky is ", ["The sky ", "is "])

    def test_one_that_breaks_off_while_it_is_told_again_keeps_what_its_readers_have(self, world: World) -> None:
        running = let_worker_die(world, KeepingUpstream(stuck_after(*self.FIRST)), text="The sky is ", background=True)
        other = self.other(world, [*self.FIRST[:2], UpstreamUnavailable("broke")])
        told = read_ended(other, running.answer_id)
        assert texts(told) == ["The sky ", "is "]
        assert other.kept(running.answer_id).text == "The sky is "

    def test_without_an_upstream_that_can_be_attached_to_it_is_ended(self, world: World) -> None:
        running = let_worker_die(world, KeepingUpstream(stuck_after(*self.FIRST)), text="The sky is ", background=True)
        told = read_ended(world.worker(upstream=FakeUpstream()), running.answer_id)
        assert told[-1][1] == Done("failed")

    def test_one_that_upstream_was_not_asked_for_yet_is_begun_again(self, world: World, tmp_path: Path) -> None:
        worker = world.worker(background=True)
        file = upload(tmp_path, "long.endless", "")
        running = worker.ask(files=(file,))
        eventually(lambda: len(running.log) == 2 and running.is_flushed)
        other = world.worker(background=True, upstream=KeepingUpstream())
        other.parts.reader.read_upload = lambda file, stop: iter(())
        worker.die()
        told = read_ended(other, running.answer_id)
        assert (texts(told), told[-1][1]) == (["The answer ", "is 42."], Done("completed"))
        assert [number for number, _ in told][:3] == [1, 2, 2 + FAR]
        assert frames_of(told, Restart) == []

    def test_it_cannot_be_begun_again_without_its_files(self, world: World, tmp_path: Path) -> None:
        worker = world.worker(background=True)
        file = upload(tmp_path, "long.endless", "")
        running = worker.ask(files=(file,))
        eventually(lambda: len(running.log) == 2 and running.is_flushed)
        worker.die()
        Path(file.path).unlink()
        told = read_ended(world.worker(background=True, upstream=KeepingUpstream()), running.answer_id)
        assert (texts(told), told[-1][1]) == ([], Done("failed"))

    def test_it_can_die_twice(self, world: World) -> None:
        running = let_worker_die(world, KeepingUpstream(stuck_after(*self.FIRST)), text="The sky is ", background=True)
        second = self.other(world, stuck_after(*self.FIRST, *self.REST[:1]))
        second.wait_text(running.answer_id, "The sky is blue")
        second.die()
        told = read_ended(self.other(world), running.answer_id)
        assert [number for number, _ in told] == list(range(1, len(told) + 1))
        assert "".join(texts(told)) == "The sky is blue."


class TestDeadly:
    """An answer whose work kills the worker is not given to one worker after another."""

    def let_one_more_take_over(self, world: World, running: RunningAnswer, *script: Step) -> Worker:
        """Begin one more worker, and wait until it has begun to go on with the answer."""
        upstream = KeepingUpstream(stuck_after(*script))
        upstream.kept = stuck_after(*script)
        other = world.worker(upstream=upstream, background=True)
        eventually(lambda: other.workers.read_held(other.presence.worker, running.answer_id))
        eventually(lambda: running.answer_id in other.runner._running)
        return other

    def asking(self, world: World) -> tuple[Worker, RunningAnswer]:
        worker = world.worker(upstream=FakeUpstream(stuck_after()), background=True)
        running = worker.ask()
        eventually(lambda: running.log.marks and running.is_flushed)
        return worker, running

    def test_one_that_two_workers_died_of_is_ended_by_the_third_and_not_begun(self, world: World) -> None:
        worker, running = self.asking(world)
        worker.die()
        second = self.let_one_more_take_over(world, running)
        eventually(lambda: second.upstream.prompts)
        second.die()
        third = world.worker(upstream=(upstream := KeepingUpstream()), background=True)
        told = read_ended(third, running.answer_id)
        (error,) = frames_of(told, Failure)
        assert isinstance(error, Failure)
        assert (error.code, told[-1][1], third.kept(running.answer_id).status) == (
            "interrupted",
            Done("failed"),
            "failed",
        )
        assert (upstream.prompts, upstream.attached) == ([], [])

    def test_one_that_came_no_further_twice_is_not_attached_to(self, world: World) -> None:
        running = let_worker_die(
            world, KeepingUpstream(stuck_after(TextDelta("The sky "))), text="The sky ", background=True
        )
        self.let_one_more_take_over(world, running, TextDelta("The sky ")).die()
        third = world.worker(upstream=(upstream := KeepingUpstream()), background=True)
        told = read_ended(third, running.answer_id)
        assert (texts(told), told[-1][1], upstream.attached) == (["The sky "], Done("failed"), [])
        assert third.kept(running.answer_id).text == "The sky "

    def test_its_sources_are_not_looked_for_again(self, world: World) -> None:
        """To look for them may be what the workers died of."""
        text = "See https://a.example/x."
        running = let_worker_die(world, KeepingUpstream(stuck_after(TextDelta(text))), text=text, background=True)
        self.let_one_more_take_over(world, running, TextDelta(text)).die()
        told = read_ended(world.worker(upstream=KeepingUpstream(), background=True), running.answer_id)
        assert (frames_of(told, Reference), texts(told)) == ([], [text])

    def test_workers_that_left_have_not_died_of_it(self, world: World) -> None:
        worker, running = self.asking(world)
        for _ in range(3):
            worker.runner.shut_down("handover", WAITING_SECONDS)
            worker = self.let_one_more_take_over(world, running)
            upstream = worker.upstream
            eventually(lambda: upstream.attached or upstream.prompts)  # noqa: B023
        worker.runner.shut_down("handover", WAITING_SECONDS)
        told = read_ended(world.worker(upstream=KeepingUpstream(), background=True), running.answer_id)
        assert told[-1][1] == Done("completed")


class TestReaders:
    def test_who_reads_it_elsewhere_reads_on_to_its_end(self, world: World) -> None:
        upstream = KeepingUpstream(stuck_after(*TestWithBackground.FIRST))
        worker = world.worker(upstream=upstream, background=True)
        running = worker.ask()
        wait_opened(worker, running)
        eventually(lambda: running.log.text() == "The sky is " and running.is_flushed)
        other = TestWithBackground().other(world)
        source = other.runner.find_answer(ANN, running.answer_id)
        assert source
        got: list[list[tuple[int, Frame]]] = []
        following = threading.Thread(target=lambda: got.append(other.read(source)))
        following.start()
        eventually(lambda: source.readers)
        worker.die()
        following.join(10)
        assert got == [other.read(running.answer_id)]
        assert "".join(texts(got[0])) == "The sky is blue."


class TestNothingLeft:
    def test_one_whose_turn_has_ended_is_dropped(self, world: World) -> None:
        worker = world.worker(upstream=FakeUpstream(stuck_after(TextDelta("Half"))))
        running = worker.ask()
        eventually(lambda: running.is_flushed and running.log.text())
        worker.redis.delete(session_key(ANN, "chat", "running"))
        worker.die()
        other = world.worker()
        eventually(lambda: not other.redis.exists(worker_key("w1", "holds")))
        eventually(lambda: not other.redis.exists(worker_key("w2", "holds")))
        assert other.runner.count_answers() == 0
        assert other.meter.counts["takeovers"] == 0

    def test_one_that_was_told_to_its_end_but_not_saved_is_saved(self, world: World) -> None:
        worker = world.worker(Saying(Text("All of it."), Done("completed")))
        running = worker.ask()
        eventually(lambda: running.log.closed and running.is_flushed)
        worker.redis.hset(
            worker_key("w1", "holds"),
            running.answer_id,
            msgspec.json.encode(HeldAnswer(ANN, running.answer_id, "chat")),
        )
        worker.die()
        other = world.worker()
        eventually(lambda: other.redis.hgetall(session_key(ANN, "chat", "running")) == {})
        kept = other.history.load_turn(ANN, running.answer_id)
        assert (kept.status, kept.text) == ("completed", "All of it.")

    def test_one_that_was_saved_but_not_told_is_told_from_what_was_saved(self, world: World) -> None:
        worker = world.worker(line := Waiting())
        running = worker.ask()
        eventually(lambda: running.log.text() and running.is_flushed)
        assert (
            worker.sessions.save_turn(ANN, replace(running.current_turn(), status="completed", text="One two."))
            == "saved"
        )
        worker.die()
        other = world.worker(line)
        told = eventually(lambda: other.runner.find_answer(ANN, running.answer_id))
        entries = other.read(told, 2)
        assert frames_of(entries, Restart) == [Restart("interrupted")]
        assert texts(entries) == ["One two."]
        assert entries[-1][1] == Done("completed")

    def test_one_that_nobody_can_find_any_more_is_dropped(self, world: World) -> None:
        worker = world.worker(upstream=FakeUpstream(stuck_after(TextDelta("Half"))))
        running = worker.ask()
        eventually(lambda: running.is_flushed and running.log.text())
        worker.redis.delete(answer_key(ANN, running.answer_id, "at"))
        worker.die()
        other = world.worker()
        eventually(lambda: not other.redis.exists(worker_key("w1", "holds")))
        eventually(lambda: not other.redis.exists(worker_key("w2", "holds")))
        assert other.runner.count_answers() == 0

    def test_one_whose_log_has_expired_is_ended_with_what_is_known(self, world: World) -> None:
        worker = world.worker(upstream=FakeUpstream(stuck_after(TextDelta("Half"))))
        running = worker.ask()
        eventually(lambda: running.is_flushed and running.log.text())
        worker.die()
        worker.redis.delete(answer_key(ANN, running.answer_id, "log"))
        other = world.worker()
        kept = other.kept(running.answer_id)
        assert (kept.status, kept.text) == ("failed", "")
        assert frames_of(world.worker().read(running.answer_id), Restart) == [Restart("expired")]
        eventually(lambda: not other.runner._running)
