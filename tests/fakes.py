"""This module has stand-ins with a memory for what the line walks past, and short ways to say what a test is about."""

import io
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from pathlib import Path
from zlib import crc32

from fakeredis import FakeRedis, FakeServer
from msgspec.structs import replace
from redis import Redis

from qa_service.answer_parts import Parts
from qa_service.deltas import Delta, Finished, Opened, TextDelta
from qa_service.desk import Desk
from qa_service.errors import Busy, Cancelled, QAError, StoreUnavailable
from qa_service.file_news import FileBegin, FileEnd, FileNews, FileProgress, FileText, ReadPicture
from qa_service.files.sniffing import sniff_kind
from qa_service.frames import Frame, TopicNotice
from qa_service.gallery import Gallery
from qa_service.interfaces import (
    Allowance,
    Arrival,
    Claim,
    Claimed,
    Counted,
    FileReader,
    Limiter,
    PictureStore,
    Quotas,
    Removal,
    Reserved,
    Saved,
    SessionStore,
    Stop,
    Timed,
    TopicContext,
)
from qa_service.model import (
    Drift,
    Exchange,
    FilePicture,
    Owner,
    Passage,
    Picture,
    Prompt,
    Question,
    ReadRequest,
    Repeat,
    Rewind,
    Session,
    StoredFile,
    Topic,
    UploadedFile,
    Usage,
    Verdict,
)
from qa_service.picture_links import PictureLinks
from qa_service.prompting import Site
from qa_service.retrieval.finding import HybridRetriever
from qa_service.retrieval.lexical import build_index
from qa_service.rewinding import context_of, find_replaced, is_seen, topic_after, topics_after
from qa_service.search_interfaces import Index, Postings, Ranking, pack_posting
from qa_service.searching import Search
from qa_service.turns import Admission, Mark, Observation, Turn

ANN = Owner("user", "a" * 32)
BEN = Owner("user", "b" * 32)
USAGE = Usage(100, 20, 120, cached=40, reasoning=5)
STOPPED = Finished("stop", model="gpt-4.1-mini-2025-04-14", usage=USAGE)
ANSWER = (TextDelta("The answer "), TextDelta("is 42."), STOPPED)
WAITING_SECONDS = 10.0

Vectors = dict[tuple[str, int], bytes]
"""A `Vectors` has the vectors of passages, by the encoder's name and the passage's number."""
Step = Delta | BaseException | threading.Event


class Seen(str):
    """A `Seen` is a text whose end can be seen."""

    __slots__ = ("__weakref__",)


class FakeUpstream:
    """A `FakeUpstream` plays scripts, and remembers what it was asked. Each question gets one script, and all that
    follow get the last one. An error in a script is raised, and an event is waited for until somebody says stop.
    `closed` counts the answers that were let go of, and `sees` says whether it takes pictures."""

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self._scripts = list(scripts) or [ANSWER]
        self.prompts: list[Prompt] = []
        self.closed = 0
        self.sees = True

    def can_see(self, model: str) -> bool:
        return self.sees

    def open_answer(self, prompt: Prompt, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        self.prompts.append(prompt)
        return self._opened(self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0], stop)

    @contextmanager
    def _opened(self, script: Sequence[Step], stop: Stop) -> Iterator[Iterator[Delta]]:
        try:
            yield _played(script, stop)
        finally:
            self.closed += 1


def _played(script: Sequence[Step], stop: Stop) -> Iterator[Delta]:
    for step in script:
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, threading.Event):
            stop.call_when_set(step.set)
            assert step.wait(WAITING_SECONDS)
            if stop.is_set():
                raise Cancelled
        else:
            yield step


