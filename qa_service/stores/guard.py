"""Every call to the store goes through a guard, which turns its errors into ours and makes no calls to a store that
doesn't answer."""

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

_PAUSE_SECONDS = 1.0
"""Calls are refused for this long after the store didn't answer."""
QUIET_SECONDS = 60.0
"""An error that comes again and again is logged once in this time."""

log = logging.getLogger(__name__)


class StoreGuard:
    """A `StoreGuard` is a context for one exchange with the store. All threads share one guard.

    The context raises `StoreUnavailable` where the store is away, doesn't reply, refuses, or lacks something that this
    service needs, and `QAError` where the service itself asked for something wrong. After a call without a reply the
    guard refuses all calls for `pause` seconds. Then it lets a single call through, to see whether the store is back. A
    context must not be entered again inside of itself. `meter` counts the errors of the store, and not the calls that
    the guard refused. An outage is logged with `level`.
    """

    def __init__(
        self,
        *,
        pause: float = _PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        meter: Meter | None = None,
        level: int = logging.WARNING,
    ) -> None:
        self._pause = pause
        self._clock = clock
        self._meter = meter
        self._level = level
        self._lock = threading.Lock()
        self._refuses_until: float | None = None
        self._why = NO_ANSWER
        """Calls are refused with this sentence."""
        self._logged = ("", 0.0)
        """These are the words of the last error that was logged, and the moment until which they aren't logged
        again."""

    def __enter__(self) -> None:
        if self._refuses_until is None:
            return
        with self._lock:
            if self._refuses_until is None:
                return
            now = self._clock()
            if now < self._refuses_until:
                raise StoreUnavailable(self._why, retry_after=1)
            # This caller alone tries the store. The others are refused until its call has succeeded, or for another
            # pause.
            self._refuses_until = now + self._pause

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        match error:
            case None:
                self._refuses_until = None
            case redis.ConnectionError() | redis.TimeoutError():
                self._shut(error)
            case redis.RedisError():
                sentence = self.note(error)
                if sentence:
                    raise StoreUnavailable(sentence, retry_after=1) from error
                raise QAError("The store was asked for something wrong.") from error

    def note(self, error: redis.RedisError) -> str:
        """Count and log an error with which the store replied. Return a sentence for operators, or "" for our own
        mistake.

        The keys and values that the error quotes are removed from it, so that no log shows them.
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
        if self._refuses_until is None:
            log.log(self._level, "%s (%s)", self._why, words)
        self._refuses_until = self._clock() + self._pause
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
