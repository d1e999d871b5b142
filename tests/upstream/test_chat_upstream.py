"""Chat Completions over real connections: the rest of an answer that has been told, and servers of both protocols side
by side."""

import time
from contextlib import closing

import pytest

from qa_service.deltas import Finished, Retrying
from qa_service.errors import (
    Cancelled,
    ContextLength,
    ParameterRefused,
    UnknownModel,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from qa_service.running.stop import StopSignal
from qa_service.upstream.chat import chat_protocol
from qa_service.upstream.clients import compatible_client, openai_client
from qa_service.upstream.responses import responses_protocol
from tests.fakes import FakeMeter
from tests.lateness import Lateness
from tests.scripted_upstream import KOREAN, NAMED, Script, ScriptedUpstream
from tests.upstream.questions import Asked, asked, attached, chat, connect, text_from_frames

SOON = {"retry-after-ms": "10"}
FAILS = Script(status=500, headers=SOON, error={"code": None})
TOO_SMALL = {"param": "max_output_tokens", "code": "integer_below_min_value"}
TOLD = 6
"""This many chunks hold an answer of one piece, with the reason for its end."""


class TestRest:
    """This may follow when all of the answer has come."""

    @pytest.mark.parametrize("fault", ["hang", "cut", "reset", "end", "garbage"])
    def test_what_becomes_of_it_is_no_failure(self, server, fault):
        server.script(Script(text="네.", deltas=1, fault=fault, after=TOLD))
        meter, began, late = FakeMeter(), time.monotonic(), Lateness()
        with closing(chat(server.url, cost=0.2, meter=meter)) as upstream:
            deltas = asked(upstream)
        assert text_from_frames(deltas) == "네."
        assert deltas[-1] == Finished("stop", model="gpt-4.1-mini")
        assert time.monotonic() - began < 2 + late.seconds
        assert not meter.counts

    def test_what_it_costs_may_come_late(self, server):
        server.script(Script(text="네.", deltas=1, rate=20))
        with closing(chat(server.url, idle=30, cost=1)) as upstream:
            assert asked(upstream)[-1].usage.output == 1

    def test_a_stop_ends_the_wait_for_it(self, server):
        server.script(Script(text="네.", deltas=1, fault="hang", after=TOLD))
        with closing(chat(server.url, cost=30)) as upstream:
            question = Asked(upstream)
            assert question.heard.wait(5)
            assert question.stopped_within(1)
        assert isinstance(question.error, Cancelled)

    def test_the_next_answer_has_its_own_patience(self, server):
        server.script(Script(deltas=1, rate=20), Script(fault="hang", after=TOLD))
        with closing(chat(server.url, idle=0.4, cost=0.15)) as upstream:
            assert asked(upstream)[-1].usage
            began = time.monotonic()
            with pytest.raises(UpstreamTimeout):
                asked(upstream)
        assert time.monotonic() - began > 0.35
        assert server.connections == 1


@pytest.fixture
def other():
    with ScriptedUpstream() as upstream:
        yield upstream


def both(first: str, second: str, **settings):
    """Return an upstream of the Responses API, and behind it one of Chat Completions."""
    responses = responses_protocol(
        openai_client(api_key="sk-1", base_url=first), background=settings.pop("background", False)
    )
    completions = chat_protocol(compatible_client(api_key="sk-2", base_url=second))
    return connect({"responses": responses, "chat": completions}, **settings)


def asked_for(server) -> list[str]:
    return [f"{request.path.rpartition('/v1/')[2]} {request.body['model']}" for request in server.requests]


class TestSideBySide:
    def test_a_model_of_the_other_server_is_fallen_back_on(self, server, other):
        server.script(FAILS, FAILS)
        with closing(both(server.url, other.url, tries=2, fallback=["chat:llama3.2:1b", "gpt-4o"])) as upstream:
            deltas = asked(upstream)
        assert deltas[:2] == [
            Retrying(2, "upstream_unavailable", "gpt-4.1-mini"),
            Retrying(3, "upstream_unavailable", "llama3.2:1b"),
        ]
        assert text_from_frames(deltas) == KOREAN
        assert deltas[-1].model == "llama3.2:1b"
        assert asked_for(server) == ["responses gpt-4.1-mini"] * 2
        assert asked_for(other) == ["chat/completions llama3.2:1b"]

    def test_the_order_is_that_of_the_fallbacks_whatever_they_speak(self, server, other):
        server.script(NAMED["404"], NAMED["404"])
        other.script(NAMED["404"])
        with closing(both(server.url, other.url, fallback=["chat:a", "b", "chat:c"])) as upstream:
            assert [one.model for one in asked(upstream) if isinstance(one, Retrying)] == ["a", "b", "c"]

    def test_a_question_may_name_a_model_of_either(self, server, other):
        with closing(both(server.url, other.url)) as upstream:
            asked(upstream, model="chat:gpt-4o")
            asked(upstream, model="responses:gpt-4o")
            asked(upstream, model="ft:gpt-4o:site")
        assert asked_for(server) == ["responses gpt-4o", "responses ft:gpt-4o:site"]
        assert asked_for(other) == ["chat/completions gpt-4o"]

    def test_a_model_that_is_down_there_is_not_down_here(self, server, other):
        server.script(*[FAILS] * 5)
        with closing(both(server.url, other.url, tries=1)) as upstream:
            for _ in range(5):
                with pytest.raises(UpstreamUnavailable, match="500"):
                    asked(upstream)
            with pytest.raises(UpstreamUnavailable, match="left alone"):
                asked(upstream)
            assert text_from_frames(asked(upstream, model="chat:gpt-4.1-mini")) == KOREAN

    def test_what_one_refuses_the_other_may_take(self, server, other):
        server.script(Script(status=400, error={"param": "temperature", "code": "unsupported_parameter"}))
        with closing(both(server.url, other.url)) as upstream:
            asked(upstream, temperature=0.5)
            asked(upstream, temperature=0.5, model="chat:gpt-4.1-mini")
        assert ["temperature" in request.body for request in [*server.requests, *other.requests]] == [True, False, True]

    @pytest.mark.parametrize("name", ["quota", "401"])
    def test_an_account_that_cannot_ask_hands_over_to_another_server_alone(self, server, other, name):
        server.script(NAMED[name])
        with closing(both(server.url, other.url, fallback=["gpt-4o", "chat:a"])) as upstream:
            assert text_from_frames(asked(upstream)) == KOREAN
        assert asked_for(server) == ["responses gpt-4.1-mini"]
        assert asked_for(other) == ["chat/completions a"]

    @pytest.mark.parametrize("script", [NAMED["400"], Script(status=400, error=TOO_SMALL)])
    def test_what_the_caller_must_change_is_asked_of_no_other_server(self, server, other, script):
        server.script(script)
        wrong = pytest.raises((ContextLength, ParameterRefused))
        with closing(both(server.url, other.url, fallback=["chat:a"])) as upstream, wrong:
            asked(upstream, max_tokens=1)
        assert other.requests == []

    def test_the_last_error_is_told(self, server, other):
        server.script(FAILS)
        other.script(NAMED["404"])
        with (
            closing(both(server.url, other.url, tries=1, fallback=["chat:a"])) as upstream,
            pytest.raises(UnknownModel),
        ):
            asked(upstream)

    def test_a_server_that_is_silent_hands_over_to_the_other(self, server, other):
        server.script(Script(fault="mute"))
        with closing(both(server.url, other.url, tries=1, first_token=0.1, fallback=["chat:a"])) as upstream:
            assert text_from_frames(asked(upstream)) == KOREAN

    def test_in_the_background_only_a_server_that_keeps_answers_is_followed(self, server, other):
        with closing(both(server.url, other.url, background=True)) as upstream:
            opened = asked(upstream)[0]
            assert text_from_frames(attached(upstream, opened.response_id)) == KOREAN
            assert text_from_frames(asked(upstream, model="chat:a")) == KOREAN
        assert "background" not in other.requests[0].body


def test_where_no_server_keeps_answers_none_is_followed(server):
    with closing(chat(server.url)) as upstream, pytest.raises(UpstreamUnavailable):
        attached(upstream, "resp_1")
    assert server.requests == []


def test_silence_behind_a_role_is_no_answer(server):
    server.script(Script(fault="hang", after=4))
    with closing(chat(server.url, tries=1, first_token=0.1)) as upstream, pytest.raises(UpstreamTimeout):
        asked(upstream, stop=StopSignal())