class KeepingUpstream(FakeUpstream):
    """A `KeepingUpstream` is an upstream that keeps what it says under an id, and tells it again to whoever attaches.
    `attached` are the ids that somebody attached to. `kept` is what they are told, which is the answer's own script
    unless it is set."""

    def __init__(self, *scripts: Sequence[Step]) -> None:
        super().__init__(*scripts)
        self.attached: list[str] = []
        self.kept: Sequence[Step] | None = None

    @contextmanager
    def open_answer(self, prompt: Prompt, stop: Stop) -> Iterator[Iterator[Delta]]:
        with super().open_answer(prompt, stop) as deltas:
            yield chain((Opened(f"r{len(self.prompts)}"),), deltas)

    @contextmanager
    def attach_answer(self, prompt: Prompt, response_id: str, stop: Stop) -> Iterator[Iterator[Delta]]:
        self.attached.append(response_id)
        yield _played(self._scripts[0] if self.kept is None else self.kept, stop)


class FakeReader:
    """A `FakeReader` reads texts whose pages end with a form feed and whose passages end with a blank line. A file
    whose name ends in `.broken` is damaged, one in `.png` is a picture, and one in `.endless` goes on until somebody
    says stop."""

    def __init__(self) -> None:
        self.read_names: list[str] = []
        self.begun = threading.Event()

    def read_upload(self, request: ReadRequest, stop: Stop) -> Iterator[FileNews]:
        file = request.file
        self.read_names.append(file.name)
        self.begun.set()
        if request.seconds is not None and request.seconds <= 0:
            yield FileEnd(Verdict(file.name, "unknown", "skipped", "over_quota"))
            return
        yield FileBegin()
        if file.name.endswith(".endless"):
            over = threading.Event()
            stop.call_when_set(over.set)
            assert over.wait(WAITING_SECONDS)
            yield FileEnd(Verdict(file.name, "text", "skipped", "stopped"))
            return
        if file.name.endswith(".broken"):
            yield FileEnd(Verdict(file.name, "pdf", "failed", "damaged"))
            return
        if file.name.endswith(".png"):
            yield ReadPicture(Picture("image/png", Path(file.path).read_bytes()), FilePicture(1, 100))
            yield FileEnd(Verdict(file.name, "png", "used", pages=1, tokens=9))
            return
        pages = Path(file.path).read_text(encoding="utf-8").split("\f")
        yield FileProgress(1, len(pages))
        passages = _passages(pages, file.name)
        yield FileText(passages=passages, index=build_index([passage.text for passage in passages]))
        yield FileEnd(Verdict(file.name, "text", "used", pages=len(pages), tokens=len(passages)))


def _passages(pages: Sequence[str], name: str) -> tuple[Passage, ...]:
    pieces = [(number, piece) for number, page in enumerate(pages, 1) for piece in page.split("\n\n") if piece]
    return tuple(Passage("", name, piece, page=number) for number, piece in pieces)


