"""The line between the frames: what another worker must know to go on with an answer, and how it does."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from qa_service.answer_parts import Parts
from qa_service.answering import DEADLY, AnswerLine
from qa_service.deltas import Opened, TextDelta
from qa_service.errors import Cancelled, UpstreamRateLimited
from qa_service.frames import FRAMES_VERSION, Done, Frame, Text
from qa_service.interfaces import AnswerSoFar
from qa_service.model import Prompt
from qa_service.running.stop import StopSignal
from qa_service.turns import Asked, Gap, Mark
from tests.answers import saved
from tests.fakes import (
    KeepingUpstream,
    admission,
    parts,
    upload,
)


class TestMarks:
    def test_before_upstream_is_asked_what_is_asked_is_told_without_its_messages(self, tmp_path: Path) -> None:
        known = parts(upstream := KeepingUpstream())
        asked_for = admission(files=(upload(tmp_path, "sky.txt", "Blue."),))
        line = AnswerLine(known).write_answer(asked_for, StopSignal())
        asked = next(item for item in line if isinstance(item, Asked))
        assert upstream.prompts == []
        assert next(line) == Opened("r1", FRAMES_VERSION)
        assert asked.prompt == replace(upstream.prompts[0], messages=())
        assert [(verdict.name, verdict.status) for verdict in asked.verdicts] == [("sky.txt", "used")]

    def test_no_mark_says_what_the_prompt_said(self) -> None:
        known = parts(KeepingUpstream())
        items = list(AnswerLine(known).write_answer(admission("a very private question"), StopSignal()))
        prompts = [item.prompt for item in items if isinstance(item, Asked)]
        assert [prompt.messages for prompt in prompts] == [()]


class TestGoingOn:
    """This happens to an answer whose worker died. The tests of the workers have the rest."""

    def go_on(
        self, known: Parts, said: AnswerSoFar, stop: StopSignal | None = None, **fields: object
    ) -> list[Frame | Mark]:
        return list(AnswerLine(known).continue_answer(admission(**fields), said, stop or StopSignal()))

    def asked(self) -> Asked:
        return Asked(Prompt("gpt-4.1-mini", (), "Why?", tokens=30), ())

    @pytest.mark.parametrize("reason", ["handover", "lost"])
    def test_one_handed_on_again_while_it_is_told_again_leaves_no_gap(self, reason: str) -> None:
        stop = StopSignal()
        stop.set(reason)
        upstream = KeepingUpstream([TextDelta("Half "), Cancelled()])
        said = AnswerSoFar("Half ", self.asked(), "r1", since_opened=1)
        assert self.go_on(parts(upstream), said, stop) == []

    def test_what_upstream_says_anew_is_no_less_than_what_was_said(self) -> None:
        """It broke off behind what the log had: nothing is said twice, and all of it is kept."""
        upstream = KeepingUpstream([TextDelta("Half an "), TextDelta("ans"), UpstreamRateLimited("slow")])
        told = self.go_on(known := parts(upstream), AnswerSoFar("Half an ", self.asked(), "r1", since_opened=1))
        assert (told[0], told[1]) == (Text("ans"), Gap())
        assert saved(known).text == "Half an ans"

    def test_what_cannot_be_stored_behind_what_was_said_leaves_a_gap_and_all_of_that(self) -> None:
        upstream = KeepingUpstream([TextDelta("Half "), TextDelta("\ud83d"), TextDelta("answer")])
        told = self.go_on(known := parts(upstream), AnswerSoFar("Half an ", self.asked(), "r1", since_opened=2))
        assert (told[0], told[-1]) == (Gap(), Done("failed"))
        assert saved(known).text == "Half an "

    def test_one_that_workers_keep_dying_with_is_ended_and_not_attached_to(self) -> None:
        upstream = KeepingUpstream([TextDelta("Half "), TextDelta("an answer")])
        so_far = AnswerSoFar("Half ", self.asked(), "r1", since_opened=1, whole=True, deaths=DEADLY)
        told = self.go_on(parts(upstream), so_far)
        assert (told[0], told[-1], upstream.attached, upstream.prompts) == (Gap(), Done("failed"), [], [])

    def test_one_without_a_word_that_may_not_be_begun_again_is_ended(self) -> None:
        told = self.go_on(known := parts(), AnswerSoFar("", None, whole=False))
        assert (told[0], told[-1]) == (Gap(), Done("failed"))
        assert known.upstream.prompts == []
        assert saved(known).metadata is not None

    def test_one_that_was_asked_but_not_opened_is_begun_again_as_long_as_it_has_not_said_anything(self) -> None:
        told = self.go_on(parts(KeepingUpstream()), AnswerSoFar("", self.asked(), whole=True))
        assert (told[0], told[-1]) == (Gap(), Done("completed"))

    def test_one_that_has_said_something_is_never_begun_again(self) -> None:
        told = self.go_on(known := parts(), AnswerSoFar("Half", self.asked(), whole=True))
        assert told[-1] == Done("failed")
        assert saved(known).text == "Half"
