"""This module holds the values that the parts of this package give each other: owners, questions, files, sessions,
prompts, and what a model says.

All of them are frozen msgspec structs, in memory, in the store and on the wire. Their names are snake_case here, and
camelCase wherever they leave the process.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

from msgspec import UNSET, Meta, Struct, UnsetType, field

Status: TypeAlias = Literal["running", "completed", "incomplete", "cancelled", "failed"]
FinishReason: TypeAlias = Literal["stop", "length", "content_filter", "refusal", "cancelled", "error"]
VerdictStatus: TypeAlias = Literal["used", "partly", "truncated", "skipped", "failed"]
TopicChoice: TypeAlias = Literal["auto", "keep", "new"]
Language: TypeAlias = Literal["ko", "en"]
OwnerKind: TypeAlias = Literal["site", "user", "key", "anonymous"]
Role: TypeAlias = Literal["system", "user", "assistant"]
HangupChoice: TypeAlias = Literal["finish", "cancel", "ignore"]
BusyChoice: TypeAlias = Literal["replace", "reject"]
SourceKind: TypeAlias = Literal["url", "document"]
Rating: TypeAlias = Literal["up", "down"]
UpstreamReason: TypeAlias = FinishReason
UpstreamSource: TypeAlias = SourceKind

if not TYPE_CHECKING:
    # Values of these types are stored. A later release may have stored a value that this one doesn't know; such a value
    # is carried along, so a decoder must take any text. `UpstreamReason` and `UpstreamSource` stay checked.
    def _any_text(known: object) -> object:
        return Annotated[str, Meta(examples=list(get_args(known)))]

    Status, FinishReason, VerdictStatus = map(_any_text, (Status, FinishReason, VerdictStatus))
    TopicChoice, HangupChoice, BusyChoice = map(_any_text, (TopicChoice, HangupChoice, BusyChoice))
    Language, OwnerKind, Role, SourceKind = map(_any_text, (Language, OwnerKind, Role, SourceKind))
    Rating = _any_text(Rating)


class Value(Struct, frozen=True, rename="camel"):
    """This is the base of all values here. They are immutable, and two of them are equal if their contents are."""


class Owner(Value, frozen=True):
    """An `Owner` is the caller who asks. `key` is a keyed hash, under which everything of the caller is stored."""

    kind: OwnerKind
    key: str
    """It has 32 hexadecimal digits. Two callers never have the same key, except anonymous visitors, who all have
    one."""
    address: str = ""
    """This is a hash of the address by which an anonymous caller is rate-limited. It is empty for all others."""
    network: str = ""
    """This is a hash of the address's IPv6 /48, which is rate-limited too. It is empty for all other addresses."""

    @property
    def caller(self) -> str:
        """Return the name of whom this owner shares a worker's places with: everybody in the same IPv6 /48, at the same
        address, or with the same key."""
        return self.network or self.address or self.key


class UploadedFile(Value, frozen=True):
    """An `UploadedFile` lies on this machine's disk. It is deleted when its answer has ended."""

    name: str
    path: str
    size: int
    charset: str = ""


class ReadRequest(Value, frozen=True):
    """A `ReadRequest` tells a file reader which file to read, who owns it, and how long reading may take."""

    file: UploadedFile
    owner: Owner
    seconds: float | None = None
    """The owner may still use this much reading time. None means that only the reader's own limit counts."""


class TextPart(Value, frozen=True, tag_field="type", tag="text"):
    """A `TextPart` holds text of a message."""

    text: str


PICTURE_KINDS = frozenset({"gif", "jpeg", "png", "webp"})
"""Pictures are kept and shown in these formats."""
PICTURE_FILES = PICTURE_KINDS | {"tiff"}
"""These kinds of files are pictures, which models see and nobody reads. A TIFF may have several pages."""


