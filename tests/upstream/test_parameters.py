"""Parameters that a server refuses by name: the same is asked without them, at once and from then on."""

import logging
from collections.abc import Mapping
from contextlib import closing

import httpx2
import openai
import pytest

from qa_service.deltas import Retrying
from qa_service.errors import ContextLength, ParameterRefused, UnknownModel, UpstreamRejected, UpstreamUnavailable
from qa_service.upstream.failures import map_error
from qa_service.upstream.models import ModelUpstream
from qa_service.upstream.parameters import RefusedParameters, named_parameter, omit_parameters, wants_more
from tests.scripted_upstream import KOREAN, Script
from tests.upstream.questions import asked, chat, responses, text_from_frames

SET = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 100, "safety_identifier": "abc"}
MODEL = "my-company-model"
ASKED: Mapping[str, object] = {
    "model": MODEL,
    "input": [{"role": "user", "content": "include the temperature"}],
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "temperature": 0.7,
    "max_output_tokens": 100,
    "include": ["web_search_call.action.sources"],
}
ESSENTIAL = frozenset({"model", "input", "stream"})


REFUSABLE = {
    "responses": ["temperature", "top_p", "safety_identifier", "stream_options", "max_output_tokens", "store"],
    "chat": ["temperature", "top_p", "user", "stream_options", "max_tokens", "max_completion_tokens"],
}
LIMIT = {"responses": "max_output_tokens", "chat": "max_tokens"}


def refusing(param: str | None, code: str | None = "unsupported_parameter", **error) -> Script:
    return Script(status=400, error={"param": param, "code": code, "type": "invalid_request_error", **error})


def ask_all(upstream: ModelUpstream, **fields) -> str:
    """Ask with everything set that can be refused, and return the text of the answer."""
    deltas = asked(upstream, **{"model": MODEL, **SET, **fields})
    assert not any(isinstance(delta, Retrying) for delta in deltas)
    return text_from_frames(deltas)


class TestAskedAgain:
    @pytest.mark.parametrize(
        "code", ["unsupported_parameter", "unknown_parameter", "unsupported_value", "invalid_value"]
    )
    @pytest.mark.parametrize("place", range(4))
    def test_it_is_left_out_at_once_and_from_then_on(self, server, speaking, upstream, place, code):
        name = REFUSABLE[speaking.__name__][place]
        server.script(refusing(name, code))
        assert ask_all(upstream) == ask_all(upstream) == KOREAN
        first, *others = [request.body for request in server.requests]
        assert name in first
        assert others == [{key: value for key, value in first.items() if key != name}] * 2

    def test_several_that_come_one_after_another_are_each_left_out(self, server, speaking, upstream):
        names = REFUSABLE[speaking.__name__]
        server.script(*[refusing(name) for name in names])
        assert ask_all(upstream) == KOREAN
        assert set(server.requests[-1].body) in ({"model", "input", "stream"}, {"model", "messages", "stream"})
        assert len(server.requests) == len(names) + 1

    def test_a_part_of_one_is_left_out_alone_or_takes_what_it_leaves_empty_with_it(self, server, speaking, upstream):
        part = {"responses": "include_obfuscation", "chat": "include_usage"}[speaking.__name__]
        server.script(refusing(f"stream_options.{part}", "unknown_parameter"))
        assert ask_all(upstream) == KOREAN
        assert "stream_options" not in server.requests[-1].body

    def test_a_list_is_left_out_with_what_stands_in_it(self, server):
        server.script(refusing("include[0]", "invalid_value"))
        with closing(responses(server.url)) as upstream:
            ask_all(upstream, web_search=True)
        assert "include" not in server.requests[1].body
        assert "tools" in server.requests[1].body

    def test_what_is_refused_again_although_it_was_left_out_ends_the_answer(self, server, upstream):
        server.script(refusing("temperature"), refusing("temperature"))
        with pytest.raises(UpstreamRejected):
            ask_all(upstream)
        assert len(server.requests) == 2

    @pytest.mark.parametrize("name", ["n", "input[0].content", "messages[0].role", "model", "stream", "", "..", "[0]"])
    def test_what_was_not_asked_or_is_essential_is_not_asked_without(self, server, upstream, name):
        server.script(refusing(name, "invalid_value", message=""))
        with pytest.raises(UpstreamRejected):
            ask_all(upstream)
        assert len(server.requests) == 1

    def test_a_web_search_that_is_refused_is_never_left_out_without_a_word(self, server, speaking, upstream):
        name = {"responses": "tools[0].type", "chat": "web_search_options"}[speaking.__name__]
        server.script(refusing(name, "invalid_value"))
        with pytest.raises(UpstreamRejected, match=f"refuses {name.partition('[')[0]}"):
            ask_all(upstream, web_search=True)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("name", ["background", "store"])
    def test_the_background_is_never_left_out_without_a_word(self, server, name):
        server.script(refusing(name))
        with closing(responses(server.url, background=True)) as upstream, pytest.raises(UpstreamRejected, match=name):
            ask_all(upstream)
        assert len(server.requests) == 1

    def test_in_the_background_the_rest_is_left_out_as_well(self, server):
        server.script(refusing("temperature"))
        with closing(responses(server.url, background=True)) as upstream:
            assert ask_all(upstream) == KOREAN

    def test_it_uses_up_no_try(self, server, speaking):
        server.script(refusing("temperature"))
        with closing(speaking(server.url, tries=1)) as upstream:
            assert ask_all(upstream) == KOREAN

    def test_what_fails_afterwards_is_tried_again_without_it(self, server, upstream):
        server.script(refusing("temperature"), Script(status=500, headers={"retry-after-ms": "10"}))
        assert isinstance(asked(upstream, model=MODEL, **SET)[0], Retrying)
        assert ["temperature" in request.body for request in server.requests] == [True, False, False]


