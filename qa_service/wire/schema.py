"""This module makes the contract's JSON Schemas from the declared structs."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import msgspec

from qa_service.wire.agui import AGENT_EVENTS
from qa_service.wire.completion_objects import COMPLETION_OBJECTS
from qa_service.wire.data_stream import DATA_STREAM_VALUES
from qa_service.wire.events import EVENTS
from qa_service.wire.openai_errors import OpenAIErrorObject
from qa_service.wire.response_events import RESPONSES_EVENTS
from qa_service.wire.response_objects import RESPONSE_OBJECTS
from qa_service.wire.structs import OBJECTS
from qa_service.wire.typed import TYPED_FRAMES
from qa_service.wire.ui_message import UI_CHUNKS

UNIONS = {
    "TypedFrame": TYPED_FRAMES,
    "ResponsesEvent": RESPONSES_EVENTS,
    "UiChunk": UI_CHUNKS,
    "AgUiEvent": AGENT_EVENTS,
}
"""What stands for any event of a stream: the default one, and those of OpenAI's Responses, the AI SDK and AG-UI."""


def build_schemas(others: Iterable[type] = ()) -> dict[str, Any]:
    """Return the JSON Schema of every object that leaves the service and of `others`, by its name, and those of
    `UNIONS`. The schemas refer to each other as `#/$defs/NAME`."""
    of_events = chain.from_iterable(EVENTS.values())
    objects = [*OBJECTS, *COMPLETION_OBJECTS, *RESPONSE_OBJECTS, OpenAIErrorObject, *DATA_STREAM_VALUES]
    structs = dict.fromkeys([*objects, *of_events, *others])
    found, schemas = msgspec.json.schema_components([*UNIONS.values(), *structs], ref_template="#/$defs/{name}")
    return {**schemas, **dict(zip(UNIONS, found, strict=False))}