class Picture(Value, frozen=True, tag_field="type", tag="image"):
    """A `Picture` is a picture as models and browsers take it: upright, small, and without metadata."""

    mime_type: str
    data: bytes
    """These are the bytes of a file of that type."""

    @property
    def data_url(self) -> str:
        """Return the picture as an address that holds all of it."""
        return f"data:{self.mime_type};base64,{b64encode(self.data).decode()}"


Part: TypeAlias = TextPart | Picture
"""A message is made of these. The field `type` tells the members of this union apart."""


class Message(Value, frozen=True):
    """A `Message` is one message of a conversation as a model sees it.

    A message of text alone is kept as that text, in memory and in the store, so that releases that know no parts can
    read it.
    """

    role: Role
    written: str | tuple[Part, ...] = field(name="content")

    @property
    def content(self) -> tuple[Part, ...]:
        """Return the parts of the message, in their order."""
        return (TextPart(self.written),) if isinstance(self.written, str) else self.written

    @property
    def text(self) -> str:
        """Return the text of the message, without anything else."""
        if isinstance(self.written, str):
            return self.written
        return "".join(part.text for part in self.written if isinstance(part, TextPart))


class Repeat(Value, frozen=True):
    """A `Repeat` identifies the repetitions of a question, which all get the same answer."""

    key: str
    """This has 32 hexadecimal digits."""
    fingerprint: str
    """This is a hash of the question and its files. The same key with another fingerprint is a mistake of the
    caller's."""
    seconds: float
    """A repetition gets the same answer for this long. 0 means as long as that answer is being written."""


class Echo(Value, frozen=True, omit_defaults=True):
    """An `Echo` holds what a request of OpenAI's Responses API said that its response must repeat. It changes nothing
    about the answer."""

    labels: Mapping[str, str] = {}
    """These are the caller's own notes, which that API calls `metadata`."""
    instructions: str = ""
    previous: str = ""
    """The question continues the answer with this id."""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    background: bool = False
    stored: bool = True
    """This says whether the answer is kept after it has ended."""


class Rewind(Value, frozen=True):
    """A `Rewind` says which answers of a session a question replaces, as a chat page knows it. `find_replaced` finds
    them among the session's turns."""

    replaced: str = ""
    """This is the id of the first answer that is replaced, where the page names it."""
    kept: tuple[str, ...] = ()
    """These are the ids of the answers that the page shows before the question. Some of those answers may come from
    other services."""
    is_first: bool = False
    """This says whether the question takes the place of the first question that the page shows."""
    repeated: str = ""
    """This is the question, where it is the same as that of the last answer. It is empty where the question was
    changed."""
    is_exact: bool = False
    """This says that `replaced` is the id of one of our answers. Where the session has neither this answer nor, at its
    end, one that has taken its place, nothing is replaced. The files that came with it stay, because whoever names an
    answer doesn't send its files again."""


class Question(Value, frozen=True):
    """A `Question` is well-formed: what could be refused by looking at it alone has been refused before."""

    text: str
    owner: Owner
    session_id: str = ""
    files: tuple[UploadedFile, ...] = ()
    messages: tuple[Message, ...] = ()
    """This is an earlier conversation, as the caller sent it. A new session begins with it."""
    system_prompt: str = ""
    topic: TopicChoice = "auto"
    web_search: bool = False
    model: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    on_hangup: HangupChoice = "finish"
    """This says what happens to the answer when nobody reads it: it runs on for a while (`finish`), is stopped at once
    (`cancel`), or runs to its end (`ignore`)."""
    on_busy: BusyChoice = "replace"
    language: Language = "en"
    """Messages to this person are in this language."""
    repeat: Repeat | None = None
    echo: Echo | None = None
    rewind: Rewind | None = None
    """This names the answers that the question replaces, if it replaces any."""
    collections: tuple[str, ...] | None = ()
    """These collections of the knowledge base are searched, or the usual ones where this is empty. None of them is
    where it is None."""
    checks_support: bool | None = None
    """This says whether the sentences of the answer are looked for that no source supports. Where it is None, the site
    decides."""


