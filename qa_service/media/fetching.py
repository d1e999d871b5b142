"""This module fetches one JSON object from a search service, within a time."""

import re
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

import msgspec
from msgspec import Struct

from qa_service.errors import SearchFailed

SEARCH_SECONDS = 5.0
"""A search service may take this many seconds."""
MOST_FETCHED = 1 << 20
_READ = 1 << 16
_REASON = re.compile(r"[A-Za-z]{1,60}")

T = TypeVar("T")


class _Cause(Struct, frozen=True):
    reason: str = ""


class _Report(Struct, frozen=True):
    errors: tuple[_Cause, ...] = ()


class _Refusal(Struct, frozen=True):
    """This is how Google's services say why they refuse."""

    error: _Report = _Report()


def fetch_object(address: str, parameters: Mapping[str, str], kind: type[T], *, seconds: float) -> T:
    """Fetch an object. Raises `SearchFailed`, whose message tells nothing of the parameters, since a key is one of
    them."""
    until = monotonic() + seconds
    try:
        request = Request(f"{address}?{urlencode(parameters)}")  # noqa: S310 - the address is a constant of ours
        with _build_opener().open(request, timeout=seconds) as response:
            body = _read_body(response, until)
    except HTTPError as refusal:
        with refusal:
            raise SearchFailed(f"it answered {refusal.code} {_read_reason(refusal, until)}".rstrip()) from None
    except (OSError, HTTPException) as error:
        raise SearchFailed(f"the connection failed ({type(error).__name__})") from None
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SearchFailed("its answer can't be read") from error


def _build_opener() -> OpenerDirector:
    """Make an opener that follows no redirect, since one may lead to an address within the site's own network. The
    search services don't redirect."""
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler(), HTTPErrorProcessor(), HTTPDefaultErrorHandler()):
        opener.add_handler(handler)
    return opener


def _read_body(response: HTTPResponse | HTTPError, until: float) -> bytes:
    body = bytearray()
    while piece := response.read1(_READ):
        body += piece
        if len(body) > MOST_FETCHED or monotonic() > until:
            raise SearchFailed("its answer is too long or takes too long")
    return bytes(body)


def _read_reason(refusal: HTTPError, until: float) -> str:
    """Return the word by which the service says why it refuses, such as `quotaExceeded`."""
    try:
        report = msgspec.json.decode(_read_body(refusal, until), type=_Refusal).error
    except (OSError, HTTPException, msgspec.DecodeError, UnicodeDecodeError, SearchFailed):
        return ""
    return next((cause.reason for cause in report.errors if _REASON.fullmatch(cause.reason)), "")
