"""How a test speaks to the stores: questions asked, answers saved, files kept."""

import time

from msgspec import Struct
from msgspec.structs import replace
from redis import Redis

from qa_service.interfaces import Claim, Claimed
from qa_service.model import FileText, Owner, Passage, StoredFile, Turn
from qa_service.retrieval.lexical import index_of
from qa_service.stores.history import RedisHistory
from qa_service.stores.passages import RedisFiles
from qa_service.stores.sessions import RedisRunning, RedisSessions
from tests.fakes import ANN, turn

TTL = 1000
TURNS = 5


class Stores(Struct, frozen=True):
    """All that is kept in one Redis, sessions of at most five turns and a thousand seconds."""

    client: Redis
    sessions: RedisSessions
    running: RedisRunning
    files: RedisFiles
    history: RedisHistory


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
) -> Claimed:
    """A claim; by default of a session that isn't known yet."""
    return sessions.claim(Claim(owner, expected, asked, title, topic_title, reject, seed))


def answered(asked: Turn, text: str = "Because.") -> Turn:
    """The turn, completed."""
    return replace(asked, text=text, status="completed")


def converse(sessions: RedisSessions, turns: int = 1, *, session_id: str = "s", owner: Owner = ANN) -> list[Turn]:
    """A session of so many questions, each answered."""
    said = []
    for number in range(1, turns + 1):
        asked = turn(
            f"{session_id}-{number}", session_id=session_id, question=f"Question {number}", worker=f"w{number}"
        )
        claim(sessions, asked, expected=int(number > 1), owner=owner, title=f"Title of {session_id}")
        said.append(answered(asked, f"Answer {number}"))
        sessions.save(owner, said[-1])
    return said


def keep(
    files: RedisFiles, *pages: str, session_id: str = "s", owner: Owner = ANN, file_id: str = "f1", topic: int = 1
) -> StoredFile:
    """A file whose passages are the paragraphs of its pages, in two parts where it has several."""
    pieces = [(number, piece) for number, page in enumerate(pages, 1) for piece in page.splitlines(keepends=True)]
    passages = tuple(Passage(file_id, "rules.pdf", piece, page=number) for number, piece in pieces)
    half = len(passages) // 2
    for first, part in ((0, passages[:half]), (half, passages[half:])):
        index = index_of([passage.text for passage in part], first)
        files.add(owner, session_id, file_id, FileText(passages=part, index=index, first=first))
    file = StoredFile(
        file_id, "rules.pdf", "pdf", "used", topic, pages=len(pages), passages=len(passages), added=time.time()
    )
    files.finish(owner, session_id, file)
    return file


def history_texts(history: RedisHistory, session_id: str = "s", owner: Owner = ANN) -> list[str]:
    """What a session's owner reads of it, newest first."""
    return [said.text for said in history.session(owner, session_id, "", 100).turns]
