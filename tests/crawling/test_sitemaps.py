"""Sitemaps of all kinds are read, and hostile ones cost nothing."""

import gzip
import hashlib
import time
from urllib.parse import quote

import pytest

from qa_service.crawling import sitemaps
from qa_service.crawling.sitemaps import Sitemap
from qa_service.files.parsing import parse_content
from qa_service.files.sitemap_text import is_sitemap
from tests.crawling.websites import sitemap

AT = "https://example.org/sitemap.xml"
INDEX = b"""<?xml version="1.0" encoding="UTF-8"?>
<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
  <sitemap><loc> https://example.org/ko.xml.gz </loc><lastmod>2026-01-01</lastmod></sitemap>
  <sitemap><loc>https://example.org/en.xml?a=1&amp;b=2</loc></sitemap>
</sitemapindex>"""
BOMB = b"""<?xml version="1.0"?><!DOCTYPE urlset [<!ENTITY a "aaaaaaaaaa">%s]><urlset><url><loc>https://example.org/%s
</loc></url></urlset>""" % (
    b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12)),
    b"&m;",
)


def read_sitemap(content: bytes, address: str) -> Sitemap:
    return sitemaps.read_sitemap(content, address, parse_content)


def test_pages_and_other_sitemaps_are_told_apart() -> None:
    found = read_sitemap(
        sitemap("https://example.org/a", "https://example.org/b#x", "https://example.org/a").content, AT
    )
    assert (found.pages, found.sitemaps) == (["https://example.org/a", "https://example.org/b"], [])
    index = read_sitemap(INDEX, AT)
    assert (index.pages, index.sitemaps) == (
        [],
        ["https://example.org/ko.xml.gz", "https://example.org/en.xml?a=1&b=2"],
    )


def test_packed_ones_and_plain_lists_are_read() -> None:
    assert read_sitemap(gzip.compress(INDEX), AT).sitemaps == read_sitemap(INDEX, AT).sitemaps
    plain = "\ufeffhttps://example.org/가\r\nhttps://example.org/b\n\nnonsense:\n".encode()
    assert read_sitemap(plain, AT).pages == ["https://example.org/%EA%B0%80", "https://example.org/b"]
    assert is_sitemap(gzip.compress(INDEX))
    assert not is_sitemap(b"<!doctype html><html><body>urlset</body></html>")


@pytest.mark.parametrize(("declared", "written"), [("euc-kr", "cp949"), ("UTF-16", "utf-16"), ("x-unknown", "utf-8")])
def test_sitemaps_of_all_encodings_are_read(declared: str, written: str) -> None:
    xml = f'<?xml version="1.0" encoding="{declared}"?><urlset><url><loc>/ko/이용안내</loc></url></urlset>'
    content = xml.encode(written)
    assert is_sitemap(content)
    assert read_sitemap(content, AT).pages == [f"https://example.org/ko/{quote('이용안내')}"]


def test_pictures_of_a_page_are_no_pages() -> None:
    text = b"""<urlset xmlns:image="x"><url><loc>https://example.org/a</loc><image:image>
    <image:loc>https://example.org/a.jpg</image:loc></image:image></url></urlset>"""
    assert read_sitemap(text, AT).pages == ["https://example.org/a"]


def test_what_is_damaged_gives_what_stands_before_the_damage() -> None:
    assert read_sitemap(b"<urlset><url><loc>https://example.org/a</loc></url><url><loc", AT).pages == [
        "https://example.org/a"
    ]
    assert read_sitemap(gzip.compress(INDEX)[:40], AT).pages == []


@pytest.mark.parametrize("as_xml", [True, False])
def test_what_is_damaged_when_it_is_packed_gives_the_whole_addresses_before_the_damage(as_xml: bool) -> None:
    names = [f"https://example.org/{hashlib.md5(b'%d' % number).hexdigest()}" for number in range(5_000)]
    content = sitemap(*names).content if as_xml else "\n".join(names).encode()
    packed = bytearray(gzip.compress(content))
    place = len(packed) * 3 // 4
    cut = read_sitemap(bytes(packed[:place]), AT).pages
    packed[place : place + 200] = bytes(200)
    damaged = read_sitemap(bytes(packed), AT).pages
    assert 3_500 < len(cut) < 4_000
    assert cut == names[: len(cut)]
    assert damaged[:3_500] == names[:3_500]


def test_all_members_of_a_packed_one_are_read() -> None:
    content = sitemap("https://example.org/a", "https://example.org/b").content
    packed = gzip.compress(content[:60]) + gzip.compress(content[60:]) + bytes(512)
    assert read_sitemap(packed, AT) == read_sitemap(content, AT)


def test_bombs_are_refused_at_once() -> None:
    packed = gzip.compress(bytes(60 << 20), 1)
    began = time.process_time()
    assert read_sitemap(BOMB, AT).pages == []
    assert read_sitemap(packed, AT).pages == []
    assert read_sitemap(b"<urlset>" + b"<a>" * 5_000_000, AT).pages == []
    assert not is_sitemap(gzip.compress(b"") * 500_000)
    assert time.process_time() - began < 2
