"""The desk decides whether a question is answered. It may refuse the question because of its idempotency key, the rate
limit, its owner's quota, a lack of room, or a busy session.

After `admit` nothing refuses the question any more; until then every refusal is an HTTP status.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from msgspec import Struct, structs

from qa_service.clock import now
from qa_service.errors import NO_ROOM, IdempotencyMismatch, OverQuota, QAError, RateLimited, StoreUnavailable
from qa_service.frames import TopicNotice
from qa_service.interfaces import (
    SESSION_TOPICS,
    Arrival,
    Arrivals,
    Claim,
    Claimed,
    DriftDetector,
    Meter,
    Removal,
    Repeats,
    Reserved,
    SessionStore,
)
from qa_service.model import Drift, Exchange, Message, Owner, Question, Repeat, Rewind, Session, Topic
from qa_service.single_use import is_single_use
from qa_service.storable import storable
from qa_service.turns import Admission, Turn

HARD_TO_GUESS = 22
"""A session id that an anonymous caller chose has at least this many characters. 128 random bits in base 64 have as
many, and a UUID has more."""
_TITLE = 80
"""A title has at most this many characters."""
_ATTEMPTS = 5
"""A claim is tried at most this many times. It is tried again where the session has changed since it was loaded."""
SEED = 20
"""A new session begins with at most this many exchanges of the field `messages`."""
PREDECESSORS = 20
"""A turn names at most this many of the answers that stood in its place before, the latest ones."""


class Room(Protocol):
    """A `Room` bounds how many answers this worker writes at a time."""

    def reserve_place(self) -> None:
        """Take a place for one more answer. Raises `Draining` or `Overloaded` where there is none."""

    def announce_life(self) -> None:
        """Make sure that others know this worker as living, since it is about to claim an answer."""

    def release_place(self) -> None:
        """Give a place back in which there will be no answer."""


class Repeated(Struct, frozen=True):
    """A `Repeated` names the answer that a repeated question has already, whether finished or not."""

    answer_id: str
    begun: bool = False
    """This says whether that answer had been admitted when the repetition was noticed."""


class FoundSession(Struct, frozen=True):
    """A `FoundSession` is a session as a question finds it. A session that isn't stored yet is made for it."""

    session: Session
    topic: int = 0
    """This is the number of the topic that the store has the session in, or 0 where it isn't stored."""
    removal: Removal | None = None
    """This says which turns the question replaces. `session` is without them."""


