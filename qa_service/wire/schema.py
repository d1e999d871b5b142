"""This module makes the contract's JSON Schemas from the declared structs."""

from typing import Any

import msgspec

from qa_service.wire.completion_objects import COMPLETION_OBJECTS
from qa_service.wire.openai_errors import OpenAIErrorObject
from qa_service.wire.structs import OBJECTS
from qa_service.wire.typed import TYPED_FRAMES


def build_schemas() -> dict[str, Any]:
    """Return the JSON Schema of every object that leaves the service, by its name. `TypedFrame` is any frame of the
    default stream. The schemas refer to each other as `#/$defs/NAME`."""
    declared = [TYPED_FRAMES, *OBJECTS, *COMPLETION_OBJECTS, OpenAIErrorObject]
    (frame, *_), schemas = msgspec.json.schema_components(declared, ref_template="#/$defs/{name}")
    return {**schemas, "TypedFrame": frame}
