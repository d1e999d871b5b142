"""Names of uploads are kept as people see them."""

from unicodedata import normalize

import pytest

from qa_service.web.uploads import NAME, clean_name


@pytest.mark.parametrize("name", ["계약서 (최종).txt", "Änderung.pdf", "が.txt"])
def test_a_name_from_macos_is_composed(name: str) -> None:
    assert clean_name(normalize("NFD", name)) == name


def test_a_long_name_is_cut_after_it_is_composed() -> None:
    assert clean_name(normalize("NFD", "값" * 300 + ".txt")) == "값" * (NAME - 4) + ".txt"
