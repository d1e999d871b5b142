"""This module refuses the addresses below our prefix that don't exist."""

from flask import Blueprint, Response, current_app, request
from werkzeug.routing import BaseConverter

from qa_service.errors import NotFound
from qa_service.web.refusals import method_not_allowed

ALL_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ANY_REST = "qa_any_rest"
"""A route with the converter `AnyRest` calls it by this name."""


class AnyRest(BaseConverter):
    """An `AnyRest` matches whatever follows in an address, including slashes, and also where nothing follows."""

    part_isolating = False
    regex = ".*?"


def refuse_other_addresses(blueprint: Blueprint) -> None:
    """Refuse all addresses that the blueprint has no route for. Flask asks no blueprint about addresses below its
    prefix that don't exist, unless a route matches them all."""
    for rule in ("", f"/<{ANY_REST}:rest>"):
        blueprint.add_url_rule(rule, "elsewhere", _refuse_address, methods=ALL_METHODS)


def _refuse_address(rest: str = "") -> Response:
    addresses = current_app.url_map.bind_to_environ(request.environ)
    allowed = [method for method in ALL_METHODS if addresses.match(method=method)[0] != request.endpoint]
    if allowed:
        raise method_not_allowed(allowed)
    raise NotFound("no such address" + ("; it has two slashes in a row" if "//" in request.path else ""))
