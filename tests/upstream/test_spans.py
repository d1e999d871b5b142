"""The place that a citation names is found in the text that readers have, whatever upstream counts and takes out."""

import time

import pytest

from qa_service.deltas import Annotation, PagesFound, TextDelta
from qa_service.upstream.spans import locate_end, locate_span
from tests.scripted_upstream import event
from tests.upstream.test_odd_streams import added, ended, item_done, listen, piece, said, whole

URL = "https://page.example/문서"
LINK = f"([page.example]({URL}))"
CITE = "\ue200cite\ue202turn0search0\ue201"


def noted(start, end, output=0, content=0, **fields) -> bytes:
    annotation = {"type": "url_citation", "url": URL, "title": "쪽", "start_index": start, "end_index": end}
    place = {"output_index": output, "content_index": content}
    return event("response.output_text.annotation.added", annotation={**annotation, **fields}, **place)


def filed(index) -> dict:
    return {"type": "file_citation", "file_id": "file-1", "filename": "환불.pdf", "index": index}


def cited(stream: list[bytes]) -> list[str]:
    """Return what stands in the places of the sources, in the text that readers have."""
    deltas, failed = listen(stream)
    assert not failed
    text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    spans = [delta.span for delta in deltas if isinstance(delta, Annotation)]
    return [text[slice(*span)] if span else "nowhere" for span in spans]


