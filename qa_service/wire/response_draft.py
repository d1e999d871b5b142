"""This module makes a response of OpenAI's Responses API from the frames of an answer, event by event.

The whole answer is one message. A search of the web is an item of its own, which may stand beside the message while
that is being written. Where the text doesn't count any more, its message is closed without it, and the answer goes on
in a new one. A picture is an item, too.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from qa_service.clock import unix_seconds
from qa_service.frames import Done, Failure, Frame, Image, Metadata, Reference, Restart, StageNotice, Start, Text
from qa_service.model import Echo, Status
from qa_service.wire.content import build_image, build_metadata
from qa_service.wire.encoder import FormatContext
from qa_service.wire.openai_errors import build_openai_error
from qa_service.wire.response_content import (
    build_citations,
    build_details,
    build_response_error,
    build_usage,
    name_item,
)
from qa_service.wire.response_events import (
    CitedEvent,
    CompletedEvent,
    CreatedEvent,
    DeltaEvent,
    DrawingBegunEvent,
    DrawingEvent,
    DrawnEvent,
    FailedEvent,
    FailureEvent,
    IncompleteEvent,
    InProgressEvent,
    ItemAddedEvent,
    ItemDoneEvent,
    PartAddedEvent,
    PartDoneEvent,
    PartialImageEvent,
    ResponsesEvent,
    SearchBegunEvent,
    SearchedEvent,
    SearchingEvent,
    TextDoneEvent,
)
from qa_service.wire.response_objects import (
    Citation,
    ConversationName,
    ImageGeneration,
    ItemStatus,
    OutputMessage,
    OutputPiece,
    OutputText,
    ResponseObject,
    ResponseStatus,
    WebQuery,
    WebSearch,
)

_ENDS: Mapping[Status, type[CompletedEvent | IncompleteEvent | FailedEvent]] = {
    "completed": CompletedEvent,
    "failed": FailedEvent,
}
"""This is the last event of an answer, by its status. The API has no event for an answer that was stopped, so that one
ends as an incomplete one, and its status says what it is."""
_NOWHERE = -1
ImageLoader: TypeAlias = Callable[[int], str | None]
"""A loader gives the bytes of the picture with this index in base64, or None where they can't be had."""


