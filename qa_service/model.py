"""The values that the parts of this package give each other: owners, questions, files, sessions, prompts, and what a
model says.

All of them are frozen msgspec structs, in memory, in the store and on the wire. Their names are snake_case here, and
camelCase wherever they leave the process.
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
    """The base of all values here. They are immutable, and equal if their contents are."""


class Owner(Value, frozen=True):
    """The caller who asks. `key` is a keyed hash, under which everything that belongs to the caller is stored."""

    kind: OwnerKind
    key: str
    """32 hexadecimal digits; two different callers never share one."""
    address: str = ""
    """A hash of the address by which an anonymous caller is rate-limited. It is empty for all others."""
    network: str = ""
    """A hash of the address's IPv6 /48, which is rate-limited too. It is empty for all other addresses."""


class UploadedFile(Value, frozen=True):
    """One upload, which lies on this machine's disk. It is deleted when its answer has ended."""

    name: str
    path: str
    size: int
    charset: str = ""


class ReadRequest(Value, frozen=True):
    """Tells a file reader which file to read, who owns it, and how long reading may take."""

    file: UploadedFile
    owner: Owner
    seconds: float | None = None
    """The reading time that the owner may still use. None means that only the reader's own limit counts."""


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
        """The parts of the message, in their order."""
        return (TextPart(self.written),) if isinstance(self.written, str) else self.written

    @property
    def text(self) -> str:
        """The text of the message, without anything else."""
        return self.written if isinstance(self.written, str) else "".join(part.text for part in self.written)


class Repeat(Value, frozen=True):
    """Tells a question's repetitions, which get the same answer."""

    key: str
    """32 hexadecimal digits."""
    fingerprint: str
    """A hash of the question and its files. The same key with another fingerprint is a mistake of the caller's."""
    seconds: float
    """For how long a repetition gets the same answer. 0 means: as long as it is being answered."""


class Question(Value, frozen=True):
    """A well-formed question. Whatever could be refused by looking at it alone has been refused before."""

    text: str
    owner: Owner
    session_id: str = ""
    files: tuple[UploadedFile, ...] = ()
    messages: tuple[Message, ...] = ()
    """An earlier conversation, as the caller tells it. A new session begins with it."""
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
    """The language of messages to this person."""
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
    """The number that it has in a prompt; 0 outside of prompts."""


class Verdict(Value, frozen=True):
    """What became of one uploaded file, in the metadata of the answer."""

    name: str
    kind: str
    status: VerdictStatus
    reason: str | None = None
    pages: int = 0
    tokens: int = 0


class StoredFile(Value, frozen=True):
    """A file that a session keeps, as it is listed and as later questions use it."""

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
    """The version of the format in which this is stored."""


class Page(Value, frozen=True):
    """The text of one page, as `sessions/{id}/files/{fileId}/pages/{page}` gives it."""

    file_id: str
    name: str
    page: int
    pages: int
    text: str
    section: str = ""


class FileProgress(Value, frozen=True):
    """A file reader's sign of life: it has come to `page` of `pages`, which is 0 while it is unknown."""

    page: int
    pages: int


class FileText(Value, frozen=True):
    """A part of a file's text: passages in reading order, and in which of them each word stands.

    `index` maps a token to [passage, impact, passage, impact, …], passages numbered from 0 over the
    whole file. Big files come in many parts, so that no single one stalls a worker.
    """

    passages: tuple[Passage, ...] = ()
    index: Mapping[str, list[int]] = {}
    first: int = 0
    """The number of the first of these passages."""


class FileEnd(Value, frozen=True):
    """The last thing that a reader says of a file. There is always exactly one."""

    verdict: Verdict
    seconds: float = 0.0
    """The reading time used. Waiting for a turn isn't part of it."""


FileNews: TypeAlias = FileProgress | FileText | FileEnd


class Topic(Value, frozen=True):
    """A part of a session that is about one subject. Topics are counted from 1."""

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
    """Numbers of tokens, as upstream counted them. Where upstream never said them, they are our estimate, and
    `estimated` is true."""

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
    """Our estimate of the whole prompt, for answers whose tokens upstream never says."""


class TextDelta(Value, frozen=True, gc=False):
    """The next piece of the answer."""

    text: str


class RefusalDelta(Value, frozen=True):
    """The next piece of a refusal; it is shown like text and ends the answer as `refusal`."""

    text: str


class Thinking(Value, frozen=True):
    """Upstream is working, but not on the text of the answer yet."""


class Searching(Value, frozen=True):
    """Upstream searches the web. `query` is empty until upstream says what it searches for."""

    query: str = ""


class Retrying(Value, frozen=True):
    """Upstream is asked again, for this model. No text has come before."""

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
    """Upstream's last event of an answer. Nothing follows it."""

    reason: UpstreamReason
    model: str = ""
    usage: Usage | None = None


class Opened(Value, frozen=True, tag_field="type", tag="opened", omit_defaults=True):
    """Upstream keeps this answer under an id of its own. Whoever knows the id can read on, also after a crash."""

    response_id: str
    frames: int = 1
    """The `FRAMES_VERSION` of whoever makes the frames that follow. Whoever has another one can attach, but must begin
    the text again."""


Delta: TypeAlias = TextDelta | RefusalDelta | Thinking | Searching | Retrying | Annotation | Opened | Finished
