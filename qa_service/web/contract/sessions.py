"""This module describes the routes of `web/sessions.py`: conversations and their files."""

from http import HTTPStatus

from qa_service import errors
from qa_service.web.contract.operations import InputField, Operation, ResultShape, build_plain_body, json_result
from qa_service.web.contract.paging import CURSOR_NOTE, PAGED, TIME_CURSOR
from qa_service.web.contract.question import build_text_schema
from qa_service.web.contract.refusals import STORED
from qa_service.web.sessions import LONGEST_SESSION_TITLE
from qa_service.wire.structs import (
    FileListObject,
    FileObject,
    PageObject,
    SessionEntryObject,
    SessionListObject,
    SessionObject,
)

GONE = ResultShape(status=HTTPStatus.NO_CONTENT, description="It is gone.")
_ENTRY = json_result(SessionEntryObject, "The conversation as it is listed.")
TITLED = {
    "type": "object",
    "properties": {"title": build_text_schema(LONGEST_SESSION_TITLE)},
    "required": ["title"],
}

CONVERSATIONS: tuple[Operation, ...] = (
    Operation(
        path="/sessions",
        name="listSessions",
        tag="conversations",
        summary="List the caller's conversations, newest first",
        description="A visitor without a credential is refused, because only the id tells whose a conversation is.",
        query=(TIME_CURSOR, PAGED),
        results=(json_result(SessionListObject, "A part of the list."),),
        refusals=(errors.InvalidField, errors.StoreUnavailable),
    ),
    Operation(
        path="/sessions/{sessionId}",
        name="getSession",
        tag="conversations",
        summary="Read a conversation, newest turns first",
        query=(InputField("cursor", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, CURSOR_NOTE), PAGED),
        results=(json_result(SessionObject, "A part of the conversation."),),
        refusals=(*STORED, errors.InvalidField),
    ),
    Operation(
        method="PATCH",
        path="/sessions/{sessionId}",
        name="renameSession",
        tag="conversations",
        summary="Give a conversation another title",
        body=build_plain_body(TITLED),
        results=(_ENTRY,),
        refusals=(*STORED, errors.InvalidField, errors.TooManyFiles),
    ),
    Operation(
        method="DELETE",
        path="/sessions/{sessionId}",
        name="deleteSession",
        tag="conversations",
        summary="Delete a conversation with its answers and files",
        description="Answers that are being written in it are stopped.",
        results=(GONE,),
        refusals=STORED,
    ),
    Operation(
        method="POST",
        path="/sessions/{sessionId}/reset",
        name="beginTopic",
        tag="conversations",
        summary="Begin a new topic by hand",
        results=(_ENTRY,),
        refusals=STORED,
    ),
    Operation(
        method="POST",
        path="/sessions/{sessionId}/topics/{topic}/reopen",
        name="reopenTopic",
        tag="conversations",
        summary="Go back to an earlier topic by hand",
        results=(_ENTRY,),
        refusals=STORED,
    ),
)
"""These operations list, read, rename and delete conversations, and begin or reopen a topic in one."""

FILES: tuple[Operation, ...] = (
    Operation(
        path="/sessions/{sessionId}/files",
        name="listFiles",
        tag="conversations",
        summary="List the files that a conversation is answered from",
        results=(json_result(FileListObject, "The files."),),
        refusals=STORED,
    ),
    Operation(
        path="/sessions/{sessionId}/files/{fileId}",
        name="getFile",
        tag="conversations",
        summary="Read what is known of a file",
        results=(json_result(FileObject, "The file, without its text."),),
        refusals=STORED,
    ),
    Operation(
        method="DELETE",
        path="/sessions/{sessionId}/files/{fileId}",
        name="deleteFile",
        tag="conversations",
        summary="Delete a file, so that later questions don't see it",
        results=(GONE,),
        refusals=STORED,
    ),
    Operation(
        path="/sessions/{sessionId}/files/{fileId}/pages/{page}",
        name="getPage",
        tag="conversations",
        summary="Read the text of one page of a file",
        results=(json_result(PageObject, "The page."),),
        refusals=STORED,
    ),
)
"""These operations list, read and delete the files of a conversation."""
