"""This module makes clients of the SDK. They know where a server is and which credential it takes, and send nothing."""

from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl

import httpx2
import openai

from qa_service.settings import SettingsError
from qa_service.upstream.requests import Unsent

Replaced: TypeAlias = Mapping[str, str | None]
"""These headers replace those of the SDK. None stands for a header that isn't sent."""

# The SDK sends these headers where its own environment variables are set, and only OpenAI has a use for them.
_NO_ACCOUNT: Replaced = {"OpenAI-Organization": None, "OpenAI-Project": None}
_NO_KEY = "none"
"""The SDK makes no client without a key. This one isn't sent."""
_AZURE = (".azure.com", ".azure.us", ".azure.cn")


def openai_client(*, api_key: str, base_url: str = "", organization: str = "", project: str = "") -> openai.OpenAI:
    """Make the client of OpenAI's own API, or of the same API elsewhere.

    A query in `base_url`, such as Azure's `?api-version=preview`, becomes part of every request. Raises
    `SettingsError` for a text that can't be an address.
    """
    try:
        return _make_client(api_key, base_url, {}, organization=organization, project=project)
    except httpx2.InvalidURL:  # The rules of today don't allow some names, such as those with an emoji.
        raise SettingsError("OPENAI_BASE_URL: expected a host whose name can be looked up") from None


def compatible_client(*, api_key: str, base_url: str) -> openai.OpenAI:
    """Make the client of a server that speaks Chat Completions. Where there is no key, none is sent.

    The rest is as `openai_client` says.
    """
    try:
        return _make_client(api_key, base_url, _NO_ACCOUNT)
    except httpx2.InvalidURL:
        raise SettingsError("QA_CHAT_BASE_URL: expected a host whose name can be looked up") from None


def _make_client(
    api_key: str, base_url: str, replaced: Replaced, *, organization: str = "", project: str = ""
) -> openai.OpenAI:
    address, _, query = base_url.partition("?")
    headers = {**replaced, **_key_headers(api_key, httpx2.URL(base_url))}
    return openai.OpenAI(
        api_key=api_key or _NO_KEY,
        base_url=address or None,
        default_query=dict(parse_qsl(query, keep_blank_values=True)),
        organization=organization or None,
        project=project or None,
        max_retries=0,
        http_client=httpx2.Client(transport=Unsent(headers)),
    )


def _key_headers(api_key: str, address: httpx2.URL) -> Replaced:
    """Return the headers that show a key, where the SDK's `Authorization: Bearer` isn't right.

    Azure OpenAI takes its keys in a header of its own, and takes a Bearer for another kind of credential. It is
    recognized by its domain, or by the version in the query, because it may stand behind a site's gateway.
    """
    if not api_key:
        return {"Authorization": None}
    if address.host.endswith(_AZURE) or "api-version" in address.params:
        return {"Authorization": None, "api-key": api_key}
    return {}
