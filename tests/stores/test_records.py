"""These tests show what other releases stored: every record is read as far as it can be, and none holds up another."""

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from qa_service.errors import NotFound
from qa_service.frames import Reference
from qa_service.interfaces import HeldAnswer
from qa_service.model import StoredFile
from qa_service.stores.keys import STOPS, session_key, worker_key
from qa_service.turns import Turn
from tests.fakes import ANN, admission, turn
from tests.stores.talking import Stores, answered, claim, converse, held, keep

GARBAGE = [b"{", b"\xff", b"5", b"[" * 100_000]
garbage = pytest.mark.parametrize("garbage", GARBAGE, ids=lambda raw: str(raw[:4]))


def store(stores: Stores, name: str, field: str, value: object) -> None:
    """Store it in the session `s` as another release has it."""
    stores.client.hset(session_key(ANN, "s", name), field, json.dumps(value))


def changed(value: Any, **fields: object) -> dict[str, Any]:
    return {**msgspec.to_builtins(value), **fields}


class TestStrangeValues:
    @pytest.mark.parametrize(
        "fields",
        [
            {"status": "paused"},
            {"language": "ja"},
            {"references": [{"type": "reference", "n": 1, "kind": "video"}]},
            {"files": [{"name": "a", "kind": "hwp", "status": "queued", "reason": "so"}]},
            {"later": {"more": 1}, "v": 9},
        ],
        ids=str,
    )
    def test_a_turn_is_read_with_what_a_later_release_said_of_it(
        self, stores: Stores, fields: dict[str, object]
    ) -> None:
        (said,) = converse(stores)
        store(stores, "answers", said.answer_id, changed(said, **fields))
        found = stores.history.load_turn(ANN, said.answer_id)
        assert found.text == said.text
        shown = msgspec.to_builtins(found)
        assert all(shown[name] == value for name, value in fields.items() if name in ("status", "language"))
        assert [each.answer_id for each in stores.history.load_conversation(ANN, "s", "", 9).turns] == [said.answer_id]
        assert stores.sessions.load_session(ANN, "s")

    def test_a_kind_of_source_is_kept_when_a_turn_is_saved_again(self, stores: Stores) -> None:
        (said,) = converse(stores)
        source = {"type": "reference", "n": 1, "kind": "video"}
        store(stores, "answers", said.answer_id, changed(said, references=[source]))
        (reference,) = stores.history.load_turn(ANN, said.answer_id).references
        assert msgspec.to_builtins(reference) == source
        assert isinstance(reference, Reference)

    def test_a_file_is_listed_with_a_status_of_a_later_release(self, stores: Stores) -> None:
        converse(stores)
        file = keep(stores.files, "Blue.")
        store(stores, "files", file.file_id, changed(file, status="queued"))
        assert [each.status for each in stores.history.list_files(ANN, "s")] == ["queued"]
        assert stores.history.load_page(ANN, "s", file.file_id, 1).text == "Blue."

    def test_a_running_turn_whose_language_is_unknown_ends_honestly(self, stores: Stores) -> None:
        asked = turn("first")
        claim(stores.sessions, asked)
        stores.client.delete(*stores.client.keys("*log*"))
        store(stores, "answers", "first", changed(asked, language="ja"))
        found = stores.history.load_turn(ANN, "first")
        assert found.error
        assert (found.status, found.error.code) == ("failed", "interrupted")

    @pytest.mark.parametrize(
        "fields", [{"onBusy": "queue"}, {"onHangup": "ask"}, {"topic": "merge"}, {"language": "ja"}], ids=str
    )
    def test_an_answer_is_held_with_choices_of_a_later_release(self, stores: Stores, fields: dict[str, str]) -> None:
        kept = changed(replace(held(), admission=admission()))
        kept["admission"]["question"] |= fields
        stores.client.hset(worker_key("w1", "holds"), "first", json.dumps(kept))
        found = stores.workers.read_held("w1", "first")
        assert found
        assert found.admission
        assert msgspec.to_builtins(found.admission.question).items() >= fields.items()


class TestUnreadable:
    def test_an_answer_whose_admission_cannot_be_read_is_taken_over_without_it(self, stores: Stores) -> None:
        kept = changed(replace(held(), deaths=1, said=7), admission={"question": 5})
        stores.client.hset(worker_key("w1", "holds"), "first", json.dumps(kept))
        assert stores.workers.take_from_dead("w1", "w2") == [HeldAnswer(ANN, "first", "s", None, 2, 7)]

    @garbage
    def test_one_that_nobody_can_read_holds_up_no_other(self, stores: Stores, garbage: bytes) -> None:
        for answer_id in ("bad", "first"):
            stores.client.hset(worker_key("w1", "holds"), answer_id, msgspec.json.encode(held(answer_id)))
        stores.client.hset(worker_key("w1", "holds"), "bad", garbage)
        assert [each.answer_id for each in stores.workers.take_from_dead("w1", "w2")] == ["first"]
        assert stores.workers.read_held("w2", "bad") is None
        assert stores.workers.held_ids("w2") == {"bad", "first"}  # a later release may be able to read it

    @garbage
    def test_a_turn_is_left_out_of_its_session(self, stores: Stores, garbage: bytes) -> None:
        first, second = converse(stores, 2)
        stores.client.hset(session_key(ANN, "s", "answers"), first.answer_id, garbage)
        page = stores.history.load_conversation(ANN, "s", "", 9)
        assert [turn.answer_id for turn in page.turns] == [second.answer_id]
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert [exchange.text for exchange in session.context] == [second.text]
        with pytest.raises(NotFound):
            stores.history.load_turn(ANN, first.answer_id)
        assert stores.workers.adopt_answer(held(first.answer_id), "w2") is None

    @garbage
    def test_a_file_is_left_out_of_its_session(self, stores: Stores, garbage: bytes) -> None:
        converse(stores)
        file = keep(stores.files, "Blue.")
        stores.client.hset(session_key(ANN, "s", "files"), "f0", garbage)
        assert stores.history.list_files(ANN, "s") == (file,)
        assert stores.sessions.load_session(ANN, "s")
        with pytest.raises(NotFound):
            stores.history.find_file(ANN, "s", "f0")

    @garbage
    def test_a_passage_is_left_out_of_its_page(self, stores: Stores, garbage: bytes) -> None:
        converse(stores)
        file = keep(stores.files, "Blue.\nGreen.\n")
        stores.client.hset(session_key(ANN, "s", f"file:{file.file_id}"), "passage:0", garbage)
        assert stores.history.load_page(ANN, "s", file.file_id, 1).text == "Green.\n"
        index = stores.files.open_index(ANN, "s", [file])
        assert [passage and passage.text for passage in index.load_passages([0, 1])] == [None, "Green.\n"]

    def test_a_word_between_workers_that_is_unknown_is_not_heard(self, stores: Stores) -> None:
        stores.client.xadd(STOPS, {"pause": "first"})
        stores.client.xadd(STOPS, {"answer": "second"})
        assert stores.workers.wait_for_news("w1", {}, 0.01).stops == ["second"]


def test_a_turn_and_a_file_are_stored_with_their_version() -> None:
    assert msgspec.to_builtins(answered(turn("first")))["v"] == 1
    assert {field.name for kind in (Turn, StoredFile) for field in msgspec.structs.fields(kind)} >= {"v"}
