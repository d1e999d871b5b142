"""This module shows how a test speaks to the stores: questions asked, logs written, answers saved, files kept."""

import time
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace
from redis import Redis

from qa_service.file_news import FileText
from qa_service.frames import Done, Frame, Start, Text, TopicNotice
from qa_service.interfaces import AppendOutcome, Claim, Claimed, HeldAnswer, NewLogEntry, Removal
from qa_service.model import Owner, Passage, Repeat, Rewind, StoredFile
from qa_service.retrieval.lexical import build_index
from qa_service.stores.arrivals import RedisArrivals
from qa_service.stores.drawings import RedisDrawings
from qa_service.stores.feedback import RedisFeedback
from qa_service.stores.guard import StoreGuard
from qa_service.stores.history import RedisHistory
from qa_service.stores.limiter import RedisLimiter
from qa_service.stores.logs import LogTimes, RedisLogs
from qa_service.stores.passages import RedisFiles
from qa_service.stores.quotas import Quota, RedisQuotas
from qa_service.stores.repeats import RedisRepeats
from qa_service.stores.rewinds import RedisRewinds
from qa_service.stores.sessions import Kept, RedisSessions
from qa_service.stores.workers import RedisWorkers
from qa_service.turns import Admission, Mark, Turn
from tests.fakes import ANN, turn

TTL = 1000
TURNS = 5
ANSWER_SECONDS = 300
OPEN = 200
DONE = 100
QUESTIONS = 30
QUOTA = Quota(files=3, bytes=1_000_000, seconds=10)


class Stores(Struct, frozen=True):
    """A `Stores` is all that one worker keeps in one Redis: sessions of at most five turns and a thousand seconds, and
    thirty questions a minute."""

    client: Redis
    sessions: RedisSessions
    arrivals: RedisArrivals
    repeats: RedisRepeats
    logs: RedisLogs
    workers: RedisWorkers
    files: RedisFiles
    drawings: RedisDrawings
    history: RedisHistory
    feedback: RedisFeedback
    rewinds: RedisRewinds


def stores_of(client: Redis, worker: str = "w1", *, turns: int = TURNS) -> Stores:
    """Return the stores as that worker has them."""
    guard = StoreGuard()
    sessions = RedisSessions(
        client, guard, Kept(TTL, turns, answer=ANSWER_SECONDS, log=OPEN, bytes=QUOTA.bytes), worker=worker
    )
    limiter = RedisLimiter(client, guard, questions=QUESTIONS, seconds=60)
    logs = RedisLogs(client, guard, LogTimes(OPEN, DONE), worker=worker)
    return Stores(
        client,
        sessions,
        RedisArrivals(client, guard, limiter, sessions, RedisQuotas(client, guard, QUOTA)),
        RedisRepeats(client, guard),
        logs,
        RedisWorkers(client, guard, waiting=client, seconds=OPEN),
        RedisFiles(client, guard, seconds=TTL, single=OPEN),
        RedisDrawings(client, guard, seconds=TTL, single=OPEN),
        RedisHistory(client, guard, logs),
        RedisFeedback(client, guard, seconds=TTL),
        RedisRewinds(client, guard),
    )


def start_of(asked: Turn) -> Start:
    """Return the first frame of an answer."""
    notice = TopicNotice(asked.topic, drifted=False, score=0.0)
    return Start(asked.answer_id, asked.session_id, created=True, model="m", topic=notice, created_at=asked.created_at)


def claim(
    sessions: RedisSessions,
    asked: Turn,
    *,
    expected: int = 0,
    owner: Owner = ANN,
    title: str = "Skies",
    topic_title: str = "Skies",
    reject: bool = False,
    seed: tuple[Turn, ...] = (),
    admission: Admission | None = None,
    repeat: Repeat | None = None,
    removal: Removal | None = None,
) -> Claimed:
    """Make a claim, by default of a session that isn't known yet."""
    start = start_of(asked)
    return sessions.claim_session(
        Claim(owner, expected, asked, title, topic_title, reject, start, seed, admission, repeat, removal)
    )


