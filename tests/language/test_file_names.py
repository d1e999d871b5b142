"""These tests show which files a question names."""

import pytest

from qa_service.language.file_names import drop_file_names, find_described_files, find_named_files

NAMES = ("Warranty.pdf", "휴가 규정.hwp", "규정.hwp", "notes")


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What does warranty.pdf say about the battery?", {"Warranty.pdf"}),
        ("휴가  규정.hwp에 따르면 연차는 며칠인가요?", {"휴가 규정.hwp", "규정.hwp"}),
        ("What do my notes say about the warranty?", set()),
        ("Is there an extendedwarranty.pdf?", set()),
    ],
)
def test_a_name_with_its_ending_names_a_file(question: str, named: set[str]) -> None:
    assert find_named_files(question, NAMES) == named


def test_a_name_goes_with_the_particle_behind_it() -> None:
    assert drop_file_names("규정.hwp는 배터리를 다루나요?", ["규정.hwp"]).split() == ["배터리를", "다루나요?"]
    assert drop_file_names("Is the battery in warranty.pdf?", ["Warranty.pdf"]).split()[:4] == [
        "is",
        "the",
        "battery",
        "in",
    ]


@pytest.mark.parametrize(
    ("question", "described"),
    [
        ("휴가 규정에 따르면 연차는 며칠인가요?", {"휴가 규정.hwp", "규정.hwp"}),
        ("What does the warranty say?", {"Warranty.pdf"}),
        ("How long is the battery covered?", set()),
    ],
)
def test_the_words_of_its_name_describe_a_file(question: str, described: set[str]) -> None:
    assert find_described_files(question, (*NAMES, "2.pdf")) == described
