"""This module keeps the service that is mounted in an app, and finds it for a request."""

import re
from collections.abc import Callable, Sequence
from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, request
from msgspec import Struct

from qa_service.assembly import Assembly
from qa_service.model import Owner
from qa_service.web.forms import Limits
from qa_service.web.identity import Gate

EXTENSION_KEY = "qa_service"
PATH = re.compile(r"(?:/[^/\\\x00-\x1f\x7f]+)*")
"""A path of this pattern names no other host in any browser. `//host`, `/\\host` and `scheme:` would name one."""


class Mounted(Struct, frozen=True):
    """A `Mounted` is a service that is mounted: its parts, who may use it, and what a request may bring."""

    assembly: Assembly
    gate: Gate
    limits: Limits
    prefix: str

    def public_root(self) -> str:
        """Return the path under which this request's sender finds the app. It is empty at a host's root.

        Many proxies pass on whatever `X-Forwarded-Prefix` a caller sends, so what isn't a path is left out.
        """
        public = self.assembly.settings.public_url
        if public:
            return urlsplit(public).path
        return request.script_root if PATH.fullmatch(request.script_root) else ""

    def public_prefix(self) -> str:
        """Return the path under which this request's sender finds the service."""
        return self.public_root() + self.prefix


def add_route(
    blueprint: Blueprint, path: str, name: str, view: Callable[..., Response], *, methods: Sequence[str] = ("GET",)
) -> None:
    """Add a route. It is also found with a slash at its end, which some proxies add to every address. An address with
    two slashes in a row isn't found: Flask would redirect it, and a redirect loses the question."""
    blueprint.add_url_rule(path, name, view, methods=methods, strict_slashes=False, merge_slashes=False)


def mount(app: Flask, mounted: Mounted) -> None:
    """Keep the service on the app, so that two apps in one process know nothing of each other."""
    app.extensions[EXTENSION_KEY] = mounted


def mounted() -> Mounted:
    """Find the service that answers the current request."""
    return cast(Mounted, current_app.extensions[EXTENSION_KEY])


def asking_owner(*, asks: bool = False, streams: bool = False) -> Owner:
    """Tell who sends the current request. Raises as `Gate.owner` does. `asks` says that the request asks a question,
    even where it is a GET."""
    changes = asks or request.method not in ("GET", "HEAD")
    return mounted().gate.owner(request, changes=changes, streams=asks or streams)
