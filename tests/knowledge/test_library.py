"""Documents and collections: what comes in, what stays the same, what is replaced whole, and who sees what."""

import threading
from pathlib import Path

import pytest

from qa_service.crawling.sites import Sites
from qa_service.errors import NotFound, TooLarge
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import CollectionKey, DocumentPassage, DocumentText, NewDocument
from qa_service.knowledge.engine import EmbeddedPostgres
from qa_service.knowledge.library import DocumentFilter, Library
from qa_service.knowledge.schema import INDEX_VERSION
from qa_service.model import Place
from tests.fakes import FakeEncoder
from tests.knowledge.shelf import MINE, SHARED, TABLES, ask, count_rows, counts_agree, make_indexer, put, texts_of

ODD = 'a "quoted" {b}, \\back\\ NULL \0 half \ud800 \'; drop table document; -- 한국어\n\ttab'


class TestAdding:
    def test_a_document_is_read_and_then_found(self, knowledge: Database, tmp_path: Path) -> None:
        library = Library(knowledge)
        document, _ = library.add_document(NewDocument(SHARED, "a.txt"), "환불은 30일 안에 됩니다.".encode())
        assert document.status == "queued"
        assert make_indexer(knowledge, tmp_path).index_next()
        assert library.find_document(document.document_id, [""]).status == "ready"
        assert texts_of(ask(knowledge, "환불 기간")) == ["환불은 30일 안에 됩니다."]

    def test_the_same_bytes_under_the_same_name_change_nothing(self, knowledge: Database, tmp_path: Path) -> None:
        library = Library(knowledge)
        first, is_new = library.add_document(NewDocument(SHARED, "a.txt"), b"one")
        make_indexer(knowledge, tmp_path).run()
        again, is_changed = library.add_document(NewDocument(SHARED, "a.txt"), b"one")
        assert (is_new, is_changed) == (True, False)
        assert (again.document_id, again.status) == (first.document_id, "ready")

    def test_bytes_that_could_not_be_read_are_tried_again(self, knowledge: Database, tmp_path: Path) -> None:
        library = Library(knowledge)
        library.add_document(NewDocument(SHARED, "a.pdf"), b"%PDF-1.4 no pdf")
        make_indexer(knowledge, tmp_path).run()
        (failed,), _ = library.list_documents(DocumentFilter())
        assert (failed.status, failed.reason) == ("failed", "damaged")
        assert library.add_document(NewDocument(SHARED, "a.pdf"), b"%PDF-1.4 no pdf")[1]

    def test_other_bytes_replace_the_document_when_they_are_read(self, knowledge: Database, tmp_path: Path) -> None:
        library, indexer = Library(knowledge), make_indexer(knowledge, tmp_path, encoder=FakeEncoder())
        first, _ = library.add_document(NewDocument(SHARED, "a.txt"), b"refunds within thirty days")
        indexer.run()
        second, _ = library.add_document(NewDocument(SHARED, "a.txt"), b"refunds within sixty days")
        assert texts_of(ask(knowledge, "refunds")) == ["refunds within thirty days"]
        indexer.run()
        assert second.document_id == first.document_id
        assert texts_of(ask(knowledge, "refunds")) == ["refunds within sixty days"]
        assert ask(knowledge, "thirty")[0].lexical == 0
        assert counts_agree(knowledge)

    def test_a_version_that_can_not_be_read_leaves_the_text_before_it(
        self, knowledge: Database, tmp_path: Path
    ) -> None:
        library, indexer = Library(knowledge), make_indexer(knowledge, tmp_path, encoder=FakeEncoder())
        library.add_document(NewDocument(SHARED, "a.txt", "Old title"), b"refunds within thirty days")
        indexer.run()
        library.add_document(NewDocument(SHARED, "a.txt", "New title"), b"%PDF-1.4 no pdf")
        indexer.run()
        (kept,), _ = library.list_documents(DocumentFilter())
        assert (kept.status, kept.reason, kept.kind, kept.passages) == ("failed", "damaged", "txt", 1)
        assert texts_of(ask(knowledge, "new refunds")) == ["refunds within thirty days"]
        assert ask(knowledge, "new")[0].lexical > 0, "the new title is found with the text"
        assert not indexer.index_next()
        assert counts_agree(knowledge)

    def test_a_page_that_has_no_text_any_more_keeps_its_last_one(self, knowledge: Database) -> None:
        put(knowledge, "p", "opening hours")
        emptied, _ = Library(knowledge).put_text(NewDocument(SHARED, "p"), DocumentText((), "html", "empty", 1))
        assert (emptied.status, emptied.reason, emptied.passages) == ("failed", "empty", 1)
        assert texts_of(ask(knowledge, "hours")) == ["opening hours"]

    def test_a_page_has_the_number_that_is_printed_on_it(self, knowledge: Database) -> None:
        preface = DocumentPassage("the text", 1, place=Place(label="iv"))
        document, _ = Library(knowledge).put_text(NewDocument(SHARED, "b"), DocumentText([preface], "pdf", None, 1))
        assert Library(knowledge).load_page(document.document_id, 1, [""]).label == "iv"

    def test_any_text_comes_back_as_it_was(self, knowledge: Database) -> None:
        document = put(knowledge, "odd.txt", "first", ODD)
        page = Library(knowledge).load_page(document.document_id, 2, [""])
        assert page.text == ODD.replace("\0", "").replace("\ud800", "?")

    def test_a_new_title_is_found_after_the_text_was_indexed_again(self, knowledge: Database, tmp_path: Path) -> None:
        put(knowledge, "a.txt", "the text")
        put(knowledge, "a.txt", "the text", title="Opening hours")
        assert make_indexer(knowledge, tmp_path).index_next()
        (found,) = ask(knowledge, "hours")
        assert found.lexical > 0
        assert found.passage.file == "Opening hours"
        assert counts_agree(knowledge)

    def test_two_who_add_the_same_document_at_once_make_one(self, knowledge: Database) -> None:
        def add() -> None:
            Library(knowledge).add_document(NewDocument(SHARED, "a.txt"), b"one")

        threads = [threading.Thread(target=add) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert count_rows(knowledge)["document"] == 1
        assert count_rows(knowledge)["upload"] == 1

    def test_two_who_replace_documents_of_one_collection_at_once_lose_nothing(self, knowledge: Database) -> None:
        def replace(number: int) -> None:
            for turn in range(5):
                put(knowledge, f"{number % 2}.txt", f"words shared by all in turn {turn} of {number}")

        threads = [threading.Thread(target=replace, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert count_rows(knowledge)["passage"] == 2
        assert counts_agree(knowledge)


class TestQuota:
    def test_an_owner_can_only_keep_so_much(self, knowledge: Database) -> None:
        library = Library(knowledge, owner_bytes=100)
        library.add_document(NewDocument(MINE, "a.txt"), b"x" * 80)
        with pytest.raises(TooLarge):
            library.add_document(NewDocument(MINE, "b.txt"), b"x" * 80)
        library.add_document(NewDocument(SHARED, "b.txt"), b"x" * 800)

    def test_a_small_file_with_much_text_is_over_quota(self, knowledge: Database, tmp_path: Path) -> None:
        library = Library(knowledge)
        library.add_document(NewDocument(MINE, "a.txt"), b"word " * 30)
        make_indexer(knowledge, tmp_path, owner_bytes=100).run()
        (found,), _ = library.list_documents(DocumentFilter((MINE.owner,)))
        assert (found.status, found.reason, found.passages) == ("failed", "over_quota", 0)

    def test_documents_of_an_owner_are_read_for_so_long_within_an_hour(
        self, knowledge: Database, tmp_path: Path
    ) -> None:
        library, indexer = Library(knowledge), make_indexer(knowledge, tmp_path, owner_seconds=0.5)
        for key in (MINE, SHARED):
            for name in ("a.txt", "b.txt"):
                library.add_document(NewDocument(key, name), b"some words")
        indexer.run()
        found, _ = library.list_documents(DocumentFilter((MINE.owner, "")))
        states = [(one.collection.name, one.status, one.reason) for one in found]
        assert states == [
            ("own", "ready", None),
            ("own", "failed", "over_quota"),
            ("shared", "ready", None),
            ("shared", "ready", None),
        ]
        with knowledge.transaction() as connection:
            connection.run("update reading set began = began - interval '61 minutes'")
        library.add_document(NewDocument(MINE, "b.txt"), b"some words")
        indexer.index_next()
        (_, again), _ = library.list_documents(DocumentFilter((MINE.owner,)))
        assert again.status == "ready"

    def test_web_pages_of_an_owner_count_as_well(self, knowledge: Database, tmp_path: Path) -> None:
        library, indexer = Library(knowledge), make_indexer(knowledge, tmp_path, owner_seconds=1e-6)
        for name in ("https://a/b", "https://a/c"):
            library.add_document(NewDocument(MINE, name), b"<html><body><p>some words")
        indexer.run()
        found, _ = library.list_documents(DocumentFilter((MINE.owner,)))
        assert [(one.status, one.reason) for one in found] == [("ready", None), ("failed", "over_quota")]


class TestReading:
    def test_another_owners_document_is_as_unknown_as_none(self, knowledge: Database) -> None:
        document, library = put(knowledge, "a.txt", "secret", key=MINE), Library(knowledge)
        for call in (library.find_document, library.remove_document):
            with pytest.raises(NotFound):
                call(document.document_id, ["b" * 32, ""])
        with pytest.raises(NotFound):
            library.load_page(document.document_id, 1, ["b" * 32, ""])
        assert ask(knowledge, "secret", "b" * 32) == []
        assert texts_of(ask(knowledge, "secret", MINE.owner)) == ["secret"]

    def test_a_list_goes_on_where_it_stopped(self, knowledge: Database) -> None:
        library = Library(knowledge)
        for number in range(5):
            put(knowledge, f"{number}.txt", "text")
        first, cursor = library.list_documents(DocumentFilter(limit=3))
        rest, end = library.list_documents(DocumentFilter(cursor=cursor, limit=3))
        assert [document.name for document in (*first, *rest)] == [f"{number}.txt" for number in range(5)]
        assert end == ""

    def test_a_list_goes_on_behind_a_document_that_is_deleted_meanwhile(self, knowledge: Database) -> None:
        library = Library(knowledge)
        for number in range(5):
            put(knowledge, f"{number}.txt", "text")
        first, cursor = library.list_documents(DocumentFilter(limit=3))
        for document in first:
            library.remove_document(document.document_id, [""])

        assert [document.name for document in library.list_documents(DocumentFilter(cursor=cursor))[0]] == [
            *("3.txt", "4.txt")
        ]
        assert library.list_documents(DocumentFilter(cursor="f" * 46)) == ([], "")

    @pytest.mark.parametrize("odd", ["\0", "a\0b", "\ud800", "x", "a" * 32 + "\n", ""])
    def test_what_is_no_id_is_unknown(self, knowledge: Database, odd: str) -> None:
        for call in (Library(knowledge).find_document, Library(knowledge).remove_document, Sites(knowledge).drop_site):
            with pytest.raises(NotFound):
                call(odd, [""])

    @pytest.mark.parametrize("page", [0, 1 << 31, 1 << 63, 10**30])
    def test_a_page_beyond_all_numbers_is_unknown(self, knowledge: Database, page: int) -> None:
        with pytest.raises(NotFound):
            Library(knowledge).load_page(put(knowledge, "a.txt", "text").document_id, page, [""])

    def test_everybody_has_an_own_and_a_shared_collection(self, knowledge: Database) -> None:
        put(knowledge, "a.txt", "some words", key=CollectionKey("", "handbook"))
        found = Library(knowledge).list_collections([MINE.owner, ""])
        assert [(one.key.name, one.documents) for one in found] == [("handbook", 1), ("shared", 0), ("own", 0)]

    def test_nothing_is_started_to_read_what_is_not_there(self, tmp_path: Path) -> None:
        library = Library(Database(EmbeddedPostgres(tmp_path / "qa")))
        assert library.list_documents(DocumentFilter()) == ([], "")
        assert library.list_collections([""])[0].documents == 0
        assert not (tmp_path / "qa").exists()


class TestRemoving:
    def test_a_deleted_document_leaves_nothing(self, knowledge: Database, tmp_path: Path) -> None:
        document = put(knowledge, "a.txt", "one", "two")
        make_indexer(knowledge, tmp_path, encoder=FakeEncoder()).run()
        Library(knowledge).remove_document(document.document_id, [""])
        assert count_rows(knowledge) == dict.fromkeys(TABLES, 0)

    def test_words_that_another_document_has_too_stay_counted(self, knowledge: Database) -> None:
        document = put(knowledge, "a.txt", "common words")
        put(knowledge, "b.txt", "common sense")
        Library(knowledge).remove_document(document.document_id, [""])
        assert texts_of(ask(knowledge, "common")) == ["common sense"]
        assert counts_agree(knowledge)


class TestIndexAgain:
    def test_documents_of_another_index_are_indexed_again_from_their_text(
        self, knowledge: Database, tmp_path: Path
    ) -> None:
        put(knowledge, "a.txt", "opening hours", "closing time")
        with knowledge.transaction() as connection:
            connection.run(f"update document set indexed = {INDEX_VERSION - 1}")
            connection.run("delete from lexical")
            connection.run("delete from term")
        assert ask(knowledge, "closing") == []
        make_indexer(knowledge, tmp_path).run()
        assert texts_of(ask(knowledge, "closing")) == ["closing time"]
        assert counts_agree(knowledge)

    def test_a_text_that_is_put_there_again_changes_nothing(self, knowledge: Database) -> None:
        text = DocumentText([DocumentPassage("hello")], "html", None, 1)
        library = Library(knowledge)
        assert library.put_text(NewDocument(SHARED, "p"), text)[1]
        assert not library.put_text(NewDocument(SHARED, "p"), text)[1]
