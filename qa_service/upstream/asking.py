"""This module decides how upstream is asked: how often, which models, and without which parameters. Upstream is never
asked again once something of the answer has come."""

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from functools import lru_cache, partial
from itertools import count
from typing import TypeAlias

from msgspec import Struct

from qa_service.errors import (
    ParameterRefused,
    UnknownModel,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from qa_service.interfaces import ELSEWHERE, Stop
from qa_service.model import Delta, Retrying, Unseen
from qa_service.upstream.circuit import Circuit
from qa_service.upstream.failures import mapped
from qa_service.upstream.parameters import (
    ParameterPath,
    RefusedParameters,
    is_blind_name,
    named_parameter,
    wants_more,
    without,
)
from qa_service.upstream.protocol import EventReader, VendorProtocol
from qa_service.upstream.transport import NoteFailure, Transport, wait_unless_stopped

log = logging.getLogger(__name__)

ParametersOf: TypeAlias = Callable[[str], Mapping[str, object]]
"""Makes the parameters of a request to the model with this name. They have the vendor's own names."""

_OF_A_MODEL = (UnknownModel, UpstreamRateLimited, UpstreamTimeout, UpstreamUnavailable)
"""Where one model fails with one of these, another model may still answer."""
_MODELS = 256
"""At most so many models are remembered, because callers may be allowed to name any model."""


class _ModelState(Struct, frozen=True):
    """A `_ModelState` holds what this process knows of one model."""

    circuit: Circuit
    refused: RefusedParameters


class _Question:
    """A `_Question` holds the parameters of a request only as long as it may be sent again. In a session with ten turns
    they take 20 KiB, beside the 55 KiB that an open stream takes otherwise."""

    def __init__(self, parameters: ParametersOf) -> None:
        self.parameters = parameters

    def forget_parameters(self) -> None:
        """Let go of the parameters, because upstream isn't asked again."""
        del self.parameters


class Asker:
    """An `Asker` asks upstream for all threads of a process. It remembers which models are down, and what each model
    refuses."""

    def __init__(
        self, protocol: VendorProtocol, transport: Transport, *, tries: int, kept: bool, note: NoteFailure
    ) -> None:
        self._protocol = protocol
        self._transport = transport
        self._tries = tries
        self._kept = kept
        self._note = note
        self._state = lru_cache(_MODELS)(
            lambda model: _ModelState(Circuit(), RefusedParameters(pictures=is_blind_name(model)))
        )

    def ask_models(
        self, models: Sequence[str], parameters: ParametersOf, stop: Stop
    ) -> AbstractContextManager[Iterator[Delta]]:
        """Give the deltas of one answer.

        As long as nothing of the answer has come, each model is asked as often as may help, and then the next one is.
        A `Retrying` precedes each further try.
        """
        return closing(self._try_models(models, _Question(parameters), stop))

    def takes_pictures(self, model: str) -> bool:
        """Tell whether pictures may be sent to this model: its name doesn't say that it is blind, and it hasn't refused
        any."""
        return not self._state(model).refused.pictures

    def follow_response(self, response_id: str, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """Give the deltas of a response that upstream keeps, from its beginning."""
        reader = self._protocol.new_reader(kept=True, response_id=response_id)
        message = partial(self._protocol.writer.write_follow, response_id, reader.last)
        return closing(self._read_deltas(message, reader, stop))

    def _try_models(self, models: Sequence[str], question: _Question, stop: Stop) -> Generator[Delta]:
        plan = [model for model in models for _ in range(self._tries)]
        for attempt in count(2):
            model, reader = plan[0], self._protocol.new_reader(kept=self._kept)
            try:
                yield from self._try_model(model, question, reader, stop)
            except UpstreamError as error:
                plan = [] if reader.working else self._rest_of_plan(plan, error)
                if not plan:
                    raise
                reason = error.code
                failures = self._tries - plan.count(model)
                seconds = self._transport.pause_after(failures, error) if plan[0] == model else 0
            else:
                return
            yield Retrying(attempt, reason, plan[0])
            if not self.takes_pictures(plan[0]):
                yield Unseen()
            wait_unless_stopped(seconds, stop)

    def _rest_of_plan(self, plan: Sequence[str], error: UpstreamError) -> list[str]:
        """Return the models that are still to be asked after the first has failed."""
        model, *rest = plan
        if self._transport.may_pass(error) and not self._state(model).circuit.is_open:
            return rest
        return [other for other in rest if other != model] if isinstance(error, _OF_A_MODEL) else []

    def _try_model(self, model: str, question: _Question, reader: EventReader, stop: Stop) -> Iterator[Delta]:
        """Make one try. Pictures that the model refuses, and a parameter that it refuses by name, are left out within
        the same try, each of them only once."""
        left_out: tuple[ParameterPath, ...] = ()
        while True:
            message = partial(self._write_question, model, question, left_out)
            reading = closing(self._read_deltas(message, reader, stop))
            try:
                with self._state(model).circuit.guard_request() as note_work, reading as deltas:
                    yield from _until_work(deltas, reader)
                    note_work()
                    question.forget_parameters()
                    yield from deltas
            except UpstreamRejected as error:
                if reader.working:
                    raise
                if self._state(model).refused.note_blindness(error):
                    log.warning("upstream refuses pictures for the model %s, which is asked without them", model)
                    yield Unseen()
                    continue
                path = self._refused_path(model, question, error)
                if not path or path in left_out:
                    raise
                left_out = (*left_out, path)
            else:
                return

    def _refused_path(self, model: str, question: _Question, error: UpstreamError) -> ParameterPath:
        """Find the parameter to leave out because of this error. The path is empty where leaving one out wouldn't help.

        Raises `UpstreamRejected` for one without which the request wouldn't be what was asked for.
        """
        parameters = question.parameters(model)
        path = named_parameter(error, parameters, self._protocol.essential)
        name = ".".join(path)
        if path and path[0] in self._protocol.essential:
            log.warning("upstream refuses %s of a request for the model %s", name, model)
            raise UpstreamRejected(f"upstream refuses {name}") from error.__cause__
        if path == (self._protocol.length,) and wants_more(error):
            raise ParameterRefused(
                "maxTokens: the model takes no limit as small as this", field="maxTokens"
            ) from error.__cause__
        if path and self._state(model).refused.note_refusal(path, parameters, error):
            log.warning("upstream refuses %s for the model %s, which is asked without it", name, model)
        return path

    def _write_question(self, model: str, question: _Question, left_out: Sequence[ParameterPath]) -> bytes:
        parameters = question.parameters(model)
        refused = self._state(model).refused.find_refused(parameters)
        return self._protocol.writer.write_question(without(parameters, [*refused, *left_out]))

    def _read_deltas(self, message: Callable[[], bytes], reader: EventReader, stop: Stop) -> Generator[Delta]:
        """Read the deltas of the response to a request. Where nobody wants them any more, and upstream keeps the
        response and hasn't ended it, the response is cancelled."""
        given_up = False
        try:
            with mapped(stop), closing(self._transport.carry_response(message, reader, stop)) as chunks:
                yield from reader.read_deltas(chunks)
        except UpstreamError as error:
            given_up = reader.last >= 0
            self._note(error)
            raise
        finally:
            unwanted = given_up or (stop.is_set() and stop.reason not in ELSEWHERE)
            if unwanted and reader.response_id and not reader.ended:
                self._transport.cancel_response(reader.response_id)


def _until_work(deltas: Iterator[Delta], reader: EventReader) -> Iterator[Delta]:
    """Give the deltas up to the first one that shows that upstream works on the answer."""
    for delta in deltas:
        yield delta
        if reader.working:
            return
