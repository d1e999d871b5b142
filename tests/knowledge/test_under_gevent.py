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


SEARCHES = """
from gevent import monkey; monkey.patch_all()
import sys, threading, time
from qa_service.knowledge.database import Database
from qa_service.knowledge.engine import PostgresURL
from qa_service.knowledge_base import KnowledgeBase

class Slow:
    name = "slow/1"
    def encode_texts(self, texts):
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
        return [bytes(1024) for _ in texts]

knowledge = KnowledgeBase(Database(PostgresURL(sys.argv[1])), None, None, None, None, Slow(), ("shared",), None)
over, ticks = threading.Event(), [time.process_time()]

def tick():
    while not over.wait(0.005):
        ticks.append(time.process_time())

threads = [threading.Thread(target=tick)]
threads += [threading.Thread(target=knowledge.search, args=([""], "library", (), 5)) for _ in range(10)]
[thread.start() for thread in threads]
[thread.join() for thread in threads[1:]]
over.set()
print(max(after - before for before, after in zip(ticks, [*ticks[1:], time.process_time()])))
"""


def run_program(program: str, engine: EmbeddedPostgres) -> list[str]:
    """Run a program that gets the address of the knowledge base, and return the words that it says."""
    socket = Path(engine.find_server()["unix_sock"]).parent
    command = [sys.executable, "-c", program, f"postgresql://qa@/postgres?host={socket}"]
    said = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, cwd=Path(__file__).parents[2]
    )
    return said.stdout.split()


def test_of_ten_who_search_at_once_one_encodes_at_a_time_and_others_go_on_in_between(
    knowledge_engine: EmbeddedPostgres,
) -> None:
    (longest,) = run_program(SEARCHES, knowledge_engine)
    assert float(longest) < 0.5, longest


def test_five_wait_while_another_one_goes_on_and_the_server_ends_what_takes_too_long(
    knowledge_engine: EmbeddedPostgres,
) -> None:
    ticks, answer = run_program(PROGRAM, knowledge_engine)
    assert int(ticks) > 20
    assert answer == "7"