class FakeSessions:
    """A `FakeSessions` is a `SessionStore` in memory, which knows the sessions of these admissions as claimed already;
    `available` says whether it can be reached, `outcome` what comes of each save."""

    def __init__(self, *claimed: Admission) -> None:
        self.available = True
        self.sessions = {(one.question.owner.key, one.session.session_id): one.session for one in claimed}
        self.running: dict[tuple[str, str], Turn] = {}
        self.saved: list[Turn] = []
        self.outcome: Saved = "saved"

    def load_session(self, owner: Owner, session_id: str) -> Session | None:
        self._reach()
        return self.sessions.get((owner.key, session_id))

    def load_context(self, owner: Owner, session_id: str, topic: int) -> TopicContext:
        self._reach()
        turns = [turn for turn in self.saved if (turn.session_id, turn.topic) == (session_id, topic)]
        known = (owner.key, session_id) in self.sessions
        return TopicContext(tuple(Exchange(turn.question, turn.text) for turn in turns if known and is_seen(turn)))

    def find_removal(self, owner: Owner, session_id: str, rewind: Rewind) -> Removal | None:
        session = self.load_session(owner, session_id)
        turns = self._turns((owner.key, session_id))
        begin = find_replaced(turns, rewind)
        return _without(session, turns, begin) if session and begin < len(turns) else None

    def claim_session(self, claim: Claim) -> Claimed:
        self._reach()
        key, removal = (claim.owner.key, claim.turn.session_id), claim.removal
        session, before = self.sessions.get(key), self.running.get(key)
        if (session.topic if session else 0) != claim.expected_topic:
            return Claimed(moved=True)
        if removal and [turn.answer_id for turn in self._turns(key)] != removal.answer_ids:
            return Claimed(moved=True)
        if before and claim.reject_busy:
            raise Busy("the session is answering another question", answer_id=before.answer_id)
        if removal:
            session = removal.session
            self.saved = [turn for turn in self.saved if turn not in removal.removed]
        session = _claimed(session or _seeded(claim), claim)
        if claim.expected_topic not in (0, session.topic):
            context = self.load_context(claim.owner, session.session_id, session.topic)
            session = replace(session, context=context.exchanges, summary=context.summary)
        self.sessions[key] = session
        self.running[key] = claim.turn
        return Claimed(replaced=(before.answer_id,) if before else ())

    def save_turn(self, owner: Owner, turn: Turn) -> Saved:
        self._reach()
        if self.outcome != "saved":
            return self.outcome
        key = (owner.key, turn.session_id)
        if key not in self.sessions:
            return "gone"
        if turn not in self.saved:
            self.saved.append(turn)
            self._end(key, turn)
        return "saved"

    def _turns(self, key: tuple[str, str]) -> list[Turn]:
        running = self.running.get(key)
        return [turn for turn in self.saved if turn.session_id == key[1]] + ([running] if running else [])

    def _end(self, key: tuple[str, str], turn: Turn) -> None:
        running, session = self.running.get(key), self.sessions[key]
        if running and running.answer_id == turn.answer_id:
            del self.running[key]
        if is_seen(turn) and turn.topic == session.topic:
            exchange = Exchange(turn.question, turn.text)
            self.sessions[key] = replace(session, context=(*session.context, exchange))

    def _reach(self) -> None:
        if not self.available:
            raise StoreUnavailable("The store does not answer.", retry_after=1)


def _without(session: Session, turns: list[Turn], begin: int) -> Removal:
    kept, replaced = turns[:begin], turns[begin:]
    topic, counts = topic_after(kept), Counter(turn.topic for turn in kept)
    topics = tuple(replace(one, turns=counts[one.index]) for one in session.topics[: topics_after(kept)])
    if not kept:
        topics = (Topic(1, "", 0),)
    contexts = {
        index: tuple(Exchange(turn.question, turn.text) for turn in context_of(kept, index, 20))
        for index in {topic, *(turn.topic for turn in replaced)}
    }
    return Removal(
        replace(session, topic=topic, topics=topics, context=contexts[topic], summary=None),
        [turn.answer_id for turn in turns],
        kept,
        replaced,
        (),
        {turn.topic: TopicContext(contexts[turn.topic]) for turn in replaced},
    )


def _seeded(claim: Claim) -> Session:
    context = tuple(Exchange(turn.question, turn.text) for turn in claim.seed)
    topics = (Topic(1, claim.title, len(context)),) if context else ()
    return Session(claim.turn.session_id, len(topics), topics, context=context)


def _claimed(session: Session, claim: Claim) -> Session:
    topic = claim.turn.topic
    if topic <= len(session.topics):
        topics = (
            replace(one, title=one.title or claim.topic_title, turns=one.turns + 1) if one.index == topic else one
            for one in session.topics
        )
        return replace(session, topic=topic, topics=tuple(topics))
    topics = (*session.topics, Topic(topic, claim.topic_title, 1))
    return replace(session, topic=topic, topics=topics, context=())


