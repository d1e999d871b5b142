"""Indexing that is interrupted anywhere: nothing is lost, and nothing is there twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from qa_service.errors import Overloaded, Unreadable
from qa_service.file_news import FileEnd, FileNews
from qa_service.files.parsed import Parsed
from qa_service.interfaces import Stop
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import CollectionKey, DocumentPassage, DocumentText, NewDocument
from qa_service.knowledge.indexer import Indexer
from qa_service.knowledge.keeper import IndexerKeeper, is_lock_free, lock_indexing
from qa_service.knowledge.library import DocumentFilter, Library
from qa_service.knowledge.vectors import MissingVectors
from qa_service.knowledge.waiting import MOST_ATTEMPTS, WaitingDocuments
from qa_service.knowledge_base import index_waiting, make_site_reader, open_knowledge
from qa_service.model import ReadRequest, Verdict
from qa_service.settings import Settings
from tests.fakes import FakeEncoder
from tests.knowledge.shelf import SHARED, ask, count_rows, counts_agree, make_indexer, put, server_of, texts_of
from tests.live.processes import until
from tests.web.house import Reader

ROOT = Path(__file__).parents[2]
INDEXING_SECONDS = 30.0


def has_document(knowledge: Database, status: str) -> bool:
    return bool(knowledge.read("select 1 from document where status = :status", status=status))


def test_a_page_that_parsers_take_minutes_for_is_left_to_a_process_that_is_bounded(
    knowledge: Database, tmp_path: Path
) -> None:
    class Bounded(Reader):
        """A `Bounded` is a reader whose time is over."""

        def read_upload(self, request: ReadRequest, stop: Stop) -> Iterator[FileNews]:
            yield FileEnd(Verdict(request.file.name, "html", "failed", "timeout"))

    page = "".join(f"<font x={n}><p>" for n in range(10_000)).encode()
    Library(knowledge).add_document(NewDocument(SHARED, "https://library.example/"), b"<html><body>" + page)
    Indexer(WaitingDocuments(knowledge), Bounded(), None, folder=tmp_path).index_next()
    (document,) = Library(knowledge).list_documents(DocumentFilter())[0]
    assert (document.status, document.reason) == ("failed", "timeout")


def test_a_page_whose_time_is_over_is_not_read_again(knowledge: Database, tmp_path: Path) -> None:
    class Slow(Reader):
        """A `Slow` is a reader whose pages take too long."""

        def parse_content(
            self, request: bytes, content: bytes, charset: str, *, seconds: float | None, stop: Stop
        ) -> Parsed:
            raise Unreadable("timed_out")

    Library(knowledge).add_document(NewDocument(SHARED, "https://library.example/"), b"<html><body>text")
    Indexer(WaitingDocuments(knowledge), Slow(), None, folder=tmp_path).index_next()
    (document,) = Library(knowledge).list_documents(DocumentFilter())[0]
    assert (document.status, document.reason) == ("failed", "timed_out")


def test_a_document_waits_where_no_thread_can_renew_its_lease(
    knowledge: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise Overloaded("no thread could be started")

    Library(knowledge).add_document(NewDocument(SHARED, "a.txt"), b"one")
    monkeypatch.setattr("qa_service.knowledge.indexer.start_thread", refuse)
    indexer = make_indexer(knowledge, tmp_path)
    assert all(indexer.index_next() for _ in range(MOST_ATTEMPTS + 1))
    (waiting,), _ = Library(knowledge).list_documents(DocumentFilter())
    assert waiting.status == "queued"


def test_a_document_waits_as_long_as_nothing_can_be_written_and_is_then_read(
    knowledge: Database, tmp_path: Path
) -> None:
    Library(knowledge).add_document(NewDocument(SHARED, "a.txt"), b"one")
    folder = tmp_path / "folder"
    indexer = make_indexer(knowledge, folder)
    assert all(indexer.index_next() for _ in range(MOST_ATTEMPTS + 1))
    (waiting,), _ = Library(knowledge).list_documents(DocumentFilter())
    folder.mkdir()
    indexer.run()
    (found,), _ = Library(knowledge).list_documents(DocumentFilter())
    assert (waiting.status, found.status) == ("queued", "ready")


class TestLease:
    def test_two_indexers_never_hold_one_document(self, knowledge: Database) -> None:
        Library(knowledge).add_document(NewDocument(SHARED, "a.txt"), b"one")
        waiting = WaitingDocuments(knowledge)
        assert waiting.claim_document() is not None
        assert waiting.claim_document() is None

    def test_a_dead_indexers_document_is_read_by_another_one_and_only_once(self, knowledge: Database) -> None:
        Library(knowledge).add_document(NewDocument(SHARED, "a.txt"), b"one")
        waiting = WaitingDocuments(knowledge, lease_seconds=0.05)
        first = waiting.claim_document()
        assert first is not None
        time.sleep(0.1)
        second = waiting.claim_document()
        assert second is not None
        assert waiting.finish_document(second, DocumentText([DocumentPassage("by the second")]))
        assert not waiting.renew_claim(first)
        assert not waiting.finish_document(first, DocumentText([DocumentPassage("by the first")]))
        assert texts_of(ask(knowledge, "by the")) == ["by the second"]
        assert counts_agree(knowledge)

    def test_one_that_cannot_be_read_now_waits_behind_the_others(self, knowledge: Database) -> None:
        waiting = WaitingDocuments(knowledge)
        for name in ("a.txt", "b.txt"):
            Library(knowledge).add_document(NewDocument(SHARED, name), b"one")
        first = waiting.claim_document()
        assert first is not None
        waiting.return_document(first)
        names = [claimed.name for _ in range(2) if (claimed := waiting.claim_document())]
        assert names == ["b.txt", "a.txt"]

    def test_what_was_replaced_while_it_was_read_is_read_again(self, knowledge: Database, tmp_path: Path) -> None:
        library, waiting = Library(knowledge), WaitingDocuments(knowledge)
        library.add_document(NewDocument(SHARED, "a.txt"), b"old words")
        claimed = waiting.claim_document()
        assert claimed is not None
        library.add_document(NewDocument(SHARED, "a.txt"), b"new words")
        assert not waiting.finish_document(claimed, DocumentText([DocumentPassage("old words")]))
        make_indexer(knowledge, tmp_path).run()
        assert texts_of(ask(knowledge, "words")) == ["new words"]

    def test_what_was_deleted_while_it_was_read_stays_away(self, knowledge: Database) -> None:
        library, waiting = Library(knowledge), WaitingDocuments(knowledge)
        document, _ = library.add_document(NewDocument(SHARED, "a.txt"), b"one")
        claimed = waiting.claim_document()
        assert claimed is not None
        library.remove_document(document.document_id, [""])
        assert not waiting.finish_document(claimed, DocumentText([DocumentPassage("one")]))
        assert set(count_rows(knowledge).values()) == {0}

    def test_a_document_that_kills_its_indexers_is_given_up(self, knowledge: Database, tmp_path: Path) -> None:
        Library(knowledge).add_document(NewDocument(SHARED, "a.txt"), b"one")
        waiting = WaitingDocuments(knowledge, lease_seconds=0)
        for _ in range(5):
            assert waiting.claim_document()
        make_indexer(knowledge, tmp_path).run()
        (found,), _ = Library(knowledge).list_documents(DocumentFilter())
        assert (found.status, found.reason) == ("failed", "damaged")


class OtherEncoder(FakeEncoder):
    """An `OtherEncoder` is an encoder whose vectors can't be compared with those of others."""

    name = "other/1"


