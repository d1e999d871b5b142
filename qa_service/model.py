"""The values that walk the line: who asks and what, what files hold, what is remembered, what a model says.

All are frozen msgspec structs, one idiom for the wire, the store and the code between. Names are
snake_case here and camelCase wherever they leave the process.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

from msgspec import UNSET, Struct, UnsetType, field

Status: TypeAlias = Literal["running", "completed", "incomplete", "cancelled", "failed"]
FinishReason: TypeAlias = Literal["stop", "length", "content_filter", "refusal", "cancelled", "error"]
VerdictStatus: TypeAlias = Literal["used", "truncated", "skipped", "failed"]
TopicChoice: TypeAlias = Literal["auto", "keep", "new"]
Language: TypeAlias = Literal["ko", "en"]
OwnerKind: TypeAlias = Literal["site", "user", "key", "anonymous"]
Role: TypeAlias = Literal["system", "user", "assistant"]
HangupChoice: TypeAlias = Literal["finish", "cancel"]
BusyChoice: TypeAlias = Literal["replace", "reject"]
SourceKind: TypeAlias = Literal["url", "document"]
UpstreamReason: TypeAlias = FinishReason
UpstreamSource: TypeAlias = SourceKind

if not TYPE_CHECKING:
    # These stand in what is stored. A later release may have stored a value that this one doesn't know; such a value
    # is carried along, so that a decoder must take any text. What an upstream gives stays checked.
    def _any_text(known: object) -> object:
        return Annotated[str, get_args(known)]

    Status, FinishReason, VerdictStatus = map(_any_text, (Status, FinishReason, VerdictStatus))
    TopicChoice, HangupChoice, BusyChoice = map(_any_text, (TopicChoice, HangupChoice, BusyChoice))
    Language, OwnerKind, Role, SourceKind = map(_any_text, (Language, OwnerKind, Role, SourceKind))


class Value(Struct, frozen=True, rename="camel"):
    """What every value here is: immutable, compared by content, camelCase outside."""


class Owner(Value, frozen=True):
    """Who asks. `key` is the keyed hash under which everything of theirs is stored."""

    kind: OwnerKind
    key: str
    """32 hexadecimal digits; two different callers never share one."""
    address: str = ""
    """What an anonymous caller is rate-limited by; empty for all others."""
    network: str = ""
    """The wider network of that address, which is limited too: a /48 of IPv6; empty where there is none."""


class UploadedFile(Value, frozen=True):
    """One upload, already on this machine's disk; it is deleted when its answer has ended."""

    name: str
    path: str
    size: int
    charset: str = ""


class ReadRequest(Value, frozen=True):
    """What a file reader is asked: which file, whose it is, and how long reading may take."""

    file: UploadedFile
    owner: Owner
    seconds: float | None = None
    """Reading time that its owner may still use; None where only the reader's own bound counts."""


class TextPart(Value, frozen=True, tag_field="type", tag="text"):
    """Words of a message."""

    text: str


Part: TypeAlias = TextPart
"""What a message is made of. It becomes a union when a message may hold more than text; the tag is its field `type`."""


class Message(Value, frozen=True):
    """One message of a conversation as a model sees it.

    A message of text alone is written as that text, in memory and in the store: releases that know no parts read it.
    """

    role: Role
    written: str | tuple[Part, ...] = field(name="content")

    @property
    def content(self) -> tuple[Part, ...]:
        """Its parts, in their order."""
        return (TextPart(self.written),) if isinstance(self.written, str) else self.written

    @property
    def text(self) -> str:
        """Its words alone."""
        return self.written if isinstance(self.written, str) else "".join(part.text for part in self.written)


class Repeat(Value, frozen=True):
    """What a question has in common with its repetitions, which get the same answer."""

    key: str
    """32 hexadecimal digits."""
    fingerprint: str
    """Of all that makes it this question: the same key with another one is a mistake."""
    seconds: float
    """How long repetitions are told; 0: while it is being answered."""


class Question(Value, frozen=True):
    """A well-formed question, checked against the settings; what can be refused by looking at it alone was."""

    text: str
    owner: Owner
    session_id: str = ""
    files: tuple[UploadedFile, ...] = ()
    messages: tuple[Message, ...] = ()
    """An earlier conversation in the caller's words; seeds a session that is new."""
    system_prompt: str = ""
    topic: TopicChoice = "auto"
    web_search: bool = False
    model: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    on_hangup: HangupChoice = "finish"
    on_busy: BusyChoice = "replace"
    language: Language = "en"
    """What messages to this person are written in."""
    repeat: Repeat | None = None


class Passage(Value, frozen=True):
    """A piece of one page, small enough to cite. The passages of a page, joined, are its text."""

    file_id: str
    file: str
    text: str
    page: int = 1
    section: str = ""
    paged: bool = True
    """False for kinds that have no pages: those are cited by section."""
    n: int = 0
    """The number it has in a prompt; 0 outside of one."""


