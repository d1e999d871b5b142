"""Functions remember their results."""

from qa_service.remembered import LONGEST_REMEMBERED, remember_texts


def test_a_short_text_is_worked_on_once_and_a_long_one_each_time() -> None:
    asked: list[str] = []

    @remember_texts
    def measure(text: str) -> int:
        asked.append(text)
        return len(text)

    long = "b" * (LONGEST_REMEMBERED + 1)
    assert [measure(text) for text in ("가나", "가나", long, long)] == [2, 2, 4001, 4001]
    assert [len(text) for text in asked] == [2, 4001, 4001]
