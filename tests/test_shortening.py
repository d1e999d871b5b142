"""A prompt that upstream finds too long is asked again once, shorter, as long as nothing of the answer has come."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from qa_service.answering import AnswerLine
from qa_service.deltas import Retrying, Searching, TextDelta, Thinking
from qa_service.errors import ContextLength
from qa_service.frames import Frame, Reference, StageNotice, Text
from qa_service.model import Exchange, Session, Topic
from qa_service.running.stop import StopSignal
from qa_service.turns import Asked
from tests.answers import failure, frames, metadata
from tests.fakes import ANSWER, STOPPED, FakeUpstream, Step, admission, kinds, parts, upload
from tests.scripted_upstream import ScriptedUpstream
from tests.scripts import KOREAN, Script
from tests.upstream.questions import SPEAKING

TURNS = tuple(Exchange(f"Q{n}", "word " * 100) for n in range(8))
TALK = Session("s", 1, (Topic(1, "Words", 8),), TURNS)
TOO_LONG = ContextLength(fitting=0.5)


def asked_twice(told: list[Frame]) -> bool:
    return StageNotice("retrying", attempt=2, reason="context_length") in told


def play(*scripts: list[Step], **fields: object) -> tuple[list[Frame], FakeUpstream]:
    return frames(parts(upstream := FakeUpstream(*scripts)), session=TALK, **fields), upstream


class TestOnce:
    def test_the_second_prompt_is_shorter_and_its_answer_is_told_once(self) -> None:
        told, upstream = play([TOO_LONG], list(ANSWER))
        assert kinds(told) == ["start", "status", "text", "metadata", "done"]
        assert asked_twice(told)
        first, second = upstream.prompts
        assert second.tokens <= first.tokens / 2
        assert second.messages[-1] == first.messages[-1]
        assert second.messages[0] == first.messages[0]
        assert (upstream.closed, metadata(told).finish_reason) == (2, "stop")

    @pytest.mark.parametrize("fitting", [0.8, 0.3])
    def test_it_has_the_share_that_upstream_says_fits(self, fitting: float) -> None:
        _, upstream = play([ContextLength(fitting=fitting)], list(ANSWER))
        first, second = upstream.prompts
        assert first.tokens * (fitting - 0.25) < second.tokens <= first.tokens * fitting

    def test_it_is_never_asked_a_third_time(self) -> None:
        told, upstream = play([TOO_LONG])
        assert len(upstream.prompts) == 2
        assert failure(told).code == "context_length"

    def test_a_question_that_is_too_long_alone_fails_at_once_and_says_so(self) -> None:
        told = frames(parts(upstream := FakeUpstream([TOO_LONG])), language="ko")
        assert len(upstream.prompts) == 1
        assert not asked_twice(told)
        assert (failure(told).code, failure(told).status, failure(told).retryable) == ("context_length", 422, False)
        assert "너무 길어요" in failure(told).user_message

    @pytest.mark.parametrize("step", [TextDelta("So"), Thinking(), Searching("words")])
    def test_it_is_not_asked_again_once_upstream_works_on_the_answer(self, step: Step) -> None:
        told, upstream = play([step, TOO_LONG], list(ANSWER))
        assert len(upstream.prompts) == 1
        assert failure(told).code == "context_length"

    def test_a_model_that_was_fallen_back_on_may_find_it_too_long(self) -> None:
        told, upstream = play([Retrying(2, "upstream_unavailable", "small"), TOO_LONG], list(ANSWER))
        assert len(upstream.prompts) == 2
        assert metadata(told).finish_reason == "stop"

    def test_whoever_takes_over_knows_the_shorter_prompt(self) -> None:
        line = AnswerLine(parts(FakeUpstream([TOO_LONG], list(ANSWER)))).write_answer(
            admission(session=TALK), StopSignal()
        )
        first, second = [item.prompt.tokens for item in line if isinstance(item, Asked)]
        assert second <= first / 2


class TestFiles:
    def test_what_only_the_first_prompt_held_is_said_to_be_left_out(self, tmp_path: Path) -> None:
        text = "\n\n".join(f"The sky scatters light of kind {n}. " + "word " * 80 for n in range(9))
        known = parts(upstream := FakeUpstream([TOO_LONG], [TextDelta("So [1]. And [9]."), STOPPED]))
        told = frames(known, "Which light does the sky scatter?", files=(upload(tmp_path, "sky.txt", text),))
        first, second = upstream.prompts
        assert 0 < len(second.passages) < len(first.passages) == 9
        assert f"Only {len(second.passages)} of the 9 passages" in second.messages[-2].text
        (verdict,) = metadata(told).files
        assert (verdict.status, verdict.reason) == ("truncated", "over_budget")
        assert [frame.n for frame in told if isinstance(frame, Reference)] == [1]

    def test_pictures_are_left_out_as_well(self, tmp_path: Path) -> None:
        uploads = [upload(tmp_path, f"{n}.png", f"picture {n}") for n in range(4)]
        told = frames(parts(upstream := FakeUpstream([TOO_LONG], list(ANSWER))), files=tuple(uploads))
        first, second = upstream.prompts
        assert len(first.pictures) == 4
        assert len(second.pictures) < 4
        left_out = [verdict for verdict in metadata(told).files if verdict.reason == "over_budget"]
        assert len(left_out) == 4 - len(second.pictures)


@pytest.fixture
def server() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.mark.parametrize("protocol", SPEAKING)
@pytest.mark.parametrize(
    "script",
    [
        Script(status=400, error={"message": "This model's maximum context length is 400 tokens and you sent 900."}),
        Script(failure="context_length_exceeded"),
    ],
    ids=["refused", "failed in the stream"],
)
def test_a_real_server_gets_a_shorter_request(server: ScriptedUpstream, protocol: str, script: Script) -> None:
    server.script(script)
    with closing(SPEAKING[protocol](server.url)) as upstream:
        told = frames(parts(upstream), session=TALK)
    assert "".join(frame.content for frame in told if isinstance(frame, Text)) == KOREAN
    first, second = [len(json.dumps(request.body)) for request in server.requests]
    assert second < first * 0.6
    assert asked_twice(told)
