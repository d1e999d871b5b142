"""Frames are what the reader of an answer gets, one after another. `docs/asking.md` lists them."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

from qa_service.model import FinishReason, SourceKind, Status, Usage, Value, Verdict, VerdictStatus


class TopicNotice(Value, frozen=True, omit_defaults=True):
    """This tells the client which topic its question belongs to."""

    index: int
    drifted: bool
    score: float
    reopened: bool = False


class Start(Value, frozen=True, tag_field="type", tag="start"):
    """This is the first frame. It is sent before files are read and before upstream is asked."""

    answer_id: str
    session_id: str
    created: bool
    model: str
    topic: TopicNotice
    created_at: str


Stage: TypeAlias = Literal[
    "reading_file", "file", "retrieving", "searching_web", "thinking", "generating_image", "retrying"
]


class ShownPassage(Value, frozen=True, omit_defaults=True):
    """A `ShownPassage` is a passage that the model is shown. `n` is the number by which the text cites it."""

    n: int
    page: int | None = None
    section: str | None = None


class ShownSource(Value, frozen=True, omit_defaults=True):
    """A `ShownSource` is a source with those of its passages that the model is shown. A page of a document is found
    at `url`, a slash and the number of the page. A passage without a page is on page 1."""

    kind: SourceKind
    title: str
    url: str
    document_id: str
    passages: tuple[ShownPassage, ...]


class StageNotice(Value, frozen=True, tag_field="type", tag="status", omit_defaults=True):
    """This frame says what is being done while no text comes. A frame with `sources` says what the model is shown. They
    replace those of an earlier frame. An empty tuple says that the model is shown nothing any more."""

    stage: Stage
    name: str | None = None
    page: int | None = None
    pages: int | None = None
    query: str | None = None
    attempt: int | None = None
    reason: str | None = None
    kind: str | None = None
    status: VerdictStatus | None = None
    tokens: int | None = None
    unread_pages: tuple[int, ...] = ()
    sources: tuple[ShownSource, ...] | None = None


class Text(Value, frozen=True, tag_field="type", tag="text", gc=False):
    """This frame is a piece of the answer. All pieces that come after the last `restart`, joined, are the answer."""

    content: str


class Cite(Value, frozen=True, omit_defaults=True):
    """A `Cite` is a place in the answer that a source supports. `start` and `end` count the Unicode code points of
    the whole text, and the text between them is the claim or the link. `quote` is the sentence of the source that
    supports it."""

    start: int
    end: int
    quote: str | None = None


class TextSpan(Value, frozen=True):
    """A `TextSpan` is a place in the answer. `start` and `end` count the Unicode code points of the whole text."""

    start: int
    end: int


class Image(Value, frozen=True, tag_field="type", tag="image"):
    """This frame shows a picture that the model draws, or an unfinished version of it. A later frame with the same
    `index` takes its place. `url` is a path below the prefix; it is signed, and expires."""

    index: int
    partial: bool
    mime_type: str
    url: str


class Reference(Value, frozen=True, tag_field="type", tag="reference", omit_defaults=True):
    """This frame names one source of the answer. `n` is the number by which the text cites a document of the prompt, or
    a page that upstream has numbered itself; every other source has a number that isn't printed in the text. `topic` is
    the earlier topic that the file came with; it is left out for a file of the question's own topic."""

    n: int
    kind: SourceKind
    title: str = ""
    url: str = ""
    document_id: str | None = None
    file: str | None = None
    page: int | None = None
    section: str | None = None
    topic: int | None = None
    quote: str | None = None
    cites: tuple[Cite, ...] = ()


class Call(Value, frozen=True):
    """A `Call` tells of one request to a model that a question caused."""

    model: str
    purpose: str
    usage: Usage
    cost: float | None = None


class Timing(Value, frozen=True):
    """A `Timing` holds times in milliseconds since the question was accepted. There is no first one where no text
    came."""

    first_token_ms: int | None
    total_ms: int


class ImageResult(Value, frozen=True):
    """An `ImageResult` is a picture about the answer. `url` is the picture's own address, and `source` the host of the
    page that shows it."""

    title: str
    url: str
    thumbnail: str
    source: str


class VideoResult(Value, frozen=True):
    """A `VideoResult` is a video about the answer. `id` is YouTube's; `channel` is empty where nobody was asked for
    it."""

    id: str
    title: str
    url: str
    thumbnail: str
    channel: str


class Metadata(Value, frozen=True, tag_field="type", tag="metadata"):
    """This frame holds the facts about the whole answer. It comes once, after the references."""

    session_id: str
    answer_id: str
    model: str
    usage: Usage
    calls: tuple[Call, ...]
    cost: float | None
    timing: Timing
    topic: TopicNotice
    files: tuple[Verdict, ...]
    finish_reason: FinishReason
    saved: bool
    image_results: tuple[ImageResult, ...] = ()
    video_results: tuple[VideoResult, ...] = ()
    unsupported: tuple[TextSpan, ...] = ()
    """These sentences have no support in the sources, as far as the site lets that be checked."""


class Failure(Value, frozen=True, tag_field="type", tag="error", omit_defaults=True):
    """This frame says why the answer failed: `message` says it to operators, `user_message` to the person."""

    code: str
    message: str
    user_message: str
    retryable: bool
    retry_after: int | None = None
    status: int = 500
    """This HTTP status is for a caller that doesn't stream."""


class Restart(Value, frozen=True, tag_field="type", tag="restart"):
    """This frame says that the text so far doesn't count, and that the answer begins again."""

    reason: str


class Done(Value, frozen=True, tag_field="type", tag="done"):
    """This is the last frame, and it comes exactly once. The turn is saved by then, unless the metadata said that it
    isn't."""

    status: Status


class UnknownFrame(Value, frozen=True, tag_field="type", tag="unknown"):
    """This is a frame that a worker of a later release wrote. It has a number, and is carried along as it came."""

    kind: str
    """This is the frame's `type`, or empty where the frame has none."""
    raw: bytes
    """This is the frame as JSON. Usually it is an object, in which `type` is one of the fields."""


Frame: TypeAlias = Start | StageNotice | Text | Image | Reference | Metadata | Failure | Restart | Done | UnknownFrame

FRAMES_VERSION = 3
"""This number stands for the way in which frames are made of an upstream's pieces. A release that makes other frames of
the same pieces, or cuts texts otherwise, has another number, because it can't go on with the very next frame of an
answer that this release has begun."""


def text_from_frames(items: Iterable[object]) -> str:
    """Return the answer's text, as far as these frames have it. What comes before a `restart` doesn't count."""
    pieces: list[str] = []
    for item in items:
        if type(item) is Text:
            pieces.append(item.content)
        elif type(item) is Restart:
            pieces.clear()
    return "".join(pieces)


def images_from_frames(items: Iterable[object]) -> tuple[Image, ...]:
    """Return the answer's finished pictures, as far as these frames have them. What comes before a `restart` doesn't
    count."""
    images: dict[int, Image] = {}
    for item in items:
        if isinstance(item, Image) and not item.partial:
            images[item.index] = item
        elif isinstance(item, Restart):
            images.clear()
    return tuple(images.values())


def references_from_frames(items: Iterable[object]) -> tuple[Reference, ...]:
    """Return the answer's sources, as far as these frames have them. What comes before a `restart` doesn't count."""
    sources: list[Reference] = []
    for item in items:
        if type(item) is Reference:
            sources.append(item)
        elif type(item) is Restart:
            sources.clear()
    return tuple(sources)
