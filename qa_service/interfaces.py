"""This module holds the Protocols between the packages, and the values that go through them. A Protocol has what its
callers call, and no more; whoever brings another part to `assemble` writes a class with these methods.

Some Protocols have one implementation. They are here because the packages that call it may not name the classes of
`stores`."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from msgspec import Struct

from qa_service.deltas import Delta
from qa_service.file_news import FileNews, FileText
from qa_service.frames import Call, Frame, ImageResult, Reference, Start, VideoResult
from qa_service.model import (
    Drift,
    Exchange,
    Language,
    Owner,
    Picture,
    Prompt,
    ReadRequest,
    Repeat,
    Session,
    StoredFile,
    Summary,
)
from qa_service.search_interfaces import Index
from qa_service.turns import Admission, Asked, Mark, Observation, Turn

ELSEWHERE = ("handover", "lost")
"""After a stop for one of these reasons, another worker goes on with the answer."""


class Stop(Protocol):
    """A `Stop` is a signal that ends an answer early. Any thread may set it, once."""

    reason: str
    """It is empty until the signal is set. Then it is `cancelled`, `hangup`, `timeout`, `unstorable` or `interrupted`,
    or one of `ELSEWHERE`, after which nothing of the answer may be written here any more."""
    at: float
    """The signal was set at this moment, in seconds of `time.monotonic()`."""

    def is_set(self) -> bool:
        """Return whether the signal has been set."""

    def call_when_set(self, action: Callable[[], None]) -> Callable[[], None]:
        """Run `action` when the signal is set, in the thread that sets it. If the signal is set already, `action` runs
        at once. Returns a function that unregisters `action`."""


class Upstream(Protocol):
    """An `Upstream` is a model, or whatever else gives an answer piece by piece."""

    def open_answer(self, prompt: Prompt, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """Ask, and give the pieces of the answer. Either the last piece is `Finished`, or the iterator raises an
        `UpstreamError`, or `Cancelled` once `stop` is set. Setting `stop` also wakes a read that waits.

        The connection is closed when the context is left. An upstream that keeps the answer gives `Opened` before all
        else.
        """


@runtime_checkable
class Attaching(Protocol):
    """An `Attaching` upstream keeps its answers under an id, so that another worker can go on with them."""

    def attach_answer(self, prompt: Prompt, response_id: str, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """Give the pieces of an answer that was opened before. They come from its beginning and are the same as then,
        without `Opened`. Of the prompt only `model` is needed. Raises `UpstreamError` where there is no such answer."""


@runtime_checkable
class Seeing(Protocol):
    """A `Seeing` upstream shows the pictures of a prompt to models that can see. Any other upstream reads only the text
    of the messages."""

    def can_see(self, model: str) -> bool:
        """Tell whether this model takes pictures, as far as that is known."""


class FileReader(Protocol):
    """A `FileReader` reads uploads of any kind, outside of the worker's process."""

    def read_upload(self, request: ReadRequest, stop: Stop) -> Iterator[FileNews]:
        """Give progress, passages in parts or one picture, and one `FileEnd` at last. A bad file gets a verdict and
        raises nothing.

        A file for which the request's time was too short ends with the reason `over_quota`.
        """


class DriftDetector(Protocol):
    """A `DriftDetector` decides whether a question goes on with the topic of its session, begins a new one, or belongs
    to an earlier one."""

    def judge_topic(self, question: str, session: Session, coverage: Mapping[int, float]) -> Drift:
        """Compare the question with the session's turns, within a few milliseconds. Where that leaves doubt, the topic
        goes on.

        `coverage` maps the number of a topic to the part of the question, between 0 and 1, that the topic's files have
        words for. Topics without files aren't in it.
        """


class MediaQuery(Struct, frozen=True):
    """A `MediaQuery` says what pictures and videos are searched for, and for whom."""

    text: str
    language: Language = "en"
    """The question is in this language."""


MediaResult: TypeAlias = ImageResult | VideoResult


