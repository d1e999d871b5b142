"""This module holds what is sent against the schemas that are made from the declarations, whose objects have no other
fields."""

from typing import Any

from jsonschema import Draft202012Validator

from qa_service.wire.schema import build_schemas

SCHEMAS = build_schemas()


def closed(schema: Any) -> Any:
    """Return the schema, in which no object has a field that isn't declared. Clients ignore such fields; tests
    don't."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    return {**inner, "additionalProperties": False} if "properties" in inner else inner


CLOSED = closed(SCHEMAS)


def problems(name: str, value: Any) -> list[str]:
    """Return what is wrong with a value, by the declaration with this name."""
    validator = Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": CLOSED})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