class Verdict(Value, frozen=True):
    """What became of one uploaded file, in the metadata of the answer."""

    name: str
    kind: str
    status: VerdictStatus
    reason: str | None = None
    pages: int = 0
    tokens: int = 0


class StoredFile(Value, frozen=True):
    """A file of a session, as it is listed and as follow-ups use it."""

    file_id: str
    name: str
    kind: str
    status: VerdictStatus
    topic: int
    reason: str | None = None
    pages: int = 0
    tokens: int = 0
    passages: int = 0
    added: float = 0
    """When it was read, in seconds since 1970: files are listed in that order."""
    size: int = 0
    """Bytes of the text that is kept of it; 0 in files of version 1."""
    v: int = 2
    """The version this was stored as."""


class Page(Value, frozen=True):
    """The text of one page, as `sessions/{id}/files/{fileId}/pages/{page}` gives it."""

    file_id: str
    name: str
    page: int
    pages: int
    text: str
    section: str = ""


class FileProgress(Value, frozen=True):
    """A reader's sign of life: this many of that many pages; 0 pages while the number is unknown."""

    page: int
    pages: int


class FileText(Value, frozen=True):
    """A part of what a reader found: passages in reading order, and where each word stands.

    `index` maps a token to [passage, impact, passage, impact, …], passages numbered from 0 over the
    whole file. Big files come in many parts, so that no single one stalls a worker.
    """

    passages: tuple[Passage, ...] = ()
    index: Mapping[str, list[int]] = {}
    first: int = 0
    """The number of the first of these passages."""


class FileEnd(Value, frozen=True):
    """The last thing a reader says of a file, always exactly one."""

    verdict: Verdict
    seconds: float = 0.0
    """The reading time used. Waiting for a turn isn't part of it."""


FileNews: TypeAlias = FileProgress | FileText | FileEnd


class Topic(Value, frozen=True):
    """A stretch of a session about one thing; counted from 1."""

    index: int
    title: str
    turns: int


class Exchange(Value, frozen=True):
    """A question and its answer, as the prompt and the drift detector see them."""

    question: str
    text: str


class Session(Value, frozen=True):
    """A conversation as the next question finds it."""

    session_id: str
    topic: int = 0
    """The current topic; 0 before the first question."""
    topics: tuple[Topic, ...] = ()
    context: tuple[Exchange, ...] = ()
    """The latest exchanges of the current topic, oldest first: all that a model may see of the past."""
    files: tuple[StoredFile, ...] = ()
    """The files of the current topic."""


class Usage(Value, frozen=True):
    """Tokens, as upstream counted them, or as we did where it never said."""

    input: int = 0
    output: int = 0
    total: int = 0
    cached: int = 0
    reasoning: int = 0
    estimated: bool | UnsetType = UNSET


class Drift(Value, frozen=True):
    """A detector's decision: `score` in 0..1 is how sure it is that a new topic began."""

    drifted: bool
    score: float
    reasons: tuple[str, ...] = ()


class Prompt(Value, frozen=True):
    """All that an upstream needs to answer once."""

    model: str
    messages: tuple[Message, ...]
    question: str
    """The bare question, as asked; it is also the last message."""
    passages: tuple[Passage, ...] = ()
    """The numbered passages that the reference message quotes."""
    language: Language = "en"
    web_search: bool = False
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    safety_identifier: str = ""
    tokens: int = 0
    """Our estimate of the whole, for when upstream never says."""


class TextDelta(Value, frozen=True, gc=False):
    """The next piece of the answer."""

    text: str


class RefusalDelta(Value, frozen=True):
    """The next piece of a refusal; it is shown like text and ends the answer as `refusal`."""

    text: str


class Thinking(Value, frozen=True):
    """Upstream works on something that isn't the answer yet."""


class Searching(Value, frozen=True):
    """Upstream searches the web; `query` is empty until it says what for."""

    query: str = ""


class Retrying(Value, frozen=True):
    """Upstream is asked again, before any output, for this model."""

    attempt: int
    reason: str
    model: str


class Annotation(Value, frozen=True):
    """A source upstream attached to the text it has just written."""

    kind: UpstreamSource
    title: str = ""
    url: str = ""
    document_id: str = ""
    file: str = ""
    quote: str = ""
    page: int = 0


class Finished(Value, frozen=True):
    """Upstream's own terminal event; nothing follows it."""

    reason: UpstreamReason
    model: str = ""
    usage: Usage | None = None


class Opened(Value, frozen=True, tag_field="type", tag="opened", omit_defaults=True):
    """Upstream keeps this answer under an id of its own: whoever knows it can attach, also after a crash."""

    response_id: str
    frames: int = 1
    """The `FRAMES_VERSION` of whoever makes the frames that follow. Whoever has another one can attach, but must begin
    the text again."""


Delta: TypeAlias = TextDelta | RefusalDelta | Thinking | Searching | Retrying | Annotation | Opened | Finished
