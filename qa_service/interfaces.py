"""The Protocols: what the line, the desk and the routes call, and nothing more."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from qa_service.model import (
    Delta,
    Drift,
    FileNews,
    FileText,
    Frame,
    Observation,
    Owner,
    Page,
    Passage,
    Prompt,
    Session,
    SessionEntry,
    SessionList,
    SessionPage,
    StoredFile,
    Turn,
    UploadedFile,
)


class Stop(Protocol):
    """Set once, from any thread; runs what was registered with it, at once if it is set already."""

    reason: str
    """Why: `cancelled`, `hangup`, `timeout` or `interrupted`; empty until set."""

    def is_set(self) -> bool:
        """Whether somebody said stop."""

    def call(self, action: Callable[[], None]) -> Callable[[], None]:
        """Run `action` when set, in the thread that sets it. Returns what takes it back."""


class Upstream(Protocol):
    """What we ask."""

    def open(self, prompt: Prompt, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """The pieces of one answer; the last is `Finished`, or an `UpstreamError` or `Cancelled` is raised.

        Leaving the context closes the connection. Setting `stop` wakes a blocked read.
        """


class FileReader(Protocol):
    """Reads an upload of any kind, away from the worker."""

    def read(self, file: UploadedFile, stop: Stop) -> Iterator[FileNews]:
        """Progress, then passages in parts, then one `FileEnd`; nothing about the file raises."""


class DriftDetector(Protocol):
    """Decides whether a question begins a new topic."""

    def judge(self, question: str, session: Session) -> Drift:
        """A few milliseconds of arithmetic over the question and the stored turns; unsure means keep."""


class Ranking(Struct, frozen=True):
    """What an index says of the words it was asked for; passages are numbered over all its files."""

    passages: int
    postings: Mapping[str, Sequence[tuple[int, int]]]
    """Word → (passage, its impact there)."""


class Index(Protocol):
    """Where each word of a topic's files stands; searching apart from adding."""

    def look_up(self, words: Iterable[str]) -> Ranking:
        """Everything ranking needs, in one round trip."""

    def passages(self, numbers: Sequence[int]) -> tuple[Passage, ...]:
        """Those passages, in the order asked for."""


class Retriever(Protocol):
    """Finds what the files say about a question."""

    def find(self, question: str, earlier: Sequence[str], index: Index) -> tuple[Passage, ...]:
        """Passages, best first. `earlier` are the topic's previous questions, newest last; they weigh less."""


class Claim(Struct, frozen=True):
    """What a question takes hold of in its session."""

    owner: Owner
    expected_topic: int
    """The topic the session was in when it was loaded; 0 for one that didn't exist."""
    turn: Turn
    """The running turn; its topic is the expected one, or the next, which begins it."""
    title: str
    """The session's, should it be new."""
    topic_title: str
    """The topic's, should it be new."""
    reject_busy: bool
    seed: tuple[Turn, ...] = ()
    """Finished turns that an unknown session begins with."""


class Claimed(Struct, frozen=True):
    """What came of a claim."""

    created: bool
    moved: bool = False
    """The session is in another topic than expected by now: nothing was written, load it again."""
    replaced: str = ""
    """The answer that was running, to be stopped; empty when none was."""
    replaced_worker: str = ""


class SessionStore(Protocol):
    """Sessions as answering needs them. Every method costs a round trip, rarely two, and raises `StoreUnavailable`."""

    def load(self, owner: Owner, session_id: str) -> Session | None:
        """The session with its current topic's context, or None."""

    def claim(self, claim: Claim) -> Claimed:
        """In one atomic write: mark the session busy (`Busy` if it may not be), open a topic if one is due and
        forget the context of the last, and append the running turn."""

    def save(self, owner: Owner, turn: Turn) -> bool:
        """Replace the running turn by this one, extend the context if its topic is still the current one, and
        take the mark away if it is still ours. Saving twice is saving once. False: the session is gone."""


class Limiter(Protocol):
    """How often an owner may ask."""

    def take(self, owner: Owner) -> float:
        """Take one question; the seconds to wait where none is left, else 0."""


class RunningStore(Protocol):
    """What workers tell each other about the answers they run."""

    def renew(self, owner: Owner, turn: Turn) -> None:
        """Say that this answer is still being written, and what it says so far; holds for ten seconds."""

    def stop(self, answer_id: str, worker: str) -> None:
        """Leave word for that worker to stop this answer."""

    def stopped(self, worker: str, wait: float) -> Sequence[str]:
        """The answers that this worker is asked to stop; waits at most `wait` seconds for one."""


class FileStore(Protocol):
    """What files say, kept with the session."""

    def add(self, owner: Owner, session_id: str, file_id: str, part: FileText) -> None:
        """Keep one part of a file; many small round trips, so that nothing stalls."""

    def finish(self, owner: Owner, session_id: str, file: StoredFile) -> None:
        """List the file with its session, or forget it if that is gone. One never finished expires by itself."""

    def index(self, owner: Owner, session_id: str, files: Sequence[StoredFile]) -> Index:
        """One index over these files, numbered in their order."""


class History(Protocol):
    """What was asked and answered. An unknown id and another's are the same `NotFound`, in all three below too."""

    def turn(self, owner: Owner, answer_id: str) -> Turn:
        """One answer, whatever its status; one whose worker died is `failed` with `interrupted`."""

    def sessions(self, owner: Owner, cursor: str, limit: int) -> SessionList:
        """Conversations, newest first."""

    def session(self, owner: Owner, session_id: str, cursor: str, limit: int) -> SessionPage:
        """One conversation, newest turns first."""


class SessionEditor(Protocol):
    """What a caller may do to a conversation."""

    def rename(self, owner: Owner, session_id: str, title: str) -> SessionEntry:
        """Give it another title."""

    def new_topic(self, owner: Owner, session_id: str) -> SessionEntry:
        """The next question begins a topic of its own."""

    def delete(self, owner: Owner, session_id: str) -> tuple[str, str]:
        """Forget it with its answers and files; the answer that was running in it and its worker, or empty."""


class FileShelf(Protocol):
    """The files of a conversation."""

    def files(self, owner: Owner, session_id: str) -> tuple[StoredFile, ...]:
        """All of them, of every topic."""

    def file(self, owner: Owner, session_id: str, file_id: str) -> StoredFile:
        """One of them."""

    def page(self, owner: Owner, session_id: str, file_id: str, number: int) -> Page:
        """The text of one page, counted from 1."""

    def delete_file(self, owner: Owner, session_id: str, file_id: str) -> None:
        """Forget it: follow-ups don't see it any more."""


class AnswerLog(Protocol):
    """An answer's frames by position: written once, read by whoever asks, never a queue."""

    def append(self, frame: Frame) -> None:
        """Add a frame and wake who waits."""

    def read(self, position: int) -> Sequence[tuple[int, Frame]]:
        """All frames after `position`, with their `seq`; empty when there are none yet."""

    def wait(self, position: int, seconds: float) -> bool:
        """Until there is a frame after `position`; False when time ran out first."""


class WireFormat(Protocol):
    """One pure encoder over the frames."""

    content_type: str

    def encode(self, seq: int, frame: Frame) -> bytes:
        """The bytes of one frame, whole."""

    def heartbeat(self) -> bytes:
        """The bytes that say we are still here."""


class Observer(Protocol):
    """Is told of every finished answer, from which logs and metrics are made."""

    def __call__(self, observation: Observation, /) -> None:
        """Must not raise and must not wait."""
