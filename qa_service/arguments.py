"""This module reads the arguments of the command line, and has the help and the examples of each command.

`command` of what is read is the name of the command. Options that stand for a setting are named in `SETTINGS_OF`.
"""

import argparse
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from qa_service.setting_readers import SETTING_READERS
from qa_service.setting_values import MEBIBYTE
from qa_service.terminal import make_printable

SETTINGS_OF: Mapping[str, str] = {"host": "HOST", "port": "PORT", "data": "QA_DATA"}
"""These options win over the settings that stand beside them."""
_MOST_SECONDS = 600

_ABOUT = "Ask a question with files, get a cited answer."
EXAMPLES: Mapping[str, str] = {
    "": """\
  qa-service serve                                      the API and the page on http://127.0.0.1:8000/
  qa-service ask "What does it cost?" --file terms.pdf  answer one question here
  qa-service index handbook/                            let every question find these files
  qa-service doctor https://www.example.com/api         say what is wrong between here and a service

`qa-service COMMAND --help` shows the options and examples of one command. Settings stand in the environment or in
.env; the page /api/docs/operating of a running service lists them all.""",
    "serve": """\
  qa-service serve
  qa-service serve --port 8080 --data /var/lib/qa-service
  OPENAI_API_KEY=sk-... qa-service serve               with a model; without one, answers are quotes from your files
  QA_API_KEYS=site:a-long-secret qa-service serve --host 0.0.0.0""",
    "ask": """\
  qa-service ask "What does it cost?" --file terms.pdf --file prices.xlsx
  qa-service ask "And for students?" --session 0f3c...  with the id that the first answer ends with""",
    "evaluate": """\
  qa-service evaluate questions.jsonl
  qa-service evaluate questions.jsonl --at-least found_page=0.9 --at-most wrong_resets=0.02""",
    "index": """\
  qa-service index handbook/ notes.md
  qa-service index https://www.example.com/sitemap.xml --include '/docs/*' --every 12h
  qa-service index https://www.example.com/prices --page --collection sales""",
    "backup": """\
  qa-service backup knowledge.gz""",
    "restore": """\
  qa-service restore knowledge.gz""",
    "doctor": """\
  qa-service doctor https://www.example.com/api
  qa-service doctor https://www.example.com --header 'Authorization: Bearer KEY' --header 'X-User-Id: doctor'
  qa-service doctor https://www.example.com/api --seconds 300   find out whether answers of five minutes get through
  qa-service doctor http://127.0.0.1:8000 --json                for programs

It exits with 0 where nothing is wrong, and with 1 where something is. It sends a body of 9 MiB, and asks no model.""",
}


def read_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the arguments, or show the help that they ask for. The process exits with 2 where they are wrong."""
    return build_parser().parse_args(arguments)


class _Parser(argparse.ArgumentParser):
    """A `_Parser` complains in words that can be printed, and names the command that helps. Its complaints quote
    arguments, and the shell may have made these of the names of files."""

    def error(self, message: str) -> NoReturn:
        super().error(make_printable(f"{message}; see {self.prog} --help"))


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = _Parser(prog="qa-service", description=_ABOUT, **_with_examples(""))
    parser.add_argument("--version", action="version", version=f"qa-service {version('qa-service')}")
    commands = parser.add_subparsers(required=True, metavar="command", dest="command")
    for name, (said, add) in COMMANDS.items():
        add(commands.add_parser(name, help=said, description=said[0].upper() + said[1:] + ".", **_with_examples(name)))
    return parser


def _with_examples(name: str) -> dict[str, Any]:
    return {"epilog": f"examples:\n{EXAMPLES[name]}", "formatter_class": argparse.RawDescriptionHelpFormatter}


def _add_serve(parser: argparse.ArgumentParser) -> None:
    _add_setting(parser, "host", "listen on this address of the machine (HOST, by default 127.0.0.1)")
    _add_setting(parser, "port", "listen on this port (PORT, by default 8000)")
    _add_data(parser)


def _add_ask(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question")
    parser.add_argument("--file", action="append", default=[], type=Path, help="a file to answer from; repeatable")
    parser.add_argument("--session", default="", help="the session to go on with, as printed at the end")
    _add_data(parser)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="questions as JSON Lines; docs/performance.md says of what form")
    for name, example in (("--at-least", "found_page=0.9"), ("--at-most", "wrong_resets=0.02")):
        said = (
            f"exit with 1 where a figure isn't {name[2:].replace('-', ' ')} this share, such as {example}; repeatable"
        )
        parser.add_argument(name, action="append", default=[], type=_read_bound, metavar="BOUND", help=said)
    _add_data(parser)


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
    _add_data(parser)


def _add_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="the file, which is compressed by gzip")
    _add_data(parser)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "url", type=_read_url, help="the address of the service, or of the site that has it below QA_PREFIX"
    )
    parser.add_argument(
        "--header", action="append", default=[], type=_read_header, help="send this 'NAME: VALUE' along; repeatable"
    )
    parser.add_argument(
        "--seconds",
        type=_read_number(_MOST_SECONDS),
        default=65,
        help="wait this many seconds in a stream of heartbeats, up to 600 (default: 65; 0 for not at all)",
    )
    parser.add_argument(
        "--body",
        type=_read_mebibytes,
        default=9 * MEBIBYTE,
        metavar="MIB",
        help="send a body of this many MiB (default: 9; 0 for none)",
    )
    parser.add_argument("--json", action="store_true", help="print everything that is found as one JSON object")


COMMANDS: Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "serve": ("serve the API and the page", _add_serve),
    "ask": ("ask one question here, without a server", _add_ask),
    "evaluate": ("measure the answers to a file of questions and their pages", _add_evaluate),
    "index": ("bring folders, pages and sites into the knowledge base", _add_index),
    "backup": ("write the knowledge base into one file", _add_path),
    "restore": ("put the knowledge base of a file in place of this one", _add_path),
    "doctor": ("say what is wrong between here and a service", _add_doctor),
}
"""These are all commands, each with what it does and the function that adds its arguments."""


def _add_data(parser: argparse.ArgumentParser) -> None:
    _add_setting(parser, "data", "keep everything in this folder (QA_DATA, by default .qa)")


def _add_setting(parser: argparse.ArgumentParser, name: str, said: str) -> None:
    def check(text: str) -> str:
        try:
            SETTING_READERS[SETTINGS_OF[name]](text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    parser.add_argument(f"--{name}", type=check, help=said)


def _read_bound(text: str) -> tuple[str, float]:
    from qa_service.evaluation import read_bound

    try:
        return read_bound(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _read_url(text: str) -> str:
    from qa_service.doctor.route import read_route

    try:
        read_route(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _read_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (colon and name.strip() and text.isascii() and text.isprintable()):
        raise argparse.ArgumentTypeError("expected NAME: VALUE in ASCII, on one line")
    return name.strip(), value.strip()


def _read_number(most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number <= most:
            raise argparse.ArgumentTypeError(f"expected a number between 0 and {most:g}")
        return number

    return read


def _read_mebibytes(text: str) -> int:
    return round(_read_number(1024)(text) * MEBIBYTE)
