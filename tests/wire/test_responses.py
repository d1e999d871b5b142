"""The stream of the Responses API: what the official SDK makes of it, which checks every event against its types."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
import msgspec
import openai
import pytest

from qa_service.frames import (
    Cite,
    Done,
    Failure,
    Frame,
    Image,
    Reference,
    Restart,
    StageNotice,
    Start,
    Text,
    UnknownFrame,
    text_from_frames,
)
from qa_service.model import Echo
from qa_service.wire.encoder import FormatContext
from qa_service.wire.lines import encode_json
from qa_service.wire.response_draft import ResponseDraft
from qa_service.wire.responses import EVENTS_OF_FRAME, NO_ECHO, ResponsesEncoder, build_response
from tests.wire.contract import problems
from tests.wire.test_typed import DOCUMENT, FRAMES, LINK, METADATA, TOPIC

START = Start("a1", "chat", created=True, model="mini", topic=TOPIC, created_at="2026-01-02T03:04:05.678Z")
DONE = Done("completed")
SEARCHING = StageNotice("searching_web")
FAILURE = Failure("rate_limited", "slow down", "Please wait.", retryable=True, retry_after=7, status=429)
ANSWER: tuple[Frame, ...] = (
    START,
    StageNotice("thinking"),
    SEARCHING,
    StageNotice("searching_web", query="하늘"),
    Text("하늘은 "),
    Text("파랗다 [1].\n\u2028👍 https://a.example"),
    msgspec.structs.replace(DOCUMENT, cites=(Cite(0, 11, "The sky is blue."), Cite(4, 7))),
    msgspec.structs.replace(LINK, cites=(Cite(16, 33),)),
    METADATA,
    DONE,
)


def context(*sent: Frame) -> FormatContext:
    return FormatContext("a1", "/api", sent=sent)


def encoded(frames: Sequence[Frame], echo: Echo = NO_ECHO) -> bytes:
    encoder = ResponsesEncoder(context(), echo=echo)
    return encoder.batch(1, frames) + (encoder.tail() if isinstance(frames[-1], Done) else b"")


def sdk_of(stream: bytes) -> openai.OpenAI:
    """Return the official SDK, which gets this stream from its server and refuses what isn't as its types say."""

    def serve(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=stream)

    client = httpx2.Client(transport=httpx2.MockTransport(serve))
    return openai.OpenAI(api_key="k", http_client=client, max_retries=0, _strict_response_validation=True)


def events_of(stream: bytes) -> list[Any]:
    """Return the events as the SDK gives them to whoever reads them one by one."""
    with sdk_of(stream) as client:
        return list(client.responses.create(model="mini", input="Why?", stream=True))


def final_of(stream: bytes) -> Any:
    """Return the response that the SDK's own helper puts together, which demands that the events come in their
    order."""
    with sdk_of(stream) as client, client.responses.stream(model="mini", input="Why?") as events:
        return events.get_final_response()


def data_of(stream: bytes) -> Iterator[dict[str, Any]]:
    """Return each event as a reader of lines finds it. The line before names it."""
    for block in stream.decode().split("\n\n"):
        lines = block.split("\n")
        if lines[0].startswith("event: "):
            found: dict[str, Any] = msgspec.json.decode(lines[1].removeprefix("data: "))
            assert lines == [f"event: {found['type']}", lines[1]]
            yield found


def text_of(frames: Sequence[Frame]) -> str:
    return "".join(frame.content for frame in frames if isinstance(frame, Text))