class FakeFiles:
    """A `FakeFiles` is a `FileStore` in memory, for one session."""

    def __init__(self) -> None:
        self.passages: dict[str, dict[int, Passage]] = {}
        self.pictures: dict[str, dict[int, Picture]] = {}
        self.finished: list[StoredFile] = []
        self.vectors: dict[tuple[str, ...], Vectors] = {}

    def add_part(self, owner: Owner, session_id: str, file_id: str, part: FileText) -> int:
        self.passages.setdefault(file_id, {}).update(enumerate(part.passages, part.first))
        return sum(len(passage.text.encode()) for passage in part.passages)

    def add_picture(self, owner: Owner, session_id: str, file_id: str, picture: Picture, page: int = 1) -> None:
        self.pictures.setdefault(file_id, {})[page] = picture

    def load_pictures(self, owner: Owner, session_id: str, files: Sequence[StoredFile]) -> Sequence[Sequence[Picture]]:
        kept = [(file, self.pictures.get(file.file_id, {})) for file in files]
        return [
            [pages[page] for page in range(1, 1 + len(file.list_pictures())) if page in pages] for file, pages in kept
        ]

    def finish_file(self, owner: Owner, session_id: str, file: StoredFile) -> None:
        self.finished.append(file)

    def open_index(self, owner: Owner, session_id: str, files: Sequence[StoredFile]) -> Index:
        found = [passage for file in files for passage in self.passages.get(file.file_id, {}).values()]
        return FakeIndex(found, self.vectors.setdefault(tuple(file.file_id for file in files), {}))


class FakeDrawings:
    """A `FakeDrawings` is a `PictureStore` in memory; `gone` says that there is no session."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], Picture] = {}
        self.gone = False

    def keep_picture(self, owner: Owner, session_id: str, answer_id: str, index: int, picture: Picture) -> bool:
        if not self.gone:
            self.kept[answer_id, index] = picture
        return not self.gone


def gallery(
    reader: FileReader | None = None, drawings: PictureStore | None = None, quotas: Quotas | None = None
) -> Gallery:
    """Return a gallery whose links are valid for a minute, and which tries nothing twice."""
    links = PictureLinks("secret", 60)
    return Gallery(reader or FakeReader(), drawings or FakeDrawings(), quotas or FakeQuotas(), links, sniff_kind, ())


class FakeIndex:
    """A `FakeIndex` is an `Index` over passages at hand."""

    def __init__(self, passages: Sequence[Passage], vectors: Vectors | None = None) -> None:
        self._passages = passages
        self._index = build_index([passage.text for passage in passages])
        self.vectors = {} if vectors is None else vectors

    def look_up_words(self, words: Iterable[str], most: int) -> Ranking:
        found = {word: flat for word in words if (flat := self._index.get(word))}
        frequencies = {word: len(flat) // 2 for word, flat in found.items()}
        kept: dict[str, list[Postings]] = {}
        for word in sorted(found, key=frequencies.__getitem__):
            if kept and frequencies[word] > most:
                break
            kept[word] = [Postings(0, list(map(pack_posting, found[word][::2], found[word][1::2])))]
            most -= frequencies[word]
        return Ranking(len(self._passages), kept, frequencies)

    def load_passages(self, numbers: Sequence[int]) -> Sequence[Passage | None]:
        return [self._passages[number] for number in numbers]

    def load_vectors(self, encoder: str, numbers: Sequence[int]) -> Sequence[bytes | None]:
        return [self.vectors.get((encoder, number)) for number in numbers]

    def keep_vectors(self, encoder: str, vectors: Mapping[int, bytes]) -> None:
        self.vectors.update({(encoder, number): vector for number, vector in vectors.items()})


class FakeRepeats:
    """A `FakeRepeats` is a `Repeats` in memory."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, str], Reserved] = {}

    def reserve_key(self, owner: Owner, repeat: Repeat, answer_id: str) -> Reserved | None:
        known = self.taken.setdefault((owner.key, repeat.key), Reserved(answer_id, repeat.fingerprint))
        return None if known.answer_id == answer_id else known

    def knows_key(self, owner: Owner, key: str) -> bool:
        return (owner.key, key) in self.taken

    def knows_answer(self, owner: Owner, answer_id: str) -> bool:
        return any(known.answer_id == answer_id for (key, _), known in self.taken.items() if key == owner.key)

    def release_key(self, owner: Owner, repeat: Repeat, answer_id: str, *, begun: bool = False) -> None:
        known = self.taken.get((owner.key, repeat.key))
        if known and known.answer_id == answer_id and known.begun == begun:
            del self.taken[owner.key, repeat.key]


