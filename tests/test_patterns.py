"""No regular expression of the package takes more than linear time, whatever text it gets."""

import ast
import importlib
import pkgutil
import re
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, reduce
from operator import or_
from pathlib import Path
from types import ModuleType

import pytest
from msgspec import Struct

import qa_service
from tests.adversary import (
    Attack,
    Pattern,
    TooSlow,
    Use,
    attacks_on,
    expressions_of_the_page,
    patient,
    read_in_python,
    seconds,
    write_text,
)

pytestmark = pytest.mark.usefixtures("no_collections")

PACKAGE = Path(qa_service.__file__).parent
SHORT, MIDDLE, LONG = 1 << 10, 16 << 10, 64 << 10
BOUND = 0.05
"""These are the seconds a pattern may take for `LONG` characters on a machine as fast as the one that `REFERENCE` is
from."""
REFERENCE = 0.02
"""These are the seconds that `_work` takes on that machine."""
GROWTH = 4 * 2
"""Four times the text may take this many times as long. Four is linear, and the clock isn't exact."""
SHORT_TOGETHER = 3
"""All short texts together may take this many times as long as a long one."""
HARDEST = 2
"""This many texts of each pattern are tried at full length."""
USES: Mapping[str, Use] = {
    "match": lambda pattern, text: pattern.match(text),
    "fullmatch": lambda pattern, text: pattern.fullmatch(text),
    "search": lambda pattern, text: pattern.search(text),
    "finditer": lambda pattern, text: [None for _ in pattern.finditer(text)],
    "findall": lambda pattern, text: pattern.findall(text),
    "split": lambda pattern, text: pattern.split(text),
    "sub": lambda pattern, text: pattern.sub(b"" if isinstance(text, bytes) else "", text),
}
ALL_USES = ("finditer", "fullmatch")

FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
"""These are JavaScript's letters for flags, and Python's names."""


class Found(Struct, frozen=True):
    """A `Found` is a pattern, where it stands, and what the package does with it."""

    place: str
    pattern: Pattern
    uses: tuple[str, ...]


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(qa_service.__path__, "qa_service."):
        yield importlib.import_module(found.name)


def patterns() -> Iterator[Found]:
    """Give the patterns that modules keep, however deep in what they keep, and those written where they are used."""
    homes: dict[int, tuple[str, str, Pattern]] = {}
    for module in modules():
        for name, value in vars(module).items():
            for pattern in patterns_in(value):
                homes.setdefault(id(pattern), (module.__name__, name, pattern))
    uses = uses_of_names()
    for module, name, pattern in homes.values():
        where = module if name.startswith("_") else ""
        yield Found(f"{module}.{name}", pattern, tuple(sorted(uses.get((where, name), ALL_USES))))
    kept = {pattern.pattern for _, _, pattern in homes.values()}
    yield from (found for found in literals() if found.pattern.pattern not in kept)
    yield from page_patterns()


def page_patterns() -> Iterator[Found]:
    """Give the patterns of the page's scripts, which Python reads as well. The browser's own engine is asked in
    `tests/live`."""
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        for file, source, flags in expressions_of_the_page():
            uses = ("match",) if "y" in flags else ("finditer",)
            known = (flag for letter, flag in FLAGS.items() if letter in flags)
            yield Found(f"{file}:{source}", re.compile(read_in_python(source), reduce(or_, known, re.NOFLAG)), uses)


def patterns_in(value: object) -> Iterator[Pattern]:
    if isinstance(value, re.Pattern):
        yield value
    for inner in held_by(value):
        yield from patterns_in(inner)


def held_by(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, tuple | list | set | frozenset):
        return value
    is_ours = isinstance(value, type) and value.__module__.startswith("qa_service")
    return [inner for inner in vars(value).values() if isinstance(inner, re.Pattern)] if is_ours else ()


@cache
def nodes() -> Mapping[str, Sequence[ast.AST]]:
    """Return all calls and attributes that stand in each module, by the module's name."""
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute | ast.Call)
        ]
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def uses_of_names() -> Mapping[tuple[str, str], set[str]]:
    """Return what is done with each name that a pattern may have: `NAME.search(…)`.

    A name with an underscore belongs to its module; any other one may be used by every module, so it stands under "".
    """
    uses: dict[tuple[str, str], set[str]] = defaultdict(set)
    for module, inside in nodes().items():
        for node in inside:
            match node:
                case ast.Attribute(value=ast.Name(id=name) | ast.Attribute(attr=name), attr=use) if use in USES:
                    uses[module if name.startswith("_") else "", name].add(use)
    return uses