def find(stores: Stores, rewind: Rewind) -> Removal:
    """Find what a question replaces in the session `s`."""
    removal = stores.rewinds.find_removal(ANN, "s", rewind)
    assert removal
    return removal


def ask_instead(
    stores: Stores,
    asked: Turn,
    removal: Removal,
    *,
    expected: int = 1,
    topic_title: str = "Skies",
    title: str = "Skies",
    reject: bool = False,
) -> Claimed:
    """Claim the session `s` for a question that replaces those turns."""
    return claim(
        stores.sessions,
        asked,
        expected=expected,
        topic_title=topic_title,
        title=title,
        reject=reject,
        removal=removal,
    )


def answered(asked: Turn, text: str = "Because.") -> Turn:
    """Return the turn, completed."""
    return replace(asked, text=text, status="completed")


def converse(stores: Stores, turns: int = 1, *, session_id: str = "s", owner: Owner = ANN) -> list[Turn]:
    """Ask this many questions in a session. Each is answered, and its log is closed."""
    said = []
    for number in range(1, turns + 1):
        asked = turn(f"{session_id}-{number}", session_id=session_id, question=f"Question {number}")
        claim(stores.sessions, asked, expected=int(number > 1), owner=owner, title=f"Title of {session_id}")
        said.append(answered(asked, f"Answer {number}"))
        stores.sessions.save_turn(owner, said[-1])
        write(stores, Text(said[-1].text), Done("completed"), answer_id=asked.answer_id, owner=owner, closed=True)
    return said


def write(
    stores: Stores,
    *items: Frame | Mark,
    first: int = 2,
    count: int = 1,
    answer_id: str = "first",
    owner: Owner = ANN,
    closed: bool = False,
    settled: bool = True,
) -> AppendOutcome:
    """Write one entry more in an answer's log, by default the one behind that which its claim wrote."""
    last = first - 1 + sum(not isinstance(item, Mark) for item in items)
    (appended,) = stores.logs.append_entries(
        [NewLogEntry(owner, answer_id, first, last, count, items, closed, closed and settled)]
    )
    return appended


def frames(stores: Stores, answer_id: str = "first", owner: Owner = ANN) -> list[tuple[int, Sequence[Frame | Mark]]]:
    """Return what the log holds: each entry's first number, and what is in it."""
    logged = stores.logs.read_log(owner, answer_id)
    assert logged
    return [(piece.first, piece.items) for piece in logged.entries]


def held(answer_id: str = "first", session_id: str = "s") -> HeldAnswer:
    """Return an answer as its worker is known to write it."""
    return HeldAnswer(ANN, answer_id, session_id)


def endless(client: Redis) -> list[bytes]:
    """Return the keys that would stay for ever."""
    keys: Iterable[bytes] = client.scan_iter("*")
    return [key for key in keys if client.ttl(key) < 0]


def keep(files: RedisFiles, *pages: str, session_id: str = "s", file_id: str = "f1", topic: int = 1) -> StoredFile:
    """Keep a file whose passages are the paragraphs of its pages, in two parts where it has several."""
    pieces = [(number, piece) for number, page in enumerate(pages, 1) for piece in page.splitlines(keepends=True)]
    passages = tuple(Passage(file_id, "rules.pdf", piece, page=number) for number, piece in pieces)
    half = len(passages) // 2
    for first, part in ((0, passages[:half]), (half, passages[half:])):
        index = build_index([passage.text for passage in part], first)
        files.add_part(ANN, session_id, file_id, FileText(passages=part, index=index, first=first))
    file = StoredFile(
        file_id,
        "rules.pdf",
        "pdf",
        "used",
        topic,
        pages=len(pages),
        passages=len(passages),
        added=time.time(),
        size=sum(len(page.encode()) for page in pages),
    )
    files.finish_file(ANN, session_id, file)
    return file


def history_texts(history: RedisHistory) -> list[str]:
    """Return what a session's owner reads of it, newest first."""
    return [said.text for said in history.load_conversation(ANN, "s", "", 100).turns]
