"""This module serves the script of `<qa-chat>`, and pages that are this element and nothing else.

Such a page brings the markup of the element and the look of its field, so that people can write at once. The script,
which comes a second later where the network is slow, makes the rest of that markup visible and goes on from there.
"""

import gzip
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from html import escape
from urllib.parse import quote, urlsplit

from flask import Blueprint, Flask, Response, request

from qa_service.errors import QAError
from qa_service.model import Language
from qa_service.settings import Settings
from qa_service.web.chat_script import chat_script
from qa_service.web.languages import spoken_language
from qa_service.web.mounting import add_route, mounted
from qa_service.web.reference import PAGE_POLICY
from qa_service.web.refusals import refuse_error
from qa_service.web.script_modules import STATIC, name_markup, read_element_markup, read_style

SCRIPT = "/chat.js"
UNFRAMED = "frame-ancestors 'none'"
FOREVER = "public, max-age=31536000, immutable"
FIELD: Mapping[Language, tuple[str, str]] = {"ko": ("질문", "질문을 입력하세요"), "en": ("Question", "Ask a question")}
"""The field has this name and this hint until the script is there, which then writes the same ones."""


def show_script() -> Response:
    """Show the script. Under the address that names its version it never changes, and under any other a browser asks
    each time whether it has."""
    script = chat_script()
    response = _write_packed(script.plain, script.packed, "text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = FOREVER if request.args.get("v") == script.version else "no-cache"
    # Any site may load the script. What it does at the service afterwards is another matter.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.set_etag("-".join(filter(None, (script.version, response.content_encoding))))
    response.make_conditional(request)
    return response


def show_page() -> Response:
    """Show a page that is the element. It is told where the service is."""
    service, language = mounted(), spoken_language() or "en"
    name = service.assembly.settings.name
    # Behind a proxy the path may come from the request, so it is escaped.
    prefix = escape(service.public_prefix())
    parts = {
        "lang": language,
        "name": escape(getattr(name, language)) if name else "qa-service",
        "icon": _icon(),
        "prefix": prefix,
        "script": f"{prefix}{SCRIPT}?v={chat_script().version}",
        "keys": "" if service.gate.knows_login else " keys",
        "markup": _write_markup(language),
        "version": name_markup(read_element_markup(STATIC)),
        "style": _early_style(),
    }
    plain = _fill(_read_static("page.html"), parts).encode()
    response = _write_packed(plain, {"gzip": gzip.compress(plain)}, "text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = write_policy(service.assembly.settings)
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept-Language")
    return response


def write_policy(settings: Settings) -> str:
    """Write the content security policy of the page: it takes nothing from other hosts but the logo, and stands in
    frames of those sites alone that the settings name."""
    early = b64encode(sha256(_early_style().encode()).digest()).decode()
    policy = PAGE_POLICY.replace("style-src 'self'", f"style-src 'self' 'sha256-{early}'")
    address = urlsplit(settings.logo)
    if address.scheme == "https":
        policy = policy.replace("img-src 'self'", f"img-src 'self' https://{address.netloc}")
    if settings.frame_ancestors:
        policy = policy.replace(UNFRAMED, f"frame-ancestors {' '.join(settings.frame_ancestors)}")
    return policy


def add_guards(response: Response) -> Response:
    """Add the headers that keep a browser from being misled by other sites."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    # This header knows no list of sites. Browsers that know the policy read the list there.
    if UNFRAMED in response.headers.get("Content-Security-Policy", UNFRAMED):
        response.headers["X-Frame-Options"] = "DENY"
    return response


def install(blueprint: Blueprint) -> None:
    """Add the route of the script, which is made now, so that no request is held up by it."""
    chat_script()
    add_route(blueprint, SCRIPT, "chat_script", show_script)


def add_page(app: Flask, path: str) -> None:
    """Show the page at a path of an app."""
    blueprint = Blueprint("qa_page", __name__)
    blueprint.register_error_handler(QAError, refuse_error)
    blueprint.after_request(add_guards)
    add_route(blueprint, path, "page", show_page)
    app.register_blueprint(blueprint)


def _write_packed(plain: bytes, packed: Mapping[str, bytes], content_type: str) -> Response:
    """Write the answer in the content coding that the caller prefers, or in the first of several that it prefers
    equally. A coding that the caller doesn't name is used only where it accepts any."""
    accepted = request.accept_encodings
    coding = max(packed, key=accepted.quality)
    as_it_is = accepted.quality("identity") if "identity" in accepted.values() else 0
    if 0 < accepted.quality(coding) >= as_it_is:
        response = Response(packed[coding], content_type=content_type, headers={"Content-Encoding": coding})
    else:
        response = Response(plain, content_type=content_type)
    response.vary.add("Accept-Encoding")
    return response


def _fill(text: str, parts: dict[str, str]) -> str:
    for name, part in parts.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    return text


@cache
def _write_markup(language: Language) -> str:
    """Write the element's markup, with a field that is ready without the script."""
    label, hint = FIELD[language]
    ready = f'id="question" autofocus aria-label="{label}" placeholder="{hint}"'
    return read_element_markup(STATIC).replace('id="question"', ready)


@cache
def _early_style() -> str:
    return read_style(STATIC / "early.css")


@cache
def _icon() -> str:
    return "data:image/svg+xml," + quote(_read_static("icon.svg"))


@cache
def _read_static(name: str) -> str:
    return STATIC.joinpath(name).read_text("utf-8")
