"""The answer in the making: what it cost, how long it took, what became of its files."""

import time

import pytest
from msgspec.structs import replace

from qa_service.deltas import Finished
from qa_service.draft import Draft, build_observation
from qa_service.errors import Cancelled, Interrupted, QAError, TooLong, UpstreamTimeout
from qa_service.frames import Image
from qa_service.language.phrases import build_failure
from qa_service.model import FinishReason, Owner, Passage, Prompt, Session, StoredFile, Usage, Verdict
from qa_service.turns import Asked, logged_id
from tests.fakes import ANN, STOPPED, USAGE, admission

MINI = "gpt-4.1-mini"
DATED = "gpt-4.1-mini-2025-04-14"
FILE = StoredFile("f1", "sky.txt", "text", "used", 1, passages=2)
PICTURE = StoredFile("f2", "cat.png", "png", "used", 1, tokens=9)
ONE, TWO = Passage("f1", "sky.txt", "One."), Passage("f1", "sky.txt", "Two.")
PRICE = {"input": 2.0, "cached": 0.5, "output": 8.0}


def prompted(*passages: Passage, session: Session | None = None) -> Draft:
    draft = Draft(admission(session=session))
    draft.keep_prompt(Prompt(MINI, (), "Why?", passages=passages, tokens=30))
    return draft


def finished() -> Draft:
    draft = prompted()
    draft.write_text("Because.")
    draft.finished = STOPPED
    return draft


class TestCost:
    def test_fresh_cached_and_written_tokens_each_have_their_price(self) -> None:
        expected = ((100 - 40) * 2.0 + 40 * 0.5 + 20 * 8.0) / 1_000_000
        assert finished().build_metadata({DATED: PRICE}).cost == pytest.approx(expected)

    def test_the_model_asked_for_names_the_price_where_the_one_that_answered_has_none(self) -> None:
        assert finished().build_metadata({MINI: PRICE}).cost == finished().build_metadata({DATED: PRICE}).cost

    def test_without_a_price_for_cached_tokens_they_cost_as_fresh_ones(self) -> None:
        assert finished().build_metadata({MINI: {"input": 1.0, "output": 0}}).cost == pytest.approx(100 / 1_000_000)

    def test_without_prices_it_is_unknown(self) -> None:
        assert finished().build_metadata({}).cost is None

    def test_the_call_tells_the_same(self) -> None:
        metadata = finished().build_metadata({MINI: PRICE})
        (call,) = metadata.calls
        assert (call.model, call.usage, call.cost) == (DATED, USAGE, metadata.cost)


class TestUsage:
    def test_what_upstream_counted_counts(self) -> None:
        assert finished().build_metadata({}).usage == USAGE

    def test_what_it_did_not_count_is_estimated(self) -> None:
        draft = prompted()
        draft.write_text("1234567")
        draft.finished = Finished("stop")
        assert draft.build_metadata({}).usage == Usage(30, 5, 35, estimated=True)

    def test_before_the_prompt_nothing_was_used(self) -> None:
        metadata = Draft(admission()).build_metadata({MINI: PRICE})
        assert (metadata.usage, metadata.calls, metadata.cost) == (Usage(estimated=True), (), 0)


class TestRecalling:
    def test_what_was_asked_in_a_worker_that_died_counts_here(self) -> None:
        draft, verdict = Draft(admission()), Verdict("sky.txt", "text", "truncated", "over_budget")
        passage = replace(ONE, n=1)
        draft.recall_prompt(Asked(Prompt(MINI, (), "Why?", passages=(passage,), tokens=30), (verdict,)))
        draft.write_text("So [1].")
        draft.error = Interrupted("died")
        (source,) = draft.cite_sources()
        metadata = draft.build_metadata({})
        assert (source.file, metadata.files) == ("sky.txt", (verdict,))
        assert metadata.usage == Usage(30, 4, 34, estimated=True)

    def test_nothing_is_cited_where_nothing_was_asked(self) -> None:
        draft = Draft(admission())
        draft.write_text("So [1].")
        assert draft.cite_sources() == ()


class TestEnding:
    @pytest.mark.parametrize(
        ("error", "reason", "status"),
        [
            (TooLong(), "length", "incomplete"),
            (Cancelled(), "cancelled", "cancelled"),
            (Interrupted(), "error", "failed"),
        ],
    )
    def test_why_it_ended_is_told_in_both_words(self, error: QAError, reason: str, status: str) -> None:
        draft = prompted()
        draft.write_text("Half")
        draft.error = error
        metadata = draft.build_metadata({})
        assert (metadata.finish_reason, draft.build_turn(metadata, None).status) == (reason, status)

    @pytest.mark.parametrize(
        ("text", "reason", "status"),
        [
            ("Because.", "stop", "completed"),
            ("", "stop", "incomplete"),
            ("\n ", "stop", "incomplete"),
            ("", "refusal", "incomplete"),
            ("", "length", "incomplete"),
            ("왜냐하면", "content_filter", "incomplete"),
        ],
    )
    def test_an_answer_is_complete_where_upstream_says_so_and_there_is_a_word(
        self, text: str, reason: FinishReason, status: str
    ) -> None:
        draft = prompted()
        draft.write_text(text)
        draft.finished = Finished(reason)
        metadata = draft.build_metadata({})
        assert (metadata.finish_reason, draft.build_turn(metadata, None).status) == (reason, status)

    @pytest.mark.parametrize(("partial", "status"), [(False, "completed"), (True, "incomplete")])
    def test_a_finished_picture_is_an_answer_without_a_word_too(self, partial: bool, status: str) -> None:
        draft = prompted()
        draft.images.append(Image(0, partial, "image/png", "answers/a/images/0"))
        draft.finished = Finished("stop")
        assert draft.build_turn(draft.build_metadata({}), None).status == status

    def test_a_refusal_that_was_cut_is_a_cut_answer(self) -> None:
        draft = prompted()
        draft.write_refusal("I can't")
        draft.finished = Finished("length")
        metadata = draft.build_metadata({})
        assert (metadata.finish_reason, draft.build_turn(metadata, None).status) == ("length", "incomplete")


