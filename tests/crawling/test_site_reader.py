"""A reader of sites reads what is due, lets others go on where it stops, and removes what is to be forgotten."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from qa_service.crawling.fetching import FetchBounds
from qa_service.crawling.site_reader import Reach, SiteReader
from qa_service.crawling.sites import NewSite, Sites
from qa_service.crawling.stored_pages import StoredPages
from qa_service.files.parsing import parse_content
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import Document, DocumentText, NewDocument
from qa_service.knowledge.library import DocumentFilter, Library
from tests.crawling.websites import WebPage, Website, html, links
from tests.knowledge.shelf import SHARED, counts_agree
from tests.lateness import Lateness
from tests.live.processes import until


@pytest.fixture
def site() -> Iterator[Website]:
    """Give a site of 21 pages."""
    pages = {f"/p{n}": html(f"<h1>Page {n}</h1><p>This is page {n}.</p>") for n in range(20)}
    with Website({"/": links(*pages), **pages}) as found:
        yield found


def reader(knowledge: Database, *, delay: float = 0.0, lease: float = 120.0) -> SiteReader:
    reach = Reach(lambda address: address == "127.0.0.1", delay)
    return SiteReader(Sites(knowledge), Library(knowledge), FetchBounds(), reach, parse=parse_content, lease=lease)


def documents(knowledge: Database) -> int:
    return len(Library(knowledge).list_documents(DocumentFilter())[0])


def test_a_site_that_breaks_its_reader_fails_and_lets_others_be_read(knowledge: Database, site: Website) -> None:
    class Breaking(Library):
        def put_text(self, new: NewDocument, text: DocumentText) -> tuple[Document, bool]:
            raise ValueError("something odd")

    sites = Sites(knowledge)
    found = sites.add_site(NewSite(SHARED, site.url, every=3600.0))
    reach = Reach(lambda address: address == "127.0.0.1", 0.0)
    assert SiteReader(sites, Breaking(knowledge), FetchBounds(), reach, parse=parse_content).read_due_site()
    broken = sites.load_site(found.site_id)
    assert broken
    assert (broken.status, broken.reason) == ("failed", "reading it broke")
    assert not sites.has_due()


def test_a_reader_that_is_stopped_lets_another_go_on_at_once(knowledge: Database, site: Website) -> None:
    Sites(knowledge).add_site(NewSite(SHARED, site.url))
    stopped = reader(knowledge, delay=0.05)
    first = threading.Thread(target=stopped.read_until_stopped)
    first.start()
    until(lambda: documents(knowledge) > 3, 7, "some pages are read")
    stopped.stop_reading()
    first.join()
    assert documents(knowledge) < 21
    asked = len(site.asked)
    assert reader(knowledge).read_due_site()
    assert documents(knowledge) == 21
    # Beside the pages these are robots.txt and the start, twice, and the page that was cut off.
    assert asked + len(site.asked[asked:]) <= 21 + 2 + 2 + 1
    assert counts_agree(knowledge)


def test_a_page_that_a_reader_waits_for_is_cut_off_by_a_stop_and_read_by_the_next_one(
    knowledge: Database, site: Website
) -> None:
    page, asked, over = site.pages["/p5"], threading.Event(), threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        over.wait(30)

    site.pages["/p5"] = WebPage(answer=hang)
    sites, stopped = Sites(knowledge), reader(knowledge)
    brought = sites.add_site(NewSite(SHARED, site.url))
    first = threading.Thread(target=stopped.read_until_stopped)
    first.start()
    assert asked.wait(10)
    began, late = time.monotonic(), Lateness()
    stopped.stop_reading()
    first.join()
    assert time.monotonic() - began < 5 + late.seconds
    over.set()

    states = [one.state for one in StoredPages(knowledge, brought.site_id).load_pages() if one.address.endswith("/p5")]
    assert states == ["waiting"]
    site.pages["/p5"] = page
    assert reader(knowledge).read_due_site()
    assert documents(knowledge) == 21


def test_a_site_that_is_dropped_while_it_is_read_leaves_nothing(knowledge: Database, site: Website) -> None:
    sites = Sites(knowledge)
    brought = sites.add_site(NewSite(SHARED, site.url))
    reading = reader(knowledge, delay=0.05, lease=0.1)
    thread = threading.Thread(target=reading.read_until_stopped)
    thread.start()
    until(lambda: documents(knowledge) > 3, 7, "some pages are read")
    sites.drop_site(brought.site_id, [""])
    until(lambda: sites.load_site(brought.site_id) is None, 7, "the site is forgotten")
    reading.stop_reading()
    thread.join()
    assert documents(knowledge) == 0
    assert len(site.asked) < 21
    assert counts_agree(knowledge)


def test_a_page_of_two_sites_leaves_with_the_last_of_them(knowledge: Database, site: Website) -> None:
    sites = Sites(knowledge)
    both = [sites.add_site(NewSite(SHARED, url)) for url in (site.url, f"{site.url}/p0")]
    for _ in both:
        assert reader(knowledge).read_due_site()
    for brought, left in zip(both, (1, 0), strict=True):
        sites.drop_site(brought.site_id, [""])
        assert reader(knowledge).read_due_site()
        assert documents(knowledge) == left
    assert counts_agree(knowledge)


def test_a_site_that_can_not_be_read_says_why(knowledge: Database, site: Website) -> None:
    site.pages["/"] = WebPage(status=500)
    sites = Sites(knowledge)
    sites.add_site(NewSite(SHARED, site.url))
    assert reader(knowledge).read_due_site()
    (found,) = sites.list_sites([""])
    assert (found.status, found.reason) == ("failed", "its start: it answered 500")
