"""This module leaves the TLS handshake to the worker, because gevent would wait for it without a time limit."""

import ssl
from collections.abc import Callable
from typing import Any

from gevent.ssl import SSLSocket
from gunicorn.config import Config


class UnshakenSocket(SSLSocket):
    """An `UnshakenSocket` is a TLS socket that doesn't begin the handshake by itself."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "do_handshake_on_connect": False})


def ssl_context(config: Config, default_ssl_context_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Make the context that the other settings ask for, with our class of sockets. gunicorn calls its hook by this
    name."""
    context = default_ssl_context_factory()
    context.sslsocket_class = UnshakenSocket
    return context
