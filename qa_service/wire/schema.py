"""This module makes the contract's JSON Schemas from the declared structs."""

from collections.abc import Iterable, Set
from itertools import chain
from typing import Any

import msgspec

from qa_service.wire.completion_objects import COMPLETION_OBJECTS
from qa_service.wire.document_objects import DOCUMENT_OBJECTS
from qa_service.wire.formats import EVENTS, FORMATS, TYPED, EventUnion, WireFormat
from qa_service.wire.openai_errors import OpenAIErrorObject
from qa_service.wire.probe_objects import PROBE_OBJECTS
from qa_service.wire.response_objects import RESPONSE_OBJECTS
from qa_service.wire.site_objects import SITE_OBJECTS
from qa_service.wire.structs import OBJECTS

OURS = (*OBJECTS, *DOCUMENT_OBJECTS, *SITE_OBJECTS, *PROBE_OBJECTS)
"""The names of these objects and of their fields are this service's own."""
THEIRS = (*COMPLETION_OBJECTS, *RESPONSE_OBJECTS, OpenAIErrorObject)
"""The names of these objects' fields are OpenAI's."""


def build_schemas(others: Iterable[type] = ()) -> dict[str, Any]:
    """Return the JSON Schema of every object that leaves the service and of `others`, by its name, and those of all
    events of each stream. The schemas refer to each other as `#/$defs/NAME`."""
    return _build([*OURS, *THEIRS, *others], FORMATS.values())


def list_foreign_names() -> Set[str]:
    """Return the names of the schemas that follow the documents of others: of OpenAI's APIs, the AI SDK or AG-UI. A
    field there may have the name of one of ours, and mean something else."""
    return build_schemas().keys() - _build(OURS, [TYPED, EVENTS]).keys()


def _build(objects: Iterable[type], formats: Iterable[WireFormat]) -> dict[str, Any]:
    events = list(chain.from_iterable(chain.from_iterable(row.events.values()) for row in formats))
    unions = {event.name: event.kinds for event in events if isinstance(event, EventUnion)}
    structs = dict.fromkeys([*objects, *(event for event in events if isinstance(event, type))])
    found, schemas = msgspec.json.schema_components([*unions.values(), *structs], ref_template="#/$defs/{name}")
    return {**schemas, **dict(zip(unions, found, strict=False))}
