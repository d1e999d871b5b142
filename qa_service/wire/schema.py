"""This module makes the contract's JSON Schemas from the declared structs."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import msgspec

from qa_service.wire.events import EVENTS
from qa_service.wire.structs import OBJECTS
from qa_service.wire.typed import TYPED_FRAMES


def build_schemas(others: Iterable[type] = ()) -> dict[str, Any]:
    """Return the JSON Schema of every object that leaves the service, and of `others`, by its name. `TypedFrame` is any
    frame of the default stream. The schemas refer to each other as `#/$defs/NAME`."""
    structs = dict.fromkeys([*OBJECTS, *chain.from_iterable(EVENTS.values()), *others])
    (frame, *_), schemas = msgspec.json.schema_components([TYPED_FRAMES, *structs], ref_template="#/$defs/{name}")
    return {**schemas, "TypedFrame": frame}
