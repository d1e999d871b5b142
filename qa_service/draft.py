"""This module gathers an answer while it is written, and in the end builds its metadata and its turn."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TypeAlias

from msgspec.structs import replace

from qa_service.canary import repeats_canary
from qa_service.citing import MOST_MENTIONS, SEARCHED_OF_ANSWER, Evidence, Placed, collect_references
from qa_service.deltas import Annotation, Finished, PagesFound
from qa_service.errors import Cancelled, QAError, TooLong, UpstreamError, UpstreamTimeout
from qa_service.frames import Call, Failure, Image, Metadata, Reference, Text, TextSpan, Timing, images_from_frames
from qa_service.interfaces import MediaResult
from qa_service.links import find_bare_addresses, find_links, identify_page, is_web_address
from qa_service.markers import blank_code, find_markers
from qa_service.media.beside import SideSearch
from qa_service.media.linked import MediaLists, merge_media, recognize_media
from qa_service.model import FinishReason, Meaning, Owner, Prompt, Status, StoredFile, Usage, Verdict
from qa_service.pictures import note_unseen_pictures
from qa_service.prompting import Site
from qa_service.retrieval.splitting import estimate_tokens
from qa_service.support import find_unsupported
from qa_service.turns import Admission, Asked, Observation, Turn, logged_id

STATUS: Mapping[FinishReason, Status] = {
    "stop": "completed",
    "refusal": "completed",
    "length": "incomplete",
    "content_filter": "incomplete",
    "cancelled": "cancelled",
    "error": "failed",
}

PIECE_BYTES = 16
"""Each piece of text counts for this many bytes more than it has. So an answer that comes letter by letter is bounded,
too."""

_MOST_LINKS = 1_000
"""Pictures and videos are looked for among at most this many links of an answer."""

Prices: TypeAlias = Mapping[str, Mapping[str, float]]
"""This maps each model to its prices for a million tokens: `input`, `output` and, where it differs, `cached`."""


class Draft:
    """A `Draft` is an answer that is being written. Only the answer line writes to it, so it needs no lock."""

    meaning: Meaning | None = None
    """This is set when the text is complete, where there is an encoder."""
    is_long_topic = False
    """This says whether the earlier turns of the topic should be summed up."""
    dangling = 0
    """This many numbers in the text stand for no source."""
    leaked = False
    """This says whether the text repeats the mark of its instructions."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.files: list[StoredFile] = list(admission.session.files)
        self.verdicts: list[Verdict] = [_verdict(file) for file in self.files]
        self.prompt = Prompt(admission.model, (), admission.question.text)
        """This is what upstream is asked. Until it is built or recalled, it has no messages, passages or tokens."""
        self._rebuild: Callable[[int], Prompt] | None = None
        self.model = admission.model
        """This is the model that is being asked, until upstream says which one answered."""
        self.finished: Finished | None = None
        self.error: QAError | None = None
        self.references: tuple[Reference, ...] = ()
        """These sources were told to readers. Where the answer was taken over, readers may know some before the text is
        over."""
        self.images: list[Image] = []
        """These are all frames that have shown a picture."""
        self.searches: Sequence[SideSearch] = ()
        """These searches run beside the answer."""
        self.size = 0
        """The text counts this many bytes so far. `Parts.longest` bounds them."""
        self._pieces: list[str] = []
        self._annotations: list[Placed] = []
        self._pages: list[str] = []
        self._media = MediaLists()
        self._first_token: float | None = None
        self._refused = False
        self._unsupported: tuple[TextSpan, ...] = ()

    @property
    def text(self) -> str:
        """Return the text that has been written so far."""
        return "".join(self._pieces)

    def write_text(self, text: str) -> Text:
        """Add a piece of the answer, and return it as a frame. Raises `QAError` for a piece that UTF-8 can't encode;
        such a piece never becomes a part of the answer."""
        try:
            self.size += PIECE_BYTES + len(text.encode())
        except (UnicodeEncodeError, AttributeError) as error:
            raise QAError("upstream gave a piece of text that can't be stored") from error
        if self._first_token is None:
            self._first_token = time.monotonic()
            self.forget_rebuild()
        self._pieces.append(text)
        return Text(text)

    def write_refusal(self, text: str) -> Text:
        """Add a piece of a refusal, and return it as a frame."""
        self._refused = True
        return self.write_text(text)

    def add_source(self, source: Annotation | PagesFound) -> None:
        """Add a source that upstream names for what was written last, or the pages that one of its tools has
        returned."""
        if isinstance(source, Annotation):
            self._annotations.append(Placed(len(self.text), source))
        else:
            self._pages.extend(url for url in source.urls if is_web_address(url))

    def add_file(self, file: StoredFile, verdict: Verdict) -> None:
        """Add a file that has been read, and what became of it. The same file under the same name takes the place of
        the one before."""
        others = [(f, v) for f, v in self._judged_files() if (f.file_id, v.name) != (file.file_id, verdict.name)]
        self._keep_files([*((file if f.file_id == file.file_id else f, v) for f, v in others), (file, verdict)])

    def sort_files(self, file_ids: Sequence[str]) -> None:
        """Put the files with these ids in this order, behind all others. Files are added in the order in which they are
        read to their end."""
        places = {file_id: place for place, file_id in enumerate(file_ids)}
        self._keep_files(sorted(self._judged_files(), key=lambda pair: places.get(pair[0].file_id, -1)))

    def note_unseen(self) -> None:
        """Note that the model sees no pictures, so that the verdicts on pictures say so."""
        self.verdicts = [note_unseen_pictures(verdict, file) for file, verdict in self._judged_files()]

    def keep_prompt(self, prompt: Prompt, rebuild: Callable[[int], Prompt] | None = None) -> None:
        """Keep the finished prompt. Where it holds only a part of a file, or nothing, the file's verdict says so.
        `rebuild` builds it again for another number of tokens.

        A file of an earlier topic has no verdict where the prompt holds nothing of it. The earlier conversation stands
        in the prompt, so the draft doesn't hold it a second time once upstream works on the answer."""
        self.prompt, self._rebuild = prompt, rebuild
        question, session = self.admission.question, self.admission.session
        self.admission = replace(
            self.admission, question=replace(question, messages=()), session=replace(session, context=())
        )
        quoted = [file for passage in prompt.passages for file in (passage.file_id, *passage.repeated_in)]
        counts = Counter([*quoted, *prompt.pictures])
        self._keep_files(
            (file, _budgeted(verdict, file, counts[file.file_id]))
            for file, verdict in self._judged_files()
            if counts[file.file_id] or file.topic == session.topic
        )

    def hand_out_prompt(self) -> Prompt:
        """Hand out the prompt, once. The draft may live for minutes, so it keeps the prompt without its messages."""
        prompt, self.prompt = self.prompt, replace(self.prompt, messages=())
        return prompt

    def shorten_prompt(self, share: float) -> bool:
        """Build the prompt again with this share of its tokens, and return whether that made it shorter. It is done
        once at most, and never once upstream has worked on the answer."""
        rebuild, before = self._rebuild, self.prompt
        self.forget_rebuild()
        if rebuild is None:
            return False
        shorter = rebuild(int(before.tokens * share))
        if shorter.tokens >= before.tokens:
            return False
        self.keep_prompt(shorter)
        return True

    def forget_rebuild(self) -> None:
        """Let go of what the prompt was built from, because upstream has begun to work on the answer."""
        self._rebuild = None

    def recall_prompt(self, asked: Asked) -> None:
        """Take over the prompt that a worker had built before it died, with the verdicts on its files."""
        self.prompt, self.verdicts = asked.prompt, list(asked.verdicts)

    def cite_sources(self, *, trusts_links: bool = False) -> Sequence[Reference]:
        """Find the sources of what was written, keep them, and return those that weren't known. `trusts_links` says
        whether a link that the model has typed is a source, although no tool has returned it."""
        evidence = Evidence(
            self.admission.session.session_id,
            self.prompt.passages,
            self._annotations,
            frozenset(map(identify_page, self._pages)),
            trusts_links,
            self.admission.question.language,
        )
        known = {source.n for source in self.references}
        news = tuple(source for source in collect_references(self.text, evidence) if source.n not in known)
        self.references = (*self.references, *news)
        return news

    def check_answer(self, site: Site) -> None:
        """Look for what shouldn't be in an answer: numbers that stand for no source, sentences that no source supports,
        and the mark of the instructions."""
        text = self.text[:SEARCHED_OF_ANSWER]
        self.leaked = repeats_canary(text, site.canary)
        if site.citations:
            known = {source.n for source in self.references}
            self.dangling = sum(n not in known for _, n in islice(find_markers(text), MOST_MENTIONS))
        wanted = self.admission.question.checks_support
        if site.checks_support if wanted is None else wanted:
            self._unsupported = find_unsupported(text, self.references, self.prompt.passages)

    def list_media(self, searched: Sequence[MediaResult]) -> None:
        """Keep the pictures and videos about the answer: those to which it or its sources link, and those that searches
        have found."""
        prose = blank_code(self.text[:SEARCHED_OF_ANSWER])
        links = islice(chain(find_links(prose), find_bare_addresses(prose)), _MOST_LINKS)
        written = [(link.url, link.label) for link in links]
        cited = [(source.url, source.title) for source in self.references if source.kind == "url"]
        linked = recognize_media([*cited, *written, *((url, "") for url in self._pages)])
        self._media = merge_media(linked, searched)

    def build_metadata(self, prices: Prices) -> Metadata:
        """Build the metadata of the answer. It says that the turn was saved; the caller corrects that where it
        wasn't."""
        admission, usage = self.admission, self._usage
        cost = compute_cost(usage, prices.get(self._model) or prices.get(self.model))
        return Metadata(
            admission.session.session_id,
            admission.answer_id,
            self._model,
            usage=usage,
            calls=(Call(self._model, "answer", usage, cost),) if usage.total else (),
            cost=cost,
            timing=self._timing,
            topic=admission.topic,
            files=tuple(self.verdicts),
            finish_reason=self._reason,
            saved=True,
            image_results=self._media.images,
            video_results=self._media.videos,
            unsupported=self._unsupported,
        )

    def build_turn(self, metadata: Metadata, failure: Failure | None) -> Turn:
        """Make the turn that is saved."""
        return replace(
            self.admission.turn,
            text=self.text,
            status=self._status,
            references=self.references,
            images=images_from_frames(self.images),
            meaning=self.meaning,
            files=metadata.files,
            metadata=metadata,
            error=failure,
        )

    def _judged_files(self) -> Iterator[tuple[StoredFile, Verdict]]:
        return zip(self.files, self.verdicts, strict=True)

    def _keep_files(self, judged: Iterable[tuple[StoredFile, Verdict]]) -> None:
        pairs = list(judged)
        self.files, self.verdicts = [file for file, _ in pairs], [verdict for _, verdict in pairs]

    @property
    def _status(self) -> Status:
        """Find the status of the turn. An answer without a word or a picture is `incomplete`, even if upstream calls it
        complete."""
        status = STATUS[self._reason]
        is_empty = not self.text.strip() and not images_from_frames(self.images)
        return "incomplete" if status == "completed" and is_empty else status

    @property
    def _reason(self) -> FinishReason:
        if isinstance(self.error, Cancelled):
            return "cancelled"
        if isinstance(self.error, TooLong):
            return "length"
        if self.error is not None or self.finished is None:
            return "error"
        refused = self._refused and self.finished.reason == "stop"
        return "refusal" if refused else self.finished.reason

    @property
    def _usage(self) -> Usage:
        if self.finished is not None and self.finished.usage is not None:
            return self.finished.usage
        if self._turned_away:
            return Usage(estimated=True)
        output = estimate_tokens(self.text)
        return Usage(self.prompt.tokens, output, self.prompt.tokens + output, estimated=True)

    @property
    def _turned_away(self) -> bool:
        """Tell whether upstream refused before it did any work. A time-out isn't such a refusal, because upstream may
        have worked until then, and may charge for it."""
        refused = isinstance(self.error, UpstreamError) and not isinstance(self.error, UpstreamTimeout)
        return refused and not self._pieces

    @property
    def _model(self) -> str:
        return (self.finished and self.finished.model) or self.model

    @property
    def _timing(self) -> Timing:
        began, first = self.admission.began, self._first_token
        return Timing(None if first is None else int((first - began) * 1000), int((time.monotonic() - began) * 1000))