def near_ones(database: Database, question: str) -> set[str]:
    return {found.passage.text for found in ask(database, question) if found.dense > 0.9}


class TestVectors:
    def test_passages_are_found_by_meaning_when_they_are_encoded(self, knowledge: Database, tmp_path: Path) -> None:
        put(knowledge, "a.txt", "alpha beta", "gamma delta")
        assert [found.dense for found in ask(knowledge, "alpha")] == [0]
        make_indexer(knowledge, tmp_path, encoder=FakeEncoder()).run()
        assert [round(found.dense, 2) for found in ask(knowledge, "alpha")] == [0.71, 0.0]
        assert counts_agree(knowledge)

    def test_another_encoder_encodes_everything_again(self, knowledge: Database, tmp_path: Path) -> None:
        put(knowledge, "a.txt", "alpha beta")
        make_indexer(knowledge, tmp_path, encoder=FakeEncoder()).run()
        make_indexer(knowledge, tmp_path, encoder=OtherEncoder()).run()
        assert [found.dense for found in ask(knowledge, "alpha")] == [0]
        assert counts_agree(knowledge)

    def test_a_batch_that_fails_is_not_taken_off_the_list(self, knowledge: Database) -> None:
        class Broken(FakeEncoder):
            def encode_texts(self, texts: Sequence[str]) -> Sequence[bytes]:
                raise MemoryError

        put(knowledge, "a.txt", "alpha beta")
        vectors = MissingVectors(knowledge, Broken())
        with pytest.raises(MemoryError):
            vectors.encode_batch()
        assert count_rows(knowledge)["unencoded"] == 1
        assert counts_agree(knowledge)

    def test_a_large_collection_gets_an_index_that_finds_the_same(self, knowledge: Database) -> None:
        put(knowledge, "a.txt", *(f"alpha{number} beta{number % 7} gamma" for number in range(150)))
        put(knowledge, "b.txt", "alpha3 of another collection", key=CollectionKey("", "other"))
        vectors = MissingVectors(knowledge, FakeEncoder(), near_from=100)
        vectors.choose_encoder()
        while vectors.encode_batch():
            pass
        before = near_ones(knowledge, "alpha3 beta3 gamma")
        vectors.build_indexes()
        assert knowledge.read("select name from collection where is_near") == [["shared"]]
        assert near_ones(knowledge, "alpha3 beta3 gamma") >= before
        assert "alpha3 of another collection" in texts_of(ask(knowledge, "alpha3 of another"))


