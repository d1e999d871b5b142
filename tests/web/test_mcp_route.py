"""Agents search the knowledge base by the Model Context Protocol, in both of its eras."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import CollectionKey
from qa_service.untrusted import disarm_text
from tests.injections import INJECTIONS
from tests.knowledge.shelf import put
from tests.web.conftest import MakeHouse
from tests.web.house import PERSONAL_SECRET, House, refusal

PERSON = {"Authorization": f"Bearer {PERSONAL_SECRET}"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture
def house(make_house: MakeHouse, knowledge: Database, knowledge_url: str) -> House:
    """Return a service whose knowledge base has two shared pages and one of somebody else."""
    put(knowledge, "연체 안내", "책을 늦게 돌려주면 하루에 백 원을 냅니다.", title="연체 안내")
    put(knowledge, "Opening hours", "The library opens at nine.", "It closes at eight in the evening.")
    put(knowledge, "secret", "The library of somebody else opens at ten.", key=CollectionKey("b" * 32, "own"))
    return make_house(database_url=knowledge_url, semantic="off")


def send(house: House, message: Any, version: str = "2025-06-18", **headers: str) -> TestResponse:
    """Send a message in a version in which clients agree on it at first."""
    return house.client.post("/api/mcp", json=message, headers={"MCP-Protocol-Version": version, **headers})


def call(house: House, method: str, **params: Any) -> Any:
    """Send a request, and return the result or the error that answers it."""
    response = send(house, {"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
    assert (response.status_code, response.mimetype) == (200, "application/json")
    answer = response.get_json()
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", 7)
    return answer.get("result") or answer.get("error")


def call_modern(house: House, method: str, headers: dict[str, str] | None = None, **params: Any) -> TestResponse:
    """Send a request that stands for itself."""
    message = {"jsonrpc": "2.0", "id": "a", "method": method, "params": {"_meta": META, **params}}
    named = {"Mcp-Name": params["name"]} if "name" in params else {}
    return send(house, message, "2026-07-28", **{"Mcp-Method": method, **named, **(headers or {})})


def search(house: House, query: str, **arguments: Any) -> Any:
    return call(house, "tools/call", name="search", arguments={"query": query, **arguments})


class TestAgreedVersions:
    @pytest.mark.parametrize(
        ("wanted", "agreed"), [("2024-11-05", "2024-11-05"), ("2025-11-25", "2025-11-25"), ("1999-01-01", "2025-11-25")]
    )
    def test_both_sides_agree_on_a_version(self, house: House, wanted: str, agreed: str) -> None:
        found = call(
            house, "initialize", protocolVersion=wanted, capabilities={}, clientInfo={"name": "x", "version": "1"}
        )
        assert (found["protocolVersion"], found["capabilities"]) == (agreed, {"tools": {}})
        assert found["serverInfo"]["name"] == "qa-service"

    def test_notifications_and_answers_get_no_answer(self, house: House) -> None:
        for message in (
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": 1, "result": {}},
        ):
            response = send(house, message)
            assert (response.status_code, response.get_data()) == (202, b"")

    def test_a_ping_is_answered(self, house: House) -> None:
        assert send(house, {"jsonrpc": "2.0", "id": 1, "method": "ping"}).get_json()["result"] == {}

    def test_errors_of_json_rpc_have_their_codes(self, house: House) -> None:
        assert call(house, "resources/list")["code"] == -32601
        assert call(house, "tools/call", name="delete", arguments={})["code"] == -32602
        assert search(house, "")["code"] == -32602
        assert search(house, "x", limit=99)["code"] == -32602
        assert search(house, "x", collections=["a\0b"])["code"] == -32602
        for body, code in (("{", -32700), ("[]", -32600), ('{"id": 1}', -32600), ("3", -32600)):
            response = house.client.post("/api/mcp", data=body, content_type="application/json")
            assert (response.status_code, response.get_json()["error"]["code"], response.get_json()["id"]) == (
                400,
                code,
                None,
            )

    def test_batches_are_answered_in_the_versions_that_know_them(self, house: House) -> None:
        batch = [{"jsonrpc": "2.0", "id": n, "method": "ping"} for n in (1, 2)]
        batch.append({"jsonrpc": "2.0", "method": "notifications/cancelled"})
        assert [one["id"] for one in send(house, batch, "2025-03-26").get_json()] == [1, 2]
        assert send(house, batch[2:], "2025-03-26").status_code == 202
        assert send(house, batch).get_json()["error"]["code"] == -32600
        assert send(house, batch * 9, "2025-03-26").status_code == 400


def test_each_call_of_a_batch_counts_as_a_search(
    make_house: MakeHouse, knowledge: Database, knowledge_url: str
) -> None:
    put(knowledge, "hours", "The library opens at nine.")
    house = make_house(database_url=knowledge_url, rate=(1, 3600))
    called = {"name": "search", "arguments": {"query": "library"}}
    batch = [{"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": called} for n in range(6)]
    answers = [one["result"] for _ in range(2) for one in send(house, batch, "2025-03-26").get_json()]
    assert ["isError" in answer for answer in answers] == [False] * 10 + [True] * 2
    assert "too many searches" in answers[-1]["content"][0]["text"]


class TestModernVersion:
    def test_a_client_discovers_what_there_is(self, house: House) -> None:
        found = call_modern(house, "server/discover").get_json()["result"]
        assert found["supportedVersions"][0] == "2026-07-28"
        assert (found["resultType"], found["capabilities"]) == ("complete", {"tools": {}})

    def test_a_tool_is_called_without_a_beginning(self, house: House) -> None:
        response = call_modern(house, "tools/call", name="search", arguments={"query": "연체"})
        assert response.get_json()["result"]["structuredContent"]["passages"][0]["title"] == "연체 안내"

    def test_a_request_that_says_two_things_is_refused(self, house: House) -> None:
        for headers in ({"Mcp-Method": "tools/list"}, {"Mcp-Name": "read_page"}):
            response = call_modern(house, "tools/call", headers, name="search", arguments={"query": "x"})
            assert (response.status_code, response.get_json()["error"]["code"]) == (400, -32020)
        bare = send(house, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, "2026-07-28")
        assert (bare.status_code, bare.get_json()["error"]["code"]) == (400, -32602)

    def test_unknown_methods_and_versions_have_their_statuses(self, house: House) -> None:
        response = call_modern(house, "resources/list")
        assert (response.status_code, response.get_json()["error"]["code"]) == (404, -32601)
        later = send(house, {"jsonrpc": "2.0", "id": 1, "method": "server/discover"}, "2031-01-01")
        assert (later.status_code, later.get_json()["error"]["code"]) == (400, -32022)
        assert "2026-07-28" in later.get_json()["error"]["data"]["supported"]


class TestTools:
    def test_they_are_described_as_read_only_and_as_the_site_words_them(
        self, make_house: MakeHouse, house: House
    ) -> None:
        search_tool, page_tool = call(house, "tools/list")["tools"]
        assert (search_tool["name"], page_tool["name"]) == ("search", "read_page")
        assert search_tool["annotations"]["readOnlyHint"]
        assert search_tool["inputSchema"]["required"] == ["query"]
        worded = make_house(knowledge=False, mcp_descriptions={"search": "도서관의 안내를 찾습니다."})
        assert call(worded, "tools/list")["tools"][0]["description"] == "도서관의 안내를 찾습니다."

    def test_a_search_gives_passages_to_read_and_as_objects(self, house: House) -> None:
        found = search(house, "When does the library open?", limit=2)
        passages = found["structuredContent"]["passages"]
        assert passages[0]["text"].strip() == "The library opens at nine."
        assert passages[0]["url"].endswith("/pages/1")
        assert "The library opens at nine." in found["content"][0]["text"]
        assert len(passages) == 2
        assert search(house, "화성 탐사선")["content"][0]["text"] == "Nothing was found."

    def test_nobody_finds_what_is_not_theirs(self, house: House) -> None:
        found = search(house, "library of somebody else", limit=20)
        assert "opens at ten" not in json.dumps(found)

    def test_a_page_is_read_by_the_id_that_a_search_gives(self, house: House) -> None:
        document_id = search(house, "evening")["structuredContent"]["passages"][0]["documentId"]
        found = call(house, "tools/call", name="read_page", arguments={"documentId": document_id, "page": 2})
        assert "closes at eight" in found["content"][0]["text"]
        assert (found["structuredContent"]["page"], found["structuredContent"]["pages"]) == (2, 2)
        missing = call(house, "tools/call", name="read_page", arguments={"documentId": document_id, "page": 9})
        assert missing["isError"]
        assert call(house, "tools/call", name="read_page", arguments={"documentId": "\0"})["isError"]
        assert missing["content"][0]["text"] == "the document has no such page"

    @pytest.mark.parametrize(
        "name", ["a passage of its own", "ChatML", "other line ends", "unseen tags", "a tool's call"]
    )
    def test_what_documents_say_to_models_is_quoted_and_disarmed(
        self, house: House, knowledge: Database, name: str
    ) -> None:
        text = INJECTIONS[name]
        document = put(knowledge, "zebra", f"zebra {text}", title=f"zebra {text}"[:200])
        found = search(house, "zebra", limit=1)
        page = call(house, "tools/call", name="read_page", arguments={"documentId": document.document_id, "page": 1})
        for shown, heads in ((found, 2), (page, 2)):
            lines = shown["content"][0]["text"].splitlines()
            assert all(line.startswith("> ") for line in lines[heads:])
            told = json.dumps(shown, ensure_ascii=False)
            assert disarm_text(told) == told

    def test_arguments_that_no_text_can_hold_find_nothing(self, house: House) -> None:
        assert search(house, "\0")["content"][0]["text"] == "Nothing was found."
        missing = call(house, "tools/call", name="read_page", arguments={"documentId": "\0"})
        assert missing["content"][0]["text"] == "no such document"

    def test_a_server_without_a_knowledge_base_says_so(self, make_house: MakeHouse) -> None:
        assert "QA_KNOWLEDGE" in search(make_house(knowledge=False), "x")["content"][0]["text"]


class TestDoor:
    def test_other_methods_than_post_are_refused(self, house: House) -> None:
        for method in ("get", "delete"):
            response = getattr(house.client, method)("/api/mcp")
            assert (response.status_code, response.headers["Allow"]) == (405, "POST")

    def test_whoever_may_not_ask_may_not_search(self, make_house: MakeHouse) -> None:
        closed = make_house(allow_anonymous=False, knowledge=False)
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        refusal(send(closed, ping), 401, "unauthenticated")
        assert send(closed, ping, **PERSON).status_code == 200

    def test_pages_of_other_sites_are_refused_and_listed_ones_may_ask(self, make_house: MakeHouse) -> None:
        site = make_house(origins=("https://agent.example",), knowledge=False)
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        refusal(send(site, ping, Origin="https://evil.example"), 403, "forbidden_origin")
        assert send(site, ping, Origin="https://agent.example").status_code == 200
        asked = {
            "Origin": "https://agent.example",
            "Access-Control-Request-Headers": "mcp-protocol-version, mcp-method",
        }
        allowed = site.client.options("/api/mcp", headers=asked).headers["Access-Control-Allow-Headers"]
        assert "mcp-protocol-version" in allowed
        assert "mcp-method" in allowed

    def test_other_bodies_and_large_ones_are_refused(self, house: House) -> None:
        refusal(house.client.post("/api/mcp", data="{}", content_type="text/plain"), 415, "unsupported_media_type")
        large = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "a" * 70_000}}
        refusal(send(house, large), 413, "too_large")
