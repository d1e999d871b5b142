"""The contract is complete, well-formed, and made of what the code itself uses."""

import re
from collections.abc import Callable, Iterator
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from qa_service.language.phrases import phrase_error
from qa_service.model import PICTURE_KINDS, FinishReason, Language
from qa_service.picture_links import PictureLinks
from qa_service.settings import Settings
from qa_service.web.contract.document import DIALECT, build_contract, build_schema_document
from qa_service.web.contract.glossary import FIELD_DESCRIPTIONS, HEADERS, PATH_PARTS
from qa_service.web.contract.offer import Offer, read_offer
from qa_service.web.contract.table import list_operations
from qa_service.web.contract.translation import list_texts, read_korean
from qa_service.wire.formats import FORMATS
from qa_service.wire.schema import list_foreign_names
from tests.fakes import ANN
from tests.web.house import House

OFFER = read_offer(Settings(), login=False, visitors=True)
OFFERS = (
    OFFER,
    read_offer(Settings(models_allowed=("ft:*", "gpt-?"), web_search=False), login=True, visitors=False),
    read_offer(Settings(max_question=7, max_files=2, max_tokens=99), login=False, visitors=False),
)
OWN = re.compile(
    r"^(?!Completion|Model|OpenAI|Response)\w+(Frame|Content|Object)$"
    r"|^Events|^(Call|Cite|ImageResult|SiteTexts?|Timing|Topic|TopicNotice|Usage|VideoResult)$"
)
"""These are the schemas of our own objects. Others follow the documents of somebody else."""
OUTSIDE = {("GET", "/"), ("GET", "/docs")}
"""A service that stands alone has these paths beside its interface."""


def contract(offer: Offer = OFFER, language: Language = "en") -> dict[str, Any]:
    return {**build_contract(offer, language), "servers": [{"url": "/api"}]}


