"""This module refuses to listen where anybody could ask. It imports little, because the command line waits for it."""

import sys
from collections.abc import Iterable

from qa_service.settings import Settings
from qa_service.web.networks import is_loopback


def refuse_open_server(settings: Settings, hosts: Iterable[str]) -> None:
    """Exit, naming the settings, if one of `hosts` is reachable from elsewhere and callers can't be told apart."""
    if settings.api_keys or settings.allow_anonymous:
        return
    for host in hosts:
        if host != "localhost" and not is_loopback(host):
            sys.exit(
                f"qa-service: not listening on {host}, because anybody could ask there: set QA_API_KEYS to "
                "name:secret, or QA_ALLOW_ANONYMOUS=on if that is meant; HOST=127.0.0.1 serves this machine alone"
            )
