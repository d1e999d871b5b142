"""This module has the route of the Model Context Protocol: `POST mcp`, by which agents search the knowledge base."""

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from qa_service.errors import UnsupportedMediaType
from qa_service.mcp.protocol import ToolServer, answer_body
from qa_service.mcp.tools import KnowledgeTools, SearchArguments, describe_tools
from qa_service.web.bodies import RequestBody
from qa_service.web.documents import build_document_page, count_search, open_knowledge_base, read_caller
from qa_service.web.forms import within_bytes
from qa_service.web.identity import DocumentCaller
from qa_service.web.mounting import Mounted, add_route, mounted
from qa_service.web.objects import json_response
from qa_service.wire.document_objects import build_found_passages

MESSAGE_BYTES = 64 << 10
_INSTRUCTIONS = "This server searches the documents and web pages of a site. It changes nothing."


def answer_agent() -> Response:
    """Answer the message of an agent. A message that needs no answer gets a 202 without a body."""
    service, caller = mounted(), read_caller(changes=True)
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("expected the content type application/json")
    server = ToolServer(
        "qa-service",
        version("qa-service"),
        _INSTRUCTIONS,
        describe_tools(service.assembly.settings.mcp_descriptions),
        KnowledgeTools(partial(_find_passages, service, caller), partial(_load_page, service, caller)).call_tool,
    )
    headers = {name.lower(): value for name, value in request.headers}
    with RequestBody(request, within_bytes(service.limits.body, MESSAGE_BYTES)) as body:
        reply = answer_body(body.read(), headers, server)
    return Response(status=reply.status) if reply.body is None else json_response(reply.body, reply.status)


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/mcp", "mcp", answer_agent, methods=("POST",))


def _find_passages(service: Mounted, caller: DocumentCaller, wanted: SearchArguments) -> Sequence[Mapping[str, Any]]:
    knowledge = open_knowledge_base(service)
    count_search(service, caller)
    found = knowledge.search(caller.owners, wanted.query, wanted.collections, wanted.limit)
    shown = build_found_passages(found, service.public_prefix())
    return list(msgspec.to_builtins(shown.items))


def _load_page(service: Mounted, caller: DocumentCaller, document_id: str, page: int) -> Mapping[str, Any]:
    knowledge = open_knowledge_base(service)
    count_search(service, caller)
    found = knowledge.library.load_page(document_id, page, caller.owners)
    shown: Mapping[str, Any] = msgspec.to_builtins(build_document_page(found))
    return shown
