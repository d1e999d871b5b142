"""Streams of the Responses API, recorded and made up, are read back into deltas."""

import json
from functools import cache

import pytest

from qa_service.deltas import Annotation, Delta, Finished, PagesFound, RefusalDelta, Searching, TextDelta, Thinking
from qa_service.errors import (
    ContentFilter,
    ContextLength,
    InsufficientQuota,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)
from qa_service.model import Usage
from qa_service.upstream.reading import ResponseReader
from tests.scripted_upstream import RECORDINGS, answer, event
from tests.upstream.questions import read_to_end, text_from_frames

MANIFEST = json.loads((RECORDINGS / "MANIFEST.json").read_text())
ENDS = ("response.completed", "response.incomplete")
REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}
ERRORS = {"server_error": UpstreamUnavailable, "rate_limit_exceeded": UpstreamRateLimited, None: UpstreamUnavailable}
COMPLETED = event("response.completed", response={"model": "m", "status": "completed"})


def listen(chunks) -> tuple[list[Delta], UpstreamError | None]:
    """Return all deltas, and the error they ended in."""
    return read_to_end(ResponseReader().read_deltas(chunks))


def item(kind: str, output_index: int = 0, **fields) -> bytes:
    return event("response.output_item.added", output_index=output_index, item={"type": kind, **fields})


def piece(text: str, output_index: int = 0) -> bytes:
    return event("response.output_text.delta", output_index=output_index, delta=text)


@cache
def outcome(name: str, size: int) -> tuple[list[Delta], UpstreamError | None]:
    """Return what a recording gives when it comes in chunks of that size."""
    content = (RECORDINGS / f"{name}.sse").read_bytes()
    return listen(content[start : start + size] for start in range(0, len(content), size))


@pytest.mark.parametrize("size", [1, 17, 10_000_000])
class TestRecordings:
    @pytest.mark.parametrize("name", MANIFEST)
    def test_gives_its_text(self, name, size):
        assert text_from_frames(outcome(name, size)[0]) == MANIFEST[name]["text"]

    @pytest.mark.parametrize("name", MANIFEST)
    def test_gives_its_refusal(self, name, size):
        refusals = [delta.text for delta in outcome(name, size)[0] if isinstance(delta, RefusalDelta)]
        assert "".join(refusals) == MANIFEST[name].get("refusal", "")

    @pytest.mark.parametrize("name", [name for name in MANIFEST if MANIFEST[name]["terminal"] in ENDS])
    def test_ends_for_upstreams_reason(self, name, size):
        expected = MANIFEST[name]
        reason = "refusal" if expected.get("refusal") else REASONS.get(expected.get("reason"), "stop")
        deltas, error = outcome(name, size)
        assert isinstance(deltas[-1], Finished)
        assert deltas[-1].reason == reason
        assert error is None

    @pytest.mark.parametrize("name", [name for name in MANIFEST if MANIFEST[name]["terminal"] not in ENDS])
    def test_fails_as_upstream_failed(self, name, size):
        assert type(outcome(name, size)[1]) is ERRORS[MANIFEST[name].get("error_code")]

    @pytest.mark.parametrize("name", [name for name in MANIFEST if "usage" in MANIFEST[name]])
    def test_tells_what_it_cost(self, name, size):
        expected = MANIFEST[name]["usage"]
        assert outcome(name, size)[0][-1].usage == Usage(
            expected["input_tokens"],
            expected["output_tokens"],
            expected["total_tokens"],
            expected["input_tokens_details"]["cached_tokens"],
            expected.get("output_tokens_details", {}).get("reasoning_tokens", 0),
        )

    @pytest.mark.parametrize("name", MANIFEST)
    def test_gives_its_citations_in_order(self, name, size):
        annotations = [delta for delta in outcome(name, size)[0] if isinstance(delta, Annotation)]
        assert annotations == [cited(citation) for citation in MANIFEST[name].get("citations", ())]


def cited(citation) -> Annotation:
    index = citation.get("index")
    span = (citation["start_index"], citation["end_index"]) if index is None else (index, index)
    if citation["type"] == "url_citation":
        return Annotation("url", title=citation["title"], url=citation["url"], span=span)
    return Annotation("document", document_id=citation["file_id"], file=citation.get("filename", ""), span=span)


def test_a_stream_that_just_ends_says_so():
    _, error = listen([*answer(["가", "나"])][:-1])
    assert str(error) == "upstream ended without its terminal event"


def test_nothing_is_read_after_the_terminal_event():
    deltas, error = listen([*answer(["가"]), b"garbage that never ends"])
    assert isinstance(deltas[-1], Finished)
    assert error is None


def test_response_done_is_a_terminal_event_too():
    deltas, _ = listen([event("response.done", response={"model": "m", "status": "completed"})])
    assert deltas == [Finished("stop", model="m")]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_response_done_can_be_a_failure(status):
    _, error = listen([event("response.done", response={"status": status})])
    assert type(error) is UpstreamUnavailable


def test_response_done_can_be_incomplete():
    cut = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
    assert listen([event("response.done", response=cut)])[0] == [Finished("content_filter")]


def test_incomplete_without_a_reason_is_a_length():
    deltas, _ = listen([event("response.incomplete", response={})])
    assert deltas == [Finished("length")]


