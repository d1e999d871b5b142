"""Servers deviate from the Responses API in many ways. Each stream is read for what it says, however it is cut."""

import json
from collections.abc import Iterator
from itertools import combinations

import pytest
from msgspec.structs import replace

from qa_service.deltas import Annotation, Delta, Finished, RefusalDelta, Searching, TextDelta, Thinking
from qa_service.errors import (
    ContextLength,
    InsufficientQuota,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)
from qa_service.model import Usage
from qa_service.upstream.reading import ResponseReader
from tests.scripted_upstream import event
from tests.upstream.questions import read_to_end, texts

STOPPED = Finished("stop", model="m")
REFUSED = Finished("refusal", model="m")
UNAVAILABLE = (UpstreamUnavailable,)
REJECTED = (UpstreamRejected,)
PAGE = Annotation("url", title="쪽", url="https://page.example/")
NOTE = {"type": "url_citation", "url": "https://page.example/", "title": "쪽"}


def escaped(kind: str, **fields) -> bytes:
    """Write an event in ASCII, in which halves of surrogate pairs can stand."""
    return f"data: {json.dumps({'type': kind, **fields})}\n\n".encode()


def piece(text, output=0, content=0, **fields) -> bytes:
    place = {"output_index": output, "content_index": content}
    return escaped("response.output_text.delta", **place, delta=text, **fields)


def whole(text, output=0, content=0) -> bytes:
    return event("response.output_text.done", output_index=output, content_index=content, text=text)


def said(text, *, annotations=(), **fields) -> dict:
    return {"type": "message", "content": [{"type": "output_text", "text": text, "annotations": annotations}], **fields}


def added(output=0, kind="message", **fields) -> bytes:
    return event("response.output_item.added", output_index=output, item={"type": kind, **fields})


def item_done(item, **fields) -> bytes:
    return event("response.output_item.done", item=item, **{"output_index": 0, **fields})


def ended(name="completed", **response) -> bytes:
    return escaped(f"response.{name}", response={"model": "m", "status": "completed", **response})


def cut_off(reason) -> dict:
    return {"status": "incomplete", "incomplete_details": {"reason": reason}}


