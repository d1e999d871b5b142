"""This module puts the service together from its settings. Beside `servers`, `storeroom` and `knowledge_base`, no other
module names concrete classes."""

import hashlib
import hmac
import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from qa_service.answer_parts import Parts
from qa_service.answering import AnswerLine
from qa_service.canary import make_canary
from qa_service.desk import Desk
from qa_service.errors import EncoderMissing
from qa_service.files.isolation import ChildReaders
from qa_service.files.limits import ProcessLimits
from qa_service.files.sandbox import describe_sandbox
from qa_service.files.sniffing import sniff_kind
from qa_service.gallery import Gallery
from qa_service.images.studio import Studio
from qa_service.interfaces import (
    AnswerWriter,
    DriftDetector,
    FileReader,
    Limiter,
    MediaSearch,
    Meter,
    Observer,
    SummaryWish,
    Upstream,
)
from qa_service.knowledge_base import KnowledgeBase, open_knowledge
from qa_service.language.encoder import load_encoder
from qa_service.language.vocabulary import load_vocabulary
from qa_service.made_secrets import Secret, keep_secret
from qa_service.media.beside import MediaSearches
from qa_service.media.google import GoogleImageSearch
from qa_service.media.youtube import YouTubeSearch
from qa_service.metrics import Prometheus
from qa_service.model import Meaning, Question
from qa_service.picture_links import PictureLinks
from qa_service.prompting import Site
from qa_service.retrieval.coverage import measure_topics
from qa_service.retrieval.finding import HybridRetriever
from qa_service.retrieval.shared_encoder import SharedEncoder, find_shared_encoder
from qa_service.retrieval.synonyms import Synonyms
from qa_service.running.presence import Presence
from qa_service.running.runner import Runner
from qa_service.running.settings import Pace, RunnerSettings
from qa_service.search_interfaces import CandidateSource, Encoder, Retriever
from qa_service.searching import Search
from qa_service.settings import Settings, SettingsError
from qa_service.storeroom import Storeroom, open_storeroom
from qa_service.stores.drawings import RedisDrawings
from qa_service.stores.feedback import RedisFeedback
from qa_service.stores.history import RedisHistory
from qa_service.summaries import Summarizer
from qa_service.topics.choosing import choose_detector, choose_memory, describe_detector
from qa_service.topics.detector import KeepTopic
from qa_service.turns import Observation
from qa_service.upstream.offline import OfflineAnswerer

log = logging.getLogger(__name__)
answers = logging.getLogger("qa_service.answers")


class Assembly(Struct, frozen=True):
    """An `Assembly` holds all parts of the service. They are put together once for each app and process."""

    settings: Settings
    desk: Desk
    runner: Runner
    limiter: Limiter
    search_limiter: Limiter
    """It bounds how often an owner may search the knowledge base without a question."""
    history: RedisHistory
    feedback: RedisFeedback
    drawings: RedisDrawings
    links: PictureLinks
    studio: Studio
    meter: Prometheus
    offline: bool
    """This says whether answers are made without a model."""
    encoder: Encoder | None
    """This is None where texts are compared by their words alone."""
    knowledge: KnowledgeBase | None
    """This is None where the settings turn the knowledge base off."""
    topics: str
    """This says what decides whether a question begins a new topic."""
    sandbox: str
    """This sentence tells operators how well the reading of files is isolated from this process."""
    secret: Secret
    uploads: Path
    check_store: Callable[[], None]
    """This raises `StoreUnavailable`, which says why, where the store doesn't answer, takes no writes or lacks
    something."""
    pace: Pace


