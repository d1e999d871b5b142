"""These tests show what a caller sent: which fields are there, which of them hold files, and that refused files go."""

from pathlib import Path

import pytest

from qa_service.errors import NotFound
from qa_service.model import UploadedFile
from qa_service.submission import Submission, is_file_field, present_fields


@pytest.mark.parametrize("name", ["files", "file", "files[]", "file[]", "files[0]", "files[12]"])
def test_files_come_under_several_names(name: str) -> None:
    assert is_file_field(name)


@pytest.mark.parametrize("name", ["", "filesystem", "File", "files[a]", "files[", "avatar", "xfiles", "files\n"])
def test_other_names_hold_no_files(name: str) -> None:
    assert not is_file_field(name)


def test_the_last_field_that_is_there_counts() -> None:
    sent = [("a", "1"), ("a", "2"), ("a", " "), ("b", None), ("c", "undefined"), ("d", 0), ("e", "null "), ("f", [])]
    assert present_fields(sent) == {"a": "2", "d": 0, "f": []}


def test_files_go_with_a_refusal_and_stay_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("x")
    sent = Submission({}, (UploadedFile("a.txt", str(path), 1),))
    with sent:
        pass
    assert path.exists()
    with pytest.raises(NotFound), sent:
        raise NotFound
    assert not path.exists()
    sent.discard_files()
