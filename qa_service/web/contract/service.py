"""This module describes the routes of `web/health.py`, and those that show the contract itself."""

from http import HTTPStatus

from qa_service import errors
from qa_service.web.contract.operations import InputField, Operation, ResultShape, build_plain_body, json_result
from qa_service.web.health import LONGEST_ORIGIN
from qa_service.web.probe import LONGEST_SECONDS, PROBE_REFUSALS, USUAL_SECONDS
from qa_service.wire.probe_objects import ProbeFrame, ReceiptObject, TickFrame
from qa_service.wire.structs import ConfigObject, HealthObject, ReadinessObject, TokenObject
from qa_service.wire.typed import DoneFrame, HeartbeatFrame

LANGUAGE = InputField(
    "language", {"type": "string", "enum": ["en", "ko"]}, "The language. Without it `Accept-Language` decides."
)
TOKEN_BODY = {
    "type": "object",
    "properties": {
        "origin": {
            "type": "string",
            "maxLength": LONGEST_ORIGIN,
            "pattern": r"^https?://[a-z0-9-]{1,60}(\.[a-z0-9-]{1,60}){0,3}(:[0-9]{1,5})?$",
            "description": "The only origin whose pages may use the token, such as `https://www.example.com`.",
        }
    },
}
JSON_DOCUMENT = {"type": "object"}
PROBE_QUERY = (
    InputField(
        "seconds",
        {"type": "number", "minimum": 0, "maximum": LONGEST_SECONDS, "default": USUAL_SECONDS},
        "The stream lasts this many seconds.",
    ),
    InputField(
        "every",
        {"type": "number", "minimum": 0, "maximum": LONGEST_SECONDS},
        "A `tick` comes each time after this many seconds. Without it only heartbeats come, as in a silent answer.",
    ),
    InputField(
        "refuse",
        {"type": "string", "enum": list(PROBE_REFUSALS)},
        "Nothing is streamed, and the request is refused with this status and `Retry-After`.",
    ),
)
PROBE_EVENT = {
    "type": "object",
    "properties": {
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"anyOf": [ProbeFrame, TickFrame, HeartbeatFrame, DoneFrame]},
        }
    },
    "required": ["data"],
}
ANY_BODY = {"application/octet-stream": {"type": "string", "format": "binary"}}
SCHEMAS = {"application/schema+json": JSON_DOCUMENT}
DOCUMENT = {"application/json": JSON_DOCUMENT}
GUIDE_TYPES = ("text/html", "application/json", "text/javascript", "text/css", "image/svg+xml", "image/png")

STATE: tuple[Operation, ...] = (
    Operation(
        path="/healthz",
        name="getHealth",
        tag="service",
        summary="Ask whether the process runs",
        access="anyone",
        results=(json_result(HealthObject, "It runs."),),
    ),
    Operation(
        path="/readyz",
        name="getReadiness",
        tag="service",
        summary="Ask whether questions are answered now",
        access="anyone",
        results=(
            json_result(ReadinessObject, "What the service depends on, one line each."),
            json_result(
                ReadinessObject,
                "The store is away, or this worker is about to stop.",
                status=HTTPStatus.SERVICE_UNAVAILABLE,
            ),
        ),
    ),
    Operation(
        path="/metrics",
        name="getMetrics",
        tag="service",
        summary="Read the figures for Prometheus, summed over all workers",
        access="key",
        results=(
            ResultShape(
                description="The figures, in Prometheus' text format.", content={"text/plain": {"type": "string"}}
            ),
        ),
    ),
)
"""Operators ask these things about the service."""

CLIENTS: tuple[Operation, ...] = (
    Operation(
        path="/config",
        name="getConfig",
        tag="service",
        summary="Read what a client must know before it asks",
        results=(json_result(ConfigObject, "Limits, models, kinds of files, and how the caller is known."),),
    ),
    Operation(
        path="/chat.js",
        name="getElement",
        tag="service",
        summary="Read the script of the element `<qa-chat>`",
        access="anyone",
        results=(ResultShape(description="The script, a module.", content={"text/javascript": {"type": "string"}}),),
    ),
    Operation(
        method="POST",
        path="/tokens",
        name="makeToken",
        tag="service",
        summary="Make a token for a user, whose browser or phone must not hold the key",
        description="This needs a server's key, and `X-User-Id` names the user.",
        access="server",
        body=build_plain_body(TOKEN_BODY),
        is_body_required=False,
        results=(json_result(TokenObject, "The token. It goes where a key goes."),),
        refusals=(errors.InvalidField, errors.TooManyFiles),
    ),
)
"""Clients and their servers ask these things before they ask a question."""

PROBE: tuple[Operation, ...] = (
    Operation(
        path="/probe",
        name="probeStream",
        tag="service",
        summary="Try how a stream arrives",
        description="No model is asked. It counts as a question for the rate limit. HEAD is refused.",
        access="reader",
        query=PROBE_QUERY,
        results=(
            ResultShape(
                description="Frames that say when they were sent, for `qa-service doctor`.",
                content={"text/event-stream": PROBE_EVENT},
                headers=("Cache-Control", "X-Accel-Buffering"),
            ),
        ),
        refusals=(
            errors.InvalidField,
            errors.RateLimited,
            errors.Overloaded,
            errors.StoreUnavailable,
            errors.ForbiddenOrigin,
        ),
    ),
    Operation(
        method="POST",
        path="/probe",
        name="probeBody",
        tag="service",
        summary="Try how much of a body arrives",
        description=(
            "The body may be of any kind, and nothing of it is kept. It counts as a question for the rate limit."
        ),
        body=ANY_BODY,
        is_body_required=False,
        results=(json_result(ReceiptObject, "How much has arrived."),),
        refusals=(errors.StoreUnavailable,),
    ),
)
"""With these `qa-service doctor` finds out what proxies do to streams, headers, refusals and bodies."""

CONTRACT: tuple[Operation, ...] = (
    Operation(
        path="/openapi.json",
        name="getContract",
        tag="service",
        summary="Read this contract",
        access="anyone",
        query=(LANGUAGE,),
        results=(ResultShape(description="The contract, as OpenAPI 3.1.", content=DOCUMENT),),
        refusals=(errors.InvalidField,),
    ),
    Operation(
        path="/schema.json",
        name="getSchemas",
        tag="service",
        summary="Read the JSON Schemas of all frames and objects",
        access="anyone",
        query=(LANGUAGE,),
        results=(ResultShape(description="The schemas, in `$defs`, by their names.", content=SCHEMAS),),
        refusals=(errors.InvalidField,),
    ),
    Operation(
        path="/docs",
        name="getReference",
        tag="service",
        summary="Read the contract as a page, and try a question there",
        access="anyone",
        query=(LANGUAGE,),
        results=(ResultShape(description="The page.", content={"text/html": {"type": "string"}}),),
        refusals=(errors.InvalidField,),
    ),
    Operation(
        path="/docs/{part}",
        name="getGuide",
        tag="service",
        summary="Read a page of the guide, or a file that pages load",
        access="anyone",
        query=(LANGUAGE,),
        results=(
            ResultShape(
                description="The page or the file.",
                content={media_type: {} for media_type in GUIDE_TYPES},
            ),
        ),
        refusals=(errors.InvalidField, errors.NotFound),
    ),
)
"""These operations show the contract itself."""
