"""This module asks for pictures and nothing else: a prompt goes to the image tool of OpenAI's Responses API."""

from collections.abc import Iterator
from functools import partial

import msgspec
import openai
from msgspec import Raw, Struct
from msgspec.structs import replace

from qa_service.deltas import Delta, Finished
from qa_service.model import Prompt
from qa_service.upstream.events import AnyEvent
from qa_service.upstream.fields import UNREADABLE_REPLY
from qa_service.upstream.protocol import VendorProtocol
from qa_service.upstream.reading import ResponseReader
from qa_service.upstream.requests import SdkRequestWriter

_PARTS = 3
"""Upstream shows each picture up to this many times before it is finished."""
_ESSENTIAL = frozenset({"model", "input", "stream", "tools"})


def drawing_protocol(client: openai.OpenAI, *, size: str, quality: str, spool: str | None = None) -> VendorProtocol:
    """Describe the Responses API at the client's address as it is asked for PNG pictures of this size and quality. The
    pictures lie in the folder `spool` until they are told."""
    return VendorProtocol(
        client.base_url,
        SdkRequestWriter(client),
        partial(drawing_parameters, size=size, quality=quality),
        partial(DrawingReader, spool=spool),
        essential=_ESSENTIAL,
        limits=(),
    )


def drawing_parameters(prompt: Prompt, *, size: str, quality: str) -> dict[str, object]:
    """Build the parameters of a request for a picture. The model may not answer with words alone."""
    tool = {
        "type": "image_generation",
        "output_format": "png",
        "size": size,
        "quality": quality,
        "partial_images": _PARTS,
    }
    parameters: dict[str, object] = {
        "model": prompt.model,
        "input": [{"role": "user", "content": prompt.question}],
        "stream": True,
        "store": False,
        "stream_options": {"include_obfuscation": False},
        "tools": [tool],
        "tool_choice": {"type": "image_generation"},
    }
    return {**parameters, "safety_identifier": prompt.safety_identifier} if prompt.safety_identifier else parameters


class DrawingReader(ResponseReader):
    """A `DrawingReader` is a `ResponseReader` that also keeps the usage as upstream wrote it."""

    def _read(self, event: AnyEvent | None, written: bytes) -> Iterator[Delta]:
        for delta in super()._read(event, written):
            yield replace(delta, usage_as_told=_find_usage(written)) if isinstance(delta, Finished) else delta


class _ToldResponse(Struct, frozen=True):
    usage: Raw = Raw(b"")


class _ToldEnd(Struct, frozen=True):
    response: _ToldResponse = _ToldResponse()


_decode_end = msgspec.json.Decoder(_ToldEnd).decode


def _find_usage(written: bytes) -> bytes:
    """Find the usage in a terminal event. The result is empty where there is none."""
    try:
        return bytes(_decode_end(written).response.usage)
    except UNREADABLE_REPLY:
        return b""