class Place(Value, frozen=True, omit_defaults=True):
    """A `Place` says where in a file a text stands, beside its page and its heading. What isn't known, or doesn't fit
    the kind of file, is 0 or empty. `places.py` puts it into words."""

    part: str = ""
    """This is the name of a part of the file: an attachment of a mail, or a member of an archive."""
    page: int = 0
    """This is the page of that part. The page of the file itself is `Passage.page`."""
    label: str = ""
    """This is what is printed on the page as its number, where that is another one, such as `iv`."""
    slide: int = 0
    sheet: str = ""
    rows: tuple[int, int] | None = None
    """These are the first and the last row, as the sheet or the table counts them, from 1."""


class Passage(Value, frozen=True, omit_defaults=True):
    """A `Passage` is a piece of one page, small enough to cite. The passages of a page, joined, are its text."""

    file_id: str
    file: str
    text: str
    page: int = 1
    section: str = ""
    """This is the heading that the passage stands under. A page's label stood here before there was a `place`."""
    paged: bool = True
    """It is false for kinds of files that have no pages. They are cited by section."""
    n: int = 0
    """This is the number of the passage in a prompt, or 0 outside of prompts."""
    place: Place = Place()
    """Passages that were stored before there were places have an empty one."""
    nearness: float = 0.0
    """In a prompt, this is how near the passage is to the question by meaning: the product of their vectors, or 0 where
    one of them isn't known."""
    topic: int = 0
    """In a prompt, this is the earlier topic that the file came with. It is 0 for a file of the question's own
    topic."""
    url: str = ""
    """This is the address that a citation of the passage leads to. It is empty where that is the text of its page."""
    in_knowledge: bool = False
    """This says whether the passage is one of the knowledge base, where `file_id` is the id of its document."""
    repeated_in: tuple[str, ...] = ()
    """In a prompt, passages with the same text stand once. These are the ids of the files of the others."""


class Verdict(Value, frozen=True):
    """A `Verdict` says what became of one uploaded file. It is part of the answer's metadata."""

    name: str
    kind: str
    status: VerdictStatus
    reason: str | None = None
    pages: int = 0
    tokens: int = 0
    unread_pages: tuple[int, ...] = ()
    """These pages can't be read, or not wholly, such as scans. A file with other pages is `partly` used then."""


class FilePicture(Value, frozen=True):
    """A `FilePicture` describes one picture of a file, which is the whole file, one of its pages, or lies within it."""

    page: int
    tokens: int
    """The picture costs a model about this many tokens."""
    name: str = ""
    """This is the picture's own name, where it lies within the file."""