class TestUnits:
    TEXT = f"😀 답 👍🏽 {LINK} 끝 🙂. {LINK}"

    @pytest.mark.parametrize("number", [0, 1])
    @pytest.mark.parametrize("unit", ["code points", "utf-16-le", "utf-8"])
    def test_the_place_is_the_link_in_whatever_unit_it_is_counted(self, unit, number):
        start = self.TEXT.index(LINK, 20 * number)
        width = {"utf-16-le": 2, "utf-8": 1}.get(unit)
        ends = (start, start + len(LINK))
        counted = [len(self.TEXT[:end].encode(unit)) // width if width else end for end in ends]
        assert locate_span(self.TEXT, *counted) == ends

    def test_a_claim_without_a_link_is_counted_in_code_points(self):
        assert locate_span("😀 환불은 7일. 끝", 2, 9) == (2, 9)

    @pytest.mark.parametrize("span", [(0, 0), (3, 3), (5, 2), (0, 99), (50, 60)])
    @pytest.mark.parametrize("text", ["plain text", "글 😀 이다"])
    def test_an_empty_place_or_one_outside_of_the_text_is_none(self, text, span):
        assert locate_span(text, *span) is None

    @pytest.mark.parametrize("index", [2, 3, 8, 9, 10])
    def test_an_index_is_a_place_where_a_claim_ends(self, index):
        assert locate_end("된다. 안 돼요. ", index) == (index, index)

    @pytest.mark.parametrize("index", [0, 1, 4, 5, 6, 7, 99])
    def test_an_index_that_may_be_the_number_of_a_file_is_none(self, index):
        assert locate_end("된다. 안 돼요. ", index) is None


class TestMarks:
    @pytest.mark.parametrize("size", [1, 3, 1000])
    def test_what_is_taken_out_before_a_place_moves_it(self, size):
        text = f"서울은 크다.{CITE} 😀 {CITE}그리고 {LINK}{CITE} 끝. {LINK}"
        first = text.index(LINK)
        second = text.index(LINK, first + 1)
        pieces = [piece(text[at : at + size]) for at in range(0, len(text), size)]
        notes = [noted(at, at + len(LINK)) for at in (first, second)]
        assert cited([*pieces, *notes, ended()]) == [LINK, LINK]

    def test_what_is_shown_instead_of_a_mark_moves_it_too(self):
        text = f'\ue200entity\ue202["city", "부산", 0]\ue201은 항구다. {LINK}'
        at = text.index(LINK)
        assert cited([piece(text), noted(at, at + len(LINK)), ended()]) == [LINK]

    def test_a_mark_that_names_a_file_is_the_end_of_a_claim(self):
        deltas, _ = listen([piece("7일입니다【4:0†환불.pdf】. 끝【4:1†환불.pdf】."), ended()])
        notes = [delta for delta in deltas if isinstance(delta, Annotation)]
        assert notes == [Annotation("document", file="환불.pdf", span=(at, at)) for at in (5, 8)]

    def test_a_file_has_its_id_at_every_place(self):
        text = "7일【4:0†환불.pdf】. 끝【4:1†환불.pdf】."
        stream = [piece(text), event("response.output_text.annotation.added", annotation=filed(2)), ended()]
        notes = [delta for delta in listen(stream)[0] if isinstance(delta, Annotation)]
        assert notes == [Annotation("document", document_id="file-1", file="환불.pdf", span=(at, at)) for at in (2, 5)]

    def test_many_marks_and_places_take_little_time(self):
        text = (CITE + LINK) * 2_000
        notes = [noted(at, at + len(LINK)) for at in range(len(CITE), len(text), len(CITE) + len(LINK))]
        began = time.process_time()
        assert set(cited([piece(text), *notes, ended()])) == {LINK}
        assert time.process_time() - began < 2


class TestParts:
    def test_a_place_is_counted_from_the_beginning_of_its_part(self):
        first, second = f"하나 😀 {LINK}", f"둘 {LINK}"
        stream = [
            piece(first),
            noted(5, 5 + len(LINK)),
            piece(second, content=1),
            noted(2, 2 + len(LINK), content=1),
            piece("셋 ", output=1),
            piece(LINK, output=1),
            noted(2, 2 + len(LINK), output=1),
            ended(),
        ]
        assert cited(stream) == [LINK] * 3

    def test_where_the_texts_are_mixed_no_place_is_told(self):
        stream = [piece("가 "), piece("나 ", output=1), piece("다 "), piece(LINK, output=1), noted(2, 2 + len(LINK), 1)]
        assert cited([*stream, ended()]) == ["nowhere"]

    def test_an_aside_has_no_place(self):
        stream = [
            added(0, phase="commentary"),
            piece("찾는 중 " + LINK),
            noted(5, 5 + len(LINK)),
            piece("답", output=1),
        ]
        assert cited([*stream, ended()]) == ["nowhere"]


class TestTold:
    """Each place of a source is told once, from whichever events it can be known."""

    TEXT = f"가 {LINK} 나 {LINK}"
    SPANS = ((2, 2 + len(LINK)), (5 + len(LINK), 5 + 2 * len(LINK)))

    def copies(self, *spans) -> list[bytes]:
        notes = [
            {"type": "url_citation", "url": URL, "title": "쪽", "start_index": s, "end_index": e} for s, e in spans
        ]
        message = said(self.TEXT, annotations=notes)
        return [whole(self.TEXT), item_done(message), ended(output=[message])]

    def test_events_and_copies_tell_each_place_once(self):
        assert (
            cited([piece(self.TEXT), *(noted(*span) for span in self.SPANS), *self.copies(*self.SPANS)]) == [LINK] * 2
        )

    def test_copies_alone_tell_each_place_once(self):
        assert cited([piece(self.TEXT), *self.copies(*self.SPANS)]) == [LINK] * 2

    def test_a_response_that_counts_its_items_otherwise_tells_each_place_once(self):
        stream = [piece(self.TEXT, output=3), whole(self.TEXT, output=3), *self.copies(*self.SPANS)[2:]]
        assert cited(stream) == [LINK] * 2

    def test_without_places_the_source_is_told_once(self):
        note = {"type": "url_citation", "url": URL, "title": "쪽"}
        message = said(self.TEXT, annotations=[note, note])
        assert cited([piece(self.TEXT), item_done(message), ended(output=[message])]) == ["nowhere"]

    def test_an_event_without_a_place_is_about_what_was_written_last(self):
        stream = [piece("7일입니다."), noted(None, None), piece(" 끝."), ended()]
        (note,) = (delta for delta in listen(stream)[0] if isinstance(delta, Annotation))
        assert note.span == (6, 6)


def test_pages_that_a_search_returned_or_opened_are_told_once():
    found = {"type": "search", "query": "환불", "sources": [{"type": "url", "url": URL}, None, {"type": "api"}]}
    opened = {"type": "open_page", "url": "https://b.example"}
    calls = [{"type": "web_search_call", "action": action} for action in (found, opened, found)]
    deltas, _ = listen([*(item_done(call) for call in calls), piece("답"), ended(output=[*calls, said("답")])])
    assert [delta.urls for delta in deltas if isinstance(delta, PagesFound)] == [(URL,), ("https://b.example",)]
