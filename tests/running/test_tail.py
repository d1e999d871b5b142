"""Answers that are read here and written elsewhere: the same frames, growing, to their end or ours."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from msgspec.structs import replace

from qa_service.errors import NotFound
from qa_service.frames import Done, Frame, Metadata, Restart, Start, Text
from qa_service.interfaces import FollowedAnswer, Stop, StoredLog
from qa_service.model import Owner
from qa_service.running.mirror import MirroredAnswer
from qa_service.stores.keys import answer_key
from qa_service.turns import Mark
from tests.fakes import ANN, BEN, BUG, WAITING_SECONDS
from tests.lives import PACE, Waiting, Worker, World, eventually, numbered, texts


@pytest.fixture
def writer(world: World, line: Waiting) -> Worker:
    return world.worker(line)


@pytest.fixture
def reader(world: World, writer: Worker) -> Worker:
    return world.worker(Waiting())


class Staying(Waiting):
    """A `Staying` is a line whose answers say one thing, and then wait until they are stopped."""

    def _end(self, stop: Stop) -> Iterator[Frame | Mark]:
        eventually(stop.is_set)
        yield Done("cancelled")


def fail() -> None:
    """Fail to do what is to be done at a stop."""
    raise BUG


def begun(writer: Worker) -> str:
    """Return the id of an answer that others can read the beginning of."""
    running = writer.ask()
    eventually(lambda: running.log.text() and running.is_flushed)
    return running.answer_id


def expire(writer: Worker, answer_id: str) -> None:
    """Delete the log of an answer, as it expires after a while."""
    writer.redis.delete(answer_key(ANN, answer_id, "log"))


class TestFollowing:
    def test_the_frames_and_their_numbers_are_the_writers(self, writer: Worker, reader: Worker, line: Waiting) -> None:
        running = writer.ask()
        got: list[object] = []
        following = threading.Thread(target=lambda: got.append(reader.read(running.answer_id)))
        following.start()
        eventually(lambda: running.log.text())
        line.may_go_on.set()
        following.join(WAITING_SECONDS)
        assert got == [writer.read(running)]

    def test_all_who_read_it_here_share_one_that_grows(self, writer: Worker, reader: Worker, line: Waiting) -> None:
        answer_id = begun(writer)
        one, two = (reader.runner.find_answer(ANN, answer_id) for _ in range(2))
        assert isinstance(one, MirroredAnswer)
        assert one is two
        assert one.log.text() == "One "
        line.may_go_on.set()
        assert texts(reader.read(one)) == ["One ", "two."]

    def test_it_hears_at_once_of_what_it_begins_to_follow(self, writer: Worker, world: World, line: Waiting) -> None:
        """A thread that waits for news of others is woken for one more."""
        reader, answer_id = world.worker(Waiting(), pace=replace(PACE, news=60.0)), begun(writer)
        source = reader.runner.find_answer(ANN, answer_id)
        assert source
        line.may_go_on.set()
        assert texts(reader.read(source)) == ["One ", "two."]
        reader.runner._tail.close_mirrors()
        reader.runner.stop_answer("")  # this ends its last long wait

    def test_a_visitor_from_another_address_reads_the_same(self, writer: Worker, reader: Worker) -> None:
        answer_id = begun(writer)
        moved = replace(ANN, address="2" * 32)
        assert reader.runner.find_answer(moved, answer_id) is reader.runner.find_answer(ANN, answer_id)

    def test_another_owners_is_as_unknown_as_none(self, writer: Worker, reader: Worker) -> None:
        answer_id = begun(writer)
        for owner, sought in ((BEN, answer_id), (ANN, "0" * 32)):
            with pytest.raises(NotFound, match="no such answer"):
                reader.runner.find_answer(owner, sought)

    def test_nothing_comes_after_the_last_number(self, writer: Worker, reader: Worker, line: Waiting) -> None:
        line.may_go_on.set()
        answer_id = begun(writer)
        assert reader.runner.find_answer(ANN, answer_id, after=4) is None
        assert reader.runner.find_answer(ANN, answer_id, after=9) is None
        assert reader.read(answer_id, after=3) == [(4, Done("completed"))]

    def test_while_it_runs_something_may_always_come(self, writer: Worker, reader: Worker) -> None:
        assert reader.runner.find_answer(ANN, begun(writer), after=99)


class TestOver:
    """An answer that is over may be large: it is read from the store once for all who read it here at a time."""

    @pytest.fixture
    def answer_id(self, writer: Worker, line: Waiting) -> str:
        line.may_go_on.set()
        running = writer.ask()
        eventually(lambda: writer.runner._running == {})
        return running.answer_id

    @pytest.fixture
    def reads(self, reader: Worker) -> list[str]:
        """Return the answers whose logs were read from the store here."""
        reads, read = list[str](), reader.logs.read_log

        def count(owner: Owner, answer_id: str) -> StoredLog | None:
            reads.append(answer_id)
            time.sleep(0.02)  # all others come while the first one still reads
            return read(owner, answer_id)

        reader.logs.read_log = count
        return reads

    def test_all_who_come_for_it_at_once_share_one(self, reader: Worker, answer_id: str, reads: list[str]) -> None:
        gate, sources = threading.Barrier(16), list[object]()

        def come() -> None:
            gate.wait()
            sources.append(reader.runner.find_answer(ANN, answer_id))

        coming = [threading.Thread(target=come) for _ in range(16)]
        for thread in coming:
            thread.start()
        for thread in coming:
            thread.join(WAITING_SECONDS)
        assert (len(set(map(id, sources))), reads) == (1, [answer_id])

    def test_who_comes_while_others_read_it_shares_theirs_and_the_last_one_takes_it_along(
        self, reader: Worker, answer_id: str, reads: list[str]
    ) -> None:
        source = reader.runner.find_answer(ANN, answer_id)
        assert source
        readers = [reader.runner.open_reader(source, ANN, heartbeat=WAITING_SECONDS) for _ in range(2)]
        readers.pop().close()
        assert reader.runner.find_answer(ANN, answer_id) is source
        assert texts(reader.read(answer_id)) == ["One ", "two."]
        readers.pop().close()
        assert (reader.runner._tail.mirrors(), reads) == ([], [answer_id])

    @pytest.mark.usefixtures("reads")
    def test_of_one_that_nothing_follows_nothing_stays(self, reader: Worker, answer_id: str) -> None:
        assert reader.runner.find_answer(ANN, answer_id, after=4) is None
        assert reader.runner._tail.mirrors() == []

    def test_those_who_come_at_once_for_an_unknown_one_are_all_told_so(self, reader: Worker, reads: list[str]) -> None:
        gate, told = threading.Barrier(4), list[str]()

        def come() -> None:
            gate.wait()
            with pytest.raises(NotFound):
                reader.runner.find_answer(ANN, "0" * 32)
            told.append("not found")

        coming = [threading.Thread(target=come) for _ in range(4)]
        for thread in coming:
            thread.start()
        for thread in coming:
            thread.join(WAITING_SECONDS)
        assert (len(told), reader.runner._tail.mirrors()) == (4, [])
        assert set(reads) == {"0" * 32}


class TestStops:
    def test_one_that_is_written_here_is_stopped_for_others(
        self, writer: Worker, reader: Worker, line: Waiting
    ) -> None:
        answer_id = begun(writer)
        reader.runner.stop_answer(answer_id)
        assert reader.read(answer_id)[-1] == (4, Done("cancelled"))
        assert line.stopped_for == "cancelled"

    def test_one_that_fails_takes_no_other_along(self, world: World) -> None:
        # With one line for both, a stop of the first answer would let the second go on to its end.
        writer, reader = world.worker(Staying()), world.worker(Waiting())
        first, second = writer.ask(session_id="first"), writer.ask(session_id="second")
        eventually(lambda: first.log.text() and second.log.text())
        first.stop.call_when_set(fail)
        for running in (first, second):
            reader.runner.stop_answer(running.answer_id)
        eventually(lambda: second.stop.reason)
        assert (first.stop.reason, second.stop.reason) == ("cancelled", "cancelled")

    def test_after_a_store_was_away_words_are_heard_again(
        self, world: World, writer: Worker, reader: Worker, line: Waiting
    ) -> None:
        answer_id = begun(writer)
        world.server.connected = False
        reader.wire.cut = True
        eventually(lambda: writer.wire.is_refusing)
        world.server.connected = True
        reader.wire.cut = False
        eventually(lambda: not writer.wire.is_refusing)
        reader.runner.stop_answer(answer_id)
        eventually(lambda: line.stopped_for)


class TestExpired:
    @pytest.fixture
    def answer_id(self, world: World) -> str:
        writer = world.worker()
        running = writer.ask()
        writer.read(running)
        answer_id = running.answer_id
        eventually(lambda: writer.runner._running == {})
        expire(writer, answer_id)
        return answer_id

    def test_what_is_left_begins_again_beyond_the_old_numbers(self, reader: Worker, answer_id: str) -> None:
        told = reader.read(answer_id, after=3)
        assert [number for number, _ in told] == [6, 7, 8, 9, 10]
        start, restart, text, metadata, done = (frame for _, frame in told)
        assert isinstance(start, Start)
        assert isinstance(metadata, Metadata)
        assert (start.answer_id, start.created) == (answer_id, False)
        assert (restart, text, done) == (Restart("expired"), Text("The answer is 42."), Done("completed"))

    def test_nothing_comes_after_the_number_it_ended_with(self, reader: Worker, answer_id: str) -> None:
        assert reader.runner.find_answer(ANN, answer_id, after=5) is None
        assert reader.runner.find_answer(ANN, answer_id, after=10) is None
        assert reader.runner.find_answer(ANN, answer_id, after=4)

    def test_another_owners_is_still_unknown(self, reader: Worker, answer_id: str) -> None:
        with pytest.raises(NotFound):
            reader.runner.find_answer(BEN, answer_id)


class TestTending:
    """This happens once a second, with what nobody reads and with what has gone silent."""

    @pytest.fixture
    def hasty(self, world: World, writer: Worker) -> Worker:
        """Return a reading worker that looks soon at what has gone silent."""
        return world.worker(Waiting(), pace=replace(PACE, stale=0.05))

    def follow(self, reader: Worker, mirror: MirroredAnswer) -> list[tuple[int, Frame]]:
        """Follow an answer from now on, and return all that comes of it. Somebody reads it before the first look at
        it."""
        with closing(reader.runner.open_reader(mirror, ANN, heartbeat=WAITING_SECONDS)) as follower:
            reader.runner._tail._mirrors[mirror.followed] = mirror
            return numbered(follower)

    def test_what_is_over_is_forgotten(self, writer: Worker, reader: Worker, line: Waiting) -> None:
        source = reader.runner.find_answer(ANN, begun(writer))
        line.may_go_on.set()
        assert source
        assert texts(reader.read(source)) == ["One ", "two."]
        assert not reader.runner._tail.mirrors()

    def test_what_nobody_reads_is_forgotten(self, writer: Worker, hasty: Worker) -> None:
        hasty.runner.find_answer(ANN, begun(writer))
        eventually(lambda: not hasty.runner._tail.mirrors())

    def test_others_are_told_what_is_read_here_as_long_as_it_is(self, writer: Worker, reader: Worker) -> None:
        answer_id = begun(writer)
        followed = FollowedAnswer(ANN, answer_id)
        source = reader.runner.find_answer(ANN, answer_id)
        assert source
        assert writer.workers.find_read_elsewhere([followed])[0]
        writer.redis.delete(answer_key(ANN, answer_id, "read"))
        follower = reader.runner.open_reader(source, ANN, heartbeat=WAITING_SECONDS)
        eventually(lambda: writer.workers.find_read_elsewhere([followed])[0])
        follower.close()

    def test_readers_of_one_whose_log_expired_meanwhile_get_what_is_left(self, world: World, hasty: Worker) -> None:
        """The word of its end was lost, and then the log: only the saved turn is left."""
        other = world.worker()
        running = other.ask(session_id="other")
        other.read(running)
        eventually(lambda: not other.runner._running)
        expire(other, running.answer_id)
        told = [
            frame for _, frame in self.follow(hasty, MirroredAnswer(FollowedAnswer(ANN, running.answer_id), "other"))
        ]
        assert (told[1], told[-1]) == (Restart("expired"), Done("completed"))

    def test_readers_of_one_that_was_deleted_are_let_go(self, hasty: Worker) -> None:
        mirror = MirroredAnswer(FollowedAnswer(ANN, "0" * 32), "s")
        assert self.follow(hasty, mirror) == []
        assert not mirror.log.is_finished

    def test_one_that_is_silent_but_there_is_waited_for(self, writer: Worker, hasty: Worker, line: Waiting) -> None:
        source, got = MirroredAnswer(FollowedAnswer(ANN, begun(writer)), "chat"), list[object]()
        following = threading.Thread(target=lambda: got.append(self.follow(hasty, source)))
        following.start()
        eventually(source.log.text)
        before = source.heard_at
        eventually(lambda: source.heard_at > before)
        line.may_go_on.set()
        following.join(WAITING_SECONDS)
        assert got == [writer.read(source.answer_id)]


class TestClosing:
    def test_who_reads_here_is_told_that_it_goes_on_elsewhere(self, writer: Worker, reader: Worker) -> None:
        source = reader.runner.find_answer(ANN, begun(writer))
        assert source
        follower = reader.runner.open_reader(source, ANN, heartbeat=WAITING_SECONDS)
        next(iter(follower))
        leaving = threading.Thread(target=reader.runner.shut_down, args=("handover", WAITING_SECONDS))
        leaving.start()
        assert numbered(follower) == []
        assert follower.handed_over
        follower.close()
        leaving.join(WAITING_SECONDS)

    def test_an_answer_that_is_over_goes_on_nowhere(self, writer: Worker, reader: Worker, line: Waiting) -> None:
        source = reader.runner.find_answer(ANN, begun(writer))
        assert source
        line.may_go_on.set()
        reader.read(source)
        reader.runner.shut_down("handover", WAITING_SECONDS)
        assert not source.log.handed_over

    def test_afterwards_nobody_asks_the_store_any_more(self, reader: Worker) -> None:
        reader.runner.shut_down("handover", WAITING_SECONDS)
        assert reader.runner._tail._thread.join(WAITING_SECONDS)
        reader.runner._tail.ensure_running()
        assert reader.runner._tail._thread.join(0)
