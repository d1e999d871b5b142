"""Requests as the SDK writes them: its address, its credentials, its headers."""

from collections.abc import Mapping
from urllib.parse import quote

import httpx2
import msgspec
import openai

_OPTIONS: openai.RequestOptions = {"headers": {"Accept-Encoding": "identity"}}  # a compressed stream comes in lumps


class Requests:
    """Of one client, as they stand on the wire. The SDK's work on a request costs as much as all of ours, so what is
    asked for each answer is written once, for each body to follow: the client's credentials are those it has now."""

    def __init__(self, client: openai.OpenAI) -> None:
        self._client = client
        first = self._posted("/responses", {})
        del first.headers["Content-Length"]
        self._head = written(first).partition(b"\r\n\r\n")[0]

    def ask(self, body: Mapping[str, object]) -> bytes:
        """For an answer."""
        content = msgspec.json.encode(body)
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, len(content), content)

    def follow(self, response_id: str, after: int) -> bytes:
        """For the events of a response that upstream keeps, behind that number."""
        beyond = f"&starting_after={after}" if after >= 0 else ""
        path = f"/responses/{quote(response_id, safe='')}?stream=true{beyond}"
        return written(self._client.get(path, cast_to=httpx2.Response, options=_OPTIONS).request)

    def cancel(self, response_id: str) -> bytes:
        """For the end of such a response."""
        return written(self._posted(f"/responses/{quote(response_id, safe='')}/cancel"))

    def _posted(self, path: str, body: Mapping[str, object] | None = None) -> httpx2.Request:
        return self._client.post(path, cast_to=httpx2.Response, body=body, options=_OPTIONS).request


def written(request: httpx2.Request) -> bytes:
    """As it stands on the wire."""
    head = [b"%b: %b" % field for field in request.headers.raw]
    opening = b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)
    return b"\r\n".join([opening, *head, b"", request.read()])


class Unsent(httpx2.BaseTransport):
    """Lets the SDK write a request, and sends it nowhere."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(204)
