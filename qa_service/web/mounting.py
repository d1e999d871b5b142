"""What is mounted under one prefix of one app, and the way to it from inside a request."""

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
    """A service, its gate and its limits."""

    assembly: Assembly
    gate: Gate
    limits: Limits
    prefix: str

    def public_root(self) -> str:
        """The path under which this request's sender finds the app; empty at a host's root."""
        public = self.assembly.settings.public_url
        return urlsplit(public).path if public else request.script_root

    def public_prefix(self) -> str:
        """The path under which this request's sender finds us."""
        return self.public_root() + self.prefix


def add_route(
    blueprint: Blueprint, path: str, name: str, view: Callable[..., Response], *, methods: Sequence[str] = ("GET",)
) -> None:
    """A route that is also found with a slash at its end, as some proxies write every address. Two slashes in a row are
    no such address: a redirect would lose a question on its way."""
    blueprint.add_url_rule(path, name, view, methods=methods, strict_slashes=False, merge_slashes=False)


def mount(app: Flask, mounted: Mounted) -> None:
    """State lives on the app, so that two apps in one process don't meet."""
    app.extensions[KEY] = mounted


def mounted() -> Mounted:
    """The service of the request at hand."""
    return cast(Mounted, current_app.extensions[KEY])


def asking_owner(*, asks: bool = False, streams: bool = False) -> Owner:
    """Who sends this request; raises what refuses it. A GET that asks is no mere look, and streams as well."""
    changes = asks or request.method not in ("GET", "HEAD")
    return mounted().gate.owner(request, changes=changes, streams=asks or streams)


def spoken_language() -> Language | None:
    """What `Accept-Language` prefers of Korean and English, where it says so."""
    return _preferred(request.headers.get("Accept-Language", ""))


@lru_cache(256)
def _preferred(accept_language: str) -> Language | None:
    best = parse_accept_header(accept_language, LanguageAccept).best_match(["en", "ko"])
    return "ko" if best == "ko" else "en" if best == "en" else None
