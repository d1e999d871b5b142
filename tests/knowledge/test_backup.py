"""Backups: one file has everything, and another engine answers from it as the first one did."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from qa_service.knowledge.backup import BackupUnreadable, load_knowledge, save_knowledge
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import NewDocument
from qa_service.knowledge.engine import EmbeddedPostgres, PostgresURL
from qa_service.knowledge.library import Library
from tests.fakes import FakeEncoder
from tests.knowledge.shelf import MINE, SHARED, ask, count_rows, counts_agree, make_indexer, put

QUESTIONS = ("opening hours", "환불 기간", "tab and \\backslash", "nothing of it")


@pytest.fixture
def other(quick_folder: Path) -> Iterator[Database]:
    """Give another engine, which is reached by its URL."""
    engine = EmbeddedPostgres(quick_folder / "other", linger=0.2)
    socket = Path(engine.find_server()["unix_sock"]).parent
    database = Database(PostgresURL(f"postgresql://qa@/postgres?host={socket}"))
    yield database
    database.close()
    engine.leave_server()


def answers(database: Database) -> list[object]:
    return [[(one.passage, one.lexical, one.dense) for one in ask(database, said, MINE.owner)] for said in QUESTIONS]


def test_another_engine_gives_the_same_answers_and_so_does_the_first_one_again(
    knowledge: Database, other: Database, tmp_path: Path
) -> None:
    put(
        knowledge, "a.txt", "Opening hours: nine to five.", "A tab\tand a \\backslash\nand lines \\. end", title="Hours"
    )
    put(knowledge, "b.txt", "환불 기간은 30일입니다.", key=MINE)
    make_indexer(knowledge, tmp_path, encoder=FakeEncoder()).run()
    Library(knowledge).add_document(NewDocument(SHARED, "waiting.txt"), b"read later: hours")
    before, rows = answers(knowledge), count_rows(knowledge)
    assert save_knowledge(knowledge, tmp_path / "there.gz") == 3
    assert load_knowledge(other, tmp_path / "there.gz") == 3
    assert (answers(other), count_rows(other)) == (before, rows)

    put(other, "c.txt", "more hours")
    make_indexer(other, tmp_path, encoder=FakeEncoder()).run()
    assert counts_agree(other)
    save_knowledge(other, tmp_path / "back.gz")
    load_knowledge(knowledge, tmp_path / "back.gz")
    assert answers(knowledge) == answers(other)
    assert counts_agree(knowledge)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.gz", "there.gz"]


@pytest.mark.parametrize(
    "content",
    [
        b"something else",
        gzip.compress(b"something else"),
        gzip.compress(b"qa-service knowledge base 99\n"),
        gzip.compress(b"qa-service knowledge base 1\ntable pg_authid rolname\nx\n\\.\n"),
        gzip.compress(b"qa-service knowledge base 1\ntable state name,value\nversion\t1\n"),
        gzip.compress(b"qa-service knowledge base 1\n"),
        gzip.compress(b"qa-service knowledge base 1\ntable state name,value\nversion\t1\tx\n\\.\n"),
        gzip.compress(b"qa-service knowledge base 1\ntable collection id,owner\none\ttwo\n\\.\n"),
    ],
    ids=["other", "other inside", "later version", "foreign table", "cut short", "title alone", "rows", "values"],
)
def test_a_file_that_is_no_whole_backup_changes_nothing(knowledge: Database, tmp_path: Path, content: bytes) -> None:
    put(knowledge, "a.txt", "kept")
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BackupUnreadable):
        load_knowledge(knowledge, tmp_path / "file")
    assert len(ask(knowledge, "kept")) == 1
    assert knowledge.has_tables()


def test_a_folder_is_no_place_for_the_file(knowledge: Database, tmp_path: Path) -> None:
    with pytest.raises(BackupUnreadable):
        save_knowledge(knowledge, tmp_path)
    assert not tmp_path.with_name(f"{tmp_path.name}.part").exists()