class Desk(Struct, frozen=True):
    """A `Desk` admits questions, and counts those that it refuses. `stop` stops the answer that a new question
    replaces, and doesn't wait for that answer's end. It raises nothing but `QAError`. `find_removal` finds which turns
    of its session it replaces, which the claim then removes."""

    sessions: SessionStore
    repeats: Repeats
    arrivals: Arrivals
    detector: DriftDetector
    room: Room
    meter: Meter
    stop: Callable[[str], None]
    find_removal: Callable[[Owner, str, Rewind], Removal | None]
    model: str
    background: bool = False
    """This says whether another worker can begin an answer again."""
    measure_coverage: Callable[[Question, Session], Mapping[int, float]] = lambda question, session: {}
    """This says of each topic with files which part of the question those files have words for."""

    def admit(self, question: Question) -> Admission | Repeated:
        """Claim the session, and a place in this worker, which `Runner.start_answer` fills.

        Raises `IdempotencyMismatch`, `RateLimited`, `OverQuota`, `Draining`, `Overloaded`, `Busy` or
        `StoreUnavailable`. Then nothing is left behind and no turn was removed, unless the store made the claim and its
        reply was lost. This worker finds such a claim some seconds later, and goes on with it as with a claim of a
        worker that died.
        """
        try:
            return self._admit(question)
        except QAError as error:
            self.meter.count_event("refusals", label=error.code)
            raise

    def admit_new(self, question: Question) -> Admission:
        """Claim the session and a place, as `admit` does, for a question that repeats no other and has no key. Nobody
        counts its refusals."""
        return self._let_in(question, secrets.token_hex(16), time.monotonic())

    def _admit(self, question: Question) -> Admission | Repeated:
        if not question.repeat:
            return self.admit_new(question)
        began, answer_id = time.monotonic(), secrets.token_hex(16)
        if reserved := self.repeats.reserve_key(question.owner, question.repeat, answer_id):
            return _recognize_repeat(reserved, question.repeat)
        try:
            return self._let_in(question, answer_id, began)
        except QAError:
            with suppress(StoreUnavailable):
                self.repeats.release_key(question.owner, question.repeat, answer_id)
            raise

    def forget(self, question: Question, repeated: Repeated) -> None:
        """Free the key of a repeated question whose answer isn't found. An answer that had been admitted has been
        deleted since then; any other may still be on its way, and keeps its key."""
        if question.repeat and repeated.begun:
            self.repeats.release_key(question.owner, question.repeat, repeated.answer_id, begun=True)

    def _let_in(self, question: Question, answer_id: str, began: float) -> Admission:
        session_id = choose_session_id(question)
        arrival = self.arrivals.receive_question(question.owner, session_id)
        check_wait(arrival.wait)
        if not (arrival.has_room or question.rewind):  # What a question replaces may make room: its claim decides.
            raise OverQuota(NO_ROOM)
        self.room.reserve_place()
        try:
            return self._claim_session(question, arrival, session_id, answer_id, began)
        except BaseException:
            self.room.release_place()
            raise

    def _claim_session(
        self, question: Question, arrival: Arrival, session_id: str, answer_id: str, began: float
    ) -> Admission:
        stored = arrival.session
        for _ in range(_ATTEMPTS):
            found = self._find_session(question, stored, session_id)
            drift = self._judge_topic(question, found.session)
            admission = self._build_admission(question, found, drift, answer_id, began)
            self.room.announce_life()
            claimed = self.sessions.claim_session(_build_claim(admission, found, background=self.background))
            if not claimed.moved:
                self._stop_replaced(claimed)
                return admission
            stored = self.sessions.load_session(question.owner, session_id)
        raise StoreUnavailable("the session changes too fast", retry_after=1)

    def _find_session(self, question: Question, stored: Session | None, session_id: str) -> FoundSession:
        if stored is None:
            return FoundSession(_begin_session(session_id, question.messages))
        removal = self.find_removal(question.owner, session_id, question.rewind) if question.rewind else None
        return FoundSession(removal.session if removal else stored, stored.topic, removal)

    def _judge_topic(self, question: Question, session: Session) -> Drift:
        if question.topic == "auto":
            coverage = self.measure_coverage(question, session) if session.context else {}
            return storable(self.detector.judge_topic(question.text, session, coverage))
        return Drift(question.topic == "new", 1.0 if question.topic == "new" else 0.0)

    def _build_admission(
        self, question: Question, found: FoundSession, drift: Drift, answer_id: str, began: float
    ) -> Admission:
        session = found.session
        # Where nothing was asked in the current topic yet, the question belongs to it, and no other topic begins.
        begins = not session.topic or (drift.drifted and _may_begin_topic(session))
        after = _next_topic(session, question.text) if begins else self._reopen_topic(question, found, drift)
        after = _forget_meanings(after)
        created_at, model = now(), question.model or self.model
        turn = Turn(
            answer_id,
            session.session_id,
            question.text,
            text="",
            status="running",
            topic=after.topic,
            created_at=created_at,
            language=question.language,
            echo=question.echo,
            instead_of=_list_predecessors(found.removal),
        )
        notice = TopicNotice(
            after.topic,
            drifted=begins and session.topic > 0,
            score=round(drift.score, 3),
            reopened=not begins and after.topic != session.topic,
        )
        return Admission(
            question,
            answer_id,
            after,
            created=not found.topic,
            topic=notice,
            model=model,
            created_at=created_at,
            turn=turn,
            began=began,
        )

    def _reopen_topic(self, question: Question, found: FoundSession, drift: Drift) -> Session:
        """Return the session in the earlier topic to which the question belongs, or as it is where there is none."""
        session = found.session
        if drift.reopened not in {topic.index for topic in session.topics if topic.turns}:
            return session
        if drift.reopened == session.topic:
            return session
        context = found.removal.contexts.get(drift.reopened) if found.removal else None
        context = context or self.sessions.load_context(question.owner, session.session_id, drift.reopened)
        return structs.replace(session, topic=drift.reopened, context=context.exchanges, summary=context.summary)

    def _stop_replaced(self, claimed: Claimed) -> None:
        for answer_id in claimed.replaced:
            # This question has claimed the session by now, so it goes on even where the older answer can't be stopped.
            with suppress(QAError):
                self.stop(answer_id)


