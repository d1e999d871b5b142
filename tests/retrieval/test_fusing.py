"""These tests show how the candidates of several sources become one order."""

import pytest

from qa_service.model import Passage
from qa_service.retrieval.fusing import SourceCandidates, drop_repeated, fuse_candidates, is_relevant
from qa_service.search_interfaces import Candidate


def candidate(name: str, lexical: float, dense: float = 0.0, coverage: float = 1.0, *, file: str = "") -> Candidate:
    return Candidate(Passage(file or name, file or name, name), lexical, dense, coverage)


def fused(*sources: list[Candidate] | tuple[list[Candidate], float]) -> list[str]:
    """Return the texts of the passages, best first."""
    pairs = [source if isinstance(source, tuple) else (source, 1.0) for source in sources]
    return [passage.text for passage in fuse_candidates([SourceCandidates(*pair) for pair in pairs])]


def test_without_vectors_the_words_decide() -> None:
    assert fused([candidate("few", 1), candidate("most", 9), candidate("some", 4)]) == ["most", "some", "few"]


def test_words_outweigh_meaning_where_the_files_have_the_words_of_the_question() -> None:
    assert fused([candidate("words", 9, 0.2), candidate("meaning", 0, 0.8)]) == ["words", "meaning"]


def test_meaning_decides_where_the_files_have_none_of_them() -> None:
    """A question in another language is such a case, where only a number of it stands in the files."""
    found = [candidate("number", 9, 0.2, coverage=0.05), candidate("meaning", 0, 0.8, coverage=0)]
    assert fused(found) == ["meaning", "number"]


def test_a_source_that_hardly_covers_the_question_counts_little_however_rare_its_words_are() -> None:
    large = [candidate("chance", 900, coverage=0.05)]
    assert fused(large, [candidate("right", 3, coverage=0.9)]) == ["right", "chance"]


def test_a_source_counts_by_its_weight() -> None:
    assert fused(([candidate("other", 5)], 0.9), [candidate("own", 5)]) == ["own", "other"]


def test_the_same_text_is_found_once() -> None:
    found = [Passage(f"f{n}", "f", text) for n, text in enumerate(("a  b", "c", "a b\n", "d", "c"))]
    kept = drop_repeated(found)
    assert [passage.text for passage in kept] == ["a  b", "c", "d"]
    assert [passage.repeated_in for passage in kept] == [("f2",), ("f4",), ()]


def test_equally_good_sources_alternate_between_documents() -> None:
    found = [candidate(f"{file}{n}", 5 - n / 100, file=file) for file in ("a", "b") for n in range(3)]
    assert [text[0] for text in fused(found)[:4]] == ["a", "b", "a", "b"]


def test_nothing_found_is_nothing() -> None:
    assert fused([], ([], 0.9)) == []


@pytest.mark.parametrize(("coverage", "dense", "expected"), [(0.5, 0, True), (0.1, 0.5, True), (0.1, 0.1, False)])
def test_what_shares_neither_words_nor_meaning_has_nothing_to_do_with_the_question(
    coverage: float, dense: float, expected: bool
) -> None:
    assert is_relevant(candidate("a", 1, dense, coverage)) is expected


@pytest.mark.parametrize("question", ["What does warranty.pdf say about it?", "warranty.pdf는 뭐라고 하나요?"])
def test_a_file_that_the_question_names_comes_first(question: str) -> None:
    found = [candidate("a", 9, file="manual.pdf"), candidate("b", 5, file="warranty.pdf")]
    assert [passage.text for passage in fuse_candidates([SourceCandidates(found)], question)] == ["b", "a"]


@pytest.mark.parametrize(
    ("question", "file"),
    [("What does the warranty say?", "warranty.pdf"), ("보증서에 뭐라고 써 있나요?", "보증서.pdf")],
)
def test_the_words_of_a_file_s_name_decide_between_passages_that_fit_as_well(question: str, file: str) -> None:
    found = [candidate("a", 9.5, file="manual.pdf"), candidate("b", 9, file=file), candidate("c", 3, file=file)]
    assert [passage.text for passage in fuse_candidates([SourceCandidates(found)], question)] == ["b", "a", "c"]
