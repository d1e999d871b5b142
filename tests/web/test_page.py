"""The page and its script as a browser gets them: where they lie, how long they are kept, and who may frame them."""

import gzip
import re
import shutil
import subprocess
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import brotli
import pytest

from qa_service.presentation import SiteText, SiteTexts
from qa_service.web.chat_script import chat_script
from qa_service.web.script_modules import ENTRY_MODULE, find_client, join_script, list_modules, read_element_markup
from tests.adversary import STATIC
from tests.web.conftest import MakeHouse
from tests.web.house import House

TOP_LEVEL = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)
ROOT = Path(__file__).parents[2]
OF_OTHER_PAGES = ("guide.js", "reference.js")
MOST_BYTES, MOST_BYTES_OF_BROTLI = 45_000, 41_000
LATENCY, BYTES_PER_SECOND = 0.3, 50_000
"""This is the slow network of `benchmarks/first_load.py`."""


def policy(house: House) -> dict[str, str]:
    """Return the policy of the page, by its directives."""
    header = house.client.get("/").headers["Content-Security-Policy"]
    return dict(rule.strip().partition(" ")[::2] for rule in header.split(";"))


class TestScript:
    def test_has_every_module_and_every_name_of_theirs_once(self) -> None:
        modules = {path.name: path.read_text() for path in STATIC.glob("*.js") if path.name not in OF_OTHER_PAGES}
        assert sorted(list_modules(STATIC, ENTRY_MODULE)) == sorted(modules)
        names = [name for text in modules.values() for name in TOP_LEVEL.findall(text)]
        assert sorted(names) == sorted(set(names))

    def test_has_the_client_that_sites_install_and_shares_none_of_its_names(self) -> None:
        script = join_script(STATIC)
        assert script.count("class Answer {") == script.count("const { createClient } = (() => {") == 1
        assert "react.js" not in list_modules(find_client(), "index.js")

    def test_imports_nothing_and_exports_nothing_after_it_was_joined(self) -> None:
        assert not re.search(r"^(?:import|export)\b", join_script(STATIC), re.MULTILINE)

    def test_takes_nothing_from_the_document_around_the_element(self) -> None:
        taken = re.compile(r"\bdocument\.(?:getElement|querySelector|body|head|forms|activeElement|styleSheets)\w*")
        assert taken.findall(join_script(STATIC)) == []

    def test_speaks_korean_in_one_tone_and_without_particles_in_brackets(self) -> None:
        korean = (STATIC / "words-ko.js").read_text()
        assert "물어보세요" in korean
        assert re.findall(r"니다|니까|십시오|[은을이와]\([는를가과]\)|\((?:으|이)\)", korean) == []

    def test_counts_in_a_rem_of_its_own(self) -> None:
        [style] = re.findall(r"^const STYLE = .*", join_script(STATIC), re.MULTILINE)
        assert re.findall(r"[\d.]rem\b", style) == ["1rem"]
        assert "--rem:1rem" in style
        assert not re.search(r"@(?:media|container)[^{]*calc", style)

    def test_has_the_variables_parts_and_attributes_that_the_documentation_names(self) -> None:
        looks = "".join((STATIC / name).read_text() for name in ("chat.css", "chat.html", "brand.js"))
        wishes = (STATIC / "qa-chat.js").read_text()
        written = "".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
        assert set(re.findall(r"--qa-[\w-]+", looks)) == set(re.findall(r"--qa-[\w-]+", written))
        parts = set(re.findall(r'(?<![\w-])part(?:="|: ")([\w-]+)"', looks))
        named = "".join(re.findall(r"[Pp]arts for `::part\(\)`(.*)", written))
        assert parts == set(re.findall(r"`([\w-]+)`", named))
        attributes = set(re.findall(r'(?:has|get)Attribute\("(\w+)"\)|\b(?:text|list)\("(\w+)"\)', wishes))
        assert not [
            name for names in attributes for name in names if not re.search(rf"(?:`|<qa-chat ){name}\b", written)
        ]

    def test_is_small_where_it_is_packed_by_gzip(self, house: House) -> None:
        response = house.client.get("/api/chat.js", headers={"Accept-Encoding": "gzip"})
        assert len(response.data) < MOST_BYTES, "has a module changed since `python hatch_build.py` made the script?"
        assert gzip.decompress(response.data) == house.client.get("/api/chat.js").data

    def test_is_smaller_still_where_it_is_packed_by_brotli(self, house: House) -> None:
        response = house.client.get("/api/chat.js", headers={"Accept-Encoding": "gzip, br"})
        assert len(response.data) < MOST_BYTES_OF_BROTLI
        assert brotli.decompress(response.data) == house.client.get("/api/chat.js").data

    @pytest.mark.parametrize(
        ("accepted", "coding"),
        {
            "": None,
            "br": "br",
            "gzip": "gzip",
            "gzip, deflate, br, zstd": "br",
            "br;q=0.5, gzip": "gzip",
            "br;q=0, gzip;q=0.1": "gzip",
            "*": "br",
            "br;q=0, *": "gzip",
            "*;q=0": None,
            "gzip;q=0, br;q=0": None,
            "identity, br;q=0.9": None,
            "identity;q=0.5, br;q=0.9": "br",
            "identity, gzip": "gzip",
            "deflate": None,
        }.items(),
    )
    def test_is_packed_as_the_caller_likes_it_best(self, house: House, accepted: str, coding: str | None) -> None:
        response = house.client.get("/api/chat.js", headers={"Accept-Encoding": accepted})
        assert response.headers.get("Content-Encoding") == coding
        assert "Accept-Encoding" in response.headers["Vary"]

    def test_has_an_etag_for_each_packing(self, house: House) -> None:
        packings = [{"Accept-Encoding": accepted} for accepted in ("", "gzip", "br")]
        etags = [house.client.get("/api/chat.js", headers=headers).headers["ETag"] for headers in packings]
        for packing, headers in enumerate(packings):
            for other, etag in enumerate(etags):
                again = house.client.get("/api/chat.js", headers={**headers, "If-None-Match": etag})
                assert again.status_code == (304 if packing == other else 200)
                assert "Accept-Encoding" in again.headers["Vary"]

    def test_is_told_of_without_its_text_and_is_never_sent_in_pieces(self, house: House) -> None:
        headers = {"Accept-Encoding": "br"}
        whole = house.client.get("/api/chat.js", headers={**headers, "Range": "bytes=0-9"})
        told = house.client.head("/api/chat.js", headers=headers)
        assert (whole.status_code, told.status_code, told.data) == (200, 200, b"")
        assert told.headers["Content-Length"] == whole.headers["Content-Length"] == str(len(whole.data))

    def test_never_changes_under_its_version_and_is_asked_for_again_under_any_other(self, house: House) -> None:
        address = re.findall(r'src="([^"]+)"', house.client.get("/").get_data(as_text=True))[0]
        assert "immutable" in house.client.get(address).headers["Cache-Control"]
        for other in ("/api/chat.js", "/api/chat.js?v=0123456789abcdef"):
            first = house.client.get(other)
            assert first.headers["Cache-Control"] == "no-cache"
            again = house.client.get(other, headers={"If-None-Match": first.headers["ETag"]})
            assert (again.status_code, again.data) == (304, b"")

    def test_can_be_loaded_where_pages_are_rendered_and_no_document_is(self, tmp_path: Path) -> None:
        if not (node := shutil.which("node")):
            pytest.skip("no Node on this machine")
        (tmp_path / "element.mjs").write_bytes(chat_script().plain)
        subprocess.run([node, tmp_path / "element.mjs"], check=True, timeout=60)

    def test_may_be_loaded_by_any_site(self, house: House) -> None:
        response = house.client.get("/api/chat.js", headers={"Origin": "https://other.example"})
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


