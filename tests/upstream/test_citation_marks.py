"""No mark of upstream's own citations reaches a reader, whatever it is cut into, and other text stays."""

import time

import pytest
from msgspec.structs import replace

from qa_service.deltas import Annotation, Finished, TextDelta
from qa_service.upstream.marks import MarkFilter
from tests.upstream.test_odd_streams import NOTE, PAGE, ended, item_done, listen, piece, said, whole

OPEN, CLOSE, NEXT = "\ue200", "\ue201", "\ue202"


def mark(*fields: str) -> str:
    return OPEN + NEXT.join(fields) + CLOSE


CITE = mark("cite", "turn0search0", "turn1news2")
CITY = mark("entity", '["city", "부산", 0]')
MARKED = {
    f"서울은 크다.{CITE} 그리고 오래됐다.": "서울은 크다. 그리고 오래됐다.",
    f"One{mark('filecite', 'turn0file1', 'L8-L13')}, two.": "One, two.",
    f"{CITE}{CITE}": "",
    f"{CITY}은 항구다.": "부산은 항구다.",
    f"{mark('entity', '[}')}{mark('entity', '{}')}{mark('navlist', 'a', 'b')}.": ".",
    f"{mark('url', '표준', 'https://spec.example/')}을 보세요.": "표준을 보세요.",
    "환불은 7일 안에 됩니다【4:0†환불규정.pdf】.": "환불은 7일 안에 됩니다.",
    "See【13†source】 and【4:12†L5-L7】【turn0file1】【turn2search5†source】 that.": "See and that.",
    f"a {OPEN} b {CLOSE} c": f"a {OPEN} b {CLOSE} c",
    f"{OPEN}아이콘{CLOSE}": f"{OPEN}아이콘{CLOSE}",
    f"{OPEN}{CITE}": OPEN,
    "【공지】 내일은 쉽니다. 【1】 【2】": "【공지】 내일은 쉽니다. 【1】 【2】",
    "【주의†각주】와 【4:0】과 【4:0†줄\n바꿈】": "【주의†각주】와 【4:0】과 【4:0†줄\n바꿈】",
    "【【4:0†a】】": "【】",
    "[4:0†source] [1]": "[4:0†source] [1]",
}


def filtered(text: str, size: int) -> str:
    marks = MarkFilter()
    shown = [marks.strip_marks(text[start : start + size]) for start in range(0, len(text), size)]
    return "".join([*shown, marks.release_held()])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize("text", MARKED)
def test_a_mark_is_taken_out_and_other_text_stays(text, size):
    assert filtered(text, size) == MARKED[text]


@pytest.mark.parametrize("text", ["끝 【", "끝 【4:0", f"끝 {OPEN}", f"끝 {OPEN}cite"])
def test_what_may_have_become_a_mark_is_released_at_the_end(text):
    assert filtered(text, 1) == text


@pytest.mark.parametrize("text", ["끝 【4:0†sour", f"끝 {OPEN}cite{NEXT}turn0", "끝 【turn0file1†"])
def test_the_beginning_of_what_can_only_be_a_mark_is_not_released(text):
    assert filtered(text, 1) == "끝 "


def test_ordinary_text_is_held_back_for_one_piece_at_most():
    marks = MarkFilter()
    assert [marks.strip_marks(one) for one in ("앞 【", "공", "지】 뒤")] == ["앞 ", "【공", "지】 뒤"]


@pytest.mark.parametrize("endless", [f"{OPEN}cite{NEXT}" + "x" * 5000, "【1†" + "x" * 5000])
def test_no_more_is_held_back_than_a_mark_is_long(endless):
    marks = MarkFilter()
    longest = 0
    for sign in endless:
        marks.strip_marks(sign)
        longest = max(longest, len(marks.held))
    assert longest < 2100


@pytest.mark.parametrize("unit", ["【", OPEN, "【1†", f"{OPEN}cite{NEXT}", "【turn", f"{OPEN}a{NEXT}【1†x", "【1:1†】"])
@pytest.mark.parametrize("size", [1, 100_000])
def test_hostile_text_takes_no_longer_than_it_is_long(unit, size):
    text = unit * (64 * 1024 // len(unit))
    began = time.process_time()
    filtered(text, size)
    assert time.process_time() - began < 2


class TestInAnswers:
    def test_the_deltas_hold_none_and_the_copies_repeat_nothing(self):
        text = f"서울은 크다.{CITE} 오래됐다."
        stream = [piece(text[:9]), piece(text[9:15]), piece(text[15:]), whole(text), item_done(said(text)), ended()]
        deltas, _ = listen(stream)
        assert "".join(delta.text for delta in deltas[:-1]) == "서울은 크다. 오래됐다."

    def test_a_whole_text_holds_none_either(self):
        assert listen([ended(output=[said(f"답{CITE}.")])])[0][0] == TextDelta("답.")

    def test_what_a_part_holds_back_comes_before_the_next_part(self):
        deltas, _ = listen([piece("끝 【"), piece("다음", 1), ended()])
        assert deltas[:-1] == [TextDelta("끝 "), TextDelta("【"), TextDelta("다음")]

    def test_what_was_held_back_is_part_of_an_answer_that_is_cut(self):
        assert listen([piece("끝 【")])[0] == [TextDelta("끝 "), TextDelta("【")]

    def test_a_file_that_only_a_mark_names_becomes_a_source(self):
        deltas, _ = listen([piece("7일【4:0†환불규정.pdf】."), ended()])
        source = Annotation("document", file="환불규정.pdf", span=(2, 2))
        assert deltas == [TextDelta("7일."), source, Finished("stop", model="m")]

    def test_a_file_that_upstream_names_too_is_one_source(self):
        note = {"type": "file_citation", "file_id": "file-1", "filename": "환불규정.pdf"}
        deltas, _ = listen([piece("7일【4:0†환불규정.pdf】."), ended(output=[said("…", annotations=[note])])])
        named = Annotation("document", document_id="file-1", file="환불규정.pdf")
        assert [delta for delta in deltas if isinstance(delta, Annotation)] == [named, replace(named, span=(2, 2))]

    def test_an_address_in_a_mark_becomes_a_source(self):
        deltas, _ = listen([piece(f"답【1†쪽†{NOTE['url']}】."), ended()])
        assert deltas[1] == replace(PAGE, span=(1, 1))

    def test_what_names_neither_file_nor_address_becomes_none(self):
        deltas, _ = listen([piece(f"답【13†source】【4†L5-L7】{CITE}."), ended()])
        assert deltas == [TextDelta("답."), Finished("stop", model="m")]