class StoredFile(Value, frozen=True):
    """A `StoredFile` is a file of a session, as it is listed and as later questions use it."""

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
    """The file was read at this moment, in seconds since 1970. Files are listed in that order."""
    size: int = 0
    """This many bytes of the file's text are kept. In files of version 1 it is 0."""
    unread_pages: tuple[int, ...] = ()
    """These pages of the file can't be read, or not wholly."""
    digest: str = ""
    """This is a hash of the uploaded bytes. It is empty for a file that an older release has kept."""
    pictures: tuple[FilePicture, ...] = ()
    """A model may be shown these. Of a file that an older release has kept, `list_pictures` makes them."""
    v: int = 2
    """It is stored in this version of its format."""

    @property
    def pieces(self) -> int:
        """Return how many pieces the file has that a prompt may hold, which are its passages and its pictures."""
        return self.passages + len(self.list_pictures())

    def list_pictures(self) -> tuple[FilePicture, ...]:
        """List the pictures of the file that can be shown to a model."""
        if self.pictures or self.kind not in PICTURE_FILES or self.status not in ("used", "truncated"):
            return self.pictures
        pages = max(1, self.pages)
        return tuple(FilePicture(page, self.tokens // pages) for page in range(1, pages + 1))


class Page(Value, frozen=True):
    """A `Page` is the text of one page, as `sessions/{id}/files/{fileId}/pages/{page}` gives it. `label` is the number
    that is printed on it, such as `iv`, where that isn't its place in the file."""

    file_id: str
    name: str
    page: int
    pages: int
    text: str
    section: str = ""
    label: str = ""


class Topic(Value, frozen=True):
    """A `Topic` is a part of a session that is about one subject. Topics are counted from 1."""

    index: int
    title: str
    turns: int


class Meaning(Value, frozen=True):
    """A `Meaning` holds the vectors of a question and of its answer, as an `Encoder` gave them."""

    encoder: str
    """This is the name of the encoder. Vectors of other encoders can't be compared with these."""
    question: bytes
    answer: bytes = b""
    """It is empty where the answer has no text."""


class Exchange(Value, frozen=True, omit_defaults=True):
    """An `Exchange` is a question and its answer, as the prompt and the drift detector see them."""

    question: str
    text: str
    meaning: Meaning | None = None
    """It is None where no encoder has seen the exchange, as in turns of older releases."""


class EarlierTopic(Value, frozen=True):
    """An `EarlierTopic` is a topic of the session that isn't the current one, as far as a question is compared with it:
    the beginnings of its latest exchanges, oldest first."""

    index: int
    exchanges: tuple[Exchange, ...]


class Summary(Value, frozen=True):
    """A `Summary` stands for the first turns of a topic, which are too long for a prompt."""

    text: str
    turns: int = 0
    """It stands for this many of the first exchanges in the session's context, and for all that were before them."""


class Session(Value, frozen=True):
    """A `Session` is a conversation as the next question finds it."""

    session_id: str
    topic: int = 0
    """This is the number of the current topic, or 0 before the first question."""
    topics: tuple[Topic, ...] = ()
    context: tuple[Exchange, ...] = ()
    """These are the latest exchanges of the current topic, oldest first. A model sees no others."""
    files: tuple[StoredFile, ...] = ()
    """These are the files of all topics. Those of the current topic come first."""
    earlier: tuple[EarlierTopic, ...] = ()
    """These are the latest topics beside the current one, by their numbers. A question may belong to one of them."""
    summary: Summary | None = None
    """This stands for the first turns of the current topic, if they have been summed up."""


class Usage(Value, frozen=True):
    """A `Usage` holds the numbers of tokens, as upstream counted them. Where upstream never said them, they are our
    estimate, and `estimated` is true."""

    input: int = 0
    output: int = 0
    total: int = 0
    cached: int = 0
    reasoning: int = 0
    estimated: bool | UnsetType = UNSET


class Drift(Value, frozen=True):
    """A `Drift` is a detector's decision: the question belongs to the current topic, begins a new one, or belongs to an
    earlier one. `score`, from 0 to 1, says how sure it is that the question leaves the current topic."""

    drifted: bool
    """This says whether a new topic begins."""
    score: float
    reasons: tuple[str, ...] = ()
    reopened: int = 0
    """This is the number of the earlier topic to which the question belongs, or 0. It counts where `drifted` is
    false."""


class Prompt(Value, frozen=True):
    """A `Prompt` holds all that an upstream needs to answer once."""

    model: str
    messages: tuple[Message, ...]
    question: str
    """This is the question alone, as it was asked. It is also the last message."""
    passages: tuple[Passage, ...] = ()
    """The reference message quotes these passages, which are numbered."""
    pictures: tuple[str, ...] = ()
    """The messages show the pictures of the files with these ids."""
    files: tuple[str, ...] = ()
    """These are the names of all files of the session, also of those that nothing is quoted from."""
    unread_pages: tuple[str, ...] = ()
    """These name, in the prompt's language, the pages of those files that can't be read."""
    is_knowledge_searched: bool = False
    """This says whether documents of the knowledge base were searched for the question."""
    language: Language = "en"
    web_search: bool = False
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    safety_identifier: str = ""
    tokens: int = 0
    """This is our estimate of the tokens of the whole prompt, for answers whose usage upstream never says."""
