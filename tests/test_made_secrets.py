"""The secrets that the service makes: each is made once, and read by its owner alone."""

import stat
import threading
from pathlib import Path

import pytest

from qa_service.made_secrets import keep_secret
from qa_service.settings import SettingsError


def test_it_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "qa"
    secret = keep_secret(data, "secret")
    assert len(secret) >= 32
    assert keep_secret(data, "secret") == secret
    assert stat.S_IMODE((data / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert [path.name for path in data.iterdir()] == ["secret"]


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 40])
def test_one_that_was_damaged_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(SettingsError, match=r"^QA_DATA: "):
        keep_secret(tmp_path, "secret")


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_that_is_no_folder_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"^QA_DATA: expected"):
        keep_secret(tmp_path / place, "secret")


def test_each_name_has_its_own(tmp_path: Path) -> None:
    assert keep_secret(tmp_path, "one") != keep_secret(tmp_path, "two")


def test_who_comes_at_once_gets_the_same(tmp_path: Path) -> None:
    for attempt in range(20):
        begin = threading.Barrier(4)
        made: set[str] = set()

        def make(name: str = f"secret-{attempt}", begin: threading.Barrier = begin, made: set[str] = made) -> None:
            begin.wait()
            made.add(keep_secret(tmp_path, name))

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 1
        assert "" not in made
