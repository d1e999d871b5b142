"""This module describes the routes of `web/documents.py`: the knowledge base."""

from http import HTTPStatus

from qa_service import errors
from qa_service.knowledge.library import LIST_CURSOR
from qa_service.web.contract.offer import Offer
from qa_service.web.contract.operations import InputField, JsonSchema, Operation, build_plain_body, json_result
from qa_service.web.contract.paging import PAGED
from qa_service.web.contract.question import (
    COLLECTIONS,
    NAMED_COLLECTION,
    build_text_schema,
    describe_files,
    describe_value,
)
from qa_service.web.contract.refusals import STORED
from qa_service.web.contract.sessions import GONE
from qa_service.web.documents import ADDRESS, DOCUMENT_STATUSES, FOUND, LONGEST_DOCUMENT_TITLE, MOST_FOUND, QUERY
from qa_service.wire.document_objects import (
    CollectionListObject,
    DocumentListObject,
    DocumentObject,
    DocumentPageObject,
    FoundPassagesObject,
)

COLLECTION = InputField("collection", NAMED_COLLECTION, "The name of a collection.")
WRITTEN = (
    "Who asks with a user, a token, a personal key or a login writes into their own collections. A server's key "
    "without `X-User-Id` writes into shared ones, which everybody may search, and so does whoever the host site "
    "permits. The same bytes under the same name change nothing. Other bytes replace the document whole, as soon as "
    "they are read."
)
_FILES_NOTE = (
    "Files, each a part with a filename. `title` and `url` are for a request with one file. `x-max-bytes` is the most "
    "that one file may have."
)
TEXTS = (
    InputField(
        "title",
        build_text_schema(LONGEST_DOCUMENT_TITLE),
        "What citations call the document. Without it, that is its name.",
    ),
    InputField(
        "url",
        {"type": "string", "format": "uri", "maxLength": ADDRESS, "pattern": "^https?://"},
        "Where citations of the document lead. Without it, they lead to the text of the page. Without files, the page "
        "at this address is fetched, and becomes the document.",
    ),
)


def describe_documents(offer: Offer) -> tuple[Operation, ...]:
    """Describe how documents are added, read, deleted and searched."""
    return (
        Operation(
            method="POST",
            path="/documents",
            name="addDocuments",
            tag="documents",
            summary="Add documents to the knowledge base",
            description=WRITTEN,
            body={"multipart/form-data": _build_upload(offer)},
            results=(json_result(DocumentListObject, "They wait to be read.", status=HTTPStatus.ACCEPTED),),
            refusals=(errors.InvalidField, errors.TooManyFiles, errors.StoreUnavailable),
        ),
        Operation(
            path="/documents",
            name="listDocuments",
            tag="documents",
            summary="List the documents that the caller can search, oldest first",
            query=(
                COLLECTION,
                InputField(
                    "status", {"type": "string", "enum": list(DOCUMENT_STATUSES)}, "Only documents in this state."
                ),
                InputField("cursor", {"type": "string", "pattern": f"^{LIST_CURSOR.pattern}$"}, _CURSOR),
                PAGED,
            ),
            results=(json_result(DocumentListObject, "A part of the list."),),
            refusals=(errors.InvalidField, errors.StoreUnavailable),
        ),
        *_DOCUMENTS,
    )


_CURSOR = "The value that `next` had. Without it the list begins with the oldest."
SEARCHED = {
    "type": "object",
    "properties": {
        "query": build_text_schema(QUERY),
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_FOUND, "default": FOUND},
        "collections": describe_value(COLLECTIONS),
    },
    "required": ["query"],
}
_DOCUMENTS: tuple[Operation, ...] = (
    Operation(
        path="/documents/{documentId}",
        name="getDocument",
        tag="documents",
        summary="Read what is known of a document",
        results=(json_result(DocumentObject, "The document, without its text."),),
        refusals=STORED,
    ),
    Operation(
        method="DELETE",
        path="/documents/{documentId}",
        name="deleteDocument",
        tag="documents",
        summary="Delete a document, so that no question finds it",
        results=(GONE,),
        refusals=STORED,
    ),
    Operation(
        path="/documents/{documentId}/pages/{page}",
        name="getDocumentPage",
        tag="documents",
        summary="Read the text of one page of a document",
        results=(json_result(DocumentPageObject, "The page."),),
        refusals=STORED,
    ),
    Operation(
        method="POST",
        path="/documents/search",
        name="searchDocuments",
        tag="documents",
        summary="Find the passages that a question would get",
        body=build_plain_body(SEARCHED),
        results=(json_result(FoundPassagesObject, "The passages."),),
        refusals=(errors.InvalidField, errors.TooManyFiles, errors.RateLimited, errors.StoreUnavailable),
    ),
    Operation(
        path="/collections",
        name="listCollections",
        tag="documents",
        summary="List the collections that the caller can search",
        results=(json_result(CollectionListObject, "The collections."),),
        refusals=(errors.StoreUnavailable,),
    ),
)
"""These operations read and delete documents, and search them."""


def _build_upload(offer: Offer) -> JsonSchema:
    properties = {field.name: describe_value(field) for field in (COLLECTION, *TEXTS)}
    return {
        "type": "object",
        "properties": {**properties, "files": describe_files(offer, _FILES_NOTE)},
        "required": ["files"],
    }
