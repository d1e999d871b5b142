"""Servers of Chat Completions send less or more than the documented stream. Each is read for what it says, however it
is cut."""

import json
import logging

import pytest
from msgspec.structs import replace

from qa_service.deltas import Annotation, Delta, Finished, RefusalDelta, Thinking
from qa_service.errors import (
    ContextLength,
    InsufficientQuota,
    UnknownModel,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)
from qa_service.model import Usage
from qa_service.upstream.chat_reading import ChatReader
from tests.scripted_upstream import chat_answer, chat_chunk
from tests.upstream.questions import read_to_end, texts

DONE = b"data: [DONE]\n\n"
ENDED = (UpstreamUnavailable,)
PAGE = Annotation("url", title="쪽", url="https://page.example/")
NOTE = {"type": "url_citation", "url_citation": {"url": PAGE.url, "title": PAGE.title, "start_index": 0}}
LINK = f"([{PAGE.title}]({PAGE.url}))"
PLACED = {"url_citation": {"url": PAGE.url, "title": PAGE.title, "start_index": 2, "end_index": 2 + len(LINK)}}
COST = {"prompt_tokens": 36, "completion_tokens": 120, "total_tokens": 156}


def delta(reason: str | None = None, index: int | None = 0, **fields) -> bytes:
    """Return a chunk that adds to the message."""
    return chat_chunk(model="m", choices=[{"index": index, "delta": fields, "finish_reason": reason}])


def piece(text, **fields) -> bytes:
    return delta(content=text, **fields)


def usage(**told) -> bytes:
    return chat_chunk(model="m", choices=[], usage={**COST, **told})