class MediaSearch(Protocol):
    """A `MediaSearch` asks one search service for pictures or videos."""

    @property
    def name(self) -> str:
        """Return the name by which the log calls the service."""

    def find_media(self, query: MediaQuery) -> Sequence[MediaResult]:
        """Return a few results, best first, or none. Raises `SearchFailed` where the service doesn't answer as it
        should. It runs in a thread of its own and should end within some seconds."""


class Reserved(Struct, frozen=True):
    """A `Reserved` names the answer that an idempotency key stands for already."""

    answer_id: str
    fingerprint: str
    begun: bool = False
    """This says whether that answer has been admitted. If it has, and isn't found any more, it was deleted."""


class TopicContext(Struct, frozen=True):
    """A `TopicContext` is what a model sees of a topic: its latest exchanges, and what stands for those before."""

    exchanges: tuple[Exchange, ...]
    summary: Summary | None = None


class Removal(Struct, frozen=True):
    """A `Removal` says which turns of a session a question replaces. They are removed when the question has claimed the
    session, in the same write; until then nothing changes."""

    session: Session
    """This is the session as it is without them, which is how the question finds it."""
    answer_ids: Sequence[str]
    """These are all answers of the session as it was loaded, oldest first."""
    kept: Sequence[Turn]
    """These turns are left, oldest first."""
    removed: Sequence[Turn]
    """These turns are removed, oldest first. There is at least one."""
    files: Sequence[StoredFile]
    """These files came with the turns, and are removed, too."""
    contexts: Mapping[int, TopicContext]
    """For each topic that loses turns, this is what a model sees of it without them."""


class Claim(Struct, frozen=True):
    """A `Claim` asks the store to let a question be answered in its session."""

    owner: Owner
    expected_topic: int
    """This is the number of the session's topic when the session was loaded, or 0 if there was no such session."""
    turn: Turn
    """This is the running turn. Its topic is the expected one, an earlier one, which is reopened, or the next one,
    which begins with it."""
    title: str
    """A new session gets this title."""
    topic_title: str
    """A new topic gets this title."""
    reject_busy: bool
    """This says whether a session that is answering refuses the question. Otherwise the running answer is replaced."""
    start: Start
    """This is the first frame of the answer, with which its shared log begins."""
    seed: tuple[Turn, ...] = ()
    """A new session begins with these finished turns."""
    admission: Admission | None = None
    """This is the admission, where another worker may have to begin the answer again."""
    repeat: Repeat | None = None
    """A repetition of this question finds the answer by this key."""
    removal: Removal | None = None
    """The claim removes these turns, if the question replaces any."""


class Claimed(Struct, frozen=True):
    """A `Claimed` says what came of a claim that wasn't refused."""

    moved: bool = False
    """This says whether the session is in another topic than expected, or, where turns were to be removed, whether its
    turns have changed since they were read. Then nothing was written, and it must be loaded again."""
    replaced: Sequence[str] = ()
    """These are the ids of the answers that were running in the session. They are to be stopped."""


Saved: TypeAlias = Literal["saved", "gone", "lost"]
"""`gone` says that there is no such session any more, `lost` that another worker has taken the answer over."""


SESSION_TOPICS = 1_000
"""A session has at most this many topics, since all of them are loaded with it. After that no new one begins."""


class SessionStore(Protocol):
    """A `SessionStore` keeps sessions, and does with them what answering needs. Each method costs one trip to the
    store, rarely two, and raises `StoreUnavailable` where the store doesn't answer."""

    def load_session(self, owner: Owner, session_id: str) -> Session | None:
        """Return the session with the context of its current topic, or None where this owner has no such session."""

    def load_context(self, owner: Owner, session_id: str, topic: int) -> TopicContext:
        """Return the context that this topic of the session has when it is reopened. It is empty where there is no such
        topic."""

    def claim_session(self, claim: Claim) -> Claimed:
        """Make the session answer this question, in one atomic write: mark it busy, remove the turns that are replaced,
        open or reopen the topic, which forgets the context of the last one, and append the running turn.

        Raises `Busy` where the session is answering and the claim says `reject_busy`, and `OverQuota` where its owner
        has no room in the store, even without the turns that are replaced. Then nothing was written."""

    def save_turn(self, owner: Owner, turn: Turn) -> Saved:
        """Replace the running turn by this finished one, extend the context if the topic is still the current one, and
        mark the session busy no longer. Saving a turn twice is the same as saving it once."""


