"""This module has the routes of the knowledge base: documents, their pages, collections, and the search in them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request

from qa_service.crawling.fetching import FetchBounds, PageFetcher
from qa_service.crawling.single_page import fetch_single_page
from qa_service.desk import check_wait
from qa_service.errors import InvalidField, StoreUnavailable, Unauthenticated
from qa_service.fields import read_text, read_whole_number
from qa_service.knowledge.documents import (
    EVERYBODY,
    OWN,
    SHARED,
    Collection,
    CollectionKey,
    Document,
    DocumentPage,
    NewDocument,
)
from qa_service.knowledge.library import LIST_CURSOR, DocumentFilter
from qa_service.knowledge_base import KnowledgeBase
from qa_service.links import is_web_address
from qa_service.questions import read_collections
from qa_service.rooms import WorkerRoom
from qa_service.setting_values import COLLECTION_NAME
from qa_service.web.forms import read_fields, read_query, read_submission
from qa_service.web.identity import DocumentCaller
from qa_service.web.mounting import Mounted, add_route, mounted
from qa_service.web.objects import json_response
from qa_service.web.paging import read_limit
from qa_service.wire.document_objects import (
    CollectionListObject,
    CollectionObject,
    DocumentListObject,
    DocumentObject,
    DocumentPageObject,
    build_found_passages,
)

DOCUMENT_STATUSES = ("queued", "reading", "ready", "failed")
LONGEST_DOCUMENT_TITLE = 300
ADDRESS = 2_000
QUERY = 2_000
FOUND = 10
MOST_FOUND = 50
MOST_FETCHED_PAGES = 8
"""A worker fetches at most this many pages at once. Looking up a name can take half a minute, and takes one of the ten
threads that all look-ups of the worker share."""
NO_EDITOR = "shared collections take a server's key without X-User-Id, or the permission of this site"

NO_OWNER = "own documents take a personal key, a server's key with X-User-Id, a token or a login"


def add_documents(fetching: WorkerRoom) -> Response:
    """Take documents to be read. `fetching` has the places for pages that are fetched by their addresses."""
    service, caller = mounted(), read_caller(changes=True)
    knowledge = open_knowledge_base(service)
    with read_submission(request, service.limits) as sent:
        if not sent.files and "url" in sent.fields:
            return _add_page(service, caller, sent.fields, fetching)
        if not sent.files:
            raise InvalidField("files: expected at least one file, or url", field="files")
        _check_names([file.name for file in sent.files])
        target = read_target(sent.fields, caller, len(sent.files))
        added = []
        for file in sent.files:
            new = NewDocument(target.collection, file.name or "document", target.title, target.url, file.charset)
            added.append(knowledge.library.add_document(new, Path(file.path).read_bytes())[0])
    sent.discard_files()
    knowledge.keeper.wake()
    found = DocumentListObject(items=tuple(map(build_document, added)), next=None)
    return json_response(found, HTTPStatus.ACCEPTED)


def list_documents() -> Response:
    """List the documents that the caller may search, oldest first."""
    caller, query = read_caller(), read_query(request)
    wanted = DocumentFilter(
        caller.owners,
        _read_collection(query, ""),
        _read_status(query),
        _read_cursor(query),
        read_limit(query),
    )
    found, cursor = open_knowledge_base(mounted()).library.list_documents(wanted)
    return json_response(DocumentListObject(items=tuple(map(build_document, found)), next=cursor or None))


def get_document(document_id: str) -> Response:
    """Show what is known of a document."""
    caller = read_caller()
    found = open_knowledge_base(mounted()).library.find_document(document_id, caller.owners)
    return json_response(build_document(found))


def delete_document(document_id: str) -> Response:
    """Delete a document, so that no question finds it any more."""
    caller, library = read_caller(changes=True), open_knowledge_base(mounted()).library
    found = library.find_document(document_id, caller.owners)
    if found.collection.is_shared and not caller.edits_shared:
        raise Unauthenticated(NO_EDITOR)
    library.remove_document(document_id, caller.owners)
    return Response(status=HTTPStatus.NO_CONTENT)


def get_document_page(document_id: str, page: int) -> Response:
    """Show the text of one page of a document."""
    caller = read_caller()
    found = open_knowledge_base(mounted()).library.load_page(document_id, page, caller.owners)
    return json_response(build_document_page(found))


def search_documents() -> Response:
    """Show the passages that a question would get."""
    service, caller = mounted(), read_caller()
    knowledge, fields = open_knowledge_base(service), read_fields(request, service.limits)
    query = read_text(fields, "query", QUERY)
    if not query:
        raise InvalidField("query: expected text", field="query")
    most = read_whole_number(fields, "limit", MOST_FOUND, default=FOUND)
    collections = read_collections(fields)
    count_search(service, caller)
    found = knowledge.search(caller.owners, query, collections, most)
    return json_response(build_found_passages(found, service.public_prefix()))


def list_collections() -> Response:
    """List the collections that the caller's questions can search."""
    found = open_knowledge_base(mounted()).library.list_collections(read_caller().owners)
    return json_response(CollectionListObject(items=tuple(map(_build_collection, found))))


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    one = "/documents/<document_id>"
    add = partial(add_documents, WorkerRoom("pages", MOST_FETCHED_PAGES))
    add_route(blueprint, "/documents", "add_documents", add, methods=("POST",))
    add_route(blueprint, "/documents", "documents", list_documents)
    add_route(blueprint, "/documents/search", "search_documents", search_documents, methods=("POST",))
    add_route(blueprint, one, "document", get_document)
    add_route(blueprint, one, "delete_document", delete_document, methods=("DELETE",))
    add_route(blueprint, f"{one}/pages/<int:page>", "document_page", get_document_page)
    add_route(blueprint, "/collections", "collections", list_collections)