class ResponseDraft:
    """A `ResponseDraft` is the response of one answer, as far as its frames have come."""

    def __init__(self, context: FormatContext, echo: Echo, load_image: ImageLoader = lambda _: None) -> None:
        self._answer_id = context.answer_id
        self._prefix = context.prefix
        self._echo = echo
        self._load_image = load_image
        self._start = context.start
        self._output: list[OutputPiece] = []
        self._message = self._search = _NOWHERE
        """These are the places in the output of the message and of the search that aren't over."""
        self._query = ""
        self._images: dict[int, tuple[int, int]] = {}
        """This has the place of each picture in the output, and how many parts of it have come, by the index of the
        picture."""
        self._pieces: list[str] = []
        self._citations: list[Citation] = []
        self._metadata: Metadata | None = None
        self._failure: Failure | None = None
        self._status: ResponseStatus = "in_progress"

    def add_frame(self, frame: Frame) -> Iterator[ResponsesEvent]:
        """Take the next frame, and give the events that tell of it. The frame counts once all of them were taken."""
        match frame:
            case Start():
                yield from self._begin(frame)
            case Text(content=text):
                yield from self._write(text)
            case StageNotice(stage="searching_web", query=query):
                yield from self._search_web(query or "")
            case Image():
                yield from self._draw(frame)
            case Reference():
                yield from self._cite(frame)
            case Restart():
                yield from self._take_back()
            case _:
                yield from self._conclude(frame)

    def skip_frame(self, frame: Frame) -> None:
        """Take the next frame, of which nobody needs to be told."""
        if isinstance(frame, Text) and self.find_open_message():
            self._pieces.append(frame.content)
            return
        for _ in self.add_frame(frame):
            pass

    def find_open_message(self) -> tuple[str, int] | None:
        """Return the id of the message and its place in the output, if the next text does nothing but go on with it."""
        if self._message < 0 or self._search >= 0:
            return None
        return self._id("msg", self._message), self._message

    def add_text(self, text: str) -> None:
        """Add a piece to the message that `find_open_message` has found. Its event is known without being made."""
        self._pieces.append(text)

    def build_response(self) -> ResponseObject:
        """Build the response as it stands."""
        start, metadata, echo = self._start, self._metadata, self._echo
        created_at = unix_seconds(start.created_at) if start else 0
        spent = metadata.timing.total_ms // 1000 if metadata else 0
        keeps = start is not None and echo.stored
        return ResponseObject(
            id=self._answer_id,
            created_at=created_at,
            completed_at=created_at + spent if self._status == "completed" else None,
            status=self._status,
            background=echo.background,
            error=build_response_error(self._failure) if self._failure else None,
            incomplete_details=build_details(metadata) if self._status == "incomplete" else None,
            instructions=echo.instructions or None,
            max_output_tokens=echo.max_tokens,
            model=metadata.model if metadata else start.model if start else "",
            output=self._build_output(),
            previous_response_id=echo.previous or None,
            conversation=ConversationName(start.session_id) if start and keeps else None,
            store=echo.stored,
            temperature=echo.temperature,
            top_p=echo.top_p,
            usage=build_usage(metadata.usage) if metadata else None,
            metadata=echo.labels,
            x_metadata=build_metadata(metadata) if metadata else None,
        )

    def _build_output(self) -> tuple[OutputPiece, ...]:
        output = list(self._output)
        if self._message >= 0:
            output[self._message] = self._build_message("in_progress")
        return tuple(output)

    def _id(self, kind: str, place: int) -> str:
        return name_item(kind, self._answer_id, place)

    def _add(self, item: OutputPiece) -> ResponsesEvent:
        self._output.append(item)
        return ItemAddedEvent(output_index=len(self._output) - 1, item=item)

    def _begin(self, start: Start) -> Iterator[ResponsesEvent]:
        self._start = start
        response = self.build_response()
        yield CreatedEvent(response=response)
        yield InProgressEvent(response=response)

    def _write(self, text: str) -> Iterator[ResponsesEvent]:
        if self._message < 0 and not text:
            return
        yield from self._end_search("completed")
        if self._message < 0:
            place = self._message = len(self._output)
            item_id = self._id("msg", place)
            yield self._add(OutputMessage(id=item_id, status="in_progress"))
            yield PartAddedEvent(output_index=place, item_id=item_id, part=OutputText(text=""))
        self._pieces.append(text)
        yield DeltaEvent(output_index=self._message, item_id=self._id("msg", self._message), delta=text)

    def _build_message(self, status: ItemStatus) -> OutputMessage:
        text = OutputText(text="".join(self._pieces), annotations=tuple(self._citations))
        return OutputMessage(id=self._id("msg", self._message), status=status, content=(text,))

    def _end_message(self, status: ItemStatus) -> Iterator[ResponsesEvent]:
        place = self._message
        if place < 0:
            return
        message = self._output[place] = self._build_message(status)
        (part,) = message.content
        self._message = _NOWHERE
        yield TextDoneEvent(output_index=place, item_id=message.id, text=part.text)
        yield PartDoneEvent(output_index=place, item_id=message.id, part=part)
        yield ItemDoneEvent(output_index=place, item=message)

    def _take_back(self) -> Iterator[ResponsesEvent]:
        yield from self._end_search("incomplete")
        self._pieces.clear()
        self._citations.clear()
        self._failure = None
        yield from self._end_message("incomplete")
        yield from self._end_images()
        for place, _ in self._images.values():
            self._output[place] = ImageGeneration(id=self._id("ig", place), status="failed")
        self._images.clear()

    def _search_web(self, query: str) -> Iterator[ResponsesEvent]:
        # Upstream says that it searches, and says what it searches for when it knows it. That is one search.
        if self._search >= 0 and not self._query:
            self._query = query
            return
        yield from self._end_search("completed")
        place, self._query = len(self._output), query
        item_id = self._id("ws", place)
        yield self._add(self._build_search(item_id, "in_progress"))
        yield SearchBegunEvent(output_index=place, item_id=item_id)
        yield SearchingEvent(output_index=place, item_id=item_id)
        self._search = place

    def _build_search(self, item_id: str, status: ItemStatus) -> WebSearch:
        query = WebQuery(query=self._query, queries=(self._query,) if self._query else ())
        return WebSearch(id=item_id, status=status, action=query)

    def _end_search(self, status: ItemStatus) -> Iterator[ResponsesEvent]:
        place = self._search
        if place < 0:
            return
        item = self._output[place] = self._build_search(self._id("ws", place), status)
        self._search = _NOWHERE
        yield SearchedEvent(output_index=place, item_id=item.id)
        yield ItemDoneEvent(output_index=place, item=item)

    def _draw(self, image: Image) -> Iterator[ResponsesEvent]:
        yield from self._end_search("completed")
        if image.index not in self._images:
            place = len(self._output)
            item_id = self._id("ig", place)
            yield self._add(ImageGeneration(id=item_id, status="in_progress"))
            yield DrawingBegunEvent(output_index=place, item_id=item_id)
            yield DrawingEvent(output_index=place, item_id=item_id)
            self._images[image.index] = place, 0
        yield from self._show_part(image) if image.partial else self._end_image(image)

    def _show_part(self, image: Image) -> Iterator[ResponsesEvent]:
        place, parts = self._images[image.index]
        self._images[image.index] = place, parts + 1
        if data := self._load_image(image.index):
            item_id = self._id("ig", place)
            yield PartialImageEvent(
                output_index=place, item_id=item_id, partial_image_index=parts, partial_image_b64=data
            )

    def _end_image(self, image: Image) -> Iterator[ResponsesEvent]:
        place, _ = self._images[image.index]
        item_id, url = self._id("ig", place), build_image(image, self._prefix).url
        item = self._output[place] = ImageGeneration(
            id=item_id, status="completed", result=self._load_image(image.index), url=url
        )
        yield DrawnEvent(output_index=place, item_id=item_id)
        yield ItemDoneEvent(output_index=place, item=item)

    def _end_images(self) -> Iterator[ResponsesEvent]:
        """Close the pictures that nobody will finish."""
        for place, _ in self._images.values():
            item_id = self._id("ig", place)
            if self._output[place] == ImageGeneration(id=item_id, status="in_progress"):
                item = self._output[place] = ImageGeneration(id=item_id, status="failed")
                yield ItemDoneEvent(output_index=place, item=item)

    def _cite(self, source: Reference) -> Iterator[ResponsesEvent]:
        place = self._message
        if place < 0:
            return
        for citation in build_citations(source, "".join(self._pieces), self._prefix):
            self._citations.append(citation)
            yield CitedEvent(
                output_index=place,
                item_id=self._id("msg", place),
                annotation_index=len(self._citations) - 1,
                annotation=citation,
            )

    def _conclude(self, frame: Frame) -> Iterator[ResponsesEvent]:
        match frame:
            case Metadata():
                self._metadata = frame
            case Failure():
                self._failure = frame
                error = build_openai_error(frame).error
                yield FailureEvent(error=error, code=error.code, message=error.message)
            case Done(status=status):
                yield from self._end(status)

    def _end(self, status: Status) -> Iterator[ResponsesEvent]:
        reached: ItemStatus = "completed" if status == "completed" else "incomplete"
        yield from self._end_search(reached)
        yield from self._end_images()
        yield from self._end_message(reached)
        self._status = "in_progress" if status == "running" else status
        yield _ENDS.get(status, IncompleteEvent)(response=self.build_response())