def assemble(  # noqa: PLR0913 - each is a part of the service
    settings: Settings,
    *,
    upstream: Upstream | None = None,
    detector: DriftDetector | None = None,
    reader: FileReader | None = None,
    retriever: Retriever | None = None,
    observe: Observer | None = None,
    media: Sequence[MediaSearch] | None = None,
    encoder: Encoder | None = None,
) -> Assembly:
    """Put the service together. A part that is given takes the place of the usual one.

    Without `REDIS_URL`, the private store is running when this returns.
    """
    secret, meter = Secret(settings.secret or _kept_secret(settings)), Prometheus()
    encoder = encoder or choose_encoder(settings)
    store, links = open_storeroom(settings, meter), PictureLinks(secret, settings.session_ttl)
    knowledge = open_knowledge(settings, encoder, _shared_encoder(encoder))
    chosen = _Chosen(
        upstream or _answering_upstream(settings, meter),
        detector or (choose_detector(encoder) if settings.drift == "auto" else KeepTopic()),
        reader or _reader(settings),
        retriever or make_retriever(settings, encoder),
        observe or log_answer,
        MediaSearches(_media_searches(settings) if media is None else media),
        choose_memory(encoder),
        knowledge.open_for if knowledge else lambda _: None,
    )
    runner = _runner(settings, _line(settings, chosen, store, meter, links, secret), store, meter)
    offline = settings.answers_itself and upstream is None
    return Assembly(
        settings,
        _desk(settings, store, runner, chosen.detector, meter, model="offline" if offline else settings.first_model),
        runner,
        limiter=store.limiter,
        search_limiter=store.search_limiter,
        history=store.history,
        feedback=store.feedback,
        drawings=store.drawings,
        links=links,
        studio=_studio(settings, store, runner, meter, partial(_safety_identifier, secret)),
        meter=meter,
        offline=offline,
        encoder=encoder,
        knowledge=knowledge,
        topics=describe_detector(chosen.detector),
        sandbox="read by this site's own reader" if reader else describe_sandbox(),
        secret=secret,
        uploads=_uploads(settings.data),
        check_store=store.check,
        pace=Pace(),
    )


def choose_encoder(settings: Settings) -> Encoder | None:
    """Return the encoder that the settings ask for, or None. The first call in a process loads it; a server calls this
    before it forks its workers, so that they share its memory. Raises `SettingsError` where `QA_SEMANTIC` is `on` and
    the encoder can't be loaded."""
    if settings.semantic == "off":
        return None
    try:
        return load_encoder()
    except EncoderMissing as error:
        if settings.semantic == "on":
            raise SettingsError(f"QA_SEMANTIC: {error}") from None
        log.info("texts are compared by their words alone; %s", error)
        return None


def make_retriever(settings: Settings, encoder: Encoder | None) -> Retriever:
    """Make the retriever that the settings ask for. A server's workers encode passages in the process they share."""
    return HybridRetriever(encoder, shared=_shared_encoder(encoder), synonyms=Synonyms(settings.synonyms))


def _shared_encoder(encoder: Encoder | None) -> SharedEncoder | None:
    """Return the same encoder in the process that a server's workers share, if there is one."""
    shared = find_shared_encoder()
    return shared if encoder and shared and shared.name == encoder.name else None


class _Chosen(Struct, frozen=True):
    """A `_Chosen` holds the parts that a host may bring, and the usual part where the host brings none."""

    upstream: Upstream
    detector: DriftDetector
    reader: FileReader
    retriever: Retriever
    observe: Observer
    media: MediaSearches
    recall_meaning: Callable[[str, str], Meaning | None]
    open_knowledge: Callable[[Question], CandidateSource | None]


def _line(
    settings: Settings, chosen: _Chosen, store: Storeroom, meter: Prometheus, links: PictureLinks, secret: str
) -> AnswerLine:
    site, identify = _site(settings, secret), partial(_safety_identifier, secret)
    return AnswerLine(
        Parts(
            upstream=chosen.upstream,
            sessions=store.sessions,
            files=store.files,
            quotas=store.quotas,
            reader=chosen.reader,
            search=Search(store.files, chosen.retriever),
            gallery=Gallery(chosen.reader, store.drawings, store.quotas, links, sniff_kind),
            observe=partial(_tell, (meter, chosen.observe)),
            meter=meter,
            save_later=store.shared.unsaved.add_turn,
            site=site,
            prices=settings.prices,
            longest=settings.log_bytes,
            safety_identifier=identify,
            summarize=_summarizer(settings, chosen.upstream, store, site, meter, identify),
            media=chosen.media,
            recall_meaning=chosen.recall_meaning,
            open_knowledge=chosen.open_knowledge,
        )
    )


def _site(settings: Settings, secret: str) -> Site:
    return Site(
        settings.instructions,
        settings.context_tokens,
        settings.citations != "off",
        settings.cite_links,
        windows=settings.context_windows,
        checks_support=settings.citations == "check",
        canary=make_canary(secret),
        vocabulary=load_vocabulary() if settings.counts_tokens else None,
    )


