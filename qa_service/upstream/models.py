"""This module makes an upstream of models, which may stand on several servers that speak different protocols."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial

from qa_service.deltas import Delta
from qa_service.errors import UpstreamError, UpstreamUnavailable
from qa_service.interfaces import Meter, Stop
from qa_service.model import Prompt
from qa_service.upstream.asking import Asker, ModelServer, ServedModel
from qa_service.upstream.connection import Patience
from qa_service.upstream.protocol import VendorProtocol
from qa_service.upstream.transport import Pauses, Transport
from qa_service.upstream.way import way_to


class ModelUpstream:
    """A `ModelUpstream` is an `Upstream` that asks models.

    A model is named as its server names it, and stands on the first server. Where the name of another server and a
    colon precede its name, as in `chat:llama3.2`, it stands there.
    """

    def __init__(
        self,
        servers: Mapping[str, VendorProtocol],
        *,
        patience: Patience | None = None,
        pauses: Pauses | None = None,
        tries: int = 3,
        fallback: Sequence[str] = (),
        meter: Meter | None = None,
    ) -> None:
        """`fallback` names the models that are asked, in this order, when the prompt's model fails before any output.
        Raises `SettingsError` where the system's proxy or certificates can't be used."""
        self._meter = meter
        connect = partial(
            Transport,
            patience=patience or Patience(),
            pauses=pauses or Pauses(),
            tries=tries,
            note=self._count_failure,
        )
        self._servers = {
            name: ModelServer(protocol, connect(way_to(protocol.address), protocol.writer))
            for name, protocol in servers.items()
        }
        self._asker = Asker(tries=tries, note=self._count_failure)
        self._fallback = [self._find_model(name) for name in fallback]

    def open_answer(self, prompt: Prompt, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """Give the deltas of one answer, as `Upstream` says."""
        models = dict.fromkeys([self._find_model(prompt.model), *self._fallback])
        return self._asker.ask_models(list(models), prompt, stop)

    def attach_answer(self, prompt: Prompt, response_id: str, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """Give the deltas of an answer that was opened in the background, as `Attaching` says."""
        server = next((server for server in self._servers.values() if server.protocol.follows), None)
        if server is None:
            raise UpstreamUnavailable("upstream keeps no answers")
        return self._asker.follow_response(server, response_id, stop)

    def can_see(self, model: str) -> bool:
        """Tell whether this model takes pictures, as `Seeing` says."""
        return self._asker.takes_pictures(self._find_model(model))

    def close(self) -> None:
        """Close the connections that are kept for later."""
        for server in self._servers.values():
            server.transport.close()

    def _find_model(self, name: str) -> ServedModel:
        place, _, rest = name.partition(":")
        if rest and place in self._servers:
            return ServedModel(self._servers[place], rest)
        return ServedModel(next(iter(self._servers.values())), name)

    def _count_failure(self, error: UpstreamError) -> None:
        if self._meter:
            self._meter.count_event("upstream_errors", label=error.code)
