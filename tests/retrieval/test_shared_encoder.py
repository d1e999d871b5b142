"""The process that encodes for all workers: what it gives, and how it ends."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from qa_service.retrieval.shared_encoder import SharedEncoder, remove_left_folders

PROGRAM = """
from gevent import monkey
monkey.patch_all()

import os, signal, sys, time
from qa_service.retrieval.shared_encoder import find_shared_encoder, fork_encoder
from tests.fakes import FakeEncoder

process = fork_encoder(FakeEncoder())
if worker := os.fork():
    os.waitpid(worker, 0)
    os.kill(process, signal.SIGTERM)
    print(find_shared_encoder()._address, flush=True)
    assert len(find_shared_encoder().encode_texts(["It ignores a stop that is meant for the server."])) == 1
else:
    shared, own, texts = find_shared_encoder(), FakeEncoder(), ["환불 규정", "fee \\udc80", ""]
    assert shared.name == own.name
    assert list(shared.encode_texts(texts)) == list(own.encode_texts(texts))
    assert list(shared.encode_texts([])) == []
    os._exit(0)
"""


def test_it_encodes_for_every_worker_and_ends_after_its_master() -> None:
    # It holds the pipe of this program's output, so that `run` returns only when it has ended.
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert not Path(done.stdout.strip()).parent.exists()


def test_a_process_that_is_gone_is_a_connection_error(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError):
        SharedEncoder(str(tmp_path / "socket"), "words/1").encode_texts(["fee"])


def test_the_folder_of_a_killed_process_goes_and_that_of_a_living_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sockets = {name: socket.socket(socket.AF_UNIX) for name in ("living", "killed", "newborn")}
    for name, listener in sockets.items():
        folder = tmp_path / f"qa-encoder-{name}"
        folder.mkdir()
        listener.bind(str(folder / "socket"))
        os.utime(folder, None if name == "newborn" else (0, 0))
    sockets["living"].listen()
    sockets["killed"].close()
    remove_left_folders()
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["qa-encoder-living", "qa-encoder-newborn"]
    for listener in sockets.values():
        listener.close()
