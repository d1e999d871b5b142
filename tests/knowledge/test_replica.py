"""A real streaming replica: searches read from it, and go on with the first server when it is killed."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qa_service.knowledge.database import Database
from qa_service.knowledge.engine import EmbeddedPostgres, PostgresURL, find_programs
from tests.knowledge.shelf import ask, put, texts_of

NOBODY = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
"""PostgreSQL refuses root."""
AS_NOBODY: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if NOBODY else {}


@pytest.fixture
def replica(knowledge: Database, knowledge_engine: EmbeddedPostgres, quick_folder: Path) -> Iterator[tuple[str, int]]:
    """Give the address of a replica, and the number of its process."""
    folder = quick_folder / "replica"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    if NOBODY:
        os.chown(folder, NOBODY, NOBODY)
    source = Path(knowledge_engine.find_server()["unix_sock"]).parent
    copied = ["-h", str(source), "-U", "qa", "-D", str(folder / "db"), "-R", "-X", "stream", "-c", "fast"]
    subprocess.run([str(find_programs() / "pg_basebackup"), *copied], check=True, env={}, **AS_NOBODY)
    options = [
        f"unix_socket_directories={folder}",
        "listen_addresses=",
        "max_connections=200",
        "log_min_messages=fatal",
    ]
    command = [str(find_programs() / "postgres"), "-D", str(folder / "db")]
    for option in options:
        command += ["-c", option]
    with subprocess.Popen(command, env={}, stderr=subprocess.DEVNULL, **AS_NOBODY) as server:
        yield f"postgresql://qa@/postgres?host={folder}", server.pid
        server.send_signal(signal.SIGINT)


def test_searches_read_from_it_and_survive_its_death(
    knowledge: Database, knowledge_engine: EmbeddedPostgres, replica: tuple[str, int]
) -> None:
    address, process = replica
    both = Database(knowledge_engine, PostgresURL(address))
    put(both, "a.txt", "written to the first server")
    asked = "select pg_is_in_recovery(), (select count(*) from passage)"
    until = time.monotonic() + 10
    while (seen := both.search(lambda connection: connection.run(asked))) != [[True, 1]]:
        assert time.monotonic() < until, seen
        time.sleep(0.05)
    assert texts_of(ask(both, "written")) == ["written to the first server"]
    os.kill(process, signal.SIGKILL)
    assert texts_of(ask(both, "written")) == ["written to the first server"]
    both.close()
