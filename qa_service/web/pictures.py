"""This module serves the pictures that were drawn in answers, to their owners and to whoever has a signed address."""

from flask import Blueprint, Response, request

from qa_service.errors import NotFound
from qa_service.web.mounting import add_route, asking_owner, mounted

_POLICY = "default-src 'none'; sandbox"
CACHED = "private, max-age=3600"


def show_picture(answer_id: str, index: int) -> Response:
    """Send the picture with this number. An address that has expired is as unknown as one that never was."""
    assembly = mounted().assembly
    signed = "signature" in request.args
    owner = assembly.links.find_owner(request.args, answer_id, index) if signed else asking_owner()
    if owner is None:
        raise NotFound("no such picture")
    picture = assembly.drawings.load_picture(owner, answer_id, index)
    response = Response(picture.data, content_type=picture.mime_type)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = CACHED
    return response


def install(blueprint: Blueprint) -> None:
    """Add the route of this module."""
    add_route(blueprint, "/answers/<answer_id>/images/<int:index>", "picture", show_picture)
