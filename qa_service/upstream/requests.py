"""This module writes requests of the Responses API as the SDK does, with its address, credentials and headers."""

from collections.abc import Mapping
from urllib.parse import quote

import httpx2
import msgspec
import openai

PATH = "/responses"
# Nothing is to be compressed, because the pieces of a compressed stream would come late and several at once.
_OPTIONS: openai.RequestOptions = {"headers": {"Accept-Encoding": "identity"}}


class SdkRequestWriter:
    """An `SdkRequestWriter` is a `RequestWriter` for one client of the SDK, which must be a client that sends nothing.

    What all questions have in common is written once, with the credentials that the client has when this is made. For
    each question only the body is new, which takes 1 µs instead of the 220 that the SDK takes for the whole.
    """

    def __init__(self, client: openai.OpenAI) -> None:
        self._client = client
        first = self._post(PATH, {})
        del first.headers["Content-Length"]
        self._head = request_bytes(first).partition(b"\r\n\r\n")[0]

    def write_question(self, parameters: Mapping[str, object]) -> bytes:
        content = msgspec.json.encode(parameters)
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, len(content), content)

    def write_follow(self, response_id: str, after: int) -> bytes:
        beyond = f"&starting_after={after}" if after >= 0 else ""
        path = f"{PATH}/{quote(response_id, safe='')}?stream=true{beyond}"
        return request_bytes(self._client.get(path, cast_to=httpx2.Response, options=_OPTIONS).request)

    def write_cancel(self, response_id: str) -> bytes:
        return request_bytes(self._post(f"{PATH}/{quote(response_id, safe='')}/cancel"))

    def _post(self, path: str, body: Mapping[str, object] | None = None) -> httpx2.Request:
        return self._client.post(path, cast_to=httpx2.Response, body=body, options=_OPTIONS).request


def request_bytes(request: httpx2.Request) -> bytes:
    """Return a request as the bytes that are sent."""
    head = [b"%b: %b" % field for field in request.headers.raw]
    opening = b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)
    return b"\r\n".join([opening, *head, b"", request.read()])


class Unsent(httpx2.BaseTransport):
    """An `Unsent` lets the SDK write a request, and sends it nowhere."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(204)
