"""The service that is mounted under one prefix of an app, and how a request finds it."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, request
from msgspec import Struct
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from qa_service.assembly import Assembly
from qa_service.model import Language, Owner
from qa_service.web.forms import Limits
from qa_service.web.identity import Gate

KEY = "qa_service"


class Mounted(Struct, frozen=True):
    """A mounted service: its parts, who may use it, and what a request may bring."""

    assembly: Assembly
    gate: Gate
    limits: Limits
    prefix: str

    def public_root(self) -> str:
        """The path under which this request's sender finds the app; empty at a host's root."""
        public = self.assembly.settings.public_url
        return urlsplit(public).path if public else request.script_root

    def public_prefix(self) -> str:
        """The path under which this request's sender finds the service."""
        return self.public_root() + self.prefix


def add_route(
    blueprint: Blueprint, path: str, name: str, view: Callable[..., Response], *, methods: Sequence[str] = ("GET",)
) -> None:
    """A route that is also found with a slash at its end, as some proxies write every address. Two slashes in a row are
    no such address: a redirect would lose a question on its way."""
    blueprint.add_url_rule(path, name, view, methods=methods, strict_slashes=False, merge_slashes=False)


def mount(app: Flask, mounted: Mounted) -> None:
    """Keep the service on the app: two apps in one process know nothing of each other."""
    app.extensions[KEY] = mounted


def mounted() -> Mounted:
    """The service that answers the request at hand."""
    return cast(Mounted, current_app.extensions[KEY])


def asking_owner(*, asks: bool = False, streams: bool = False) -> Owner:
    """Who sends this request. Raises what refuses it. `asks` says that a GET asks a question, so that it changes and
    streams."""
    changes = asks or request.method not in ("GET", "HEAD")
    return mounted().gate.owner(request, changes=changes, streams=asks or streams)


def spoken_language() -> Language | None:
    """Which of Korean and English `Accept-Language` prefers, or None if it doesn't say."""
    return _preferred(request.headers.get("Accept-Language", ""))


@lru_cache(256)
def _preferred(accept_language: str) -> Language | None:
    best = parse_accept_header(accept_language, LanguageAccept).best_match(["en", "ko"])
    return "ko" if best == "ko" else "en" if best == "en" else None
