"""The system takes the sign of life away from a worker that dies, so others know who is dead."""

import os
import threading
import time
from pathlib import Path

from qa_service.running.presence import Presence
from qa_service.upstream.spool import PictureSpool


def entered(folder: Path, worker: str) -> Presence:
    presence = Presence(folder, worker, folder)
    presence.lock_file()
    return presence


def test_one_that_lives_is_not_dead(tmp_path: Path) -> None:
    one, two = entered(tmp_path, "w1"), entered(tmp_path, "w2")
    assert [*one.find_dead(), *two.find_dead()] == []


def test_one_that_left_is_dead_to_all_others(tmp_path: Path) -> None:
    one, two, three = (entered(tmp_path, f"w{number}") for number in (1, 2, 3))
    one.delete_file()
    assert list(two.find_dead()) == list(three.find_dead()) == ["w1"]
    assert list(one.find_dead()) == []


def test_one_whose_process_was_killed_is_dead(tmp_path: Path) -> None:
    here, ready, told = entered(tmp_path, "w1"), *os.pipe()
    child = os.fork()
    if child == 0:
        _there = entered(tmp_path, "w2")
        os.write(told, b".")
        threading.Event().wait()
    assert os.read(ready, 1) == b"."
    assert list(here.find_dead()) == []
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert list(here.find_dead()) == ["w2"]


def test_a_dead_worker_that_was_buried_is_forgotten(tmp_path: Path) -> None:
    one, two = entered(tmp_path, "w1"), entered(tmp_path, "w2")
    one.delete_file()
    two.forget_worker("w1")
    two.forget_worker("w1")
    assert list(two.find_dead()) == []


def test_entering_twice_is_once_and_so_is_leaving(tmp_path: Path) -> None:
    one, two = entered(tmp_path, "w1"), entered(tmp_path, "w2")
    one.lock_file()
    assert list(two.find_dead()) == []
    one.delete_file()
    one.delete_file()
    assert list(two.find_dead()) == ["w1"]


def test_one_that_is_only_coming_is_not_seen_yet(tmp_path: Path) -> None:
    one = entered(tmp_path, "w1")
    (tmp_path / ".w2").touch()
    assert list(one.find_dead()) == []


def test_one_buried_meanwhile_is_nobodys_to_bury(tmp_path: Path) -> None:
    """Two workers look at the same time; the file is gone when the second opens it."""
    one = entered(tmp_path, "w1")
    (tmp_path / "w2").symlink_to(tmp_path / "gone")
    assert list(one.find_dead()) == []


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    entered(tmp_path / "qa" / "workers", "w1")
    assert (tmp_path / "qa" / "workers").stat().st_mode & 0o777 == 0o700


def test_uploads_that_a_killed_worker_left_are_deleted(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in ("upload-old", "upload-new", "readme"))
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (time.time() - 7200,) * 2)
    Presence(tmp_path, "w1", tmp_path).delete_old_uploads()
    assert sorted(tmp_path.iterdir()) == [other, new]


def test_a_picture_that_a_killed_worker_was_reading_is_deleted(tmp_path: Path) -> None:
    spool = PictureSpool(str(tmp_path))
    spool.divert_pictures(b'data: {"partial_image_b64":"iVBORw0K')
    (begun,) = tmp_path.iterdir()
    os.utime(begun, (time.time() - 7200,) * 2)
    Presence(tmp_path, "w1", tmp_path).delete_old_uploads()
    assert list(tmp_path.iterdir()) == []
    spool.remove_files()
