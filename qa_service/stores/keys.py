"""The names of everything in Redis, and the values under them.

    qa:{owner.session}:head        hash    v, createdAt, updatedAt, found, title, topic, title:N, turns:N
    qa:{owner.session}:turns       list    answer ids, oldest first
    qa:{owner.session}:answers     hash    answer id → turn
    qa:{owner.session}:context     list    answer ids of the current topic, oldest first: what a model may see
    qa:{owner.session}:files       hash    file id → file
    qa:{owner.session}:file:ID     hash    passage:N, first:PAGE, count:PAGE, part:N, w:WORD → its postings
    qa:{owner.session}:running     hash    answer id → the worker that writes it
    qa:{owner.session}:deleted     list    of a session just deleted: how many answers ran, their ids, all answers' ids
    qa:{owner.answer}:at           hash    session, last: the number of its last frame, once written
    qa:{owner.answer}:log          stream  "last number-entries before" → first: number, items: frames, marks
    qa:{owner.answer}:read         string  it is read elsewhere than it is written, for some seconds at a time
    qa:{owner}:sessions            zset    session id by its last change
    qa:{owner}:rate                string  when the next question may come, in the store's milliseconds
    qa:{owner.network}:rate        string  the same for all visitors of a wider network
    qa:{owner.network}:rate:ADDR   string  the same for one visitor's address in it
    qa:{owner}:space               hash    s:SESSION → bytes of text kept for it; total: their sum
    qa:{owner}:reading             string  seconds that reading the owner's files took in this hour
    qa:{owner}:repeat:KEY          string  "answer id fingerprint"
    qa:{workers}:alive             zset    worker by its last sign of life, in the store's milliseconds; below zero:
                                           by when it was found to be dead and to hold nothing
    qa:{workers}:ID:holds          hash    answer id → what is needed to take it over
    qa:{workers}:ID:nudge          stream  wakes that worker
    qa:{workers}:stops             stream  answer ids to be stopped, whoever writes them
    qa:{workers}:probe:KIND        any     what a store is tried out with, for a second

Every key but the workers' carries its owner, so nothing of one owner's is found under another's. The keys of one
session share a hash tag. Values are JSON; sessions, turns and files say their version, and a file's passages are
of its.
"""

from qa_service.model import Owner

ALIVE = "qa:{workers}:alive"
STOPS = "qa:{workers}:stops"
PROBES = tuple(f"qa:{{workers}}:probe:{kind}" for kind in ("string", "hash", "list", "zset", "stream"))
"""What a store is tried out with."""


def session_key(owner: Owner, session_id: str, name: str) -> str:
    """A key of one session."""
    return f"qa:{{{owner.key}.{session_id}}}:{name}"


def answer_key(owner: Owner, answer_id: str, name: str) -> str:
    """A key of one answer, found without its session."""
    return f"qa:{{{owner.key}.{answer_id}}}:{name}"


def owner_key(owner: Owner, name: str) -> str:
    """A key of an owner as a whole; anonymous callers are told apart by their address."""
    return f"qa:{{{owner.key}{owner.address and '.' + owner.address}}}:{name}"


def rate_keys(owner: Owner) -> list[str]:
    """What counts an owner's questions: the owner, or a visitor's address and then the network around it, if known."""
    if not owner.network:
        return [owner_key(owner, "rate")]
    network = f"qa:{{{owner.key}.{owner.network}}}:rate"
    return [f"{network}:{owner.address}", network]


def repeat_key(owner: Owner, key: str) -> str:
    """Where a repeated question finds its answer; an anonymous caller's, from whichever address."""
    return f"qa:{{{owner.key}}}:repeat:{key}"


def worker_key(worker: str, name: str) -> str:
    """A key of one worker; all workers' share a hash tag."""
    return f"qa:{{workers}}:{worker}:{name}"
