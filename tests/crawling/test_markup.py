"""A page says what it links to, which address it has, and whether it may be kept."""

from qa_service.crawling import markup
from qa_service.crawling.markup import Markup
from qa_service.files.hints import find_hints

AT = "https://example.org/ko/menu/"


def read_markup(text: str, address: str, robots: str = "") -> Markup:
    return markup.read_markup(find_hints(text), address, robots)


def page(head: str = "", body: str = "") -> str:
    return f"<html><head><title> 도서관 \n 안내 </title>{head}</head><body>{body}</body></html>"


def test_links_are_joined_to_the_page_or_to_its_base_and_come_once() -> None:
    body = (
        '<a href="a">1</a><a href="a#part">2</a><a href="/b?utm_source=x">3</a><a href="mailto:x@y">4</a><a>5</a>'
        '<a rel="nofollow ugc" href="/spam">6</a><area href="../c"><a href="">7</a><a href="#top">8</a>'
    )
    assert read_markup(page(body=body), AT).links == (
        "https://example.org/ko/menu/a",
        "https://example.org/b",
        "https://example.org/ko/c",
        "https://example.org/ko/menu/",
    )
    based = read_markup(page('<base href="/en/">', '<a href="a">1</a>'), AT)
    assert based.links == ("https://example.org/en/a",)


def test_other_languages_next_parts_and_refreshes_are_links_too() -> None:
    head = (
        '<link rel="alternate" hreflang="en" href="/en/menu"><link rel="stylesheet" href="/x.css">'
        '<link rel=next href="?page=2"><meta http-equiv="Refresh" content="0; URL=\'/new\'">'
    )
    assert read_markup(page(head), AT).links == (
        "https://example.org/en/menu",
        "https://example.org/ko/menu/?page=2",
        "https://example.org/new",
    )


def test_a_page_can_ask_not_to_be_kept_or_followed() -> None:
    body = '<a href="/a">a</a>'
    assert not read_markup(page('<meta name="Robots" content="NOINDEX, follow">', body), AT).may_keep
    assert read_markup(page('<meta name="robots" content="noindex">', body), AT).links
    nofollow = read_markup(page('<meta name="robots" content="nofollow">', body), AT)
    assert (nofollow.may_keep, nofollow.links) == (True, ())
    assert read_markup(page('<meta name="googlebot" content="noindex">', body), AT).may_keep
    assert not read_markup(page(), AT, "none").may_keep
    assert read_markup(page(), AT, "googlebot: noindex").may_keep
    assert not read_markup(page(), AT, "noarchive, qa-service: noindex").may_keep


def test_an_address_that_is_too_long_is_no_address_and_no_part_of_it_is_one() -> None:
    long = f"https://example.org/en/?utm_source={'x' * 5_000}&id=7"
    body = f'<a href="{long}">1</a><a href="a">2</a>'
    found = read_markup(page(f'<base href="{long}"><link rel="canonical" href="{long}">', body), AT)
    assert (found.links, found.canonical) == (("https://example.org/ko/menu/a",), "")


def test_a_page_whose_directives_are_too_long_is_neither_kept_nor_followed() -> None:
    found = read_markup(page(f'<meta name="robots" content="{"index," * 2_000} noindex">', '<a href="a">1</a>'), AT)
    assert (found.may_keep, found.links) == (False, ())


def test_what_a_header_says_to_another_crawler_ends_with_the_header_or_with_the_next_name() -> None:
    body = page(body='<a href="/a">a</a>')
    found = read_markup(body, AT, "otherbot: nofollow, noindex")
    assert found.may_keep
    assert found.links
    assert not read_markup(body, AT, "otherbot: nofollow\nnoindex").may_keep
    assert not read_markup(body, AT, "otherbot: nofollow, qa-service: noarchive, noindex").may_keep
    assert not read_markup(body, AT, "max-snippet: -1, noindex").may_keep


def test_frames_are_links() -> None:
    frames = '<html><frameset cols="20%,*"><frame src="menu.html"><frame src="/main.html"></frameset></html>'
    assert read_markup(frames, AT).links == ("https://example.org/ko/menu/menu.html", "https://example.org/main.html")
    within = read_markup(page(body='<iframe src="board"></iframe><iframe src="about:blank"></iframe>'), AT)
    assert within.links == ("https://example.org/ko/menu/board",)


def test_the_canonical_address_is_read() -> None:
    found = read_markup(page('<link rel="canonical" href="/ko/menu?utm_medium=x">'), AT)
    assert found.canonical == "https://example.org/ko/menu"
