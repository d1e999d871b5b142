"""gunicorn's configuration for this service. The classes that it names are in `qa_service/server`.

It patches the standard library before anything of the service or of Flask is imported, because the package itself never
patches.
"""

from gevent import monkey

monkey.patch_all()

import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
from contextlib import suppress

# Until gunicorn handles signals, Ctrl-C ends this process at once. Python alone would show where it was interrupted.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
# `qa-service serve` has blocked Ctrl-C until now, so one that was pressed meanwhile arrives here.
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])

# This is a folder where writing never waits for a disk, or None where there is no such folder.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - what lies there is unlinked or private
# The workers keep the figures of `GET metrics` in this folder, and the first worker makes it. The Prometheus library
# reads the variable when it is imported. A reload, and a new master that takes over the sockets, find it set already.
FIGURES = f"{MEMORY or tempfile.gettempdir()}/qa-metrics-"
if not os.environ.get("PROMETHEUS_MULTIPROC_DIR", "").startswith(FIGURES):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = FIGURES + secrets.token_hex(8)
figures = os.environ["PROMETHEUS_MULTIPROC_DIR"]

# The sentence encoder needs no threads of numpy's: they don't make one sentence faster, and take the cores of others.
# numpy reads the variable when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from qa_service.metrics import merge_dead_worker
from qa_service.server.access import AccessLogger
from qa_service.server.master import (
    check_configuration,
    freeze_modules,
    hold_signals_in_forks,
    most_connections,
    raise_file_limit,
    share_models,
)
from qa_service.server.tls import ssl_context  # noqa: F401 - gunicorn calls it where a certificate is set
from qa_service.server.worker import AnswerWorker
from qa_service.settings import SettingsError, from_environment
from qa_service.web.serving import log_to_terminal

try:
    settings = from_environment()
except SettingsError as error:
    sys.exit(f"qa-service: {error}")


# This is the text that `qa-service serve` wants to be printed when the server listens. Otherwise it is empty.
greeting = os.environ.pop("SERVE_GREETING", "")


class Worker(AnswerWorker):
    """A `Worker` is the worker class with this server's settings."""

    settings = settings


log_to_terminal()

host = f"[{settings.host}]" if ":" in settings.host and not settings.host.startswith("[") else settings.host
bind = [f"{host}:{settings.port}"]
worker_class = Worker
workers = settings.workers
worker_connections = most_connections(settings)
# An idle connection is kept for this many seconds. Proxies keep theirs for less, so that none sends a question down a
# connection that is just closing. This is also the deadline for a request's headers.
keepalive = 75
# A worker reports every second that it lives, also while it streams. Only a worker that is stuck is killed.
timeout = 60
# After this time gunicorn kills what is left. Whoever stops the server must wait for a little longer.
graceful_timeout = int(settings.drain_seconds) + 5
# A GET has its question in the address, where 880 Korean characters take 7,920 bytes. nginx allows as much.
limit_request_line = 8190
# `QA_TRUSTED_PROXIES` alone says which proxies are believed. By default gunicorn believes everybody on this machine.
forwarded_allow_ips = ""
# The access log, which is off unless `--access-logfile -` asks for it, has the path without ids and never the question.
logger_class = AccessLogger
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(b)s'
# gunicorn sends files as it sends everything else, so that callers who don't read have a deadline.
sendfile = False
# Nothing here uses the control socket, and a second instance would take the first one's away.
control_socket_disable = True
# A worker touches a file to report that it lives. On a busy disk the touch would block the worker.
worker_tmp_dir = MEMORY


def on_starting(server):
    """Check the configuration before anything listens, and load what the workers share."""
    check_configuration(server, settings)
    raise_file_limit(settings)
    hold_signals_in_forks()
    share_models(settings)
    freeze_modules()
    if greeting:
        # The log would name the address before the greeting does, and without the key.
        server.log.error_log.setLevel(logging.WARNING)


def when_ready(server):
    """Greet whoever has started the server. It listens by now."""
    if greeting:
        server.log.error_log.setLevel(server.log.loglevel)
        with suppress(OSError):
            sys.stdout.write(greeting)
            sys.stdout.flush()


def post_fork(server, worker):
    """Let a worker see the signals that came before it had handlers of its own."""
    worker.missed_signals = server.SIG_QUEUE


def child_exit(server, worker):
    """Keep what a worker has counted, however it ended."""
    merge_dead_worker(figures, worker.pid)


def on_exit(server):
    """Delete the figures, if this is the last master."""
    if not (server.reexec_pid or server.master_pid):
        shutil.rmtree(figures, ignore_errors=True)
