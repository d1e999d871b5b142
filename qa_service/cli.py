"""This module is the command line. `serve` starts the service, `ask` answers one question without a server, `evaluate`
measures how well a file of questions is answered, `index` brings folders, pages and sites into the knowledge base, and
`backup` and `restore` move it."""

import argparse
import atexit
import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from qa_service.errors import QAError
from qa_service.made_secrets import keep_secret
from qa_service.settings import Settings, SettingsError, from_environment
from qa_service.terminal import make_printable
from qa_service.web.exposure import refuse_open_server

KEY = "page-key"


def run_command(arguments: Sequence[str] | None = None) -> None:
    """Run one command. The process exits with 1 where the command failed, and with 2 where its arguments are wrong."""
    options = _parser().parse_args(arguments)
    # When it ends, Python looks through all that was imported for garbage, which takes a third of a second.
    atexit.register(gc.freeze)
    try:
        settings = from_environment()
        options.command(settings, options)
    except (SettingsError, QAError) as error:
        sys.exit(f"qa-service: {make_printable(str(error))}")


class _Parser(argparse.ArgumentParser):
    """A `_Parser` complains in words that can be printed. Its complaints quote arguments, and the shell may have made
    these of the names of files."""

    def error(self, message: str) -> NoReturn:
        super().error(make_printable(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="qa-service", description="Ask a question with files, get a cited answer.")
    parser.add_argument("--version", action="version", version=f"qa-service {version('qa-service')}")
    commands = parser.add_subparsers(required=True, metavar="command")
    serve_parser = commands.add_parser("serve", help="serve the API and the page on HOST and PORT")
    serve_parser.set_defaults(command=become_server)
    ask_parser = commands.add_parser("ask", help="ask one question here, without a server")
    ask_parser.add_argument("question")
    ask_parser.add_argument("--file", action="append", default=[], type=Path, help="a file to answer from; repeatable")
    ask_parser.add_argument("--session", default="", help="the session to go on with, as printed at the end")
    ask_parser.set_defaults(command=ask_here)
    _add_evaluate(commands.add_parser("evaluate", help="measure the answers to a file of questions and their pages"))
    _add_index(commands.add_parser("index", help="bring folders, pages and sites into the knowledge base"))
    backup_parser = commands.add_parser("backup", help="write the knowledge base into one file")
    backup_parser.add_argument("path", type=Path)
    backup_parser.set_defaults(command=back_up_knowledge)
    restore_parser = commands.add_parser("restore", help="put the knowledge base of a file in place of this one")
    restore_parser.add_argument("path", type=Path)
    restore_parser.set_defaults(command=restore_knowledge)
    return parser


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", nargs="+", help="a file, a folder, or the address of a site or its sitemap")
    parser.add_argument(
        "--page", action="store_true", help="read each address as one page, without the rest of its site"
    )
    parser.add_argument("--collection", default="shared", help="the shared collection that takes it (default: shared)")
    parser.add_argument("--name", default="", help="what the folder is called there, wherever it lies")
    for name, what in (("include", "only what fits this pattern"), ("exclude", "not what fits this pattern")):
        parser.add_argument(f"--{name}", action="append", default=[], help=f"{what}, such as /docs/*; repeatable")
    parser.add_argument("--every", default="0", help="read a site again after this time, such as 12h or 7d")
    parser.set_defaults(command=index_here)


def become_server(
    settings: Settings, _: argparse.Namespace, execute: Callable[[list[str]], None] | None = None
) -> None:
    """Print the page's address, with a key in its fragment where one is needed, and then become gunicorn."""
    refuse_open_server(settings, [settings.host])
    address = f"http://{_host(settings.host)}:{settings.port}/"
    if not settings.answers_itself and not settings.api_keys and not settings.allow_anonymous:
        secret = keep_secret(settings.data, KEY)
        os.environ["QA_API_KEYS"] = f"page:{secret}:personal"
        address += f"#key={secret}"
    print(f"\n  {_greeting(settings)}\n\n  {address}\n", flush=True)
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        str(_configuration()),
        "qa_service.web.serving:make_served_app()",
    ]
    (execute or _become)(command)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="questions as JSON Lines; README says of what form")
    for name, example in (("--at-least", "found_page=0.9"), ("--at-most", "wrong_resets=0.02")):
        said = (
            f"exit with 1 where a figure isn't {name[2:].replace('-', ' ')} this share, such as {example}; repeatable"
        )
        parser.add_argument(name, action="append", default=[], type=_read_bound, metavar="BOUND", help=said)
    parser.set_defaults(command=evaluate_here)


def _read_bound(text: str) -> tuple[str, float]:
    from qa_service.evaluation import read_bound

    try:
        return read_bound(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def evaluate_here(settings: Settings, options: argparse.Namespace) -> None:
    """Ask the questions of a file in this process, and print how well they were answered."""
    from qa_service.evaluator import evaluate_site

    evaluate_site(settings, options.path, dict(options.at_least), dict(options.at_most))


def ask_here(settings: Settings, options: argparse.Namespace) -> None:
    """Ask one question in this process."""
    # A server starts half a second earlier without all that asking imports.
    from qa_service.console import ask_once

    ask_once(settings, options.question, files=options.file, session_id=options.session)


def index_here(settings: Settings, options: argparse.Namespace) -> None:
    """Bring folders, pages and sites into the knowledge base."""
    from qa_service.indexing.command import index_sources
    from qa_service.indexing.order import read_order

    index_sources(settings, read_order(options))


def back_up_knowledge(settings: Settings, options: argparse.Namespace) -> None:
    """Write the knowledge base of the settings into a file."""
    from qa_service.knowledge.backup import save_knowledge
    from qa_service.knowledge_base import open_database

    documents = save_knowledge(open_database(settings), options.path)
    print(f"{options.path} has the knowledge base with its {documents} documents.")


def restore_knowledge(settings: Settings, options: argparse.Namespace) -> None:
    """Put the knowledge base of a file in place of that of the settings."""
    from qa_service.knowledge.backup import load_knowledge
    from qa_service.knowledge_base import open_database

    documents = load_knowledge(open_database(settings), options.path)
    print(f"The knowledge base is that of {options.path}, with its {documents} documents.")


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
    os.execv(command[0], command)  # noqa: S606 - our own interpreter and arguments
