"""The reference is whole, in two languages, takes nothing from other hosts, and is found alone and in a host site."""

import re
from html.parser import HTMLParser

import pytest

from qa_service.web.reference import REFERENCE_WORDS
from tests.web.conftest import MakeHouse
from tests.web.house import House, refusal


class PageParts(HTMLParser):
    """`PageParts` are the ids, the links and the addresses of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in ("src", "href"):
                self.loaded.append(value or "")


@pytest.fixture(params=["en", "ko"])
def page(request: pytest.FixtureRequest, house: House) -> str:
    return house.client.get(f"/docs?language={request.param}").get_data(as_text=True)


class TestReference:
    def test_has_every_operation_object_and_error(self, house: House, page: str) -> None:
        contract = house.get("openapi.json").get_json()
        ids = PageParts(page).ids
        operations = [operation for methods in contract["paths"].values() for operation in methods.values()]
        assert {operation["operationId"] for operation in operations} <= set(ids)
        assert {f"schema-{name}" for name in contract["components"]["schemas"]} <= set(ids)
        assert all(f"<code>{error['code']}</code>" in page for error in contract["x-errors"])

    def test_leads_only_to_places_that_are_there(self, house: House, page: str) -> None:
        parts = PageParts(page)
        assert sorted(set(parts.ids)) == sorted(parts.ids)
        assert {link.removeprefix("#") for link in parts.links if link.startswith("#")} <= set(parts.ids)
        for link in parts.links + parts.loaded:
            if link.startswith("/"):
                assert house.client.get(link).status_code == 200, link

    def test_takes_nothing_from_other_hosts(self, house: House, page: str) -> None:
        parts = PageParts(page)
        assert [address for address in parts.links + parts.loaded if "//" in address] == []
        assert "{{" not in page
        assert "-prefix-" not in page
        policy = house.client.get("/docs").headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy

    def test_speaks_the_readers_language_and_offers_the_other(self, house: House) -> None:
        korean = house.client.get("/docs", headers={"Accept-Language": "ko"}).get_data(as_text=True)
        english = house.client.get("/docs").get_data(as_text=True)
        assert '<html lang="ko">' in korean
        assert "질문하기" in korean
        assert '<html lang="en">' in english
        assert re.findall("[가-힣]+", english) == ["한국어"]
        assert all("?language=ko" in each and "?language=en" in each for each in (korean, english))

    def test_has_the_same_words_in_both_languages(self) -> None:
        assert REFERENCE_WORDS["en"].keys() == REFERENCE_WORDS["ko"].keys()

    def test_is_there_in_a_host_site_under_its_prefix_alone(self, make_site: MakeHouse) -> None:
        client = make_site(url_prefix="/help/api").client
        page = client.get("/help/api/docs").get_data(as_text=True)
        assert client.get("/docs").status_code == 404
        assert 'data-prefix="/help/api"' in page
        for address in PageParts(page).loaded:
            assert client.get(address).status_code == 200, address

    def test_finds_its_parts_under_the_public_address(self, make_house: MakeHouse) -> None:
        page = make_house(public_url="https://public.example/qa").client.get("/docs").get_data(as_text=True)
        assert 'src="/qa/api/docs/reference.js"' in page

    def test_is_not_led_astray_by_an_address_that_a_caller_makes_up(self, make_house: MakeHouse) -> None:
        house = make_house(trusted_proxies=1)
        hostile = {"X-Forwarded-Prefix": '/"><script>alert(1)</script>'}
        page = house.client.get("/docs", headers=hostile).get_data(as_text=True)
        assert "<script>alert" not in page

    def test_has_no_other_parts(self, house: House) -> None:
        for name in ("index.html", "reference.html", "..%2fpage.py", "nothing.js"):
            refusal(house.get(f"docs/{name}"), 404, "not_found")
