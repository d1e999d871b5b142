"""This module has what gunicorn's configuration and the command line need: the app, its log, refusals that the app
never sees, and the end of a worker's answers."""

import logging
import sys
import time
from collections.abc import Callable

from flask import Flask

from qa_service.errors import BadRequest, QAError
from qa_service.language.phrases import build_failure
from qa_service.running.runner import Runner
from qa_service.settings import SettingsError, from_environment
from qa_service.web.app import create_app
from qa_service.web.mounting import EXTENSION_KEY, Mounted
from qa_service.web.refusals import make_refusal

log = logging.getLogger(__name__)

NOT_STARTED = 4
"""A worker of gunicorn whose app can't be loaded exits with this status."""
GOODBYE_SECONDS = 1.0
_POLL_SECONDS = 0.1


def make_served_app() -> Flask:
    """Make the app of `qa-service serve`. Without a model it lets people at this machine ask without a credential."""
    settings = from_environment()
    behind_proxy = bool(settings.trusted_proxies or settings.public_url)
    alone = settings.answers_itself and not behind_proxy
    return app_or_exit(lambda: create_app(settings, loopback_visitors=alone))


def app_or_exit(make: Callable[[], Flask]) -> Flask:
    """Return the app that `make` gives. Where a setting or the store prevents the start, log why in one line, and end
    the process with a status after which gunicorn starts no other worker."""
    try:
        return make()
    except (SettingsError, QAError) as error:
        log.error("%s", error)  # noqa: TRY400 - the line names what is wrong, and a traceback would hide it
        sys.exit(NOT_STARTED)


def log_to_terminal() -> None:
    """Log one line for each answer. Of other libraries only warnings are logged, because at each question they would
    log upstream's address."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("qa_service").setLevel(logging.INFO)


def build_refusal(*, unreadable: bool) -> bytes:
    """Build the bytes of the whole response to a request that can't be read, or that broke before the app saw it."""
    why = BadRequest("the request can't be read; in its address, expected percent-encoding for all that isn't ASCII")
    response = make_refusal(build_failure(why if unreadable else QAError(), "en"))
    response.headers["Connection"] = "close"
    head = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    return f"HTTP/1.1 {response.status}\r\n{head}\r\n".encode() + response.get_data()


def find_runner(app: object) -> Runner | None:
    """Find the runner of this worker's answers. The result is None if the app doesn't have the service."""
    service = app.extensions.get(EXTENSION_KEY) if isinstance(app, Flask) else None
    return service.assembly.runner if isinstance(service, Mounted) else None


def watch_workers(app: object) -> None:
    """Begin to watch over the answers of other workers, before this worker gets its first request."""
    if runner := find_runner(app):
        runner.ensure_threads()


def drain_answers(app: object, seconds: float) -> None:
    """Let no more questions in, wait this many seconds for the answers that run, and leave the rest to other
    workers."""
    if runner := find_runner(app):
        runner.stop_admitting()
        until = time.monotonic() + seconds
        while runner.count_answers() and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        runner.shut_down("handover", GOODBYE_SECONDS)


def end_answers(app: object) -> None:
    """Stop the answers of this worker. They have a second to tell their readers and to be saved."""
    if runner := find_runner(app):
        runner.shut_down("interrupted", GOODBYE_SECONDS)
