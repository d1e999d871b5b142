"""A host site's own parts, as mypy sees them: who is asking, what answers, what decides on topics."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from flask import Flask, Request

from qa_service import (
    Assembly,
    DriftDetector,
    FileReader,
    MediaSearch,
    Observer,
    QAService,
    Retriever,
    Settings,
    Stop,
    Upstream,
    assemble,
    create_app,
)
from qa_service.deltas import Delta, Finished, TextDelta
from qa_service.file_news import FileEnd, FileNews, FileText
from qa_service.frames import ImageResult
from qa_service.interfaces import Attaching, MediaQuery
from qa_service.model import Drift, Passage, Prompt, ReadRequest, Session, Verdict
from qa_service.search_interfaces import Query
from qa_service.turns import Observation


def who_is_asking(request: Request) -> str | None:
    """Return a user's id, or None for nobody."""
    return request.headers.get("X-Site-User")


class Echo:
    """An `Echo` is an upstream with a class of its own."""

    @contextmanager
    def open_answer(self, prompt: Prompt, stop: Stop) -> Iterator[Iterator[Delta]]:
        forget = stop.call_when_set(lambda: None)
        yield iter((TextDelta(prompt.question), Finished("stop")))
        forget()


class Delegating:
    """A `Delegating` is an upstream that chooses between others."""

    def __init__(self, usual: Upstream, searching: Upstream) -> None:
        self._usual = usual
        self._searching = searching

    def open_answer(self, prompt: Prompt, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        return (self._searching if prompt.web_search else self._usual).open_answer(prompt, stop)


class Keeps(Echo):
    """A `Keeps` is an upstream that keeps its answers, so that another worker can go on with them."""

    @contextmanager
    def attach_answer(self, prompt: Prompt, response_id: str, stop: Stop) -> Iterator[Iterator[Delta]]:
        yield iter((TextDelta(f"What {response_id} was."), Finished("stop")))


class NeverDrifts:
    """A `NeverDrifts` is a detector."""

    def judge_topic(self, question: str, session: Session, coverage: Mapping[int, float]) -> Drift:
        return Drift(drifted=False, score=0.0, reasons=("never",))


class ReadsNames:
    """A `ReadsNames` is a file reader."""

    def read_upload(self, request: ReadRequest, stop: Stop) -> Iterator[FileNews]:
        name = request.file.name
        yield FileText(passages=(Passage("", name, name),), index={name: [0, 1000]})
        yield FileEnd(Verdict(name, "name", "used", pages=1))


class FirstOnes:
    """A `FirstOnes` is a retriever."""

    def find_passages(self, query: Query) -> tuple[Passage, ...]:
        if query.files is None:
            return ()
        numbers = range(query.files.look_up_words([query.question], 100).passages)[:3]
        return tuple(passage for passage in query.files.load_passages(numbers) if passage)


class Catalogue:
    """A `Catalogue` is a search for pictures."""

    name = "catalogue"

    def find_media(self, query: MediaQuery) -> list[ImageResult]:
        return [ImageResult(query.text, "https://shop.example/1.png", "https://shop.example/1s.png", "shop.example")]


def watch(observation: Observation) -> None:
    """An observer is any function of an observation."""
    print(observation.answer_id, observation.usage.total)


upstream: Upstream = Delegating(Echo(), searching=Keeps())
keeping: Attaching = Keeps()
detector: DriftDetector = NeverDrifts()
reader: FileReader = ReadsNames()
retriever: Retriever = FirstOnes()
observer: Observer = watch
search: MediaSearch = Catalogue()


def our_assembly(settings: Settings) -> Assembly:
    """Return what `assemble=` takes."""
    return assemble(
        settings,
        upstream=upstream,
        detector=detector,
        reader=reader,
        retriever=retriever,
        observe=observer,
        media=[search],
    )


def mounted() -> Flask:
    """Return an existing site with the service under a prefix of its own."""
    site = Flask("site")
    QAService(site, url_prefix="/qa", identify=who_is_asking, assemble=our_assembly)
    later = QAService(identify=lambda request: request.remote_user, assemble=partial(assemble, upstream=upstream))
    later.init_app(site)
    return site


def alone() -> Flask:
    """Return the service as an app of its own."""
    return create_app(Settings(model="gpt-5", allow_anonymous=True), identify=who_is_asking, assemble=our_assembly)
