"""The measure of reading PDFs reads what it makes."""

import re

from benchmarks.pdf_pages import measure_reading
from tests import documents


def test_all_pages_are_read_whole() -> None:
    documents.pdf(["가"])  # this skips the test where the font isn't installed

    said = measure_reading(3)

    assert said.startswith("3 pages: ")
    assert int(re.findall(r"(\d+) tokens", said)[0]) > 3 * 900
