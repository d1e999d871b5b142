"""A site is kept in the database: one worker reads it, another goes on where that one died, and nothing is lost."""

import time
from collections.abc import Sequence
from secrets import token_hex

import pytest

from qa_service.crawling.fetching import Known
from qa_service.crawling.ledger import PageContent, PageShelf, SiteLedger, SitePage
from qa_service.crawling.sites import KnowledgeSite, NewSite, Sites
from qa_service.crawling.stored_pages import LibraryShelf, StoredPages
from qa_service.errors import InvalidField, NotFound
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import CollectionKey, DocumentPassage, DocumentText
from qa_service.knowledge.library import Library
from tests.crawling.shelves import RememberedDocuments, RememberedPages

URL = "https://example.org/"


@pytest.fixture
def owner() -> str:
    return token_hex(16)


@pytest.fixture
def sites(knowledge: Database) -> Sites:
    return Sites(knowledge)


def add(sites: Sites, owner: str, url: str = URL, **wanted: object) -> KnowledgeSite:
    return sites.add_site(NewSite(CollectionKey(owner, "own"), url, **wanted))


def claim(sites: Sites) -> KnowledgeSite:
    """Claim the site that is due."""
    claimed = sites.claim_site()
    assert claimed
    return claimed[0]


class TestSites:
    def test_a_site_is_listed_to_its_owner_alone(self, sites: Sites, owner: str) -> None:
        site = add(sites, owner, include=("/ko/*",), every=3600.0)
        assert (site.url, site.include, site.every, site.status, site.pages) == (URL, ("/ko/*",), 3600.0, "queued", 0)
        assert sites.list_sites([owner]) == [site]
        assert sites.list_sites([token_hex(16)]) == []

    def test_no_address_is_refused(self, sites: Sites, owner: str) -> None:
        with pytest.raises(InvalidField, match="url"):
            add(sites, owner, "ftp://example.org/")

    def test_one_worker_reads_it_and_nobody_else(self, sites: Sites, owner: str) -> None:
        site = add(sites, owner)
        claimed = claim(sites)
        assert (claimed.site_id, claimed.round, claimed.status) == (site.site_id, 1, "reading")
        assert sites.claim_site() is None
        assert sites.renew_lease(claimed)

    def test_another_worker_goes_on_with_the_round_when_the_lease_is_over(
        self, sites: Sites, knowledge: Database, owner: str
    ) -> None:
        add(sites, owner)
        late = claim(Sites(knowledge, lease_seconds=0.05))
        time.sleep(0.1)
        claimed = claim(sites)
        assert claimed.round == 1
        assert not sites.renew_lease(late)
        sites.finish_round(late)
        sites.release_site(late)
        assert sites.renew_lease(claimed)
        assert sites.claim_site() is None
        sites.release_site(claimed)
        again = claim(sites)
        assert again.round == 1

    def test_a_site_is_read_again_when_its_time_has_come(self, sites: Sites, owner: str) -> None:
        add(sites, owner, every=0.05)
        first = claim(sites)
        sites.finish_round(first)
        assert sites.list_sites([owner])[0].status == "ready"
        time.sleep(0.1)
        second = claim(sites)
        assert second.round == 2

    def test_a_site_without_an_interval_is_read_once_and_again_when_it_is_brought_again(
        self, sites: Sites, owner: str
    ) -> None:
        add(sites, owner)
        first = claim(sites)
        sites.finish_round(first, "its start: it answered 500")
        site = sites.list_sites([owner])[0]
        assert (site.status, site.reason, site.next_read_at) == ("failed", "its start: it answered 500", None)
        assert sites.claim_site() is None
        add(sites, owner)
        second = claim(sites)
        add(sites, owner)  # this happens while it is read
        sites.finish_round(second)
        third = claim(sites)
        assert (second.round, third.round) == (2, 3)

    def test_a_dropped_site_is_listed_no_more_and_its_reader_learns_of_it(self, sites: Sites, owner: str) -> None:
        site = add(sites, owner)
        with pytest.raises(NotFound):
            sites.drop_site(site.site_id, [token_hex(16)])
        claimed = claim(sites)
        sites.drop_site(site.site_id, [owner])
        assert sites.list_sites([owner]) == []
        assert not sites.renew_lease(claimed)
        sites.release_site(claimed)
        leaving = sites.claim_site()
        assert leaving
        assert (leaving[0].site_id, leaving[1]) == (claimed.site_id, True)
        sites.forget_site(claimed)
        assert sites.claim_site() is None


class LedgerContract:
    """A `LedgerContract` has the promises of every `SiteLedger`."""

    def test_pages_come_back_as_they_were_kept_and_in_their_order(self, ledger: SiteLedger) -> None:
        pages = [SitePage(f"k{n}", f"https://example.org/{n}", depth=n) for n in (3, 1, 2)]
        ledger.save_pages(pages)
        changed = SitePage(
            "k1", "https://example.org/한", 1, "left", "it moved", 2, 1, Known('W/"1"', "today"), "digest"
        )
        ledger.save_pages([SitePage("k4", "void"), changed, SitePage("k4", "x")])
        assert ledger.load_pages() == [pages[0], changed, pages[2], SitePage("k4", "x")]


class TestRememberedPages(LedgerContract):
    @pytest.fixture
    def ledger(self) -> SiteLedger:
        return RememberedPages()


class TestStoredPages(LedgerContract):
    @pytest.fixture
    def site(self, sites: Sites, owner: str) -> KnowledgeSite:
        return add(sites, owner)

    @pytest.fixture
    def ledger(self, knowledge: Database, site: KnowledgeSite) -> SiteLedger:
        return StoredPages(knowledge, site.site_id)

    def test_a_document_that_was_deleted_is_forgotten(
        self, ledger: SiteLedger, knowledge: Database, site: KnowledgeSite
    ) -> None:
        library = Library(knowledge)
        shelved = LibraryShelf(library, site.site_id, site.collection).put_page(PageContent(URL, content=b"text"))
        ledger.save_pages([SitePage("k", URL, document_id=shelved, state="kept")])
        assert ledger.load_pages()[0].document_id == shelved
        library.remove_document(shelved, [site.collection.owner])
        assert ledger.load_pages()[0].document_id == ""
        ledger.save_pages([SitePage("k", URL, document_id=shelved, state="kept")])
        assert ledger.load_pages()[0].document_id == ""

    def test_many_pages_are_kept_at_once(self, ledger: SiteLedger) -> None:
        pages: Sequence[SitePage] = [SitePage(str(n), f"https://example.org/{n}") for n in range(1201)]
        ledger.save_pages(pages)
        assert ledger.load_pages() == pages


class ShelfContract:
    """A `ShelfContract` has the promises of every `PageShelf`."""

    def test_the_same_address_is_the_same_document(self, shelf: PageShelf) -> None:
        page = PageContent(URL, "Title", DocumentText([DocumentPassage("one")], "html", pages=1))
        first = shelf.put_page(page)
        assert first
        assert shelf.put_page(page) == first
        assert shelf.put_page(PageContent(URL, content=b"two")) == first
        shelf.remove_page(first)
        shelf.remove_page(first)


class TestRememberedDocuments(ShelfContract):
    @pytest.fixture
    def shelf(self) -> PageShelf:
        return RememberedDocuments()


class TestLibraryShelf(ShelfContract):
    @pytest.fixture
    def shelf(self, knowledge: Database, owner: str) -> PageShelf:
        return LibraryShelf(Library(knowledge), "site", CollectionKey(owner, "own"))