class SummaryWish(Struct, frozen=True):
    """A `SummaryWish` asks for a summary of a topic whose turns have become long."""

    owner: Owner
    session_id: str
    topic: int
    answer_id: str
    """This is the answer after which the summary is made."""
    model: str
    language: Language


class LongTopic(Struct, frozen=True):
    """A `LongTopic` holds what there is to sum up."""

    turns: Sequence[Exchange]
    """These are the turns that prompts can have, oldest first."""
    answer_ids: Sequence[str]
    """These are the ids of their answers, in the same order."""
    before: Summary | None
    """This is the topic's summary so far."""
    stored: str
    """This is that summary as it is stored."""


class MadeSummary(Struct, frozen=True):
    """A `MadeSummary` is a new summary of a topic."""

    topic: int
    text: str
    """It is empty where the model gave none. Then only the call is kept."""
    covered: Sequence[str]
    """It stands for these answers, and for all before them."""
    before: str
    """This is the summary, as it was stored, whose place it takes."""
    answer_id: str
    """The call is added to those of this answer."""
    call: Call | None = None


class SummaryStore(Protocol):
    """A `SummaryStore` keeps the summaries of topics. Its methods raise `StoreUnavailable` where the store doesn't
    answer."""

    def load_topic(self, owner: Owner, session_id: str, topic: int) -> LongTopic | None:
        """Return what there is to sum up, or None where the session is gone or in another topic."""

    def keep_summary(self, owner: Owner, session_id: str, made: MadeSummary) -> bool:
        """Keep a summary and its call, in one write, and return whether the summary was kept. It isn't where another
        one was kept meanwhile, or where one of the turns that it stands for is gone; the call is counted all the
        same."""


class Repeats(Protocol):
    """A `Repeats` store finds the answer that a repeated question has already."""

    def reserve_key(self, owner: Owner, repeat: Repeat, answer_id: str) -> Reserved | None:
        """Reserve the key for this answer until the answer has begun. Returns None if the key was free, and otherwise
        what it stands for."""

    def knows_key(self, owner: Owner, key: str) -> bool:
        """Tell whether this key of the owner's stands for an answer, or is reserved for one."""

    def knows_answer(self, owner: Owner, answer_id: str) -> bool:
        """Tell whether this owner has such an answer."""

    def release_key(self, owner: Owner, repeat: Repeat, answer_id: str, *, begun: bool = False) -> None:
        """Free the key, because this answer didn't begin or, with `begun`, because it began and was deleted. Nothing
        happens where the key stands for something else."""


class Limiter(Protocol):
    """A `Limiter` bounds how often an owner may ask."""

    def take_question(self, owner: Owner) -> float:
        """Take one of the questions that the owner may ask now, and return 0. Where none is left, nothing is taken, and
        the seconds to wait are returned."""

    def seconds_to_wait(self, owner: Owner) -> float:
        """Return the seconds that `take_question` would return now. Nothing is taken."""


class Arrival(Struct, frozen=True):
    """An `Arrival` holds what the store knows about a question that has just come."""

    wait: float
    """The owner may ask after this many seconds. It is 0 where the question may be asked now."""
    session: Session | None
    """This is the session as `SessionStore.load_session` gives it."""
    has_room: bool = True
    """This says whether more of the store may be taken for the owner, as `Quotas` counts it. The claim decides, since
    it also knows what the question replaces and which questions came at the same time."""


class Arrivals(Protocol):
    """An `Arrivals` store makes the first trip to the store for every question."""

    def receive_question(self, owner: Owner, session_id: str) -> Arrival:
        """Do what `Limiter.take_question` and `SessionStore.load_session` do, and look whether the owner has room in
        the store, in one trip. It may take more where an owner seems to have no room."""


