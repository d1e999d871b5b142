"""This module writes gunicorn's access log without people's questions, and without the ids of their conversations."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from gunicorn.glogging import Logger

IDS = re.compile(r"(?<=/)(sessions|answers|files)(/+)[^/]+", re.IGNORECASE)


def mask_ids(path: str) -> str:
    """Replace each id in a path by `*`. `path` is a path as WSGI gives it. Characters that aren't visible ASCII are
    quoted in the result, so that no path can begin a new line of the log."""
    return quote(IDS.sub(r"\1\2*", path).encode("latin-1", "replace"), safe="/*")


class AccessLogger(Logger):
    """An `AccessLogger` logs each request's path without ids. Whatever format an operator sets, the log has neither the
    query of the address nor the page that the request came from."""

    def atoms(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: Any) -> Any:
        """Return the values that a format can name."""
        path = mask_ids(environ["PATH_INFO"])
        shown = {**environ, "PATH_INFO": path, "RAW_URI": path, "QUERY_STRING": "", "HTTP_REFERER": "-"}
        return super().atoms(resp, req, shown, request_time)
