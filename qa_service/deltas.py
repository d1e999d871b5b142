"""This module holds the deltas: the pieces in which an upstream gives an answer.

They are frozen msgspec structs, as all values of this package are.
"""

from typing import TypeAlias

from qa_service.model import UpstreamReason, UpstreamSource, Usage, Value


class TextDelta(Value, frozen=True, gc=False):
    """A `TextDelta` is the next piece of the answer."""

    text: str


class RefusalDelta(Value, frozen=True):
    """A `RefusalDelta` is the next piece of a refusal. It is shown like text. An answer that has one and stops normally
    ends with the reason `refusal`."""

    text: str


class Thinking(Value, frozen=True):
    """This says that upstream is working, but not on the text of the answer yet."""


class Searching(Value, frozen=True):
    """This says that upstream searches the web. `query` is empty until upstream says what it searches for."""

    query: str = ""


class Drawing(Value, frozen=True):
    """This says that upstream has begun to draw a picture."""


class Drawn(Value, frozen=True):
    """A `Drawn` is a picture of the answer as far as upstream has drawn it. Its file is gone when the next delta is
    asked for."""

    index: int
    """This is the number of the picture among those of the answer, from 0 on."""
    partial: bool
    """This says whether more of the picture is to come."""
    path: str
    """This is the path of the file with the picture. It is empty where upstream gave none that can be read."""


class Retrying(Value, frozen=True):
    """This says that upstream is asked again, for this model. No text has come before."""

    attempt: int
    reason: str
    model: str


class Unseen(Value, frozen=True):
    """This says that the model is asked without the pictures of the prompt, because it takes none."""


class Annotation(Value, frozen=True):
    """An `Annotation` is a source that upstream has attached to the text that it has just written."""

    kind: UpstreamSource
    title: str = ""
    url: str = ""
    document_id: str = ""
    file: str = ""
    quote: str = ""
    page: int = 0
    span: tuple[int, int] | None = None
    """The source supports this place of the answer's text. Its beginning and its end are counted in code points.
    Both are the same where only the end of a claim is known. It is None where no place is known."""
    n: int = 0
    """Upstream's text cites the source by this number. It is 0 where it has none."""


class PagesFound(Value, frozen=True):
    """This says which web pages a tool of upstream's has returned. They aren't sources of the answer by themselves, but
    a link to one of them is."""

    urls: tuple[str, ...]


class Finished(Value, frozen=True):
    """A `Finished` is the last thing that upstream gives of an answer. Nothing follows it."""

    reason: UpstreamReason
    model: str = ""
    usage: Usage | None = None
    usage_as_told: bytes = b""
    """This is the usage in upstream's own JSON, from an upstream that draws pictures. It is empty where upstream didn't
    tell it."""


class Opened(Value, frozen=True, tag_field="type", tag="opened", omit_defaults=True):
    """This says that upstream keeps the answer under an id of its own. Whoever knows the id can read on, also after a
    crash."""

    response_id: str
    frames: int = 1
    """This is the `FRAMES_VERSION` of the worker that makes the frames that follow. A worker with another one can
    attach, but must begin the text again."""


Delta: TypeAlias = (
    TextDelta
    | RefusalDelta
    | Thinking
    | Searching
    | Drawing
    | Drawn
    | Retrying
    | Unseen
    | Annotation
    | PagesFound
    | Opened
    | Finished
)
