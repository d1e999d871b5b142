"""This module describes the route of `web/images.py`, which draws pictures for a prompt."""

from qa_service import errors
from qa_service.images.lines import ImageErrorLine, ImageLine
from qa_service.questions import LONGEST_MODEL
from qa_service.web.contract.offer import Offer
from qa_service.web.contract.operations import InputField, JsonSchema, Operation, ResultShape
from qa_service.web.contract.question import build_text_schema
from qa_service.web.images import IMAGE_ERROR

PROMPT_NOTE = "What is to be drawn. It is trimmed."
DRAWING_MODEL_NOTE = "The model that draws, one of those that the server offers."
DRAWN = (
    "The pictures as JSON lines: each picture up to three times as it is drawn, and then all of them finished. A blank "
    "line is a sign of life. If drawing fails, the last line says why, and the connection is cut."
)
IMAGES_NOTE = "Hanging up stops the drawing. A GET that equals one of the same caller that is still drawn joins it."
DRAWING_REFUSALS = (
    errors.InvalidField,
    errors.ModelNotAllowed,
    errors.TooLarge,
    errors.RateLimited,
    errors.Draining,
    errors.Overloaded,
    errors.StoreUnavailable,
    errors.UpstreamNotConfigured,
)


def describe_images(offer: Offer) -> tuple[Operation, ...]:
    """Describe how pictures are drawn."""
    fields = _list_fields(offer)
    properties = {field.name: {**field.schema, "description": field.description} for field in fields}
    body = {"type": "object", "properties": properties, "required": ["prompt"]}
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    lines = {"type": "string", "x-line": {"anyOf": [ImageLine, ImageErrorLine]}}
    result = ResultShape(
        description=DRAWN, content={"application/jsonl": lines}, headers=("Cache-Control", "X-Accel-Buffering")
    )
    return (
        Operation(
            method="POST",
            path="/images",
            name="drawImages",
            tag="asking",
            summary="Draw what a prompt says",
            description=IMAGES_NOTE,
            body=dict.fromkeys(kinds, body),
            results=(result,),
            refusals=(*DRAWING_REFUSALS, errors.TooManyFiles),
            error_format=IMAGE_ERROR,
        ),
        Operation(
            method="GET",
            path="/images",
            name="drawImagesByAddress",
            tag="asking",
            summary="Draw what a prompt in the address says",
            description=IMAGES_NOTE,
            access="reader",
            query=fields,
            results=(result,),
            refusals=(*DRAWING_REFUSALS, errors.ForbiddenOrigin),
            error_format=IMAGE_ERROR,
        ),
    )


def _list_fields(offer: Offer) -> tuple[InputField, ...]:
    model: JsonSchema = {"type": "string", "maxLength": LONGEST_MODEL}
    return (
        InputField("prompt", build_text_schema(offer.question), PROMPT_NOTE, required=True),
        InputField("model", model, DRAWING_MODEL_NOTE),
    )
