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
"""A caller that still sends has so many seconds to read its answer."""
LAST_SECONDS = 1
"""A worker that is to end waits so many seconds for a connection's next request."""
SWITCH_SECONDS = 0.1
BETWEEN_COLLECTIONS = 10_000


class AnswerWorker(GeventWorker):
    """The worker class. Whoever configures gunicorn derives a class from it that has `settings`.

    At SIGTERM, at a reload or at `max_requests`, gunicorn's own worker would wait up to a minute for a browser's idle
    connection, and would lose whatever is still being answered after that.
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
            # It does all that gunicorn needs of a socket.
            client = cast(gevent_socket, Connection(client, self._turn, self.settings.send_seconds))
        super().handle(listener, client, addr)

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:  # type: ignore[override] # the stubs say None, gunicorn enters what it gets
        """Limit a wait for a request. gunicorn enters this while it waits for the next request and for all of its
        head."""
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
        """Refuse with a problem (RFC 9457) a request that never came to the app, or that broke before its answer began.

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
        """gunicorn calls this every second. When the worker is to end, it begins to drain its answers, and closes idle
        connections."""
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

        The terminal signals the workers, and then the master signals them again, which changes nothing.
        """
        if not self._interrupted:
            self._interrupted = True
            gevent.spawn(self._end_at_once)

    def _end_at_once(self) -> None:
        self.cfg.worker_int(self)
        end_answers(getattr(self, "wsgi", None))  # it may still be starting
        os._exit(0)

    def run(self) -> None:
        """Serve until the worker is to end, and then stay until its answers are finished or handed over."""
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
        """Bound the block inside. It ends silently after so many seconds, or when its connection must make room."""
        waiting = gevent.getcurrent()
        patience = gevent.Timeout(seconds, exception=False)  # type: ignore[arg-type] # False raises nothing
        self._idle[waiting] = patience
        try:
            with patience:
                yield
        finally:
            del self._idle[waiting]

    def _close_idle(self, waiting: greenlet, patience: gevent.Timeout) -> None:
        """End a connection's wait. If a request has come by then, it is answered instead."""

        def tell() -> None:
            if self._idle.get(waiting) is patience:
                waiting.throw(patience)

        gevent.get_hub().loop.run_callback(tell)


def spare_streams() -> None:
    """Avoid what would stall the streams of this worker."""
    # A garbage collection that looks through all that was imported stalls every stream for about 100 ms. Frozen objects
    # are left out of it. The other collections needn't come after every few hundred frames.
    gc.collect()
    gc.freeze()
    gc.set_threshold(BETWEEN_COLLECTIONS)
    # gevent runs greenlets that are ready for so long before it looks at its connections again. With Python's own 5 ms
    # a worker held 430 streams of 50 deltas a second, and with this value it holds 800.
    sys.setswitchinterval(SWITCH_SECONDS)
