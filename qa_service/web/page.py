"""This module serves the page at `/` and the reference at `/docs`, for a service that stands alone."""

from functools import cache
from html import escape
from importlib.resources import files

from flask import Blueprint, Response

from qa_service.errors import QAError
from qa_service.web.mounting import mounted
from qa_service.web.publishing import show_reference
from qa_service.web.reference import POLICY
from qa_service.web.refusals import refuse_error

STATIC = "/static"

pages = Blueprint("qa_page", __name__, static_folder="static", static_url_path=STATIC)
pages.register_error_handler(QAError, refuse_error)
pages.add_url_rule("/docs", "reference", show_reference)


@pages.get("/", endpoint="page")
def show_page() -> Response:
    """Show the page. It is told where the service and its own parts are."""
    # Behind a proxy both paths may come from the request, so they are escaped.
    prefix, static = escape(mounted().public_prefix()), escape(mounted().public_root() + STATIC)
    text = _read_page().replace("{{prefix}}", prefix).replace("{{static}}", static)
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-cache"
    return response


def add_guards(response: Response) -> Response:
    """Add the headers that keep a browser from being misled by other sites."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response


@cache
def _read_page() -> str:
    return files("qa_service.web").joinpath("static/index.html").read_text("utf-8")
