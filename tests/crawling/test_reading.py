"""A page of a site gives its main text, each passage with the headings above it and its anchor."""

import time
from urllib.parse import quote

import pytest

from qa_service.crawling.fetching import Fetched
from qa_service.crawling.reading import PageReading, PageUnreadable, read_fetched
from qa_service.files.parsing import parse_content

AT = "https://library.example/ko/loans"
PAGE = """<!doctype html><html lang=ko><head><title>대출 안내 | 한빛도서관</title>{head}</head><body>
<nav><ul><li><a href=/>처음</a></li><li><a href=/ko/rooms>열람실</a></li><li><a href=/ko/news>소식</a></li>
<li><a href=/ko/map>오시는 길</a></li></ul></nav>
<main><nav aria-label=breadcrumb class=breadcrumb><a href=/ko>이용 안내</a> &gt; <a href=/ko/loans>대출</a></nav>
<h1>대출 안내</h1><p>회원은 한 번에 다섯 권을 두 주 동안 빌릴 수 있습니다.</p>
<h2 id=late>연체</h2><p>늦게 돌려주면 하루에 {fine}원을 냅니다.</p></main>
<footer>방문자 {visitors}명 · 전화 02-123-4567</footer></body></html>"""


def read(page: str, media_type: str = "text/html", charset: str = "utf-8") -> PageReading:
    content = page.encode(charset)
    return read_fetched(Fetched("fetched", content=content, media_type=media_type, charset=charset), AT, parse_content)


def test_the_main_text_comes_without_menus_under_its_headings() -> None:
    found = read(PAGE.format(head="", fine=100, visitors=7))
    assert found.text
    shown = "".join(passage.text for passage in found.text.passages)
    assert "다섯 권" in shown
    assert "하루에 100원" in shown
    assert "오시는 길" not in shown
    assert "방문자" not in shown
    late = next(passage for passage in found.text.passages if "100원" in passage.text)
    assert (late.anchor, late.paged) == ("late", False)
    assert late.section.endswith("대출 안내 › 연체")
    assert found.title == "대출 안내 | 한빛도서관"


def test_only_the_title_and_the_main_text_make_another_version() -> None:
    first = read(PAGE.format(head="", fine=100, visitors=7)).digest
    assert read(PAGE.format(head="<script>token = 1</script>", fine=100, visitors=8)).digest == first
    assert read(PAGE.format(head="", fine=200, visitors=7)).digest != first


def test_older_encodings_are_read_as_the_server_or_the_page_names_them() -> None:
    page = PAGE.format(head="", fine=100, visitors=7)
    named = PAGE.format(head="<meta charset=euc-kr>", fine=100, visitors=7)
    for found in (
        read(page, charset="cp949"),
        read_fetched(Fetched("fetched", content=named.encode("cp949")), AT, parse_content),
    ):
        assert found.text
        assert "다섯 권" in "".join(passage.text for passage in found.text.passages)


def test_a_file_is_left_as_it_is() -> None:
    found = read_fetched(
        Fetched("fetched", content=b"%PDF-1.7", media_type="application/pdf", robots="noindex"), AT, parse_content
    )
    assert (found.text, found.markup.may_keep, found.markup.links) == (None, False, ())


def test_links_of_older_pages_have_their_queries_in_the_encoding_of_the_page() -> None:
    page = '<head><meta charset="EUC-KR"></head><a href="/글?c=공지&amp;n=1">공지</a>'
    found = read_fetched(Fetched("fetched", content=page.encode("cp949"), media_type="text/html"), AT, parse_content)
    assert found.markup.links == (f"https://library.example/{quote('글')}?c={quote('공지', encoding='cp949')}&n=1",)
    modern = read_fetched(
        Fetched("fetched", content=page.replace("EUC-KR", "utf-8").encode(), charset="utf-8"), AT, parse_content
    )
    assert modern.markup.links == (f"https://library.example/{quote('글')}?c={quote('공지')}&n=1",)


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 200_000,
        "<DIV><p>" * 100_000,
        "<ul><li>x" * 100_000,
        "".join(f"<font x={n}><p>" for n in range(10_000)),
        "".join(f"<b x={n}>" for n in range(200)) + "<p>x" * 50_000,
        "</b>" * 10_000 + "".join(f"<b x={n}></i><p>" for n in range(10_000)),
    ],
    ids=["divs", "letters of both sizes", "lists", "fonts", "paragraphs", "ends that end nothing"],
)
def test_a_page_that_parsers_would_take_minutes_for_is_refused_at_once(page: str) -> None:
    began = time.process_time()
    with pytest.raises(PageUnreadable):
        read_fetched(Fetched("fetched", content=page.encode(), media_type="text/html"), AT, parse_content)
    assert time.process_time() - began < 5


def test_long_and_careless_pages_are_read() -> None:
    rows = "<tr><td><font size=2><b>요금<td>100원" * 300 + "<p>one<li>two<a name=x>" * 2_000 + "<div><p>x</div>" * 5_000
    assert read(f"<table>{rows}").text
