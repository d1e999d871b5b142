"""Links and bare addresses are found where they stand, and addresses of one page are known to be."""

import pytest

from qa_service.links import Link, find_bare_addresses, find_links, identify_page

PAGE = "https://example.com/뉴스?id=1"


@pytest.mark.parametrize(
    "same",
    [
        "https://example.com/뉴스/?id=1",
        "http://EXAMPLE.com/뉴스?id=1#top",
        "https://example.com/%EB%89%B4%EC%8A%A4?id=1",
        "https://example.com/뉴스?id=1&utm_source=openai",
        "https://example.com/뉴스?utm_source=openai&utm_medium=x&id=1&",
    ],
)
def test_addresses_of_one_page_are_the_same(same: str) -> None:
    assert identify_page(same) == identify_page(PAGE)


@pytest.mark.parametrize(
    "other",
    [
        "https://example.com/뉴스?id=2",
        "https://example.com/뉴스",
        "https://example.com/News?id=1",
        "https://example.com/?id=1",
        "https://example.com:8443/뉴스?id=1",
        "https://www.example.com/뉴스?id=1",
        "https://example.com/뉴스?id=1&page=2",
    ],
)
def test_another_page_is_another(other: str) -> None:
    assert identify_page(other) != identify_page(PAGE)


def test_links_and_pictures_are_found_with_their_words() -> None:
    text = "😀 [말](https://a.example/(x)) ![](https://b.example/c.png) [d](mailto:d@example.com) [e](/f)"
    first, second = find_links(text)
    assert first == Link(2, 28, "https://a.example/(x)", "말")
    assert text[first.start : first.end] == "[말](https://a.example/(x))"
    assert (text[second.start : second.end], second.label) == ("[](https://b.example/c.png)", "")


def test_bare_addresses_are_found_outside_of_links_and_end_where_they_end() -> None:
    text = "[a](https://a.example) https://b.example/c에서, (https://d.example)."
    assert [text[found.start : found.end] for found in find_bare_addresses(text)] == [
        "https://b.example/c",
        "https://d.example",
    ]
