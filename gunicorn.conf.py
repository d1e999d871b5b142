"""How gunicorn serves the app; what it does beyond gunicorn's own is in `qa_service/server`.

The standard library is patched before anything of ours or Flask's is imported: the package itself never patches.
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import secrets  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402

# A folder where writing never waits for a disk, if there is one.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - what lies there is unlinked or private
# The workers count their figures in this folder, and the first one makes it. The library that does it reads the name
# when it is imported. A reload finds the name here, and a new master that takes over the sockets inherits it.
FIGURES = f"{MEMORY or tempfile.gettempdir()}/qa-metrics-"
if not os.environ.get("PROMETHEUS_MULTIPROC_DIR", "").startswith(FIGURES):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = FIGURES + secrets.token_hex(8)
figures = os.environ["PROMETHEUS_MULTIPROC_DIR"]

from qa_service.metrics import bury  # noqa: E402
from qa_service.server.access import AccessLogger  # noqa: E402
from qa_service.server.master import check_configuration, most_connections, raise_file_limit  # noqa: E402
from qa_service.server.tls import ssl_context  # noqa: E402, F401 - gunicorn's hook, for who sets a certificate
from qa_service.server.worker import AnswerWorker  # noqa: E402
from qa_service.settings import SettingsError, from_environment  # noqa: E402
from qa_service.web.serving import log_to_terminal  # noqa: E402

try:
    settings = from_environment()
except SettingsError as error:
    sys.exit(str(error))


class Worker(AnswerWorker):
    """The worker class with this server's settings."""

    settings = settings


log_to_terminal()

host = f"[{settings.host}]" if ":" in settings.host and not settings.host.startswith("[") else settings.host
bind = [f"{host}:{settings.port}"]
worker_class = Worker
workers = settings.workers
worker_connections = most_connections(settings)
# Proxies keep their connections for less, or they would send a question down a line that is just closing. This is also
# the deadline for a request's head.
keepalive = 75
# A worker says every second that it lives, so that a stream is no hang; only one that is stuck is killed.
timeout = 60
# After this time gunicorn kills what is left; whoever stops the server must wait a little longer still.
graceful_timeout = int(settings.drain_seconds) + 5
# A GET has its question in the address: 880 Korean characters are 7,920 bytes of it. nginx takes as much.
limit_request_line = 8190
# `QA_TRUSTED_PROXIES` alone says whom to believe; by default gunicorn believes everybody on this machine.
forwarded_allow_ips = ""
# An access log, for those who want one (`--access-logfile -`), has the path without ids, and never what was asked.
logger_class = AccessLogger
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(b)s'
# Files are sent as everything else is: with a deadline for callers who don't read.
sendfile = False
# A second instance would take the first one's control socket, and nothing here uses it.
control_socket_disable = True
# A worker touches a file to say that it lives: on a busy disk the touch itself would block.
worker_tmp_dir = MEMORY


def on_starting(server):
    """Check the configuration before anything listens."""
    check_configuration(server, settings)
    raise_file_limit(settings)


def child_exit(server, worker):
    """However a worker ended, what it counted stays counted."""
    bury(figures, worker.pid)


def on_exit(server):
    """The last master deletes the figures."""
    if not (server.reexec_pid or server.master_pid):
        shutil.rmtree(figures, ignore_errors=True)
