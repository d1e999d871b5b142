"""This module serves the page at `/`, for a service that stands alone."""

from functools import cache
from html import escape
from importlib.resources import files

from flask import Blueprint, Response

from qa_service.web.mounting import mounted

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

STATIC = "/static"

pages = Blueprint("qa_page", __name__, static_folder="static", static_url_path=STATIC)


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
