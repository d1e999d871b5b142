"""A file of questions and pages is read, and what came of them is counted."""

from pathlib import Path

import pytest

from qa_service.errors import QAError
from qa_service.evaluation import (
    LabelledQuestion,
    LabelledTopic,
    Outcome,
    PageLabel,
    Said,
    Tally,
    read_bound,
    read_lines,
)
from qa_service.frames import Reference
from qa_service.model import Passage

ASKED = LabelledQuestion("환불 기간은?", pages=(PageLabel("규정.pdf", page=2),), answer="7일")
RIGHT = Passage("f", "규정.pdf", "7일", page=2)
WRONG = Passage("f", "규정.pdf", "요금", page=1)


def reference(page: int, n: int = 1) -> Reference:
    return Reference(n, "document", "규정.pdf", "/page", "f", "규정.pdf", page)


def shares(*outcomes: Outcome, asked: LabelledQuestion = ASKED) -> dict[str, float]:
    tally = Tally()
    for outcome in outcomes:
        tally.add_answer(asked, outcome)
    return {name: figure.share for name, figure in tally.figures.items() if figure.counted}


def test_lines_are_read_with_all_that_they_may_have(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(
        '{"question": "a?", "files": ["b.pdf"], "pages": [{"file": "b.pdf", "page": 3}], "answer": "c"}\n\n'
        '{"question": "d?", "history": [{"role": "user", "text": "e"}], "label": "shift"}\n',
        encoding="utf-8-sig",
    )
    assert read_lines(path) == [
        LabelledQuestion("a?", ("b.pdf",), (PageLabel("b.pdf", page=3),), "c"),
        LabelledTopic("d?", "shift", (Said("user", "e"),)),
    ]


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"files": []}', '{"question": "a", "page": 3}', '{"question": "a", "label": "new"}']
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(f'{{"question": "a?"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(QAError, match=r"questions\.jsonl, line 2"):
        read_lines(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(QAError, match="nowhere"):
        read_lines(tmp_path / "nowhere")


def test_a_right_answer_counts_for_all_figures_that_it_is_about() -> None:
    found = shares(Outcome((WRONG, RIGHT), "7 일 이내, 곧 7일", (reference(2), reference(1))))
    assert found == {"found_page": 1, "cited_first": 1, "cited_page": 1, "wrong_silence": 0, "answer_words": 1}


def test_a_source_behind_the_first_counts_as_cited_only() -> None:
    found = shares(Outcome((RIGHT,), "7일", (reference(1), reference(2))))
    assert (found["cited_first"], found["cited_page"]) == (0, 1)


def test_the_sixth_passage_is_not_found_and_no_source_is_silence() -> None:
    found = shares(Outcome((WRONG,) * 5 + (RIGHT,), "모릅니다.", ()))
    assert (found["found_page"], found["wrong_silence"], found["answer_words"]) == (0, 1, 0)


def test_where_no_page_answers_silence_is_honest() -> None:
    unanswerable = LabelledQuestion("왜?")
    assert shares(Outcome((WRONG,), "", ()), Outcome((), "", (reference(1),)), asked=unanswerable) == {
        "honest_silence": 0.5
    }


def test_a_page_of_a_site_is_known_by_its_address() -> None:
    asked = LabelledQuestion("a?", pages=(PageLabel(url="https://a.example/rules/"),))
    told = Reference(1, "document", "Rules", "https://a.example/rules#refunds", "d")
    found = Passage("d", "Rules", "a", page=4, url="https://a.example/rules#refunds")
    assert shares(Outcome((found,), "", (told,)), asked=asked)["cited_first"] == 1


def test_topics_count_as_resets_and_shifts() -> None:
    tally = Tally()
    for label, drifted in (("shift", True), ("shift", False), ("continue", False)):
        tally.add_topic(LabelledTopic("a?", label), drifted=drifted)
    assert (tally.figures["found_shifts"].share, tally.figures["wrong_resets"].share) == (0.5, 0)


def test_bounds_fail_where_they_are_not_kept_or_nothing_was_counted() -> None:
    tally = Tally()
    tally.add_answer(ASKED, Outcome((WRONG,), "", ()))
    assert tally.find_failures({"found_page": 0.9}, {"wrong_silence": 1.0}) == [
        "found_page: expected at least 0.9, but it is 0.000 of 1"
    ]
    assert tally.find_failures({}, {"wrong_silence": 0.1, "wrong_resets": 0.1}) == [
        "wrong_silence: expected at most 0.1, but it is 1.000 of 1",
        "wrong_resets: expected at most 0.1, but it is 0.000 of 0",
    ]


@pytest.mark.parametrize("text", ["found=0.9", "found_page", "found_page=2", "found_page=much"])
def test_a_bound_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - float says of itself what is wrong
        read_bound(text)
    assert read_bound("found_page=0.9") == ("found_page", 0.9)
