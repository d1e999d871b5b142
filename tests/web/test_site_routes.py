"""Sites and single pages are brought by whoever may edit, and listed to whoever may search them."""

from collections.abc import Iterator
from typing import Any

import pytest

from qa_service.crawling import fetching
from qa_service.knowledge.database import Database
from tests.crawling.websites import WebPage, Website, html, moved
from tests.knowledge.shelf import make_indexer
from tests.web.conftest import MakeHouse
from tests.web.house import PERSONAL_SECRET, SERVER_SECRET, House, refusal

SERVER = {"Authorization": f"Bearer {SERVER_SECRET}"}
USER = {**SERVER, "X-User-Id": "kim"}
PERSON = {"Authorization": f"Bearer {PERSONAL_SECRET}"}
URL = "https://library.example/"


@pytest.fixture
def house(no_indexer: None, make_house: MakeHouse, knowledge: Database, knowledge_url: str) -> House:
    """Return a service with an empty knowledge base."""
    return make_house(database_url=knowledge_url, semantic="off")


def add(house: House, headers: dict[str, str] = SERVER, **fields: Any) -> Any:
    return house.client.post("/api/sites", json={"url": URL, **fields}, headers=headers)


class TestSites:
    def test_a_server_brings_a_site_and_everybody_sees_it(self, house: House) -> None:
        response = add(house, include=["/ko/*"], exclude="*sort=*\n/old/*", every="12h")
        assert response.status_code == 202
        site = response.get_json()
        assert (site["url"], site["collection"], site["shared"], site["status"]) == (URL, "shared", True, "queued")
        assert (site["include"], site["exclude"], site["every"]) == (["/ko/*"], ["*sort=*", "/old/*"], 43200.0)
        for headers in (SERVER, USER, PERSON, {}):
            assert house.get("sites", headers).get_json()["items"] == [site]

    def test_the_same_site_is_one_and_takes_the_new_patterns(self, house: House) -> None:
        first = add(house, include=["/ko/*"]).get_json()
        second = add(house, url="https://LIBRARY.example:443", include=[]).get_json()
        assert second["siteId"] == first["siteId"]
        assert second["include"] == []

    def test_users_persons_and_visitors_may_not_change_sites(self, house: House) -> None:
        site = add(house).get_json()
        for headers in (USER, PERSON, {}):
            refusal(add(house, headers), 401, "unauthenticated")
            refusal(house.client.delete(f"/api/sites/{site['siteId']}", headers=headers), 401, "unauthenticated")

    def test_a_host_can_let_its_editors_change_sites(self, make_house: MakeHouse, house: House) -> None:
        app = {"identify": lambda request: "kim", "may_edit": lambda request: "X-Editor" in request.headers}
        hosted = make_house(app, database_url=house.assembly.settings.database_url)
        assert add(hosted, {"X-Editor": "1"}).status_code == 202
        refusal(add(hosted, {}), 401, "unauthenticated")

    def test_a_deleted_site_is_listed_no_more(self, house: House) -> None:
        site = add(house).get_json()
        assert house.client.delete(f"/api/sites/{site['siteId']}", headers=SERVER).status_code == 204
        assert house.get("sites", SERVER).get_json() == {"items": []}
        for gone in (site["siteId"], "%00"):
            refusal(house.client.delete(f"/api/sites/{gone}", headers=SERVER), 404, "not_found")

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"url": ""}, "url"),
            ({"url": "ftp://library.example/"}, "url"),
            ({"every": "5m"}, "every"),
            ({"every": "often"}, "every"),
            ({"include": ["x" * 400]}, "include"),
            ({"exclude": {"a": 1}}, "exclude"),
            ({"collection": "no spaces"}, "collection"),
        ],
    )
    def test_impossible_values_are_refused_by_name(self, house: House, fields: dict[str, Any], field: str) -> None:
        assert refusal(add(house, **fields), 422, "invalid_field")["field"] == field

    def test_pages_of_other_sites_may_not_bring_sites(self, house: House) -> None:
        refusal(add(house, {**SERVER, "Origin": "https://evil.example"}), 403, "forbidden_origin")


class TestSinglePage:
    @pytest.fixture
    def site(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Website]:
        """Give a site on this machine that may be read, unlike everything else of this machine."""
        usual = fetching.PageFetcher.__init__
        monkeypatch.setattr(
            fetching.PageFetcher,
            "__init__",
            lambda self, bounds, may_connect=None: usual(self, bounds, lambda address: address == "127.0.0.1"),
        )
        menu = '<nav><a href="/a">처음</a><a href="/b">소식</a><a href="/c">지도</a><a href="/d">문의</a></nav>'
        body = f"{menu}<main><h1 id=hours>이용 시간</h1><p>평일은 아침 아홉 시부터 저녁 여덟 시까지 엽니다.</p></main>"
        with Website({"/hours": html(body, "<title>이용 &amp; 시간</title>"), "/old": moved("/hours", 301)}) as found:
            yield found

    def test_a_page_becomes_a_document_with_its_main_text(self, house: House, site: Website) -> None:
        response = house.client.post("/api/documents", json={"url": f"{site.url}/old"}, headers=SERVER)
        assert response.status_code == 202
        document = response.get_json()["items"][0]
        assert (document["url"], document["title"], document["status"]) == (
            f"{site.url}/hours",
            "이용 & 시간",
            "queued",
        )
        assert house.assembly.knowledge
        make_indexer(house.assembly.knowledge.database, house.assembly.uploads).run()
        document = house.get(f"documents/{document['documentId']}", SERVER).get_json()
        assert (document["status"], document["kind"]) == ("ready", "html")
        text = house.get(f"documents/{document['documentId']}/pages/1", SERVER).get_json()["text"]
        assert "아홉 시" in text
        assert "지도" not in text
        found = house.client.post("/api/documents/search", json={"query": "평일 이용 시간"}, headers=SERVER).get_json()
        assert found["items"][0]["url"] == f"{site.url}/hours#hours"

    def test_a_page_that_can_not_be_had_is_refused_with_the_reason(self, house: House, site: Website) -> None:
        site.pages["/broken"] = WebPage(status=500)
        for path, reason in (("/none", "it answered 404"), ("/broken", "it answered 500")):
            response = house.client.post("/api/documents", json={"url": site.url + path}, headers=SERVER)
            assert reason in refusal(response, 422, "invalid_field")["detail"]

    def test_how_often_a_person_may_let_pages_be_fetched_is_limited(self, make_house: MakeHouse, house: House) -> None:
        limited = make_house(rate=(1, 60), database_url=house.assembly.settings.database_url)
        asked = {"url": "http://127.0.0.1:9/"}
        assert limited.client.post("/api/documents", json=asked, headers=PERSON).status_code == 422
        refusal(limited.client.post("/api/documents", json=asked, headers=PERSON), 429, "rate_limited")


def test_no_page_of_this_machine_is_ever_fetched(house: House) -> None:
    with Website({"/": html("secret")}) as site:
        response = house.client.post("/api/documents", json={"url": site.url}, headers=SERVER)
        assert "isn't public" in refusal(response, 422, "invalid_field")["detail"]
        assert site.asked == []
