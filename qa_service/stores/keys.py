"""The names of everything in Redis, and the values under them.

    qa:{owner.session}:head        hash    v, createdAt, updatedAt, found, title, topic, title:N, turns:N
    qa:{owner.session}:turns       list    answer ids, oldest first
    qa:{owner.session}:answers     hash    answer id → turn
    qa:{owner.session}:context     list    answer ids of the current topic, oldest first: what a model may see
    qa:{owner.session}:files       hash    file id → file
    qa:{owner.session}:file:ID     hash    passage:N, first:PAGE, count:PAGE, part:N, word:WORD → its postings
    qa:{owner.session}:running     string  "answer id worker", for ten seconds at a time
    qa:{owner.answer}:at           string  session id
    qa:{owner.answer}:live         string  the running turn as it stands, for ten seconds at a time
    qa:{owner}:sessions            zset    session id by its last change
    qa:{owner}:rate                string  when the next question may come
    qa:worker:ID:stops             list    answer ids that worker is asked to stop

Every key but a worker's carries its owner, so nothing of one owner's is found under another's. The keys of one
session share a hash tag. Values are JSON; sessions, turns and files say their version, and a file's passages are
of its.
"""

from qa_service.model import Owner

MARK_MS = 10_000
"""A running answer's mark and its text so far outlive their worker by at most this."""


def session_key(owner: Owner, session_id: str, name: str) -> str:
    """A key of one session."""
    return f"qa:{{{owner.key}.{session_id}}}:{name}"


def answer_key(owner: Owner, answer_id: str, name: str) -> str:
    """A key of one answer, found without its session."""
    return f"qa:{{{owner.key}.{answer_id}}}:{name}"


def owner_key(owner: Owner, name: str) -> str:
    """A key of an owner as a whole; anonymous callers are told apart by their address."""
    return f"qa:{{{owner.key}{owner.address and '.' + owner.address}}}:{name}"


def stops_key(worker: str) -> str:
    """Where a worker finds which of its answers to stop."""
    return f"qa:worker:{worker}:stops"
