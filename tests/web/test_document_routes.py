"""The knowledge base over HTTP: who may write where, what is listed to whom, and answers that cite its documents."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qa_service.knowledge.database import Database
from qa_service.web import documents
from tests.knowledge.shelf import make_indexer
from tests.web.conftest import MakeHouse
from tests.web.house import PERSONAL_SECRET, SERVER_SECRET, House, frames, refusal

SITE = {"Authorization": f"Bearer {SERVER_SECRET}"}
KIM = {**SITE, "X-User-Id": "kim"}
LEE = {**SITE, "X-User-Id": "lee"}
ME = {"Authorization": f"Bearer {PERSONAL_SECRET}"}
REFUNDS = "환불은 구입한 날부터 30일 안에 신청할 수 있습니다. 영수증이 필요합니다."
HOURS = "The library is open from nine to five on weekdays."

MakeLibrary = Callable[..., House]


@pytest.fixture
def make_library(no_indexer: None, make_house: MakeHouse, knowledge: Database) -> MakeLibrary:
    """Return a function that makes houses with a knowledge base."""
    socket = Path(knowledge.engine.find_server()["unix_sock"]).parent
    return lambda **changes: make_house(database_url=f"postgresql://qa@/postgres?host={socket}", **changes)


@pytest.fixture
def library(make_library: MakeLibrary) -> House:
    return make_library()


def add(house: House, text: str, name: str = "a.txt", headers: dict[str, str] | None = None, **fields: str) -> Any:
    """Add a document by a form. Return the response."""
    form = {**fields, "files": (io.BytesIO(text.encode()), name)}
    return house.client.post("/api/documents", data=form, headers=headers or SITE)


def index(house: House, knowledge: Database) -> None:
    make_indexer(knowledge, house.assembly.uploads).run()


def names(house: House, headers: dict[str, str] | None, path: str = "documents") -> list[str]:
    return [item["name"] for item in house.get(path, headers).get_json()["items"]]


def search(house: House, query: str, headers: dict[str, str] | None = None, **fields: Any) -> list[dict[str, Any]]:
    found = house.client.post("/api/documents/search", json={"query": query, **fields}, headers=headers)
    assert found.status_code == 200, found.get_json()
    items = found.get_json()["items"]
    assert isinstance(items, list)
    return items


class TestWriting:
    def test_a_document_is_taken_read_shown_and_deleted(self, library: House, knowledge: Database) -> None:
        taken = add(library, REFUNDS, title="환불 안내")
        assert taken.status_code == 202
        (item,) = taken.get_json()["items"]
        assert (item["status"], item["collection"], item["shared"]) == ("queued", "shared", True)
        index(library, knowledge)
        path = f"documents/{item['documentId']}"
        shown = library.get(path, KIM).get_json()
        assert (shown["status"], shown["title"], shown["passages"], shown["pages"]) == ("ready", "환불 안내", 1, 1)
        assert library.get(f"{path}/pages/1").get_json()["text"] == REFUNDS
        refusal(library.get(f"{path}/pages/2"), 404, "not_found")
        assert library.client.delete(f"/api/{path}", headers=SITE).status_code == 204
        for gone in (path, "documents/%00", "documents/%00/pages/1"):
            refusal(library.get(gone), 404, "not_found")
        assert library.get("collections").get_json()["items"][0]["passages"] == 0

    def test_own_documents_are_seen_by_their_owner_alone(self, library: House, knowledge: Database) -> None:
        mine = add(library, "kim's secret", "mine.txt", KIM).get_json()["items"][0]
        add(library, "everybody's notice", "all.txt")
        index(library, knowledge)
        assert names(library, KIM) == ["mine.txt", "all.txt"]
        assert names(library, LEE) == names(library, None) == names(library, SITE) == ["all.txt"]
        unknown = library.get(f"documents/{'0' * 32}", LEE)
        for path in (f"documents/{mine['documentId']}", f"documents/{mine['documentId']}/pages/1"):
            assert library.get(path, LEE).get_json() == unknown.get_json()
        refusal(library.client.delete(f"/api/documents/{mine['documentId']}", headers=LEE), 404, "not_found")
        assert {found["text"] for found in search(library, "secret notice", KIM)} == {
            "everybody's notice",
            "kim's secret",
        }
        assert [found["text"] for found in search(library, "secret notice", LEE)] == ["everybody's notice"]

    @pytest.mark.parametrize("headers", [KIM, ME, {"X-Nobody": "yes"}])
    def test_shared_collections_take_a_servers_key_without_a_user(
        self, library: House, headers: dict[str, str]
    ) -> None:
        document = add(library, REFUNDS).get_json()["items"][0]["documentId"]
        refusal(add(library, REFUNDS, "b.txt", headers, collection="shared"), 401, "unauthenticated")
        refusal(library.client.delete(f"/api/documents/{document}", headers=headers), 401, "unauthenticated")

    def test_two_files_of_one_name_are_refused_since_one_would_take_the_others_place(self, library: House) -> None:
        files = [(io.BytesIO(text.encode()), name) for text, name in ((REFUNDS, "a/readme.md"), (HOURS, "b/readme.md"))]
        refusal(library.client.post("/api/documents", data={"files": files}, headers=SITE), 422, "invalid_field")
        assert names(library, SITE) == []

    def test_a_visitor_has_no_documents(self, library: House) -> None:
        refusal(add(library, REFUNDS, "b.txt", {"X-Nobody": "yes"}), 401, "unauthenticated")

    def test_a_host_says_who_may_edit(self, make_library: MakeLibrary) -> None:
        house = make_library(
            app={
                "identify": lambda request: request.headers.get("X-Login"),
                "may_edit": lambda request: request.headers.get("X-Login") == "editor",
            }
        )
        assert add(house, REFUNDS, headers={"X-Login": "editor"}, collection="handbook").status_code == 202
        refusal(add(house, REFUNDS, headers={"X-Login": "reader"}, collection="shared"), 401, "unauthenticated")
        listed = house.get("collections", {"X-Login": "reader"}).get_json()["items"]
        assert [(one["name"], one["readers"]) for one in listed] == [
            ("handbook", "shared"),
            ("shared", "shared"),
            ("own", "own"),
        ]

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"collection": "../x"}, "collection"),
            ({"url": "javascript:alert(1)"}, "url"),
            ({"title": "x" * 301}, "title"),
        ],
    )
    def test_an_impossible_field_is_named(self, library: House, fields: dict[str, str], field: str) -> None:
        assert refusal(add(library, REFUNDS, **fields), 422, "invalid_field")["field"] == field

    def test_a_request_without_a_file_is_refused(self, library: House) -> None:
        empty = library.client.post("/api/documents", json={"collection": "shared"}, headers=SITE)
        assert refusal(empty, 422, "invalid_field")["field"] == "files"

    def test_nothing_is_left_on_this_machines_disk(self, library: House) -> None:
        add(library, REFUNDS)
        assert library.uploads() == []


class TestListing:
    def test_lists_go_on_and_are_narrowed(self, library: House, knowledge: Database) -> None:
        for number in range(3):
            add(library, f"text {number}", f"{number}.txt", collection="handbook")
        add(library, "other", "other.txt")
        first = library.get("documents?limit=2&collection=handbook").get_json()
        assert [item["name"] for item in first["items"]] == ["0.txt", "1.txt"]
        assert names(library, None, f"documents?collection=handbook&cursor={first['next']}") == ["2.txt"]
        assert names(library, None, "documents?status=ready") == []
        index(library, knowledge)
        assert len(names(library, None, "documents?status=ready")) == 4
        refusal(library.get("documents?status=lost"), 422, "invalid_field")
        refusal(library.get("documents?cursor=x"), 422, "invalid_field")

    def test_a_page_is_fetched_only_where_the_worker_has_a_place_for_it(
        self, make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(documents, "MOST_FETCHED_PAGES", 0)
        added = make_library().client.post("/api/documents", data={"url": "http://127.0.0.1:9/"}, headers=SITE)
        assert "pages at once" in refusal(added, 429, "rate_limited")["detail"]
        assert added.headers["Retry-After"] == "7"

    def test_searches_are_counted_apart_from_questions_and_there_are_ten_for_each(
        self, make_library: MakeLibrary
    ) -> None:
        library = make_library(rate=(1, 3600))
        for _ in range(10):
            search(library, "notice", KIM)
        refused = library.client.post("/api/documents/search", json={"query": "notice"}, headers=KIM)
        assert "searches" in refusal(refused, 429, "rate_limited")["detail"]
        assert refused.headers["Retry-After"] in ("360", "361")
        search(library, "notice", LEE)
        library.session("안녕?", KIM)
        for _ in range(11):
            search(library, "notice", SITE)

    def test_a_server_without_a_knowledge_base_says_so(self, make_house: MakeHouse) -> None:
        house = make_house(knowledge=False)
        assert "QA_KNOWLEDGE" in refusal(house.get("documents"), 503, "store_unavailable")["detail"]
        assert house.get("readyz").get_json()["knowledge"] == "off"

    def test_readyz_says_where_it_is_or_why_not(self, make_house: MakeHouse, library: House) -> None:
        assert library.get("readyz").get_json()["knowledge"] == "PostgreSQL"
        away = make_house(database_url="postgresql://qa@127.0.0.1:9/qa")
        assert away.get("readyz").status_code == 200
        assert away.get("readyz").get_json()["knowledge"].startswith("away: ")


class TestAnswering:
    @pytest.fixture
    def offline(self, make_library: MakeLibrary, knowledge: Database) -> House:
        house = make_library(openai_api_key="")
        add(house, REFUNDS, "refunds.txt", title="환불 안내")
        add(house, HOURS, "hours.html", url="https://site.example/library")
        add(house, "Kim's own refund rule is forty days.", "mine.txt", KIM)
        index(house, knowledge)
        return house

    def references(self, house: House, question: str, headers: dict[str, str] = KIM, **fields: Any) -> list[Any]:
        return [f for f in frames(house.ask(question, headers, **fields)) if f["type"] == "reference"]

    def test_a_document_is_cited_by_its_pages_text(self, offline: House) -> None:
        (reference, *_) = self.references(offline, "환불은 며칠 안에 신청할 수 있나요?")
        content = reference["content"]
        assert (content["kind"], content["title"]) == ("document", "환불 안내")
        assert content["quote"] in REFUNDS
        page = offline.client.get(content["url"], headers=KIM).get_json()
        assert content["quote"] in page["text"]

    def test_a_document_with_an_address_is_cited_there(self, offline: House) -> None:
        (reference, *_) = self.references(offline, "When is the library open on weekdays?")
        assert reference["content"]["kind"] == "url"
        assert reference["content"]["url"].startswith("https://site.example/library#:~:text=The%20library")

    def test_a_question_says_where_to_search(self, offline: House) -> None:
        question = "What is the refund rule of Kim, in days?"
        assert self.references(offline, question)
        assert not self.references(offline, question, LEE)
        assert not self.references(offline, question, collections=["shared"])
        assert not self.references(offline, question, knowledge="off")
        wrong = offline.ask(question, KIM, collections="a b")
        assert refusal(wrong, 422, "invalid_field")["field"] == "collections"

    def test_an_answer_does_not_fail_because_the_knowledge_base_is_away(self, make_house: MakeHouse) -> None:
        away = make_house(database_url="postgresql://qa@127.0.0.1:9/qa")
        assert frames(away.ask("안녕?"))[-1]["content"] == {"status": "completed"}
