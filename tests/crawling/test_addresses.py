"""Two addresses of one page are written in one way."""

import pytest

from qa_service.crawling.addresses import identify_address, is_same_site, normalize_address


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("HTTP://Example.org:80/a/../b/./c#top", "http://example.org/b/c"),
        ("https://example.org", "https://example.org/"),
        ("https://example.org/a?utm_source=x&b=2&a=1&fbclid=y&n_media=z", "https://example.org/a?a=1&b=2"),
        ("https://example.org/a;jsessionid=A1?PHPSESSID=2", "https://example.org/a"),
        (
            "https://한국.kr/제품/설명서.pdf",
            "https://xn--3e0b707e.kr/%EC%A0%9C%ED%92%88/%EC%84%A4%EB%AA%85%EC%84%9C.pdf",
        ),
        ("/%EC%A0%9C%ed%92%88", "https://example.org/%EC%A0%9C%ED%92%88"),
        ("?page=2", "https://example.org/list/?page=2"),
        ("//example.org/a%2fb%25", "https://example.org/a%2Fb%25"),
        ("/%B0%A1?q=%B0%A1", "https://example.org/%B0%A1?q=%B0%A1"),
        (" ../up\n ", "https://example.org/up"),
        ("/q?b=&a=%26&&c", "https://example.org/q?a=%26&b=&c"),
        ("/wiki?대문", "https://example.org/wiki?%EB%8C%80%EB%AC%B8"),
    ],
)
def test_an_address_is_written_without_what_does_not_change_the_page(written: str, address: str) -> None:
    assert normalize_address(written, "https://example.org/list/") == address
    assert normalize_address(address) == address


@pytest.mark.parametrize(
    "written",
    [
        "mailto:a@example.org",
        "javascript:void(0)",
        "tel:02-123",
        "ftp://example.org/a",
        "http://user:secret@example.org/",
        "http://[::1",
        "http://example.org:99999/",
        "http://example.org:0/",
        "http:///a",
        "http://a b/",
        "https://example.org/" + "a" * 3000,
        "https://example.org/" + "가" * 300,
        "data:text/html,x",
    ],
)
def test_what_is_no_address_of_a_page_is_empty(written: str) -> None:
    assert normalize_address(written, "https://example.org/") == ""


def test_addresses_of_one_page_are_told_by_neither_scheme_nor_www_nor_a_last_slash() -> None:
    same = {
        identify_address(normalize_address(one))
        for one in ("http://example.org/a", "https://www.example.org/a/", "https://example.org/a?utm_source=x")
    }
    assert len(same) == 1
    assert identify_address("https://example.org/a?b=1") not in same


def test_another_host_or_port_is_another_site() -> None:
    assert is_same_site("http://www.example.org/a", "https://example.org/b")
    assert not is_same_site("http://example.org/", "http://docs.example.org/")
    assert not is_same_site("http://example.org/", "http://example.org:8080/")
    assert not is_same_site("http://example.org/", "http://example.org.evil.net/")
