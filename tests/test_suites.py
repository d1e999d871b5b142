"""These tests show that every implementation of a Protocol is held to it by a suite, and say which stand-ins need
none."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from tests.protocols import (
    FoundClass,
    find_held_names,
    find_implementations,
    find_protocols,
    list_ancestors,
    list_members,
)
from tests.wire.test_formats import STREAMED

UNNAMED = {
    "FrameEncoder": {row.encoder.__name__ for row in STREAMED},
    "Index": {"FakeIndex", "_RedisIndex"},
}
"""These are held to their Protocols by suites that don't name them: `TestEveryEncoder` has the encoder of each format,
and `TestFileStore` has the index that a store opens."""
NEEDLESS = {
    "tests/live/deadly_site.py": "What it has ends or freezes its own process.",
    "tests/typing/host_site.py": "It is never run.",
}
"""What these files have needs no suite, for these reasons."""


def find_unheld(protocol: FoundClass, held: Collection[str]) -> list[str]:
    """Return the implementations that no suite names. Where there is only one, it needs no suite, because its own tests
    show what it does.

    Two kinds of stand-ins need none either. One derives from an implementation, and differs from it in what its test is
    about. The other belongs to the tests of one module and has the only method of its Protocol, so that it is no more
    than a function.
    """
    found = find_implementations(protocol)
    methods = [name for name, parameters in list_members(protocol).items() if parameters is not None]

    def needs_suite(one: FoundClass) -> bool:
        is_derived = any(ancestor in found for ancestor in list_ancestors(one))
        is_function = Path(one.file).name.startswith("test_") and len(methods) == 1
        is_stand_in = one.file.startswith("tests/")
        return one.file not in NEEDLESS and not (is_stand_in and (is_derived or is_function))

    wanting = [one.name for one in found if needs_suite(one)]
    return [name for name in wanting if name not in held] if len(wanting) > 1 else []


class TestSuites:
    @pytest.fixture
    def protocols(self) -> Mapping[str, FoundClass]:
        return {protocol.name: protocol for protocol in find_protocols()}

    def test_no_implementation_is_without_one(self, protocols: Mapping[str, FoundClass]) -> None:
        held = {name: find_held_names(protocol) | UNNAMED.get(name, set()) for name, protocol in protocols.items()}
        assert [unheld for name, protocol in protocols.items() for unheld in find_unheld(protocol, held[name])] == []

    @pytest.mark.parametrize(
        ("name", "stand_in"), [("SessionStore", "FakeSessions"), ("DocumentReader", "Reader"), ("Upstream", "Model")]
    )
    def test_a_stand_in_that_is_left_out_is_noticed(
        self, protocols: Mapping[str, FoundClass], name: str, stand_in: str
    ) -> None:
        assert find_unheld(protocols[name], find_held_names(protocols[name]) - {stand_in}) == [stand_in]
