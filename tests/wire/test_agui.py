"""The events of AG-UI: valid for the protocol's own package, in an order that its clients take, and ending once."""

from typing import Any

import msgspec
import pytest

from qa_service.frames import (
    Call,
    Done,
    Failure,
    Frame,
    Image,
    Metadata,
    Restart,
    StageNotice,
    Text,
    UnknownFrame,
)
from qa_service.model import Language, Status, Usage
from qa_service.wire.agui import PROTOCOL, AgentEncoder, AgentRun
from qa_service.wire.encoder import FormatContext
from tests.wire.agent_events import AgentOrder, read_agent_events
from tests.wire.contract import problems
from tests.wire.test_typed import DOCUMENT, FRAMES, LINK, METADATA

START = FRAMES[0]
FAILED = Failure("rate_limited", "slow down", "잠시 기다려 주세요.", retryable=True, retry_after=7, status=429)
ASKED = [{"id": "m1", "role": "user", "content": "안녕?"}]
RUN = AgentRun("thread", "run-1", msgspec.json.encode(ASKED))
ANSWERS: dict[str, tuple[Frame, ...]] = {
    "success": (START, StageNotice("thinking"), Text("안"), Text("녕"), DOCUMENT, METADATA, Done("completed")),
    "cancelled": (START, Text("안"), METADATA, Done("cancelled")),
    "error": (START, StageNotice("reading_file", name="a.pdf"), FAILED, METADATA, Done("failed")),
}


def encoder(*sent: Frame, run: AgentRun | None = RUN, start: Any = START, language: Language = "en") -> AgentEncoder:
    return AgentEncoder(FormatContext("a1", "/api", start=start, sent=sent, language=language), run)


def events_of(*frames: Frame, run: AgentRun | None = RUN) -> list[dict[str, Any]]:
    encoding = encoder(run=run)
    return read_agent_events(encoding.head() + encoding.batch(1, frames) + encoding.tail())


@pytest.mark.parametrize("frames", [FRAMES, *ANSWERS.values()], ids=["all", *ANSWERS])
def test_a_client_takes_every_event_in_its_order(frames: tuple[Frame, ...]) -> None:
    assert AgentOrder(ASKED).take(events_of(*frames)).ended


@pytest.mark.parametrize("end", ANSWERS)
def test_a_run_says_how_it_ended(end: str) -> None:
    assert AgentOrder().take(events_of(*ANSWERS[end])).ended == end


@pytest.mark.parametrize("end", ANSWERS)
def test_a_reader_that_comes_back_anywhere_gets_the_rest_of_the_same_run(end: str) -> None:
    frames = ANSWERS[end]
    whole = encoder().batch(1, frames)
    for seen in range(len(frames) + 1):
        before = encoder().batch(1, frames[:seen])
        assert before + encoder(*frames[:seen]).batch(seen + 1, frames[seen:]) == whole


def test_the_text_is_one_message_under_the_answers_id() -> None:
    texts = ["안녕 ", "", '"you"\n\r\t \u2028\u2029\x85', "👍"]
    shown = AgentOrder(ASKED).take(events_of(START, *map(Text, texts), Done("completed"))).messages
    assert shown == {"m1": "안녕?", "a1": "".join(texts)}


@pytest.mark.parametrize("frames", [FRAMES, *ANSWERS.values()], ids=["all", *ANSWERS])
def test_every_event_is_as_declared(frames: tuple[Frame, ...]) -> None:
    for event in events_of(*frames):
        assert problems("AgUiEvent", event) == []


def test_an_answer_without_text_is_no_message() -> None:
    assert AgentOrder().take(events_of(START, Text(""), Done("completed"))).messages == {}


def test_a_run_has_the_ids_that_its_client_gave_and_says_its_version() -> None:
    first, *_, last = events_of(*ANSWERS["success"])
    assert (first["threadId"], first["runId"]) == (last["threadId"], last["runId"]) == ("thread", "run-1")
    assert first["protocolVersion"] == PROTOCOL
    assert first["metadata"]["sessionId"] == "chat"
    assert last["result"] == {"answerId": "a1", "status": "completed"}


def test_a_run_that_nobody_named_is_the_answer_in_its_session() -> None:
    first, *_, last = events_of(*ANSWERS["success"], run=None)
    assert (first["threadId"], first["runId"]) == (last["threadId"], last["runId"]) == ("chat", "a1")


def test_a_reader_that_comes_back_is_told_the_session_too() -> None:
    [last] = read_agent_events(encoder(START, run=None).batch(2, [Done("completed")]))
    assert last["threadId"] == "chat"


@pytest.mark.parametrize("following", [Text("a"), DOCUMENT, FAILED, Restart("lost"), Done("completed")])
def test_a_status_is_a_step_until_the_next_frame(following: Frame) -> None:
    events = events_of(START, StageNotice("searching_web", query="날씨"), following)
    assert [event["type"] for event in events[1:3]] == ["STEP_STARTED", "STEP_FINISHED"]
    assert events[1]["metadata"] == {"stage": "searching_web", "query": "날씨"}


def test_each_page_that_is_read_is_a_step_of_its_own() -> None:
    pages = [StageNotice("reading_file", name="a.pdf", page=page, pages=2) for page in (1, 2)]
    order = AgentOrder().take(
        events_of(START, *pages, Text("a"), StageNotice("thinking"), Text("b"), Done("completed"))
    )
    assert order.steps == ["reading_file", "reading_file", "thinking"]
    assert order.messages["a1"] == "ab"