def open_knowledge_base(service: Mounted) -> KnowledgeBase:
    """Return the knowledge base. Raises `StoreUnavailable` where the settings turn it off."""
    if service.assembly.knowledge is None:
        raise StoreUnavailable("This server has no knowledge base: QA_KNOWLEDGE is off.")
    return service.assembly.knowledge


def read_caller(*, changes: bool = False) -> DocumentCaller:
    """Tell who sends the current request, and whether they may change shared collections. Raises as `Gate.owner`
    does."""
    return mounted().gate.document_caller(request, changes=changes)


def count_search(service: Mounted, caller: DocumentCaller) -> None:
    """Count that the caller looks for something in the knowledge base. Raises `RateLimited`. A site's server that asks
    for itself isn't counted."""
    if caller.owner:
        check_wait(service.assembly.search_limiter.take_question(caller.owner), "searches")


def read_target(fields: Mapping[str, Any], caller: DocumentCaller, files: int = 1) -> NewDocument:
    """Read where new documents are to be put, and what is said of them. The name stays empty. Raises
    `Unauthenticated` where the caller may not write there."""
    title, url = read_text(fields, "title", LONGEST_DOCUMENT_TITLE), read_text(fields, "url", ADDRESS)
    if files > 1 and (title or url):
        field = "title" if title else "url"
        raise InvalidField(f"{field}: expected one file with it", field=field)
    if url and not is_web_address(url):
        raise InvalidField("url: expected an address that begins with http:// or https://", field="url")
    return NewDocument(_choose_collection(fields, caller), "", title, url)


def _check_names(names: Sequence[str]) -> None:
    """Raise `InvalidField` where two files have one name, since the second would take the first one's place."""
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise InvalidField(f"files: two of them have the name {twice!r}", field="files")


def _add_page(service: Mounted, caller: DocumentCaller, fields: Mapping[str, Any], fetching: WorkerRoom) -> Response:
    """Fetch the page that the field `url` names, and take it to be read. It is named after its address."""
    knowledge, target = open_knowledge_base(service), read_target(fields, caller)
    if caller.owner:
        check_wait(service.assembly.limiter.take_question(caller.owner), "pages")
    fetcher = PageFetcher(FetchBounds(service.assembly.settings.max_file))
    with fetching.hold_place(caller.owner.caller if caller.owner else ""):
        page = fetch_single_page(target.url, fetcher.fetch_page)
    new = NewDocument(target.collection, page.address, target.title or page.title, page.address, page.charset)
    document, _ = knowledge.library.add_document(new, page.content)
    knowledge.keeper.wake()
    return json_response(DocumentListObject(items=(build_document(document),), next=None), HTTPStatus.ACCEPTED)


def _choose_collection(fields: Mapping[str, Any], caller: DocumentCaller) -> CollectionKey:
    """Choose the collection that the caller writes into. Names other than `own` are shared ones for whoever may edit
    those, and the caller's own ones for everybody else."""
    usual = SHARED if caller.owner is None else OWN
    name = _read_collection(fields, usual)
    if caller.edits_shared and name != OWN:
        return CollectionKey(EVERYBODY, name)
    if name == SHARED:
        raise Unauthenticated(NO_EDITOR)
    owner = caller.owner
    if owner is None or owner.kind == "anonymous":
        raise Unauthenticated(NO_OWNER)
    return CollectionKey(owner.key, name)


def _read_collection(fields: Mapping[str, Any], usual: str) -> str:
    name = read_text(fields, "collection", 64) or usual
    if name and not COLLECTION_NAME.fullmatch(name):
        raise InvalidField("collection: expected 1-64 of A-Za-z0-9._-", field="collection")
    return name


def _read_status(query: Mapping[str, str]) -> str:
    status = query.get("status", "")
    if status and status not in DOCUMENT_STATUSES:
        raise InvalidField(f"status: expected one of {', '.join(sorted(DOCUMENT_STATUSES))}", field="status")
    return status


def _read_cursor(query: Mapping[str, str]) -> str:
    cursor = query.get("cursor", "")
    if cursor and not LIST_CURSOR.fullmatch(cursor):
        raise InvalidField("cursor: expected the value that `next` had", field="cursor")
    return cursor


def build_document(document: Document) -> DocumentObject:
    """Build a document as it leaves the service."""
    return DocumentObject(
        document_id=document.document_id,
        name=document.name,
        title=document.title,
        url=document.url,
        collection=document.collection.name,
        shared=document.collection.is_shared,
        kind=document.kind,
        status=document.status,
        reason=document.reason,
        pages=document.pages,
        passages=document.passages,
        tokens=document.tokens,
        created_at=document.created_at,
        updated_at=document.updated_at,
    )


def build_document_page(found: DocumentPage) -> DocumentPageObject:
    """Build the text of a page as it leaves the service."""
    document = found.document
    return DocumentPageObject(
        document_id=document.document_id,
        name=document.name,
        title=document.title,
        url=document.url,
        page=found.page,
        pages=document.pages,
        text=found.text,
        section=found.section,
        label=found.label,
    )


def _build_collection(collection: Collection) -> CollectionObject:
    return CollectionObject(
        name=collection.key.name,
        documents=collection.documents,
        passages=collection.passages,
        tokens=collection.tokens,
        readers="shared" if collection.key.is_shared else "own",
    )
