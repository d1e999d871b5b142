"""These tests show what a `RedisHistory` promises, over every Redis."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from qa_service.deltas import Opened
from qa_service.errors import NotFound
from qa_service.file_news import FileText
from qa_service.frames import Done, Restart, Text
from qa_service.model import Passage, Place, StoredFile, Topic
from qa_service.pause import LongWork
from qa_service.search_interfaces import IMPACT_BITS, Index, Ranking, pack_posting
from qa_service.stores.history import PAGE_CHARACTERS, PASSAGES_AT_ONCE
from qa_service.stores.keys import answer_key, owner_key, session_key
from qa_service.turns import SessionEntry
from tests.fakes import ANN, BEN, turn
from tests.stores.talking import Stores, answered, claim, converse, endless, keep, stores_of, write


class TestListing:
    def test_conversations_come_newest_first_page_by_page(self, stores: Stores) -> None:
        for session_id in ("a", "b", "c"):
            converse(stores, session_id=session_id)
        first = stores.history.list_sessions(ANN, "", 2)
        second = stores.history.list_sessions(ANN, first.next or "", 2)
        assert [entry.session_id for entry in first.items] == ["c", "b"]
        assert ([entry.session_id for entry in second.items], second.next) == (["a"], None)

    def test_a_question_brings_its_conversation_to_the_top(self, stores: Stores) -> None:
        for session_id in ("a", "b"):
            converse(stores, session_id=session_id)
        claim(stores.sessions, turn("again", session_id="a"), expected=1)
        assert [entry.session_id for entry in stores.history.list_sessions(ANN, "", 9).items] == ["a", "b"]

    def test_an_entry_tells_title_times_and_turns(self, stores: Stores) -> None:
        converse(stores, 2)
        (entry,) = stores.history.list_sessions(ANN, "", 9).items
        assert (entry.title, entry.turns, entry.created_at) == ("Title of s", 2, "2026-01-02T03:04:05.678Z")
        assert entry.updated_at > entry.created_at

    def test_nothing_of_another_owner_is_listed(self, stores: Stores) -> None:
        converse(stores)
        assert stores.history.list_sessions(BEN, "", 9).items == ()

    def test_expired_conversations_drop_out(self, stores: Stores) -> None:
        converse(stores, session_id="a")
        converse(stores, session_id="b")
        stores.client.delete(session_key(ANN, "a", "head"))
        assert [entry.session_id for entry in stores.history.list_sessions(ANN, "", 9).items] == ["b"]
        assert stores.client.zcard(owner_key(ANN, "sessions")) == 1
        assert stores.history.list_sessions(ANN, "", 1).next is not None

    @pytest.mark.parametrize(
        "changed",
        [
            {"topic": "9" * 18},
            {"topic": "9" * 400},
            {"topic": "no number"},
            {"turns:1": "nan"},
            {"title": b"\xff"},
            None,
        ],
    )
    def test_a_head_that_cannot_be_read_is_left_out_alone(self, stores: Stores, changed: dict[str, Any] | None) -> None:
        for session_id in ("a", "b"):
            converse(stores, session_id=session_id)
        key = session_key(ANN, "a", "head")
        if changed is None:
            stores.client.set(key, "no hash")
        else:
            stores.client.hset(key, mapping=changed)
        assert [entry.session_id for entry in stores.history.list_sessions(ANN, "", 9).items] == ["b"]

    @pytest.mark.parametrize("field", ["title", "createdAt", "updatedAt"])
    def test_a_head_that_lacks_something_is_left_out_alone(self, stores: Stores, field: str) -> None:
        for session_id in ("a", "b"):
            converse(stores, session_id=session_id)
        stores.client.hdel(session_key(ANN, "a", "head"), field)
        assert [entry.session_id for entry in stores.history.list_sessions(ANN, "", 9).items] == ["b"]


class TestReading:
    def test_turns_come_newest_first_page_by_page(self, stores: Stores) -> None:
        converse(stores, 5)
        first = stores.history.load_conversation(ANN, "s", "", 2)
        second = stores.history.load_conversation(ANN, "s", first.next or "", 2)
        third = stores.history.load_conversation(ANN, "s", second.next or "", 2)
        pages = [[said.text for said in page.turns] for page in (first, second, third)]
        assert pages == [["Answer 5", "Answer 4"], ["Answer 3", "Answer 2"], ["Answer 1"]]
        assert third.next is None

    def test_long_turns_come_on_several_pages_whatever_the_limit_is(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("qa_service.stores.history.TURNS_AT_ONCE", 2)
        *_, long, _ = converse(stores, 5)
        longer = msgspec.json.encode(replace(long, question="가" * PAGE_CHARACTERS))
        stores.client.hset(session_key(ANN, "s", "answers"), long.answer_id, longer)
        first = stores.history.load_conversation(ANN, "s", "", 200)
        second = stores.history.load_conversation(ANN, "s", first.next or "", 200)
        assert [len(page.turns) for page in (first, second)] == [2, 3]
        assert second.next is None

    def test_behind_the_oldest_turn_there_is_none(self, stores: Stores) -> None:
        converse(stores)
        page = stores.history.load_conversation(ANN, "s", "s-1", 2)
        assert (page.turns, page.next) == ((), None)

    def test_it_tells_topics_and_files_of_all_topics(self, stores: Stores) -> None:
        converse(stores)
        file = keep(stores.files, "One.")
        claim(stores.sessions, turn("next", topic=2), expected=1, topic_title="Seas")
        page = stores.history.load_conversation(ANN, "s", "", 9)
        assert page.topics == (Topic(1, "Title of s", 1), Topic(2, "Seas", 1))
        assert page.files == (file,)


class TestRunning:
    def test_it_shows_what_its_log_says_so_far(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Text("하늘은 "), Text("파"))
        write(stores, Text("랗다"), first=4, count=2)
        assert (stores.history.load_turn(ANN, "first").status, stores.history.load_turn(ANN, "first").text) == (
            "running",
            "하늘은 파랗다",
        )

    def test_what_a_restart_made_void_is_not_shown(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Text("Void."), Restart("upstream_unavailable"), Text("Be"))
        assert stores.history.load_turn(ANN, "first").text == "Be"

    def test_what_was_written_twice_is_shown_once(self, stores: Stores) -> None:
        """A write may be carried out and its reply be lost; the next one begins where that one did."""
        claim(stores.sessions, turn("first"))
        write(stores, Text("One "), Opened("resp_1"), Text("two "))
        write(stores, Text("One "), Opened("resp_1"), Text("two "), Text("three"))
        write(stores, Text("."), first=1_000_005, count=2)
        assert stores.history.load_turn(ANN, "first").text == "One two three."

    def test_its_session_shows_it_too(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Text("Be"))
        (said,) = stores.history.load_conversation(ANN, "s", "", 9).turns
        assert (said.status, said.text) == ("running", "Be")

    def test_without_a_log_it_was_interrupted(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first", language="ko"))
        stores.client.delete(answer_key(ANN, "first", "log"))
        found = stores.history.load_turn(ANN, "first")
        assert found.status == "failed"
        assert found.error
        assert (found.error.code, found.error.retryable) == ("interrupted", True)
        assert found.error.user_message == "답변이 도중에 끊겼어요. 다시 물어봐 주세요."
        assert [said.status for said in stores.history.load_conversation(ANN, "s", "", 9).turns] == ["failed"]


class TestChanging:
    def test_a_new_title_is_there_at_once(self, stores: Stores) -> None:
        converse(stores)
        assert stores.history.rename_session(ANN, "s", "파란 하늘").title == "파란 하늘"
        assert stores.history.load_conversation(ANN, "s", "", 9).title == "파란 하늘"

    def test_a_new_topic_remembers_no_turn_and_keeps_the_files_and_the_turns(self, stores: Stores) -> None:
        converse(stores)
        file = keep(stores.files, "One.")
        stores.history.begin_topic(ANN, "s")
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert (session.topic, session.context, session.files) == (2, (), (file,))
        assert len(stores.history.load_conversation(ANN, "s", "", 9).turns) == 1

    def test_deleting_leaves_no_key(self, stores: Stores) -> None:
        converse(stores, 2)
        keep(stores.files, "One.\nTwo.\n", "Three.")
        stores.history.delete_session(ANN, "s")
        assert [key for key in stores.client.keys("*") if not key.startswith(b"qa:{workers}:")] == []
        assert stores.history.list_sessions(ANN, "", 9).items == ()

    def test_deleting_leaves_of_a_running_answer_its_log_alone(self, stores: Stores) -> None:
        """Whoever reads it is told its end."""
        converse(stores, 2)
        claim(stores.sessions, turn("first"), expected=1)
        stores.history.delete_session(ANN, "s")
        left = [key for key in stores.client.keys("*") if not key.startswith(b"qa:{workers}:")]
        assert set(left) == {answer_key(ANN, "first", "log").encode(), session_key(ANN, "s", "deleted").encode()}
        assert write(stores, Done("cancelled"), closed=True) == "kept"
        assert endless(stores.client) == []
        with pytest.raises(NotFound):
            stores.history.load_turn(ANN, "first")

    def test_deleting_tells_all_that_was_running(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        claim(stores.sessions, turn("second"), expected=1)
        assert sorted(stores.history.delete_session(ANN, "s")) == ["first", "second"]

    def test_deleting_a_quiet_session_tells_nothing(self, stores: Stores) -> None:
        converse(stores)
        assert stores.history.delete_session(ANN, "s") == []

    def test_a_deletion_is_told_again_for_a_while(self, stores: Stores) -> None:
        """Whoever got no reply, or couldn't stop what ran, deletes again."""
        converse(stores)
        claim(stores.sessions, turn("first"), expected=1)
        assert [stores.history.delete_session(ANN, "s") for _ in range(2)] == [["first"]] * 2
        assert 0 < stores.client.ttl(session_key(ANN, "s", "deleted")) <= 60

    def test_what_ran_is_stopped_everywhere_with_the_deletion_itself(self, stores: Stores) -> None:
        """So nothing runs on where the reply is lost, and nobody deletes again."""
        converse(stores)
        claim(stores.sessions, turn("first"), expected=1)
        stores.history.delete_session(ANN, "s")
        assert stores_of(stores.client, "w2").workers.wait_for_news("w2", {}, 0.01).stops == ["first"]

    def test_a_session_begun_under_a_deleted_ones_id_is_deleted_for_itself(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.history.delete_session(ANN, "s")
        claim(stores.sessions, turn("second"))
        assert stores.history.delete_session(ANN, "s") == ["second"]

    def test_a_file_read_after_the_deletion_is_not_kept(self, stores: Stores) -> None:
        converse(stores)
        stores.history.delete_session(ANN, "s")
        before = sorted(stores.client.keys("*"))
        keep(stores.files, "Secret.")
        assert sorted(stores.client.keys("*")) == before

    def test_a_deleted_question_is_gone_and_the_others_stay(self, stores: Stores) -> None:
        converse(stores, 3)
        stores.history.delete_turn(ANN, "s-2")
        left = stores.history.load_conversation(ANN, "s", "", 9)
        assert [found.answer_id for found in left.turns] == ["s-3", "s-1"]
        assert left.topics[0].turns == 2
        with pytest.raises(NotFound):
            stores.history.load_turn(ANN, "s-2")

    def test_a_deleted_question_is_nothing_that_the_model_sees(self, stores: Stores) -> None:
        converse(stores, 2)
        stores.history.delete_turn(ANN, "s-1")
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert [said.text for said in session.context] == ["Answer 2"]

    def test_with_its_only_question_a_conversation_is_deleted_whole(self, stores: Stores) -> None:
        converse(stores)
        keep(stores.files, "One.")
        stores.history.delete_turn(ANN, "s-1")
        assert [key for key in stores.client.keys("*") if not key.startswith(b"qa:{workers}:")] == []

    def test_an_answer_that_runs_while_it_is_deleted_is_not_kept(self, stores: Stores) -> None:
        converse(stores)
        claim(stores.sessions, turn("first"), expected=1)
        stores.history.delete_turn(ANN, "first")
        assert stores.sessions.save_turn(ANN, answered(turn("first"))) == "gone"
        assert write(stores, Done("cancelled"), closed=True) == "kept"
        assert endless(stores.client) == []
        assert len(stores.history.load_conversation(ANN, "s", "", 9).turns) == 1


CALLS: dict[str, Callable[[Stores, str, str, str], object]] = {
    "turn": lambda stores, session, answer, file: stores.history.load_turn(BEN, answer),
    "delete_turn": lambda stores, session, answer, file: stores.history.delete_turn(BEN, answer),
    "session": lambda stores, session, answer, file: stores.history.load_conversation(BEN, session, "", 9),
    "rename": lambda stores, session, answer, file: stores.history.rename_session(BEN, session, "Mine"),
    "new_topic": lambda stores, session, answer, file: stores.history.begin_topic(BEN, session),
    "reopen": lambda stores, session, answer, file: stores.history.reopen_topic(BEN, session, 1),
    "delete": lambda stores, session, answer, file: stores.history.delete_session(BEN, session),
    "files": lambda stores, session, answer, file: stores.history.list_files(BEN, session),
    "file": lambda stores, session, answer, file: stores.history.find_file(BEN, session, file),
    "page": lambda stores, session, answer, file: stores.history.load_page(BEN, session, file, 1),
    "delete_file": lambda stores, session, answer, file: stores.history.delete_file(BEN, session, file),
}


@pytest.mark.parametrize("call", CALLS)
def test_anothers_and_an_unknown_id_are_the_same_not_found(stores: Stores, call: str) -> None:
    converse(stores)
    keep(stores.files, "One.")
    before = {key: stores.client.dump(key) for key in stores.client.keys("*")}
    with pytest.raises(NotFound) as anothers:
        CALLS[call](stores, "s", "s-1", "f1")
    with pytest.raises(NotFound) as unknown:
        CALLS[call](stores, "nowhere", "never", "none")
    assert str(anothers.value) == str(unknown.value)
    assert {key: stores.client.dump(key) for key in stores.client.keys("*")} == before


class TestFiles:
    def test_they_are_listed_and_found(self, stores: Stores) -> None:
        converse(stores)
        one, two = keep(stores.files, "One.", file_id="f1"), keep(stores.files, "Two.", file_id="f2")
        assert set(stores.history.list_files(ANN, "s")) == {one, two}
        assert stores.history.find_file(ANN, "s", "f2") == two

    def test_files_are_listed_in_the_order_they_came(self, stores: Stores) -> None:
        converse(stores)
        ids = [f"{number:x}" * 32 for number in (9, 3, 12, 1, 7)]
        for file_id in ids:
            keep(stores.files, "One.", file_id=file_id)
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert [file.file_id for file in session.files] == ids
        assert [file.file_id for file in stores.history.list_files(ANN, "s")] == ids

    def test_a_page_is_its_passages_joined(self, stores: Stores) -> None:
        converse(stores)
        keep(stores.files, "첫째 줄.\n둘째 줄.\n", "Third.\n", "Fourth.\nFifth.\nSixth.")
        pages = [stores.history.load_page(ANN, "s", "f1", number) for number in (1, 2, 3)]
        assert [page.text for page in pages] == ["첫째 줄.\n둘째 줄.\n", "Third.\n", "Fourth.\nFifth.\nSixth."]
        assert (pages[0].name, pages[0].pages) == ("rules.pdf", 3)

    def test_a_page_of_thousands_of_passages_is_read_with_pauses(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pauses: list[int] = []
        monkeypatch.setattr("qa_service.stores.history.LongWork.end_step", lambda _: pauses.append(1))
        converse(stores)
        keep(stores.files, "Line.\n" * 3 * PASSAGES_AT_ONCE)
        assert stores.history.load_page(ANN, "s", "f1", 1).text == "Line.\n" * 3 * PASSAGES_AT_ONCE
        assert len(pauses) == 3

    def test_a_page_has_the_number_that_is_printed_on_it(self, stores: Stores) -> None:
        converse(stores)
        passage = Passage("f1", "book.pdf", "Text.", page=1, section="Preface", place=Place(label="iv"))
        stores.files.add_part(ANN, "s", "f1", FileText(passages=(passage,)))
        stores.files.finish_file(ANN, "s", StoredFile("f1", "book.pdf", "pdf", "used", 1, pages=1, passages=1))
        page = stores.history.load_page(ANN, "s", "f1", 1)
        assert (page.label, page.section) == ("iv", "Preface")

    def test_a_page_without_text_is_empty(self, stores: Stores) -> None:
        converse(stores)
        keep(stores.files, "One.", "", "Three.")
        assert stores.history.load_page(ANN, "s", "f1", 2).text == ""

    @pytest.mark.parametrize("number", [0, -1, 3])
    def test_a_page_that_is_not_there_is_not_found(self, stores: Stores, number: int) -> None:
        converse(stores)
        keep(stores.files, "One.", "Two.")
        with pytest.raises(NotFound):
            stores.history.load_page(ANN, "s", "f1", number)

    def test_a_file_without_pages_is_page_one(self, stores: Stores) -> None:
        converse(stores)
        passage = Passage("f1", "notes.md", "Text.", section="Rules", paged=False)
        stores.files.add_part(ANN, "s", "f1", FileText(passages=(passage,)))
        stores.files.finish_file(ANN, "s", StoredFile("f1", "notes.md", "markdown", "used", 1, passages=1))
        page = stores.history.load_page(ANN, "s", "f1", 1)
        assert (page.text, page.section) == ("Text.", "Rules")

    def test_a_deleted_file_is_gone_and_the_others_stay(self, stores: Stores) -> None:
        converse(stores)
        keep(stores.files, "One.", file_id="f1")
        kept = keep(stores.files, "Two.", file_id="f2")
        stores.history.delete_file(ANN, "s", "f1")
        assert stores.history.list_files(ANN, "s") == (kept,)
        assert not stores.client.exists(session_key(ANN, "s", "file:f1"))
        with pytest.raises(NotFound):
            stores.history.load_page(ANN, "s", "f1", 1)

    def test_the_same_part_twice_is_one(self, stores: Stores) -> None:
        """A command is sent again when its connection breaks."""
        converse(stores)
        keep(stores.files, "One.", "Two.")
        keep(stores.files, "One.", "Two.")
        assert [stores.history.load_page(ANN, "s", "f1", number).text for number in (1, 2)] == ["One.", "Two."]

    def test_a_part_without_passages_changes_nothing(self, stores: Stores) -> None:
        converse(stores)
        stores.files.add_part(ANN, "s", "f1", FileText())
        keep(stores.files, "One.\nTwo.\n")
        assert stores.history.load_page(ANN, "s", "f1", 1).text == "One.\nTwo.\n"

    def test_a_file_that_is_never_finished_expires_soon(self, stores: Stores) -> None:
        stores.files.add_part(ANN, "s", "f1", FileText(passages=(Passage("f1", "a.txt", "Text."),)))
        (key,) = stores.client.keys("*")
        assert 0 < stores.client.ttl(key) <= 600


def places(ranking: Ranking) -> dict[str, list[int]]:
    """Return the passages that each word stands in."""
    return {
        word: sorted(part.first + (posting >> IMPACT_BITS) for part in parts for posting in part.packed)
        for word, parts in ranking.postings.items()
    }


class TestIndex:
    def _index(self, stores: Stores) -> Index:
        one = keep(stores.files, "apple pear\nplum\n", "pear\n", file_id="f1")
        silent = replace(one, file_id="f0", passages=0)
        two = keep(stores.files, "plum pear\n", file_id="f2")
        return stores.files.open_index(ANN, "s", (one, silent, two))

    def test_passages_are_numbered_through_all_files(self, stores: Stores) -> None:
        converse(stores)
        ranking = self._index(stores).look_up_words(["pear", "plum", "fig"], 99)
        assert ranking.passages == 4
        assert places(ranking) == {"pear": [0, 2, 3], "plum": [1, 3]}
        assert ranking.frequencies == {"pear": 3, "plum": 2, "fig": 0}

    def test_of_many_postings_those_of_the_rarest_words_are_read(self, stores: Stores) -> None:
        converse(stores)
        index = self._index(stores)
        assert places(index.look_up_words(["pear", "plum"], 4)) == {"plum": [1, 3], "pear": [0, 2]}
        assert places(index.look_up_words(["pear", "plum"], 2)) == {"plum": [1, 3]}

    def test_words_of_many_files_are_looked_up_with_pauses(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        converse(stores)
        index, steps = self._index(stores), list[LongWork]()
        monkeypatch.setattr(LongWork, "end_step", lambda work: steps.append(work))
        index.look_up_words(["pear", "plum"], 99)
        assert len(steps) >= 2

    def test_the_rarest_word_is_read_however_few_postings_are_wanted(self, stores: Stores) -> None:
        converse(stores)
        assert places(self._index(stores).look_up_words(["pear", "plum"], 0)) == {"plum": [1]}

    def test_a_file_of_the_release_before_is_read(self, stores: Stores) -> None:
        converse(stores)
        new = keep(stores.files, "apple pear\n", file_id="f1")
        old = replace(keep(stores.files, "plum pear\n", "pear\n", file_id="f2"), v=1)
        key = session_key(ANN, "s", "file:f2")
        for word, written in {"plum": "0 900 ", "pear": "0 900 1 1200 "}.items():
            stores.client.hdel(key, f"w:{word}")
            stores.client.hset(key, f"word:{word}", written)
        ranking = stores.files.open_index(ANN, "s", (new, old)).look_up_words(["pear", "plum"], 99)
        assert places(ranking) == {"pear": [0, 1, 2], "plum": [1]}
        assert list(ranking.postings["plum"][0].packed) == [pack_posting(0, 900)]

    def test_passages_come_in_the_order_asked_for(self, stores: Stores) -> None:
        converse(stores)
        texts = [passage and passage.text for passage in self._index(stores).load_passages([3, 0, 2])]
        assert texts == ["plum pear\n", "apple pear\n", "pear\n"]

    def test_a_number_beyond_the_last_is_an_error(self, stores: Stores) -> None:
        converse(stores)
        with pytest.raises(IndexError):
            self._index(stores).load_passages([4])

    def test_no_words_find_nothing(self, stores: Stores) -> None:
        converse(stores)
        assert self._index(stores).look_up_words([], 99).postings == {}

    def test_passages_of_a_file_deleted_in_between_are_none(self, stores: Stores) -> None:
        converse(stores)
        index = self._index(stores)
        stores.history.delete_file(ANN, "s", "f1")
        assert [passage and passage.text for passage in index.load_passages([0, 3])] == [None, "plum pear\n"]

    def test_vectors_do_not_bring_a_deleted_file_back(self, stores: Stores) -> None:
        converse(stores)
        index = self._index(stores)
        stores.history.delete_file(ANN, "s", "f1")
        index.keep_vectors("words/1", {0: b"one", 3: b"two"})
        assert list(index.load_vectors("words/1", [0, 3])) == [None, b"two"]
        assert not stores.client.exists(session_key(ANN, "s", "file:f1"))

    def test_another_owners_index_is_empty(self, stores: Stores) -> None:
        converse(stores)
        file = keep(stores.files, "apple\n")
        assert stores.files.open_index(BEN, "s", (file,)).look_up_words(["apple"], 99).postings == {}


def test_a_sessions_entry_is_what_a_change_answers(stores: Stores) -> None:
    converse(stores)
    renamed = stores.history.rename_session(ANN, "s", "Blue")
    assert isinstance(renamed, SessionEntry)
    assert stores.history.list_sessions(ANN, "", 9).items == (renamed,)


def test_an_answer_is_found_by_its_id_alone(stores: Stores) -> None:
    claim(stores.sessions, turn("first"))
    stores.sessions.save_turn(ANN, answered(turn("first"), "하늘은 파랗다."))
    assert stores.history.load_turn(ANN, "first").text == "하늘은 파랗다."
