"""This module extends gunicorn's gevent worker. It ends without losing answers, and no single caller holds it up."""

import gc
import os
import signal
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
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
from qa_service.web.serving import NOT_STARTED, build_refusal, drain_answers, end_answers, watch_workers

HANDSHAKE_SECONDS = 10
LINGER_SECONDS = 2.0
"""A caller that still sends its request has this many seconds to read the answer before the connection is closed."""
_LAST_SECONDS = 1
"""A worker that is to end waits this many seconds for a connection's next request."""
SWITCH_SECONDS = 0.1
BETWEEN_COLLECTIONS = 10_000


class AnswerWorker(GeventWorker):
    """An `AnswerWorker` is the worker class. gunicorn's configuration derives a class from it that has `settings`.

    At SIGTERM, at a reload and at `max_requests`, gunicorn's own worker would wait up to a minute for a browser's idle
    connection, and would lose the answers that are still running after that.
    """

    settings: ClassVar[Settings]
    missed_signals: SimpleQueue[int] | None = None
    """Until a worker has handlers of its own, the one that it inherits from the master puts its signals in here."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._idle: dict[greenlet, gevent.Timeout] = {}
        self._drained: gevent.Greenlet[..., None] | None = None
        self._interrupted = False

    def init_signals(self) -> None:
        """Set the handlers, and handle a signal to end that came before. gunicorn loses it, and would wait for a minute
        for a worker that was told to end while it started."""
        super().init_signals()
        while self.missed_signals and not self.missed_signals.empty():
            number = self.missed_signals.get_nowait()
            if number in (signal.SIGTERM, signal.SIGQUIT):
                os.kill(os.getpid(), number)

    def load_wsgi(self) -> None:
        """Load the app. Where the site's code exits instead, such as by `sys.exit("Set SITE_SECRET")`, the worker ends
        with a status after which gunicorn starts no other one. Another one would end at once in the same way."""
        try:
            super().load_wsgi()
        except SystemExit as end:
            if isinstance(end.code, str):
                self.log.error("%s", end.code)  # noqa: TRY400 - the sentence is the reason
            sys.exit(NOT_STARTED)

    def handle(self, listener: gevent_socket, client: gevent_socket, addr: Any) -> None:
        """Serve one connection until it is closed.

        When too many connections are idle, the one that has been idle for longest is closed. Otherwise new questions
        and health checks would be accepted, and would then wait for as long as others keep their idle connections open.
        """
        if len(self._idle) > most_idle(self.settings):
            self._close_idle(*next(iter(self._idle.items())))
        if isinstance(client, ssl.SSLSocket) and not self._shake_hands(client):
            return
        if not is_http2_negotiated(client):  # type: ignore[arg-type] # It takes any socket.
            # A `Connection` can do all that gunicorn needs of a socket.
            client = cast(gevent_socket, Connection(client, self._turn, self.settings.send_seconds))
        super().handle(listener, client, addr)

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:  # type: ignore[override] # The stubs are wrong: gunicorn enters the result.
        """Limit the wait for a request. gunicorn enters this context until all headers of the next request have
        come."""
        with self._let_go_after(self.cfg.keepalive if self.alive else _LAST_SECONDS):
            yield

    def handle_request(self, listener_name: Any, req: Request, sock: gevent_socket, addr: Any) -> bool:
        """Answer one request. Raises `StopIteration` when it was the connection's last one."""
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
        """Refuse a request that never came to the app, or that broke before its answer began. The response is a problem
        document (RFC 9457), except for headers or a request line that are too long.

        Nothing of the request is logged, because a line that can't be read may have a question or a key in it.
        """
        with suppress(OSError):
            if isinstance(exc, LimitRequestLine | LimitRequestHeaders):  # Gunicorn answers 414 or 431.
                super().handle_error(req, client, addr, exc)
            else:
                unreadable = isinstance(exc, ParseException)
                what = "can't be read" if unreadable else "broke"
                self.log.error("a request %s: %s", what, type(exc).__name__, exc_info=not unreadable)
                client.sendall(build_refusal(unreadable=unreadable))
        if isinstance(client, Connection):
            self._linger(client)

    def notify(self) -> None:
        """Report that the worker lives, as gunicorn does every second. When the worker is to end, this begins to drain
        its answers, and closes idle connections."""
        super().notify()
        if not self.alive and not self._drained:
            self._drained = gevent.spawn(drain_answers, self.wsgi, self.settings.drain_seconds)
            for waiting, patience in list(self._idle.items()):
                self._close_idle(waiting, patience)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle SIGTERM, at which the worker is to end: drain at once, and not only at the next second."""
        super().handle_exit(sig, frame)
        gevent.spawn(self.notify)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Handle Ctrl-C (SIGINT, SIGQUIT): save what has been answered so far, tell the readers, and end at once.

        The terminal signals the workers, and then the master signals them again. The second signal changes nothing.
        """
        if not self._interrupted:
            self._interrupted = True
            gevent.spawn(self._end_at_once)

    def _end_at_once(self) -> None:
        self.cfg.worker_int(self)
        end_answers(getattr(self, "wsgi", None))  # The app is missing while the worker is still starting.
        os._exit(0)

    def run(self) -> None:
        """Serve until the worker is to end, and then stay until its answers are finished or handed over."""
        self._turn = ReadingTurn()
        RequestParser.mesg_class = BoundedRequest  # Gunicorn's parser takes the class of requests from here.
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
        """Bound the time of the block inside. The block ends without an error after this many seconds, or when its
        connection must make room."""
        waiting = gevent.getcurrent()
        patience = gevent.Timeout(seconds, exception=False)  # type: ignore[arg-type] # With False nothing is raised.
        self._idle[waiting] = patience
        try:
            with patience:
                yield
        finally:
            del self._idle[waiting]

    def _close_idle(self, waiting: greenlet, patience: gevent.Timeout) -> None:
        """End a connection's wait, which closes the connection. If a request comes just before that, it is answered
        instead."""

        def tell() -> None:
            if self._idle.get(waiting) is patience:
                waiting.throw(patience)

        gevent.get_hub().loop.run_callback(tell)


def spare_streams() -> None:
    """Adjust the garbage collector and gevent to many streams in one worker."""
    # A garbage collection of everything that was imported stalls every stream for about 100 ms, so these objects are
    # frozen, which leaves them out. The other collections needn't come after every few hundred frames, so they are made
    # rarer.
    gc.collect()
    gc.freeze()
    gc.set_threshold(BETWEEN_COLLECTIONS)
    # gevent runs greenlets that are ready for this time before it looks at its connections again. With Python's default
    # of 5 ms a worker can serve 430 streams of 50 deltas a second, and with this value it can serve 800.
    sys.setswitchinterval(SWITCH_SECONDS)
