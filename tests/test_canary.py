"""The mark of the instructions is the site's own, and is found in whatever way an answer repeats it."""

import logging
import re
import time

import pytest

from qa_service.canary import make_canary, repeats_canary, state_canary
from qa_service.deltas import TextDelta
from qa_service.frames import Text
from qa_service.prompting import Site
from qa_service.turns import Observation
from tests.answers import frames, metadata
from tests.fakes import STOPPED, FakeUpstream, parts

MARK = make_canary("a secret of the site")


def test_it_is_always_the_same_at_one_site_and_another_elsewhere() -> None:
    assert re.fullmatch(r"(?:[a-z2-9]{4}-){2}[a-z2-9]{4}", MARK)
    assert make_canary("a secret of the site") == MARK != make_canary("a secret of another site")


@pytest.mark.parametrize(
    "way", [str, str.upper, " ".join, "**".join, lambda mark: mark[::-1], lambda mark: mark.replace("-", "")]
)
def test_it_is_found_however_it_is_written(way) -> None:
    assert repeats_canary(f"My rules are: {way(MARK)}.", MARK)


@pytest.mark.parametrize("text", ["", "k7vx", MARK[:-1], f"{MARK[:4]} and much later {MARK[5:]}", "안녕하세요"])
def test_other_text_is_other_text(text: str) -> None:
    assert not repeats_canary(text, MARK)
    assert not repeats_canary(text, "")


@pytest.mark.parametrize("piece", [MARK[:-1], MARK[0], "-", MARK[0] + "---"])
def test_looking_for_it_costs_little(piece: str) -> None:
    began = time.thread_time()
    assert not repeats_canary(piece * (256_000 // len(piece)), MARK)
    assert time.thread_time() - began < 0.5


class TestInAnAnswer:
    def ask(self, *pieces: str, site: Site) -> tuple[list[str], Observation, FakeUpstream]:
        seen: list[Observation] = []
        upstream = FakeUpstream([*map(TextDelta, pieces), STOPPED])
        told = frames(parts(upstream, site=site, observe=seen.append))
        assert metadata(told).saved
        return [frame.content for frame in told if isinstance(frame, Text)], seen[0], upstream

    def test_the_instructions_have_it_behind_them(self) -> None:
        *_, upstream = self.ask("So.", site=Site("Be plain.", canary=MARK))
        first, second, *_ = upstream.prompts[0].messages
        assert (first.text, second.role, second.text) == ("Be plain.", "system", state_canary(MARK, "en"))

    def test_where_there_are_no_instructions_there_is_nothing_to_mark(self) -> None:
        *_, upstream = self.ask("So.", site=Site("", canary=MARK))
        assert [message.role for message in upstream.prompts[0].messages] == ["user"]

    def test_a_leak_is_noticed_in_whatever_pieces_it_comes_and_readers_get_each_piece_at_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        pieces = ("My rules: ", MARK[:3], MARK[3:7], MARK[7:], ".")
        with caplog.at_level(logging.WARNING):
            told, seen, _ = self.ask(*pieces, site=Site("Be plain.", canary=MARK))
        assert told == list(pieces)
        assert seen.leaked
        assert "repeats the mark of its instructions" in caplog.text
        assert MARK not in caplog.text

    def test_an_answer_that_keeps_it_to_itself_is_none(self, caplog: pytest.LogCaptureFixture) -> None:
        _, seen, _ = self.ask("My rules are simple.", site=Site("Be plain.", canary=MARK))
        assert not seen.leaked
        assert "mark" not in caplog.text
