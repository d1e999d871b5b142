"""This module has the route that draws pictures for a prompt: `POST images` and `GET images`. It refuses in a form of
its own, which pages for such routes know."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct

from qa_service.errors import BadRequest, MethodNotAllowed, ModelNotAllowed, QAError, TooLarge
from qa_service.fields import read_text
from qa_service.frames import Failure
from qa_service.images.reading import LineReader, ReadingTimes
from qa_service.images.writing import ImageOrder
from qa_service.model import Owner
from qa_service.questions import LONGEST_MODEL
from qa_service.settings import Settings
from qa_service.web.admitting import check_rate
from qa_service.web.bodies import hung_up
from qa_service.web.forms import read_fields
from qa_service.web.languages import spoken_language
from qa_service.web.mounting import add_route, asking_owner, mounted
from qa_service.web.streaming import end_connection
from qa_service.wire.error_formats import ErrorFormat
from qa_service.wire.formats import JSONL

_METHODS = ("GET", "POST")
PROMPT_MISSING = "Prompt is required"


class ImageRefusal(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """An `ImageRefusal` says why no picture is drawn. `details` is missing where `error` says everything."""

    error: str
    """This is a sentence for the person."""
    details: str = ""
    """This says to operators what was wrong and what was expected."""
    code: str = ""
    field: str = ""
    retry_after: int = 0


def _build_refusal(failed: Failure, error: QAError | None) -> ImageRefusal:
    if failed.message == PROMPT_MISSING:
        return ImageRefusal(failed.message)
    field = error.field if error else None
    return ImageRefusal(failed.user_message, failed.message, failed.code, field or "", failed.retry_after or 0)


IMAGE_ERROR = ErrorFormat("application/json", ImageRefusal, _build_refusal, names_code=False)


class ImageBody:
    """An `ImageBody` is the body with the lines. A server closes it even if it never began to send it."""

    def __init__(self, reader: LineReader) -> None:
        self._reader = reader
        self.close = reader.close

    def __iter__(self) -> Iterator[bytes]:
        yield from self._reader
        if self._reader.is_cut:
            end_connection()


def draw_pictures() -> Response:
    """Draw what a prompt says, and stream the pictures as lines of JSON."""
    if request.method == "HEAD":
        raise MethodNotAllowed("HEAD: expected GET or POST", allowed=_METHODS)
    service, owner = mounted(), asking_owner(asks=True)
    assembly = service.assembly
    check_rate(service, owner)
    order = _read_order(read_fields(request, service.limits), owner, assembly.settings)
    source = assembly.studio.open_drawing(order)
    reader = LineReader(source, ReadingTimes(assembly.settings.heartbeat_seconds), hung_up(request))
    return Response(ImageBody(reader), headers=JSONL.headers, content_type=JSONL.content_type, direct_passthrough=True)


def install(blueprint: Blueprint) -> None:
    """Add the route of this module."""
    add_route(blueprint, "/images", "images", draw_pictures, methods=_METHODS)


def _read_order(fields: Mapping[str, Any], owner: Owner, settings: Settings) -> ImageOrder:
    prompt = read_text(fields, "prompt", settings.max_question, too_long=TooLarge)
    if not prompt:
        raise BadRequest(PROMPT_MISSING)
    model = read_text(fields, "model", LONGEST_MODEL)
    if model and settings.drawing_model and not (model.isprintable() and settings.allows_drawing(model)):
        raise ModelNotAllowed(f"model: {model[:100]!r} draws no pictures here", field="model")
    joins = request.method == "GET" and owner.kind != "anonymous"
    return ImageOrder(
        owner,
        prompt,
        model or settings.drawing_model,
        spoken_language() or "en",
        request=_digest_request(prompt, model) if joins else "",
    )


def _digest_request(prompt: str, model: str) -> str:
    return blake2b(msgspec.json.encode([prompt, model]), digest_size=16).hexdigest()