class TestLostText:
    def test_what_the_deltas_lost_at_the_end_is_repaired(self):
        whole = event("response.output_text.done", text="안녕하세요")
        assert text_from_frames(listen([piece("안녕"), whole, COMPLETED])[0]) == "안녕하세요"

    def test_what_contradicts_the_deltas_is_not_said_twice(self):
        whole = event("response.output_text.done", text="잘 가요")
        assert text_from_frames(listen([piece("안녕"), whole, COMPLETED])[0]) == "안녕"

    def test_each_part_is_repaired_by_itself(self):
        first, second = (event("response.output_text.done", text=text) for text in ("가나", "다라"))
        assert text_from_frames(listen([piece("가"), first, piece("다"), second, COMPLETED])[0]) == "가나다라"

    def test_a_refusal_is_repaired_too(self):
        pieces = [event("response.refusal.delta", delta="안 "), event("response.refusal.done", refusal="안 됩니다")]
        deltas, _ = listen([*pieces, COMPLETED])
        assert deltas == [RefusalDelta("안 "), RefusalDelta("됩니다"), Finished("refusal", model="m")]

    def test_a_refusal_that_came_whole_is_not_repeated(self):
        pieces = [event("response.refusal.delta", delta="안"), event("response.refusal.done", refusal="안")]
        assert listen([*pieces, COMPLETED])[0][:-1] == [RefusalDelta("안")]


class TestWork:
    def test_commentary_is_no_part_of_the_answer(self):
        deltas, _ = listen(
            [item("message", phase="commentary"), piece("생각 중"), piece("…"), item("message", 1), piece("답", 1)]
        )
        assert deltas == [Thinking(), TextDelta("답")]

    def test_thinking_is_said_once_a_stretch(self):
        thought = event("response.reasoning_summary_text.delta", delta="…")
        raw = event("response.reasoning_text.delta", delta="…")
        deltas, _ = listen([item("reasoning"), thought, thought, raw, piece("답"), thought, thought])
        assert deltas == [Thinking(), TextDelta("답"), Thinking()]

    def test_a_search_says_its_query_when_it_is_known(self):
        done = {"type": "web_search_call", "action": {"type": "search", "queries": ["날씨", "기온"]}}
        page = {"type": "web_search_call", "action": {"type": "open_page", "url": "https://example.com"}}
        ends = [event("response.output_item.done", output_index=0, item=found) for found in (done, page)]
        assert listen([item("web_search_call"), *ends])[0] == [
            Searching(),
            Searching("날씨"),
            PagesFound(("https://example.com",)),
        ]

    def test_other_items_and_finished_messages_say_nothing(self):
        done = event("response.output_item.done", item={"type": "message", "content": []})
        assert listen([item("code_interpreter_call"), done])[0] == []

    def test_an_annotation_without_content_is_nothing(self):
        assert listen([event("response.output_text.annotation.added", annotation=None)])[0] == []


class TestFailures:
    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("insufficient_quota", InsufficientQuota),
            ("context_length_exceeded", ContextLength),
            ("invalid_prompt", ContentFilter),
            ("invalid_request_error", UpstreamRejected),
            ("rate_limit_exceeded", UpstreamRateLimited),
            ("server_error", UpstreamUnavailable),
            ("something_new", UpstreamUnavailable),
            (None, UpstreamUnavailable),
        ],
    )
    def test_flat_nested_and_failed_mean_the_same(self, code, expected):
        message = "key sk-secret at https://secret.example"
        shapes = [
            event("error", code=code, message=message, param=None),
            event("error", error={"code": code, "message": message}),
            event("response.failed", response={"status": "failed", "error": {"code": code, "message": message}}),
            b"data: " + json.dumps({"error": {"code": code, "message": message}}).encode() + b"\n\n",
        ]
        for shape in shapes:
            _, error = listen([shape])
            assert type(error) is expected
            assert "secret" not in str(error)

    def test_the_type_decides_where_the_code_is_silent(self):
        _, error = listen([event("error", error={"type": "invalid_request_error", "code": None})])
        assert type(error) is UpstreamRejected


class TestOddities:
    def test_unknown_events_are_passed_over(self):
        odd = [
            event("response.unheard_of", item=1),
            b"data: {}\n\n",
            b"data: []\n\n",
            b"data: 1\n\n",
            b"data: [DONE]\n\n",
            b"data\n\n",
        ]
        assert listen([*odd, piece("답"), COMPLETED])[0] == [TextDelta("답"), Finished("stop", model="m")]

    def test_fields_may_be_missing_or_null(self):
        bare = event("response.completed", response={"usage": {"input_tokens": 3, "output_tokens": None}})
        assert listen([bare])[0] == [Finished("stop", usage=Usage(input=3, total=3))]

    def test_the_type_may_come_last(self):
        backwards = b'data: {"delta":"x","type":"response.output_text.delta"}\n\n'
        assert listen([backwards, COMPLETED])[0][0] == TextDelta("x")

    def test_invalid_utf8_becomes_a_replacement_character(self):
        deltas, _ = listen([b'data: {"type":"response.output_text.delta","delta":"a\xffb"}\n\n', COMPLETED])
        assert deltas[0] == TextDelta("a\ufffdb")

    def test_what_is_not_json_is_a_failure(self):
        _, error = listen([piece("가"), b"data: {oops\n\n"])
        assert str(error) == "upstream sent an event that isn't JSON"

    def test_a_terminal_event_of_megabytes_is_read(self):
        huge = {"model": "m", "output": [{"result": "A" * 4_000_000}], "usage": {"input_tokens": 1, "output_tokens": 2}}
        deltas, _ = listen([event("response.completed", response=huge)])
        assert deltas == [Finished("stop", model="m", usage=Usage(1, 2, 3))]
