"""This module gives the passages of files their vectors.

The passages that a question needs are encoded at once, for a bounded time. The others follow in a thread, off the way
of any answer. The vectors are kept with the passages. What a death or a lack of memory leaves without vectors is
encoded when it is needed again.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence

from qa_service.pause import give_way
from qa_service.retrieval.describing import describe_passage
from qa_service.search_interfaces import Encoder, Index
from qa_service.threads import RestartableThread

_BATCH = 4
"""This many passages are encoded at a time."""
MOST_WAITING = 100
"""The passages of at most this many questions wait to be encoded. Those that have waited longest are forgotten, and
wait again when another question needs them."""


class PassageEncoding:
    """A `PassageEncoding` encodes passages. `is_far` says that the encoder is in another process. Only then are
    passages encoded that aren't needed at once, because an encoder in this process would take the time from its
    streams."""

    def __init__(self, encoder: Encoder, *, is_far: bool = False) -> None:
        self._encoder = encoder
        self._is_far = is_far
        self._waiting: deque[tuple[Index, Sequence[int]]] = deque(maxlen=MOST_WAITING)
        self._thread = RestartableThread("passages", self._encode_waiting)
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Return the name of the encoder."""
        return self._encoder.name

    def encode_now(self, index: Index, numbers: Sequence[int], seconds: float = float("inf")) -> dict[int, bytes]:
        """Encode the passages with these numbers, keep their vectors, and return them. After this many seconds, or
        where the encoder's process is gone, the rest is left out."""
        until, vectors = time.monotonic() + seconds, dict[int, bytes]()
        for first in range(0, len(numbers), _BATCH):
            batch = self._encode_batch(index, numbers[first : first + _BATCH])
            vectors |= batch
            if not batch or time.monotonic() >= until:
                break
            give_way()
        return vectors

    def encode_later(self, index: Index, numbers: Iterable[int]) -> None:
        """Encode these passages in a thread, if the encoder is in another process."""
        if self._is_far and (rest := list(numbers)):
            self._waiting.append((index, rest))
            self._thread.ensure_running()

    def _encode_waiting(self) -> None:
        with self._lock:
            while self._waiting:
                index, numbers = self._waiting.popleft()
                self.encode_now(index, numbers)

    def _encode_batch(self, index: Index, numbers: Sequence[int]) -> dict[int, bytes]:
        passages = zip(numbers, index.load_passages(numbers), strict=True)
        texts = {number: describe_passage(passage) for number, passage in passages if passage}
        try:
            encoded = dict(zip(texts, self._encoder.encode_texts(list(texts.values())), strict=True)) if texts else {}
        except ConnectionError:
            return {}
        if encoded:
            index.keep_vectors(self.name, encoded)
        return encoded
