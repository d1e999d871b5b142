"""This module keeps what people think of their answers, beside the answers' turns, and lists it for those who run the
service."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec
from redis import Redis

from qa_service.errors import NotFound
from qa_service.model import Owner
from qa_service.stores.guard import StoreGuard
from qa_service.stores.history import read_turn
from qa_service.stores.keys import answer_key, feedback_field, feedback_key, quota_key, session_key
from qa_service.stores.quotas import LIVES
from qa_service.stores.space_scripts import KEEP_FEEDBACK
from qa_service.turns import Feedback, RatedTurns, Turn


class RedisFeedback:
    """`RedisFeedback` keeps feedback for as long as its turn is kept. A list names it for twice as long as a session is
    kept, which is `seconds`, and then it is found only with its answer."""

    def __init__(self, client: Redis, guard: StoreGuard, *, seconds: int) -> None:
        self._client = client
        self._guard = guard
        self._seconds = seconds

    def save_feedback(self, owner: Owner, answer_id: str, feedback: Feedback, *, listed_in: str) -> None:
        """Keep feedback in the place of what the owner has said before, and put it at the top of a list. Raises
        `NotFound` for an unknown answer and for another owner's."""
        with self._guard:
            session: Any = self._client.hget(answer_key(owner, answer_id, "at"), "session")
            session_id = (session or b"").decode()
            keys = (session_key(owner, session_id, "answers"), quota_key(owner, "space"))
            arguments = (answer_id, feedback_field(answer_id), msgspec.json.encode(feedback))
            kept: Any = self._client.eval(
                KEEP_FEEDBACK, len(keys), *keys, *arguments, session_id, LIVES * self._seconds
            )
        if not kept:
            raise NotFound("no such answer")
        self._list_answer(feedback_key(listed_in), f"{owner.key} {session_id} {answer_id}")

    def list_feedback(self, lists: Sequence[str], cursor: str, limit: int) -> RatedTurns:
        """List the turns of these lists together. `cursor` is the `next` of the part before, or empty."""
        newest = f"({cursor}" if cursor else "+inf"
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for name in lists:
                pipeline.zrevrangebyscore(feedback_key(name), newest, "-inf", start=0, num=limit, withscores=True)
            replies: list[list[tuple[bytes, float]]] = pipeline.execute()
        found = sorted((entry for reply in replies for entry in reply), key=lambda entry: -entry[1])[:limit]
        members = [member for member, _ in found]
        turns = self._load_turns(members)
        self._unlist_answers(lists, [member for member, turn in zip(members, turns, strict=True) if turn is None])
        return RatedTurns(tuple(filter(None, turns)), repr(found[-1][1]) if len(found) == limit else None)

    def _list_answer(self, key: str, member: str) -> None:
        now = time.time()
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.zadd(key, {member: now})
            pipeline.zremrangebyscore(key, "-inf", now - 2 * self._seconds)
            pipeline.expire(key, 2 * self._seconds)
            pipeline.execute()

    def _load_turns(self, members: Sequence[bytes]) -> list[Turn | None]:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for member in members:
                owner, session_id, answer_id = [*member.decode(errors="replace").split(" "), "", ""][:3]
                answers = session_key(Owner("user", owner), session_id, "answers")
                pipeline.hmget(answers, [answer_id, feedback_field(answer_id)])
            turns = [read_turn(*reply) for reply in pipeline.execute()]
        return [turn if turn and turn.feedback else None for turn in turns]

    def _unlist_answers(self, lists: Sequence[str], members: Sequence[bytes]) -> None:
        """Take answers off the lists that were deleted, or have expired."""
        if not members:
            return
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for name in lists:
                pipeline.zrem(feedback_key(name), *members)
            pipeline.execute()