class TestRemembered:
    def test_it_is_remembered_for_that_model_alone(self, server, upstream):
        server.script(refusing("temperature"))
        ask_all(upstream)
        ask_all(upstream, model="another-model")
        ask_all(upstream)
        assert ["temperature" in request.body for request in server.requests] == [True, False, True, False]

    def test_a_value_that_is_refused_keeps_no_other_value_from_being_asked(self, server, upstream):
        server.script(refusing("temperature", "decimal_above_max_value", message="Expected a value <= 1."))
        for temperature in (1.9, 1.9, 0.5):
            assert ask_all(upstream, temperature=temperature) == KOREAN
        assert [request.body.get("temperature") for request in server.requests] == [1.9, None, None, 0.5]

    def test_refusals_of_values_do_not_add_up(self):
        refused, error = RefusedParameters(), refusal_of({"param": "temperature", "message": "too large"})
        for value in range(1000):
            refused.note_refusal(("temperature",), {"temperature": value}, error)
        assert refused.find_refused({"temperature": 999}) == [("temperature",)]
        assert refused.find_refused({"temperature": 998}) == []

    def test_an_upstream_that_refuses_is_not_down(self, server, speaking):
        with closing(speaking(server.url, tries=1)) as upstream:
            for _ in range(6):
                server.script(refusing("temperature", "invalid_value", message="odd"), refusing("model"))
                with pytest.raises(UpstreamRejected):
                    ask_all(upstream, temperature=len(server.requests))
            assert ask_all(upstream) == KOREAN


class TestSaid:
    def test_the_log_names_the_parameter_and_the_model_once(self, server, upstream, caplog):
        server.script(refusing("temperature"))
        with caplog.at_level(logging.WARNING):
            ask_all(upstream)
            ask_all(upstream)
        (record,) = caplog.records
        assert "temperature" in record.getMessage()
        assert MODEL in record.getMessage()

    def test_the_log_names_what_cannot_be_left_out(self, server, upstream, caplog):
        server.script(refusing("model"))
        with caplog.at_level(logging.WARNING), pytest.raises(UpstreamRejected):
            ask_all(upstream)
        assert "upstream refuses model" in caplog.text

    def test_upstreams_own_words_are_repeated_nowhere(self, server, upstream, caplog):
        server.script(refusing("sk-secret", message="sk-secret"), refusing("temperature", message="sk-secret"))
        with pytest.raises(UpstreamRejected) as caught:
            ask_all(upstream)
        ask_all(upstream)
        assert "secret" not in caplog.text + str(caught.value)

    def test_a_limit_that_the_model_finds_too_small_is_the_callers_to_change(self, server, speaking, upstream):
        server.script(refusing(LIMIT[speaking.__name__], "integer_below_min_value"))
        with pytest.raises(ParameterRefused) as caught:
            ask_all(upstream)
        assert (caught.value.status, caught.value.code, caught.value.field) == (422, "invalid_field", "maxTokens")
        assert len(server.requests) == 1

    def test_a_limit_that_the_model_finds_too_large_is_left_to_the_model(self, server, speaking, upstream):
        server.script(refusing(LIMIT[speaking.__name__], "integer_above_max_value"))
        assert ask_all(upstream) == KOREAN
        assert not any(name.startswith("max_") for name in server.requests[-1].body)


