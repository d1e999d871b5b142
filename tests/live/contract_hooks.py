"""This module has what a contract can't say in a schema, for the program that makes requests of it."""

import json
import secrets
from collections.abc import MutableMapping
from typing import Any

import schemathesis
from hypothesis import strategies

MESSAGES = (
    [{"role": "user", "content": "안녕?"}],
    [{"role": "assistant", "content": "네."}, {"role": "user", "content": [{"type": "text", "text": "왜?"}]}],
)

schemathesis.openapi.format("json", strategies.sampled_from(MESSAGES).map(json.dumps))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """A key that stands for another question already is refused, and so are a short one of a visitor's and a frame of
    an answer other than that of the address. A title or an address is for one document alone. A probe lasts
    as long as it is asked to."""
    if case.path == "/probe" and isinstance(case.query, MutableMapping) and "seconds" in case.query:
        case.query["seconds"] = 0.1
    if case.path == "/documents" and isinstance(case.body, MutableMapping) and isinstance(case.body.get("files"), list):
        case.body["files"] = case.body["files"][:1]
    for values in (case.headers, case.query, case.body):
        for name in values if isinstance(values, MutableMapping) else ():
            if name.lower() in ("idempotency-key", "idempotencykey"):
                values[name] = secrets.token_hex(16)
            if name.lower() in ("last-event-id", "lasteventid") and case.path.endswith("/stream"):
                values[name] = str(values[name]).rpartition("-")[2]