class TestPage:
    def test_is_the_element_and_nothing_else(self, house: House) -> None:
        body = house.client.get("/").get_data(as_text=True).partition("<body>")[2]
        assert re.findall(r"<([\w-]+)", re.sub(r"<template.*</template>", "", body, flags=re.DOTALL)) == [
            "qa-chat",
            "noscript",
        ]

    def test_can_be_used_soon_where_the_network_is_slow(self, house: House) -> None:
        page = house.client.get("/", headers={"Accept-Encoding": "gzip, br"})
        script = house.client.get("/api/chat.js", headers={"Accept-Encoding": "gzip, br"})
        assert "Accept-Encoding" in page.headers["Vary"]
        seconds = [LATENCY + len(page.data) / BYTES_PER_SECOND]
        seconds.append(seconds[0] + LATENCY + len(script.data) / BYTES_PER_SECOND)
        assert seconds[0] < 0.4
        assert seconds[1] < 1.5

    @pytest.mark.parametrize("language", ["ko", "en"])
    def test_brings_the_elements_markup_with_a_field_that_is_named_as_the_script_names_it(
        self, house: House, language: str
    ) -> None:
        page = house.client.get("/", headers={"Accept-Language": language}).get_data(as_text=True)
        words = dict(re.findall(r'(\w+): "([^"]*)"', (STATIC / f"words-{language}.js").read_text()))
        ready = f' autofocus aria-label="{words["questionLabel"]}" placeholder="{words["questionHint"]}"'
        markup = re.findall(r"</style>(.*)</template>", page, re.DOTALL)[0]
        assert markup.count(ready) == 1
        assert markup.replace(ready, "") == read_element_markup(STATIC)
        assert re.findall(r'data-markup="(\w+)"', page)[0] in join_script(STATIC)

    def test_allows_the_one_style_that_it_brings(self, house: House) -> None:
        style = re.findall(r"<style[^>]*>(.*)</style>", house.client.get("/").get_data(as_text=True))[0]
        digest = b64encode(sha256(style.encode()).digest()).decode()
        assert policy(house)["style-src"] == f"'self' 'sha256-{digest}'"

    def test_has_nothing_that_leaves_the_page_before_the_script_is_there(self, house: House) -> None:
        page = house.client.get("/").get_data(as_text=True)
        forms = re.findall(r'<button[^>]*type="submit"[^>]*>', page.partition("<dialog")[0])
        assert forms
        assert all(" disabled" in button for button in forms)
        assert not re.search(r"<a\b|\baction=", page)

    def test_has_the_name_that_the_site_has_in_the_readers_language(self, make_house: MakeHouse) -> None:
        client = make_house(name=SiteText("도서관 <도우미>", "Library helper")).client
        korean = client.get("/", headers={"Accept-Language": "ko-KR"}).get_data(as_text=True)
        assert "<title>도서관 &lt;도우미&gt;</title>" in korean
        assert '<html lang="ko">' in korean
        assert "<title>Library helper</title>" in client.get("/").get_data(as_text=True)

    def test_stands_in_frames_of_the_sites_alone_that_are_named(self, make_house: MakeHouse) -> None:
        house = make_house(frame_ancestors=("https://a.example", "https://b.example:8443"))
        assert policy(house)["frame-ancestors"] == "https://a.example https://b.example:8443"
        assert "X-Frame-Options" not in house.client.get("/").headers
        assert house.client.get("/docs").headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in house.client.get("/docs").headers["Content-Security-Policy"]

    def test_takes_a_logo_from_the_one_host_that_has_it(self, make_house: MakeHouse) -> None:
        assert (
            policy(make_house(logo="https://cdn.example/a.png"))["img-src"] == "'self' https://cdn.example data: blob:"
        )
        assert policy(make_house(logo="/logo.svg"))["img-src"] == "'self' data: blob:"

    def test_is_told_how_the_site_introduces_itself(self, make_house: MakeHouse) -> None:
        settings = {"name": SiteText("책방", "Books"), "examples": SiteTexts(("하나",), ("one",)), "accent": "#804000"}
        config = make_house(**settings, show_cost=True, allow_anonymous=True).get("config").get_json()
        assert config["showCost"]
        assert config["introduction"] == {
            "name": {"ko": "책방", "en": "Books"},
            "greeting": None,
            "examples": {"ko": ["하나"], "en": ["one"]},
            "logo": None,
            "accent": "#804000",
        }
