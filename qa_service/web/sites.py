"""This module has the routes of websites that are read into the knowledge base."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request

from qa_service.crawling.sites import KnowledgeSite, NewSite, read_every
from qa_service.errors import InvalidField, Unauthenticated
from qa_service.fields import decode_list, read_text, read_word
from qa_service.knowledge_base import KnowledgeBase
from qa_service.web.documents import ADDRESS, open_knowledge_base, read_caller, read_target
from qa_service.web.forms import read_fields
from qa_service.web.identity import DocumentCaller
from qa_service.web.mounting import add_route, mounted
from qa_service.web.objects import json_response
from qa_service.wire.site_objects import SiteListObject, SiteObject

MOST_PATTERNS = 100
LONGEST_PATTERN = 300
NO_READER = "sites take a server's key without X-User-Id, or the permission of this site"


def add_site() -> Response:
    """Let a site be read, or read again with other patterns."""
    service, caller, knowledge = mounted(), *_open_for_editor()
    fields = read_fields(request, service.limits)
    if not read_text(fields, "url", ADDRESS):
        raise InvalidField("url: expected the address of a site", field="url")
    target = read_target(fields, caller)
    include, exclude = _read_patterns(fields, "include"), _read_patterns(fields, "exclude")
    site = knowledge.sites.add_site(NewSite(target.collection, target.url, include, exclude, _read_every(fields)))
    knowledge.keeper.wake()
    return json_response(build_site(site), HTTPStatus.ACCEPTED)


def list_sites() -> Response:
    """List the sites whose pages the caller may search."""
    caller, knowledge = read_caller(), open_knowledge_base(mounted())
    return json_response(SiteListObject(items=tuple(map(build_site, knowledge.sites.list_sites(caller.owners)))))


def delete_site(site_id: str) -> Response:
    """Let a site be forgotten with all that was read of it."""
    caller, knowledge = _open_for_editor()
    knowledge.sites.drop_site(site_id, caller.owners)
    knowledge.keeper.wake()
    return Response(status=HTTPStatus.NO_CONTENT)


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/sites", "add_site", add_site, methods=("POST",))
    add_route(blueprint, "/sites", "sites", list_sites)
    add_route(blueprint, "/sites/<site_id>", "delete_site", delete_site, methods=("DELETE",))


def build_site(site: KnowledgeSite) -> SiteObject:
    """Build a site as it leaves the service."""
    return SiteObject(
        site_id=site.site_id,
        url=site.url,
        collection=site.collection.name,
        shared=site.collection.is_shared,
        include=site.include,
        exclude=site.exclude,
        every=site.every,
        status=site.status,
        reason=site.reason,
        pages=site.pages,
        failed=site.failed,
        found=site.found,
        created_at=site.created_at,
        last_read_at=site.last_read_at,
        next_read_at=site.next_read_at,
    )


def _open_for_editor() -> tuple[DocumentCaller, KnowledgeBase]:
    caller = read_caller(changes=True)
    if not caller.edits_shared:
        raise Unauthenticated(NO_READER)
    return caller, open_knowledge_base(mounted())


def _read_patterns(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Read patterns as a list, or as a text with one pattern a line."""
    sent, expected = fields.get(name, ""), f"at most {MOST_PATTERNS} patterns such as /docs/*"
    is_lines = isinstance(sent, str) and not sent.lstrip().startswith("[")
    listed = sent.splitlines() if is_lines else decode_list(sent, list[str], name, expected)
    patterns = tuple(pattern.strip() for pattern in listed if pattern.strip())
    if len(patterns) > MOST_PATTERNS or any(len(pattern) > LONGEST_PATTERN for pattern in patterns):
        raise InvalidField(f"{name}: expected {expected}", field=name)
    return patterns


def _read_every(fields: Mapping[str, Any]) -> float:
    try:
        return read_every(read_word(fields, "every", default="0"))
    except ValueError as error:
        raise InvalidField(f"every: {error}", field="every") from None
