"""Asks upstream for an answer: how often, which models, and what to say of it; never again once something came."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from functools import lru_cache, partial
from itertools import count

from qa_service.errors import (
    UnknownModel,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from qa_service.interfaces import ELSEWHERE, Stop
from qa_service.model import Delta, Retrying
from qa_service.upstream.carrying import Carrier, Note, passing, pause, wait
from qa_service.upstream.circuit import Circuit
from qa_service.upstream.failures import mapped
from qa_service.upstream.protocol import EventReader
from qa_service.upstream.reading import ResponseReader

_OF_A_MODEL = (UnknownModel, UpstreamRateLimited, UpstreamTimeout, UpstreamUnavailable)
"""What another model may not suffer from."""
_MODELS = 256
"""Whose state is remembered."""


class _Body:
    """What is asked, as long as it may be asked again: a stream that is open for minutes doesn't hold it."""

    def __init__(self, of: Callable[[str], Mapping[str, object]]) -> None:
        self.of = of
        """By the model."""

    def forget(self) -> None:
        """Nobody asks any more."""
        del self.of


class Asker:
    """One for a process, for all its threads; it remembers which models are down."""

    def __init__(self, carrier: Carrier, *, tries: int, kept: bool, note: Note) -> None:
        self._carrier = carrier
        self._tries = tries
        self._kept = kept
        self._note = note
        self._circuit = lru_cache(_MODELS)(lambda _model: Circuit())  # where any name is allowed, there may be many

    def ask(
        self, models: Sequence[str], body: Callable[[str], Mapping[str, object]], stop: Stop
    ) -> AbstractContextManager[Iterator[Delta]]:
        """The deltas of one answer. Upstream is asked again only while nothing has come, saying so each time: each
        model as often as may help, then the next."""
        return closing(self._tried(models, _Body(body), stop))

    def follow(self, response_id: str, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """The deltas of a response that upstream keeps, from its beginning."""
        reader = ResponseReader(kept=True, response_id=response_id)
        message = partial(self._carrier.requests.follow, response_id, reader.last)
        return closing(self._read(message, reader, stop))

    def _tried(self, models: Sequence[str], body: _Body, stop: Stop) -> Generator[Delta]:
        plan = [model for model in models for _ in range(self._tries)]
        for attempt in count(2):
            model, reader = plan[0], ResponseReader(kept=self._kept)
            try:
                yield from self._asked(model, body, reader, stop)
            except UpstreamError as error:
                plan = [] if reader.working else self._left(plan, error)
                if not plan:
                    raise
                reason = error.code
                seconds = pause(self._tries - plan.count(model), error) if plan[0] == model else 0
            else:
                return
            yield Retrying(attempt, reason, plan[0])
            wait(seconds, stop)

    def _left(self, plan: Sequence[str], error: UpstreamError) -> list[str]:
        """Which models are still to be asked after the first has failed."""
        model, *rest = plan
        if passing(error) and not self._circuit(model).resting:
            return rest
        return [other for other in rest if other != model] if isinstance(error, _OF_A_MODEL) else []

    def _asked(self, model: str, body: _Body, reader: EventReader, stop: Stop) -> Iterator[Delta]:
        def message() -> bytes:
            return self._carrier.requests.ask(body.of(model))

        with self._circuit(model).asked() as works, closing(self._read(message, reader, stop)) as deltas:
            for delta in deltas:
                yield delta
                if reader.working:
                    break
            works()
            body.forget()
            yield from deltas

    def _read(self, message: Callable[[], bytes], reader: EventReader, stop: Stop) -> Generator[Delta]:
        """Upstream is told when nobody wants a response any more that it keeps and hasn't ended."""
        given_up = False
        try:
            with mapped(stop), closing(self._carrier.carry(message, reader, stop)) as chunks:
                yield from reader.deltas(chunks)
        except UpstreamError as error:
            given_up = reader.last >= 0
            self._note(error)
            raise
        finally:
            unwanted = given_up or (stop.is_set() and stop.reason not in ELSEWHERE)
            if unwanted and reader.response_id and not reader.ended:
                self._carrier.cancel(reader.response_id)
