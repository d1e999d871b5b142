"""OpenAI's Responses API in the hands of the official SDK."""

import base64
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx2
import openai
import pytest

from qa_service.errors import UpstreamRateLimited, UpstreamUnavailable
from tests.web.conftest import MakeHouse
from tests.web.house import HELD, SERVER_SECRET, House

KIM, LEE = "kim", "lee"
UNKNOWN = "0" * 32
TEXT = "안녕하세요."
LETTER = base64.b64encode(b"The sky is blue because of Rayleigh scattering.").decode()


def sdk_for(house: House, user: str = KIM, *, key: str = SERVER_SECRET) -> openai.OpenAI:
    """Return the SDK of one of the site's users."""
    transport = httpx2.WSGITransport(app=house.app)
    return openai.OpenAI(
        api_key=key,
        base_url="http://localhost/api/v1",
        default_headers={"X-User-Id": user},
        http_client=httpx2.Client(transport=transport),
        max_retries=0,
        _strict_response_validation=True,
    )


@pytest.fixture
def sdk(house: House) -> Iterator[openai.OpenAI]:
    with sdk_for(house) as client:
        yield client


@pytest.fixture
def ask(sdk: openai.OpenAI) -> Any:
    """Ask for a whole response."""
    return partial(sdk.responses.create, model="gpt-4.1-mini")


@pytest.fixture
def begin(house: House, sdk: openai.OpenAI) -> Any:
    """Ask, and read on to the first words, behind which the model waits."""

    def begin(**fields: Any) -> tuple[Any, list[Any]]:
        house.model.go.clear()
        stream = sdk.responses.create(model="gpt-4.1-mini", input="안녕?", stream=True, **fields)
        seen = []
        for event in stream:
            seen.append(event)
            if event.type == "response.output_text.delta":
                break
        return stream, seen

    return begin


def said_to(house: House) -> list[str]:
    """Return the texts of the latest prompt."""
    return [message.text for message in house.model.prompts[-1].messages]


class TestAsking:
    def test_the_answer_comes_whole(self, ask: Any) -> None:
        response = ask(input="안녕?")
        assert (response.status, response.output_text, response.error) == ("completed", TEXT, None)
        assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0

    def test_the_answer_comes_event_by_event(self, sdk: openai.OpenAI) -> None:
        with sdk.responses.stream(model="gpt-4.1-mini", input="안녕?") as events:
            deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
            assert events.get_final_response().output_text == "".join(deltas) == TEXT

    def test_items_are_the_question_and_what_was_said_before(self, house: House, ask: Any) -> None:
        ask(
            input=[
                {"role": "user", "content": "My name is Kim."},
                {"role": "assistant", "content": [{"type": "output_text", "text": "Hello, Kim."}]},
                {"type": "reasoning", "id": "rs_1", "summary": []},
                {"role": "user", "content": [{"type": "input_text", "text": "Who am I?"}]},
            ]
        )
        assert house.model.prompts[-1].question == "Who am I?"
        assert {"My name is Kim.", "Hello, Kim."} <= set(said_to(house))

    def test_instructions_and_developers_tell_the_model_how_to_answer(self, house: House, ask: Any) -> None:
        ask(
            instructions="Answer in rhymes.",
            input=[{"role": "developer", "content": "Be short."}, {"role": "user", "content": "Why?"}],
        )
        told = "\n".join(said_to(house)[:-1])
        assert "Answer in rhymes." in told
        assert "Be short." in told

    def test_numbers_reach_the_model(self, house: House, ask: Any) -> None:
        response = ask(input="Why?", temperature=0.5, top_p=0.25, max_output_tokens=100)
        prompt = house.model.prompts[-1]
        assert (prompt.temperature, prompt.top_p, prompt.max_tokens) == (0.5, 0.25, 100)
        assert (response.temperature, response.top_p, response.max_output_tokens) == (0.5, 0.25, 100)

    @pytest.mark.parametrize("many", [10**6, 1e6])
    def test_who_would_take_more_tokens_than_there_are_gets_as_many_as_there_are(
        self, house: House, ask: Any, many: float
    ) -> None:
        ask(input="Why?", max_output_tokens=many)
        assert house.model.prompts[-1].max_tokens == house.assembly.settings.max_tokens

    def test_a_file_is_read_and_answered_from(self, house: House, ask: Any) -> None:
        file = {"type": "input_file", "filename": "sky.txt", "file_data": f"data:text/plain;base64,{LETTER}"}
        content = [file, {"type": "input_text", "text": "Why is the sky blue?"}]
        response = ask(input=[{"role": "user", "content": content}])
        assert "Rayleigh" in "\n".join(said_to(house))
        assert response.x_metadata["files"][0]["status"] == "used"

    def test_the_tool_of_web_search_lets_the_model_search(self, house: House, ask: Any) -> None:
        ask(input="Why?", tools=[{"type": "web_search"}])
        assert house.model.prompts[-1].web_search

    def test_the_same_key_gets_the_same_response(self, ask: Any) -> None:
        first, second = (ask(input="Why?", extra_headers={"Idempotency-Key": "k1"}) for _ in range(2))
        assert first.id == second.id


