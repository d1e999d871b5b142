"""Raised and lowered numbers stay apart from the number before them."""

import pytest

from qa_service.files.raised import lower_digits, raise_digits
from qa_service.files.segment import RawFile
from qa_service.files.word import read_docx
from tests import documents


@pytest.mark.parametrize(("text", "raised"), [("12", "¹²"), ("-6", "⁻⁶"), ("n", "ⁿ"), ("st", "st"), ("", "")])
def test_numbers_are_raised_and_words_are_not(text: str, raised: str) -> None:
    assert raise_digits(text) == raised


@pytest.mark.parametrize(("text", "lowered"), [("2", "₂"), ("max", "max")])
def test_numbers_are_lowered_and_words_are_not(text: str, lowered: str) -> None:
    assert lower_digits(text) == lowered


def test_numbers_of_a_docx_are_raised_and_lowered() -> None:
    def run(text: str, align: str = "baseline") -> str:
        return f'<w:r><w:rPr><w:vertAlign w:val="{align}"/></w:rPr><w:t>{text}</w:t></w:r>'

    runs = run("300") + run("1", "superscript") + run(" the 1") + run("st", "superscript")
    body = f"<w:p>{runs}{run(' CO')}{run('2', 'subscript')}</w:p>"

    assert (
        "".join(segment.text for segment in read_docx(RawFile(documents.word_package(body)))).strip()
        == "300¹ the 1st CO₂"
    )
