"""A website of 60 pages is read into the knowledge base of a running service, and answered from, as it changes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from qa_service.crawling.site_reader import Reach
from qa_service.knowledge.database import Database
from qa_service.knowledge.keeper import lock_indexing
from qa_service.knowledge_base import index_waiting, make_indexer, make_site_reader
from qa_service.settings import Settings
from tests.crawling.library_site import PAGES, PDF_EN, PDF_KO, TOPICS, english_page, fee, korean_page, library_site
from tests.crawling.websites import Website
from tests.live.processes import Service, gunicorn

KEY = "server-secret-0123456789"
PAIR = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def site() -> Iterator[Website]:
    with library_site() as found:
        yield found


@pytest.fixture
def served(knowledge: Database, knowledge_url: str, tmp_path: Path) -> Iterator[Service]:
    """Give a service without a model, for which this process indexes: it may read sites of this machine."""
    data = tmp_path / "data"
    data.mkdir()
    lock = lock_indexing(data)
    assert lock
    settings = {
        "QA_API_KEYS": f"site:{KEY}",
        "QA_ALLOW_ANONYMOUS": "on",
        "QA_DATABASE_URL": knowledge_url,
        "QA_SEMANTIC": "off",
    }
    with lock, gunicorn(tmp_path, QA_DATA=str(data), QA_RATE="1000/minute", **settings) as found:
        yield found


@pytest.fixture
def index(knowledge_url: str, tmp_path: Path) -> Callable[[], None]:
    """Do all that waits."""
    settings = Settings(data=tmp_path / "indexer", database_url=knowledge_url, semantic="off")
    reach = Reach(lambda address: address == "127.0.0.1", delay=0.0)
    return lambda: index_waiting(make_indexer(settings, None), make_site_reader(settings, reach))


@pytest.fixture
def read(served: Service, site: Website, index: Callable[[], None]) -> Callable[[], dict[str, Any]]:
    """Bring the site, or bring it again, and read it to its end. Return what is known of it then."""

    def read() -> dict[str, Any]:
        httpx.post(f"{served.url}/api/sites", json={"url": site.url}, headers=PAIR).raise_for_status()
        index()
        (found,) = httpx.get(f"{served.url}/api/sites", headers=PAIR).json()["items"]
        return dict(found)

    return read


def ask(served: Service, question: str) -> tuple[str, list[str]]:
    """Ask, and return the answer and the addresses that it cites."""
    answer = httpx.post(f"{served.url}/api/ask", json={"question": question, "stream": False}, timeout=30).json()
    return answer["text"], [reference["url"] for reference in answer["references"]]


def test_a_site_is_read_whole_answered_from_and_followed_as_it_changes(
    served: Service, site: Website, read: Callable[[], dict[str, Any]], index: Callable[[], None]
) -> None:
    found = read()
    assert (found["status"], found["pages"], found["failed"]) == ("ready", PAGES + 2, 0)

    # Each answer stands on the right page, and its link leads to the section.
    for number in (3, 10, 21):
        slug, korean, english = TOPICS[number]
        text, cited = ask(served, f"{korean} 이용 요금은 얼마인가요?")
        assert f"{fee(number):,}원" in text
        assert cited[0] == f"{site.url}/ko/{slug}#fees"
        text, cited = ask(served, f"What is the fee for {english}?")
        assert f"{fee(number):,} won" in text
        assert cited[0] == f"{site.url}/en/{slug}#fees"
    assert ask(served, "도서관 안에서 반려동물을 데리고 다닐 수 있나요?")[1][0] == f"{site.url}{PDF_KO}#page=2"
    assert ask(served, "Where may musical instruments be played?")[1][0] == f"{site.url}{PDF_EN}#page=2"

    # A page that has changed is read again, and no other is sent again.
    site.pages["/ko/overdue"] = korean_page(10, 77_700)
    site.forget()
    read()
    text, cited = ask(served, "연체 이용 요금은 얼마인가요?")
    assert "77,700원" in text
    assert f"{fee(10):,}원" not in text
    assert cited[0] == f"{site.url}/ko/overdue#fees"
    assert site.answered.count(200) == 2  # the start, and the changed page
    assert site.answered.count(304) == PAGES

    # A page that was removed is cited no more, and one that is back is.
    del site.pages["/en/parking"]
    assert read()["pages"] == PAGES + 1
    assert not any("/en/parking" in url for url in ask(served, "What is the fee for parking?")[1])
    site.pages["/en/parking"] = english_page(21)
    assert read()["pages"] == PAGES + 2
    assert ask(served, "What is the fee for parking?")[1][0] == f"{site.url}/en/parking#fees"

    # A site that is forgotten leaves nothing.
    assert httpx.delete(f"{served.url}/api/sites/{found['siteId']}", headers=PAIR).status_code == 204
    index()
    assert httpx.get(f"{served.url}/api/documents", headers=PAIR).json()["items"] == []