class TestAnswer:
    def test_the_events_come_in_the_order_of_the_api(self) -> None:
        assert [event.type for event in events_of(encoded(ANSWER))] == [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.web_search_call.in_progress",
            "response.web_search_call.searching",
            "response.web_search_call.completed",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.annotation.added",
            "response.output_text.annotation.added",
            "response.output_text.annotation.added",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]

    def test_the_deltas_are_the_text_byte_by_byte(self) -> None:
        deltas = [event.delta for event in events_of(encoded(ANSWER)) if event.type == "response.output_text.delta"]
        assert deltas == [frame.content for frame in ANSWER if isinstance(frame, Text)]

    def test_the_sdks_helper_puts_the_answer_together(self) -> None:
        final = final_of(encoded(ANSWER))
        assert (final.id, final.status, final.model) == ("a1", "completed", "mini")
        assert final.output_text == text_of(ANSWER)
        assert [item.type for item in final.output] == ["web_search_call", "message"]
        assert final.output[0].action.query == "하늘"
        assert final.conversation.id == "chat"

    def test_the_usage_is_upstreams(self) -> None:
        usage = final_of(encoded(ANSWER)).usage
        assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (10, 5, 15)

    def test_a_link_is_cited_where_it_stands_in_the_text(self) -> None:
        text = text_of(ANSWER)
        [cited] = [each for each in final_of(encoded(ANSWER)).output[1].content[0].annotations if each.type[0] == "u"]
        assert text[cited.start_index : cited.end_index] == cited.url == LINK.url

    def test_a_document_is_cited_at_each_of_its_places_with_its_page(self) -> None:
        notes = final_of(encoded(ANSWER)).output[1].content[0].annotations
        cited = [note for note in notes if note.type == "file_citation"]
        assert {(note.file_id, note.filename, note.page) for note in cited} == {("f1", "sky.pdf", 3)}
        assert [(note.index, getattr(note, "quote", None)) for note in cited] == [(11, "The sky is blue."), (7, None)]
        assert {note.url for note in cited} == {"/api/sessions/chat/files/f1/pages/3"}

    def test_a_source_without_a_place_stands_behind_the_whole_text(self) -> None:
        [note] = final_of(encoded([START, Text("안녕"), LINK, METADATA, DONE])).output[0].content[0].annotations
        assert (note.start_index, note.end_index) == (0, 2)

    def test_what_the_request_said_is_repeated(self) -> None:
        echo = Echo({"lot": "7"}, "Be short.", "before", temperature=0.5, max_tokens=90, stored=False)
        final = final_of(encoded(ANSWER, echo))
        assert (final.metadata, final.instructions, final.previous_response_id) == ({"lot": "7"}, "Be short.", "before")
        assert (final.temperature, final.max_output_tokens, final.store) == (0.5, 90, False)

    def test_what_isnt_kept_names_no_conversation(self) -> None:
        assert final_of(encoded(ANSWER, Echo(stored=False))).conversation is None

    def test_the_response_made_at_once_is_the_one_that_is_streamed(self) -> None:
        *_, last = data_of(encoded(ANSWER))
        assert msgspec.json.decode(encode_json(build_response(context(), Echo(), ANSWER))) == last["response"]

    @pytest.mark.parametrize("place", range(1, len(ANSWER)))
    def test_what_is_there_so_far_is_a_response_in_progress(self, place: int) -> None:
        found = build_response(context(), Echo(), ANSWER[:place])
        said = [part.text for item in found.output if item.__struct_config__.tag == "message" for part in item.content]
        assert (found.status, "".join(said)) == ("in_progress", text_of(ANSWER[:place]))


class TestText:
    @pytest.mark.parametrize("text", ['"quoted" \\ \x00\x7f', "\r\n\t\u2028\u2029\x85", "한글 👍🏽", ""])
    def test_a_delta_is_what_its_declaration_says(self, text: str) -> None:
        draft = ResponseDraft(context(), Echo())
        draft.skip_frame(START)
        draft.skip_frame(Text("a"))
        [event] = draft.add_frame(Text(text))
        [*_, sent] = data_of(encoded([START, Text("a"), Text(text)]))
        assert sent == {**msgspec.json.decode(encode_json(event)), "sequence_number": 3 * EVENTS_OF_FRAME}

    def test_no_line_holds_a_separator_that_a_reader_may_split_at(self) -> None:
        stream = encoded([START, Text("a"), Text("\u2028\u2029\x85"), DONE]).decode()
        assert len(stream.splitlines()) == stream.count("\n")


