"""This module is the command line: it does what the arguments say, which `arguments.py` reads."""

import argparse
import atexit
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from qa_service.arguments import SETTINGS_OF, read_arguments
from qa_service.errors import QAError, StoreUnavailable
from qa_service.exits import INTERRUPTED, UNREAD
from qa_service.made_secrets import keep_secret
from qa_service.settings import Settings, SettingsError, from_environment
from qa_service.start_checks import (
    explain_silence,
    explain_store,
    reason_of,
    refuse_taken_port,
    refuse_unusable_folder,
)
from qa_service.terminal import make_printable
from qa_service.web.exposure import refuse_open_server

_KEY = "page-key"
GREETING = "SERVE_GREETING"
"""In this environment variable, gunicorn's configuration finds the text that it prints when the server listens."""
CLOSED = "qa-service: the standard output is closed, so nothing could be shown"


def run_command(arguments: Sequence[str] | None = None) -> None:
    """Run one command. The process exits with 1 where the command failed, with 2 where its arguments are wrong, with
    130 after Ctrl-C, and with 141 where nobody reads its output any more, such as `head` that has read enough."""
    # When it ends, Python looks through all that was imported for garbage, which takes a third of a second.
    atexit.register(gc.freeze)
    try:
        options = read_arguments(None if arguments is None else list(arguments))
        if sys.stdout is None and options.command != "serve":
            sys.exit(CLOSED)
        settings = _read_settings(options)
        with _without_store_warnings():
            RUN[options.command](settings, options)
        print(end="", flush=True)
    except (SettingsError, QAError) as error:
        sys.exit(f"qa-service: {make_printable(str(error))}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _drop_output()
        sys.exit(UNREAD)
    except OSError as error:
        _drop_output()
        sys.exit(f"qa-service: {make_printable(_explain_system(error))}")


def _drop_output() -> None:
    """Keep Python from writing the rest of the output when it ends, because that would fail once more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain_system(error: OSError) -> str:
    what = error.filename if isinstance(error.filename, str) else "what the command reads or writes"
    return f"{what} can't be used ({reason_of(error)}): look at the space and the permissions there"


@contextmanager
def _explained_database(settings: Settings) -> Iterator[None]:
    """Say where the server of the knowledge base is, and what to do, where it is silent. Other errors say so."""
    from qa_service.knowledge.connections import SILENT

    try:
        yield
    except StoreUnavailable as error:
        told = explain_silence(settings) if settings.database_url and error.message == SILENT else error.message
        raise StoreUnavailable(told) from None


@contextmanager
def _without_store_warnings() -> Iterator[None]:
    """Keep the stores from logging warnings, because one sentence at the end says what is wrong with them."""
    stores = logging.getLogger("qa_service.stores")
    level = stores.level
    stores.setLevel(logging.ERROR)
    try:
        yield
    finally:
        stores.setLevel(level)


def _read_settings(options: argparse.Namespace) -> Settings:
    """Read the settings. Options win over them by being put into the environment, since the server that this process
    may become reads it again."""
    for option, setting in SETTINGS_OF.items():
        if (given := getattr(options, option, None)) is not None:
            os.environ[setting] = given
    return from_environment()


def become_server(
    settings: Settings, _: argparse.Namespace, execute: Callable[[list[str]], None] | None = None
) -> None:
    """Become gunicorn, which prints the page's address when it listens, with a key in its fragment where one is needed.
    What would keep the server from starting is said before that."""
    refuse_open_server(settings, [settings.host])
    refuse_unusable_folder(settings.data)
    refuse_taken_port(settings.host, settings.port)
    if settings.semantic == "on":
        _refuse_missing_encoder(settings)
    if settings.redis_url:
        _warn_of_store(settings)
    address = f"http://{_host(settings.host)}:{settings.port}/"
    if not settings.answers_itself and not settings.api_keys and not settings.allow_anonymous:
        secret = keep_secret(settings.data, _KEY)
        os.environ["QA_API_KEYS"] = f"page:{secret}:personal"
        address += f"#key={secret}"
    os.environ[GREETING] = f"\n  {_greeting(settings)}\n\n  {address}\n\n"
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        str(_configuration()),
        "qa_service.web.serving:make_served_app()",
    ]
    (execute or _become)(command)


def evaluate_here(settings: Settings, options: argparse.Namespace) -> None:
    """Ask the questions of a file in this process, and print how well they were answered."""
    from qa_service.evaluator import evaluate_site

    evaluate_site(settings, options.path, dict(options.at_least), dict(options.at_most))


def ask_here(settings: Settings, options: argparse.Namespace) -> None:
    """Ask one question in this process."""
    # A server starts half a second earlier without all that asking imports.
    from qa_service.console import ask_once

    refuse_unusable_folder(settings.data)
    try:
        ask_once(settings, options.question, files=options.file, session_id=options.session)
    except StoreUnavailable as error:
        raise StoreUnavailable(f"{explain_store(error, settings)}.") from None


def index_here(settings: Settings, options: argparse.Namespace) -> None:
    """Bring folders, pages and sites into the knowledge base."""
    from qa_service.indexing.command import index_sources
    from qa_service.indexing.order import read_order

    refuse_unusable_folder(settings.data)
    with _explained_database(settings):
        index_sources(settings, read_order(options))


def back_up_knowledge(settings: Settings, options: argparse.Namespace) -> None:
    """Write the knowledge base of the settings into a file."""
    from qa_service.knowledge.backup import save_knowledge
    from qa_service.knowledge_base import open_database

    with _explained_database(settings):
        documents = save_knowledge(open_database(settings), options.path)
    print(f"{options.path} has the knowledge base with its {_count(documents)}.")


def restore_knowledge(settings: Settings, options: argparse.Namespace) -> None:
    """Put the knowledge base of a file in place of that of the settings."""
    from qa_service.knowledge.backup import load_knowledge
    from qa_service.knowledge_base import open_database

    with _explained_database(settings):
        documents = load_knowledge(open_database(settings), options.path)
    print(f"The knowledge base is that of {options.path}, with its {_count(documents)}.")


def _count(documents: int) -> str:
    return f"{documents} document{'' if documents == 1 else 's'}"


def examine_here(settings: Settings, options: argparse.Namespace) -> None:
    """Examine the route to a service."""
    from qa_service.doctor.command import examine_route

    examine_route(settings, options)


def _refuse_missing_encoder(settings: Settings) -> None:
    from qa_service.assembly import choose_encoder

    choose_encoder(settings)


def _warn_of_store(settings: Settings) -> None:
    """Say it where Redis doesn't answer. The server starts all the same, because Redis may be started later."""
    from qa_service.storeroom import try_store

    try:
        try_store(settings)
    except StoreUnavailable as error:
        sentence = make_printable(explain_store(error, settings))
        print(f"qa-service: {sentence}. Until then nobody gets an answer.", file=sys.stderr)


def _greeting(settings: Settings) -> str:
    if not settings.answers_itself:
        return f"Answers by {settings.first_model}."
    why = "No model is asked" if settings.openai_api_key else "No OPENAI_API_KEY is set"
    return f"{why}: answers are quotes from your files."


def _host(host: str) -> str:
    shown = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not listened on
    return f"[{shown}]" if ":" in shown else shown


def _configuration() -> Path:
    """Find gunicorn's configuration. It lies beside the package in a checkout, and inside of an installed package."""
    inside = Path(__file__).with_name("gunicorn.conf.py")
    return inside if inside.exists() else inside.parent.parent / inside.name


def _become(command: list[str]) -> None:
    # Ctrl-C waits until gunicorn's configuration is read, which lets it through again.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    os.execv(command[0], command)  # noqa: S606 - our own interpreter and arguments


RUN: Mapping[str, Callable[[Settings, argparse.Namespace], None]] = {
    "serve": become_server,
    "ask": ask_here,
    "evaluate": evaluate_here,
    "index": index_here,
    "backup": back_up_knowledge,
    "restore": restore_knowledge,
    "doctor": examine_here,
}
"""These functions run the commands."""
