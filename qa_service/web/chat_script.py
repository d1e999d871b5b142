"""This module joins the modules, the markup and the style of `<qa-chat>`, and the JavaScript client under it, into one
script, which any site can load.

The browser's modules stay as they were written: nobody has to build anything. The script is made once in each process,
which takes some 50 ms, and is kept as it is sent.
"""

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from msgspec import Struct

from qa_service.web.javascript import tighten_script

ENTRY = "qa-chat.js"
LOOKS = "looks.js"
"""No file has this name. A module imports the markup and the style from it."""
CLIENT = "qa-service-client"
"""By this name modules import the client, as every site does."""
CLIENT_ENTRY = "index.js"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
CLIENT_IMPORT = re.compile(rf'^import \{{([^}}]*)\}} from "{CLIENT}";\n', re.MULTILINE)
HANDED_ON = re.compile(r'^export \{[^}]*\} from "[^"]*";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function|class|const|let)", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
INDENT = re.compile(r"^\s+", re.MULTILINE)
STYLE_SPACE = re.compile(r"\s*([{};,])\s*|(?<=:)\s+")
REM = re.compile(r"(?<!--rem: )(?<![\w.])(-?\d*\.?\d+)rem\b")


class Script(Struct, frozen=True):
    """A `Script` is the script of `<qa-chat>`: plain, compressed, and the name of this version of it."""

    plain: bytes
    compressed: bytes
    version: str


@cache
def chat_script() -> Script:
    """Return the script of this release."""
    plain = join_script(files("qa_service.web").joinpath("static")).encode()
    return Script(plain, gzip.compress(plain, 9, mtime=0), sha256(plain).hexdigest()[:16])


def join_script(folder: Traversable) -> str:
    """Join the modules of a folder, each after those that it imports, without what only people read.

    All modules share the names of their top level then.
    """
    looks = [f"const {name} = {json.dumps(text, ensure_ascii=False)};\n" for name, text in _read_looks(folder)]
    modules = [folder.joinpath(name).read_text("utf-8") for name in list_modules(folder, ENTRY)]
    wanted = {name.strip() for text in modules for found in CLIENT_IMPORT.findall(text) for name in found.split(",")}
    return "".join([*looks, _join_client(sorted(wanted)), *map(_strip_module, modules)])


def list_modules(folder: Traversable, entry: str) -> list[str]:
    """List the names of the modules in the order in which they are joined. All others are imported by `entry`."""
    found: dict[str, None] = {}

    def visit(name: str, ahead: tuple[str, ...] = ()) -> None:
        if name in found or name in ahead or name == LOOKS:
            return
        for other in IMPORT.findall(folder.joinpath(name).read_text("utf-8")):
            visit(other, (*ahead, name))
        found[name] = None

    visit(entry)
    return list(found)


def find_client() -> Traversable:
    """Find the modules of the client. They lie beside the package in a checkout, and inside of an installed package."""
    inside = files("qa_service.web").joinpath("client")
    return inside if inside.is_dir() else Path(__file__).parents[2] / "clients" / "js" / "src"


def _join_client(wanted: list[str]) -> str:
    """Join the modules of the client. They keep their names to themselves, except for those that are wanted."""
    if not wanted:
        return ""
    client = find_client()
    modules = [_strip_module(client.joinpath(name).read_text("utf-8")) for name in list_modules(client, CLIENT_ENTRY)]
    names = ", ".join(wanted)
    return f"const {{ {names} }} = (() => {{\n{''.join(modules)}return {{ {names} }};\n}})();\n"


def _read_looks(folder: Traversable) -> Iterator[tuple[str, str]]:
    """Yield the markup and the style under the names by which modules import them."""
    yield "MARKUP", INDENT.sub("", folder.joinpath("chat.html").read_text("utf-8"))
    # A site may change what a `rem` is, so the element has its own.
    style = REM.sub(r"calc(\1*var(--rem))", COMMENT.sub("", folder.joinpath("chat.css").read_text("utf-8")))
    yield "STYLE", STYLE_SPACE.sub(r"\1", style)


def _strip_module(text: str) -> str:
    for left_out in (IMPORT, CLIENT_IMPORT, HANDED_ON, EXPORT):
        text = left_out.sub("", text)
    return tighten_script(text)
