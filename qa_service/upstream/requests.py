"""Requests as the SDK writes them: its address, its credentials, its headers."""

from collections.abc import Mapping
from urllib.parse import quote

import httpx2
import msgspec
import openai

_OPTIONS: openai.RequestOptions = {"headers": {"Accept-Encoding": "identity"}}  # a compressed stream comes in lumps


class Requests:
    """Of one client. The SDK's work on a request costs as much as all of ours, so what is asked for each answer is
    written once and copied for each body: the client's credentials are those it has now."""

    def __init__(self, client: openai.OpenAI) -> None:
        self._client = client.with_options(http_client=httpx2.Client(transport=_Unsent()), max_retries=0)
        self._first = self._posted("/responses", {})
        del self._first.headers["Content-Length"]

    def ask(self, body: Mapping[str, object]) -> httpx2.Request:
        """For an answer."""
        first = self._first
        return httpx2.Request(first.method, first.url, headers=first.headers, content=msgspec.json.encode(body))

    def follow(self, response_id: str, after: int) -> httpx2.Request:
        """For the events of a response that upstream keeps, behind that number."""
        beyond = f"&starting_after={after}" if after >= 0 else ""
        path = f"/responses/{quote(response_id, safe='')}?stream=true{beyond}"
        return self._client.get(path, cast_to=httpx2.Response, options=_OPTIONS).request

    def cancel(self, response_id: str) -> httpx2.Request:
        """For the end of such a response."""
        return self._posted(f"/responses/{quote(response_id, safe='')}/cancel")

    def _posted(self, path: str, body: Mapping[str, object] | None = None) -> httpx2.Request:
        return self._client.post(path, cast_to=httpx2.Response, body=body, options=_OPTIONS).request


class _Unsent(httpx2.BaseTransport):
    """Lets the SDK write a request, and sends it nowhere."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(204)
