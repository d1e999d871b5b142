"""This module makes the names of all keys in Redis. The table says what is under each key, and how long it is kept.

    key                            kind    value                                              kept
    qa:{owner.session}:head        hash    v, createdAt, updatedAt, found, title, topic,      session
                                           topics, title:N, turns:N and summary:N of each
                                           topic
    qa:{owner.session}:turns       list    answer ids, oldest first                           session
    qa:{owner.session}:answers     hash    answer id → turn, feedback:ID → its feedback       session
    qa:{owner.session}:context     list    answer ids of the current topic, oldest first:     session
                                           what a model may see
    qa:{owner.session}:files       hash    file id → file                                     session
    qa:{owner.session}:file:ID     hash    passage:N, first:PAGE, count:PAGE, part:N,         10 min, once finished
                                           w:WORD → its postings (word:WORD in version 1);    as long as its session
                                           or, of a picture, picture and mimeType
    qa:{owner.session}:images      hash    answer id:number → type, line end, a picture       session
    qa:{owner.session}:running     hash    answer id → the worker that writes it              longest answer
    qa:{owner.session}:deleted     list    how many answers ran in a session just deleted,    1 min
                                           their ids, the ids of all its answers
    qa:{owner.answer}:at           hash    session, last: the number of its last frame,       2 × session
                                           once it is written
    qa:{owner.answer}:log          stream  "last number-entries before" → first: number,      QA_LOG_TTL, then
                                           items and newer: frames and marks, v               QA_LOG_DONE_TTL
    qa:{owner.answer}:read         string  exists while the answer is read by a worker that   3 s
                                           doesn't write it
    qa:{owner}:sessions            zset    session id by its last change                      session
    qa:{owner}:rate                string  when the next question may come, in the store's    until then
                                           milliseconds
    qa:{owner.network}:rate        string  the same for all visitors of one network           until then
    qa:{owner.network}:rate:ADDR   string  the same for one visitor's address in it           until then
    qa:{owner}:searches, …         string  like `rate`, but for searches of the knowledge     until then
                                           base; also of networks and of addresses in them
    qa:{owner}:space               hash    s:SESSION → bytes that are kept for it; total;     4 × session
                                           of visitors of one network in qa:{owner.network}
    qa:{owner}:reading             string  seconds that reading the owner's files took;       1 h from the first file
                                           of visitors of one network in qa:{owner.network}
    qa:{owner}:repeat:KEY          string  "answer id fingerprint"                            10 s; once the answer is
                                                                                              let in, QA_IDEMPOTENCY_TTL
                                                                                              or the longest answer
    qa:{owner.REQUEST}:drawing     string  the id of the pictures that are being drawn for    10 s, while they are drawn
                                           this request
    qa:{owner.REQUEST}:watched     string  exists while another worker reads their lines      3 s
    qa:{owner.REQUEST}:lines:ID    stream  p: a piece of their lines; end: how they ended     1 min after the last piece
    qa:{feedback}:LIST             zset    "owner session answer" by the time of its          2 × session
                                           feedback, for those who may read this list
    qa:{workers}:alive             zset    each worker by the time of its last sign of life,  QA_LOG_TTL
                                           in the store's milliseconds; 0: it withdrew; 1:
                                           it died, and some of its answers were taken;
                                           below 0: minus the time when it was found to be
                                           dead and to hold nothing
    qa:{workers}:ID:holds          hash    answer id → what is needed to take it over         QA_LOG_TTL
    qa:{workers}:ID:nudge          stream  an entry here ends that worker's wait for news     1 min
    qa:{workers}:stops             stream  answer ids to be stopped, whoever writes them      1 min
    qa:{workers}:probe:KIND        any     test values with which `readiness` tries the store 1 s

"session" means `QA_SESSION_TTL`, which begins again with every question. For a session that is for a single question it
means `QA_LOG_TTL`. "longest answer" means `QA_ANSWER_SECONDS` and ten minutes more. Where `QA_ANSWER_SECONDS` is longer
than `QA_LOG_TTL`, it is taken instead.

Every key except those of the workers and of feedback has its owner in its name, so that nobody finds what belongs to
another owner. The keys of one session have the same hash tag. Values are JSON. Sessions, turns, feedback and files say
their version, and a file's passages have the version of their file.
"""

from qa_service.model import Owner

NETWORK_SHARE = 4
"""All addresses of a network together may ask, and use, this many times as much as one address."""
ALIVE = "qa:{workers}:alive"
STOPS = "qa:{workers}:stops"
PROBES = tuple(f"qa:{{workers}}:probe:{kind}" for kind in ("string", "hash", "list", "zset", "stream"))
"""`readiness` tries out the store with these keys."""


def session_key(owner: Owner, session_id: str, name: str) -> str:
    """Make the name of a key of one session."""
    return f"qa:{{{owner.key}.{session_id}}}:{name}"


def answer_key(owner: Owner, answer_id: str, name: str) -> str:
    """Make the name of a key of one answer. The answer's session needn't be known."""
    return f"qa:{{{owner.key}.{answer_id}}}:{name}"


def owner_key(owner: Owner, name: str) -> str:
    """Make the name of a key of an owner as a whole. Visitors with different addresses have different keys."""
    return f"qa:{{{owner.key}{owner.address and '.' + owner.address}}}:{name}"


def quota_key(owner: Owner, name: str) -> str:
    """Make the name of a key that counts what an owner uses. All visitors of one `network` have one key."""
    return f"qa:{{{owner.key}.{owner.network}}}:{name}" if owner.network else owner_key(owner, name)


def feedback_field(answer_id: str) -> str:
    """Make the name of the field that holds an answer's feedback, in the hash that holds the session's turns."""
    return f"feedback:{answer_id}"


def feedback_key(list_name: str) -> str:
    """Make the name of the key of a list of feedback."""
    return f"qa:{{feedback}}:{list_name}"


def rate_keys(owner: Owner, name: str) -> list[str]:
    """Make the names of the keys by which the limiter of this name counts an owner's questions. There is one key of the
    owner and the address, or, where the owner has a `network`, a key of the address and then a key of that network."""
    if not owner.network:
        return [owner_key(owner, name)]
    network = f"qa:{{{owner.key}.{owner.network}}}:{name}"
    return [f"{network}:{owner.address}", network]


def repeat_key(owner: Owner, key: str) -> str:
    """Make the name of the key under which a repeated question finds its answer. A visitor finds it from any
    address."""
    return f"qa:{{{owner.key}}}:repeat:{key}"


def drawing_key(owner: Owner, request: str, name: str) -> str:
    """Make the name of a key of the pictures that are drawn for a request. All of them have the same hash tag."""
    return f"qa:{{{owner.key}.{request}}}:{name}"


def worker_key(worker: str, name: str) -> str:
    """Make the name of a key of one worker. The keys of all workers have the same hash tag."""
    return f"qa:{{workers}}:{worker}:{name}"
