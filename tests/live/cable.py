"""This module has a cable between clients and a service, for a test to pull."""

import socket
import threading
from contextlib import suppress
from typing import Self

from tests.live.processes import free_port

GULP = 1 << 16


class Cable:
    """A `Cable` hands on what comes. It is used in a `with`."""

    def __init__(self, backend: int) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._backend = backend
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self._open: set[socket.socket] = set()
        self._last: set[socket.socket] = set()
        self._dead: set[socket.socket] = set()
        self._plugged = True

    def cut(self) -> None:
        """Break every connection. New ones are welcome."""
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Break each new connection at once. Those that are open stay."""
        self._plugged = False

    def pull(self) -> None:
        """Break every connection, and each new one at once."""
        self.refuse()
        self.cut()

    def plug(self) -> None:
        """Take new connections again, as before `refuse` or `pull`."""
        self._plugged = True

    def hang(self) -> None:
        """Hand on nothing more over the connection that spoke last, and tell nobody."""
        self._dead |= self._last

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def hear(self, piece: bytes) -> None:
        """Whatever a client says passes here."""

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._plugged:
                    threading.Thread(target=self._join, args=(client,), daemon=True).start()
                else:
                    client.close()

    def _join(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._backend)) as service:
            self._open |= {client, service}
            back = threading.Thread(target=self._hand_on, args=(service, client), daemon=True)
            back.start()
            self._hand_on(client, service)
            back.join()
            self._open -= {client, service}

    def _hand_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(GULP):
                if source in self._dead:
                    continue
                if source.getsockname()[1] == self.port:
                    self.hear(piece)
                self._last = {source, sink}
                sink.sendall(piece)
        self.close_way(source, sink)

    def close_way(self, source: socket.socket, sink: socket.socket) -> None:
        """End both directions, since nothing comes any more from one end, or the other one takes nothing any more."""
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
