"""This module finds the Protocols of the package, the classes that fill them, and the suites that hold those classes to
them. It reads the source alone, because many stand-ins are written inside of a test."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

ROOT = Path(__file__).parents[1]

Members: TypeAlias = Mapping[str, Sequence[str] | None]
"""These map the name of each method to those of its parameters, and the name of anything else to None."""


class FoundClass(Struct, frozen=True):
    """A `FoundClass` is a class as it stands in a file."""

    file: str
    name: str
    bases: Sequence[str]
    members: Members


def find_protocols() -> list[FoundClass]:
    """Return the Protocols of the package."""
    return [found for found in _list_classes() if found.file.startswith("qa_service/") and "Protocol" in found.bases]


def find_implementations(protocol: FoundClass) -> list[FoundClass]:
    """Return the classes of the package and of its tests that have all that the Protocol has."""
    others = (found for found in _list_classes() if "Protocol" not in found.bases)
    wanted = list_members(protocol)
    return [found for found in others if _has_members(list_members(found), wanted)]


def list_ancestors(found: FoundClass) -> Iterator[FoundClass]:
    """Give the classes of the package and of its tests from which this one derives."""
    for base in found.bases:
        for other in _index_classes()[_read_imports(found.file).get(base, found.file), base]:
            if other is not found:
                yield other
                yield from list_ancestors(other)


def list_members(found: FoundClass) -> Members:
    """Return what the class has, with what it inherits."""
    members: dict[str, Sequence[str] | None] = {}
    for one in (found, *list_ancestors(found)):
        members = {**one.members, **members}
    return members


def find_held_names(protocol: FoundClass) -> set[str]:
    """Return the names in the suites of a Protocol. A suite is a class or a fixture of a test module which says that it
    gives the Protocol, with the classes that derive from it, and what of the module those use."""
    return {name for file in _list_files("tests") for name in _find_names(file, protocol.name)}


def _find_names(file: str, protocol: str) -> set[str]:
    statements = _parse(file).body if protocol in (ROOT / file).read_text() else []
    suites = [statement for statement in statements if _gives(statement, protocol)]
    known = {one.name for one in suites if isinstance(one, ast.ClassDef)}
    suites += [one for one in statements if isinstance(one, ast.ClassDef) and known & set(_names_in(*one.bases))]
    used, more = set[str](), set(_names_in(*suites))
    while more:
        used |= more
        more = set(_names_in(*(one for one in statements if _defined_by(one) & more))) - used
    return used


def _gives(statement: ast.stmt, protocol: str) -> bool:
    """Tell whether one of its fixtures, or one of its fields, gives the Protocol or makes such objects."""
    fixtures = [
        node.returns
        for node in ast.walk(statement)
        if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(one) for one in node.decorator_list)
    ]
    body = statement.body if isinstance(statement, ast.ClassDef) else []
    fields = [node.annotation for node in body if isinstance(node, ast.AnnAssign)]
    return protocol in _names_in(*(node for node in (*fixtures, *fields) if node))


def _defined_by(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.ClassDef() | ast.FunctionDef():
            return {statement.name}
        case ast.Assign():
            return set(_names_in(*statement.targets))
        case ast.AnnAssign():
            return set(_names_in(statement.target))
    return set()


def _names_in(*nodes: ast.AST) -> list[str]:
    return [node.id for one in nodes for node in ast.walk(one) if isinstance(node, ast.Name)]


def _has_members(members: Members, wanted: Members) -> bool:
    """Tell whether all that is wanted is there. What is wanted as a method must be one, and take what that takes."""
    return members.keys() >= wanted.keys() and all(
        parameters is None or _takes(members[name], parameters) for name, parameters in wanted.items()
    )


def _takes(method: Sequence[str] | None, parameters: Sequence[str]) -> bool:
    return method is not None and set(parameters) <= set(method)


@cache
def _list_classes() -> Sequence[FoundClass]:
    return [
        FoundClass(file, node.name, [ast.unparse(base).partition("[")[0] for base in node.bases], _read_members(node))
        for folder in ("qa_service", "tests")
        for file in _list_files(folder)
        for node in ast.walk(_parse(file))
        if isinstance(node, ast.ClassDef)
    ]


@cache
def _index_classes() -> Mapping[tuple[str, str], Sequence[FoundClass]]:
    """Return the classes by their file and their name. Several tests of a file may have a class of the same name."""
    classes = defaultdict[tuple[str, str], list[FoundClass]](list)
    for found in _list_classes():
        classes[found.file, found.name].append(found)
    return classes


def _read_members(statement: ast.ClassDef) -> Members:
    members: dict[str, Sequence[str] | None] = {}
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            members[node.attr] = None
    for one in statement.body:
        match one:
            case ast.FunctionDef(name=name, args=arguments, decorator_list=decorators):
                every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
                is_property = any(ast.unparse(decorator) == "property" for decorator in decorators)
                members[name] = None if is_property else [argument.arg for argument in every][1:]
            case ast.Assign(value=ast.Name(id=other)):
                members |= dict.fromkeys(_defined_by(one), members.get(other))
            case ast.Assign() | ast.AnnAssign():
                members |= dict.fromkeys(_defined_by(one))
    return members


@cache
def _read_imports(file: str) -> Mapping[str, str]:
    """Return in which file each name stands that this file imports."""
    return {
        name.asname or name.name: f"{(node.module or '').replace('.', '/')}.py"
        for node in ast.walk(_parse(file))
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


@cache
def _parse(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


def _list_files(folder: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*.py"))
