"""This module writes gunicorn's access log without people's questions, and without the ids of their conversations."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from gunicorn.glogging import Logger

_IDS = re.compile(r"(?<=/)(sessions|answers|chat|responses|files|ask)([/\\]+)[^/\\]+", re.IGNORECASE)
_FIELDS = re.compile(r"[?&;]")
"""A client that quotes its whole address puts its fields into the path."""
HIDDEN = frozenset(
    {
        "authorization",
        "cookie",
        "idempotency-key",
        "last-event-id",
        "referer",
        "set-cookie",
        "x-answer-id",
        "x-session-id",
    }
)
"""These headers hold credentials, ids, or other addresses."""


def mask_ids(path: str) -> str:
    """Replace each id in a path by `*`, and cut the path before any fields. `path` is a path as WSGI gives it.
    Characters that aren't visible ASCII are quoted in the result, so that no path can begin a new line of the log."""
    shown = _FIELDS.split(path, maxsplit=1)[0]
    return quote(_IDS.sub(r"\1\2*", shown).encode("latin-1", "replace"), safe="/*")


class AccessLogger(Logger):
    """An `AccessLogger` logs each request's path without ids. Whatever format an operator sets, the log has no more of
    the address, none of the headers in `HIDDEN`, and nothing of the page that the request came from."""

    def atoms(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: Any) -> Any:
        """Return the values that a format can name."""
        path = mask_ids(environ["PATH_INFO"])
        shown = {**environ, "PATH_INFO": path, "RAW_URI": path, "QUERY_STRING": "", "HTTP_REFERER": "-"}
        atoms = super().atoms(resp, req, shown, request_time)
        return {name: value for name, value in atoms.items() if _header_of(name) not in HIDDEN}


def _header_of(atom: str) -> str:
    """Return the header that an atom holds: `{cookie}i` of the request, `{x-answer-id}o` of the answer,
    `{http_cookie}e`."""
    return atom.lower().removeprefix("{").partition("}")[0].removeprefix("http_").replace("_", "-")
