"""This module checks and prepares things in gunicorn's master before its workers start."""

import gc
import os
import resource
import signal
import sys
from functools import partial
from importlib import import_module

from gunicorn.arbiter import Arbiter

from qa_service.assembly import choose_encoder
from qa_service.language.vocabulary import load_vocabulary
from qa_service.retrieval.shared_encoder import fork_encoder
from qa_service.settings import Settings, SettingsError
from qa_service.web.exposure import refuse_open_server

MORE_CONNECTIONS = 500
MORE_IDLE = 500
ENDING = (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)
"""These are the signals at which a process is to end."""


def most_idle(settings: Settings) -> int:
    """Return how many connections of a worker may wait for their next request."""
    return settings.max_answers + MORE_IDLE


def most_connections(settings: Settings) -> int:
    """Return how many connections a worker accepts.

    Beyond this number the system accepts connections for which nothing is done, health checks too. The service's own
    limits keep the connections well below this number: there is one for each answer, there are two more for its other
    readers, and idle connections are closed when new ones come.
    """
    return 3 * settings.max_answers + most_idle(settings) + MORE_CONNECTIONS


def check_configuration(server: Arbiter, settings: Settings) -> None:
    """Exit if other machines could reach the server while no setting says who may ask, or if gunicorn would kill
    answers before they are handed over. The address and the time are checked here, because the command line can set
    them too.
    """
    refuse_open_server(settings, [address[0] for address in server.cfg.address if isinstance(address, tuple)])
    if server.cfg.graceful_timeout <= settings.drain_seconds:
        sys.exit(
            f"qa-service: graceful_timeout: expected more than QA_DRAIN_SECONDS, {settings.drain_seconds:g} s, "
            "or answers would be killed before they are handed over"
        )


def share_models(settings: Settings) -> None:
    """Load the sentence encoder, the vocabulary of models and the OpenAI SDK before the workers are forked. So their
    140 MB, 140 MB and 23 MB are there once and not in each worker, and no worker's first answer waits for them.
    Passages are encoded by a process that is forked here. Exit where the settings ask for an encoder that isn't
    installed."""
    if settings.counts_tokens:
        load_vocabulary()
    if not settings.answers_itself:
        import_module("qa_service.servers")
    try:
        encoder = choose_encoder(settings)
    except SettingsError as error:
        sys.exit(f"qa-service: {error}")
    if encoder:
        fork_encoder(encoder)


def freeze_modules() -> None:
    """Take all that was imported so far out of the garbage collector, before the workers are forked.

    A collection writes into every object that it looks at, so that the workers would no longer share the memory: with
    this, a worker has 15 MB of its own instead of 42. Without it, Python would also look through all modules when a
    process ends, which takes a third of a second.
    """
    gc.collect()
    gc.freeze()


def hold_signals_in_forks() -> None:
    """Let a worker see a signal to end that comes before it has run at all, as on a busy machine.

    Python forgets in a new process which signals came before it was ready. gunicorn would wait for a minute for a
    worker that has lost its signal. So signals wait during a fork, until both processes are ready.
    """
    hold = partial(signal.pthread_sigmask, signal.SIG_BLOCK, ENDING)
    release = partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, ENDING)
    os.register_at_fork(before=hold, after_in_parent=release, after_in_child=release)


def raise_file_limit(settings: Settings) -> None:
    """Let the workers open enough files. A connection to a caller needs one, and the connection to upstream for its
    answer needs another. The system's default is often 1,024."""
    wanted = 2 * most_connections(settings)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
