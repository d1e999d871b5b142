"""The Protocols: what the line, the desk and the routes call, and nothing more."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from msgspec import Struct

from qa_service.frames import Frame, Start
from qa_service.model import (
    Delta,
    Drift,
    FileNews,
    FileText,
    Owner,
    Page,
    Passage,
    Prompt,
    Repeat,
    Session,
    StoredFile,
    UploadedFile,
)
from qa_service.turns import Admission, Asked, Mark, Observation, SessionEntry, SessionList, SessionPage, Turn

ELSEWHERE = ("handover", "lost")
"""Reasons to stop after which another worker goes on."""


class Stop(Protocol):
    """Set once, from any thread; runs what was registered with it, at once if it is set already."""

    reason: str
    """Why: `cancelled`, `hangup`, `timeout`, `length` or `interrupted`; `handover` or `lost` where another worker goes
    on and nothing may be written here any more. Empty until set."""
    at: float
    """`time.monotonic()` when it was set."""

    def is_set(self) -> bool:
        """Whether somebody said stop."""

    def call(self, action: Callable[[], None]) -> Callable[[], None]:
        """Run `action` when set, in the thread that sets it. Returns what takes it back."""


class Upstream(Protocol):
    """What we ask."""

    def open(self, prompt: Prompt, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """The pieces of one answer; the last is `Finished`, or an `UpstreamError` or `Cancelled` is raised.

        Leaving the context closes the connection. Setting `stop` wakes a blocked read. An upstream that keeps the
        answer says `Opened` before the first piece.
        """


@runtime_checkable
class Attaching(Protocol):
    """An upstream that keeps answers, and says `Opened` of each."""

    def attach(self, prompt: Prompt, response_id: str, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """The pieces of an answer that was opened elsewhere, from its beginning and as they were then, without
        `Opened`. Only `model` of the prompt counts. Raises `UpstreamError` where upstream keeps no such answer."""


class FileReader(Protocol):
    """Reads an upload of any kind, away from the worker."""

    def read(self, file: UploadedFile, stop: Stop) -> Iterator[FileNews]:
        """Progress, then passages in parts, then one `FileEnd`; nothing about the file raises."""


class DriftDetector(Protocol):
    """Decides whether a question begins a new topic."""

    def judge(self, question: str, session: Session) -> Drift:
        """A few milliseconds of arithmetic over the question and the stored turns; unsure means keep."""


IMPACT_BITS = 12


def pack_posting(passage: int, impact: int) -> int:
    """A passage's number, and in the lowest twelve bits a word's impact there, at most 4095."""
    return passage << IMPACT_BITS | impact


class Postings(Struct, frozen=True):
    """Where one word stands in one file."""

    first: int
    """The number of the file's first passage, over all files of the index."""
    packed: Sequence[int]
    """What `pack_posting` makes of each passage that the word stands in, numbered within the file."""


class Ranking(Struct, frozen=True):
    """What an index says of the words it was asked for; passages are numbered over all its files."""

    passages: int
    postings: Mapping[str, Sequence[Postings]]
    frequencies: Mapping[str, int]
    """In how many passages each word stands, of which `postings` may tell a part only."""


class Index(Protocol):
    """Where each word of a topic's files stands; searching apart from adding."""

    def look_up(self, words: Iterable[str], most: int) -> Ranking:
        """What ranking needs, with no more than about `most` postings: those of the rarest words. Two round trips."""

    def passages(self, numbers: Sequence[int]) -> tuple[Passage, ...]:
        """Those passages, in the order asked for."""


class Retriever(Protocol):
    """Finds what the files say about a question."""

    def find(self, question: str, earlier: Sequence[str], index: Index) -> tuple[Passage, ...]:
        """Passages, best first. `earlier` are the topic's previous questions, newest last; they weigh less."""


class Reserved(Struct, frozen=True):
    """Whose key it is."""

    answer_id: str
    fingerprint: str
    begun: bool = False
    """Whether that answer has been let in: it is found, or it was deleted."""


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
    start: Start
    """The answer's first frame, with which its log begins."""
    seed: tuple[Turn, ...] = ()
    """Finished turns that an unknown session begins with."""
    admission: Admission | None = None
    """Kept with the claim where another worker may have to begin the answer again."""
    repeat: Repeat | None = None
    """What finds the answer again, kept from now on."""


class Claimed(Struct, frozen=True):
    """What came of a claim."""

    created: bool
    moved: bool = False
    """The session is in another topic than expected by now: nothing was written, load it again."""
    replaced: Sequence[str] = ()
    """The answers that were running, to be stopped."""


Saved: TypeAlias = Literal["saved", "gone", "lost"]
"""`gone`: there is no such session any more; `lost`: another worker has taken the answer over."""


