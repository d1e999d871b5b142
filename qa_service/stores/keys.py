"""The names of everything in Redis, the values under them, and how long they are kept.

    key                            kind    value                                              kept
    qa:{owner.session}:head        hash    v, createdAt, updatedAt, found, title, topic,      session
                                           title:N and turns:N of each topic
    qa:{owner.session}:turns       list    answer ids, oldest first                           session
    qa:{owner.session}:answers     hash    answer id → turn                                   session
    qa:{owner.session}:context     list    answer ids of the current topic, oldest first:     session
                                           what a model may see
    qa:{owner.session}:files       hash    file id → file                                     session
    qa:{owner.session}:file:ID     hash    passage:N, first:PAGE, count:PAGE, part:N,         10 min, once finished
                                           w:WORD → its postings (word:WORD in version 1)     as long as its session
    qa:{owner.session}:running     hash    answer id → the worker that writes it              longest answer
    qa:{owner.session}:deleted     list    how many answers ran in a session just deleted,    1 min
                                           their ids, the ids of all its answers
    qa:{owner.answer}:at           hash    session, last: the number of its last frame,       2 × session
                                           once it is written
    qa:{owner.answer}:log          stream  "last number-entries before" → first: number,      QA_LOG_TTL, then
                                           items: frames and marks                            QA_LOG_DONE_TTL
    qa:{owner.answer}:read         string  it is read elsewhere than it is written            3 s
    qa:{owner}:sessions            zset    session id by its last change                      session
    qa:{owner}:rate                string  when the next question may come, in the store's    until then
                                           milliseconds
    qa:{owner.network}:rate        string  the same for all visitors of a wider network       until then
    qa:{owner.network}:rate:ADDR   string  the same for one visitor's address in it           until then
    qa:{owner}:space               hash    s:SESSION → bytes of text kept for it; total       4 × session
    qa:{owner}:reading             string  seconds that reading the owner's files took        1 h from the first
    qa:{owner}:repeat:KEY          string  "answer id fingerprint"                            10 s, once let in
                                                                                              QA_IDEMPOTENCY_TTL
    qa:{workers}:alive             zset    worker by its last sign of life, in the store's    QA_LOG_TTL
                                           milliseconds; below zero: by when it was found
                                           to be dead and to hold nothing
    qa:{workers}:ID:holds          hash    answer id → what is needed to take it over         QA_LOG_TTL
    qa:{workers}:ID:nudge          stream  wakes that worker                                  1 min
    qa:{workers}:stops             stream  answer ids to be stopped, whoever writes them      1 min
    qa:{workers}:probe:KIND        any     what a store is tried out with                     1 s

"session" is `QA_SESSION_TTL`, and begins again with every question.

Every key but the workers' carries its owner, so nothing of one owner's is found under another's. The keys of one
session share a hash tag. Values are JSON; sessions, turns and files say their version, and a file's passages have the
version of their file.
"""

from qa_service.model import Owner

ALIVE = "qa:{workers}:alive"
STOPS = "qa:{workers}:stops"
PROBES = tuple(f"qa:{{workers}}:probe:{kind}" for kind in ("string", "hash", "list", "zset", "stream"))
"""The keys on which `readiness` tries out a store."""


def session_key(owner: Owner, session_id: str, name: str) -> str:
    """A key of one session."""
    return f"qa:{{{owner.key}.{session_id}}}:{name}"


def answer_key(owner: Owner, answer_id: str, name: str) -> str:
    """A key of one answer, found without its session."""
    return f"qa:{{{owner.key}.{answer_id}}}:{name}"


def owner_key(owner: Owner, name: str) -> str:
    """A key of an owner as a whole; visitors are told apart by their address."""
    return f"qa:{{{owner.key}{owner.address and '.' + owner.address}}}:{name}"


def rate_keys(owner: Owner) -> list[str]:
    """The keys that count an owner's questions: one of the owner, or for a visitor one of the address and then one of
    the network around it, if the address is known."""
    if not owner.network:
        return [owner_key(owner, "rate")]
    network = f"qa:{{{owner.key}.{owner.network}}}:rate"
    return [f"{network}:{owner.address}", network]


def repeat_key(owner: Owner, key: str) -> str:
    """The key under which a repeated question finds its answer; a visitor finds it from any address."""
    return f"qa:{{{owner.key}}}:repeat:{key}"


def worker_key(worker: str, name: str) -> str:
    """A key of one worker; the keys of all workers share a hash tag."""
    return f"qa:{{workers}}:{worker}:{name}"
