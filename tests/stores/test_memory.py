"""These tests show how much the private store may take."""

from pathlib import Path

import pytest

from qa_service.stores.memory import store_memory

MEBIBYTE = 1 << 20


@pytest.mark.parametrize(("limit", "store"), [("1073741824\n", 256), ("2147483648\n", 512), ("1048576\n", 256)])
def test_it_is_a_quarter_of_the_container_s_but_never_too_little(tmp_path: Path, limit: str, store: int) -> None:
    (tmp_path / "memory.max").write_text(limit)
    assert store_memory(tmp_path / "memory.max") == store * MEBIBYTE


@pytest.mark.parametrize("limit", ["max\n", None])
def test_without_a_container_it_is_the_machines(tmp_path: Path, limit: str | None) -> None:
    if limit:
        (tmp_path / "memory.max").write_text(limit)
    assert 256 * MEBIBYTE <= store_memory(tmp_path / "memory.max") <= 8192 * MEBIBYTE