def whole(reason: str | None = "stop", **message) -> bytes:
    """Return an answer that isn't streamed."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return json.dumps({"model": "m", "choices": [choice], "usage": COST}).encode()


STOP = delta("stop")
HALVES = b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n'
STOPPED = Finished("stop", model="m")
PAID = Finished("stop", model="m", usage=Usage(36, 120, 156))

ENDS = {
    "a stop, what it cost, and the end": ([piece("가"), STOP, usage(), DONE], [*texts("가"), PAID]),
    "no cost": ([piece("가"), delta("length"), DONE], [*texts("가"), Finished("length", model="m")]),
    "the cost with the reason": (
        [piece("가"), chat_chunk(model="m", choices=[{"delta": {}, "finish_reason": "stop"}], usage=COST), DONE],
        [*texts("가"), PAID],
    ),
    "the cost in every chunk, the last of which counts": (
        [
            chat_chunk(model="m", choices=[{"delta": {"content": "가"}}], usage={**COST, "completion_tokens": 1}),
            STOP,
            usage(),
            DONE,
        ],
        [*texts("가"), PAID],
    ),
    "no [DONE]": ([piece("가"), STOP, usage()], [*texts("가"), PAID]),
    "no [DONE] and no cost": ([piece("가"), STOP], [*texts("가"), STOPPED]),
    "no reason": ([piece("가"), DONE], [*texts("가"), STOPPED]),
    "an empty reason on the way": (
        [piece("가", reason=""), piece("나", reason=""), STOP],
        [*texts("가", "나"), STOPPED],
    ),
    "a reason that is none": ([piece("가", reason="null"), piece("나", reason="None")], texts("가", "나"), ENDED),
    "a reason in every chunk": (
        [piece("가", reason="stop"), piece("나", reason="stop"), DONE],
        [*texts("가", "나"), STOPPED],
    ),
    "an end without a text": ([STOP, DONE], [STOPPED]),
    "a text behind the reason": ([piece("가"), STOP, piece("나"), DONE], [*texts("가", "나"), STOPPED]),
    "an error behind the reason": ([piece("가"), STOP, chat_chunk(error={"code": 500})], [*texts("가"), STOPPED]),
    "garbage behind the reason": ([piece("가"), STOP, b"data: {oops\n\n"], [*texts("가"), STOPPED]),
    "words behind [DONE]": ([piece("가"), STOP, DONE, piece("나"), b"data: {oops\n\n"], [*texts("가"), STOPPED]),
    "[DONE] with spaces": ([piece("가"), STOP, b"data:  [DONE] \n\n", piece("나")], [*texts("가"), STOPPED]),
    "nothing but [DONE]": ([DONE], [], ENDED),
    "a role and [DONE]": ([delta(role="assistant", content=""), DONE], [], ENDED),
    "an end in the middle": ([piece("가")], texts("가"), ENDED),
    "nothing at all": ([], [], ENDED),
}
REASONS = {
    "stop": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "tool_calls": "stop",
    "length": "length",
    "max_tokens": "length",
    "MAX_TOKENS": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "SAFETY": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}
BROKEN = ["error", "abort", "cancelled", "insufficient_system_resource"]
CHUNKS = {
    "a role alone, nulls and empty pieces": (
        [delta(role="assistant"), delta(role="assistant", content=None, refusal=None), piece(""), piece("가"), STOP],
        [*texts("가"), STOPPED],
    ),
    "chunks without choices, as Azure's first": (
        [
            chat_chunk(model="", choices=[], prompt_filter_results=[{}]),
            piece("가"),
            chat_chunk(model="m", choices=None),
            STOP,
        ],
        [*texts("가"), STOPPED],
    ),
    "a choice that is null or has no delta": (
        [
            chat_chunk(choices=[None]),
            chat_chunk(choices=[{"index": 0}]),
            chat_chunk(choices=[{"delta": None}]),
            piece("가"),
            STOP,
        ],
        [*texts("가"), STOPPED],
    ),
    "a choice without an index": ([piece("가", index=None), STOP], [*texts("가"), STOPPED]),
    "other choices beside the first": (
        [piece("가"), piece("나", index=1), delta("length", index=2), STOP],
        [*texts("가"), STOPPED],
    ),
    "comments, names of events, other line ends and no space": (
        [
            b": PROCESSING\r\n\r\n",
            b"event: message\r\nid: 1\r\ndata:" + piece("가")[6:-2] + b"\r\n\r\n",
            b"retry: 9\ndata:" + STOP[6:],
        ],
        [*texts("가"), STOPPED],
    ),
    "keep-alives that are no objects": (
        [b"data: null\n\n", b"data: \n\n", b"data: ping\n\n", b"data: [1]\n\n", b"data: {}\n\n", piece("가"), STOP],
        [*texts("가"), STOPPED],
    ),
    "a content that is a list": (
        [
            piece([{"type": "text", "text": "가"}, {"type": "text", "text": "나"}]),
            piece([{"type": "thinking", "thinking": [{"type": "text", "text": "흠"}]}]),
            piece([None, {"type": "image_url"}, {"text": "다"}]),
            STOP,
        ],
        [*texts("가나"), Thinking(), *texts("다"), STOPPED],
    ),
    "fields of another type": (
        [
            chat_chunk(id=7, model=5, choices=[{"index": "0", "delta": {"content": 42}, "finish_reason": False}]),
            chat_chunk(model="m", choices={"index": 0, "delta": {"content": "?"}}),
            chat_chunk(model="m", choices=[{"delta": {"content": "가"}}], usage="none", citations="none"),
            STOP,
        ],
        [*texts("42", "가"), STOPPED],
    ),
    "a character in two halves": (
        [HALVES % b"\\ud83d", HALVES % b"\\udc4d!", piece("가"), HALVES % b"\\ud83d", HALVES % b"\\udc4d", STOP],
        [*texts("👍!", "가", "👍"), STOPPED],
    ),
    "a bracket that begins no mark": (
        [piece("가"), piece("나【"), piece("다"), piece("라"), STOP],
        [*texts("가", "나", "【다", "라"), STOPPED],
    ),
    "thoughts between texts": (
        [piece("가"), delta(reasoning="흠"), piece("나"), delta(reasoning="음"), piece("다"), STOP],
        [*texts("가"), Thinking(), *texts("나"), Thinking(), *texts("다"), STOPPED],
    ),
    "a word to the reader beside the choices": (
        [chat_chunk(model="m", message="ok", detail="ok", choices=[{"delta": {"content": "가"}}]), STOP],
        [*texts("가"), STOPPED],
    ),
    "a name of the model that comes late": (
        [
            chat_chunk(choices=[{"delta": {"content": "가"}}]),
            chat_chunk(model="m", choices=[{"finish_reason": "stop"}]),
        ],
        [*texts("가"), STOPPED],
    ),
    "a message as a whole at the end": (
        [
            piece("가"),
            chat_chunk(model="m", choices=[{"delta": {}, "message": {"content": "가나"}, "finish_reason": "stop"}]),
        ],
        [*texts("가", "나"), STOPPED],
    ),
    "a message as a whole, whose beginning was held back": (
        [piece("<"), chat_chunk(model="m", choices=[{"message": {"content": "<b>"}, "finish_reason": "stop"}])],
        [*texts("<b>"), STOPPED],
    ),
    "a mark that only upstream understands": (
        [piece("가【4:0†규정.pdf】."), STOP],
        [*texts("가."), Annotation("document", file="규정.pdf", span=(1, 1)), STOPPED],
    ),
}
THOUGHTS = {
    "as reasoning_content": (
        [delta(reasoning_content="흠"), delta(reasoning_content="음", content=None), piece("가"), STOP]
    ),
    "as reasoning": ([delta(reasoning="흠", content=""), delta(reasoning="음"), piece("가"), STOP]),
    "as an object": ([delta(reasoning={"text": "흠"}), piece("가"), STOP]),
    "as thinking": ([delta(thinking="흠"), piece("가"), STOP]),
    "between words at the beginning": ([piece("<think>흠, "), piece("음.</th"), piece("ink>\n\n"), piece("가"), STOP]),
    "between words, in one piece": ([piece("\n<think>\n흠\n</think>\n\n가"), STOP]),
}
SOURCES = {
    "in a chunk of the text": ([piece("가", annotations=[NOTE]), STOP], [*texts("가"), PAGE, STOPPED]),
    "in a chunk of their own, behind the reason too": (
        [piece("가"), delta(annotations=[NOTE, None]), STOP, delta(annotations=[NOTE])],
        [*texts("가"), PAGE, STOPPED],
    ),
    "with its place": (
        [
            piece("<think>흠</think>가 "),
            piece(LINK + "."),
            delta(annotations=[PLACED]),
            delta(annotations=[PLACED]),
            STOP,
        ],
        [Thinking(), *texts("가 ", LINK + "."), replace(PAGE, span=(2, 2 + len(LINK))), STOPPED],
    ),
    "flat": (
        [piece("가"), delta(annotations=[{"type": "url_citation", "url": PAGE.url, "title": PAGE.title}]), STOP],
        [*texts("가"), PAGE, STOPPED],
    ),
    "as addresses in every chunk": (
        [
            chat_chunk(model="m", citations=["https://a.example", None], choices=[{"delta": {"content": "가"}}]),
            chat_chunk(model="m", citations=["https://a.example", {"url": PAGE.url, "title": PAGE.title}], choices=[]),
            STOP,
        ],
        [*texts("가"), Annotation("url", url="https://a.example", n=1), replace(PAGE, n=2), STOPPED],
    ),
    "without an address": ([piece("가", annotations=[{"type": "file", "file": {}}, 7]), STOP], [*texts("가"), STOPPED]),
}
REFUSALS = {
    "in pieces": ([delta(refusal="안 "), delta(refusal="돼요.", content=None), STOP, DONE], ["안 ", "돼요."]),
    "in a list": ([piece([{"type": "refusal", "refusal": "안 돼요."}]), STOP, DONE], ["안 돼요."]),
    "as a whole": ([whole(content=None, refusal="안 돼요.")], ["안 돼요."]),
}
WHOLES = {
    "a text": ([whole(content="가나")], [*texts("가나"), PAID]),
    "a text behind line ends": ([b"\n\n", whole(content="가나")], [*texts("가나"), PAID]),
    "a list": (
        [whole(content=[{"type": "text", "text": "가"}, {"type": "text", "text": "나"}])],
        [*texts("가나"), PAID],
    ),
    "thoughts and a source": (
        [whole(content="<think>흠</think>가", reasoning_content="흠", annotations=[NOTE])],
        [Thinking(), *texts("가"), PAGE, PAID],
    ),
    "no reason": ([whole(reason=None, content="가")], [*texts("가"), PAID]),
    "nothing": ([b'{"choices": []}'], [], (UpstreamRejected,)),
    "another API's answer": ([b'{"object": "list", "data": []}'], [], (UpstreamRejected,)),
    "an error": ([b'{"error": {"code": "insufficient_quota"}}'], [], (InsufficientQuota,)),
    "an error as a text": ([b'{"error": "rate_limit_exceeded"}'], [], (UpstreamRateLimited,)),
    "a flat error": ([b'{"object": "error", "message": "no", "code": 429}'], [], (UpstreamRateLimited,)),
    "half of one": ([whole(content="가")[:-5]], [], ENDED),
}
ERRORS = {
    "nested": (chat_chunk(error={"message": "sk-secret", "type": "server_error", "param": None, "code": None}), *ENDED),
    "a code that is a status": (chat_chunk(error={"message": "…", "code": 429}), UpstreamRateLimited),
    "a status as a text": (chat_chunk(error={"message": "…", "type": "None", "code": "402"}), InsufficientQuota),
    "a text": (chat_chunk(error="sk-secret"), UpstreamUnavailable),
    "flat": (chat_chunk(object="error", message="sk-secret", type="BadRequestError", code=400), UpstreamRejected),
    "flat, with an event's name": (
        b"event: error\n" + chat_chunk(message="sk-secret", code="insufficient_quota"),
        InsufficientQuota,
    ),
    "a detail": (chat_chunk(detail="sk-secret"), UpstreamUnavailable),
    "beside a choice": (
        chat_chunk(error={"code": 502}, choices=[{"delta": {"content": ""}, "finish_reason": "error"}]),
        UpstreamUnavailable,
    ),
    "within a choice": (chat_chunk(choices=[{"delta": {}, "error": {"code": 429}}]), UpstreamRateLimited),
    "a prompt that is too long, in words": (
        chat_chunk(error={"message": "This model's maximum context length is 4096 tokens.", "code": 400}),
        ContextLength,
    ),
    "a model that isn't there, in words": (
        chat_chunk(error={"message": 'model "x" not found, try pulling it first', "type": "api_error"}),
        UnknownModel,
    ),
    "not JSON": (b"data: {oops\n\n", UpstreamUnavailable),
    "a page of HTML": (b"<html>", UpstreamRejected),
}


def listen(*chunks: bytes, size: int = 0) -> tuple[list[Delta], UpstreamError | None]:
    """Return all deltas, and the error they ended in."""
    content = b"".join(chunks)
    cut = (content[at : at + size] for at in range(0, len(content), size)) if size else chunks
    return read_to_end(ChatReader().read_deltas(cut))


def check(chunks: list[bytes], expected: list[Delta], error: tuple[type[UpstreamError], ...] = ()) -> None:
    """Hold a stream against what it says: however it is cut, and where nothing cuts it."""
    for size in (0, 1, 5, 10_000_000):
        deltas, found = listen(*chunks, size=size)
        assert deltas == expected
        assert type(found) is (error[0] if error else type(None))


@pytest.mark.parametrize("case", ENDS)
def test_an_answer_ends_as_upstream_says(case):
    check(*ENDS[case])


@pytest.mark.parametrize(("word", "reason"), REASONS.items())
def test_a_reason_is_known_by_the_words_of_several_servers(word, reason):
    check([piece("가"), delta(word), DONE], [*texts("가"), Finished(reason, model="m")])


@pytest.mark.parametrize("word", BROKEN)
def test_a_reason_that_says_that_upstream_could_not_go_on_is_a_failure(word):
    check([piece("가"), delta(word), DONE], texts("가"), ENDED)


@pytest.mark.parametrize("case", CHUNKS)
def test_odd_chunks_are_read_for_what_they_say(case):
    check(*CHUNKS[case])


@pytest.mark.parametrize("case", THOUGHTS)
def test_thoughts_are_told_once_and_are_never_text(case):
    check(THOUGHTS[case], [Thinking(), *texts("가"), STOPPED])


@pytest.mark.parametrize("case", SOURCES)
def test_sources_are_told_once_each(case):
    check(*SOURCES[case])


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_told_as_one(case):
    chunks, refusals = REFUSALS[case]
    deltas, error = listen(*chunks)
    assert [one.text for one in deltas if isinstance(one, RefusalDelta)] == refusals
    assert deltas[-1].reason == "refusal"
    assert error is None


@pytest.mark.parametrize("case", WHOLES)
def test_an_answer_that_is_not_streamed_is_one(case):
    check(*WHOLES[case])


@pytest.mark.parametrize("case", ERRORS)
@pytest.mark.parametrize("before", [[], [piece("가")]], ids=["at once", "in the middle"])
def test_an_error_in_the_stream_is_found_however_it_is_written(case, before):
    said, expected = ERRORS[case]
    if before and said == b"<html>":
        return
    deltas, error = listen(*before, said, DONE)
    assert deltas == texts("가")[: len(before)]
    assert type(error) is expected
    assert "secret" not in str(error)


def test_tokens_are_counted_by_each_servers_names():
    details = {"prompt_tokens_details": {"cached_tokens": 7}, "completion_tokens_details": {"reasoning_tokens": 9}}
    for told, cached, reasoning in [
        (details, 7, 9),
        ({"prompt_cache_hit_tokens": 5}, 5, 0),
        ({"total_tokens": None}, 0, 0),
    ]:
        deltas, _ = listen(STOP, usage(**told), DONE)
        assert deltas[-1].usage == Usage(36, 120, 156, cached, reasoning)


def test_a_call_of_a_tool_is_passed_over_with_one_word_in_the_log(caplog):
    call = [{"index": 0, "id": "call_1", "function": {"name": "sk-secret", "arguments": "{}"}}]
    with caplog.at_level(logging.WARNING):
        deltas, _ = listen(delta(tool_calls=call), delta(tool_calls=call), piece("가"), delta("tool_calls"), DONE)
    assert deltas == [*texts("가"), STOPPED]
    (record,) = caplog.records
    assert "tool" in record.getMessage()
    assert "secret" not in caplog.text


def test_what_is_held_back_is_told_before_a_failure():
    deltas, error = listen(piece("가"), piece("나 【4"), chat_chunk(error={"code": 500}))
    assert deltas == texts("가", "나 ", "【4")
    assert type(error) is UpstreamUnavailable


def test_a_reader_keeps_nothing_and_takes_up_nothing():
    reader = ChatReader(kept=False)
    list(reader.read_deltas(chat_answer(["가"])))
    assert (reader.response_id, reader.last, reader.nameless, reader.resumable) == ("", -1, False, False)
    with pytest.raises(NotImplementedError):
        reader.reconnect()


def test_a_reader_says_how_far_the_answer_has_come():
    reader = ChatReader()
    reading = reader.read_deltas(iter([delta(role="assistant"), piece("가"), STOP, piece("나"), DONE]))
    assert not reader.working
    next(reading)
    assert (reader.working, reader.told, reader.ended) == (True, False, False)
    next(reading)
    assert (reader.told, reader.ended) == (True, False)
    list(reading)
    assert reader.ended