class TestConversations:
    def test_a_response_is_continued_by_its_id(self, house: House, ask: Any) -> None:
        first = ask(input="하늘은 왜 파래?")
        second = ask(input="Kalman filters?", previous_response_id=first.id)
        assert said_to(house).count("하늘은 왜 파래?") == 1
        assert TEXT in said_to(house)
        assert (second.previous_response_id, second.conversation.id) == (first.id, first.conversation.id)

    @pytest.mark.parametrize("named", ["my-talk", {"id": "my-talk"}])
    def test_a_conversation_is_named(self, house: House, ask: Any, named: Any) -> None:
        ask(input="하늘은 왜 파래?", conversation="my-talk")
        assert ask(input="하늘은 왜 파란가?", conversation=named).conversation.id == "my-talk"
        assert "하늘은 왜 파래?" in said_to(house)

    def test_a_client_that_refers_to_an_answer_goes_on_in_its_conversation(self, house: House, ask: Any) -> None:
        """So the AI SDK does, which sends its whole conversation and a reference in the place of each answer."""
        first = ask(input="하늘은 왜 파래?")
        second = ask(
            input=[
                {"role": "user", "content": "하늘은 왜 파래?"},
                {"type": "item_reference", "id": first.output[0].id},
                {"role": "user", "content": "그럼 밤에는?"},
            ]
        )
        assert second.conversation == first.conversation
        assert said_to(house)[-3:] == ["하늘은 왜 파래?", TEXT, "그럼 밤에는?"]

    def test_files_before_an_answer_that_is_referred_to_are_known(self, ask: Any) -> None:
        file = {"type": "input_file", "filename": "sky.txt", "file_data": f"data:text/plain;base64,{LETTER}"}
        asked = {"role": "user", "content": [file, {"type": "input_text", "text": "Why is the sky blue?"}]}
        first = ask(input=[asked])
        reference = {"type": "item_reference", "id": first.output[0].id}
        second = ask(input=[asked, reference, {"role": "user", "content": "And the sea?"}])
        assert len(second.x_metadata["files"]) == 1

    def test_the_callers_own_history_is_no_topic_to_leave(self, house: House, ask: Any) -> None:
        said = [("user", "How do I bake bread?"), ("assistant", "With flour."), ("user", "Who painted Guernica?")]
        ask(input=[{"role": role, "content": text} for role, text in said])
        assert "With flour." in said_to(house)

    def test_without_a_name_each_question_stands_alone(self, house: House, ask: Any) -> None:
        ask(input="하늘은 왜 파래?")
        ask(input="그럼 밤에는?")
        assert "하늘은 왜 파래?" not in said_to(house)

    def test_what_isnt_kept_is_gone_when_it_has_ended(self, house: House, ask: Any, sdk: openai.OpenAI) -> None:
        response = ask(input="Why?", store=False)
        assert (response.store, response.conversation) == (False, None)
        with pytest.raises(openai.NotFoundError):
            sdk.responses.retrieve(response.id)
        with pytest.raises(openai.NotFoundError):
            ask(input="Why?", previous_response_id=response.id)
        listed = house.get("sessions", {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": KIM})
        assert listed.get_json()["items"] == []

    def test_what_isnt_kept_knows_what_it_continues_and_leaves_no_trace_there(self, house: House, ask: Any) -> None:
        first = ask(input="하늘은 왜 파래?")
        ask(input="Why?", previous_response_id=first.id, store=False)
        assert {"하늘은 왜 파래?", TEXT} <= set(said_to(house))
        ask(input="And then?", previous_response_id=first.id)
        assert "Why?" not in said_to(house)


class TestComingBack:
    def test_whoever_was_cut_off_gets_the_rest_by_the_last_number(
        self, house: House, sdk: openai.OpenAI, begin: Any
    ) -> None:
        stream, seen = begin()
        stream.close()
        house.model.go.set()
        number, answer = seen[-1].sequence_number, seen[0].response.id
        rest = list(sdk.responses.retrieve(answer, stream=True, starting_after=number))
        assert rest[0].sequence_number > number
        events = [*seen, *rest]
        assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
        assert (events[-1].type, events[-1].response.output_text) == ("response.completed", TEXT)

    def test_every_place_of_a_finished_answer_has_its_rest(self, sdk: openai.OpenAI, ask: Any) -> None:
        answer = ask(input="안녕?").id
        whole = list(sdk.responses.retrieve(answer, stream=True))
        for place, event in enumerate(whole):
            rest = sdk.responses.retrieve(answer, stream=True, starting_after=event.sequence_number)
            assert [later.sequence_number for later in rest] == [later.sequence_number for later in whole[place + 1 :]]

    def test_the_sdks_helper_follows_a_response_by_its_id(self, sdk: openai.OpenAI, ask: Any) -> None:
        with sdk.responses.stream(response_id=ask(input="안녕?").id) as events:
            assert events.get_final_response().output_text == TEXT

    def test_a_response_is_asked_for_while_it_is_written(self, house: House, sdk: openai.OpenAI, begin: Any) -> None:
        stream, seen = begin()
        found = sdk.responses.retrieve(seen[0].response.id)
        assert (found.status, found.output_text) == ("in_progress", "안녕")
        house.model.go.set()
        stream.close()

    def test_a_response_is_asked_for_afterwards(self, sdk: openai.OpenAI, ask: Any) -> None:
        asked = ask(input="안녕?", metadata={"lot": "7"}, instructions="Be short.")
        found = sdk.responses.retrieve(asked.id)
        assert found.to_dict() == asked.to_dict()
        assert (found.metadata, found.instructions) == ({"lot": "7"}, "Be short.")

    def test_its_question_is_listed(self, sdk: openai.OpenAI, ask: Any) -> None:
        (item,) = sdk.responses.input_items.list(ask(input="안녕?").id).data
        assert item.to_dict()["content"] == [{"type": "input_text", "text": "안녕?"}]

    def test_an_answer_in_the_background_is_asked_for_until_it_is_there(self, house: House, ask: Any, sdk: Any) -> None:
        house.model.go.clear()
        response = ask(input="안녕?", background=True)
        assert (response.status, response.background) == ("in_progress", True)
        house.model.go.set()
        until = time.monotonic() + HELD
        while response.status == "in_progress" and time.monotonic() < until:
            response = sdk.responses.retrieve(response.id)
        assert (response.status, response.output_text) == ("completed", TEXT)

    @pytest.mark.parametrize("background", [True, False])
    def test_only_an_answer_in_the_background_runs_to_its_end_without_a_reader(
        self, house: House, begin: Any, background: bool
    ) -> None:
        stream, seen = begin(background=background)
        stream.close()
        running = house.assembly.runner._running[seen[0].response.id]
        assert running.is_deserted(time.monotonic() + 3600, 120) is not background


class TestStopping:
    def test_a_stopped_response_keeps_what_it_has(self, house: House, sdk: openai.OpenAI, begin: Any) -> None:
        stream, seen = begin()
        stopped = sdk.responses.cancel(seen[0].response.id)
        assert (stopped.status, stopped.output_text) == ("cancelled", "안녕")
        assert sdk.responses.retrieve(stopped.id).status == "cancelled"
        assert [event.type for event in stream][-1] == "response.incomplete"

    def test_a_deleted_response_is_gone_at_once(self, house: House, sdk: openai.OpenAI, ask: Any) -> None:
        first = ask(input="하늘은 왜 파래?")
        second = ask(input="그럼 밤에는?", previous_response_id=first.id)
        house.settle()
        sdk.responses.retrieve(first.id)
        sdk.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError):
            sdk.responses.retrieve(first.id)
        kim = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": KIM}
        assert house.get(f"answers/{first.id}/stream", kim).status_code == 404
        assert sdk.responses.retrieve(second.id).output_text == TEXT

    def test_a_response_that_is_deleted_while_it_is_written_is_stopped(
        self, house: House, sdk: openai.OpenAI, begin: Any
    ) -> None:
        stream, seen = begin()
        sdk.responses.delete(seen[0].response.id)
        with pytest.raises(openai.NotFoundError):
            sdk.responses.retrieve(seen[0].response.id)
        stream.close()
        house.settle()
        assert not house.left_behind()


class TestErrors:
    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"input": ""}, "input"),
            ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input"),
            ({"input": "a", "temperature": 3}, "temperature"),
            ({"input": "a", "top_p": 10**400}, "top_p"),
            ({"input": "a", "max_output_tokens": -1}, "max_output_tokens"),
            ({"input": "a", "conversation": "no spaces"}, "conversation"),
            ({"input": "a", "conversation": "c", "previous_response_id": UNKNOWN}, "conversation"),
            ({"input": "a", "metadata": {"n": "x" * 600}}, "metadata"),
            ({"input": "a", "text": {"format": {"type": "json_object"}}}, "text"),
            ({"input": "a", "tools": [{"type": "function", "name": "f"}], "tool_choice": "required"}, "tool_choice"),
            ({"input": "a", "tool_choice": {"type": "function", "name": "f"}}, "tool_choice"),
            ({"input": [{"type": "item_reference", "id": f"msg_{UNKNOWN}_0"}]}, "input"),
            ({"input": "a", "instructions": "x" * 9000}, "instructions"),
            ({"input": "a", "background": True, "store": False}, "background"),
        ],
        ids=str,
    )
    def test_a_field_that_is_wrong_is_named_as_it_was_sent(
        self, house: House, ask: Any, fields: dict[str, Any], param: str
    ) -> None:
        with pytest.raises(openai.APIStatusError) as refused:
            ask(**fields)
        assert (refused.value.status_code // 100, refused.value.param) == (4, param)
        assert house.model.prompts == []

    def test_a_model_that_isnt_offered_isnt_found(self, ask: Any) -> None:
        with pytest.raises(openai.NotFoundError) as refused:
            ask(input="Why?", model="gpt-none")
        assert refused.value.code == "model_not_found"

    def test_the_model_that_is_listed_answers_even_where_there_is_none(self, make_house: MakeHouse) -> None:
        with sdk_for(make_house(openai_api_key="")) as client:
            (listed,) = client.models.list()
            assert client.responses.create(model=listed.id, input="Why?").status == "completed"

    @pytest.mark.parametrize("call", ["retrieve", "cancel", "delete"])
    def test_anothers_response_is_as_unknown_as_any(self, house: House, ask: Any, call: str) -> None:
        answer = ask(input="Why?").id
        with sdk_for(house, LEE) as stranger:
            bodies = []
            for response_id in (answer, UNKNOWN):
                with pytest.raises(openai.NotFoundError) as refused:
                    getattr(stranger.responses, call)(response_id)
                bodies.append(refused.value.body)
        assert bodies[0] == bodies[1]

    def test_anothers_response_cant_be_continued(self, house: House, ask: Any) -> None:
        answer = ask(input="Why?").id
        with sdk_for(house, LEE) as stranger, pytest.raises(openai.NotFoundError) as refused:
            stranger.responses.create(model="gpt-4.1-mini", input="Why?", previous_response_id=answer)
        assert refused.value.param == "previous_response_id"

    def test_a_token_in_the_address_is_taken_for_streams_alone(self, house: House, ask: Any) -> None:
        response, server = ask(input="Why?"), {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": KIM}
        token = house.client.post("/api/tokens", headers=server).get_json()["token"]
        path = f"v1/responses/{response.id}?token={token}"
        assert [house.get(path + more).status_code for more in ("", "&stream=false", "&stream=true")] == [401, 401, 200]

    def test_a_wrong_key_is_refused(self, house: House) -> None:
        with sdk_for(house, key="wrong") as client, pytest.raises(openai.AuthenticationError):
            client.responses.create(model="gpt-4.1-mini", input="Why?")

    def test_an_owner_who_asks_too_often_is_told_to_wait(self, make_house: MakeHouse) -> None:
        with sdk_for(make_house(rate=(1, 60))) as client:
            client.responses.create(model="gpt-4.1-mini", input="Why?")
            with pytest.raises(openai.RateLimitError) as refused:
                client.responses.create(model="gpt-4.1-mini", input="Why?")
        assert int(refused.value.response.headers["Retry-After"]) > 0

    def test_upstreams_failure_is_an_http_error_where_nothing_streams(self, house: House, ask: Any) -> None:
        house.model.error = UpstreamRateLimited("slow down")
        with pytest.raises(openai.RateLimitError):
            ask(input="Why?")

    def test_upstreams_failure_in_the_stream_is_raised(self, house: House, sdk: openai.OpenAI) -> None:
        house.model.error = UpstreamUnavailable("it broke off")
        with pytest.raises(openai.APIError, match="it broke off"):
            list(sdk.responses.create(model="gpt-4.1-mini", input="Why?", stream=True))

    def test_a_response_that_failed_says_why_when_it_is_asked_for(self, house: House, begin: Any, sdk: Any) -> None:
        stream, seen = begin()
        house.model.error = UpstreamUnavailable("it broke off")
        house.model.go.set()
        stream.close()
        house.settle()
        found = sdk.responses.retrieve(seen[0].response.id)
        assert (found.status, found.error.code, found.output_text) == ("failed", "server_error", "안녕")

    def test_a_number_that_is_none_is_named(self, house: House, ask: Any) -> None:
        answer = ask(input="Why?").id
        headers = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": KIM}
        refused = house.get(f"v1/responses/{answer}?stream=true&starting_after=x", headers)
        assert refused.get_json()["error"]["param"] == "starting_after"
