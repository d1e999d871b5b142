"""This module has what browsers say of the page that a request comes from: pages of other sites, and a site's own."""

import http.client
import json
from contextlib import closing
from urllib.parse import urlsplit

from tests.live.reading import own_id

ADDRESS = "/api/ask?question=hi"
FOREIGN = [
    ("POST", {"Origin": "https://evil.example"}),
    ("POST", {"Origin": "null"}),
    ("POST", {"Origin": "http://site.example.evil.example"}),
    ("POST", {"Sec-Fetch-Site": "cross-site"}),
    ("POST", {"Sec-Fetch-Site": "same-site"}),
    ("POST", {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"}),
    ("GET", {"Sec-Fetch-Site": "cross-site"}),
    ("GET", {"Sec-Fetch-Site": "same-site"}),
    ("GET", {"Origin": "https://evil.example"}),
    ("GET", {}),
]
OWN = [
    ("POST", {"Origin": "{own}"}),
    ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": "{own}"}),
    ("POST", {}),
    ("GET", {"Sec-Fetch-Site": "same-origin"}),
]


def ask_from(
    url: str,
    method: str,
    headers: dict[str, str],
    *,
    prefix: str = "/api",
    connection: http.client.HTTPConnection | None = None,
    **more: str,
) -> int:
    """Ask one question as a browser would, with what it says of the page and more headers. Return the status."""
    sent = {**{name: value.format(own=url) for name, value in headers.items()}, **more}
    body, path = None, f"{prefix}/ask?question=hi&stream=false"
    if method == "POST":
        body, path = json.dumps({"question": "hi", "sessionId": own_id(), "stream": False}).encode(), f"{prefix}/ask"
        sent = {"Content-Type": "text/plain", **sent}
    way = connection or http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    with closing(way):
        way.request(method, path, body, sent)
        return way.getresponse().status