class SessionStore(Protocol):
    """Sessions as answering needs them. Every method costs a round trip, rarely two, and raises `StoreUnavailable`."""

    def load(self, owner: Owner, session_id: str) -> Session | None:
        """The session with its current topic's context, or None."""

    def claim(self, claim: Claim) -> Claimed:
        """In one atomic write: mark the session busy (`Busy` if it may not be), open a topic if one is due and
        forget the context of the last, and append the running turn."""

    def save(self, owner: Owner, turn: Turn) -> Saved:
        """Replace the running turn by this one, extend the context if its topic is still the current one, and
        take the mark away. Saving twice is saving once."""


class Repeats(Protocol):
    """Which answer a repeated question has already."""

    def reserve_key(self, owner: Owner, repeat: Repeat, answer_id: str) -> Reserved | None:
        """Take the key for this answer, for as long as it takes to begin one; None if it was free."""

    def release_key(self, owner: Owner, repeat: Repeat, answer_id: str, *, begun: bool = False) -> None:
        """Give the key back, since the answer didn't begin, or has `begun` and is gone. Nothing happens where the key
        stands for another answer, or where this one has begun and that isn't said."""


class Limiter(Protocol):
    """How often an owner may ask."""

    def take_question(self, owner: Owner) -> float:
        """Take one question; the seconds to wait where none is left, else 0. Where none is left, none is taken."""

    def seconds_to_wait(self, owner: Owner) -> float:
        """How long `take_question` would say to wait now. Nothing is taken."""


class Arrival(Struct, frozen=True):
    """What the store says of a question that has just come."""

    wait: float
    """The seconds to wait where the owner has no question left, else 0."""
    session: Session | None
    """As `SessionStore.load` gives it."""


class Arrivals(Protocol):
    """The first trip of every question."""

    def receive_question(self, owner: Owner, session_id: str) -> Arrival:
        """`Limiter.take_question` and `SessionStore.load` in one trip."""


class Allowance(Struct, frozen=True):
    """What is left to an owner, for one session; a number below 1 says that nothing is."""

    files: int
    """Files that the session may still take."""
    bytes: int
    """Bytes of text that may still be kept of the owner; of an address, for visitors."""
    seconds: float
    """Seconds for which files may still be read for the owner in this hour."""

    @property
    def is_used_up(self) -> bool:
        """Whether no file is to be read any more."""
        return self.files < 1 or self.bytes < 1 or self.seconds <= 0


class Quotas(Protocol):
    """How much of the store and of the readers an owner may use."""

    def load_allowance(self, owner: Owner, session_id: str) -> Allowance:
        """What is left now. What is being read at the same time isn't counted yet."""

    def spend_seconds(self, owner: Owner, seconds: float) -> None:
        """Reading a file took so long."""


class Entry(Struct, frozen=True):
    """What one answer adds to its log at once."""

    owner: Owner
    answer_id: str
    first: int
    """The number of the first frame."""
    last: int
    """The number of the last frame; one less than `first` where marks stand alone."""
    count: int
    """How many entries came before."""
    items: Sequence[Frame | Mark]
    closed: bool = False
    """Whether the last frame is the answer's last."""
    settled: bool = False
    """Whether nothing is left to do for the answer: its turn is saved."""


Appended: TypeAlias = Literal["kept", "gone", "lost", "refused"]
"""What became of an entry: `gone`, the log isn't there any more; `lost`, another worker has written on; `refused`, the
store answers but doesn't take it, since it is full, say. It is worth trying again, but not soon."""


class Piece(Struct, frozen=True):
    """An entry as it is read."""

    first: int
    items: Sequence[Frame | Mark]


class Logged(Struct, frozen=True):
    """An answer's log."""

    session_id: str
    last: int
    """The number of the answer's last frame; 0 while it is written."""
    pieces: Sequence[Piece]
    """Empty where the log has expired."""
    cursor: str
    """Where the next piece begins, for who follows."""


class LogStore(Protocol):
    """The logs of running answers, and for a while of finished ones, where every worker finds them."""

    def append(self, entries: Sequence[Entry]) -> Sequence[Appended]:
        """All of them in one trip. A log that begins with its first frame is made, any other must be there."""

    def read(self, owner: Owner, answer_id: str) -> Logged | None:
        """All that is there; None for an unknown answer, or another's."""


class Held(Struct, frozen=True):
    """An answer as its worker is known to write it."""

    owner: Owner
    answer_id: str
    session_id: str
    admission: Admission | None = None
    """Kept where the answer can be begun again elsewhere."""


class Followed(Struct, frozen=True):
    """A log that is read while another worker writes it."""

    owner: Owner
    answer_id: str