class TestNumbers:
    def test_they_grow_and_are_made_of_the_frames_numbers(self) -> None:
        numbers = [event.sequence_number for event in events_of(encoded(ANSWER))]
        assert numbers == sorted(set(numbers))
        assert {number // EVENTS_OF_FRAME for number in numbers} <= set(range(1, len(ANSWER) + 1))

    def test_whoever_names_the_last_event_gets_exactly_the_rest(self) -> None:
        events = list(data_of(encoded(ANSWER)))
        for place, event in enumerate(events):
            seen = event["sequence_number"]
            first = seen // EVENTS_OF_FRAME
            rest = ResponsesEncoder(context(*ANSWER[: first - 1]), seen=seen).batch(first, ANSWER[first - 1 :])
            assert list(data_of(rest)) == events[place + 1 :]


class TestEnds:
    def ended(self, *frames: Frame) -> Any:
        return events_of(encoded([START, *frames]))[-1]

    def test_an_answer_that_is_too_long_is_incomplete(self) -> None:
        last = self.ended(Text("a"), msgspec.structs.replace(METADATA, finish_reason="length"), Done("incomplete"))
        assert last.type == "response.incomplete"
        assert last.response.incomplete_details.reason == "max_output_tokens"
        assert last.response.output[0].status == "incomplete"

    def test_an_answer_that_was_stopped_says_so(self) -> None:
        last = self.ended(Text("a"), METADATA, Done("cancelled"))
        assert (last.type, last.response.status) == ("response.incomplete", "cancelled")
        assert last.response.output_text == "a"

    def test_a_refusal_is_text(self) -> None:
        last = self.ended(Text("no"), msgspec.structs.replace(METADATA, finish_reason="refusal"), DONE)
        assert (last.type, last.response.output_text) == ("response.completed", "no")
        assert last.response.x_metadata["finishReason"] == "refusal"

    def test_an_error_is_raised_by_the_sdk_with_its_code(self) -> None:
        with pytest.raises(openai.APIError, match="slow down") as raised:
            events_of(encoded([START, Text("a"), FAILURE, METADATA, Done("failed")]))
        assert raised.value.code == "rate_limit_exceeded"

    def test_whoever_passes_over_the_error_gets_a_failed_response_with_its_text_and_usage(self) -> None:
        *_, last = data_of(encoded([START, Text("a"), FAILURE, METADATA, Done("failed")]))
        response = last["response"]
        assert (last["type"], response["status"]) == ("response.failed", "failed")
        assert response["error"] == {"code": "rate_limit_exceeded", "message": "slow down"}
        assert (response["output"][0]["content"][0]["text"], response["usage"]["total_tokens"]) == ("a", 15)

    def test_an_answer_without_a_word_has_no_message(self) -> None:
        assert self.ended(METADATA, Done("incomplete")).response.output == []


class TestAnyAnswer:
    """The frames of these answers come in an order that chance has chosen."""

    @pytest.fixture(params=range(12))
    def frames(self, request: pytest.FixtureRequest) -> list[Frame]:
        chance = random.Random(request.param)
        searches = (SEARCHING, StageNotice("searching_web", query="q"))
        pictures = (Image(0, True, "image/png", "x"), Image(0, False, "image/png", "y"))
        middle = (Text("a"), Text("한글\n"), Text(""), *searches, *pictures, Restart("x"))
        notes = chance.choices([DOCUMENT, LINK], k=chance.randrange(3))
        return [START, *chance.choices(middle, k=chance.randrange(15)), Text("끝"), *notes, METADATA, DONE]

    def test_is_put_together_by_the_sdks_helper(self, frames: list[Frame]) -> None:
        final = final_of(encoded(frames))
        assert final.output_text == text_from_frames(frames)
        assert len({item.id for item in final.output}) == len(final.output)
        assert all(item.status != "in_progress" for item in final.output)

    def test_has_its_rest_behind_every_event(self, frames: list[Frame]) -> None:
        events = list(data_of(encoded(frames)))
        for place, event in enumerate(events):
            seen = event["sequence_number"]
            first = seen // EVENTS_OF_FRAME
            rest = ResponsesEncoder(context(*frames[: first - 1]), seen=seen).batch(first, frames[first - 1 :])
            assert list(data_of(rest)) == events[place + 1 :]


class TestPictures:
    """Pictures come as the API's own items, with their bytes where these can be had."""

    PARTIAL = Image(0, True, "image/png", "answers/a1/images/0?signature=x")
    WHOLE = Image(0, False, "image/png", "answers/a1/images/0?signature=y")

    def drawn(self, *frames: Frame, data: str | None = "aGk=") -> bytes:
        encoder = ResponsesEncoder(context(), load_image=lambda _: data)
        return encoder.batch(1, [START, *frames, METADATA, DONE])

    def test_a_picture_comes_in_parts_and_whole(self) -> None:
        events = events_of(self.drawn(Text("a"), self.PARTIAL, self.PARTIAL, self.WHOLE, Text("b")))
        parts = [event for event in events if event.type == "response.image_generation_call.partial_image"]
        assert [(part.partial_image_index, part.partial_image_b64) for part in parts] == [(0, "aGk="), (1, "aGk=")]
        names = [event.type for event in events if ".image_generation_call." in event.type]
        assert names[:2] == ["response.image_generation_call.in_progress", "response.image_generation_call.generating"]
        assert names[-1] == "response.image_generation_call.completed"

    def test_the_sdks_helper_finds_the_bytes_in_the_response(self) -> None:
        final = final_of(self.drawn(Text("a"), self.WHOLE, Text("b")))
        (picture,) = [item for item in final.output if item.type == "image_generation_call"]
        assert (picture.status, picture.result, final.output_text) == ("completed", "aGk=", "ab")
        assert picture.url == "/api/answers/a1/images/0?signature=y"

    def test_without_its_bytes_a_picture_has_its_address(self) -> None:
        *_, last = data_of(self.drawn(self.PARTIAL, self.WHOLE, data=None))
        (picture,) = last["response"]["output"]
        assert (picture["result"], picture["url"]) == (None, "/api/answers/a1/images/0?signature=y")

    def test_a_picture_that_was_taken_back_or_never_finished_has_failed(self) -> None:
        final = final_of(self.drawn(self.WHOLE, Restart("lost"), self.PARTIAL, Text("b")))
        pictures = [item for item in final.output if item.type == "image_generation_call"]
        assert [(picture.status, picture.result) for picture in pictures] == [("failed", None)] * 2


class TestTwists:
    def test_text_that_was_taken_back_is_no_part_of_the_answer(self) -> None:
        link = Reference(1, "url", title="B", url="https://b.example")
        frames = [START, SEARCHING, Text("wrong"), link, Restart("lost"), Text("right"), METADATA, DONE]
        final = final_of(encoded(frames))
        assert final.output_text == "right"
        assert [item.status for item in final.output] == ["completed", "incomplete", "completed"]
        assert final.output[2].content[0].annotations == []

    def test_a_search_in_the_middle_of_the_text_leaves_the_text_whole(self) -> None:
        frames = [START, Text("a"), StageNotice("searching_web", query="q"), Text("b"), Text("c"), METADATA, DONE]
        final = final_of(encoded(frames))
        assert final.output_text == "abc"
        assert [item.type for item in final.output] == ["message", "web_search_call"]

    def test_each_search_is_an_item_of_its_own(self) -> None:
        searches = [StageNotice("searching_web", query=query) for query in (None, "q", "r", None)]
        final = final_of(encoded([START, *searches, Text("a"), METADATA, DONE]))
        assert [item.action.query for item in final.output[:-1]] == ["q", "r", ""]

    @pytest.mark.parametrize("frame", [StageNotice("reading_file", name="a.pdf", page=2), StageNotice("thinking")])
    def test_work_that_the_api_has_no_event_for_keeps_the_connection_alive(self, frame: Frame) -> None:
        assert encoded([frame]) == b": working\n\n" == ResponsesEncoder(context()).heartbeat()

    def test_a_frame_of_a_later_release_is_passed_over(self) -> None:
        assert encoded([UnknownFrame("note", b'{"content":"x"}')]) == b""

    def test_signs_of_life_dont_disturb_the_sdk(self) -> None:
        beat = ResponsesEncoder(context()).heartbeat()
        pieces = [ResponsesEncoder(context(*ANSWER[:at])).batch(at + 1, [frame]) for at, frame in enumerate(ANSWER)]
        assert final_of(beat + beat.join(pieces)).output_text == text_of(ANSWER)

    def test_a_worker_that_stops_cuts_the_connection_so_that_the_reader_comes_back(self) -> None:
        encoder = ResponsesEncoder(context())
        assert (encoder.reconnect("draining", 500), encoder.is_cut) == (b"", True)

    def test_every_event_is_as_declared(self) -> None:
        for frames in (FRAMES, ANSWER, [START, Text("a"), FAILURE, METADATA, Done("failed")]):
            for event in data_of(encoded(frames)):
                assert problems("ResponsesEvent", event) == []

    def test_every_kind_of_frame_can_come(self) -> None:
        assert {event["type"] for event in data_of(encoded(FRAMES))} > {"error", "response.completed"}
