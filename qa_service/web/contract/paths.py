"""This module writes an operation in the words of OpenAPI."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from qa_service.errors import QAError
from qa_service.web.contract.glossary import PATH_PARTS
from qa_service.web.contract.offer import Offer
from qa_service.web.contract.operations import Access, InputField, Operation, ResultShape, Shape
from qa_service.web.contract.refusals import list_refusals
from qa_service.web.identity import USER_ID
from qa_service.wire.error_formats import ErrorFormat

SECURITY: Mapping[str, Mapping[str, str]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key or a token of this server. A server's key also needs `X-User-Id`.",
    },
    "token": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "A token in the address, for clients that can't send headers.",
    },
    "signature": {
        "type": "apiKey",
        "in": "query",
        "name": "signature",
        "description": "The signature of an address that this server has given out.",
    },
    "login": {
        "type": "apiKey",
        "in": "cookie",
        "name": "session",
        "description": "The login of the site that this service is a part of. Its cookie may have another name.",
    },
}
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "UserId": {
        "name": "X-User-Id",
        "in": "header",
        "description": "The user for whom a site's server asks, with the server's key.",
        "schema": {"type": "string", "pattern": f"^{USER_ID.pattern}$"},
    },
    "AcceptLanguage": {
        "name": "Accept-Language",
        "in": "header",
        "description": "The language of messages to the person: Korean or English.",
        "schema": {"type": "string"},
        "example": "ko",
    },
}
"""Many operations read these headers."""
RETRY = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}


def build_paths(operations: Sequence[Operation], offer: Offer) -> dict[str, dict[str, Any]]:
    """Write all operations, by their path and their method."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _build_operation(operation, offer)
    return paths


def _build_operation(operation: Operation, offer: Offer) -> dict[str, Any]:
    written: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": _list_security(operation.access, offer),
        "parameters": _list_parameters(operation, offer),
        "responses": _build_responses(operation),
    }
    if operation.description:
        written["description"] = operation.description
    if operation.body:
        content = {media_type: {"schema": shape} for media_type, shape in operation.body.items()}
        written["requestBody"] = {"required": operation.is_body_required, "content": content}
        written["x-max-body-bytes"] = offer.body_bytes
    return written


def _list_security(access: Access, offer: Offer) -> list[dict[str, list[str]]]:
    """List the ways in which a caller may be known. Any of them is enough, and an empty one asks for nothing."""
    ways: list[dict[str, list[str]]] = [{"bearer": []}]
    if access == "anyone":
        return []
    if access in ("server", "operator") or (access == "key" and offer.keys):
        return ways
    if not offer.keys and (offer.login or offer.visitors):
        ways = []
    if access == "reader" and offer.keys:
        ways.append({"token": []})
    if access == "signed":
        ways.append({"signature": []})
    if offer.login:
        ways.append({"login": []})
    return [*ways, {}] if offer.visitors else ways


def _list_parameters(operation: Operation, offer: Offer) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", operation.path)
    parts = [InputField(name, *PATH_PARTS[name], required=True) for name in names]
    written = [_build_parameter(part, "path") for part in parts]
    written += [_build_parameter(field, "query") for field in operation.query]
    written += [_build_parameter(field, "header") for field in operation.headers]
    if operation.access == "server":
        written.append({**PARAMETERS["UserId"], "required": True})
    elif operation.access in ("caller", "reader", "signed") and offer.keys:
        written.append({"$ref": "#/components/parameters/UserId"})
    return [*written, {"$ref": "#/components/parameters/AcceptLanguage"}]


def _build_parameter(field: InputField, place: str) -> dict[str, Any]:
    written = {"name": field.name, "in": place, "required": field.required, "description": field.description}
    if field.schema.get("type") in ("array", "object"):
        # Such a value stands in an address as a text of JSON.
        return {**written, "content": {"application/json": {"schema": field.schema}}}
    return {**written, "schema": field.schema}


def _build_responses(operation: Operation) -> dict[str, Any]:
    written = {str(int(result.status)): _build_result(result) for result in operation.results}
    for status, errors in list_refusals(operation).items():
        refusal = _build_refusal(status, errors, operation.error_format)
        known = written.get(str(int(status)))
        written[str(int(status))] = (
            {**refusal, **known, "content": known["content"] | refusal["content"]} if known else refusal
        )
    return written


def _build_result(result: ResultShape) -> dict[str, Any]:
    written: dict[str, Any] = {"description": result.description}
    if result.content:
        written["content"] = {media_type: {"schema": shape} for media_type, shape in result.content.items()}
    if result.headers:
        written["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in result.headers}
    return written


def _build_refusal(status: int, errors: Sequence[type[QAError]], form: ErrorFormat) -> dict[str, Any]:
    codes = [error.code for error in errors]
    shape: Shape = form.shape
    if form.names_code:
        exact = {"properties": {"status": {"const": int(status)}, "code": {"enum": codes}}}
        shape = {"allOf": [form.shape, exact]}
    written: dict[str, Any] = {
        "description": ", ".join(f"`{code}`" for code in codes),
        "content": {form.media_type: {"schema": shape}},
    }
    return {**written, "headers": RETRY} if any(error.retryable for error in errors) else written
