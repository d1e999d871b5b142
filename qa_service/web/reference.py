"""This module writes the contract as a page for people, in Korean or English."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from html import escape
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from qa_service.model import Language
from qa_service.web.contract.document import COMPONENT, ContractDocument, build_contract
from qa_service.web.contract.offer import Offer
from qa_service.web.guide import PREFIX_PLACEHOLDER, list_guides
from qa_service.wire.formats import FORMATS

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""This is the content security policy of our own pages. They take nothing from other hosts, and stand in no frame."""

_KEPT = 8
CODE = re.compile("`([^`]+)`")
LIMITS = ("minimum", "maximum", "maxLength", "maxItems", "default")
"""These keywords of a schema are shown, with the words that have the same keys."""
REFERENCE_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Reference",
        "document": "OpenAPI document",
        "schemas": "JSON Schemas",
        "page": "Question page",
        "guides": "Guides",
        "try": "Try it",
        "try_note": "This asks a real question at this server, and shows what comes.",
        "question": "Question",
        "example": "What can you do?",
        "format": "Format",
        "files": "Files",
        "key": "Key or token, if the server needs one (it isn't kept)",
        "ask": "Ask",
        "stop": "Stop",
        "script": "Trying a question needs JavaScript.",
        "access": "Who may",
        "anyone": "anyone",
        "parameters": "Parameters",
        "body": "Body",
        "responses": "Responses",
        "frames": "Frames and objects",
        "errors": "Errors",
        "name": "name",
        "place": "in",
        "type": "type",
        "meaning": "meaning",
        "required": "required",
        "status": "status",
        "code": "code",
        "retryable": "retry",
        "yes": "yes",
        "no": "no",
        "nobody": "without a credential",
        "minimum": "≥ {}",
        "maximum": "≤ {}",
        "maxLength": "at most {} characters",
        "maxItems": "at most {}",
        "default": "default {}",
    },
    "ko": {
        "title": "API 문서",
        "document": "OpenAPI 문서",
        "schemas": "JSON 스키마",
        "page": "질문 페이지",
        "guides": "안내서",
        "try": "직접 해 보기",
        "try_note": "이 서버에 실제로 질문하고, 오는 것을 그대로 보여 줍니다.",
        "question": "질문",
        "example": "무엇을 할 수 있나요?",
        "format": "형식",
        "files": "파일",
        "key": "서버에 필요하다면 키나 토큰 (저장하지 않습니다)",
        "ask": "질문하기",
        "stop": "멈추기",
        "script": "직접 해 보려면 JavaScript가 필요합니다.",
        "access": "권한",
        "anyone": "누구나",
        "parameters": "매개변수",
        "body": "본문",
        "responses": "응답",
        "frames": "프레임과 객체",
        "errors": "오류",
        "name": "이름",
        "place": "위치",
        "type": "형",
        "meaning": "뜻",
        "required": "필수",
        "status": "상태",
        "code": "코드",
        "retryable": "재시도",
        "yes": "예",
        "no": "아니요",
        "nobody": "인증 없이",
        "minimum": "≥ {}",
        "maximum": "≤ {}",
        "maxLength": "최대 {}자",
        "maxItems": "최대 {}개",
        "default": "기본값 {}",
    },
}


def write_reference(offer: Offer, language: Language, prefix: str) -> str:
    """Write the page for a reader who finds the service under this path."""
    # Behind a proxy the path may come from the request, so it is escaped.
    return _write_page(offer, language).replace(PREFIX_PLACEHOLDER, escape(prefix))


@lru_cache(_KEPT)
def _write_page(offer: Offer, language: Language) -> str:
    document = build_contract(offer, language)
    return _read_template().render(
        document=document,
        groups=list(_group_operations(document)),
        formats=[row.name for row in FORMATS.values()],
        guides=list_guides(language),
        language=language,
        words=REFERENCE_WORDS[language],
        prefix=PREFIX_PLACEHOLDER,
    )


def mark_code(text: str) -> Markup:
    """Write a text as HTML, in which what stands between backticks is code."""
    return Markup(CODE.sub(r"<code>\1</code>", escape(text)))  # noqa: S704 - it was escaped


def describe_type(schema: Mapping[str, Any], words: Mapping[str, str]) -> Markup:
    """Describe the type of a value in a few words, with links to the objects that it consists of."""
    named = _name_type(schema)
    limits = [words[key].format(_write_limit(schema[key])) for key in LIMITS if key in schema]
    return named + Markup(' <span class="faint">{}</span>').format(", ".join(limits)) if limits else named


def find_parameter(document: ContractDocument, parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a parameter itself where only its name is given."""
    name = parameter.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = document["components"]["parameters"][name] if name else parameter
    return found


def list_bodies(operation: Mapping[str, Any]) -> list[tuple[list[str], Mapping[str, Any]]]:
    """List the bodies that an operation takes, each with the media types that it may have."""
    bodies: list[tuple[list[str], Mapping[str, Any]]] = []
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        same = [names for names, schema in bodies if schema == content["schema"]]
        if same:
            same[0].append(media_type)
        else:
            bodies.append(([media_type], content["schema"]))
    return bodies


def _group_operations(
    document: ContractDocument,
) -> Iterator[tuple[Mapping[str, str], list[tuple[str, str, Mapping[str, Any]]]]]:
    """Yield each tag with its operations: method, path and what is said of them."""
    for tag in document["tags"]:
        yield (
            tag,
            [
                (method.upper(), path, operation)
                for path, methods in document["paths"].items()
                for method, operation in methods.items()
                if tag["name"] in operation["tags"]
            ],
        )


def _name_type(schema: Mapping[str, Any]) -> Markup:
    match schema:
        case {"$ref": reference}:
            name = str(reference).removeprefix(COMPONENT)
            return Markup('<a href="#schema-{0}">{0}</a>').format(name)
        case {"const": str() | bool() as value}:
            return Markup("<code>{}</code>").format(_write_limit(value))
        case {"enum": values}:
            return Markup(" | ").join(Markup("<code>{}</code>").format(value) for value in values)
        case {"anyOf": parts} | {"allOf": parts} if "type" not in schema:
            return Markup(" | ").join(_name_type(part) for part in parts if part.get("type") or "$ref" in part)
        case {"type": "array", "items": Mapping() as items}:
            return _name_type(items) + "[]"
        case _:
            return _name_plain_type(schema.get("type", "any"))


def _name_plain_type(named: str | Sequence[str]) -> Markup:
    return Markup("{}").format(named if isinstance(named, str) else " | ".join(named))


def _write_limit(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else str(value)


@cache
def _read_template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters |= {"code": mark_code, "type": describe_type, "bodies": list_bodies}
    environment.globals["find_parameter"] = find_parameter
    return environment.from_string(files("qa_service.web").joinpath("static/reference.html").read_text("utf-8"))
