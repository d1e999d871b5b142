"""This module is the command line. `serve` starts the service, and `ask` answers one question without a server."""

import argparse
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import NoReturn

from qa_service.assembly import Assembly, assemble
from qa_service.errors import QAError
from qa_service.frames import Done
from qa_service.language.charsets import decode_sent
from qa_service.model import UploadedFile
from qa_service.questions import build_question
from qa_service.running.written import RunningAnswer
from qa_service.settings import Settings, SettingsError, from_environment, keep_secret
from qa_service.submission import Submission
from qa_service.terminal import Terminal, make_printable
from qa_service.turns import Admission
from qa_service.web.identity import Owners
from qa_service.web.serving import refuse_open_server
from qa_service.web.uploads import clean_name, decode_name

KEY = "page-key"
LAST_SECONDS = 1.0
"""Before the command ends, it waits at most so long until the store has the answer."""


def run_command(arguments: Sequence[str] | None = None) -> None:
    """Run one command. The process exits with 1 where the command failed, and with 2 where its arguments are wrong."""
    options = _parser().parse_args(arguments)
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
    ask_parser.set_defaults(command=ask_once)
    return parser


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


def ask_once(settings: Settings, options: argparse.Namespace) -> None:
    """Stream the answer to standard output, what is being done to standard error, and the sources at the end."""
    logging.getLogger("qa_service.answers").setLevel(logging.WARNING)
    for path in options.file:
        if not (path.is_file() and os.access(path, os.R_OK)):
            sys.exit(f"qa-service: {make_printable(_decode_path(path))}: no such file, or it can't be read")
    assembly = assemble(settings)
    files = tuple(_uploaded(path, assembly.uploads) for path in options.file)
    session = {"sessionId": options.session} if options.session else {}
    asked = _decode_argument(options.question)
    with Submission({"question": asked, **session}, files) as sent:
        owner = Owners(assembly.secret).key("command line")
        question = build_question(sent, owner, settings, language=None, resumable=False, offline=assembly.offline)
        admission = assembly.desk.admit(question)
        assert isinstance(admission, Admission)  # noqa: S101 - only a question with a key can be a repetition
        running = assembly.runner.start_answer(admission)
    signal.signal(signal.SIGINT, partial(_interrupt, running))
    status = _follow(assembly, running, Terminal(sys.stdout, sys.stderr))
    assembly.runner.shut_down("interrupted", LAST_SECONDS)
    if status == "failed":
        sys.exit(1)


def _interrupt(running: RunningAnswer, number: int, frame: object) -> None:
    """Stop the answer at the first Ctrl-C, and still show what there is of it. The second ends the command at once."""
    if running.stop.is_set():
        raise KeyboardInterrupt
    running.stop.set("cancelled")


def _follow(assembly: Assembly, running: RunningAnswer, terminal: Terminal) -> str:
    status = "failed"
    with closing(assembly.runner.open_reader(running, heartbeat=assembly.settings.heartbeat_seconds)) as reader:
        for frame in chain.from_iterable(batch.frames for batch in reader):
            terminal.show(frame)
            status = frame.status if isinstance(frame, Done) else status
    terminal.clear()
    return status


def _uploaded(path: Path, uploads: Path) -> UploadedFile:
    """Copy the file, since an upload is deleted when its answer has ended."""
    descriptor, copy = tempfile.mkstemp(prefix="upload-", dir=uploads)
    os.close(descriptor)
    shutil.copyfile(path, copy)
    return UploadedFile(clean_name(_decode_path(Path(path.name))), copy, path.stat().st_size)


def _decode_argument(argument: str) -> str:
    """Decode an argument again. Bytes that are in no known charset become U+FFFD."""
    typed = os.fsencode(argument)
    return decode_sent(typed) or typed.decode(errors="replace")


def _decode_path(path: Path) -> str:
    """Decode a path again. Where its bytes aren't UTF-8, Python has put halves of surrogate pairs into it."""
    return decode_name(os.fsencode(path))


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
