"""What a worker is told about the answers it runs: bounds, and durations."""

from msgspec import Struct


class Pace(Struct, frozen=True, kw_only=True):
    """Durations in seconds. They depend on each other and on the store's own (`stores/workers.py`): sites don't vary
    them, tests shorten them."""

    flush: float = 0.05
    """The pause between two flushes of new frames to the shared log. Where one flush takes long, the pause grows with
    it."""
    longest_flush: float = 0.5
    """The longest pause between two flushes: so much of an answer may be lost to others when its worker dies."""
    back_off: float = 1.0
    """The longest pause after the store has taken nothing, or not all. It begins with `flush` and doubles."""
    give_up: float = 600.0
    """How long a finished answer waits for a store that is away until its log is written."""
    tick: float = 0.25
    """The time between two rounds of the keeper."""
    look: float = 1.0
    """How often the keeper wakes each reader that waits, so that it notices the time and a closed connection."""
    beat: float = 1.0
    """The time between two signs of life of this worker."""
    absent: float = 2.5
    """A worker that wasn't heard of for so long says that it lives before it claims an answer. Others wait twice as
    long before they take it for dead."""
    settle: float = 6.0
    """So long after a silence of the store all workers that live have been heard of again."""
    strays: float = 10.0
    """The time between two looks for answers that this worker holds and doesn't write."""
    news: float = 1.0
    """How long one call waits at the store for news of other workers."""
    pause: float = 0.5
    """The pause after a failed call for news."""
    stale: float = 3.0
    """An answer of another worker that was silent for so long is looked up: it may be over, or gone."""
    early: float = 60.0
    """How long a stop waits for an answer that isn't here yet. A claim whose reply was lost takes as long at most
    until its worker finds it."""
    threads: float = 1.0
    """The time between two looks whether the worker's threads run."""
    poll: float = 0.02
    """The time between two looks whether a worker that ends has said all it has to say."""
    cancel: float = 2.0
    """How long a caller that cancels an answer waits for its last word; upstream's connection is closed within one."""
    join: float = 5.0
    """How long a repeated question waits for the first one to be let in."""


class RunnerSettings(Struct, frozen=True, kw_only=True):
    """What whoever assembles a worker decides about the answers it runs; times are in seconds."""

    answers: int
    """How many answers may be written here at a time."""
    answer_seconds: float
    """How long an answer may take."""
    grace_seconds: float
    """How long an answer that nobody reads goes on."""
    background: bool
    """Whether upstream keeps answers, so that another worker can go on with them."""
    pace: Pace = Pace()
