"""These tests show which questions ask for a summary of a whole file."""

import pytest

from qa_service.language.summaries import asks_for_summary


@pytest.mark.parametrize(
    "question",
    [
        "요약해 줘",
        "첨부한 문서의 핵심 내용을 정리해줘",
        "이 논문 요약",
        "문서 전체를 간단히 요약해 주세요.",
        "주요 내용이 뭐야?",
        "이 pdf 뭐야?",
        "tl;dr",
        "Give me a short summary of the paper",
        "summarize it in three sentences",
        "What are the main points of this report?",
    ],
)
def test_questions_with_the_file_as_their_object_ask_for_a_summary(question: str) -> None:
    assert asks_for_summary(question)


@pytest.mark.parametrize(
    "question",
    [
        "환불 규정을 요약해 줘",
        "이 문서에서 환불 기간은 무엇인가요?",
        "파일 이름은 무엇인가요?",
        "보고서 제출 기한은?",
        "내용증명은 무엇인가요?",
        "summarize the refund rules",
        "What is the summary judgment?",
        "Who wrote the executive summary?",
        "What is it made of?",
        "x" * 500,
    ],
)
def test_questions_about_something_in_the_file_ask_for_none(question: str) -> None:
    assert not asks_for_summary(question)