class News(Struct, frozen=True):
    """What a worker hears from others."""

    stops: Sequence[str] = ()
    """Answers that somebody wants stopped, wherever they are written."""
    pieces: Mapping[str, Sequence[Piece]] = {}
    """New pieces by answer."""
    cursors: Mapping[str, str] = {}


class WorkerStore(Protocol):
    """What workers know and tell of each other."""

    def beat(self, worker: str) -> tuple[Sequence[str], bool]:
        """Say that this worker lives; those that have been silent for too long, and whether this one was missed."""

    def leave(self, worker: str) -> None:
        """This worker writes no more: whatever it still holds may be taken over at once."""

    def holds(self, worker: str) -> Collection[str]:
        """The answers that are this worker's."""

    def held(self, worker: str, answer_id: str) -> Held | None:
        """One of them."""

    def take(self, dead: str, worker: str, *, sure: bool = True) -> Sequence[Held]:
        """Some of a dead worker's answers; each is given to exactly one. Empty when none is left, and where it isn't
        `sure` that the worker is dead, when it was heard of after all."""

    def adopt(self, held: Held, worker: str) -> Turn | None:
        """The running turn, this worker's from now on; None if it has ended, or its session is gone."""

    def lost(self, worker: str, held: Sequence[Held]) -> Sequence[bool]:
        """Whether another worker has adopted each of them."""

    def drop(self, worker: str, answer_id: str) -> None:
        """Nothing is left to do for this answer."""

    def stop(self, answer_id: str) -> None:
        """Tell every worker that this answer is to be stopped."""

    def news(self, worker: str, cursors: Mapping[Followed, str], wait: float) -> News:
        """Waits at most `wait` seconds for anything new; one connection for all that is followed."""

    def nudge(self, worker: str) -> None:
        """End this worker's own wait for news."""

    def reading(self, followed: Collection[Followed]) -> None:
        """Say that these are read here; holds for some seconds."""

    def read_elsewhere(self, followed: Sequence[Followed]) -> Sequence[bool]:
        """Whether somebody reads them on another worker."""


class FileStore(Protocol):
    """What files say, kept with the session."""

    def add_part(self, owner: Owner, session_id: str, file_id: str, part: FileText) -> None:
        """Keep one part of a file; many small round trips, so that nothing stalls."""

    def finish_file(self, owner: Owner, session_id: str, file: StoredFile) -> None:
        """List the file with its session, and count its text as its owner's; or forget it, if the session is gone.
        A file that is never finished expires by itself."""

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

    def delete(self, owner: Owner, session_id: str) -> Sequence[str]:
        """Forget it with its answers and files, at once; the answers that were running in it, to be stopped.

        After a `StoreUnavailable` nobody knows whether it was deleted. For a minute, deleting it again is the same
        deletion and tells the same answers.
        """


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


class WireFormat(Protocol):
    """One pure encoder over the frames."""

    content_type: str

    def batch(self, first: int, frames: Sequence[Frame]) -> bytes:
        """The bytes of frames that leave together, each whole, numbered from `first`."""

    def heartbeat(self) -> bytes:
        """The bytes that say we are still here."""

    def reconnect(self, reason: str, backoff_ms: int) -> bytes:
        """The bytes that say: this connection ends here, the answer goes on."""


class Said(Struct, frozen=True):
    """What an answer came to before its worker died."""

    text: str
    asked: Asked | None = None
    response_id: str = ""
    """Under which upstream keeps the answer; empty where it doesn't."""
    since_opened: int = 0
    """How many frames came after upstream had opened the answer."""
    whole: bool = False
    """Whether the admission is known as it was, so that an answer without a word can be begun again."""


class Line(Protocol):
    """What writes answers."""

    def answer(self, admission: Admission, stop: Stop) -> Iterator[Frame | Mark]:
        """One answer, from its beginning."""

    def go_on(self, admission: Admission, said: Said, stop: Stop) -> Iterator[Frame | Mark]:
        """The rest of an answer whose worker died."""


Counted: TypeAlias = Literal[
    "deltas", "resumes", "gaps", "cancels", "takeovers", "store_errors", "upstream_errors", "refusals"
]
Timed: TypeAlias = Literal["asked", "closed", "flushed"]
"""Seconds from a question to upstream being asked, from a stop to upstream's closed socket, from a frame to the log."""


class Meter(Protocol):
    """Counts what happens, for those who watch. Must not raise and must not wait."""

    def count(self, what: Counted, amount: int = 1, *, label: str = "") -> None:
        """So many more; `label` is an error's code, where `what` has kinds."""

    def time(self, what: Timed, seconds: float) -> None:
        """One that took so long."""

    def streams(self, change: int) -> None:
        """So many more readers are connected, or fewer."""


class Observer(Protocol):
    """Is told of every finished answer, from which logs and metrics are made."""

    def __call__(self, observation: Observation, /) -> None:
        """Must not raise and must not wait."""
