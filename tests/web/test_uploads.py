"""Uploads are kept whole, and their names as people see them."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

import pytest

from qa_service.errors import Overloaded
from qa_service.web.uploads import NAME, Spool, UploadLimits, clean_name


@pytest.mark.parametrize("name", ["계약서 (최종).txt", "Änderung.pdf", "が.txt"])
def test_a_name_from_macos_is_composed(name: str) -> None:
    assert clean_name(normalize("NFD", name)) == name


def test_a_long_name_is_cut_after_it_is_composed() -> None:
    assert clean_name(normalize("NFD", "값" * 300 + ".txt")) == "값" * (NAME - 4) + ".txt"


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Let no file of this process grow beyond this many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 10, 99])
def test_an_upload_of_which_the_disk_takes_only_a_part_is_refused(room: int, tmp_path: Path) -> None:
    spool = Spool(UploadLimits(1_000, 1, tmp_path))
    with full_disk(room), pytest.raises(Overloaded):
        spool.keep_file("a.txt", iter([b"x" * 100]))
    spool.discard_files()
    assert not list(tmp_path.iterdir())


def test_an_upload_for_which_there_is_no_folder_is_refused(tmp_path: Path) -> None:
    spool = Spool(UploadLimits(1_000, 1, tmp_path / "gone"))
    with pytest.raises(Overloaded):
        spool.keep_file("a.txt", iter([b"x"]))
