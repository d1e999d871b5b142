"""This module has the list of what the answer line uses, so that the steps of the line can stand in several modules."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from qa_service.gallery import Gallery
from qa_service.interfaces import FileReader, FileStore, Meter, Observer, Quotas, SessionStore, SummaryWish, Upstream
from qa_service.media.beside import MediaSearches
from qa_service.model import Meaning, Owner, Question
from qa_service.prompting import Site
from qa_service.search_interfaces import CandidateSource
from qa_service.searching import Search
from qa_service.turns import Turn


class Parts(Struct, frozen=True):
    """A `Parts` holds what the answer line uses."""

    upstream: Upstream
    sessions: SessionStore
    files: FileStore
    quotas: Quotas
    reader: FileReader
    search: Search
    gallery: Gallery
    observe: Observer
    meter: Meter
    save_later: Callable[[Owner, Turn], None]
    """This takes a turn that couldn't be saved, and saves it when the store is back."""
    site: Site
    prices: Mapping[str, Mapping[str, float]]
    longest: int
    """An answer whose text counts more than this many bytes is ended, as `incomplete`."""
    safety_identifier: Callable[[str], str]
    """This makes the id that tells upstream who asks. It takes an owner's key, followed by the visitor's
    `Owner.address` if there is one."""
    recall_meaning: Callable[[str, str], Meaning | None] = lambda question, text: None
    """This encodes a finished exchange, so that later questions can be compared with it."""
    open_knowledge: Callable[[Question], CandidateSource | None] = lambda _: None
    """This opens what a question may be answered from beside the files of its session. It gives None where there is
    nothing."""
    summarize: Callable[[SummaryWish], None] | None = None
    """This begins to make a summary, and returns at once. It is None where no summaries are made."""
    media: MediaSearches = MediaSearches()
    """These services are searched for pictures and videos, where the person lets the web be searched."""
