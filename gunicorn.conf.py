"""How gunicorn serves the app: gevent workers, long streams, and no surprises.

The standard library is patched before anything of ours or Flask's is imported: the package itself never patches.
"""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from contextlib import contextmanager  # noqa: E402

import gevent  # noqa: E402
from gunicorn.workers.ggevent import GeventWorker  # noqa: E402

from qa_service.settings import SettingsError, from_environment  # noqa: E402
from qa_service.web.serving import end_answers, log_to_terminal, refuse_open_server  # noqa: E402

try:
    settings = from_environment()
except SettingsError as error:
    sys.exit(str(error))


class Worker(GeventWorker):
    """gunicorn's worker, which tells nobody of SIGTERM: a browser's idle connection would hold it for a minute, and
    what is still being answered then would be lost."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.waiting = {}

    @contextmanager
    def timeout_ctx(self):
        """Around the wait for a connection's next request."""
        here, patience = gevent.getcurrent(), gevent.Timeout(self.cfg.keepalive if self.alive else 0, exception=False)
        self.waiting[here] = patience
        try:
            with patience:
                yield
        finally:
            del self.waiting[here]

    def handle_exit(self, sig, frame):
        """SIGTERM. Answers may run on, those who ask nothing are let go."""
        super().handle_exit(sig, frame)
        gevent.spawn(self.drain)

    def drain(self):
        """At the end, whatever still runs is ended in time to be kept."""
        for connection, patience in list(self.waiting.items()):
            connection.kill(patience, block=False)
        gevent.sleep(settings.drain_seconds)
        end_answers(self.wsgi)


log_to_terminal()

host = f"[{settings.host}]" if ":" in settings.host and not settings.host.startswith("[") else settings.host
bind = [f"{host}:{settings.port}"]
worker_class = Worker
workers = settings.workers
# Beyond this a connection would be accepted and then hang, health checks too; what we refuse stays well below.
worker_connections = settings.max_answers + 500
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
# A second instance would take the first one's path, and nothing here uses it.
control_socket_disable = True
# The file a worker touches to say that it lives: on a busy disk the touch itself would block.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn unlinks it at once


def on_starting(server):
    """Refuse to listen beyond this machine to callers nobody can tell apart; the command line may say where, too."""
    refuse_open_server(settings, [address[0] for address in server.cfg.address if isinstance(address, tuple)])


def post_worker_init(worker):
    """What was imported stays: looking through it for garbage would stall every stream for milliseconds."""
    gc.collect()
    gc.freeze()


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