class FakeRoom:
    """A `FakeRoom` is a `Room` that counts who is inside; `refusal` is raised where one is set."""

    def __init__(self) -> None:
        self.refusal: QAError | None = None
        self.inside = 0

    def reserve_place(self) -> None:
        if self.refusal:
            raise self.refusal
        self.inside += 1

    def announce_life(self) -> None:
        assert self.inside

    def release_place(self) -> None:
        self.inside -= 1


class Screen(io.StringIO):
    """A `Screen` is a stream that says it is a terminal, where what was written can be taken back."""

    def isatty(self) -> bool:
        return True


class Clock:
    """A `Clock` stands still until a test sets it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeMeter:
    """A `FakeMeter` is a `Meter` that remembers."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.times: list[tuple[str, float]] = []
        self.open = 0

    def count_event(self, what: Counted, amount: int = 1, *, label: str = "") -> None:
        self.counts[f"{what} {label}".strip()] += amount

    def record_time(self, what: Timed, seconds: float) -> None:
        self.times.append((what, seconds))

    def count_streams(self, change: int) -> None:
        self.open += change


class FakeEncoder:
    """A `FakeEncoder` is an `Encoder` without a model. Two texts are as near to each other as the words that they share
    make them."""

    name = "words/1"

    def encode_texts(self, texts: Sequence[str]) -> Sequence[bytes]:
        return tuple(map(self._encode, texts))

    def _encode(self, text: str) -> bytes:
        numbers = [0.0] * 512
        for word in text.casefold().split() or [""]:
            numbers[crc32(word.encode(errors="ignore")) % 512] += 1.0
        length = sum(number * number for number in numbers) ** 0.5
        return struct.pack("<512e", *(number / length for number in numbers))


class FakeDetector:
    """A `FakeDetector` says that a new topic began exactly where the question has `new:` in front, and that it belongs
    to topic 2 where it has `2:` in front."""

    def judge_topic(self, question: str, session: Session, coverage: Mapping[int, float]) -> Drift:
        drifted = question.startswith("new:")
        earlier = int(question[0]) if question[1:2] == ":" else 0
        return Drift(drifted, 0.9 if drifted else 0.1, reopened=earlier)


class Unlimited:
    """An `Unlimited` is a `Limiter` that lets everybody through."""

    def take_question(self, owner: Owner) -> float:
        return 0

    def seconds_to_wait(self, owner: Owner) -> float:
        return 0


class FakeArrivals:
    """A `FakeArrivals` is an `Arrivals` over a limiter and sessions. `has_room` says it of every owner."""

    has_room = True

    def __init__(self, limiter: Limiter, sessions: SessionStore) -> None:
        self._limiter = limiter
        self._sessions = sessions

    def receive_question(self, owner: Owner, session_id: str) -> Arrival:
        session = self._sessions.load_session(owner, session_id)
        return Arrival(self._limiter.take_question(owner), session, self.has_room)


class FakeQuotas:
    """A `FakeQuotas` is a `Quotas` that counts down the seconds; `allowance` is what is left."""

    def __init__(self, files: int = 50, size: int = 1 << 30, seconds: float = 300) -> None:
        self.allowance = Allowance(files, size, seconds)

    def load_allowance(self, owner: Owner, session_id: str) -> Allowance:
        return self.allowance

    def spend_seconds(self, owner: Owner, seconds: float) -> None:
        self.allowance = replace(self.allowance, seconds=self.allowance.seconds - seconds)


