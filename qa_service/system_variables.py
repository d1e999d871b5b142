"""This module reads those of the system's usual variables that concern this service: the language of the terminal, and
the proxy on the way to a server."""

import os
from urllib.request import getproxies, proxy_bypass

from qa_service.model import Language
from qa_service.setting_values import read_proxy
from qa_service.settings import SettingsError


def upstream_proxy(host: str) -> str:
    """Return the address of the proxy that the system names for https to this host, or an empty text where it names
    none.

    Proxies for other schemes don't matter. Raises `SettingsError` for a proxy that isn't spoken to in plain HTTP.
    """
    named = {} if proxy_bypass(host) else getproxies()
    for variable in ("https", "all"):
        if address := named.get(variable):
            return _read_proxy(f"{variable.upper()}_PROXY", address)
    return ""


def terminal_language() -> Language:
    """Tell the language of whoever sits at the terminal, by the usual variables."""
    spoken = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "ko" if spoken.startswith("ko") else "en"


def _read_proxy(name: str, address: str) -> str:
    try:
        return read_proxy(address)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None
