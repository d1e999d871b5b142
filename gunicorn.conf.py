"""How gunicorn serves the app: gevent workers, long streams, and no surprises.

The standard library is patched before anything of ours or Flask's is imported: the package itself never patches.
"""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import secrets  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from contextlib import contextmanager, suppress  # noqa: E402

import gevent  # noqa: E402
import gevent.socket  # noqa: E402
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException  # noqa: E402
from gunicorn.workers.ggevent import GeventWorker  # noqa: E402

# Where writing never waits for a disk.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - what lies there is unlinked or private
# Where the workers count; the first one makes it. The library wants it named before it is imported. A reload finds
# the name here, and a new master that takes over the sockets inherits it.
FIGURES = f"{MEMORY or tempfile.gettempdir()}/qa-metrics-"
if not os.environ.get("PROMETHEUS_MULTIPROC_DIR", "").startswith(FIGURES):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = FIGURES + secrets.token_hex(8)
figures = os.environ["PROMETHEUS_MULTIPROC_DIR"]

from qa_service.metrics import bury  # noqa: E402
from qa_service.settings import SettingsError, from_environment  # noqa: E402
from qa_service.web.serving import drain, end_answers, log_to_terminal, refuse_open_server, refused, wake  # noqa: E402

try:
    settings = from_environment()
except SettingsError as error:
    sys.exit(str(error))


# Connections that wait for their next request, at most.
IDLE = settings.max_answers + 500


class Connection(gevent.socket.socket):
    """A caller's. What is sent nearly always fits at once: not to ask for the buffer's size first saves each delta two
    microseconds of fifty."""

    __slots__ = ()

    def sendall(self, content, flags=0):
        sent = self.send(content, flags)
        if sent < len(content):
            super().sendall(memoryview(content)[sent:], flags)


class Worker(GeventWorker):
    """gunicorn's worker, which tells nobody that it is about to end, at SIGTERM, a reload or after so many requests: a
    browser's idle connection would hold it for a minute, and what is still being answered then would be lost."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.waiting = {}
        self.drained = None

    @contextmanager
    def timeout_ctx(self):
        """Around the wait for a connection's next request."""
        here, patience = gevent.getcurrent(), gevent.Timeout(self.cfg.keepalive if self.alive else 1, exception=False)
        self.waiting[here] = patience
        try:
            with patience:
                yield
        finally:
            del self.waiting[here]

    def let_go(self, connection, patience):
        """End its wait, unless a request has come by the time it would be told: that one is answered."""

        def tell():
            if self.waiting.get(connection) is patience:
                connection.throw(patience)

        gevent.get_hub().loop.run_callback(tell)

    def handle(self, listener, client, address):
        """Beyond what we answer, whoever is connected without asking anything makes room: else new questions, and
        health checks, would be accepted and then wait for as long as somebody keeps an idle connection open."""
        if len(self.waiting) > IDLE:
            self.let_go(*next(iter(self.waiting.items())))
        if type(client) is gevent.socket.socket:  # none that speaks TLS
            client.__class__ = Connection
        super().handle(listener, client, address)

    def handle_error(self, request, client, address, error):
        """Refuse in our shape what never came to the app, or broke before its first byte. Nothing of it is logged: a
        line that can't be read may hold a question, or a key."""
        if isinstance(error, LimitRequestLine | LimitRequestHeaders):  # 414 and 431, which quote nothing
            super().handle_error(request, client, address, error)
            return
        unreadable = isinstance(error, ParseException)
        what = "can't be read" if unreadable else "broke"
        self.log.error("a request %s: %s", what, type(error).__name__, exc_info=not unreadable)
        with suppress(OSError):
            client.sendall(refused(unreadable=unreadable))

    def notify(self):
        """Called every second. Once this worker is to end, answers may run on and those who ask nothing are let go."""
        super().notify()
        if not self.alive and not self.drained:
            self.drained = gevent.spawn(drain, self.wsgi, settings.drain_seconds)
            for connection, patience in list(self.waiting.items()):
                self.let_go(connection, patience)

    def handle_exit(self, sig, frame):
        """SIGTERM."""
        super().handle_exit(sig, frame)
        gevent.spawn(self.notify)

    def run(self):
        """Serve; then, when the last reader has left, stay until the answers are finished or handed over."""
        super().run()
        self.notify()
        if self.drained:
            self.drained.join()


log_to_terminal()

host = f"[{settings.host}]" if ":" in settings.host and not settings.host.startswith("[") else settings.host
bind = [f"{host}:{settings.port}"]
worker_class = Worker
workers = settings.workers
# Beyond this a connection would be accepted and then hang, health checks too; what we refuse stays well below: answers
# have a place each, other readers two, and idle connections are closed for who comes.
worker_connections = 3 * settings.max_answers + IDLE + 500
# Longer than proxies keep theirs, or they would send a question down a line that is just closing. It is also the
# deadline for a request's head.
keepalive = 75
# A worker says every second that it lives, so that a stream is no hang; only one that is stuck is killed.
timeout = 60
# Then gunicorn kills what is left; whoever stops us must wait a little longer still.
graceful_timeout = int(settings.drain_seconds) + 5
# A question in the address of a GET: 880 Korean characters are 7,920 bytes of it. It is also as much as nginx takes.
limit_request_line = 8190
# Only QA_TRUSTED_PROXIES says whom to believe; by default gunicorn believes everybody on this machine.
forwarded_allow_ips = ""
# For who wants an access log: the path, never what was asked.
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(b)s'
# A second instance would take the first one's path, and nothing here uses it.
control_socket_disable = True
# The file a worker touches to say that it lives: on a busy disk the touch itself would block.
worker_tmp_dir = MEMORY


def on_starting(server):
    """Refuse to listen beyond this machine to callers nobody can tell apart, and to stop sooner than answers may end;
    the command line may say where and how soon, too."""
    refuse_open_server(settings, [address[0] for address in server.cfg.address if isinstance(address, tuple)])
    if server.cfg.graceful_timeout <= settings.drain_seconds:
        sys.exit(
            f"graceful_timeout: expected more than QA_DRAIN_SECONDS, {settings.drain_seconds:g} s, "
            "or answers would be killed before they are handed over"
        )
    raise_file_limit()


def raise_file_limit():
    """A reader and upstream are a file each, and the system's default is often 1,024."""
    wanted = 2 * worker_connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def child_exit(server, worker):
    """However a worker ended, what it counted stays counted."""
    bury(figures, worker.pid)


def on_exit(server):
    """The last master takes the figures with it."""
    if not (server.reexec_pid or server.master_pid):
        shutil.rmtree(figures, ignore_errors=True)


def post_worker_init(worker):
    """Watch over other workers from now on.

    What was imported stays: looking through it for garbage would stall every stream for milliseconds, and so would
    looking after each few hundred frames.
    """
    wake(worker.wsgi)
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    # After this long gevent leaves what is ready to run and looks at all sockets again: with the five milliseconds
    # that Python begins with, readers and new questions of a busy worker would wait for upstream, over and over.
    sys.setswitchinterval(0.1)


def worker_int(worker):
    """At Ctrl-C, keep what has been answered so far, tell the readers, and end.

    Right here: the terminal tells the workers and then the master tells them again, which gunicorn's own exit answers
    with a traceback. The second word changes nothing: the first is saying goodbye.
    """
    if getattr(worker, "leaving", False):
        return
    worker.leaving = True
    end_answers(getattr(worker, "wsgi", None))
    os._exit(0)
