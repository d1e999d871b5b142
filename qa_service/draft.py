"""The answer as far as it has come: what the line gathers on its way, and what it makes of that in the end."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from qa_service.citing import Placed, references
from qa_service.errors import Cancelled, QAError, TooLong, UpstreamError, UpstreamTimeout
from qa_service.frames import Call, Failure, Metadata, Reference, Text, Timing
from qa_service.model import Annotation, Finished, FinishReason, Passage, Prompt, Status, StoredFile, Usage, Verdict
from qa_service.retrieval.splitting import estimated_tokens
from qa_service.turns import Admission, Asked, Observation, Turn

STATUS: Mapping[FinishReason, Status] = {
    "stop": "completed",
    "refusal": "completed",
    "length": "incomplete",
    "content_filter": "incomplete",
    "cancelled": "cancelled",
    "error": "failed",
}

PIECE_BYTES = 16
"""What a piece of text counts beside its own bytes, so that an answer of single letters is bounded, too."""

Prices = Mapping[str, Mapping[str, float]]


class Draft:
    """One answer in the making; the line alone writes to it."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.files: list[StoredFile] = list(admission.session.files)
        self.verdicts: list[Verdict] = [_verdict(file) for file in self.files]
        self.prompt: Prompt | None = None
        self.model = admission.model
        """The one that is being asked, until upstream says which one answered."""
        self.finished: Finished | None = None
        self.error: QAError | None = None
        self.references: tuple[Reference, ...] = ()
        self.size = 0
        """Bytes of all pieces, as they count towards the longest answer that is kept."""
        self._pieces: list[str] = []
        self._annotations: list[Placed] = []
        self._first_token: float | None = None
        self._refused = False

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._pieces)

    def write(self, text: str) -> Text:
        """The next piece, as a frame. What UTF-8 can't encode raises and never becomes a part of the answer."""
        self.size += PIECE_BYTES + len(text.encode())
        if self._first_token is None:
            self._first_token = time.monotonic()
        self._pieces.append(text)
        return Text(text)

    def refuse(self, text: str) -> Text:
        """The next piece of a refusal, as a frame."""
        self._refused = True
        return self.write(text)

    def annotate(self, annotation: Annotation) -> None:
        """Upstream names a source of what was just written."""
        self._annotations.append(Placed(len(self.text), annotation))

    def add_file(self, file: StoredFile, verdict: Verdict) -> None:
        """A file was read, well or not."""
        self.files.append(file)
        self.verdicts.append(verdict)

    def settle(self, prompt: Prompt) -> None:
        """The prompt stands, and with it what of each file is used: what doesn't stand in it isn't. What was said
        before is in it, too, and nowhere else from now on."""
        self.prompt = prompt
        question, session = self.admission.question, self.admission.session
        self.admission = replace(
            self.admission, question=replace(question, messages=()), session=replace(session, context=())
        )
        counts = Counter(passage.file_id for passage in prompt.passages)
        pairs = zip(self.verdicts, self.files, strict=True)
        self.verdicts = [_budgeted(verdict, file, counts[file.file_id]) for verdict, file in pairs]

    def spend(self) -> Prompt:
        """The prompt as it is asked, once: what stays here is without its messages, since it may stay for minutes."""
        assert self.prompt is not None  # noqa: S101 - the line prepared it
        prompt, self.prompt = self.prompt, replace(self.prompt, messages=())
        return prompt

    def recall(self, asked: Asked) -> None:
        """The prompt stood already, in a worker that died."""
        self.prompt, self.verdicts = asked.prompt, list(asked.verdicts)

    def cite(self) -> Sequence[Reference]:
        """The sources of what was written."""
        passages: tuple[Passage, ...] = self.prompt.passages if self.prompt else ()
        self.references = references(self.text, passages, self._annotations, self.admission.session.session_id)
        return self.references

    def metadata(self, prices: Prices) -> Metadata:
        """As if it were saved; whoever saves knows better."""
        admission, usage = self.admission, self._usage
        cost = _cost(usage, prices.get(self._model) or prices.get(self.model))
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
        )

    def turn(self, metadata: Metadata, failure: Failure | None) -> Turn:
        """The turn to be kept."""
        return replace(
            self.admission.turn,
            text=self.text,
            status=STATUS[self._reason],
            references=self.references,
            files=metadata.files,
            metadata=metadata,
            error=failure,
        )

    @property
    def _reason(self) -> FinishReason:
        if isinstance(self.error, Cancelled):
            return "cancelled"
        if isinstance(self.error, TooLong):
            return "length"
        if self.error is not None or self.finished is None:
            return "error"
        return "refusal" if self._refused else self.finished.reason

    @property
    def _usage(self) -> Usage:
        if self.finished is not None and self.finished.usage is not None:
            return self.finished.usage
        if self.prompt is None or self._turned_away:
            return Usage(estimated=True)
        output = estimated_tokens(self.text)
        return Usage(self.prompt.tokens, output, self.prompt.tokens + output, estimated=True)

    @property
    def _turned_away(self) -> bool:
        """Upstream refused before it worked; a time-out may have been work, and billed."""
        refused = isinstance(self.error, UpstreamError) and not isinstance(self.error, UpstreamTimeout)
        return refused and not self._pieces

    @property
    def _model(self) -> str:
        return (self.finished and self.finished.model) or self.model

    @property
    def _timing(self) -> Timing:
        began, first = self.admission.began, self._first_token
        return Timing(None if first is None else int((first - began) * 1000), int((time.monotonic() - began) * 1000))


def observed(turn: Turn, metadata: Metadata, *, owner: str) -> Observation:
    """What those who watch are told of a finished answer."""
    return Observation(
        turn.answer_id,
        owner,
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
    )


def _verdict(file: StoredFile) -> Verdict:
    return Verdict(file.name, file.kind, file.status, file.reason, file.pages, file.tokens)


def _budgeted(verdict: Verdict, file: StoredFile, count: int) -> Verdict:
    if verdict.status not in ("used", "truncated") or count == file.passages:
        return verdict
    # A file that was too large is that first.
    return replace(verdict, status="truncated" if count else "skipped", reason=verdict.reason or "over_budget")


def _cost(usage: Usage, price: Mapping[str, float] | None) -> float | None:
    """In the currency of the prices, which are per million tokens; null where the site set none."""
    if price is None:
        return None
    fresh = (usage.input - usage.cached) * price["input"]
    cached = usage.cached * price.get("cached", price["input"])
    return round((fresh + cached + usage.output * price["output"]) / 1_000_000, 8)