class TestTiming:
    def test_the_first_piece_sets_the_first_tokens_time(self) -> None:
        draft = Draft(replace(admission(), began=time.monotonic() - 2))
        draft.write_text("a")
        draft.write_text("b")
        timing = draft.build_metadata({}).timing
        assert timing.first_token_ms is not None
        assert 2000 <= timing.first_token_ms <= timing.total_ms < 4000

    def test_without_a_piece_there_is_none(self) -> None:
        assert prompted().build_metadata({}).timing.first_token_ms is None


class TestFiles:
    @pytest.mark.parametrize(
        ("file", "passages", "status", "reason"),
        [
            (FILE, (ONE, TWO), "used", None),
            (FILE, (replace(ONE, repeated_in=(FILE.file_id,)),), "used", None),
            (FILE, (ONE,), "truncated", "over_budget"),
            (FILE, (), "skipped", "over_budget"),
            (replace(FILE, status="partly", reason="no_text_layer"), (ONE,), "partly", "no_text_layer"),
            (replace(FILE, status="truncated", reason="too_large"), (ONE, TWO), "truncated", "too_large"),
            (replace(FILE, status="failed", reason="damaged", passages=0), (), "failed", "damaged"),
            (PICTURE, (), "skipped", "over_budget"),
        ],
    )
    def test_the_verdict_says_how_much_stands_in_the_prompt(
        self, file: StoredFile, passages: tuple[Passage, ...], status: str, reason: str | None
    ) -> None:
        (verdict,) = prompted(*passages, session=Session("s", 1, files=(file,))).verdicts
        assert (verdict.status, verdict.reason) == (status, reason)

    def test_a_picture_in_the_prompt_was_used(self) -> None:
        draft = Draft(admission(session=Session("s", 1, files=(PICTURE,))))
        draft.keep_prompt(Prompt(MINI, (), "Why?", pictures=("f2",)))
        assert [(verdict.status, verdict.reason) for verdict in draft.verdicts] == [("used", None)]

    def test_what_nobody_could_see_was_not_used(self) -> None:
        damaged = replace(PICTURE, status="failed", reason="damaged")
        draft = Draft(admission(session=Session("s", 1, files=(FILE, PICTURE, damaged))))
        draft.note_unseen()
        draft.keep_prompt(Prompt(MINI, (), "Why?", passages=(ONE, TWO)))
        assert [(verdict.status, verdict.reason) for verdict in draft.verdicts] == [
            ("used", None),
            ("skipped", "no_vision"),
            ("failed", "damaged"),
        ]

    def test_a_passage_of_no_file_of_the_session_counts_for_none(self) -> None:
        draft = prompted(Passage("elsewhere", "base.txt", "Known."))
        assert draft.verdicts == []


def test_the_observation_tells_no_text() -> None:
    draft = finished()
    draft.add_file(FILE, Verdict("sky.txt", "text", "used"))
    draft.error = UpstreamTimeout("slow")
    metadata = draft.build_metadata({})
    seen = build_observation(draft.build_turn(metadata, build_failure(draft.error, "en")), metadata, owner=ANN)
    assert (seen.error, seen.status, seen.files, seen.topic) == ("upstream_timeout", "failed", 1, 1)
    assert "Because" not in str(seen)
    assert "Why" not in str(seen)


class TestLoggedId:
    def test_of_a_visitor_tells_nobody_the_id_that_opens_the_answer(self) -> None:
        visitor, answer_id = Owner("anonymous", "0" * 32), "a" * 32
        metadata = finished().build_metadata({})
        turn = replace(finished().build_turn(metadata, None), answer_id=answer_id)

        seen = build_observation(turn, metadata, owner=visitor)

        assert answer_id not in str(seen)
        assert seen.answer_id == logged_id(visitor, answer_id)

    def test_of_a_visitor_needs_the_servers_secret_to_be_made(self) -> None:
        one, other = Owner("anonymous", "0" * 32), Owner("anonymous", "1" * 32)
        assert logged_id(one, "a" * 32) == logged_id(one, "a" * 32) != logged_id(other, "a" * 32)

    def test_of_anybody_else_is_the_id_itself(self) -> None:
        assert logged_id(ANN, "a" * 32) == "a" * 32
