"""These tests show which language a caller reads."""

import pytest

from qa_service.model import Language
from qa_service.web.languages import preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"),
        ("ko-KR,en;q=0.5", "ko"),
        ("en-GB,ko;q=0.5", "en"),
        ("KO_kr", "ko"),
        ("en;q=0.2,ko;q=0.8", "ko"),
        ("ko;q=0,en", "en"),
        ("fr,de;q=0.5,ko;q=0.1", "ko"),
        ("fr", None),
        ("*", None),
        ("", None),
    ],
)
def test_is_the_one_that_the_header_prefers(header: str, language: Language | None) -> None:
    assert preferred_language(header) == language
