"""This module says how OpenAI's Responses API is asked."""

from functools import partial

import openai

from qa_service.model import Prompt
from qa_service.upstream.parameters import is_reasoning
from qa_service.upstream.protocol import VendorProtocol
from qa_service.upstream.reading import ResponseReader
from qa_service.upstream.requests import SdkRequestWriter

_ESSENTIAL = frozenset({"model", "input", "stream", "tools"})
_BACKGROUND = frozenset({"background", "store"})
"""Without these upstream wouldn't keep the answer, which the background mode promises."""


def responses_protocol(
    client: openai.OpenAI, *, search_context: str = "high", background: bool = False
) -> VendorProtocol:
    """Describe the Responses API at the client's address.

    Upstream is asked to keep nothing, unless it is asked in the background. Then it keeps each answer for a while,
    writes it whether anybody listens or not, and gives it to whoever knows its id.
    """
    return VendorProtocol(
        client.base_url,
        SdkRequestWriter(client),
        partial(request_parameters, search_context=search_context, background=background),
        ResponseReader,
        essential=_ESSENTIAL | _BACKGROUND if background else _ESSENTIAL,
        limits=("max_output_tokens",),
        keeps=background,
        follows=True,
    )


def request_parameters(prompt: Prompt, search_context: str, *, background: bool = False) -> dict[str, object]:
    """Build the parameters of a request. Instructions stay among the messages, so that their order is the prompt's."""
    parameters: dict[str, object] = {
        "model": prompt.model,
        "input": [{"role": message.role, "content": message.text} for message in prompt.messages],
        "stream": True,
        "store": background,
        "background": background or None,
        "stream_options": {"include_obfuscation": False},
        "max_output_tokens": prompt.max_tokens,
        "safety_identifier": prompt.safety_identifier or None,
    }
    if not is_reasoning(prompt.model):
        parameters |= {"temperature": prompt.temperature, "top_p": prompt.top_p}
    if prompt.web_search:
        parameters["tools"] = [{"type": "web_search", "search_context_size": search_context}]
        parameters["include"] = ["web_search_call.action.sources"]
    return {name: value for name, value in parameters.items() if value is not None}