def check_wait(wait: float, asked: str = "questions") -> None:
    """Raise `RateLimited` if a limiter lets the owner ask only after `wait` seconds. `asked` says what it counts."""
    if wait:
        seconds = int(wait) + 1
        raise RateLimited(f"too many {asked}; ask again in {seconds} s", retry_after=seconds)


def _recognize_repeat(reserved: Reserved, repeat: Repeat) -> Repeated:
    if reserved.fingerprint != repeat.fingerprint:
        raise IdempotencyMismatch("this Idempotency-Key stands for another question", field="idempotencyKey")
    return Repeated(reserved.answer_id, reserved.begun)


def choose_session_id(question: Question) -> str:
    """Return the id that the caller chose, or make a new one where there is none. A visitor's id that others could
    guess is replaced, too."""
    own = question.session_id
    guessable = question.owner.kind == "anonymous" and len(own) < HARD_TO_GUESS
    return secrets.token_hex(16) if not own or guessable else own


def shorten_title(question: str) -> str:
    """Shorten the first question of a session or a topic, to be its title until somebody gives it a better one."""
    line = " ".join(question.split())
    return line if len(line) <= _TITLE else line[: _TITLE - 1].rstrip() + "…"


def _forget_meanings(session: Session) -> Session:
    """Return the session without what only the detector needs, since an admission may be stored."""
    context = tuple(structs.replace(exchange, meaning=None) for exchange in session.context)
    return structs.replace(session, context=context, earlier=())


def _may_begin_topic(session: Session) -> bool:
    return session.topics[session.topic - 1].turns > 0 and len(session.topics) < SESSION_TOPICS


def _next_topic(session: Session, question: str) -> Session:
    number = len(session.topics) + 1
    topics = (*session.topics, Topic(number, shorten_title(question), 0))
    return Session(session.session_id, number, topics, files=session.files)


def _begin_session(session_id: str, messages: tuple[Message, ...]) -> Session:
    """Make a new session. It is empty, or has the caller's own messages as its first topic."""
    exchanges = _pair_messages(messages)[-SEED:]
    if not exchanges:
        return Session(session_id)
    topic = Topic(1, shorten_title(exchanges[0].question), len(exchanges))
    return Session(session_id, 1, (topic,), context=tuple(exchanges))


def _pair_messages(messages: tuple[Message, ...]) -> list[Exchange]:
    exchanges: list[Exchange] = []
    question = ""
    for message in messages:
        if message.role == "user":
            question = message.text
        elif message.role == "assistant" and question:
            exchanges.append(Exchange(question, message.text))
            question = ""
    return exchanges


def _list_predecessors(removal: Removal | None) -> tuple[str, ...]:
    """List the answers that stood in the place of a question that replaces these turns, oldest first."""
    if removal is None:
        return ()
    first = removal.removed[0]
    return (*first.instead_of, first.answer_id)[-PREDECESSORS:]


def _build_claim(admission: Admission, found: FoundSession, *, background: bool) -> Claim:
    question, turn = admission.question, admission.turn
    return Claim(
        question.owner,
        expected_topic=found.topic,
        turn=turn,
        title=admission.session.topics[0].title or shorten_title(question.text),
        topic_title=admission.session.topics[turn.topic - 1].title or shorten_title(question.text),
        reject_busy=question.on_busy == "reject",
        start=admission.build_start(),
        # No later question would read what was said before, in a session that is for a single question.
        seed=() if found.topic or is_single_use(turn.session_id) else _build_seed_turns(admission),
        admission=admission if background else None,
        repeat=question.repeat,
        removal=found.removal,
    )


def _build_seed_turns(admission: Admission) -> tuple[Turn, ...]:
    return tuple(
        Turn(
            secrets.token_hex(16),
            admission.session.session_id,
            exchange.question,
            exchange.text,
            status="completed",
            topic=1,
            created_at=admission.created_at,
        )
        for exchange in _pair_messages(admission.question.messages)[-SEED:]
    )
