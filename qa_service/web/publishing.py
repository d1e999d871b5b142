"""This module has the routes that show the contract: as a document, as schemas, and as a page for people."""

from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, request

from qa_service.errors import NotFound
from qa_service.fields import read_choice
from qa_service.model import Language
from qa_service.web.contract.document import build_contract, build_schema_document
from qa_service.web.contract.glossary import PATH_PARTS
from qa_service.web.contract.offer import Offer, read_offer
from qa_service.web.forms import read_query
from qa_service.web.languages import spoken_language
from qa_service.web.mounting import add_route, mounted
from qa_service.web.objects import json_response
from qa_service.web.reference import POLICY, write_reference

LANGUAGES: tuple[Language, ...] = ("en", "ko")
CONTENT_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}


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
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def show_reference_part(part: str) -> Response:
    """Show the page's script or its style."""
    if part not in PATH_PARTS["part"][0]["enum"]:
        raise NotFound("no such address")
    content = files("qa_service.web").joinpath("static", part).read_bytes()
    response = Response(content, content_type=CONTENT_TYPES[part.rpartition(".")[2]])
    response.headers["Cache-Control"] = "no-cache"
    return response


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/openapi.json", "contract", show_contract)
    add_route(blueprint, "/schema.json", "schemas", show_schemas)
    add_route(blueprint, "/docs", "reference", show_reference)
    add_route(blueprint, "/docs/<part>", "reference_part", show_reference_part)


def _current_offer() -> Offer:
    service = mounted()
    gate = service.gate
    return read_offer(service.assembly.settings, login=gate.knows_login, visitors=gate.knows_visitors)


def _wanted_language() -> Language:
    query: dict[str, Any] = read_query(request)
    return read_choice(query, "language", LANGUAGES) if "language" in query else spoken_language() or "en"