def build_observation(
    turn: Turn, metadata: Metadata, *, owner: Owner, dangling: int = 0, leaked: bool = False
) -> Observation:
    """Build what observers are told of a finished answer. It holds none of the answer's text."""
    return Observation(
        logged_id(owner, turn.answer_id),
        owner.kind,
        turn.status,
        metadata.finish_reason,
        metadata.model,
        usage=metadata.usage,
        timing=metadata.timing,
        topic=metadata.topic.index,
        drifted=metadata.topic.drifted,
        files=len(metadata.files),
        references=len(turn.references),
        saved=metadata.saved,
        cost=metadata.cost,
        error=turn.error.code if turn.error else None,
        dangling=dangling,
        unsupported=len(metadata.unsupported),
        leaked=leaked,
    )


def _verdict(file: StoredFile) -> Verdict:
    return Verdict(file.name, file.kind, file.status, file.reason, file.pages, file.tokens, file.unread_pages)


def _budgeted(verdict: Verdict, file: StoredFile, count: int) -> Verdict:
    if verdict.status not in ("used", "partly", "truncated") or count == file.pieces:
        return verdict
    # That pages can't be read explains more than that not all of the others were needed.
    if verdict.status == "partly" and count:
        return verdict
    # That a file was too large explains more than that it didn't fit into the prompt.
    return replace(verdict, status="truncated" if count else "skipped", reason=verdict.reason or "over_budget")


def compute_cost(usage: Usage, price: Mapping[str, float] | None) -> float | None:
    """Compute the cost in the currency of the prices. It is None where the site set no price for the model."""
    if price is None:
        return None
    fresh = (usage.input - usage.cached) * price["input"]
    cached = usage.cached * price.get("cached", price["input"])
    return round((fresh + cached + usage.output * price["output"]) / 1_000_000, 8)
