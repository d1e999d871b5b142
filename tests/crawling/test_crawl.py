"""A site is read whole, politely and no further; what changes, leaves and comes back is followed."""

from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler

import pytest

from qa_service.crawling.addresses import normalize_address
from qa_service.crawling.crawl import Crawl, CrawlParts, CrawlStep
from qa_service.crawling.fetching import FetchBounds, Fetched, PageFetcher
from qa_service.crawling.ledger import PageContent, SitePage
from qa_service.crawling.robots import MOST_READ, fetch_robots
from qa_service.crawling.rules import CrawlRules
from qa_service.errors import CrawlFailed, Overloaded, TooLarge, Unreadable
from qa_service.files.parsed import ParseContent, Parsed
from qa_service.files.parsing import parse_content
from tests.crawling.shelves import RememberedDocuments, RememberedPages
from tests.crawling.websites import WebPage, Website, html, links, moved, sitemap


class Reading:
    """A `Reading` makes rounds through one site, and keeps what they remember. `waits` are the seconds between
    requests."""

    def __init__(self, site: Website, start: str = "/", **rules: object) -> None:
        self.site = site
        self.ledger, self.shelf = RememberedPages(), RememberedDocuments()
        self.rules = CrawlRules(normalize_address(site.url + start), **rules)
        self.waits: list[float] = []
        self.left = 10_000
        self.parse: ParseContent = parse_content

    def round(self, number: int = 1, *, requests: int = 10_000) -> list[CrawlStep]:
        """Read the site once. After this many requests the crawl is told to stop."""
        self.left = requests
        fetcher = PageFetcher(FetchBounds(100_000, 2.0), lambda address: address == "127.0.0.1")
        parts = CrawlParts(fetcher.fetch_page, self.ledger, self.shelf, self._pause, self.parse, delay=0.0)
        return list(Crawl(self.rules, number, parts).read_pages())

    @property
    def kept(self) -> list[str]:
        """Return the paths that have a document."""
        return sorted(one.removeprefix(self.site.url) for one in self.shelf.documents)

    def reason(self, path: str) -> str:
        """Return why the page left or failed."""
        return next(page.reason for page in self.ledger.pages.values() if page.address == self.site.url + path)

    def _pause(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.left -= 1
        return self.left >= 0


@pytest.fixture
def site() -> Iterator[Website]:
    pages = {"/": links("/a", "/b"), "/a": html("A"), "/b": links("/c", "/"), "/c": html("C")}
    with Website(pages, etags=True) as found:
        yield found


def test_all_pages_that_the_start_leads_to_are_read_once_and_in_order(site: Website) -> None:
    reading = Reading(site)
    steps = reading.round()
    assert site.paths == ["/robots.txt", "/", "/a", "/b", "/c"]
    assert reading.kept == ["/", "/a", "/b", "/c"]
    assert [(step.done, step.found) for step in steps] == [(1, 3), (2, 3), (3, 4), (4, 4)]


def test_a_second_round_asks_for_changes_alone(site: Website) -> None:
    reading = Reading(site)
    reading.round()
    site.pages["/c"] = html("C is new")
    site.forget()
    reading.shelf.put.clear()
    reading.round(2)
    assert site.answered == [404, 200, 304, 304, 200]  # these are robots.txt and the start, whose links are always read
    assert reading.shelf.put == [f"{site.url}/c"]


def test_a_page_whose_scripts_alone_have_changed_is_not_made_again(site: Website) -> None:
    site.etags = False
    site.pages["/a"] = html("A", "<script>token=1</script>")
    reading = Reading(site)
    reading.round()
    site.pages["/a"] = html("A", "<script>token=2</script>")
    reading.shelf.put.clear()
    reading.round(2)
    assert reading.shelf.put == []


def test_a_page_that_is_gone_leaves_and_one_that_comes_back_is_read(site: Website) -> None:
    reading = Reading(site)
    reading.round()
    gone = site.pages.pop("/c")
    reading.round(2)
    assert reading.kept == ["/", "/a", "/b"]
    site.pages["/c"] = gone
    reading.round(3)
    assert reading.kept == ["/", "/a", "/b", "/c"]


def test_a_page_that_was_long_gone_is_asked_for_rarely(site: Website) -> None:
    reading = Reading(site)
    reading.round()
    gone = site.pages.pop("/c")
    for number in range(2, 7):
        reading.round(number)
    site.forget()
    reading.round(7)
    assert "/c" not in site.paths
    site.pages["/c"] = gone
    reading.round(10)
    assert "/c" in reading.kept


def test_a_failing_page_keeps_its_document_and_is_tried_three_times_at_the_end(site: Website) -> None:
    reading = Reading(site)
    reading.round()
    site.pages["/a"] = WebPage(status=500)
    site.forget()
    steps = reading.round(2)
    assert reading.kept == ["/", "/a", "/b", "/c"]
    assert site.paths[-2:] == ["/a", "/a"]
    assert site.paths.count("/a") == 3
    assert (steps[-1].state, steps[-1].reason) == ("failed", "it answered 500")


def answering_once(page: WebPage, later: WebPage) -> WebPage:
    """Return this page at first, and then the other one."""
    answers = iter([page])

    def answer(handler: BaseHTTPRequestHandler) -> None:
        now = next(answers, later)
        handler.send_response(now.status)
        handler.send_header("Content-Type", now.type)
        handler.send_header("Content-Length", str(len(now.content)))
        handler.end_headers()
        handler.wfile.write(now.content)

    return WebPage(answer=answer)


def test_a_site_that_is_down_loses_nothing(site: Website) -> None:
    start = links(*(f"/p{n}" for n in range(20)))
    site.pages |= {"/": start, **{f"/p{n}": html(f"page {n}") for n in range(20)}}
    reading = Reading(site)
    reading.round()
    site.pages |= {f"/p{n}": WebPage(status=503) for n in range(20)}
    site.pages["/"] = answering_once(start, WebPage(status=503))
    site.forget()
    with pytest.raises(CrawlFailed, match="its start: it answered 503"):
        reading.round(2)
    assert len(site.asked) == 13
    for failing in ("/", "/robots.txt"):
        site.pages[failing] = WebPage(status=502)
        with pytest.raises(CrawlFailed, match="502"):
            reading.round(3)
    assert len(reading.kept) == 21


def test_pages_that_fail_one_after_another_do_not_hide_the_rest_of_a_site_that_is_up() -> None:
    broken, sound = [f"/broken{n}" for n in range(15)], [f"/p{n}" for n in range(5)]
    with Website({"/": links(*broken, *sound)}) as site:
        site.pages |= {path: WebPage(status=500) for path in broken} | {path: html(path) for path in sound}
        reading = Reading(site)
        reading.round()
        assert reading.kept == ["/", *sound]
        assert sum(page.state == "failed" for page in reading.ledger.pages.values()) == 15
        assert [site.paths.count(path) for path in broken] == [3] * 15


def test_a_site_without_a_sound_page_behind_its_start_counts_as_down() -> None:
    with Website({"/": links(*(f"/p{n}" for n in range(150)))}) as site:
        site.pages |= {f"/p{n}": WebPage(status=500) for n in range(150)}
        with pytest.raises(CrawlFailed, match="100 pages in a row failed"):
            Reading(site).round()


def test_an_interrupted_round_goes_on_where_it_was(site: Website) -> None:
    reading = Reading(site)
    reading.round(requests=3)
    assert reading.kept == ["/", "/a"]
    site.forget()
    reading.round()
    assert site.paths == ["/robots.txt", "/", "/b", "/c"]
    assert reading.kept == ["/", "/a", "/b", "/c"]


def test_a_page_that_ends_its_reader_again_and_again_is_read_no_more(site: Website) -> None:
    class Deadly(RememberedPages):
        """A `Deadly` is a ledger of a process that dies while it reads `/a`."""

        def save_pages(self, pages: Sequence[SitePage]) -> None:
            super().save_pages(pages)
            if any(page.deaths and page.address.endswith("/a") for page in pages):
                raise MemoryError

    reading = Reading(site)
    reading.ledger = Deadly()
    for _ in range(2):
        with pytest.raises(MemoryError):
            reading.round()
    site.forget()
    reading.round()
    assert reading.kept == ["/", "/b", "/c"]
    assert "/a" not in site.paths
    reading.ledger.save_pages = RememberedPages.save_pages.__get__(reading.ledger)
    reading.round(2)
    assert reading.kept == ["/", "/a", "/b", "/c"]


def test_robots_txt_is_followed_with_its_delay_wildcards_and_sitemaps(site: Website) -> None:
    robots = (
        f"User-agent: other\nDisallow: /\n\nUser-agent: *\nDisallow: /a*z\nAllow: /a/open\nDisallow: /a\n"
        f"Crawl-delay: 2\nSitemap: {site.url}/map.xml\nSitemap: https://elsewhere.example/map.xml"
    )
    site.pages |= {"/robots.txt": WebPage(robots.encode(), "text/plain"), "/map.xml": sitemap(f"{site.url}/hidden")}
    site.pages |= {"/hidden": links("/a/open"), "/a/open": html("open")}
    reading = Reading(site)
    reading.round()
    assert reading.kept == ["/", "/a/open", "/b", "/c", "/hidden"]
    assert "/a" not in site.paths
    assert min(reading.waits[2:]) > 1.5


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_a_line_of_robots_txt_that_reaches_beyond_what_is_read_is_no_rule(end: str) -> None:
    rules = f"User-agent: *{end}Disallow: /a{end}"
    long = rules.ljust(MOST_READ - len(f"{end}Allow: /a"), "#") + f"{end}Allow: /a/open"
    robots = fetch_robots("https://a.example/", lambda *_: Fetched("fetched", content=long.encode()))
    assert not robots.may_read("https://a.example/a")


def test_nothing_is_read_where_robots_txt_is_too_large_to_be_fetched(site: Website) -> None:
    site.pages["/robots.txt"] = WebPage(b"User-agent: *\nDisallow: /a\n".ljust(300_000, b"#"), "text/plain")
    fetch = PageFetcher(FetchBounds(200_000), lambda _: True).fetch_page
    with pytest.raises(CrawlFailed, match="more than 200000 bytes"):
        fetch_robots(site.url, fetch)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp949"])
def test_robots_txt_is_read_in_the_encoding_in_which_it_was_saved(site: Website, encoding: str) -> None:
    robots = "User-agent: *\r\nDisallow: /비공개/\r\n# 관리자만 볼 수 있습니다"
    site.pages |= {"/robots.txt": WebPage(robots.encode(encoding), "text/plain"), "/": links("/a", "/비공개/글")}
    Reading(site).round()
    assert site.paths == ["/robots.txt", "/", "/a"]


def test_a_page_that_robots_txt_closes_later_leaves(site: Website) -> None:
    reading = Reading(site)
    reading.round()
    site.pages["/robots.txt"] = WebPage(b"User-agent: *\nDisallow: /c", "text/plain")
    reading.round(2)
    assert reading.kept == ["/", "/a", "/b"]


def test_a_busy_site_is_left_alone_for_as_long_as_it_says(site: Website) -> None:
    site.pages["/a"] = WebPage(status=429, headers={"Retry-After": "30"})
    reading = Reading(site)
    reading.round()
    assert sum(seconds > 29 for seconds in reading.waits) == 2


def test_a_sitemap_names_the_pages_and_their_documents_are_followed_but_no_pages() -> None:
    with Website() as site:
        index = f"<sitemapindex><sitemap><loc>{site.url}/ko.xml</loc></sitemap></sitemapindex>"
        site.pages = {
            "/sitemap.xml": WebPage(index.encode(), "application/xml"),
            "/ko.xml": sitemap(f"{site.url}/가", "https://elsewhere.example/x"),
            "/%EA%B0%80": links("/b", "/guide.PDF", "/photo.jpg"),
            "/b": html("b"),
            "/guide.PDF": WebPage(b"%PDF-1.7 x", "application/pdf"),
        }
        reading = Reading(site, "/sitemap.xml")
        reading.round()
        assert reading.kept == ["/%EA%B0%80", "/guide.PDF"]


def test_patterns_say_what_is_kept_and_the_start_leads_to_it(site: Website) -> None:
    site.pages |= {"/": links("/제품/1", "/제품/2?sort=up", "/b"), "/%EC%A0%9C%ED%92%88/1": html("1")}
    reading = Reading(site, include=("/제품/*",), exclude=("*sort=*",))
    reading.round()
    assert reading.kept == ["/%EC%A0%9C%ED%92%88/1"]


def test_other_sites_are_never_asked(site: Website) -> None:
    with Website({"/x": html("other")}) as other:
        site.pages["/a"] = moved(f"{other.url}/x", 301)
        site.pages["/b"] = links(f"{other.url}/x", f"{site.url}/c")
        site.pages["/c"] = moved(f"{other.url}/x")
        reading = Reading(site)
        reading.round()
        assert other.asked == []
        assert (reading.reason("/a"), reading.reason("/c")) == ("it moved to another site", "it leads to another site")
        site.pages["/"] = moved(f"{other.url}/x")
        with pytest.raises(CrawlFailed, match="it moved to"):
            reading.round(2)
        assert other.asked == []


def test_a_page_that_moved_keeps_its_document_until_the_other_one_is_read(site: Website) -> None:
    reading = Reading(site)
    reading.round()
    site.pages |= {"/c": moved("/c2", 301), "/c2": WebPage(status=500)}
    reading.round(2)
    assert reading.kept == ["/", "/a", "/b", "/c"]
    site.pages["/c2"] = html("C")
    reading.round(3)
    assert reading.kept == ["/", "/a", "/b", "/c2"]


def test_a_page_with_another_address_of_its_own_is_kept_once(site: Website) -> None:
    reading = Reading(site)
    reading.round()
    site.pages |= {"/a": moved("/a/", 301), "/a/": html("A has changed")}
    reading.round(2)
    assert reading.kept == ["/", "/a/", "/b", "/c"]


def test_an_empty_page_keeps_its_document(site: Website) -> None:
    reading = Reading(site)
    reading.round()
    site.pages["/a"] = WebPage(b"\n")
    reading.round(2)
    assert (reading.kept, reading.reason("/a")) == (["/", "/a", "/b", "/c"], "it is empty")


def test_redirects_within_the_site_lead_to_the_page_and_loops_end(site: Website) -> None:
    site.pages |= {"/a": moved("/d", 301), "/d": html("D"), "/b": moved("/b/"), "/b/": moved("/b")}
    site.pages["/"] = links("/a", "/b", "/e", "/f")
    site.pages |= {"/e": moved("/f"), "/f": moved("/e")}
    reading = Reading(site)
    reading.round()
    assert reading.kept == ["/", "/d"]
    assert len(site.asked) < 15


def test_pages_that_ask_not_to_be_kept_are_left_and_their_links_followed(site: Website) -> None:
    site.pages["/b"] = html('<a href="/c">c</a>', '<meta name="robots" content="noindex">')
    reading = Reading(site)
    reading.round()
    assert reading.kept == ["/", "/a", "/c"]


def test_copies_are_kept_once_and_canonical_addresses_are_followed(site: Website) -> None:
    canonical = '<link rel="canonical" href="/c">'
    site.pages["/"] = links("/a", "/b", "/b2", "/print", "/lost")
    site.pages |= {"/b": html("same"), "/b2": html("same"), "/print": html("C, to print", canonical)}
    site.pages["/lost"] = html("lost", '<link rel="canonical" href="/nowhere">')
    reading = Reading(site)
    reading.round()
    assert reading.kept == ["/", "/a", "/b", "/c", "/lost"]


def test_a_copy_takes_the_place_of_a_page_that_leaves_or_changes_after_it(site: Website) -> None:
    site.pages["/b"] = links("/c", "/d")
    site.pages |= {"/c": html("moving"), "/d": html("also moving")}
    reading = Reading(site)
    reading.round()
    site.pages |= {"/": links("/a", "/b", "/c2", "/d2"), "/c2": html("moving"), "/d2": html("also moving")}
    del site.pages["/c"]
    site.pages["/d"] = html("is another now")
    reading.round(2)
    assert reading.kept == ["/", "/a", "/b", "/c2", "/d", "/d2"]


def test_what_may_not_be_kept_fails_alone(site: Website) -> None:
    class Full(RememberedDocuments):
        """A `Full` is a shelf without room for `/a`."""

        def put_page(self, content: PageContent) -> str:
            if content.address.endswith("/a"):
                raise TooLarge("your documents may have at most 1 bytes together")
            return super().put_page(content)

    reading = Reading(site)
    reading.shelf = Full()
    reading.round()
    assert reading.kept == ["/", "/b", "/c"]
    assert reading.reason("/a").startswith("your documents")


def test_no_more_sitemaps_are_read_than_a_site_may_have(site: Website) -> None:
    named = "\n".join(f"Sitemap: {site.url}/{n}.xml" for n in range(300))
    site.pages["/robots.txt"] = WebPage(named.encode(), "text/plain")
    index = "".join(f"<sitemap><loc>{site.url}/more{n}.xml</loc></sitemap>" for n in range(300))
    site.pages["/0.xml"] = WebPage(f"<sitemapindex>{index}</sitemapindex>".encode(), "text/xml")
    Reading(site).round()
    assert sum(path.endswith(".xml") for path in site.paths) == 200


def test_traps_end() -> None:
    def calendar(path: str) -> WebPage:
        month = int(path.rpartition("=")[2])
        return html(f'month {month} <a href="?month={month + 1}">next</a> <a href="a/b/">in</a>')

    with Website() as site:
        site.pages = {"/": links("/calendar?month=0", *(f"/list?sort={n}" for n in range(300)))}
        site.pages |= {f"/calendar?month={n}": calendar(f"={n}") for n in range(300)}
        site.pages |= {"/" + "a/b/" * n: html(f'{n} <a href="a/b/">on</a>') for n in range(1, 30)}
        reading = Reading(site)
        reading.round()
        assert len(site.asked) < 150
        assert Reading(site, pages=3).round()[-1].found == 3


def test_a_page_that_no_process_can_parse_now_is_not_blamed(site: Website) -> None:
    def refuse(request: bytes, content: bytes, charset: str) -> Parsed:
        raise Overloaded("no process could be started")

    reading = Reading(site)
    reading.parse = refuse
    for _ in range(3):
        with pytest.raises(Overloaded):
            reading.round()
    reading.parse = parse_content
    reading.round()
    assert reading.kept == ["/", "/a", "/b", "/c"]


@pytest.mark.parametrize(
    ("reason", "told"), [("damaged", "it can't be read"), ("timed_out", "reading it takes too long")]
)
def test_a_page_that_breaks_its_parser_fails_alone(site: Website, reason: str, told: str) -> None:
    def parse(request: bytes, content: bytes, charset: str) -> Parsed:
        if b"A" in content:
            raise Unreadable(reason)
        return parse_content(request, content, charset)

    reading = Reading(site)
    reading.parse = parse
    reading.round()
    assert reading.kept == ["/", "/b", "/c"]
    assert reading.reason("/a") == told
