"""This module has the findings: what each one says in both languages, and what mends it."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from qa_service.model import Language

Gravity: TypeAlias = Literal["good", "advice", "wrong"]
"""What is `wrong` breaks answers. An `advice` is for what breaks them in rare cases only."""
Fact: TypeAlias = str | int | float


class FindingKind(Struct, frozen=True):
    """A `FindingKind` is a table of `findings.toml`. Its sentences have the facts in braces."""

    gravity: Gravity
    en: str
    ko: str
    mend: Mapping[str, str] = {}
    """These are lines of configuration, by the server or the platform that they are for."""


class Finding(Struct, frozen=True):
    """A `Finding` is one thing that a step found, with the facts that its sentence names."""

    code: str
    facts: Mapping[str, Fact] = {}

    @property
    def gravity(self) -> Gravity:
        """Return how bad it is."""
        return read_kinds()[self.code].gravity

    def write_sentence(self, language: Language) -> str:
        """Say it in this language."""
        sentence: str = getattr(read_kinds()[self.code], language)
        return sentence.format(**self.facts)

    def list_mends(self, servers: str = "") -> dict[str, str]:
        """Return the lines that mend it. Those for a server that is named in `servers`, such as `nginx/1.26`, come
        first."""
        mends = {name: line.format(**self.facts) for name, line in read_kinds()[self.code].mend.items()}
        return dict(sorted(mends.items(), key=lambda mend: mend[0].lower() not in servers.lower()))


def make_finding(code: str, **facts: Fact) -> Finding:
    """Make a finding."""
    return Finding(code, facts)


class RouteBroken(Exception):
    """Nothing more can be found out on this route, for the reason that `finding` says."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


@cache
def read_kinds() -> Mapping[str, FindingKind]:
    """Read all kinds of findings, by their codes."""
    text: dict[str, Any] = tomllib.loads(files("qa_service.doctor").joinpath("findings.toml").read_text("utf-8"))
    return msgspec.convert(text, dict[str, FindingKind])