def test_sources_and_facts_are_custom_events() -> None:
    found = {event["name"]: event["value"] for event in events_of(START, DOCUMENT, METADATA) if "name" in event}
    assert found["reference"]["url"] == "/api/sessions/chat/files/f1/pages/3"
    assert found["metadata"]["finishReason"] == "stop"
    assert len([event for event in events_of(START, DOCUMENT, LINK) if event.get("name") == "reference"]) == 2


def test_a_picture_is_a_custom_event_that_leaves_the_message_open() -> None:
    picture = Image(0, partial=False, mime_type="image/png", url="answers/a1/images/0?version=1")
    told = events_of(START, Text("a"), picture, Text("b"), Done("completed"))[3]
    assert (told["name"], told["value"]["url"]) == ("image", "/api/answers/a1/images/0?version=1")


@pytest.mark.parametrize("following", [DOCUMENT, METADATA, Restart("lost"), Done("completed")])
def test_the_message_ends_where_the_text_does(following: Frame) -> None:
    assert events_of(START, Text("a"), following)[3]["type"] == "TEXT_MESSAGE_END"


@pytest.mark.parametrize("between", [StageNotice("searching_web"), UnknownFrame("note", b"{}")])
def test_what_comes_between_two_pieces_of_text_leaves_the_message_open(between: Frame) -> None:
    kinds = [event["type"] for event in events_of(START, Text("a"), between, Text("b"), Done("completed"))]
    assert (kinds.count("TEXT_MESSAGE_START"), kinds.count("TEXT_MESSAGE_END")) == (1, 1)


def test_a_frame_of_a_later_release_is_a_custom_event_under_its_name() -> None:
    [_, told] = events_of(START, UnknownFrame("note", b'{"type":"note","size":1}'))
    assert (told["name"], told["value"]) == ("note", {"size": 1})


def test_an_error_is_the_last_event_and_says_the_sentence_for_the_person() -> None:
    *_, facts, last = events_of(*ANSWERS["error"])
    assert facts["name"] == "metadata"
    assert (last["type"], last["message"], last["code"]) == ("RUN_ERROR", FAILED.user_message, FAILED.code)
    assert (last["metadata"]["retryable"], last["metadata"]["retryAfter"]) == (True, 7)


def test_an_answer_that_was_cut_short_is_a_run_that_finished_and_says_so() -> None:
    last = events_of(START, Text("a"), METADATA, Done("incomplete"))[-1]
    assert last["result"]["status"] == "incomplete"


@pytest.mark.parametrize("status", ["completed", "cancelled", "failed"])
def test_a_frame_after_the_end_of_the_step_or_message_never_leaves_it_open(status: Status) -> None:
    for frames in ([StageNotice("thinking")], [Text("a")], [Text("a"), StageNotice("thinking")]):
        assert AgentOrder().take(events_of(START, *frames, Done(status))).ended


def test_a_restart_gives_the_client_its_conversation_back_and_the_text_from_its_beginning() -> None:
    order = AgentOrder([*ASKED, {"id": "old", "content": "x"}])
    order.take(events_of(START, Text("void"), Restart("lost"), Text("good"), Done("completed")))
    assert order.messages == {"m1": "안녕?", "a1": "good"}


def test_the_tokens_of_each_model_are_summed_and_estimates_are_left_out() -> None:
    calls = (
        Call("mini", "rewrite", Usage(10, 5, 15, cached=4)),
        Call("large", "answer", Usage(1, 2, 3, reasoning=1)),
        Call("mini", "answer", Usage(20, 6, 26)),
        Call("mini", "answer", Usage(7, 7, 14, estimated=True)),
    )
    facts = msgspec.structs.replace(METADATA, calls=calls)
    assert events_of(START, facts, Done("completed"))[-1]["usage"] == [
        {"model": "mini", "inputTokens": 30, "outputTokens": 11, "totalTokens": 41, "cachedInputTokens": 4},
        {"model": "large", "inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "reasoningTokens": 1},
    ]


def test_a_stop_reports_its_tokens_and_no_result() -> None:
    last = events_of(*ANSWERS["cancelled"])[-1]
    assert "result" not in last
    assert last["usage"][0]["totalTokens"] == 15


def test_a_sign_of_life_is_a_comment() -> None:
    assert encoder().heartbeat().startswith(b":")
    assert read_agent_events(encoder().heartbeat()) == []


@pytest.mark.parametrize(("language", "word"), [("ko", "서비스"), ("en", "service")])
def test_a_worker_that_stops_ends_the_run_since_no_client_comes_back(language: Language, word: str) -> None:
    stopped = encoder(START, Text("a"), language=language)
    [last] = read_agent_events(stopped.reconnect("draining", 700))
    assert (last["type"], last["code"]) == ("RUN_ERROR", "draining")
    assert word in last["message"].lower()


def test_an_answer_that_failed_without_a_word_still_has_an_error() -> None:
    last = events_of(START, Done("failed"))[-1]
    assert (last["type"], last["code"]) == ("RUN_ERROR", "interrupted")


def test_the_facts_of_an_answer_without_a_call_name_no_usage() -> None:
    facts: Metadata = msgspec.structs.replace(METADATA, calls=())
    assert "usage" not in events_of(START, facts, Done("completed"))[-1]
