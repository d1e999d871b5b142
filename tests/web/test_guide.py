"""The pages of `docs/` at a running service: whole, in two languages, searchable, and taking nothing from elsewhere."""

import re
from urllib.parse import unquote

import pytest
from hatchling.builders.wheel import WheelBuilder

from qa_service.web.guide import GUIDE_PICTURES, GUIDE_WORDS, GUIDES, list_guides
from qa_service.web.markdown_html import render_page
from qa_service.wire.formats import FORMATS
from tests.samples import ROOT
from tests.web.conftest import MakeHouse
from tests.web.house import House, refusal
from tests.web.test_reference import PageParts

ASKING = (ROOT / "docs/asking.md").read_text()
LISTED = set(re.findall(r"`(\w[\w-]*)`", "\n".join(re.findall(r"^\| (.+?) \|", ASKING, re.M))))
"""These are the names in the first cells of its tables."""
KOREAN = "[가-힣]"


def read(house: House, name: str, language: str = "en") -> str:
    response = house.get(f"docs/{name}?language={language}")
    assert response.status_code == 200, name
    return str(response.get_data(as_text=True))


class Site:
    """A `Site` is what a house shows at its addresses. Each of them is asked for once."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._seen: dict[str, PageParts] = {}

    def open(self, address: str) -> PageParts:
        """Open this address, which must be there, and return what it has."""
        if address not in self._seen:
            response = self._house.client.get(address)
            assert response.status_code == 200, address
            self._seen[address] = PageParts(response.get_data(as_text=True))
        return self._seen[address]


class TestPages:
    def test_are_all_that_the_folder_has(self) -> None:
        names = {file.stem for file in (ROOT / "docs").glob("*.md") if not file.stem.endswith(".ko")}
        assert {guide.name for guide in list_guides("en")} == names
        assert all((ROOT / "docs" / name).exists() for name in GUIDE_PICTURES)

    @pytest.mark.parametrize("language", ["en", "ko"])
    def test_lead_only_to_places_there_are_and_load_nothing_from_elsewhere(self, house: House, language: str) -> None:
        site = Site(house)
        for guide in list_guides("en"):
            parts = site.open(f"/api/docs/{guide.name}?language={language}")
            assert len(set(parts.ids)) == len(parts.ids), guide.name
            assert {unquote(link[1:]) for link in parts.links if link.startswith("#")} <= set(parts.ids), guide.name
            assert all(address.startswith("/api/docs/") for address in parts.loaded), guide.name
            for link in {*parts.links, *parts.loaded}:
                path, _, anchor = link.partition("#")
                assert not path.startswith("/") or {unquote(anchor)} <= {"", *site.open(path).ids}, link

    def test_keep_to_a_policy_that_allows_nothing_inline(self, house: House) -> None:
        policy = house.get("docs/performance").headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert " style=" not in read(house, "performance")

    def test_are_listed_on_each_of_them_and_on_the_reference(self, house: House) -> None:
        for page in (read(house, "asking"), house.get("docs").get_data(as_text=True)):
            links = [link.partition("?")[0] for link in PageParts(page).links]
            assert [f"/api/docs/{guide.name}" for guide in list_guides("en")] == [
                link for link in dict.fromkeys(links) if link.removeprefix("/api/docs/") in GUIDES
            ]

    def test_speak_the_readers_language_and_say_where_they_are_english_alone(self, house: House) -> None:
        korean = house.get("docs/errors", {"Accept-Language": "ko"}).get_data(as_text=True)
        english_alone = read(house, "operating", "ko")
        assert '<main lang="ko">' in korean
        assert GUIDE_WORDS["ko"]["english"] not in korean
        assert '<main lang="en">' in english_alone
        assert GUIDE_WORDS["ko"]["english"] in english_alone

    def test_are_found_under_the_public_address(self, make_house: MakeHouse) -> None:
        page = make_house(public_url="https://public.example/qa").get("docs/asking").get_data(as_text=True)
        assert 'src="/qa/api/docs/guide.js"' in page
        assert 'href="/qa/api/docs/errors?language=en"' in page

    def test_are_not_led_astray_by_an_address_that_a_caller_makes_up(self, make_house: MakeHouse) -> None:
        hostile = {"X-Forwarded-Prefix": '/"><script>alert(1)</script>'}
        page = make_house(trusted_proxies=1).client.get("/api/docs/asking", headers=hostile).get_data(as_text=True)
        assert "<script>alert" not in page

    def test_are_no_others(self, house: House) -> None:
        for name in ("drafts", "asking.md", "errors.ko", "..%2fREADME", "nothing"):
            refusal(house.get(f"docs/{name}"), 404, "not_found")
        refusal(house.get("docs/asking?language=fr"), 422, "invalid_field")


class TestSearch:
    @pytest.mark.parametrize("language", ["en", "ko"])
    def test_has_each_section_with_a_place_that_is_there(self, house: House, language: str) -> None:
        sections = house.get(f"docs/search.json?language={language}").get_json()
        ids = {guide.name: set(PageParts(read(house, guide.name, language)).ids) for guide in list_guides("en")}
        assert {section["page"] for section in sections} == set(ids)
        assert all(section["anchor"] in ids[section["page"]] for section in sections)

    def test_has_the_words_without_their_marks(self, house: House) -> None:
        sections = house.get("docs/search.json").get_json()
        (again,) = (section for section in sections if section["heading"] == "Asking again without paying twice")
        assert "An Idempotency-Key (or the field idempotencyKey) makes it safe" in again["text"]
        assert re.search(KOREAN, str(house.get("docs/search.json?language=ko").get_json()))


class TestAsking:
    """What the page about asking lists is what the contract has."""

    def test_has_each_field_of_a_question(self, house: House) -> None:
        body = house.get("openapi.json").get_json()["paths"]["/ask"]["post"]["requestBody"]["content"]
        fields = set(body["multipart/form-data"]["schema"]["properties"])
        assert len(fields) > 15
        assert fields - {"_charset_"} <= LISTED

    def test_has_each_format_and_each_type_of_frame(self, house: House) -> None:
        frames = house.get("schema.json").get_json()["$defs"]["TypedFrame"]
        names = re.findall(r"#/\$defs/(\w+)Frame", str(frames))
        assert len(names) > 8
        assert {name.lower() for name in names} <= LISTED
        assert set(FORMATS) <= LISTED


class TestRendering:
    def test_shows_html_as_text(self) -> None:
        assert "<script>" not in render_page("# A\n\n<script>alert(1)</script>", str).html

    def test_leaves_no_link_to_what_is_not_served(self) -> None:
        html = render_page("# A\n\n[gone](../x.py) and [here](b)", lambda link: link if link == "b" else "").html
        assert html.endswith('<p><span>gone</span> and <a href="b">here</a></p>\n')

    def test_aligns_numbers_without_a_style(self) -> None:
        html = render_page("# A\n\n| a | b |\n|---|--:|\n| c | 1 |", str).html
        assert '<td class="number">1</td>' in html

    def test_lets_keys_scroll_what_is_wide(self) -> None:
        html = render_page("# A\n\n| | b |\n|---|---|\n| c | 1 |\n\n```js\nx\n```", str).html
        assert '<div class="wide" tabindex="0"><table>' in html
        assert '<pre tabindex="0"><code class="language-js">' in html
        assert "<th></th>" not in html

    def test_names_headings_as_sites_of_repositories_do(self) -> None:
        page = render_page("# 첫 질문\n\n## `useChat` & more, twice\n\ntext", str)
        assert [section.anchor for section in page.sections] == ["첫-질문", "usechat--more-twice"]


def test_the_pages_and_their_pictures_are_in_the_wheel() -> None:
    packed = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {f"qa_service/docs/{file.name}" for file in (ROOT / "docs").iterdir() if file.is_file()} <= packed