class Allowance(Struct, frozen=True):
    """An `Allowance` says how much an owner may still use for one session."""

    files: int
    """The session may still take this many files."""
    bytes: int
    """This many bytes of the store may still be taken for the owner. Visitors with the same address share them."""
    seconds: float
    """Files may still be read for the owner for this many seconds in this hour."""

    @property
    def is_used_up(self) -> bool:
        """Tell whether no file is to be read any more."""
        return self.files < 1 or self.bytes < 1 or self.seconds <= 0


class Quotas(Protocol):
    """A `Quotas` store counts how much of the store and of the readers an owner uses, and says what is left."""

    def load_allowance(self, owner: Owner, session_id: str) -> Allowance:
        """Return what is left now. Files that are being read at this moment aren't counted yet."""

    def spend_seconds(self, owner: Owner, seconds: float) -> None:
        """Count that reading a file of this owner took this many seconds."""


class NewLogEntry(Struct, frozen=True):
    """A `NewLogEntry` holds what one answer adds to its shared log in one write."""

    owner: Owner
    answer_id: str
    first: int
    """This is the number of the first frame."""
    last: int
    """This is the number of the last frame. It is one less than `first` where the entry has only marks."""
    count: int
    """This answer had this many entries before."""
    items: Sequence[Frame | Mark]
    closed: bool = False
    """This says whether the answer has no frame behind these."""
    settled: bool = False
    """This says whether the turn is saved, so that nothing is left to do for the answer."""


AppendOutcome: TypeAlias = Literal["kept", "gone", "lost", "refused", "unstorable"]
"""This says what became of an entry. `gone` says that there is no such log any more, and `lost` that another worker has
written on. `refused` says that the store answers but doesn't take the entry, for example because the store is full;
trying again may help, but not soon. `unstorable` says that the entry can't be encoded, now or later."""


class LogEntry(Struct, frozen=True):
    """A `LogEntry` is an entry of a shared log, as it is read."""

    first: int
    items: Sequence[Frame | Mark]


class StoredLog(Struct, frozen=True):
    """A `StoredLog` is the shared log of an answer, as it is read."""

    session_id: str
    last: int
    """This is the number of the last frame if the answer is over, and otherwise 0."""
    entries: Sequence[LogEntry]
    """These are the entries of the log. There are none where the log has expired."""
    cursor: str
    """This is the position behind the last entry. Reading from there gives what comes later."""


class LogStore(Protocol):
    """A `LogStore` keeps the shared logs of running answers and, for some time, of finished ones."""

    def append_entries(self, entries: Sequence[NewLogEntry]) -> Sequence[AppendOutcome]:
        """Append entries of any number of answers, in one trip. An entry that begins with the first frame makes the
        log if there is none; for any other the log must be there."""

    def read_log(self, owner: Owner, answer_id: str) -> StoredLog | None:
        """Return all that is there of an answer, or None where this owner has no such answer."""


class HeldAnswer(Struct, frozen=True):
    """A `HeldAnswer` is what a worker leaves of an answer for the worker that takes it over."""

    owner: Owner
    answer_id: str
    session_id: str
    admission: Admission | None = None
    """This is the admission of the question, if another worker may begin the answer again."""
    deaths: int = 0
    """This many workers in a row have died while they held the answer, since it last got a new word."""
    said: int = 0
    """The answer had this many characters when it was last taken over."""


class FollowedAnswer(Struct, frozen=True):
    """A `FollowedAnswer` is read here while another worker writes it."""

    owner: Owner
    answer_id: str


class WorkerNews(Struct, frozen=True):
    """A `WorkerNews` holds what a worker hears from others in one wait."""

    stops: Sequence[str] = ()
    """The answers with these ids are to be stopped, wherever they are written."""
    entries: Mapping[str, Sequence[LogEntry]] = {}
    """This maps an answer's id to the new entries of its log."""
    cursors: Mapping[str, str] = {}
    """This maps an answer's id to the position from which its log is to be read next."""


