"""This script writes the types of the JavaScript client that come from the service's own schemas.

    python -m clients.write_types

It writes `clients/js/types/schema.d.ts`. A test says when that file is out of date.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from qa_service.settings import Settings
from qa_service.web.contract.document import build_schema_document
from qa_service.web.contract.offer import read_offer
from qa_service.web.contract.question import build_json_question

TARGET = Path(__file__).parent / "js" / "types" / "schema.d.ts"
WIDTH = 120
HEAD = "// `python -m clients.write_types` has written this file from the service's schemas. Changes belong there.\n"
WANTED = (
    "TypedFrame",
    "AnswerObject",
    "ConfigObject",
    "FileListObject",
    "ImageLine",
    "PageObject",
    "ProblemObject",
    "SessionListObject",
    "SessionObject",
)
"""The client gives objects of these types, and whatever they refer to."""
REFERENCE = re.compile(r'"#/\$defs/(\w+)"')
SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
CLIENTS_OWN = ("format", "stream", "ids", "lastEventId", "idempotencyKey")
"""The client itself decides on these fields."""
OPEN_WORD = "(string & {})"
"""A text that may be another word than those that are known today. Editors still offer the known ones."""
NAME = re.compile(r"[A-Za-z_]\w*")

Schema = Mapping[str, Any]


def write_types() -> str:
    """Return the content of the file."""
    offer = read_offer(replace(Settings(), web_search=True), login=False, visitors=False)
    schemas = build_schema_document(offer, "en")["$defs"]
    question = build_json_question(offer)
    # Which models there are depends on the server.
    model = {"type": "string", "description": question["properties"]["model"]["description"]}
    fields = {**question["properties"], "model": model}
    fields = {name: field for name, field in fields.items() if name not in CLIENTS_OWN}
    asked = {"type": "object", "properties": fields, "description": "These are the fields of a question."}
    found = {"QuestionFields": asked, **{name: schemas[name] for name in sorted(find_types(schemas))}}
    return HEAD + "".join(f"\n{declare_type(name, schema)}" for name, schema in found.items())


def find_types(schemas: Mapping[str, Schema]) -> set[str]:
    """Return the names of the wanted types and of all that they refer to."""
    found: set[str] = set()
    waiting = list(WANTED)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += REFERENCE.findall(json.dumps(schemas[name]))
    return found


def declare_type(name: str, schema: Schema) -> str:
    """Declare one named type."""
    about = "".join(write_comment(schema.get("description", ""), ""))
    if schema.get("type") != "object":
        return f"{about}export type {name} = {write_type(schema)};\n"
    return f"{about}export interface {name} {{\n{''.join(declare_fields(schema))}}}\n"


def declare_fields(schema: Schema) -> Iterator[str]:
    """Declare the fields of an object. A field that isn't required may be absent."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield from write_comment(field.get("description", ""), "  ")
        written = name if NAME.fullmatch(name) else json.dumps(name)
        yield f"  {written}{'' if name in required else '?'}: {write_type(field)};\n"


def write_comment(text: str, indent: str) -> Iterator[str]:
    """Write a description as a comment, in lines that aren't too long."""
    line = ""
    lines = []
    for word in text.replace("*/", "*\\/").split():
        if line and len(indent) + len(line) + len(word) + len(" * ") >= WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    lines += [line] if line else []
    if len(lines) == 1 and len(indent) + len(line) + len("/**  */") <= WIDTH:
        yield f"{indent}/** {line} */\n"
    elif lines:
        yield f"{indent}/**\n"
        yield from (f"{indent} * {each}\n" for each in lines)
        yield f"{indent} */\n"


def write_type(schema: Schema) -> str:
    """Write a schema as a type."""
    match schema:
        case {"$ref": reference}:
            return str(reference).rpartition("/")[2]
        case {"anyOf": choices}:
            return " | ".join(map(write_type, choices))
        case {"type": "array"}:
            return f"Array<{write_type(schema.get('items', {}))}>"
        case {"type": "object", "properties": _}:
            return f"{{ {' '.join(line.strip() for line in declare_fields(without_words(schema)))} }}"
        case _:
            return write_value(schema)


def write_value(schema: Schema) -> str:
    """Write the schema of a single value as a type. Some texts are one of several words."""
    if "const" in schema:
        return json.dumps(schema["const"])
    words = schema.get("enum") or schema.get("examples", ())
    others = () if "enum" in schema or not words else (OPEN_WORD,)
    return " | ".join([*map(json.dumps, words), *others]) or SIMPLE.get(schema.get("type", ""), "unknown")


def without_words(schema: Schema) -> Schema:
    """Return an object's schema whose fields have no descriptions, because it is written on one line."""
    fields = {name: {**field, "description": ""} for name, field in schema["properties"].items()}
    return {**schema, "properties": fields}


if __name__ == "__main__":
    TARGET.write_text(write_types(), encoding="utf-8")
