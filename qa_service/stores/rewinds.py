"""This module removes the last turns of a session from Redis, because a question replaces them."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis import Redis

from qa_service.errors import NotFound
from qa_service.model import Owner, Question
from qa_service.rewinding import context_after, find_replaced, topic_after, topics_after
from qa_service.stores import topic_scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.history import RedisHistory
from qa_service.stores.keys import session_key
from qa_service.stores.quotas import queue_space_freed
from qa_service.stores.sessions import CONTEXT_TURNS
from qa_service.turns import SessionPage, Turn, name_file

ALL_TURNS = 1 << 20
FILES_OF_QUESTION = 100
"""The files of a replaced question are looked for under so many numbers."""


class RedisRewinds:
    """`RedisRewinds` takes sessions back to where they were before a question that is asked again or was changed."""

    def __init__(self, client: Redis, guard: StoreGuard, history: RedisHistory) -> None:
        self._client = client
        self._guard = guard
        self._history = history

    def rewind_session(self, question: Question, session_id: str) -> None:
        """Remove the turns that this question replaces, with their pictures and the files that came with them. Where
        the question names the first of them, the files of that one stay. Nothing happens where there are none, or where
        the session is answering and the question doesn't want to replace that answer."""
        if question.rewind is None:
            return
        try:
            page = self._history.load_conversation(question.owner, session_id, "", ALL_TURNS)
        except NotFound:  # it was deleted a moment ago
            return
        turns = page.turns[::-1]
        begin = find_replaced(turns, question.rewind)
        if page.topics and begin < len(turns) and self._remove_turns(question, page, turns[:begin], turns[begin:]):
            self._delete_files(question.owner, page, turns[begin + question.rewind.is_exact :])

    def _remove_turns(
        self, question: Question, page: SessionPage, kept: Sequence[Turn], replaced: Sequence[Turn]
    ) -> bool:
        names = ("head", "turns", "answers", "context", "running", "images", "said")
        keys = [session_key(question.owner, page.session_id, name) for name in names]
        removed = [part for turn in replaced for part in (turn.answer_id, turn.topic)]
        with self._guard:
            freed: Any = self._client.eval(
                topic_scripts.REWIND,
                len(keys),
                *keys,
                page.topic,
                topic_after(kept),
                topics_after(kept),
                int(question.on_busy == "reject"),
                len(replaced),
                *removed,
                *context_after(kept, CONTEXT_TURNS),
            )
            if freed:
                queue_space_freed(self._client, question.owner, page.session_id, freed)
        return freed is not None

    def _delete_files(self, owner: Owner, page: SessionPage, replaced: Sequence[Turn]) -> None:
        numbers = range(1, FILES_OF_QUESTION + 1)
        theirs = {name_file(turn.answer_id, number) for turn in replaced for number in numbers}
        for file in page.files:
            if file.file_id in theirs:
                with suppress(NotFound):
                    self._history.delete_file(owner, page.session_id, file.file_id)
