"""This module has the routes that show the contract, as a document, as schemas and as a page for people, and the guide
beside it."""

from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, request

from qa_service.errors import NotFound
from qa_service.fields import read_choice
from qa_service.model import Language
from qa_service.web.contract.document import build_contract, build_schema_document
from qa_service.web.contract.offer import Offer, read_offer
from qa_service.web.forms import read_query
from qa_service.web.guide import read_guide_picture, write_guide, write_search_index
from qa_service.web.languages import spoken_language
from qa_service.web.mounting import add_route, mounted
from qa_service.web.objects import json_response
from qa_service.web.reference import PAGE_POLICY, write_reference

LANGUAGES: tuple[Language, ...] = ("en", "ko")
CONTENT_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
STATIC_PARTS = ("reference.js", "reference.css", "guide.js", "guide.css")
SEARCH_INDEX = "search.json"


def show_contract() -> Response:
    """Show the contract as an OpenAPI document, with the address under which its reader has found it."""
    document = build_contract(_current_offer(), _wanted_language())
    return json_response({**document, "servers": [{"url": mounted().public_prefix()}]})


def show_schemas() -> Response:
    """Show the JSON Schemas of all frames and objects."""
    document = build_schema_document(_current_offer(), _wanted_language())
    return json_response(document, content_type="application/schema+json")


def show_reference() -> Response:
    """Show the contract as a page, on which a question can be tried."""
    page = write_reference(_current_offer(), _wanted_language(), mounted().public_prefix())
    response = _page_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


def show_docs_part(part: str) -> Response:
    """Show a page of the guide, or what the pages load: scripts, styles, pictures, and the texts to search."""
    found = _find_guide(part) or _find_static(part) or _find_picture(part)
    if not found:
        raise NotFound("no such address")
    found.headers["Cache-Control"] = "no-cache"
    return found


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/openapi.json", "contract", show_contract)
    add_route(blueprint, "/schema.json", "schemas", show_schemas)
    add_route(blueprint, "/docs", "reference", show_reference)
    add_route(blueprint, "/docs/<part>", "docs_part", show_docs_part)


def _find_guide(name: str) -> Response | None:
    language = _wanted_language()
    if name == SEARCH_INDEX:
        return Response(write_search_index(language), content_type="application/json")
    page = write_guide(name, language, mounted().public_prefix())
    return _page_response(page) if page else None


def _find_static(name: str) -> Response | None:
    if name not in STATIC_PARTS:
        return None
    content = files("qa_service.web").joinpath("static", name).read_bytes()
    return Response(content, content_type=CONTENT_TYPES[name.rpartition(".")[2]])


def _find_picture(name: str) -> Response | None:
    content = read_guide_picture(name)
    return Response(content, content_type=CONTENT_TYPES[name.rpartition(".")[2]]) if content else None


def _page_response(page: str) -> Response:
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


def _current_offer() -> Offer:
    service = mounted()
    gate = service.gate
    return read_offer(service.assembly.settings, login=gate.knows_login, visitors=gate.knows_visitors)


def _wanted_language() -> Language:
    query: dict[str, Any] = read_query(request)
    return read_choice(query, "language", LANGUAGES) if "language" in query else spoken_language() or "en"