def test_the_reader_of_sites_ends_where_indexing_breaks(knowledge_url: str, tmp_path: Path) -> None:
    class Broken(Indexer):
        def __init__(self) -> None:
            pass

        def run(self) -> None:
            raise MemoryError

    sites = make_site_reader(Settings(data=tmp_path, database_url=knowledge_url, semantic="off"))
    with pytest.raises(MemoryError):
        index_waiting(Broken(), sites)
    assert sites.is_stopped
    assert "sites" not in {thread.name for thread in threading.enumerate()}


class TestProcess:
    """A worker starts the real indexer, and somebody kills it."""

    @pytest.fixture
    def settings(self, knowledge: Database, tmp_path: Path) -> Settings:
        socket = Path(knowledge.engine.find_server()["unix_sock"]).parent
        (tmp_path / "uploads").mkdir()
        return Settings(data=tmp_path, database_url=f"postgresql://qa@/postgres?host={socket}", semantic="off")

    def test_it_indexes_what_waits_and_ends(self, knowledge: Database, settings: Settings) -> None:
        base = open_knowledge(settings, None)
        assert base
        for number in range(3):
            base.library.add_document(NewDocument(SHARED, f"{number}.txt"), f"words of {number}".encode())
        base.keeper.wake()
        until(lambda: len(ask(knowledge, "words")) == 3, INDEXING_SECONDS, "all three are found")
        until(lambda: is_lock_free(settings.data), INDEXING_SECONDS, "the indexer has ended")
        base.keeper.stop_indexing()

    def test_two_machines_with_one_engine_know_the_same(
        self, knowledge: Database, settings: Settings, tmp_path: Path
    ) -> None:
        here = open_knowledge(settings, None)
        there = open_knowledge(replace(settings, data=tmp_path / "other machine"), None)
        assert here
        assert there
        here.library.add_document(NewDocument(SHARED, "a.txt"), "휴관일은 월요일입니다.".encode())
        assert make_indexer(there.database, tmp_path).index_next()
        found = [base.search([""], "휴관일", (), 5) for base in (here, there)]
        assert [texts_of(one) for one in found] == [["휴관일은 월요일입니다."]] * 2
        there.library.remove_document(found[0][0].passage.file_id, [""])
        assert not here.search([""], "휴관일", (), 5)

    def test_killed_in_the_middle_it_goes_on_where_it_was(self, knowledge: Database, settings: Settings) -> None:
        base = open_knowledge(settings, None)
        assert base
        pages = "\n\n".join(f"Sentence {number} tells of word{number % 97}." * 6 for number in range(1500))
        base.library.add_document(NewDocument(SHARED, "long.txt"), pages.encode())
        base.keeper.wake()
        until(lambda: has_document(knowledge, "reading"), INDEXING_SECONDS, "the document is read")
        time.sleep(0.15)
        process = base.keeper._process
        assert process
        process.kill()
        process.wait()
        with knowledge.transaction() as connection:
            connection.run("update document set lease = '-infinity'")  # this is as if twenty seconds had passed
        base.keeper.wake()
        until(lambda: has_document(knowledge, "ready"), INDEXING_SECONDS, "the document is ready")
        assert counts_agree(knowledge)
        base.keeper.stop_indexing()

    def test_only_one_works_on_a_machine_and_it_ends_with_its_worker(self, settings: Settings) -> None:
        lock = lock_indexing(settings.data)
        assert lock
        started: list[int] = []
        keeper = IndexerKeeper(settings.data, lambda: started.append(1) is None, lambda: b"{}", period=0.01)
        keeper.wake()
        until(lambda: len(started) > 2, INDEXING_SECONDS, "it has asked three times")
        assert keeper._process is None
        keeper.stop_indexing()
        lock.close()
        program = "from qa_service.knowledge_base import run_indexing; run_indexing()"
        with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, cwd=ROOT) as orphan:
            assert orphan.stdin
            orphan.stdin.close()
            assert orphan.wait(20) is not None

    def test_engine_death_in_the_middle_of_a_document_is_survived(self, knowledge: Database, tmp_path: Path) -> None:
        library, indexer = Library(knowledge), make_indexer(knowledge, tmp_path, encoder=FakeEncoder())
        for number in range(4):
            text = "\n".join(f"Line {line} of {number} has word{line}." for line in range(800))
            library.add_document(NewDocument(SHARED, f"{number}.txt"), text.encode())
        worker = threading.Thread(target=indexer.run)
        worker.start()
        until(lambda: count_rows(knowledge)["passage"] > 0, INDEXING_SECONDS, "a passage is kept")
        os.kill(server_of(knowledge), signal.SIGKILL)
        worker.join(60)
        with knowledge.transaction() as connection:
            connection.run("update document set lease = '-infinity'")
        indexer.run()
        assert [row[0] for row in knowledge.read("select status from document")] == ["ready"] * 4
        assert counts_agree(knowledge)
