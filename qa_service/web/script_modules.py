"""This module joins the modules, the markup and the style of `<qa-chat>`, and the JavaScript client under it, into one
script, which any site can load.

The package's build runs it before the package can be imported, so it imports nothing of the package or of others.
"""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
STATIC = HERE / "static"
_MADE = HERE / "chat.min.js"
"""The build writes the small script here. Its first line names the script that it was made from."""
PACKED = HERE / "chat.min.js.br"
"""The build writes the small script here once more, packed by Brotli, behind a line that names what was packed."""
GZIPPED = HERE / "chat.min.js.gz"
"""The build writes it here, too, packed for gzip by Zopfli."""
ENTRY_MODULE = "qa-chat.js"
LOOKS = "looks.js"
"""No file has this name. A module imports the markup and the style from it."""
CLIENT = "qa-service-client"
"""By this name modules import the client, as every site does."""
CLIENT_ENTRY = "index.js"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
CLIENT_IMPORT = re.compile(rf'^import \{{([^}}]*)\}} from "{CLIENT}";\n', re.MULTILINE)
HANDED_ON = re.compile(r'^export \{[^}]*\} from "[^"]*";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function|class|const|let)", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
INDENT = re.compile(r"^\s+", re.MULTILINE)
STYLE_SPACE = re.compile(r" ?([{};,!]) ?|(?<=:) ")
REM = re.compile(r"(?<!--rem:)(?<![\w.])(-?(?:\d++(?:\.\d++)?|\.\d++))rem\b")


def join_script(folder: Path) -> str:
    """Join the modules of a folder, each after those that it imports. They share the names of their top level, and no
    other script sees those."""
    looks = [f"const {name} = {json.dumps(text, ensure_ascii=False)};\n" for name, text in _read_looks(folder)]
    modules = [folder.joinpath(name).read_text("utf-8") for name in list_modules(folder, ENTRY_MODULE)]
    wanted = {name.strip() for text in modules for found in CLIENT_IMPORT.findall(text) for name in found.split(",")}
    parts = [*looks, _join_client(sorted(wanted)), *map(_strip_module, modules)]
    return f"(() => {{\n{''.join(parts)}}})();\n"


def read_element_markup(folder: Path) -> str:
    """Return the markup of the element, without what only people read."""
    return INDENT.sub("", folder.joinpath("chat.html").read_text("utf-8"))


def name_markup(markup: str) -> str:
    """Return the name of this version of the markup."""
    return sha256(markup.encode()).hexdigest()[:16]


def read_style(path: Path) -> str:
    """Return a style sheet without what only people read."""
    return STYLE_SPACE.sub(r"\1", " ".join(_COMMENT.sub("", path.read_text("utf-8")).split())).replace(";}", "}")


def list_modules(folder: Path, entry: str) -> list[str]:
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


def find_client() -> Path:
    """Find the modules of the client. They lie beside the package in a checkout, and inside of an installed package."""
    inside = HERE / "client"
    return inside if inside.is_dir() else HERE.parents[1] / "clients" / "js" / "src"


def write_made(joined: str, small: str, target: Path = _MADE) -> None:
    """Keep the small script that was made from a joined one."""
    _replace_file(target, f"{_name_script(joined)}\n{small}".encode())


def read_made(joined: str, target: Path = _MADE) -> str | None:
    """Return the small script, or nothing where it wasn't made from the joined one, as after a module has changed."""
    small = _read_named(target, joined)
    return None if small is None else small.decode()


def write_packed(script: str, packed: bytes, target: Path = PACKED) -> None:
    """Keep a packed script for servers, which would start too late if they packed it so well themselves."""
    _replace_file(target, _name_script(script).encode() + b"\n" + packed)


def read_packed(script: str, target: Path = PACKED) -> bytes | None:
    """Return the packed script. There is none on a machine without a packer, or where another script was packed."""
    return _read_named(target, script)


def _replace_file(target: Path, content: bytes) -> None:
    # Other processes may read the file now, and they never see a part of it.
    fresh = target.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(target)


def _read_named(target: Path, script: str) -> bytes | None:
    """Return what stands behind the first line, if that names this script."""
    if not target.is_file():
        return None
    name, _, content = target.read_bytes().partition(b"\n")
    return content if name.decode() == _name_script(script) else None


def _name_script(script: str) -> str:
    return f"// {sha256(script.encode()).hexdigest()}"


def _join_client(wanted: list[str]) -> str:
    """Join the modules of the client. They keep their names to themselves, except for those that are wanted."""
    if not wanted:
        return ""
    client = find_client()
    modules = [_strip_module(client.joinpath(name).read_text("utf-8")) for name in list_modules(client, CLIENT_ENTRY)]
    names = ", ".join(wanted)
    return f"const {{ {names} }} = (() => {{\n{''.join(modules)}return {{ {names} }};\n}})();\n"


def _read_looks(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the markup and the style under the names by which modules import them."""
    markup = read_element_markup(folder)
    yield "MARKUP", markup
    yield "MARKUP_VERSION", name_markup(markup)
    # A site may change what a `rem` is, so the element has its own.
    yield "STYLE", REM.sub(r"calc(\1*var(--rem))", read_style(folder / "chat.css"))


def _strip_module(text: str) -> str:
    for left_out in (IMPORT, CLIENT_IMPORT, HANDED_ON, EXPORT):
        text = left_out.sub("", text)
    return text