def _summarizer(
    settings: Settings,
    upstream: Upstream,
    store: Storeroom,
    site: Site,
    meter: Prometheus,
    identify: Callable[[str], str],
) -> Callable[[SummaryWish], None] | None:
    if not settings.summaries or isinstance(upstream, OfflineAnswerer):
        return None
    return Summarizer(
        upstream, store.summaries, site, prices=settings.prices, count_call=meter.count_call, identify=identify
    ).request_summary


def _runner(settings: Settings, line: AnswerWriter, store: Storeroom, meter: Meter) -> Runner:
    runner_settings = RunnerSettings(
        answers=settings.max_answers,
        answer_seconds=settings.answer_seconds,
        grace_seconds=settings.grace_seconds,
        background=settings.background,
    )
    presence = Presence((settings.data / "workers").absolute(), store.worker, _uploads(settings.data))
    return Runner(line, store.shared, meter, presence=presence, settings=runner_settings)


def _desk(
    settings: Settings, store: Storeroom, runner: Runner, detector: DriftDetector, meter: Meter, *, model: str
) -> Desk:
    return Desk(
        store.sessions,
        store.repeats,
        store.arrivals,
        detector,
        room=runner,
        meter=meter,
        stop=runner.stop_answer,
        find_removal=store.rewinds.find_removal,
        model=model,
        background=settings.background,
        measure_coverage=partial(measure_topics, store.files),
    )


def _studio(
    settings: Settings, store: Storeroom, runner: Runner, meter: Meter, identify: Callable[[str], str]
) -> Studio:
    return Studio(
        _drawing_upstream(settings, meter),
        store.drawn_lines,
        store.limiter,
        runner,
        meter,
        identify=identify,
        folder=_uploads(settings.data),
        seconds=settings.answer_seconds,
    )


def _answering_upstream(settings: Settings, meter: Meter) -> Upstream:
    if settings.answers_itself:
        return OfflineAnswerer()
    from qa_service.servers import make_upstream

    return make_upstream(settings, meter, spool=_uploads(settings.data))


def _drawing_upstream(settings: Settings, meter: Meter) -> Upstream | None:
    if not settings.drawing_model:
        return None
    from qa_service.servers import make_drawing_upstream

    return make_drawing_upstream(settings, meter, spool=_uploads(settings.data))


def log_answer(observation: Observation) -> None:
    """Log one line of JSON for each answer. It holds neither the question nor the session."""
    answers.info("%s", msgspec.json.encode(observation).decode())


def _tell(observers: tuple[Observer, ...], observation: Observation) -> None:
    for observe in observers:
        observe(observation)


def _reader(settings: Settings) -> FileReader:
    return ChildReaders(
        seconds=settings.file_seconds,
        limits=ProcessLimits(settings.file_memory, settings.file_seconds),
        # All workers together read one file for each core. More files at once would be read more slowly, and would
        # hold up the streams.
        slots=max(1, (os.cpu_count() or 1) // settings.workers),
    )


def _kept_secret(settings: Settings) -> str:
    if settings.redis_url:
        log.warning("QA_SECRET is not set, so each machine makes its own, and refuses tokens that another one signed")
    return keep_secret(settings.data, "secret")


def _media_searches(settings: Settings) -> list[MediaSearch]:
    searches: list[MediaSearch] = [YouTubeSearch(settings.youtube_key)] if settings.youtube_key else []
    if bool(settings.image_search_key) != bool(settings.image_search_id):
        raise SettingsError("QA_IMAGE_SEARCH_KEY, QA_IMAGE_SEARCH_ID: expected both or neither")
    if settings.image_search_key:
        searches.append(GoogleImageSearch(settings.image_search_key, settings.image_search_id))
    return searches


def _safety_identifier(secret: str, owner: str) -> str:
    return hmac.new(secret.encode(), b"upstream " + owner.encode(), hashlib.sha256).hexdigest()


def _uploads(data: Path) -> Path:
    """Make the folder in which uploads lie until their answers have ended, and return its path."""
    folder = data / "uploads"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise SettingsError("QA_DATA: expected a folder in which others can be made") from None
    return folder.absolute()