HALF = texts("반쪽 ")
ENDS = {
    "completed, but the status is cancelled": ([ended(status="cancelled")], [], UNAVAILABLE),
    "completed, but the status is failed": (
        [ended(status="failed", error={"code": "rate_limit_exceeded"})],
        [],
        (UpstreamRateLimited,),
    ),
    "completed, but a filter cut it": ([ended(**cut_off("content_filter"))], [Finished("content_filter", model="m")]),
    "done, but the length cut it": ([ended("done", **cut_off("max_output_tokens"))], [Finished("length", model="m")]),
    "incomplete, but the status is completed": ([ended("incomplete")], [STOPPED]),
    "failed, but the status is incomplete": (
        [ended("failed", **cut_off("max_output_tokens"))],
        [Finished("length", model="m")],
    ),
    "completed with the status of its beginning": ([ended(status="in_progress")], [STOPPED]),
    "incomplete without a status": ([ended("incomplete", status=None)], [Finished("length", model="m")]),
    "failed with a status of another type": ([ended("failed", status=7)], [], UNAVAILABLE),
    "cancelled by name": ([ended("cancelled", status=None)], [], UNAVAILABLE),
    "completed, with a reason why it isn't": (
        [ended(incomplete_details={"reason": "max_output_tokens"})],
        [Finished("length", model="m")],
    ),
    "the reason as a text": (
        [ended(status="incomplete", incomplete_details="content_filter")],
        [Finished("content_filter", model="m")],
    ),
    "the reason as a list": (
        [ended(status="incomplete", incomplete_details=["content_filter"])],
        [Finished("length", model="m")],
    ),
    "a refusal that the length cut": (
        [event("response.refusal.delta", delta="안 "), ended(**cut_off("max_output_tokens"))],
        [RefusalDelta("안 "), Finished("length", model="m")],
    ),
}
PLACES = {
    "a refusal in a finished part": (
        [event("response.content_part.done", part={"type": "refusal", "refusal": "안 됩니다."}), ended()],
        [RefusalDelta("안 됩니다."), REFUSED],
    ),
    "a refusal whose words are called text": (
        [item_done({"type": "message", "content": [{"type": "refusal", "text": "No."}]}), ended()],
        [RefusalDelta("No."), REFUSED],
    ),
    "a message whose content is a text": (
        [item_done({"type": "message", "content": "안녕하세요."}), ended()],
        [TextDelta("안녕하세요."), STOPPED],
    ),
    "two messages, the second only at the end": (
        [piece("가나"), whole("가나"), ended(output=[said("가나"), said("다라")])],
        [*texts("가나", "다라"), STOPPED],
    ),
    "two messages that say the same": (
        [piece("네."), ended(output=[said("네."), said("네.")])],
        [*texts("네.", "네."), STOPPED],
    ),
    "the beginning by a piece, more by the part, the rest by the item": (
        [
            piece("가"),
            event("response.content_part.done", output_index=0, part={"type": "output_text", "text": "가나"}),
            item_done(said("가나다")),
            ended(output=[said("가나다")]),
        ],
        [*texts("가", "나", "다"), STOPPED],
    ),
    "a place as a text": (
        [piece("A", "1"), piece("B", "1", "0"), whole("AB", "1"), ended(output=[None, said("AB")])],
        [*texts("A", "B"), STOPPED],
    ),
    "an output that leaves out the items before the message": (
        [added(0, "reasoning"), piece("답", 1), whole("답", 1), ended(output=[said("답")])],
        [Thinking(), TextDelta("답"), STOPPED],
    ),
    "no places at all, in two messages": (
        [
            event("response.output_item.added", item={"type": "message"}),
            event("response.output_text.delta", delta="가"),
            event("response.output_item.added", item={"type": "message"}),
            event("response.output_text.delta", delta="나"),
            ended(output=[said("가"), said("나다")]),
        ],
        [*texts("가", "나", "다"), STOPPED],
    ),
    "the same place for every message": (
        [added(), piece("가"), whole("가"), added(), piece("나"), whole("나"), ended(output=[said("가"), said("나")])],
        [*texts("가", "나"), STOPPED],
    ),
    "an item that is announced twice": (
        [added(), piece("가"), added(), whole("가"), ended(output=[said("가")])],
        [TextDelta("가"), STOPPED],
    ),
    "an item that is announced again in its middle": (
        [added(), piece("가"), added(), piece("나"), whole("가나"), ended(output=[said("가나")])],
        [*texts("가", "나"), STOPPED],
    ),
    "parts that take turns": (
        [
            piece("a1 "),
            piece("b1 ", 0, 1),
            piece("a2"),
            piece("b2", 0, 1),
            whole("a1 a2"),
            whole("b1 b2", 0, 1),
            ended(),
        ],
        [*texts("a1 ", "b1 ", "a2", "b2"), STOPPED],
    ),
    "a whole text that is told twice": (
        [whole("가"), whole("가"), ended(output=[said("가")])],
        [TextDelta("가"), STOPPED],
    ),
    "a text that the end contradicts": ([piece("가"), ended(output=[said("나")])], [TextDelta("가"), STOPPED]),
    "null items and null parts": (
        [ended(output=[None, {"type": "message", "content": [None, {"type": "output_text", "text": "답"}]}])],
        [TextDelta("답"), STOPPED],
    ),
    "commentary and thoughts in the output": (
        [
            ended(
                output=[
                    {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "흠"}]},
                    said("볼게요.", phase="commentary"),
                    said("답"),
                ]
            )
        ],
        [TextDelta("답"), STOPPED],
    ),
    "commentary in whole texts": (
        [
            added(phase="commentary"),
            piece("볼게요."),
            whole("볼게요."),
            event("response.content_part.done", output_index=0, part={"type": "output_text", "text": "볼게요."}),
            item_done(said("볼게요.")),
            piece("답", 1),
            ended(),
        ],
        [Thinking(), TextDelta("답"), STOPPED],
    ),
    "pieces without text": ([piece(""), piece("답"), piece(""), whole(""), ended()], [TextDelta("답"), STOPPED]),
}
FIELDS = {
    "a piece that is a number": ([piece(7), piece(" 개"), ended()], [*texts("7", " 개"), STOPPED]),
    "a piece that is nothing": ([piece(None), piece(True), piece("답"), ended()], [TextDelta("답"), STOPPED]),
    "odd counts": (
        [piece("가", sequence_number="셋"), piece("나", sequence_number=-4), piece("다", sequence_number=[]), ended()],
        [*texts("가", "나", "다"), STOPPED],
    ),
    "probabilities without an end": (
        [b'data: {"type":"response.output_text.delta","delta":"a","logprobs":[-Infinity,NaN]}\n\n', ended()],
        [TextDelta("a"), STOPPED],
    ),
    "a number of thousands of digits": (
        [b'data: {"type":"response.output_text.delta","delta":"a","content_index":' + b"9" * 5000 + b"}\n\n", ended()],
        [TextDelta("a"), STOPPED],
    ),
    "control characters in a text": (
        [b'data: {"type":"response.output_text.delta","delta":"a\x01b"}\n\n', ended()],
        [TextDelta("a\x01b"), STOPPED],
    ),
    "usage below nothing and beyond everything": (
        [ended(usage={"input_tokens": -1, "output_tokens": 10**400, "total_tokens": True})],
        [STOPPED],
    ),
    "usage in fractions and texts": (
        [ended(usage={"input_tokens": "11", "output_tokens": 6.6, "output_tokens_details": {"reasoning_tokens": []}})],
        [Finished("stop", model="m", usage=Usage(11, 7, 18))],
    ),
    "usage as a list": ([ended(usage=[3])], [STOPPED]),
    "a response that is a text": ([event("response.completed", response="…")], [Finished("stop")]),
    "a list of annotations with an odd one": (
        [item_done(said("답", annotations=[5, None, NOTE, {"type": "url_citation", "url": 3, "title": []}])), ended()],
        [TextDelta("답"), PAGE, Annotation("url", url="3"), STOPPED],
    ),
    "a search with odd queries": (
        [item_done({"type": "web_search_call", "action": {"query": [], "queries": [None, {}, "날씨"]}}), ended()],
        [Searching("날씨"), STOPPED],
    ),
    "a keep-alive that isn't JSON": (
        [piece("가"), b"data: ping\n\n", b"data: \n\n", b'data: "x"\n\n', ended()],
        [TextDelta("가"), STOPPED],
    ),
    "an event nested without end": ([b'data: {"type":"x","y":' + b"[" * 10_000 + b"\n\n"], [], UNAVAILABLE),
}
CHARACTERS = {
    "halves in two pieces": (
        [piece("Hi "), piece("\ud83d"), piece("\ude00!"), whole("Hi 😀!"), ended(output=[said("Hi 😀!")])],
        [*texts("Hi ", "😀!"), STOPPED],
    ),
    "halves at the edges of texts": ([piece("a\ud83d"), piece("\ude00b"), ended()], [*texts("a", "😀b"), STOPPED]),
    "a half whose other half the whole text brings": (
        [piece("a\ud83d"), whole("a😀"), ended()],
        [*texts("a", "😀"), STOPPED],
    ),
    "halves in two parts are two lone ones": (
        [piece("a\ud83d"), piece("\ude00b", 0, 1), ended()],
        [*texts("a", "\ufffd", "\ufffdb"), STOPPED],
    ),
    "a lone half in the middle": ([piece("a\udcafb"), piece("c"), ended()], [*texts("a\ufffdb", "c"), STOPPED]),
    "a lone half at the end": ([piece("a\ud83d"), ended()], [*texts("a", "\ufffd"), STOPPED]),
    "halves in the wrong order": ([piece("\ude00\ud83d"), piece("a"), ended()], [*texts("\ufffd", "\ufffda"), STOPPED]),
    "halves written as bytes": (
        [b'data: {"type":"response.output_text.delta","delta":"\xed\xa0\xbd\xed\xb8\x80"}\n\n', ended()],
        [TextDelta("😀"), STOPPED],
    ),
    "a half in a refusal": (
        [
            escaped("response.refusal.delta", delta="a\ud83d"),
            escaped("response.refusal.delta", delta="\ude00"),
            ended(),
        ],
        [RefusalDelta("a"), RefusalDelta("😀"), REFUSED],
    ),
    "a half in the copy at the end": ([piece("답😀"), ended(output=[said("답\ud83d")])], [TextDelta("답😀"), STOPPED]),
    "halves in what isn't text": (
        [
            escaped("response.output_item.done", item={"type": "web_search_call", "action": {"query": "a\ud83d"}}),
            escaped("response.output_text.annotation.added", annotation={**NOTE, "title": "\ude00"}),
            ended(model="m\ud83d"),
        ],
        [Searching("a\ufffd"), Annotation("url", title="\ufffd", url=NOTE["url"]), Finished("stop", model="m\ufffd")],
    ),
    "a half before the stream is cut": ([piece("a\ud83d")], texts("a", "\ufffd"), UNAVAILABLE),
}
ERRORS = {
    "a text": ([event("error", error="insufficient_quota")], [], (InsufficientQuota,)),
    "a text without a type": ([b'data: {"error":"overloaded"}\n\n'], [], UNAVAILABLE),
    "a list": ([b'data: {"error":[{"code":"context_length_exceeded"}]}\n\n'], [], (ContextLength,)),
    "an error in an error": (
        [event("error", error={"error": {"code": "insufficient_quota"}})],
        [],
        (InsufficientQuota,),
    ),
    "a number": ([event("error", error=429)], [], (UpstreamRateLimited,)),
    "a number as a text": ([event("error", code="402", message="Insufficient credits")], [], (InsufficientQuota,)),
    "a number in an object": ([b'data: {"error":{"code":400,"message":"too long"}}\n\n'], [], REJECTED),
    "the event itself": ([b'data: {"code":"context_length_exceeded","message":"..."}\n\n'], [], (ContextLength,)),
    "the event itself, with a type of its own": (
        [b'data: {"type":"insufficient_quota","code":429,"message":"..."}\n\n'],
        [],
        (InsufficientQuota,),
    ),
    "one of the response": ([event("response.error", error={"code": 402})], [], (InsufficientQuota,)),
    "a tool's": (
        [event("response.mcp_call.failed", error={"code": 500}, code="x", message="…"), piece("답"), ended()],
        [TextDelta("답"), STOPPED],
    ),
    "only a yes": ([b'data: {"error":true}\n\n'], [], UNAVAILABLE),
    "a name beside a number": (
        [event("error", error={"code": 400, "type": "context_length_exceeded"})],
        [],
        (ContextLength,),
    ),
    "an error in the middle, with an end behind it": (
        [piece("반쪽 "), event("error", error={"code": 502}), ended()],
        HALF,
        UNAVAILABLE,
    ),
    "no error": (
        [b'data: {"error":null}\n\n', b'data: {"error":""}\n\n', b'data: {"error":{}}\n\n', ended(error="")],
        [STOPPED],
    ),
}
BODIES = {
    "an answer": (
        [json.dumps({"status": "completed", "model": "m", "output": [said("답")]})],
        [TextDelta("답"), STOPPED],
    ),
    "an answer behind white space and a mark": (
        ["\ufeff\n\n ", json.dumps({"model": "m", "output": [said("답", annotations=[NOTE])]}, indent=2)],
        [TextDelta("답"), PAGE, STOPPED],
    ),
    "an answer with half a character": (
        [json.dumps({"status": "completed", "model": "m", "output": [said("답\ud83d")]})],
        [TextDelta("답\ufffd"), STOPPED],
    ),
    "an answer that was cut": (
        [json.dumps({"model": "m", "output": [said("반쪽 ")], **cut_off("max_output_tokens")})],
        [*HALF, Finished("length", model="m")],
    ),
    "a refusal": (
        [
            json.dumps(
                {"model": "m", "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "안"}]}]}
            )
        ],
        [RefusalDelta("안"), REFUSED],
    ),
    "an answer without a word": ([json.dumps({"status": "completed", "model": "m", "output": []})], [STOPPED]),
    "a failed answer": (
        [json.dumps({"status": "failed", "error": {"code": "insufficient_quota"}, "output": []})],
        [],
        (InsufficientQuota,),
    ),
    "a cancelled answer": ([json.dumps({"status": "cancelled", "error": None})], [], UNAVAILABLE),
    "an answer that hasn't ended": (
        [json.dumps({"id": "resp_1", "status": "in_progress", "output": []})],
        [],
        REJECTED,
    ),
    "an error": ([json.dumps({"error": {"code": 429}})], [], (UpstreamRateLimited,)),
    "a list of errors": ([json.dumps([{"error": {"code": 402, "status": "…"}}])], [], (InsufficientQuota,)),
    "an error that stands by itself": ([json.dumps({"object": "error", "message": "…", "code": 404})], [], REJECTED),
    "something else": ([json.dumps({"detail": "Not Found"})], [], REJECTED),
    "an answer of another protocol": ([json.dumps({"choices": [{"message": {"content": "답"}}]})], [], REJECTED),
    "nearly JSON": (['{"status":"completed","output":['], [], UNAVAILABLE),
    "a page": (["\n<!doctype html><html>…</html>"], [], REJECTED),
    "nothing": ([], [], UNAVAILABLE),
    "words": (["Service is starting. Please wait.\n"], [], UNAVAILABLE),
}
STREAMS = {
    f"{kind}: {name}": (stream, *rest)
    for kind, table in {
        "end": ENDS,
        "place": PLACES,
        "field": FIELDS,
        "character": CHARACTERS,
        "error": ERRORS,
        "body": BODIES,
    }.items()
    for name, (stream, *rest) in table.items()
}


def listen(chunks, reader: ResponseReader | None = None) -> tuple[list[Delta], type[UpstreamError] | None]:
    """Return all deltas, and the kind of the error they ended in."""
    deltas, error = read_to_end((reader or ResponseReader()).read_deltas(chunks))
    return deltas, type(error) if error else None


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
@pytest.mark.parametrize("name", STREAMS)
def test_each_is_read_for_what_it_says_however_it_is_cut(name: str, size: int) -> None:
    stream, deltas, *error = STREAMS[name]
    content = b"".join(one.encode() if isinstance(one, str) else one for one in stream)
    heard = listen(content[start : start + size] for start in range(0, len(content), size))
    assert heard == (deltas, error[0][0] if error else None)
    str(heard).encode()


def repeated(messages: list[list[str]], ways: frozenset[str], *, shift: int = 0) -> Iterator[bytes]:
    """Write a response that says its text in some of five ways. Its last event leaves out the first `shift` items."""
    items = [
        {"type": "message", "content": [{"type": "output_text", "text": text} for text in one]} for one in messages
    ]
    for output, item in enumerate(items, shift):
        yield added(output)
        for content, part in enumerate(item["content"]):
            place = {"output_index": output, "content_index": content}
            cuts = [part["text"][:2], part["text"][2:]]
            yield from (piece(one, output, content) for one in cuts if "pieces" in ways)
            if "text" in ways:
                yield whole(part["text"], output, content)
            if "part" in ways:
                yield event("response.content_part.done", **place, part=part)
        if "item" in ways:
            yield event("response.output_item.done", output_index=output, item=item)
    yield ended(output=items if "response" in ways else [])


WAYS = ("pieces", "text", "part", "item", "response")
SUBSETS = [frozenset(some) for count in range(1, 6) for some in combinations(WAYS, count)]


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize("ways", SUBSETS, ids=lambda ways: "+".join(sorted(ways)))
def test_each_text_is_told_once_in_whichever_ways_it_comes(ways, shift):
    messages = [["첫째 글.", " 둘째 글."], ["셋째 글.", "첫째 글."]]
    deltas, error = listen(repeated(messages, ways, shift=shift))
    assert error is None
    assert "".join(delta.text for delta in deltas[:-1]) == "첫째 글. 둘째 글.셋째 글.첫째 글."


class TestReconnecting:
    def listen(self, *connections: list[bytes]) -> tuple[list[Delta], type[UpstreamError] | None]:
        reader = ResponseReader(kept=True, response_id="resp_1")

        def chunks() -> Iterator[bytes]:
            for number, connection in enumerate(connections):
                if number:
                    reader.reconnect()
                yield from connection

        return listen(chunks(), reader)

    def test_a_character_that_was_cut_there_is_put_together(self):
        first, second = [piece("a\ud83d", sequence_number=1)], [piece("\ude00", sequence_number=2), ended()]
        assert self.listen(first, second)[0] == [*texts("a", "😀"), STOPPED]

    def test_a_mark_that_was_cut_there_is_none_of_the_text(self):
        first, second = [piece("a【4:", sequence_number=1)], [piece("0†source】b", sequence_number=2), ended()]
        assert self.listen(first, second)[0] == [*texts("a", "b"), STOPPED]

    def test_what_comes_again_is_read_once(self):
        again = piece("b", sequence_number=2)
        first, second = [piece("a", sequence_number=1), again], [again, piece("c", sequence_number=3), ended()]
        assert self.listen(first, second)[0] == [*texts("a", "b", "c"), STOPPED]

    def test_a_server_that_doesnt_count_on_loses_nothing(self):
        stuck = [piece("a", sequence_number=0), piece("b", sequence_number=0), piece("c", sequence_number=0), ended()]
        assert self.listen(stuck)[0] == [*texts("a", "b", "c"), STOPPED]

    def test_an_error_in_place_of_the_rest_is_that_error(self):
        first, second = [piece("a", sequence_number=1)], [b'{"error":{"code":"insufficient_quota"}}']
        assert self.listen(first, second) == (texts("a"), InsufficientQuota)


class TestSources:
    @pytest.mark.parametrize(
        "late",
        [
            [item_done(said("답", annotations=[NOTE])), ended()],
            [ended(output=[said("답", annotations=[NOTE])])],
            [item_done(said("답", annotations=[NOTE])), ended(output=[said("답", annotations=[NOTE])])],
        ],
        ids=["with the item", "with the end", "with both"],
    )
    def test_a_source_that_comes_with_what_is_finished_is_told_once(self, late):
        assert listen([piece("답"), *late])[0] == [TextDelta("답"), PAGE, STOPPED]

    def test_a_source_that_came_with_the_text_isnt_told_again(self):
        note = event("response.output_text.annotation.added", annotation=NOTE)
        told = listen([piece("답"), note, ended(output=[said("답", annotations=[NOTE])])])[0]
        assert [delta for delta in told if isinstance(delta, Annotation)] == [replace(PAGE, span=(1, 1))]

    def test_a_source_without_address_or_file_is_none(self):
        note = event("response.output_text.annotation.added", annotation={"type": "url_citation", "title": "?"})
        assert listen([note, ended()])[0] == [STOPPED]


def test_a_value_without_end_is_refused():
    assert listen([b"{", *[b" " * 1_000_000] * 34]) == ([], UpstreamUnavailable)


class TestState:
    def test_an_empty_piece_is_no_beginning(self):
        reader = ResponseReader()
        listen([piece(""), added()], reader)
        assert not reader.working

    def test_what_is_held_back_is_no_beginning_either(self):
        reader = ResponseReader()
        assert listen([piece("【")], reader) == ([], UpstreamUnavailable)
        assert not reader.working

    def test_what_isnt_a_stream_cant_be_resumed(self):
        reader = ResponseReader(kept=True, response_id="resp_1")
        assert reader.resumable
        listen([b'{"status":"queued"}'], reader)
        assert not reader.resumable
