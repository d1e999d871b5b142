"""The border to the store: it turns foreign errors into ours, and refuses calls at once while the store is away."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, NoReturn

import redis

from qa_service.errors import QAError, StoreUnavailable
from qa_service.interfaces import Meter
from qa_service.stores.refusals import NO_ANSWER, refusal_in, words_of

PAUSE_SECONDS = 1.0
"""How long calls are refused after the store didn't answer."""
QUIET_SECONDS = 60.0
"""How long the same refusal isn't logged again."""

log = logging.getLogger(__name__)


class StoreGuard:
    """A context for one exchange with the store, shared by all threads.

    It raises `StoreUnavailable` where the store is away or hung, refuses, or lacks something that this service needs,
    and `QAError` where this service asked for something wrong. After a call without an answer the guard refuses all
    calls for `pause` seconds. Then it lets a single call through, to see whether the store is back. Guards of one
    instance must not be nested. `meter` counts the errors that the store gave cause for, and not the calls that were
    refused meanwhile.
    """

    def __init__(
        self, *, pause: float = PAUSE_SECONDS, clock: Callable[[], float] = time.monotonic, meter: Meter | None = None
    ) -> None:
        self._pause = pause
        self._clock = clock
        self._meter = meter
        self._lock = threading.Lock()
        self._closed_until: float | None = None
        self._why = NO_ANSWER
        """The reason for which calls are refused."""
        self._logged = ("", 0.0)
        """What was logged last, and when the same may be logged again."""

    def __enter__(self) -> None:
        if self._closed_until is None:
            return
        with self._lock:
            if self._closed_until is None:
                return
            now = self._clock()
            if now < self._closed_until:
                raise StoreUnavailable(self._why, retry_after=1)
            # This caller alone tries the store. The others are refused until its call has come back.
            self._closed_until = now + self._pause

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        match error:
            case None:
                self._closed_until = None
            case redis.ConnectionError() | redis.TimeoutError():
                self._shut(error)
            case redis.RedisError():
                sentence = self.note(error)
                if sentence:
                    raise StoreUnavailable(sentence, retry_after=1) from error
                raise QAError("The store was asked for something wrong.") from error

    def note(self, error: redis.RedisError) -> str:
        """Count and log an error that the store replied. Return the sentence for it, or "" where we made the mistake.

        What the error quotes is removed from it, so that no log shows a key or a value.
        """
        words = words_of(error)
        error.args, sentence = (words,), refusal_in(words)
        self._count("refused" if sentence else "wrong")
        if self._is_news(sentence or words):
            if sentence:
                log.warning("%s (%s)", sentence, words)
            else:
                log.error("The store was asked for something wrong.", exc_info=error)
        return sentence

    def _shut(self, error: redis.RedisError) -> NoReturn:
        words = words_of(error)
        error.args, self._why = (words,), refusal_in(words) or NO_ANSWER
        if self._closed_until is None:
            log.warning("%s (%s)", self._why, words)
        self._closed_until = self._clock() + self._pause
        self._count("unavailable")
        raise StoreUnavailable(self._why, retry_after=1) from error

    def _is_news(self, words: str) -> bool:
        (logged, until), now = self._logged, self._clock()
        if words == logged and now < until:
            return False
        self._logged = words, now + QUIET_SECONDS
        return True

    def _count(self, kind: Literal["unavailable", "refused", "wrong"]) -> None:
        if self._meter is not None:
            self._meter.count_event("store_errors", label=kind)
