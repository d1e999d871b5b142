"""The contract as clients get it: its address, its language, and that real answers fit it."""

import io
import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.web.conftest import MakeHouse
from tests.web.house import SERVER_SECRET, House, frames, refusal
from tests.web.test_contract import DELTAS, TERMS
from tests.wire.contract import closed

KIM = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "kim"}


def ask_with_file(house: House, **fields: Any) -> Any:
    """Ask with a file, so that an answer has frames of nearly every kind."""
    house.model.deltas = DELTAS
    form = {"question": "환불은 며칠 안에 되나요?", "files": (io.BytesIO(TERMS.encode()), "약관.txt"), **fields}
    return house.client.post("/api/ask", data=form, headers=KIM)


def find_faults(definitions: dict[str, Any], name: str, value: Any) -> list[str]:
    """Return what is wrong with a value, by the definition with this name."""
    validator = Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": closed(definitions)})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


class TestFrames:
    def test_of_the_default_stream_are_as_the_published_schemas_say(self, house: House) -> None:
        definitions = house.get("schema.json").get_json()["$defs"]
        got = frames(ask_with_file(house))
        assert {"start", "status", "text", "reference", "metadata", "done"} <= {frame["type"] for frame in got}
        assert [fault for frame in got for fault in find_faults(definitions, "TypedFrame", frame)] == []

    def test_of_json_lines_are_as_the_published_schemas_say(self, house: House) -> None:
        definitions = house.get("schema.json").get_json()["$defs"]
        lines = ask_with_file(house, format="jsonl").get_data(as_text=True).split("\n")
        got = [json.loads(line) for line in lines if line]
        assert len(got) > 5
        assert [fault for frame in got for fault in find_faults(definitions, "TypedFrame", frame)] == []

    def test_of_events_are_as_the_contract_says_by_their_names(self, house: House) -> None:
        definitions = house.get("schema.json").get_json()["$defs"]
        content = house.get("openapi.json").get_json()["paths"]["/ask"]["post"]["responses"]["200"]["content"]
        shapes: dict[str, list[str]] = {}
        for shape in content["text/event-stream"]["schema"]["anyOf"]:
            data = shape["properties"]["data"]
            if shape["title"].startswith("events: "):
                shapes.setdefault(shape["title"], []).append(data["contentSchema"]["$ref"].rpartition("/")[2])
        got = ask_with_file(house, format="events").get_data(as_text=True).removesuffix("\n\n").split("\n\n")
        seen = set()
        for event in got:
            fields = dict(line.split(": ", 1) for line in event.split("\n"))
            name, sent = fields.get("event", "message"), json.loads(fields["data"])
            assert any(find_faults(definitions, each, sent) == [] for each in shapes[f"events: {name}"]), event
            seen.add(name)
        assert {"message", "start", "status", "progress", "reference", "metadata", "done"} <= seen


class TestContract:
    def test_needs_no_credential(self, make_house: MakeHouse) -> None:
        house = make_house(allow_anonymous=False)
        for path in ("openapi.json", "schema.json", "docs", "docs/reference.css"):
            assert house.get(path).status_code == 200, path

    def test_says_where_its_reader_finds_the_service(self, make_house: MakeHouse) -> None:
        assert make_house().get("openapi.json").get_json()["servers"] == [{"url": "/api"}]
        public = make_house(public_url="https://public.example/qa")
        assert public.get("openapi.json").get_json()["servers"] == [{"url": "/qa/api"}]

    @pytest.mark.parametrize("path", ["openapi.json", "schema.json"])
    def test_comes_in_the_readers_language(self, house: House, path: str) -> None:
        english, korean = house.get(path), house.get(path, {"Accept-Language": "ko-KR,en;q=0.5"})
        assert re.search("[가-힣]", english.get_data(as_text=True)) is None
        assert house.get(f"{path}?language=ko").data == korean.data != english.data
        assert house.get(f"{path}?language=en", {"Accept-Language": "ko"}).data == english.data

    @pytest.mark.parametrize("path", ["/api/openapi.json", "/api/schema.json", "/api/docs", "/docs"])
    def test_in_another_language_is_refused(self, house: House, path: str) -> None:
        assert refusal(house.client.get(f"{path}?language=fr"), 422, "invalid_field")["field"] == "language"

    def test_is_of_the_type_that_it_should_have(self, house: House) -> None:
        assert house.get("openapi.json").content_type == "application/json"
        assert house.get("schema.json").content_type == "application/schema+json"
