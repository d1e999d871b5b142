"""This module joins the modules, the markup and the style of `<qa-chat>` into one script, which any site can load.

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

from msgspec import Struct

from qa_service.web.javascript import tighten_script

ENTRY = "qa-chat.js"
LOOKS = "looks.js"
"""No file has this name. A module imports the markup and the style from it."""
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
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
    modules = [f"const {name} = {json.dumps(text, ensure_ascii=False)};\n" for name, text in _read_looks(folder)]
    modules += [_strip_module(folder.joinpath(name).read_text("utf-8")) for name in list_modules(folder)]
    return "".join(modules)


def list_modules(folder: Traversable) -> list[str]:
    """List the names of the modules in the order in which they are joined."""
    found: dict[str, None] = {}

    def visit(name: str, ahead: tuple[str, ...] = ()) -> None:
        if name in found or name in ahead or name == LOOKS:
            return
        for other in IMPORT.findall(folder.joinpath(name).read_text("utf-8")):
            visit(other, (*ahead, name))
        found[name] = None

    visit(ENTRY)
    return list(found)


def _read_looks(folder: Traversable) -> Iterator[tuple[str, str]]:
    """Yield the markup and the style under the names by which modules import them."""
    yield "MARKUP", INDENT.sub("", folder.joinpath("chat.html").read_text("utf-8"))
    # A site may change what a `rem` is, so the element has its own.
    style = REM.sub(r"calc(\1*var(--rem))", COMMENT.sub("", folder.joinpath("chat.css").read_text("utf-8")))
    yield "STYLE", STYLE_SPACE.sub(r"\1", style)


def _strip_module(text: str) -> str:
    return tighten_script(EXPORT.sub("", IMPORT.sub("", text)))
