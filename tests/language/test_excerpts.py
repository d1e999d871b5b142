"""Long texts are shortened to their beginning and their end."""

from qa_service.language.excerpts import keep_ends


def test_a_short_text_stays_whole() -> None:
    assert keep_ends("가나다라", 4) == "가나다라"


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    assert keep_ends("가나다라마바", 4) == "가나 마바"
