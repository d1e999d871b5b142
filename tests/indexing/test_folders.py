"""A folder is brought whole, and what has changed in it is followed."""

import os
from pathlib import Path

import pytest

from qa_service.indexing.folders import FolderRules, FolderSource
from qa_service.knowledge.database import Database
from qa_service.knowledge.library import DocumentFilter, Library
from tests.knowledge.shelf import MINE, SHARED, put


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two texts, and with what isn't brought."""
    folder = tmp_path / "handbook"
    (folder / "규정").mkdir(parents=True)
    (folder / "규정" / "연체.txt").write_text("연체료는 하루에 백 원입니다.")
    (folder / "hours.md").write_text("# Hours\n\nThe library opens at nine.")
    (folder / ".hidden.txt").write_text("hidden")
    (folder / ".git").mkdir()
    (folder / ".git" / "notes.txt").write_text("hidden")
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "round").symlink_to(folder, target_is_directory=True)
    return folder


def bring(database: Database, folder: Path, name: str = "", **rules: object) -> dict[str, str]:
    """Bring a folder, and return what becomes of each file."""
    source = FolderSource(Library(database), SHARED, FolderRules(**rules), name)
    return {step.name: step.state for step in source.bring_files(folder)}


def names(database: Database) -> list[str]:
    return sorted(document.name for document in Library(database).list_documents(DocumentFilter())[0])


def test_all_files_are_brought_but_hidden_ones_and_links(knowledge: Database, folder: Path) -> None:
    assert bring(knowledge, folder) == {"handbook/hours.md": "waiting", "handbook/규정/연체.txt": "waiting"}
    assert names(knowledge) == ["handbook/hours.md", "handbook/규정/연체.txt"]


def test_only_changes_are_brought_again_and_deletions_are_followed(knowledge: Database, folder: Path) -> None:
    bring(knowledge, folder)
    put(knowledge, "handbook/hours.md", "somebody's own", key=MINE)
    put(knowledge, "other/a.txt", "other")
    (folder / "규정" / "연체.txt").unlink()
    (folder / "new.txt").write_text("new")
    assert bring(knowledge, folder) == {
        "handbook/hours.md": "unchanged",
        "handbook/new.txt": "waiting",
        "handbook/규정/연체.txt": "removed",
    }
    (folder / "hours.md").write_text("# Hours\n\nThe library opens at ten.")
    assert bring(knowledge, folder)["handbook/hours.md"] == "waiting"
    assert names(knowledge) == ["handbook/hours.md", "handbook/new.txt", "other/a.txt"]


def test_what_can_not_be_read_is_left_out_or_fails(knowledge: Database, folder: Path) -> None:
    (folder / "noise.bin").write_bytes(bytes(range(256)) * 8)
    (folder / "large.txt").write_text("a" * 2000)
    found = bring(knowledge, folder, bytes=1000)
    assert (found["handbook/noise.bin"], found["handbook/large.txt"]) == ("failed", "failed")
    assert bring(knowledge, folder)["handbook/noise.bin"] == "skipped"


def test_names_of_older_systems_are_read_and_too_long_ones_fail(knowledge: Database, folder: Path) -> None:
    for name in ("휴관일 안내", "도서관"):
        (folder / os.fsdecode(name.encode("cp949"))).mkdir()
        (folder / os.fsdecode(name.encode("cp949")) / os.fsdecode("이용규정.txt".encode("cp949"))).write_text(name)
    deep = folder / Path(*["가" * 80] * 10)
    deep.mkdir(parents=True)
    (deep / "deep.txt").write_text("deep")
    found = bring(knowledge, folder)
    assert [state for name, state in found.items() if name.endswith("deep.txt")] == ["failed"]
    assert {"handbook/도서관/이용규정.txt", "handbook/휴관일 안내/이용규정.txt"} < set(names(knowledge))
    assert "removed" not in bring(knowledge, folder).values()


def test_patterns_choose_files(knowledge: Database, folder: Path) -> None:
    assert list(bring(knowledge, folder, include=("규정/*",))) == ["handbook/규정/연체.txt"]
    assert "handbook/hours.md" in bring(knowledge, folder, exclude=("*.txt",))


def test_the_styles_and_scripts_of_a_website_are_left_out_unless_somebody_wants_them(
    knowledge: Database, folder: Path
) -> None:
    for name in ("style.css", "규정/APP.JS", "app.js.map"):
        (folder / name).write_text("The library opens at nine.")
    assert sorted(bring(knowledge, folder)) == ["handbook/hours.md", "handbook/규정/연체.txt"]
    assert bring(knowledge, folder / "style.css") == {"style.css": "waiting"}
    wanted = bring(knowledge, folder, include=("*.css", "*.md"))
    assert (wanted["handbook/style.css"], wanted["handbook/규정/연체.txt"]) == ("waiting", "removed")
    assert bring(knowledge, folder)["handbook/style.css"] == "removed"


def test_a_single_file_is_brought_and_removes_nothing(knowledge: Database, folder: Path) -> None:
    bring(knowledge, folder)
    assert bring(knowledge, folder / "hours.md") == {"hours.md": "waiting"}
    assert len(names(knowledge)) == 3


def make_twin(folder: Path) -> Path:
    """Make another folder of the same name, with one file that both have and one that it has alone."""
    twin = folder.parent / "elsewhere" / folder.name
    twin.mkdir(parents=True)
    (twin / "hours.md").write_text("# Hours\n\nThe branch opens at noon.")
    (twin / "branch.txt").write_text("The branch lies by the river.")
    return twin


def test_folders_of_the_same_name_leave_each_others_documents_alone(knowledge: Database, folder: Path) -> None:
    twin = make_twin(folder)
    bring(knowledge, folder)
    assert bring(knowledge, twin) == {"handbook/branch.txt": "waiting", "handbook/hours.md": "failed"}
    (folder / "규정" / "연체.txt").unlink()
    assert bring(knowledge, folder) == {"handbook/hours.md": "unchanged", "handbook/규정/연체.txt": "removed"}
    assert names(knowledge) == ["handbook/branch.txt", "handbook/hours.md"]
    assert bring(knowledge, twin, name="분관") == {"분관/branch.txt": "waiting", "분관/hours.md": "waiting"}


def test_a_folder_that_was_moved_is_followed(knowledge: Database, folder: Path) -> None:
    bring(knowledge, folder)
    (folder.parent / "moved").mkdir()
    moved = folder.rename(folder.parent / "moved" / "handbook")
    (moved / "hours.md").unlink()
    assert bring(knowledge, moved) == {"handbook/규정/연체.txt": "unchanged", "handbook/hours.md": "removed"}


def test_a_named_folder_is_the_same_wherever_it_lies(knowledge: Database, folder: Path) -> None:
    twin = make_twin(folder)
    bring(knowledge, folder, name="rules")
    assert bring(knowledge, twin, name="rules") == {
        "rules/branch.txt": "waiting",
        "rules/hours.md": "waiting",
        "rules/규정/연체.txt": "removed",
    }


def test_what_somebody_has_uploaded_under_such_a_name_stays(knowledge: Database, folder: Path) -> None:
    put(knowledge, "handbook/letter.txt", "uploaded")
    bring(knowledge, folder)
    assert "handbook/letter.txt" in names(knowledge)
