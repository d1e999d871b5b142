"""The transport carries any protocol that it is handed: here one without events, whose answer is the whole body."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

import httpx2
import pytest
from msgspec import Struct

from qa_service.deltas import Delta, Finished, Retrying, TextDelta
from qa_service.errors import UpstreamTimeout, UpstreamUnavailable
from qa_service.model import Prompt
from qa_service.running.stop import StopSignal
from qa_service.upstream.asking import Asker, ModelServer, ServedModel
from qa_service.upstream.clients import compatible_client
from qa_service.upstream.connection import Patience
from qa_service.upstream.protocol import VendorProtocol
from qa_service.upstream.requests import SdkRequestWriter
from qa_service.upstream.transport import Transport
from qa_service.upstream.way import way_to
from tests.scripted_upstream import Script
from tests.upstream.questions import QUICK, prompt


class PlainReader:
    """A `PlainReader` takes the whole body, however it ends, for the answer."""

    def __init__(self, *, kept: bool, response_id: str = "") -> None:
        self.response_id = response_id
        self.last = -1
        self.working = self.told = self.ended = self.nameless = self.resumable = False

    def read_deltas(self, chunks: Iterable[bytes]) -> Iterator[Delta]:
        body = b"".join(chunks)
        self.working = self.ended = True
        yield TextDelta(body.decode())
        yield Finished("stop")

    def reconnect(self) -> None:
        raise AssertionError


class Asking(Struct, frozen=True):
    """An `Asking` is an asker, and the only server that it asks."""

    asker: Asker
    server: ModelServer


@pytest.fixture
def asker(server, meter) -> Iterator[Asking]:
    with asking(server, meter) as asker:
        yield asker


@contextmanager
def asking(server, meter, **patience: float) -> Iterator[Asking]:
    writer = SdkRequestWriter(compatible_client(api_key="sk-secret", base_url=server.url), "/plain")
    address = httpx2.URL(server.url)
    protocol = VendorProtocol(address, writer, plain_parameters, PlainReader, frozenset({"model"}), ("limit",))

    def note(error):
        meter.count_event("upstream_errors", label=error.code)

    way, patient = way_to(address), Patience(tick=0.01, **patience)
    with closing(Transport(way, writer, patience=patient, pauses=QUICK, tries=2, note=note)) as transport:
        yield Asking(Asker(tries=2, note=note), ModelServer(protocol, transport))


def plain_parameters(prompt: Prompt) -> dict[str, object]:
    return {"model": prompt.model, **({"limit": prompt.max_tokens} if prompt.max_tokens else {})}


def ask(asking: Asking, *names: str, limit: int | None = None) -> list[Delta]:
    models = [ServedModel(asking.server, name) for name in names]
    with asking.asker.ask_models(models, prompt(max_tokens=limit), StopSignal()) as deltas:
        return list(deltas)


def test_the_end_of_a_body_is_what_the_reader_says_it_is(server, asker):
    server.script(Script(deltas=1, fault="end", after=4))
    text, finished = ask(asker, "m")
    assert text.text.startswith("event: response.created")
    assert finished == Finished("stop")
    assert server.requests[0].path == "/v1/plain"


def test_its_failures_are_tried_again_and_its_models_fallen_back_on(server, asker, meter):
    server.script(*[Script(status=500)] * 2)
    deltas = ask(asker, "a", "b")
    assert deltas[:2] == [Retrying(2, "upstream_unavailable", "a"), Retrying(3, "upstream_unavailable", "b")]
    assert meter.counts == {"upstream_errors upstream_unavailable": 2}


def test_its_refused_parameters_are_left_out(server, asker):
    server.script(Script(status=400, error={"param": "limit", "code": "unknown_parameter"}))
    assert isinstance(ask(asker, "m", limit=3)[-1], Finished)
    assert [request.body for request in server.requests] == [{"model": "m", "limit": 3}, {"model": "m"}]


@pytest.mark.parametrize(("script", "error"), [("mute", UpstreamTimeout), ("reset", UpstreamUnavailable)])
def test_its_silence_and_breaks_are_failures(server, meter, script, error):
    with asking(server, meter, first_token=0.1) as impatient, pytest.raises(error):
        ask(impatient, f"script:{script}")
    assert len(server.requests) == 2
