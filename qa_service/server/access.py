"""gunicorn's access log, without what people asked and without the ids that open their conversations."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from gunicorn.glogging import Logger

IDS = re.compile(r"(?<=/)(sessions|answers|files)(/+)[^/]+", re.IGNORECASE)


def mask_ids(path: str) -> str:
    """Put `*` in place of each id in a path. `path` is as WSGI has it; what isn't visible ASCII comes out quoted, so
    that no path can break a line of the log."""
    return quote(IDS.sub(r"\1\2*", path).encode("latin-1", "replace"), safe="/*")


class AccessLogger(Logger):
    """Writes each request's path without ids. Whatever format an operator sets, it gets no more of the address, and
    nothing of the page that the request came from."""

    def atoms(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: Any) -> Any:
        """The values that a format can name."""
        path = mask_ids(environ["PATH_INFO"])
        shown = {**environ, "PATH_INFO": path, "RAW_URI": path, "QUERY_STRING": "", "HTTP_REFERER": "-"}
        return super().atoms(resp, req, shown, request_time)
