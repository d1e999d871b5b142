"""This module decides how upstream is asked: how often, which models, and without which parameters. Upstream is never
asked again once something of the answer has come."""

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from functools import lru_cache, partial
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from qa_service.deltas import Delta, Retrying, Unseen
from qa_service.errors import (
    ContextLength,
    InsufficientQuota,
    ParameterRefused,
    UnknownModel,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from qa_service.interfaces import ELSEWHERE, Stop
from qa_service.model import Prompt
from qa_service.pictures import without_pictures
from qa_service.upstream.circuit import Circuit
from qa_service.upstream.failures import map_failures
from qa_service.upstream.parameters import (
    ParameterPath,
    RefusedParameters,
    blames_limit,
    is_blind_name,
    named_parameter,
    wants_more,
)
from qa_service.upstream.protocol import EventReader, VendorProtocol
from qa_service.upstream.transport import NoteFailure, Transport, wait_unless_stopped

log = logging.getLogger(__name__)

_OF_A_MODEL = (UnknownModel, UpstreamRateLimited, UpstreamTimeout, UpstreamUnavailable)
"""Where one model fails with one of these, another model may still answer."""
_OF_A_SERVER = (InsufficientQuota, UpstreamRejected)
"""Where one server fails with one of these, a model of another server may still answer."""
_MODELS = 256
"""At most this many models are remembered, because callers may be allowed to name any model."""


class ModelServer(Struct, frozen=True):
    """A `ModelServer` is a server that has models, and the connections to it."""

    protocol: VendorProtocol
    transport: Transport


class ServedModel(Struct, frozen=True):
    """A `ServedModel` is a model of one server. Another server's model of the same name is another one."""

    server: ModelServer
    name: str


class _ModelState(Struct, frozen=True):
    """A `_ModelState` holds what this process knows of one model."""

    circuit: Circuit
    refused: RefusedParameters


class _Question:
    """A `_Question` holds the prompt only as long as it may be sent again. In a session with ten turns it takes 20 KiB,
    beside the 55 KiB that an open stream takes otherwise."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt

    def forget_prompt(self) -> None:
        """Let go of the prompt, because upstream isn't asked again."""
        del self.prompt


class Asker:
    """An `Asker` asks upstream for all threads of a process. It remembers which models are down, and what each model
    refuses."""

    def __init__(self, *, tries: int, note: NoteFailure) -> None:
        self._tries = tries
        self._note = note
        self._state = lru_cache(_MODELS)(
            lambda model: _ModelState(Circuit(), RefusedParameters(pictures=is_blind_name(model.name)))
        )

    def ask_models(
        self, models: Sequence[ServedModel], prompt: Prompt, stop: Stop
    ) -> AbstractContextManager[Iterator[Delta]]:
        """Give the deltas of one answer.

        As long as nothing of the answer has come, each model is asked as often as may help, and then the next one is.
        A `Retrying` precedes each further try.
        """
        return closing(self._try_models(models, _Question(prompt), stop))

    def takes_pictures(self, model: ServedModel) -> bool:
        """Tell whether pictures may be sent to this model: its name doesn't say that it is blind, and it hasn't refused
        any."""
        return not self._state(model).refused.pictures

    def follow_response(
        self, server: ModelServer, response_id: str, stop: Stop
    ) -> AbstractContextManager[Iterator[Delta]]:
        """Give the deltas of a response that the server keeps, from its beginning."""
        reader = server.protocol.new_reader(kept=True, response_id=response_id)
        message = partial(server.protocol.writer.write_follow, response_id, reader.last)
        return closing(self._read_deltas(server.transport, message, reader, stop))

    def _try_models(self, models: Sequence[ServedModel], question: _Question, stop: Stop) -> Generator[Delta]:
        plan = [model for model in models for _ in range(self._tries)]
        for attempt in count(2):
            model = plan[0]
            reader = model.server.protocol.new_reader(kept=model.server.protocol.keeps)
            try:
                yield from self._try_model(model, question, reader, stop)
            except UpstreamError as error:
                plan = [] if reader.working else self._rest_of_plan(plan, error)
                if not plan:
                    raise
                reason = error.code
                failures = self._tries - plan.count(model)
                seconds = model.server.transport.pause_after(failures, error) if plan[0] == model else 0
            else:
                return
            yield Retrying(attempt, reason, plan[0].name)
            if not self.takes_pictures(plan[0]):
                yield Unseen()
            wait_unless_stopped(seconds, stop)

    def _rest_of_plan(self, plan: Sequence[ServedModel], error: UpstreamError) -> list[ServedModel]:
        """Return the models that are still to be asked after the first has failed."""
        model, *rest = plan
        if model.server.transport.may_pass(error) and not self._state(model).circuit.is_open:
            return rest
        if isinstance(error, _OF_A_MODEL):
            return [other for other in rest if other != model]
        if isinstance(error, _OF_A_SERVER) and not isinstance(error, ParameterRefused):
            return [other for other in rest if other.server != model.server]
        return []

    def _try_model(self, model: ServedModel, question: _Question, reader: EventReader, stop: Stop) -> Iterator[Delta]:
        """Make one try. Pictures that the model refuses, and a parameter that it refuses by name, are left out within
        the same try, each of them only once."""
        left_out: tuple[ParameterPath, ...] = ()
        while True:
            message = partial(self._write_question, model, question, left_out)
            reading = closing(self._read_deltas(model.server.transport, message, reader, stop))
            try:
                with self._state(model).circuit.guard_request() as note_work, reading as deltas:
                    yield from _until_work(deltas, reader)
                    note_work()
                    question.forget_prompt()
                    yield from deltas
            except (UpstreamRejected, ContextLength) as error:
                if reader.working:
                    raise
                if self._state(model).refused.note_blindness(error):
                    log.warning("upstream refuses pictures for the model %s, which is asked without them", model.name)
                    yield Unseen()
                    continue
                path = self._refused_path(model, self._build_parameters(model, question, left_out), error)
                if not path or path in left_out:
                    raise
                left_out = (*left_out, path)
            else:
                return

    def _refused_path(
        self, model: ServedModel, parameters: Mapping[str, object], error: UpstreamError
    ) -> ParameterPath:
        """Find the one of these parameters to leave out because of this error. The path is empty where leaving one out
        wouldn't help.

        Raises `UpstreamRejected` for one without which the request wouldn't be what was asked for.
        """
        protocol = model.server.protocol
        path = named_parameter(error, parameters, protocol.essential)
        if blames_limit(error):
            path = next(((name,) for name in protocol.limits if name in parameters), ())
        name = ".".join(path)
        if path and path[0] in protocol.essential:
            log.warning("upstream refuses %s of a request for the model %s", name, model.name)
            raise UpstreamRejected(f"upstream refuses {name}") from error.__cause__
        if name in protocol.limits and wants_more(error):
            raise ParameterRefused(
                "maxTokens: the model takes no limit as small as this", field="maxTokens"
            ) from error.__cause__
        if path and self._state(model).refused.note_refusal(path, parameters, error):
            log.warning("upstream refuses %s for the model %s, which is asked without it", name, model.name)
        return path

    def _write_question(self, model: ServedModel, question: _Question, left_out: Sequence[ParameterPath]) -> bytes:
        return model.server.protocol.writer.write_question(self._build_parameters(model, question, left_out))

    def _build_parameters(
        self, model: ServedModel, question: _Question, left_out: Sequence[ParameterPath]
    ) -> Mapping[str, object]:
        protocol = model.server.protocol
        shown = question.prompt if self.takes_pictures(model) else without_pictures(question.prompt)
        parameters = protocol.build_parameters(replace(shown, model=model.name))
        return self._state(model).refused.leave_out(parameters, left_out, protocol.limits)

    def _read_deltas(
        self, transport: Transport, message: Callable[[], bytes], reader: EventReader, stop: Stop
    ) -> Generator[Delta]:
        """Read the deltas of the response to a request. Where nobody wants them any more, and upstream keeps the
        response and hasn't ended it, the response is cancelled."""
        given_up = False
        try:
            with map_failures(stop), closing(transport.carry_response(message, reader, stop)) as chunks:
                yield from reader.read_deltas(chunks)
        except UpstreamError as error:
            given_up = reader.last >= 0
            self._note(error)
            raise
        finally:
            unwanted = given_up or (stop.is_set() and stop.reason not in ELSEWHERE)
            if unwanted and reader.response_id and not reader.ended:
                transport.cancel_response(reader.response_id)


def _until_work(deltas: Iterator[Delta], reader: EventReader) -> Iterator[Delta]:
    """Give the deltas up to the first one that shows that upstream works on the answer."""
    for delta in deltas:
        yield delta
        if reader.working:
            return
