"""These tests show what a `LogStore` promises, over every Redis."""

import pytest
from redis import Redis

from qa_service.deltas import Opened
from qa_service.errors import StoreUnavailable
from qa_service.frames import (
    Done,
    Failure,
    Metadata,
    Reference,
    Restart,
    StageNotice,
    Text,
    Timing,
    TopicNotice,
    UnknownFrame,
)
from qa_service.interfaces import NewLogEntry
from qa_service.model import Owner, Prompt, Usage, Verdict
from qa_service.pause import LongWork
from qa_service.stores.guard import StoreGuard
from qa_service.stores.items import encode_items
from qa_service.stores.keys import answer_key
from qa_service.stores.logs import LogTimes, RedisLogs
from qa_service.stores.redis_url import redis_pool
from qa_service.turns import Asked, UnknownMark
from tests.fakes import ANN, BEN, turn
from tests.stores.talking import DONE, OPEN, TTL, Stores, claim, endless, frames, held, start_of, stores_of, write

LOG = answer_key(ANN, "first", "log")
AT = answer_key(ANN, "first", "at")


class TestAppending:
    def test_what_was_written_is_read_with_its_numbers(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Text("One "), Text("two "))
        write(stores, Text("three."), first=4, count=2)
        assert frames(stores) == [
            (1, [start_of(turn("first"))]),
            (2, [Text("One "), Text("two ")]),
            (4, [Text("three.")]),
        ]

    def test_every_kind_of_frame_and_mark_comes_back_as_it_went(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        notice = TopicNotice(1, drifted=True, score=0.5, reopened=True)
        usage = Usage(1, 2, 3, estimated=True)
        metadata = Metadata("s", "first", "m", usage, (), 0.5, Timing(None, 7), notice, (), "stop", saved=True)
        verdict = Verdict("a.pdf", "pdf", "used", pages=2, tokens=9)
        items = (
            StageNotice("file", name="a.pdf", status="used", tokens=9),
            Asked(Prompt("m", (), "Why?", temperature=0.5), (verdict,)),
            Opened("resp_1"),
            Restart("expired"),
            Text(""),
            Reference(1, "document", "Rules", document_id="f1", page=2, quote="하늘"),
            Failure("internal", "m", "u", retryable=True, retry_after=3),
            metadata,
            Done("failed"),
        )
        write(stores, *items, closed=True)
        assert frames(stores)[1:] == [(2, list(items))]

    @pytest.mark.parametrize("text", ["하늘은 파랗다 🌊", "a\u2028b\u2029c\x85d\n\r\t\0", '"\\{}', " "])
    def test_any_text_survives(self, stores: Stores, text: str) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Text(text))
        assert frames(stores)[1] == (2, [Text(text)])

    def test_one_that_cannot_be_encoded_says_so_and_keeps_no_other_from_being_written(self, stores: Stores) -> None:
        for answer_id in ("first", "second"):
            claim(stores.sessions, turn(answer_id, session_id=answer_id))
        entries = [
            NewLogEntry(ANN, answer_id, 2, 2, 1, [Text(text)])
            for answer_id, text in (("first", "\ud83d"), ("second", "a"))
        ]
        assert stores.logs.append_entries(entries) == ["unstorable", "kept"]
        assert stores.logs.append_entries(entries[:1]) == ["unstorable"]
        assert len(frames(stores)) == 1
        assert frames(stores, "second")[1:] == [(2, [Text("a")])]

    def test_several_answers_go_in_one_trip(self, stores: Stores) -> None:
        for answer_id in ("first", "second"):
            claim(stores.sessions, turn(answer_id, session_id=answer_id))
        entries = [
            NewLogEntry(ANN, name, 2, 2, 1, [Text(name)], closed=name == "first")
            for name in ("first", "none", "second")
        ]
        assert stores.logs.append_entries(entries) == ["kept", "gone", "kept"]
        assert [frames(stores, name)[1] for name in ("first", "second")] == [
            (2, [Text("first")]),
            (2, [Text("second")]),
        ]

    def test_no_entries_are_no_trip(self) -> None:
        nowhere = Redis(connection_pool=redis_pool("unix:///nowhere/redis.sock", max_connections=1, timeout=0.1))
        assert RedisLogs(nowhere, StoreGuard(), LogTimes(OPEN, DONE), worker="w1").append_entries([]) == []

    def test_an_entry_is_found_by_its_last_number_and_its_place(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Text("One "), Text("two."))
        assert [entry_id for entry_id, _ in stores.client.xrange(LOG)] == [b"1-0", b"3-1"]

    def test_marks_alone_take_no_number(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Opened("resp_1"))
        write(stores, Text("One."), count=2)
        assert frames(stores)[1:] == [(2, [Opened("resp_1")]), (2, [Text("One.")])]
        assert [entry_id for entry_id, _ in stores.client.xrange(LOG)] == [b"1-0", b"1-1", b"2-2"]

    def test_a_long_one_is_read_with_pauses(self, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
        steps: list[LongWork] = []
        monkeypatch.setattr(LongWork, "end_step", lambda work: steps.append(work))
        claim(stores.sessions, turn("first"))
        write(stores, Text("One "))
        entries = frames(stores)
        assert len(steps) == len(entries) == 2

    def test_numbers_may_leave_a_gap(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Text("late"), first=1_000_002)
        assert [first for first, _ in frames(stores)] == [1, 1_000_002]


class TestGone:
    def test_a_log_that_is_missing_is_not_begun_in_the_middle(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.delete(LOG)
        assert write(stores, Text("One.")) == "gone"
        assert not stores.client.exists(LOG)

    def test_the_end_of_one_that_is_missing_changes_nothing(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.delete(LOG)
        assert write(stores, Done("completed"), closed=True) == "gone"
        assert not stores.client.exists(LOG)
        assert stores.client.hgetall(AT) == {b"session": b"s"}

    def test_from_its_first_frame_on_it_is_made_again(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.delete(LOG)
        write(stores, start_of(turn("first")), Text("One "), first=1, count=7)
        write(stores, Text("two."), first=3, count=8)
        assert [first for first, _ in frames(stores)] == [1, 3]
        assert OPEN - 5 < stores.client.ttl(LOG) <= OPEN

    def test_a_whole_answer_can_be_written_again_at_once(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.flushall()
        whole = (start_of(turn("first")), Text("One."), Done("completed"))
        assert write(stores, *whole, first=1, count=7, closed=True) == "kept"
        assert DONE - 5 < stores.client.ttl(LOG) <= DONE
        assert endless(stores.client) == []


class TestLost:
    def test_who_writes_behind_another_has_lost_the_answer(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores_of(stores.client, "w2"), Text("Far "), first=1_000_002)
        assert write(stores, Text("One.")) == "lost"
        assert [first for first, _ in frames(stores)] == [1, 1_000_002]

    @pytest.mark.parametrize("closed", [True, False])
    def test_whoever_wrote_the_same_number_otherwise_was_first(self, stores: Stores, closed: bool) -> None:
        claim(stores.sessions, turn("first"))
        write(stores_of(stores.client, "w2"), Text("Theirs."))
        assert write(stores, Text("Ours."), closed=closed) == "lost"
        assert frames(stores)[1:] == [(2, [Text("Theirs.")])]

    def test_who_has_lost_it_ends_nothing(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores_of(stores.client, "w2"), Text("Far "), first=1_000_002)
        assert write(stores, Done("cancelled"), closed=True) == "lost"
        logged = stores.logs.read_log(ANN, "first")
        assert logged
        assert logged.last == 0
        assert stores.client.ttl(LOG) > DONE

    @pytest.mark.parametrize("closed", [True, False])
    def test_the_same_entry_twice_is_one(self, stores: Stores, closed: bool) -> None:
        """A command is sent again when its connection breaks."""
        claim(stores.sessions, turn("first"))
        outcomes = [write(stores, Text("One."), closed=closed) for _ in range(2)]
        assert outcomes == ["kept", "kept"]
        assert frames(stores)[1:] == [(2, [Text("One.")])]

    def test_one_that_the_store_refuses_spoils_no_other(self, stores: Stores) -> None:
        for answer_id in ("first", "second"):
            claim(stores.sessions, turn(answer_id, session_id=answer_id))
        stores.client.set(LOG, "something else")
        entries = [NewLogEntry(ANN, answer_id, 2, 2, 1, [Text("One.")]) for answer_id in ("first", "second")]
        assert stores.logs.append_entries(entries) == ["refused", "kept"]

    def test_a_log_that_is_none_takes_nothing_and_that_is_logged_once(
        self, stores: Stores, caplog: pytest.LogCaptureFixture
    ) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.set(LOG, "something else")
        assert [write(stores, Text("One.")) for _ in range(20)] == ["refused"] * 20
        assert len(caplog.records) == 1


class TestClosing:
    def test_the_end_is_noted_and_the_log_kept_for_a_while(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Text("One."), Done("completed"), closed=True)
        logged = stores.logs.read_log(ANN, "first")
        assert logged
        assert (logged.last, logged.cursor) == (3, "3-1")
        assert DONE - 5 < stores.client.ttl(LOG) <= DONE

    def test_what_cannot_be_noted_adds_nothing_however_often_it_is_tried(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.delete(AT)
        stores.client.set(AT, "not ours")
        length = stores.client.xlen(LOG)
        assert [write(stores, Done("completed"), closed=True, count=count) for count in (1, 2)] == ["refused"] * 2
        assert stores.client.xlen(LOG) == length

    def test_where_it_is_found_lives_as_long_as_before(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Done("completed"), closed=True)
        assert stores.client.ttl(AT) > TTL

    def test_its_worker_holds_it_no_longer(self, stores: Stores) -> None:
        for answer_id in ("first", "second"):
            claim(stores.sessions, turn(answer_id, session_id=answer_id))
        write(stores, Done("completed"), closed=True)
        assert stores.workers.held_ids("w1") == {"second"}

    def test_its_worker_holds_it_still_while_its_turn_is_not_saved(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Done("completed"), closed=True, settled=False)
        assert stores.workers.held_ids("w1") == {"first"}

    def test_another_workers_hold_is_left_alone(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        other = stores_of(stores.client, "w2")
        other.workers.take_from_dead("w1", "w2")
        write(stores, Done("completed"), closed=True)
        assert other.workers.read_held("w2", "first") == held("first")


class TestReading:
    def test_an_unknown_answer_is_none(self, stores: Stores) -> None:
        assert stores.logs.read_log(ANN, "never") is None

    def test_the_log_of_anothers_answer_is_none(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        assert stores.logs.read_log(BEN, "first") is None

    def test_a_visitor_finds_it_from_another_address(self, stores: Stores) -> None:
        home, cafe = (Owner("anonymous", "c" * 32, address=address) for address in ("1" * 32, "2" * 32))
        claim(stores.sessions, turn("first"), owner=home)
        assert len(frames(stores, owner=cafe)) == 1

    def test_of_an_expired_log_the_last_number_is_known(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Text("One."), Done("completed"), closed=True)
        stores.client.delete(LOG)
        logged = stores.logs.read_log(ANN, "first")
        assert logged
        assert (logged.session_id, logged.last, logged.entries, logged.cursor) == ("s", 3, [], "0-0")

    def test_a_store_that_is_down_says_so(self) -> None:
        nowhere = Redis(connection_pool=redis_pool("unix:///nowhere/redis.sock", max_connections=1, timeout=0.1))
        logs = RedisLogs(nowhere, StoreGuard(), LogTimes(OPEN, DONE), worker="w1")
        with pytest.raises(StoreUnavailable):
            logs.append_entries([NewLogEntry(ANN, "first", 2, 2, 1, [Text("One.")])])


class TestReleases:
    """Workers of several releases write and read one log at a time."""

    NOTE = UnknownFrame("note", '{"type":"note","content":"새"}'.encode())
    SIGN = UnknownMark("sign", b'{"type":"sign"}')

    def test_what_is_unknown_is_kept_with_its_number_and_written_on(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        items = (Text("a"), self.NOTE, self.SIGN, Text("b"))
        assert write(stores, *items) == "kept"
        assert write(stores, Text("c"), first=5, count=2) == "kept"
        assert frames(stores)[1:] == [(2, list(items)), (5, [Text("c")])]
        assert [entry_id for entry_id, _ in stores.client.xrange(LOG)] == [b"1-0", b"4-1", b"5-2"]

    def test_the_same_unknown_item_twice_is_one_and_another_is_lost(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        other = UnknownFrame("note", b'{"type":"note","content":"other"}')
        assert [write(stores, note) for note in (self.NOTE, self.NOTE, other)] == ["kept", "kept", "lost"]

    def test_it_says_its_version_once_from_the_claim_on(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Text("a"))
        assert [fields.get(b"v") for _, fields in stores.client.xrange(LOG)] == [b"2", None]

    def test_one_that_is_made_again_says_its_version(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.delete(LOG)
        write(stores, start_of(turn("first")), Text("a"), first=1, count=7)
        assert [fields.get(b"v") for _, fields in stores.client.xrange(LOG)] == [b"2"]

    @pytest.mark.parametrize("version", [None, "1", "3", "x"])
    def test_one_of_any_version_is_read(self, stores: Stores, version: str | None) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.delete(LOG)
        said = {"first": 1, "items": '["a"]', "later": "whatever"}
        stores.client.xadd(LOG, {**said, "v": version} if version else said, id="1-0")
        assert frames(stores) == [(1, [Text("a")])]

    @pytest.mark.parametrize(
        "garbage",
        [
            {"first": "2", "items": "{"},
            {"first": "2", "items": b"\xff"},
            {"first": "two", "items": '["b"]'},
            {"items": '["b"]'},
            {"first": "2"},
            {"first": "2", "items": "[" * 100_000},
        ],
        ids=lambda fields: str(fields)[:24],
    )
    def test_an_entry_that_is_garbage_is_left_out_and_said_once(
        self, stores: Stores, garbage: dict[str, str], caplog: pytest.LogCaptureFixture
    ) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.xadd(LOG, garbage, id="2-1")
        write(stores, Text("c"), first=3, count=2)
        assert [first for first, _ in frames(stores)] == [1, 3]
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "first" not in caplog.text.replace("'first'", "")


def test_text_takes_no_more_than_itself() -> None:
    assert encode_items([Text("a"), Text("나")]) == {"items": '["a","나"]'.encode()}