def list_routes(app: Flask) -> Iterator[tuple[str, str]]:
    """Return the method and the address of each route, without those that refuse all other addresses."""
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.endswith(".elsewhere"):
            yield from ((method, rule.rule) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"})


def as_written(address: str) -> str:
    """Return the address of a route as the contract writes its path."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: f"{{{in_camel_case(found[1])}}}", address.removeprefix("/api"))


def in_camel_case(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


class TestEveryRoute:
    def test_is_described_and_nothing_else_is(self, house: House) -> None:
        routes = set(list_routes(house.app)) - OUTSIDE
        described = {(operation.method, operation.path) for operation in list_operations(OFFER)}
        assert {(method, as_written(address)) for method, address in routes} == described

    def test_has_a_name_of_its_own(self) -> None:
        names = [operation.name for operation in list_operations(OFFER)]
        assert sorted(set(names)) == sorted(names)


class TestDocument:
    @pytest.mark.parametrize(("offer", "language"), list(zip(OFFERS, ("en", "ko"), strict=False)))
    def test_is_openapi(self, offer: Offer, language: Language) -> None:
        assert [str(error) for error in OpenAPIV31SpecValidator(contract(offer, language)).iter_errors()] == []

    @pytest.mark.parametrize("build", [build_contract, build_schema_document])
    def test_leads_only_to_what_is_there(self, build: Callable[[Offer, Language], dict[str, Any]]) -> None:
        document = build(OFFER, "en")
        for reference in find_references(document):
            place: Any = document
            for name in reference.removeprefix("#/").split("/"):
                place = place[name]

    def test_has_the_limits_of_the_settings(self) -> None:
        fields = question_fields(OFFERS[2])
        assert fields["question"]["maxLength"] == 7
        assert fields["files"]["maxItems"] == 2
        assert fields["maxTokens"]["maximum"] == 99

    def test_names_the_models_that_are_offered(self) -> None:
        assert question_fields(OFFER)["model"]["enum"] == ["gpt-4.1-mini"]
        allowed = re.compile(question_fields(OFFERS[1])["model"]["pattern"])
        offered = {"gpt-4.1-mini": True, "ft:mine": True, "gpt-5": True, "gpt-4x1-mini": False, "gpt-55": False}
        assert {name: allowed.search(name) is not None for name in offered} == offered

    def test_offers_no_search_where_there_is_none(self) -> None:
        assert question_fields(OFFERS[1])["useWebSearch"]["const"] is False

    def test_has_every_code_for_which_there_is_a_sentence(self) -> None:
        unknown = phrase_error("unknown", "en")
        codes = {error["code"] for error in contract()["x-errors"]}
        assert {code for code in codes if phrase_error(code, "en") == unknown} == {"internal"}
        refused = {code for code in find_codes(contract()["paths"])}
        assert refused | {"method_not_allowed"} == codes

    def test_says_of_each_format_what_it_consists_of(self) -> None:
        assert [name for name, row in FORMATS.items() if row.encoder and not row.events] == ["text"]

    def test_shows_the_values_of_an_open_list(self) -> None:
        shown = contract()["components"]["schemas"]["MetadataContent"]["properties"]["finishReason"]
        assert shown["examples"] == list(get_args(FinishReason)[-1].examples)

    @pytest.mark.parametrize(
        ("keys", "login", "visitors", "ways"),
        [
            (True, False, False, [{"bearer": []}]),
            (True, True, True, [{"bearer": []}, {"login": []}, {}]),
            (False, True, False, [{"login": []}]),
            (False, False, True, [{}]),
            (False, False, False, [{"bearer": []}]),
        ],
    )
    def test_says_how_callers_are_known(
        self, keys: bool, login: bool, visitors: bool, ways: list[dict[str, list[str]]]
    ) -> None:
        settings = Settings(api_keys=("a key",) if keys else ())
        offer = read_offer(settings, login=login, visitors=visitors)
        assert contract(offer)["paths"]["/ask"]["post"]["security"] == ways

    def test_says_that_a_picture_may_be_read_by_its_signed_address_alone(self) -> None:
        picture = contract()["paths"]["/answers/{answerId}/images/{index}"]["get"]
        assert {"signature": []} in picture["security"]
        signed = PictureLinks("secret", 60).sign_link(ANN, "1", 0, 0)
        told = {field["name"] for field in picture["parameters"] if field.get("in") == "query"} | {"signature"}
        assert set(parse_qs(urlsplit(signed).query)) == told
        assert set(picture["responses"]["200"]["content"]) == {f"image/{kind}" for kind in PICTURE_KINDS}


class TestDescriptions:
    def test_each_field_of_our_objects_has_one(self) -> None:
        schemas = contract()["components"]["schemas"]
        bare = {
            f"{name}.{field}"
            for name, schema in schemas.items()
            if OWN.search(name)
            for field, inner in schema.get("properties", {}).items()
            if not inner.get("description")
        }
        assert bare == set()

    def test_a_field_of_another_protocol_has_none_that_its_name_has_elsewhere(self) -> None:
        schemas = contract()["components"]["schemas"]
        described = {
            f"{name}.{field}"
            for name in list_foreign_names()
            for field, inner in schemas[name].get("properties", {}).items()
            if inner.get("description")
        }
        assert described <= set(FIELD_DESCRIPTIONS)
        assert "description" not in schemas["CompletionObject"]["properties"]["id"]

    def test_our_objects_are_not_taken_for_those_of_another_protocol(self) -> None:
        assert {name for name in list_foreign_names() if OWN.search(name)} == set()

    def test_none_is_of_a_field_that_is_gone(self) -> None:
        schemas = contract()["components"]["schemas"]
        known = {field for schema in schemas.values() for field in schema.get("properties", {})}
        known |= {f"{name}.{field}" for name, schema in schemas.items() for field in schema.get("properties", {})}
        assert set(FIELD_DESCRIPTIONS) - known == set()

    def test_none_is_of_a_part_or_a_header_that_is_gone(self) -> None:
        operations = list_operations(OFFER)
        parts = {part for operation in operations for part in re.findall(r"{(\w+)}", operation.path)}
        headers = {name for operation in operations for result in operation.results for name in result.headers}
        assert (set(PATH_PARTS), set(HEADERS)) == (parts, {*headers, "Retry-After"})

    def test_each_is_there_in_korean_and_no_other_is(self) -> None:
        texts = {
            text
            for offer in OFFERS
            for document in (build_contract(offer, "en"), build_schema_document(offer, "en"))
            for text in list_texts(document)
        }
        assert (texts - set(read_korean()), set(read_korean()) - texts) == (set(), set())

    def test_each_is_in_the_language_that_is_wanted(self) -> None:
        korean = list(list_texts(build_contract(OFFER, "ko")))
        assert len(korean) == len(list(list_texts(build_contract(OFFER, "en"))))
        assert [text for text in korean if not re.search("[가-힣]", text)] == []


class TestSchemas:
    def test_are_json_schemas_of_the_draft_that_they_name(self) -> None:
        document = build_schema_document(OFFER, "en")
        assert document["$schema"] == DIALECT
        Draft202012Validator.check_schema(document)

    def test_are_those_of_the_contract(self) -> None:
        names = build_schema_document(OFFER, "en")["$defs"].keys()
        assert names == contract()["components"]["schemas"].keys()


def question_fields(offer: Offer) -> dict[str, Any]:
    """Return the fields of a question with files."""
    content = contract(offer)["paths"]["/ask"]["post"]["requestBody"]["content"]
    fields: dict[str, Any] = content["multipart/form-data"]["schema"]["properties"]
    return fields


def find_references(value: Any) -> Iterator[str]:
    """Return every reference of a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from find_references(inner)


def find_codes(paths: dict[str, Any]) -> Iterator[str]:
    """Return the codes of all refusals."""
    for methods in paths.values():
        for operation in methods.values():
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    for part in content["schema"].get("allOf", []):
                        yield from part.get("properties", {}).get("code", {}).get("enum", [])