class WorkerStore(Protocol):
    """Workers use a `WorkerStore` to tell each other that they live, what they write and read, and what is to be
    stopped."""

    def announce_life(self, worker: str) -> tuple[Sequence[str], bool]:
        """Say that this worker lives. Returns the workers that have been silent for too long, and whether this one was
        taken for dead meanwhile."""

    def withdraw_worker(self, worker: str) -> None:
        """Say that this worker writes no more, so that others may take over at once what it holds."""

    def held_ids(self, worker: str) -> Collection[str]:
        """Return the ids of the answers that this worker holds."""

    def read_held(self, worker: str, answer_id: str) -> HeldAnswer | None:
        """Return what this worker holds of the answer, or None where it doesn't hold the answer."""

    def take_from_dead(self, dead: str, worker: str, *, sure: bool = True) -> Sequence[HeldAnswer]:
        """Move some of the answers that a dead worker holds to this one, and return them. No two workers get the same
        answer. Each answer's count of deaths rises by one, unless the dead worker had withdrawn. Returns nothing when
        no answer is left, and nothing where the caller isn't `sure` that the worker is dead and the worker was heard
        of meanwhile."""

    def keep_held(self, worker: str, held: HeldAnswer) -> None:
        """Replace what this worker holds of an answer. Nothing happens where it holds the answer no longer."""

    def adopt_answer(self, held: HeldAnswer, worker: str) -> Turn | None:
        """Make this worker the writer of an answer. Returns the running turn, or None if the answer has ended or was
        deleted."""

    def find_lost(self, worker: str, held: Sequence[HeldAnswer]) -> Sequence[bool]:
        """Return for each of these answers whether another worker has adopted it."""

    def drop_held(self, worker: str, answer_id: str) -> None:
        """Let this worker hold an answer no longer, because nothing is left to do for it."""

    def announce_stop(self, answer_id: str) -> None:
        """Tell all workers that this answer is to be stopped."""

    def wait_for_news(self, worker: str, cursors: Mapping[FollowedAnswer, str], wait: float) -> WorkerNews:
        """Wait at most `wait` seconds for stops, and for new entries of the followed answers behind their cursors."""

    def end_wait(self, worker: str) -> None:
        """Wake this worker's own thread from its wait for news, because from now on it has to wait for more answers."""

    def announce_reading(self, followed: Collection[FollowedAnswer]) -> None:
        """Say that these answers are read here. That is true for some seconds, and must be said again."""

    def find_read_elsewhere(self, followed: Sequence[FollowedAnswer]) -> Sequence[bool]:
        """Return for each of these answers whether another worker has said that it is read there."""


class FileStore(Protocol):
    """A `FileStore` keeps the passages and pictures of files with their session."""

    def add_part(self, owner: Owner, session_id: str, file_id: str, part: FileText) -> int:
        """Keep one part of a file, and return how many bytes of the store it takes, with all that is kept to find its
        words. A file comes in many small parts, so that no other request waits for it."""

    def add_picture(self, owner: Owner, session_id: str, file_id: str, picture: Picture, page: int = 1) -> None:
        """Keep one page of a file that is a picture."""

    def load_pictures(self, owner: Owner, session_id: str, files: Sequence[StoredFile]) -> Sequence[Sequence[Picture]]:
        """Return the pages of each of these pictures. Those that aren't there any more are left out."""

    def finish_file(self, owner: Owner, session_id: str, file: StoredFile) -> None:
        """List the file with its session, and count its size for its owner. If the session is gone, the file is
        forgotten. A file that is never finished expires by itself."""

    def open_index(self, owner: Owner, session_id: str, files: Sequence[StoredFile]) -> Index:
        """Return one index over these files. Its passages are numbered in the order of the files."""


class PictureStore(Protocol):
    """A `PictureStore` keeps the pictures that were drawn in answers."""

    def keep_picture(self, owner: Owner, session_id: str, answer_id: str, index: int, picture: Picture) -> bool:
        """Keep a picture with its session, in place of one with the same number. Returns False if the answer is no
        longer part of the session."""


