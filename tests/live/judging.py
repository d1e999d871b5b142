"""This module has what must hold of an answer whatever happened on its way, and of a server once all is over."""

from typing import Any

from tests.live.following import Follower
from tests.live.processes import Service, open_names, sockets_to, threads, until
from tests.live.reading import request
from tests.live.stores import RedisServer
from tests.scripted_upstream import ScriptedUpstream

SETTLED_SECONDS = 6.0
THREADS = 12
"""An idle worker has this many threads: those of the server's own pools, and none for any answer."""
FILES = 25
"""As many may be open in an idle worker, beside sockets."""
SOCKETS = 170
"""As many connections to the store and to upstream may wait in an idle worker's pools for the next answers."""


def kept(served: Service, answer_id: str) -> dict[str, Any]:
    """Return the answer as it stands."""
    status, found = request(served.url, f"/api/answers/{answer_id}")
    assert status == 200, found
    assert isinstance(found, dict)
    return found


def until_kept(served: Service, answer_id: str) -> dict[str, Any]:
    """Return the answer once it is over."""

    def over() -> bool:
        status, found = request(served.url, f"/api/answers/{answer_id}")
        return bool(status == 200 and found["status"] != "running")

    until(over, 10, f"{answer_id} is over")
    return kept(served, answer_id)


def check(reader: Follower) -> None:
    """Check that the reader has seen nothing that can't be."""
    assert not reader.wrong, reader.story()
    assert [seen.kind for seen in reader.seen].count("done") == 1, reader.story()
    assert reader.seen[-1].kind == "done", reader.story()


def check_whole(served: Service, said: str, reader: Follower) -> None:
    """Check that all of the answer came, and is kept."""
    check(reader)
    assert (reader.status, reader.text) == ("completed", said), reader.story()
    check_history(served, reader)


def check_broken(served: Service, said: str, reader: Follower, *, code: str, flush: int = 0) -> None:
    """Check that the answer broke off, and that nobody was told anything else. What there is, is a beginning of what
    was said. The reader has at most `flush` characters more than what is kept."""
    check(reader)
    stands = until_kept(served, reader.answer_id)
    assert (stands["status"], stands.get("error", {}).get("code")) == ("failed", code), stands
    assert (reader.status, reader.error["code"]) == ("failed", code), reader.story()
    assert said.startswith(reader.text), reader.story()
    assert reader.text.startswith(stands["text"]), reader.story()
    assert len(reader.text) - len(stands["text"]) <= flush, reader.story()


def check_history(served: Service, reader: Follower) -> None:
    """Check that the answer and its session say what the reader has read."""
    stands = until_kept(served, reader.answer_id)
    assert (stands["status"], stands["text"]) == (reader.status, reader.text), reader.story()
    status, session = request(served.url, f"/api/sessions/{reader.session_id}")
    assert status == 200, session
    turns = {turn["answerId"]: (turn["status"], turn["text"]) for turn in session["turns"]}
    assert turns[reader.answer_id] == (reader.status, reader.text)


def check_goes_on(served: Service, *readers: Follower) -> None:
    """Check that their sessions answer the next question, and that nothing is being answered there any more."""
    ask = {"question": "다음 질문입니다.", "onBusy": "reject"}
    following = [Follower(served.url, session_id=reader.session_id, **ask) for reader in readers]
    for reader in following:
        assert reader.finish().status == "completed", reader.story()
        check_history(served, reader)


def check_nothing_left(served: Service, upstream: ScriptedUpstream, redis: RedisServer | None = None) -> None:
    """Check that nothing is left of any answer: upstream talks to nobody, no connection of a reader is open, no upload
    lies there, Redis keeps nothing for ever, and says of nothing that it is being written."""
    until(lambda: all(one.ended for one in upstream.responses.values()), SETTLED_SECONDS, "upstream talks to nobody")
    until(lambda: not served.uploads(), SETTLED_SECONDS, "no upload is left")
    if redis:
        until(lambda: not redis.held(), SETTLED_SECONDS, "nothing is being written")
        until(lambda: not redis.endless(), SETTLED_SECONDS, "every key expires")
    for worker in served.workers():
        until(lambda pid=worker: not sockets_to(pid, served.port), SETTLED_SECONDS, "readers' connections are closed")
        assert threads(worker) <= THREADS
        names = open_names(worker)
        assert names.pop("socket") <= SOCKETS
        assert names.total() <= FILES, names
