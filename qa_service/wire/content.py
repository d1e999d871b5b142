"""This module builds the objects that leave the service from the values that it uses inside.

Addresses get the public prefix, and what no client needs is left out.
"""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from msgspec.structs import replace

from qa_service.frames import Failure, Frame, Image, Metadata, Reference, ShownSource, StageNotice, Start, Text
from qa_service.model import Page, StoredFile, Verdict
from qa_service.turns import Feedback, RatedTurns, SessionEntry, SessionList, SessionPage, Turn
from qa_service.wire.structs import (
    CONTENTS,
    AnswerListObject,
    AnswerObject,
    Content,
    ErrorContent,
    FeedbackContent,
    FileListObject,
    FileObject,
    ImageContent,
    MetadataContent,
    PageObject,
    ProblemObject,
    ReferenceContent,
    SessionEntryObject,
    SessionListObject,
    SessionObject,
    StartContent,
    StatusContent,
    TurnObject,
    VerdictContent,
)


def build_content(frame: Frame, prefix: str) -> str | Content:
    """Build what the contract calls `content`: the string of a text, or the fields of any other frame."""
    match frame:
        case Text(content=text):
            return text
        case Image():
            return build_image(frame, prefix)
        case Reference():
            return build_reference(frame, prefix)
        case StageNotice():
            return build_status(frame, prefix)
        case _:
            return msgspec.convert(frame, CONTENTS[type(frame)], from_attributes=True)


def build_start(frame: Start) -> StartContent:
    """Build the content of a `start` frame."""
    return msgspec.convert(frame, StartContent, from_attributes=True)


def build_status(frame: StageNotice, prefix: str) -> StatusContent:
    """Build the content of a `status` frame. The addresses of documents get the public prefix."""
    content = msgspec.convert(frame, StatusContent, from_attributes=True)
    if not frame.sources:
        return content
    return replace(content, sources=tuple(_publish_source(source, prefix) for source in frame.sources))


def _publish_source(source: ShownSource, prefix: str) -> ShownSource:
    return replace(source, url=f"{prefix}/{source.url}") if source.kind == "document" else source


def build_image(frame: Image, prefix: str) -> ImageContent:
    """Build a picture. Its address gets the public prefix."""
    content = msgspec.convert(frame, ImageContent, from_attributes=True)
    return replace(content, url=f"{prefix}/{frame.url}")


def build_reference(frame: Reference, prefix: str) -> ReferenceContent:
    """Build a reference. The address of a document gets the public prefix."""
    content = msgspec.convert(frame, ReferenceContent, from_attributes=True)
    is_path = frame.kind == "document" and bool(frame.url)
    return replace(content, url=f"{prefix}/{frame.url}") if is_path else content


def build_metadata(frame: Metadata) -> MetadataContent:
    """Build the content of a `metadata` frame."""
    return msgspec.convert(frame, MetadataContent, from_attributes=True)


def build_error(failed: Failure) -> ErrorContent:
    """Build an error without its HTTP status, which only callers that don't stream need."""
    return msgspec.convert(failed, ErrorContent, from_attributes=True)


def build_verdict(verdict: Verdict) -> VerdictContent:
    """Build a file's verdict."""
    return msgspec.convert(verdict, VerdictContent, from_attributes=True)


def build_answer(turn: Turn, prefix: str) -> AnswerObject:
    """Build the answer object of a turn."""
    return AnswerObject(
        answer_id=turn.answer_id,
        session_id=turn.session_id,
        question=turn.question,
        text=turn.text,
        status=turn.status,
        references=tuple(build_reference(source, prefix) for source in turn.references),
        images=tuple(build_image(image, prefix) for image in turn.images),
        metadata=build_metadata(turn.metadata) if turn.metadata else None,
        error=build_error(turn.error) if turn.error else None,
        feedback=build_feedback(turn.feedback) if turn.feedback else None,
        created_at=turn.created_at,
    )


def build_feedback(said: Feedback) -> FeedbackContent:
    """Build what a person thinks of an answer."""
    return msgspec.convert(said, FeedbackContent, from_attributes=True)


def build_answer_list(found: RatedTurns, prefix: str) -> AnswerListObject:
    """Build a list of answers that have feedback."""
    return AnswerListObject(items=tuple(build_answer(turn, prefix) for turn in found.turns), next=found.next)


def build_session(page: SessionPage, prefix: str) -> SessionObject:
    """Build one page of a conversation."""
    return SessionObject(
        session_id=page.session_id,
        title=page.title,
        created_at=page.created_at,
        updated_at=page.updated_at,
        topic=page.topic,
        topics=page.topics,
        turns=tuple(_build_turn(turn, prefix) for turn in page.turns),
        files=tuple(map(build_file, page.files)),
        next=page.next,
    )


def build_session_entry(entry: SessionEntry) -> SessionEntryObject:
    """Build a conversation as it is listed."""
    return msgspec.convert(entry, SessionEntryObject, from_attributes=True)


def build_session_list(found: SessionList) -> SessionListObject:
    """Build a list of conversations."""
    return msgspec.convert(found, SessionListObject, from_attributes=True)


def build_file(file: StoredFile) -> FileObject:
    """Build a file as it is listed."""
    return msgspec.convert(file, FileObject, from_attributes=True)


def build_file_list(files: Sequence[StoredFile]) -> FileListObject:
    """Build the list of a conversation's files."""
    return FileListObject(items=tuple(map(build_file, files)))


def build_page(page: Page) -> PageObject:
    """Build a page with its text."""
    return msgspec.convert(page, PageObject, from_attributes=True)


def build_problem(failed: Failure, *, field: str | None = None, answer_id: str | None = None) -> ProblemObject:
    """Build the body of a response from a failure. Its title is the name of the HTTP status."""
    return ProblemObject(
        type="about:blank",
        title=HTTPStatus(failed.status).phrase,
        status=failed.status,
        detail=failed.message,
        code=failed.code,
        message=failed.message,
        user_message=failed.user_message,
        retryable=failed.retryable,
        retry_after=failed.retry_after,
        field=field,
        answer_id=answer_id,
    )


def _build_turn(turn: Turn, prefix: str) -> TurnObject:
    return TurnObject(
        answer_id=turn.answer_id,
        question=turn.question,
        text=turn.text,
        references=tuple(build_reference(source, prefix) for source in turn.references),
        images=tuple(build_image(image, prefix) for image in turn.images),
        status=turn.status,
        topic=turn.topic,
        files=tuple(map(build_verdict, turn.files)),
        metadata=build_metadata(turn.metadata) if turn.metadata else None,
        error=build_error(turn.error) if turn.error else None,
        feedback=build_feedback(turn.feedback) if turn.feedback else None,
        created_at=turn.created_at,
    )


def read_unknown_fields(raw: bytes) -> dict[str, msgspec.Raw]:
    """Read the fields of a frame of a later release, without its type. There are none where it isn't an object."""
    try:
        fields = msgspec.json.decode(msgspec.json.format(raw, indent=-1), type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return {}
    return {name: value for name, value in fields.items() if name != "type"}
