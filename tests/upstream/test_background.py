"""Answers that upstream keeps: opened once, followed over broken connections, attached to from elsewhere, cancelled."""

from contextlib import closing

import pytest
from msgspec.structs import replace

from qa_service.deltas import Finished, Opened, Retrying
from qa_service.errors import (
    Cancelled,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from qa_service.running.stop import StopSignal
from tests.scripted_upstream import KOREAN, Script, ScriptedUpstream, pieces
from tests.upstream.questions import Asked, asked, attached, prompt, responses, text_from_frames

PACED = Script(deltas=12, rate=60)
SOON = {"retry-after-ms": "10"}


@pytest.fixture
def kept(server, meter):
    """Return an upstream in the background."""
    with closing(responses(server.url, background=True, first_token=5, meter=meter)) as upstream:
        yield upstream


def ways(server) -> list[str]:
    """Return what was requested, in order, without ids and the prefix."""
    ids = sorted(server.responses, key=len, reverse=True)
    paths = [f"{request.method} {request.path.removeprefix('/v1/responses')}" for request in server.requests]
    for one in ids:
        paths = [path.replace(one, "…") for path in paths]
    return paths


def only(server) -> str:
    (response_id,) = server.responses
    return response_id


class TestOpen:
    def test_it_says_the_id_once_before_all_else(self, server, kept):
        opened, *deltas = asked(kept)
        assert opened == Opened(only(server))
        assert text_from_frames(deltas) == KOREAN
        assert not any(isinstance(delta, Opened) for delta in deltas)
        assert server.requests[0].body["background"] is True
        assert server.requests[0].body["store"] is True

    def test_out_of_the_background_nothing_is_said_or_kept(self, server, upstream):
        assert not any(isinstance(delta, Opened) for delta in asked(upstream))
        assert not server.requests[0].body.get("store")
        assert "background" not in server.requests[0].body

    def test_a_failure_before_the_id_is_asked_again(self, server, kept):
        server.script(Script(status=500, headers=SOON))
        deltas = asked(kept)
        assert deltas[0] == Retrying(2, "upstream_unavailable", "gpt-4.1-mini")
        assert isinstance(deltas[1], Opened)
        assert ways(server) == ["POST ", "POST "]

    def test_a_response_that_failed_before_any_output_is_asked_for_again(self, server, kept):
        server.script(Script(failure="server_error"))
        deltas = asked(kept)
        first, second = server.responses
        assert deltas[:3] == [Opened(first), Retrying(2, "upstream_unavailable", "gpt-4.1-mini"), Opened(second)]
        assert text_from_frames(deltas) == KOREAN

    def test_what_waits_in_a_queue_says_its_id_at_once(self, server, kept):
        server.script(Script(recording="09b_phase_commentary_background"))
        assert asked(kept)[0] == Opened(only(server))


class TestBreaks:
    @pytest.mark.parametrize("fault", ["cut", "reset", "end"])
    @pytest.mark.parametrize("after", [1, 2, 6])
    def test_a_broken_connection_leaves_no_mark(self, server, kept, meter, fault, after):
        whole = asked(kept)
        server.script(Script(rate=500, fault=fault, after=after))
        assert asked(kept)[1:] == whole[1:]
        assert ways(server)[1:] == ["POST ", f"GET /…?stream=true&starting_after={after - 1}"]
        assert meter.counts == {"upstream_errors upstream_unavailable": 1}

    @pytest.mark.parametrize("after", range(22, 60, 4))
    def test_a_cut_in_the_middle_of_an_event_or_a_character_loses_nothing(self, server, kept, after):
        cut = Script(text="한글과 👍", chunk=29, fault="cut", after=after)
        server.script(cut, replace(cut, chunk=31, follow=True))
        deltas = asked(kept)
        assert text_from_frames(deltas) == "한글과 👍"
        assert isinstance(deltas[-1], Finished)
        assert len(server.requests) > 1

    def test_silence_is_a_break_too(self, server, meter):
        server.script(Script(fault="hang", after=7))
        with closing(responses(server.url, background=True, idle=0.3, meter=meter)) as kept:
            assert text_from_frames(asked(kept)) == KOREAN
        assert ways(server) == ["POST ", "GET /…?stream=true&starting_after=6"]
        assert meter.counts == {"upstream_errors upstream_timeout": 1}

    def test_as_long_as_there_is_progress_it_goes_on(self, server):
        server.script(Script(deltas=3, fault="cut", after=2), Script(follow=True, fault="cut", after=1, times=5))
        with closing(responses(server.url, background=True, tries=1)) as kept:
            assert isinstance(asked(kept)[-1], Finished)
        assert len(server.requests) == 7

    def test_without_progress_it_gives_up_after_its_tries_and_tells_upstream(self, server):
        fails = Script(follow=True, status=500, headers=SOON, times=2)
        server.script(Script(deltas=600, rate=20, fault="cut", after=6), fails)
        with closing(responses(server.url, background=True, tries=2)) as kept, pytest.raises(UpstreamUnavailable):
            asked(kept)
        assert ways(server) == ["POST ", *["GET /…?stream=true&starting_after=5"] * 2, "POST /…/cancel"]
        assert server.texts()[only(server)]["status"] == "cancelled"

    def test_a_follower_is_patient_with_a_busy_upstream(self, server, kept):
        server.script(Script(fault="cut", after=6), Script(follow=True, status=429, headers=SOON))
        assert text_from_frames(asked(kept)) == KOREAN

    def test_a_long_wait_is_not_waited_for(self, server, kept):
        server.script(Script(fault="cut", after=6), Script(follow=True, status=429, headers={"Retry-After": "30"}))
        with pytest.raises(UpstreamRateLimited):
            asked(kept)

    def test_events_that_come_twice_are_read_once(self, server, kept):
        server.script(Script(fault="cut", after=9, rate=50))
        with kept.open_answer(prompt(), StopSignal()) as deltas:
            response = server.responses[next(deltas).response_id]
            response.events = [*response.events[:9], *response.events[4:]]
            assert text_from_frames(deltas) == KOREAN

    def test_a_stop_ends_the_pause_between_two_connections(self, server, kept):
        server.script(Script(fault="cut", after=6), Script(follow=True, status=500, headers={"Retry-After": "9"}))
        question = Asked(kept)
        assert server.wait_requests(5, count=2)
        assert question.stopped_within(1)
        assert isinstance(question.error, Cancelled)

    def test_what_upstream_does_not_number_is_not_gone_on_with(self, server, kept):
        server.script(Script(recording="loose_web_search", fault="cut", after=8))
        with pytest.raises(UpstreamUnavailable):
            asked(kept)
        assert ways(server)[0] == "POST "
        assert not any(way.startswith("GET") for way in ways(server))

    def test_a_first_token_that_never_comes_is_a_timeout_after_all_tries(self, server):
        silent = Script(fault="hang", after=2, rate=1)
        server.script(silent, replace(silent, follow=True, after=0))
        impatient = responses(server.url, background=True, tries=1, first_token=0.2)
        with closing(impatient) as kept, pytest.raises(UpstreamTimeout):
            asked(kept)
        assert ways(server) == ["POST ", "GET /…?stream=true&starting_after=0", "POST /…/cancel"]


class TestAttach:
    def test_it_gives_the_same_deltas_from_the_beginning(self, server, kept):
        opened, *deltas = asked(kept)
        assert attached(kept, opened.response_id) == deltas

    def test_while_it_is_generated_it_is_followed_to_its_end(self, server, kept):
        server.script(PACED)
        question = Asked(kept)
        assert question.heard.wait(5)
        deltas = attached(kept, only(server))
        question.join()
        assert deltas == question.deltas[1:]
        assert text_from_frames(deltas) == server.texts()[only(server)]["text"]

    def test_after_a_handover_upstream_generates_on(self, server, kept):
        server.script(PACED)
        question = Asked(kept)
        assert question.heard.wait(5)
        assert question.stopped_within(1, reason="handover")
        assert isinstance(question.error, Cancelled)
        assert text_from_frames(attached(kept, only(server))) == "".join(pieces(PACED))

    def test_breaks_leave_no_mark(self, server, kept):
        opened, *deltas = asked(kept)
        server.script(Script(follow=True, fault="cut", after=0), Script(follow=True, fault="reset", after=5))
        assert attached(kept, opened.response_id) == deltas

    def test_an_unknown_id_is_asked_for_once(self, server, kept, meter):
        with pytest.raises(UpstreamRejected):
            attached(kept, "resp_unknown")
        assert ways(server) == ["GET /resp_unknown?stream=true"]
        assert meter.counts == {"upstream_errors upstream_rejected": 1}

    def test_an_upstream_that_cannot_be_reached_is_tried_again(self, server, kept):
        server.script(Script(follow=True, status=500, headers=SOON, times=3))
        with pytest.raises(UpstreamUnavailable):
            attached(kept, "resp_1")
        assert len(server.requests) == 3


class TestStop:
    @pytest.mark.parametrize("reason", ["cancelled", "hangup", "timeout"])
    def test_it_ends_the_response_upstream(self, server, kept, reason):
        server.script(Script(deltas=600, rate=20))
        question = Asked(kept)
        assert question.heard.wait(5)
        assert question.stopped_within(1, reason)
        assert isinstance(question.error, Cancelled)
        assert server.wait_closed(5)
        assert ways(server)[-1] == "POST /…/cancel"
        assert server.texts()[only(server)]["status"] == "cancelled"

    @pytest.mark.parametrize("reason", ["handover", "lost"])
    def test_the_response_lives_on_when_another_worker_goes_on(self, server, kept, reason):
        server.script(PACED)
        question = Asked(kept)
        assert question.heard.wait(5)
        assert question.stopped_within(1, reason)
        assert server.wait_closed(5)
        assert ways(server) == ["POST "]

    def test_while_attached_it_ends_the_response_too(self, server, kept):
        server.script(Script(deltas=600, rate=20))
        first = Asked(kept)
        assert first.heard.wait(5)
        assert first.stopped_within(1, "handover")
        stop = StopSignal()
        with kept.attach_answer(prompt(), only(server), stop) as deltas:
            next(deltas)
            stop.set("cancelled")
            with pytest.raises(Cancelled):
                list(deltas)
        assert server.texts()[only(server)]["status"] == "cancelled"

    def test_before_upstream_has_said_the_id_it_is_waited_for_a_moment(self, server, kept):
        server.script(Script(deltas=600, rate=20, delay=0.05))
        question = Asked(kept)
        assert server.wait_requests(5)
        assert question.stopped_within(1)
        assert isinstance(question.error, Cancelled)
        assert server.texts()[only(server)]["status"] == "cancelled"

    def test_what_comes_with_the_id_is_not_waited_for(self, server, kept):
        server.script(Script(delay=0.05, fault="hang", after=6))
        question = Asked(kept)
        assert server.wait_requests(5)
        assert question.stopped_within(1)
        assert question.deltas
        assert ways(server)[-1] == "POST /…/cancel"

    def test_an_upstream_that_never_says_the_id_is_left_after_a_moment(self, server, kept):
        server.script(Script(fault="mute"))
        question = Asked(kept)
        assert server.wait_requests(5)
        assert question.stopped_within(3)  # it waits nearly a second, and a busy machine takes longer
        assert isinstance(question.error, Cancelled)
        assert ways(server) == ["POST "]

    def test_a_stop_before_the_question_keeps_anything_from_being_sent(self, server, kept):
        asked(kept)
        stop = StopSignal()
        stop.set("cancelled")
        with pytest.raises(Cancelled):
            asked(kept, stop=stop)
        assert ways(server) == ["POST "]

    def test_leaving_after_a_stop_ends_it_as_well(self, server, kept):
        server.script(Script(deltas=600, rate=20))
        stop = StopSignal()
        with kept.open_answer(prompt(), stop) as deltas:
            next(deltas)
            stop.set("cancelled")
        assert server.texts()[only(server)]["status"] == "cancelled"

    def test_a_cancel_that_is_not_answered_is_left_within_a_second(self, server, kept):
        server.script(Script(deltas=600, rate=20), Script(follow=True, fault="mute"))
        question = Asked(kept)
        assert question.heard.wait(5)
        assert question.stopped_within(1.2)
        assert isinstance(question.error, Cancelled)

    def test_an_upstream_that_is_gone_hurts_no_stop(self):
        with ScriptedUpstream() as server, closing(responses(server.url, background=True)) as kept:
            server.script(Script(deltas=600, rate=20))
            question = Asked(kept)
            assert question.heard.wait(5)
        assert question.stopped_within(1.2)
        assert isinstance(question.error, Cancelled)

    def test_an_answer_that_has_ended_is_not_cancelled(self, server, kept):
        stop = StopSignal()
        asked(kept, stop=stop)
        stop.set("cancelled")
        assert ways(server) == ["POST "]
