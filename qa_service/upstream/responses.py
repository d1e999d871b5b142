"""This module says how OpenAI's Responses API is asked."""

from collections.abc import Mapping
from functools import partial

import openai

from qa_service.model import Message, Part, Picture, Prompt
from qa_service.upstream.parameters import is_reasoning
from qa_service.upstream.protocol import VendorProtocol
from qa_service.upstream.reading import ResponseReader
from qa_service.upstream.requests import SdkRequestWriter

DRAWING_TOOL: Mapping[str, object] = {"type": "image_generation", "output_format": "webp", "partial_images": 2}
"""A picture in this format is small enough to be kept as it comes."""
_ESSENTIAL = frozenset({"model", "input", "stream", "tools"})
_BACKGROUND = frozenset({"background", "store"})
"""Without these upstream wouldn't keep the answer, which the background mode promises."""


def responses_protocol(
    client: openai.OpenAI,
    *,
    search_context: str = "high",
    background: bool = False,
    draws: bool = False,
    spool: str | None = None,
) -> VendorProtocol:
    """Describe the Responses API at the client's address.

    Upstream is asked to keep nothing, unless it is asked in the background. Then it keeps each answer for a while,
    writes it whether anybody listens or not, and gives it to whoever knows its id. `draws` says that models may draw
    pictures in an answer, which lie in the folder `spool` until they are told.
    """
    return VendorProtocol(
        client.base_url,
        SdkRequestWriter(client),
        partial(request_parameters, search_context=search_context, background=background, draws=draws),
        partial(ResponseReader, spool=spool),
        essential=_ESSENTIAL | _BACKGROUND if background else _ESSENTIAL,
        limits=("max_output_tokens",),
        keeps=background,
        follows=True,
    )


def request_parameters(
    prompt: Prompt, search_context: str, *, background: bool = False, draws: bool = False
) -> dict[str, object]:
    """Build the parameters of a request. Instructions stay among the messages, so that their order is the prompt's."""
    parameters: dict[str, object] = {
        "model": prompt.model,
        "input": [_describe_message(message) for message in prompt.messages],
        "stream": True,
        "store": background,
        "background": background or None,
        "stream_options": {"include_obfuscation": False},
        "max_output_tokens": prompt.max_tokens,
        "safety_identifier": prompt.safety_identifier or None,
    }
    if not is_reasoning(prompt.model):
        parameters |= {"temperature": prompt.temperature, "top_p": prompt.top_p}
    tools: list[Mapping[str, object]] = []
    if prompt.web_search:
        tools.append({"type": "web_search", "search_context_size": search_context})
        parameters["include"] = ["web_search_call.action.sources"]
    if draws:
        tools.append(DRAWING_TOOL)
    parameters["tools"] = tools or None
    return {name: value for name, value in parameters.items() if value is not None}


def _describe_message(message: Message) -> dict[str, object]:
    content = message.written if isinstance(message.written, str) else list(map(_describe_part, message.written))
    return {"role": message.role, "content": content}


def _describe_part(part: Part) -> dict[str, str]:
    if isinstance(part, Picture):
        return {"type": "input_image", "image_url": part.data_url, "detail": "auto"}
    return {"type": "input_text", "text": part.text}