class AnswerSoFar(Struct, frozen=True):
    """An `AnswerSoFar` says how far an answer had come when it was taken over."""

    text: str
    asked: Asked | None = None
    response_id: str = ""
    """Upstream keeps the answer under this id. It is empty where upstream doesn't keep it."""
    since_opened: int = 0
    """The shared log has this many frames behind the last mark `Opened`, which says that upstream keeps the answer."""
    repeatable: bool = True
    """This says whether this release makes the same frames as the worker before it made behind that mark."""
    whole: bool = False
    """This says whether the whole admission is known, so that the answer can be begun again."""
    deaths: int = 0
    """This many workers in a row have died with the answer, since it last got a new word."""
    references: tuple[Reference, ...] = ()
    """Readers of this text know these sources already."""


class AnswerWriter(Protocol):
    """An `AnswerWriter` makes the frames of answers."""

    def write_answer(self, admission: Admission, stop: Stop) -> Iterator[Frame | Mark]:
        """Give the frames of one answer from its beginning. Each frame is made when it is asked for."""

    def continue_answer(self, admission: Admission, said: AnswerSoFar, stop: Stop) -> Iterator[Frame | Mark]:
        """Give the frames that an answer still lacks after it was taken over."""


class DrawingPlace(Struct, frozen=True):
    """A `DrawingPlace` says where the lines of pictures are shared: under their owner, the request's digest, and the
    id of the one drawing that was begun for it."""

    owner: Owner
    request: str
    drawing_id: str


LinesEnd: TypeAlias = Literal["", "whole", "cut"]
"""A `LinesEnd` says how the lines of pictures ended. It is empty while more may come."""


class LineNews(Struct, frozen=True):
    """A `LineNews` is what a worker tells of the lines that it writes: their next pieces, whether all of them were told
    with these, and how they ended."""

    pieces: Sequence[bytes] = ()
    is_all: bool = False
    end: LinesEnd = ""


class SharedLines(Struct, frozen=True):
    """A `SharedLines` is what a worker reads of lines that another one writes. `last` is where the next read begins.
    `is_claimed` says whether they are still being written."""

    pieces: Sequence[bytes]
    last: str
    is_claimed: bool
    end: LinesEnd = ""


class DrawingShare(Protocol):
    """A `DrawingShare` lets workers find pictures that another one has begun for the same request, and read their
    lines. The pieces of the lines are shared only while somebody reads them elsewhere. All methods raise
    `StoreUnavailable`."""

    def claim_drawing(self, place: DrawingPlace) -> str:
        """Claim a request for this place's drawing, for some seconds, and return its id. If another drawing has claimed
        the request, return that one's id. Its writer learns then that somebody will read."""

    def share_lines(self, place: DrawingPlace, news: LineNews) -> bool:
        """Keep the claim for some more seconds, share the news, and return whether somebody elsewhere reads.

        With an `end` the claim ends, unless somebody reads who doesn't have all pieces yet: then nothing ends, and the
        result is True. Nothing happens where another drawing has the claim.
        """

    def read_lines(self, place: DrawingPlace, after: str) -> SharedLines:
        """Read a few pieces behind `after`, which is empty at the beginning, and tell the writer that somebody does."""


Counted: TypeAlias = Literal[
    "deltas", "resumes", "gaps", "cancels", "takeovers", "store_errors", "upstream_errors", "refusals"
]
Timed: TypeAlias = Literal["asked", "closed", "flushed"]
"""These times are measured, in seconds. `asked` is the time from a question until upstream is asked, `closed` the time
from a stop until upstream's connection is closed, and `flushed` the time between two flushes."""


class Meter(Protocol):
    """A `Meter` counts what happens, for those who watch the service. It must not raise and must not wait."""

    def count_event(self, what: Counted, amount: int = 1, *, label: str = "") -> None:
        """Count `amount` more events of this kind. `label` is the code of an error, for those kinds that are counted by
        code."""

    def record_time(self, what: Timed, seconds: float) -> None:
        """Note that something took this many seconds."""

    def count_streams(self, change: int) -> None:
        """Note that `change` more readers are connected; a negative `change` means fewer."""


class Observer(Protocol):
    """An `Observer` is called with a record of each finished answer, of which logs and metrics are made."""

    def __call__(self, observation: Observation, /) -> None:
        """Take the record. It must not raise and must not wait."""
