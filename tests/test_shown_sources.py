"""These tests show what readers are told of the passages that a model is shown, before it has written a word."""

from pathlib import Path

import msgspec
import pytest

from qa_service.answering import AnswerLine
from qa_service.deltas import Opened, TextDelta
from qa_service.errors import ContextLength
from qa_service.frames import FRAMES_VERSION, Frame, Reference, Restart, ShownPassage, ShownSource, StageNotice, Text
from qa_service.interfaces import AnswerSoFar
from qa_service.model import Passage, Place
from qa_service.prompting import Site
from qa_service.running.stop import StopSignal
from qa_service.shown_sources import LONGEST_SECTION, LONGEST_SOURCE_TITLE, MOST_SOURCES_BYTES, list_shown_sources
from qa_service.turns import Asked, Gap
from tests.answers import frames
from tests.fakes import ANSWER, STOPPED, FakeUpstream, KeepingUpstream, admission, parts, upload

SKY = "\n\n".join(f"The sky scatters light of kind {n}. " + "word " * 80 for n in range(9))


def named(told: list[Frame]) -> list[tuple[ShownSource, ...]]:
    """Return the sources of each frame that has some, also where there are none."""
    return [frame.sources for frame in told if isinstance(frame, StageNotice) and frame.sources is not None]


def numbers(sources: tuple[ShownSource, ...]) -> list[int]:
    return [passage.n for source in sources for passage in source.passages]


class TestList:
    def test_has_each_source_once_with_the_places_of_its_passages(self) -> None:
        passages = [
            Passage("f1", "계약서.pdf", "a", page=3, n=1),
            Passage("f2", "가격.xlsx", "b", paged=False, place=Place(sheet="가격", rows=(12, 12)), n=2),
            Passage("f1", "계약서.pdf", "c", page=4, section="제2조", n=3),
        ]
        assert list_shown_sources(passages, "s", "ko") == (
            ShownSource(
                "document",
                "계약서.pdf",
                "sessions/s/files/f1/pages",
                "f1",
                (ShownPassage(1, 3), ShownPassage(3, 4, "제2조")),
            ),
            ShownSource(
                "document", "가격.xlsx", "sessions/s/files/f2/pages", "f2", (ShownPassage(2, None, "시트 가격, 12행"),)
            ),
        )

    def test_leads_to_a_document_of_the_knowledge_base_or_to_its_own_address(self) -> None:
        passages = [
            Passage("d1", "terms.txt", "a", in_knowledge=True, paged=False, n=1),
            Passage("d2", "Terms", "b", in_knowledge=True, paged=False, url="https://a.example/terms", n=2),
            Passage("d3", "Terms", "c", in_knowledge=True, page=2, url="https://a.example/terms.pdf", n=3),
        ]
        assert [(source.kind, source.url) for source in list_shown_sources(passages, "s", "en")] == [
            ("document", "documents/d1/pages"),
            ("url", "https://a.example/terms"),
            ("url", "https://a.example/terms.pdf#page=2"),
        ]

    def test_says_nothing_of_the_text_of_passages(self) -> None:
        (source,) = list_shown_sources([Passage("f", "a.txt", "A secret.", n=1)], "s", "en")
        assert b"secret" not in msgspec.json.encode(source)

    @pytest.mark.parametrize("files", [1, 7, 60])
    def test_is_bounded_and_keeps_the_best(self, files: int) -> None:
        passages = [
            Passage(f"{n % files:032}", f"{n % files} " + "긴 이름 " * 40, "a", page=n, section="긴 제목 " * 40, n=n)
            for n in range(1, 61)
        ]
        sources = list_shown_sources(passages, "s" * 32, "ko")
        assert MOST_SOURCES_BYTES * 0.8 < len(msgspec.json.encode(sources)) <= MOST_SOURCES_BYTES + 2
        assert sorted(numbers(sources))[:5] == [1, 2, 3, 4, 5]
        assert {len(source.title) for source in sources} == {LONGEST_SOURCE_TITLE}
        assert {len(passage.section or "") for source in sources for passage in source.passages} == {LONGEST_SECTION}

    def test_an_address_that_has_no_room_takes_none_from_others(self) -> None:
        long = Passage("d", "Terms", "a", url=f"https://a.example/{'x' * MOST_SOURCES_BYTES}", n=1)
        assert numbers(list_shown_sources([long, Passage("f", "a.txt", "b", n=2)], "s", "en")) == [2]

    def test_has_all_passages_of_a_usual_prompt(self) -> None:
        passages = [Passage("f" * 32, "contract.pdf", "a", page=n, n=n) for n in range(1, 61)]
        assert numbers(list_shown_sources(passages, "s" * 32, "en")) == [*range(1, 61)]


class TestAnswer:
    def test_names_before_its_text_what_its_references_are_in_the_end(self, tmp_path: Path) -> None:
        known = parts(upstream := FakeUpstream([TextDelta("It scatters [1][7]. So [2]."), STOPPED]))
        told = frames(known, "Which light does the sky scatter?", files=(upload(tmp_path, "sky.txt", SKY),))
        (sources,) = named(told)
        assert numbers(sources) == [passage.n for passage in upstream.prompts[0].passages]
        assert [isinstance(frame, Text) for frame in told].index(True) == told.index(
            StageNotice("retrieving", sources=sources)
        ) + 1
        cited = [frame for frame in told if isinstance(frame, Reference)]
        assert [reference.n for reference in cited] == [1, 7, 2]
        assert {reference.url for reference in cited} == {f"{sources[0].url}/1"}
        assert {reference.section for reference in cited} <= {passage.section for passage in sources[0].passages}

    def test_names_none_where_the_model_is_shown_none(self) -> None:
        assert named(frames(parts(FakeUpstream(list(ANSWER))))) == []

    def test_names_none_where_the_site_wants_no_citations(self, tmp_path: Path) -> None:
        known = parts(FakeUpstream(list(ANSWER)), site=Site("Be plain.", citations=False))
        assert named(frames(known, files=(upload(tmp_path, "sky.txt", SKY),))) == []

    @pytest.mark.parametrize("fitting", [0.5, 0.01])
    def test_names_them_again_where_a_shorter_prompt_has_others(self, tmp_path: Path, fitting: float) -> None:
        known = parts(upstream := FakeUpstream([ContextLength(fitting=fitting)], list(ANSWER)))
        told = frames(known, "Which light does the sky scatter?", files=(upload(tmp_path, "sky.txt", SKY),))
        first, second = upstream.prompts
        assert len(second.passages) < len(first.passages)
        assert list(map(numbers, named(told))) == [
            [passage.n for passage in prompt.passages] for prompt in (first, second)
        ]

    def test_names_them_again_behind_a_restart(self, tmp_path: Path) -> None:
        known = parts(upstream := KeepingUpstream(list(ANSWER)))
        asked = admission("Which light does the sky scatter?", files=(upload(tmp_path, "sky.txt", SKY),))
        line = list(AnswerLine(known).write_answer(asked, StopSignal()))
        mark = next(item for item in line if isinstance(item, Asked))
        said = AnswerSoFar("The ", mark, "r1", since_opened=1, repeatable=False)
        again = list(AnswerLine(known).continue_answer(asked, said, StopSignal()))
        assert upstream.attached == ["r1"]
        (notice,) = (item for item in line if isinstance(item, StageNotice) and item.sources)
        assert again[:4] == [Gap(), Restart("interrupted"), notice, Opened("r1", FRAMES_VERSION)]