class TestLimit:
    """How long an answer may become has two names in Chat Completions, and no server knows both for all models."""

    def names(self, server) -> list[list[str]]:
        return [[name for name in request.body if name.startswith("max_")] for request in server.requests]

    def test_where_its_name_is_unknown_the_other_is_used_at_once_and_from_then_on(self, server):
        words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'."
        server.script(refusing("max_tokens", message=words))
        with closing(chat(server.url)) as upstream:
            assert ask_all(upstream) == ask_all(upstream) == KOREAN
        assert self.names(server) == [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]
        assert server.requests[1].body["max_completion_tokens"] == 100

    def test_a_model_that_is_known_to_take_the_newer_name_may_stand_on_a_server_that_knows_the_older(self, server):
        server.script(refusing(None, None, message="Unrecognized request argument supplied: max_completion_tokens"))
        with closing(chat(server.url)) as upstream:
            assert ask_all(upstream, model="o3") == KOREAN
        assert self.names(server) == [["max_completion_tokens"], ["max_tokens"]]

    def test_where_neither_name_is_known_there_is_no_limit(self, server):
        server.script(refusing("max_tokens"), refusing("max_completion_tokens"))
        with closing(chat(server.url)) as upstream:
            assert ask_all(upstream) == ask_all(upstream) == KOREAN
        assert self.names(server) == [["max_tokens"], ["max_completion_tokens"], [], []]

    @pytest.mark.parametrize(
        "words",
        [
            "This model's maximum context length is 4096 tokens. However, you requested 4108 tokens (12 in the "
            "messages, 4096 in the completion). Please reduce the length of the messages or completion.",
            "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is 4096 "
            "tokens and your request has 12 input tokens (4096 > 4096 - 12). None",
            "This endpoint's maximum context length is 8192 tokens. However, you requested about 9000 tokens (5000 of "
            "text input, 4000 in the output). Please reduce the length of either one.",
        ],
    )
    @pytest.mark.parametrize("code", [None, 400, "context_length_exceeded"])
    def test_a_limit_that_leaves_no_room_for_the_prompt_is_left_to_the_model(self, server, upstream, words, code):
        server.script(Script(status=400, error={"message": words, "code": code, "type": "BadRequestError"}))
        assert ask_all(upstream) == ask_all(upstream) == KOREAN
        assert [bool(names) for names in self.names(server)] == [True, False, False]

    @pytest.mark.parametrize(
        "words",
        [
            "This model's maximum context length is 2048 tokens. However, your request has 3000 input tokens.",
            "This model's maximum context length is 512 tokens. However, you requested 1031 tokens (931 in the "
            "messages, 100 in the completion). Please reduce the length of the messages or completion.",
            "The max_tokens and the context length don't fit.",
        ],
    )
    def test_a_prompt_that_is_too_long_by_itself_is_asked_once(self, server, upstream, words):
        server.script(Script(status=400, error={"message": words, "code": 400, "type": "BadRequestError"}))
        with pytest.raises(ContextLength):
            ask_all(upstream)
        assert len(server.requests) == 1


def refusal_of(body: object, status: int = 400):
    """Return the error that this body becomes."""
    response = httpx2.Response(status, request=httpx2.Request("POST", "https://upstream"))
    cause = openai.APIStatusError("refused", response=response, body=body)
    error = map_error(cause)
    error.__cause__ = cause
    return error


class TestNamed:
    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({"param": "temperature", "code": "unsupported_parameter"}, ("temperature",)),
            ({"param": "stream_options.include_obfuscation"}, ("stream_options", "include_obfuscation")),
            ({"param": "include[0]", "message": "temperature"}, ("include",)),
            ({"message": "Unrecognized request argument supplied: stream_options"}, ("stream_options",)),
            ({"message": "property 'temperature' is unsupported", "param": None}, ("temperature",)),
            ({"message": "`max_output_tokens`: must be less than 8, or drop `temperature`"}, ("max_output_tokens",)),
            ({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"]}]}, ("stream_options",)),
            ("unknown field stream_options", ("stream_options",)),
            ({"param": "body.temperature", "message": "Field not expected"}, ("temperature",)),
            ({"param": "temperature.x"}, ("temperature",)),
            ({"message": "The model takes a stream of input, but no 'temperature'."}, ("temperature",)),
            ({"message": "Unknown field: temperature"}, ("temperature",)),
            ({"message": "We include no temperature."}, ()),
            ({"message": "The model can't read this input."}, ()),
            ({"param": "model", "message": "no"}, ("model",)),
            ({"message": "my_temperature and temperatures"}, ()),
            ({"param": "user"}, ()),
            ({"param": 7, "message": "no"}, ()),
            ({"param": {"a": 1}}, ()),
            (None, ()),
            ([], ()),
        ],
    )
    @pytest.mark.parametrize("status", [400, 422])
    def test_it_is_found_however_servers_write_it(self, body, path, status):
        assert named_parameter(refusal_of(body, status), ASKED, ESSENTIAL) == path

    @pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
    def test_another_status_refuses_no_parameter(self, status):
        assert named_parameter(refusal_of({"param": "temperature"}, status), ASKED, ESSENTIAL) == ()

    @pytest.mark.parametrize("code", ["model_not_found", "context_length_exceeded", "content_policy_violation"])
    def test_what_has_another_reason_is_no_refused_parameter(self, code):
        assert named_parameter(refusal_of({"param": "temperature", "code": code}), ASKED, ESSENTIAL) == ()

    @pytest.mark.parametrize("error", [UpstreamUnavailable("cut"), UpstreamRejected("no"), UnknownModel("no")])
    def test_an_error_of_our_own_names_none(self, error):
        assert named_parameter(error, ASKED, ESSENTIAL) == ()
        assert not wants_more(error)


class TestWithout:
    def test_the_rest_stays_as_it_was(self):
        before = {**ASKED, "stream_options": {"include_obfuscation": False, "other": 1}}
        left = omit_parameters(
            before, [("stream_options", "include_obfuscation"), ("temperature",), ("absent", "deep")]
        )
        expected = {key: value for key, value in before.items() if key != "temperature"}
        assert left == {**expected, "stream_options": {"other": 1}}
        assert before["stream_options"] == {"include_obfuscation": False, "other": 1}
