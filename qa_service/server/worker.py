"""gunicorn's gevent worker, which ends without losing answers and isn't held up by any single caller."""

import gc
import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, ClassVar, cast

import gevent
from gevent.socket import socket as gevent_socket
from greenlet import greenlet
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.sock import is_http2_negotiated
from gunicorn.workers.ggevent import GeventWorker

from qa_service.server.connection import Connection
from qa_service.server.master import most_idle
from qa_service.server.requests import BoundedRequest
from qa_service.server.turn import ReadingTurn
from qa_service.settings import Settings
from qa_service.web.serving import build_refusal, drain_answers, end_answers, watch_workers

HANDSHAKE_SECONDS = 10
LINGER_SECONDS = 2.0
"""How long a caller that still sends has to read its answer."""
LAST_SECONDS = 1
"""How long a worker that is to end still waits for a connection's next request."""
SWITCH_SECONDS = 0.1
BETWEEN_COLLECTIONS = 10_000


class AnswerWorker(GeventWorker):
    """The worker class. Whoever configures gunicorn derives a class from it that has `settings`.

    gunicorn's own worker tells nobody that it is about to end, at SIGTERM, at a reload or after so many requests: a
    browser's idle connection would hold it for a minute, and what is still being answered then would be lost.
    """

    settings: ClassVar[Settings]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._idle: dict[greenlet, gevent.Timeout] = {}
        self._drained: gevent.Greenlet[..., None] | None = None
        self._interrupted = False

    def handle(self, listener: gevent_socket, client: gevent_socket, addr: Any) -> None:
        """Serve one connection until it is closed.

        When too many connections are idle, the one that has been so for longest is closed: otherwise new questions, and
        health checks, would be accepted and then wait for as long as somebody keeps an idle connection open.
        """
        if len(self._idle) > most_idle(self.settings):
            self._close_idle(*next(iter(self._idle.items())))
        if isinstance(client, ssl.SSLSocket) and not self._shake_hands(client):
            return
        if not is_http2_negotiated(client):  # type: ignore[arg-type] # it takes any socket
            # For gunicorn it does all that a socket does.
            client = cast(gevent_socket, Connection(client, self._turn, self.settings.send_seconds))
        super().handle(listener, client, addr)

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:  # type: ignore[override] # the stubs say None, gunicorn enters what it gets
        """gunicorn enters it while it waits for a connection's next request and for all of its head."""
        with self._let_go_after(self.cfg.keepalive if self.alive else LAST_SECONDS):
            yield

    def handle_request(self, listener_name: Any, req: Request, sock: gevent_socket, addr: Any) -> bool:
        """Answer one request; raises StopIteration when it was the connection's last."""
        request, connection = cast(BoundedRequest, req), cast(Connection, sock)
        try:
            super().handle_request(listener_name, req, sock, addr)
        except StopIteration:
            if request.unread_bytes():
                self._linger(connection)
            raise
        connection.end_request(more=request.unreader.buf.getbuffer().nbytes > 0)
        return True

    def handle_error(self, req: Request | None, client: Any, addr: Any, exc: BaseException) -> None:
        """Refuse in our shape a request that never came to the app, or that broke before the answer's first byte.

        Nothing of the request is logged: a line that can't be read may hold a question, or a key.
        """
        with suppress(OSError):
            if isinstance(exc, LimitRequestLine | LimitRequestHeaders):  # 414 and 431, which quote nothing
                super().handle_error(req, client, addr, exc)
            else:
                unreadable = isinstance(exc, ParseException)
                what = "can't be read" if unreadable else "broke"
                self.log.error("a request %s: %s", what, type(exc).__name__, exc_info=not unreadable)
                client.sendall(build_refusal(unreadable=unreadable))
        if isinstance(client, Connection):
            self._linger(client)

    def notify(self) -> None:
        """Called every second. Once this worker is to end, answers may run on and idle connections are closed."""
        super().notify()
        if not self.alive and not self._drained:
            self._drained = gevent.spawn(drain_answers, self.wsgi, self.settings.drain_seconds)
            for waiting, patience in list(self._idle.items()):
                self._close_idle(waiting, patience)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: the worker is to end."""
        super().handle_exit(sig, frame)
        gevent.spawn(self.notify)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C: keep what has been answered so far, tell the readers, and end at once.

        The terminal tells the workers, and then the master tells them again: the second time changes nothing.
        """
        if not self._interrupted:
            self._interrupted = True
            gevent.spawn(self._end_at_once)

    def _end_at_once(self) -> None:
        self.cfg.worker_int(self)
        end_answers(getattr(self, "wsgi", None))  # it may still be starting
        os._exit(0)

    def run(self) -> None:
        """Serve; then, when the last reader has left, stay until the answers are finished or handed over."""
        self._turn = ReadingTurn()
        RequestParser.mesg_class = BoundedRequest  # gunicorn's parser asks its class for the class of requests
        watch_workers(self.wsgi)
        spare_streams()
        super().run()
        self.notify()
        if self._drained:
            self._drained.join()

    def _shake_hands(self, client: ssl.SSLSocket) -> bool:
        done = False
        with suppress(OSError), self._let_go_after(HANDSHAKE_SECONDS):
            client.do_handshake()
            done = True
        return done

    def _linger(self, connection: Connection) -> None:
        with self._let_go_after(LINGER_SECONDS):
            connection.linger(LINGER_SECONDS)

    @contextmanager
    def _let_go_after(self, seconds: float) -> Iterator[None]:
        """Bound what is done inside: it ends silently after so many seconds, or when the connection must make room."""
        waiting = gevent.getcurrent()
        patience = gevent.Timeout(seconds, exception=False)  # type: ignore[arg-type] # False raises nothing
        self._idle[waiting] = patience
        try:
            with patience:
                yield
        finally:
            del self._idle[waiting]

    def _close_idle(self, waiting: greenlet, patience: gevent.Timeout) -> None:
        """End a connection's wait, unless a request has come by the time it would be told: that one is answered."""

        def tell() -> None:
            if self._idle.get(waiting) is patience:
                waiting.throw(patience)

        gevent.get_hub().loop.run_callback(tell)


def spare_streams() -> None:
    """Spare the streams of this worker what would stall them."""
    # A collection that looks through all that was imported stalls every stream for about a hundred milliseconds; what
    # is frozen is looked through no more. Other collections needn't come after every few hundred frames.
    gc.collect()
    gc.freeze()
    gc.set_threshold(BETWEEN_COLLECTIONS)
    # For so long gevent runs greenlets that are ready before it looks at its connections again. With Python's own five
    # milliseconds a worker held 430 streams of fifty deltas a second, with these it holds 800.
    sys.setswitchinterval(SWITCH_SECONDS)
