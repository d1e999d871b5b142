"""This module makes the responses that are one JSON object."""

from flask import Response

from qa_service.wire.lines import encode_line


def json_response(value: object, status: int = 200, content_type: str = "application/json") -> Response:
    """Make a JSON response that nobody stores on the way."""
    response = Response(encode_line(value), status, content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response