def literals() -> Iterator[Found]:
    """Return patterns that are written where they are used, as in `re.fullmatch("…", text)`, or compiled there."""
    for module, inside in nodes().items():
        for node in inside:
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=use), args=[source, *_]) if use in USES:
                    place = f"{module}:{node.lineno}"
                    assert isinstance(source, ast.Constant), f"{place}: give this pattern a name, so that it is tested"
                    yield Found(place, re.compile(source.value), (use,))
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="re"), attr="compile"), args=[ast.Constant() as source, *_]
                ):
                    yield Found(f"{module}:{node.lineno}", re.compile(source.value), ALL_USES)


@pytest.fixture(scope="module")
def found() -> list[Found]:
    """Return all patterns. They are looked for once a run, and not by every process that collects tests."""
    return list(patterns())


def _work() -> None:
    re.compile("[^b]*c?").sub("", "a" * 50_000)
    sum(number * number for number in range(200_000))


@pytest.fixture(scope="module")
def slowness() -> float:
    """Return how much slower this machine is right now than the one the bound is for. It is never less than 1."""
    best = 1.0
    for _ in range(3):
        began = time.thread_time()
        _work()
        best = min(best, time.thread_time() - began)
    return max(best / REFERENCE, 1.0)


def check(pattern: Pattern, use: Use, slowness: float) -> None:
    """Fail unless the pattern is fast for the hardest of its texts, and takes time as they are long. All texts are
    tried while they are short. The hardest ones, and each that is slow already then, are tried at full length."""
    bound, attacks = BOUND * slowness, attacks_on(pattern)
    with patient(bound * SHORT_TOGETHER, pattern):
        times = [(seconds(use, pattern, write_text(attack, SHORT)), attack) for attack in attacks]
    times.sort(reverse=True)
    for number, (taken, attack) in enumerate(times):
        if number < HARDEST or taken > bound * SHORT / LONG:
            check_growth(pattern, use, attack, slowness)


def check_growth(pattern: Pattern, use: Use, attack: Attack, slowness: float) -> None:
    """Fail where the pattern is slow twice, since once it may have been the machine."""
    bound = BOUND * slowness
    said = ""
    for _ in range(2):
        with patient(bound * 3, pattern):
            shorter, longer = (seconds(use, pattern, write_text(attack, size)) for size in (MIDDLE, LONG))
        if longer < bound and longer < shorter * GROWTH + 0.002 * slowness:
            return
        said = f"{longer * 1e3:.1f} ms for a text of {attack!r:.80}, {shorter * 1e3:.1f} ms for a quarter of it"
    raise AssertionError(f"{pattern.pattern!r:.80}: {said}")


def test_every_pattern_takes_linear_time_and_little_of_it(
    found: list[Found], slowness: float, subtests: pytest.Subtests
) -> None:
    for pattern in found:
        with subtests.test(pattern.place):
            for use in pattern.uses:
                check(pattern.pattern, USES[use], slowness)


@pytest.mark.parametrize(
    ("source", "use"),
    [
        ("(a+)+$", "search"),
        ("(a|aa)+$", "fullmatch"),
        ("(..+?)(?:들|이|들이|들은)+", "fullmatch"),
        (r"\s+$", "search"),
        (r"\n[ \t]*\n\s*\Z", "search"),
        (r"(.*[aeiouy].*)(?:ing|ed)", "fullmatch"),
        (r"(?m)^ {0,3}\#{1,6}[ \t]+([^\n]*?)[ \t]*\#*[ \t]*$", "finditer"),
        (r"<!--.*?-->", "finditer"),
        (r"^ *(`{3,}|~{3,}) *([^\s`]*)[^`]*$", "match"),
        (r"(?: \|)* *\n[ \n]*", "sub"),
        (r"x*y*z", "finditer"),
        (r"\d+(?:\.\d+)*%", "finditer"),
        (r"[a-f]+\w*[!?]", "fullmatch"),
        (rb"(?:\w+\s?)+:", "match"),
    ],
)
def test_a_slow_pattern_is_found(source: str | bytes, use: str, slowness: float) -> None:
    with pytest.raises((AssertionError, TooSlow)):
        check(re.compile(source), USES[use], slowness)


@pytest.mark.parametrize(
    ("source", "use"), [(r"\s++$", "match"), ("[a-z]+(?:'[a-z]+)?|[가-힣]+", "finditer"), (r"\[\d{1,3}\]", "sub")]
)
def test_a_fast_pattern_passes(source: str, use: str, slowness: float) -> None:
    check(re.compile(source), USES[use], slowness)


def test_patterns_are_found_wherever_they_are_kept(found: list[Found]) -> None:
    places = {pattern.place.rpartition(".")[2] for pattern in found}
    assert {"_HEADING", "_PATTERNS", "_LETTERS", "_HTML", "_DURATION", "MARKER"} <= places
    assert any(pattern.place.startswith("inline.js:") for pattern in found)
