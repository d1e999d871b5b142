"""Under a patched standard library: whoever waits for PostgreSQL holds up nobody."""

import subprocess
import sys
from pathlib import Path

from qa_service.knowledge.engine import EmbeddedPostgres

PROGRAM = """
from gevent import monkey; monkey.patch_all()
import sys, threading
from qa_service.errors import StoreUnavailable
from qa_service.knowledge.database import Database
from qa_service.knowledge.engine import PostgresURL

database, ticks, over = Database(PostgresURL(sys.argv[1]), seconds=0.8), 0, threading.Event()
database.ensure_tables()

def tick():
    global ticks
    while not over.wait(0.005):
        ticks += 1

def wait():
    database.read("select pg_sleep(:seconds)", seconds=0.4)

threads = [threading.Thread(target=tick)] + [threading.Thread(target=wait) for _ in range(5)]
[thread.start() for thread in threads]
[thread.join() for thread in threads[1:]]
over.set()
try:
    database.read("select pg_sleep(5)")
except StoreUnavailable:
    print(ticks, database.read("select 7")[0][0])
"""


def test_five_wait_while_another_one_goes_on_and_the_server_ends_what_takes_too_long(
    knowledge_engine: EmbeddedPostgres,
) -> None:
    socket = Path(knowledge_engine.start()["unix_sock"]).parent
    address = f"postgresql://qa@/postgres?host={socket}"
    command = [sys.executable, "-c", PROGRAM, address]
    said = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, cwd=Path(__file__).parents[2]
    )
    ticks, answer = said.stdout.split()
    assert int(ticks) > 20
    assert answer == "7"
