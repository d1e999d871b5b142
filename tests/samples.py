"""This module has the commands that README and the pages of `docs/` show, with the output that they show below each."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(file for file in (ROOT / "docs").glob("*.md") if "." not in file.stem)]
"""These are the pages in English. Those in other languages show the same commands, which a test compares."""

CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
ID = re.compile(r"\b[0-9a-f]{32}\b")
CHANGING = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d+(?:\.\d+)? s\b|\b\d+ bytes\b")
"""These parts of an output are others each time: moments, durations and sizes."""


class Sample(NamedTuple):
    """A `Sample` is a command, and what a page shows of its output. `…` stands for what is left out."""

    command: str
    shown: str


def samples(page: Path) -> Iterator[Sample]:
    """Return the commands of a page, in its order. A line of a command that ends with a backslash goes on in the next
    one."""
    for block in CONSOLE.findall(page.read_text()):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, shown = re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*)\n?(.*)", part, re.S).groups()
            yield Sample(command, shown)


def compare(shown: str, output: str, ids: dict[str, str]) -> bool:
    """Tell whether an output is as it is shown. `ids` says which real id stands for each that is shown, and learns
    more."""
    found = re.fullmatch(_pattern(_plain(shown), ids), _plain(output), re.S)
    ids.update({name.removeprefix("id"): real for name, real in found.groupdict().items()} if found else {})
    return found is not None


def _pattern(shown: str, ids: dict[str, str]) -> str:
    met: set[str] = set()

    def write_id(found: re.Match[str]) -> str:
        identity = found[0]
        if identity in ids:
            return ids[identity]
        if identity in met:
            return f"(?P=id{identity})"
        met.add(identity)
        return f"(?P<id{identity}>[0-9a-f]{{32}})"

    return ID.sub(write_id, re.escape(shown).replace("…", ".*?"))


def _plain(text: str) -> str:
    lines = (line.rstrip() for line in CHANGING.sub("~", text).strip().splitlines())
    return "\n".join(line for line in lines if line)
