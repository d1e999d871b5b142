"""This module holds what a worker is told about the answers that it runs: bounds and durations."""

from msgspec import Struct


class Pace(Struct, frozen=True, kw_only=True):
    """A `Pace` holds durations in seconds. They depend on each other and on the durations of the store
    (`stores/workers.py`), so sites don't set them. Tests shorten them."""

    flush: float = 0.05
    """This is the pause between two flushes of new frames to the shared log. Where a flush takes long, the pause grows
    with it."""
    longest_flush: float = 0.5
    """This is the longest pause between two flushes. When a worker dies, other workers may lack what its answers got in
    this time."""
    back_off: float = 1.0
    """This is the longest pause after the store has taken nothing, or not all. The pause begins with `flush` and
    doubles."""
    give_up: float = 600.0
    """When an answer is over and the store is away, the answer's log waits for the store until this long after the
    answer's time limit."""
    tick: float = 0.25
    """This is the time between two rounds of the keeper."""
    look: float = 1.0
    """After this time the keeper wakes each reader that waits, so that the reader notices the time and a closed
    connection."""
    beat: float = 1.0
    """This is the time between two signs of life of this worker."""
    absent: float = 2.5
    """A worker of which others haven't heard for this long says that it lives before it claims an answer. Others wait
    twice as long before they take it for dead."""
    settle: float = 6.0
    """After the store was away, it takes this long until all workers that live have been heard of again."""
    strays: float = 10.0
    """This is the time between two looks for answers that this worker holds and doesn't write."""
    news: float = 1.0
    """One call waits this long at the store for news of other workers."""
    pause: float = 0.5
    """This is the pause after a call for news that failed."""
    stale: float = 3.0
    """An answer of another worker that was silent for this long is looked up, because it may be over or deleted."""
    early: float = 60.0
    """A stop is remembered this long for an answer that isn't here yet. A worker finds a claim whose reply was lost in
    less time."""
    threads: float = 1.0
    """This is the time between two looks whether the worker's threads run."""
    poll: float = 0.02
    """This is the time between two looks whether a worker that ends has written everything to the shared log."""
    cancel: float = 2.0
    """A caller that cancels an answer waits this long for the answer's end. Upstream's connection is closed within one
    second."""
    join: float = 5.0
    """A repeated question waits this long until the first one is admitted."""


class RunnerSettings(Struct, frozen=True, kw_only=True):
    """A `RunnerSettings` holds what is decided about the answers of a worker when it is assembled. Times are in
    seconds."""

    answers: int
    """This many answers may be written here at a time."""
    answer_seconds: float
    """An answer may take this long."""
    grace_seconds: float
    """An answer that nobody reads goes on for this long."""
    background: bool
    """This says whether upstream keeps answers, so that another worker can go on with them."""
    pace: Pace = Pace()
