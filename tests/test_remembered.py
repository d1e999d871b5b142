"""Functions remember their results."""

from qa_service.remembered import LONGEST, remember_texts


def test_a_short_text_is_worked_on_once_and_a_long_one_each_time() -> None:
    asked: list[str] = []

    @remember_texts
    def measure(text: str) -> int:
        asked.append(text)
        return len(text)

    assert [measure(text) for text in ("가나", "가나", "b" * (LONGEST + 1), "b" * (LONGEST + 1))] == [2, 2, 4001, 4001]
    assert [len(text) for text in asked] == [2, 4001, 4001]