def desk(sessions: SessionStore, *, limiter: Limiter | None = None, **others: object) -> Desk:
    """Return a desk that refuses nothing. Each part is a stand-in unless it is named."""
    fields: dict[str, object] = {
        "repeats": FakeRepeats(),
        "arrivals": FakeArrivals(limiter or Unlimited(), sessions),
        "detector": FakeDetector(),
        "room": FakeRoom(),
        "meter": FakeMeter(),
        "stop": lambda answer_id: None,
        "find_removal": getattr(sessions, "find_removal", lambda *_: None),
        "model": "mini",
    }
    return Desk(sessions, **{**fields, **others})


def shown(line: Iterable[Frame | Mark]) -> list[Frame]:
    """Return what readers see of it."""
    return [item for item in line if not isinstance(item, Mark)]


def client() -> Redis:
    """Return a Redis in memory that nobody else uses."""
    return FakeRedis(server=fake_server())


def fake_server() -> FakeServer:
    """Return a server in memory for several clients. It makes a database when that is first asked for. Without its
    first one by then, two threads that come at once may get two, and one of them writes what nobody else will read."""
    server = FakeServer()
    server.dbs[0]
    return server


def parts(upstream: FakeUpstream | None = None, **others: object) -> Parts:
    """Return all that the line needs. Each part is a stand-in unless it is named."""
    seen: list[Observation] = []
    fields: dict[str, object] = {
        "upstream": upstream or FakeUpstream(),
        "sessions": FakeSessions(admission()),
        "files": FakeFiles(),
        "quotas": FakeQuotas(),
        "reader": FakeReader(),
        "gallery": gallery(),
        "observe": seen.append,
        "meter": FakeMeter(),
        "save_later": lambda owner, turn: None,
        "site": Site("Be plain."),
        "prices": {},
        "longest": 1_000_000,
        "safety_identifier": lambda key: f"hashed {key}",
    }
    fields |= others
    retriever = fields.pop("retriever", HybridRetriever())
    return Parts(search=Search(fields["files"], retriever), **fields)


def upload(folder: Path, name: str, text: str) -> UploadedFile:
    """Return a file as the web leaves it for the line."""
    path = folder / f"upload-{len(list(folder.iterdir()))}"
    path.write_text(text, encoding="utf-8")
    return UploadedFile(name, str(path), path.stat().st_size)


def turn(answer_id: str = "1" * 32, **fields: object) -> Turn:
    """Return a running turn of Ann's session `s`."""
    known: dict[str, object] = {
        "session_id": "s",
        "question": "Why?",
        "text": "",
        "status": "running",
        "topic": 1,
        "created_at": "2026-01-02T03:04:05.678Z",
    }
    return Turn(answer_id, **{**known, **fields})


def admission(
    text: str = "Why is the sky blue?", *, session: Session | None = None, answer_id: str = "1" * 32, **fields: object
) -> Admission:
    """Return Ann's question, let in at the desk."""
    question = Question(text, ANN, **fields)
    known = session or Session("s", 1, (Topic(1, text, 0),))
    running = turn(answer_id, session_id=known.session_id, question=text, topic=known.topic, language=question.language)
    return Admission(
        question,
        running.answer_id,
        known,
        created=session is None,
        topic=TopicNotice(known.topic, drifted=False, score=0.0),
        model=question.model or "gpt-4.1-mini",
        created_at=running.created_at,
        turn=running,
        began=time.monotonic(),
    )


def kinds(frames: Sequence[Frame]) -> list[str]:
    """Return the names of the frames. Where the same name follows itself, it is given once."""
    names = [str(frame.__struct_config__.tag) for frame in frames]
    return [name for number, name in enumerate(names) if names[number - 1 : number] != [name]]


def one(frames: Sequence[Frame], kind: type) -> object:
    """Return the only frame of its kind."""
    (found,) = (frame for frame in frames if isinstance(frame, kind))
    return found


def refuse_thread(*_: object) -> None:
    """Fail as starting a thread does where the system has no room for one more."""
    raise RuntimeError("can't start new thread")


BUG = ZeroDivisionError("secret /srv/ann/key")
DOWN: QAError = StoreUnavailable("The store does not answer.", retry_after=1)
