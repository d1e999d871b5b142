"""This module says how Chat Completions are asked, at any server that speaks them."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby

import openai

from qa_service.model import Message, Prompt
from qa_service.upstream.chat_reading import ChatReader
from qa_service.upstream.parameters import is_reasoning
from qa_service.upstream.protocol import VendorProtocol
from qa_service.upstream.requests import COMPLETIONS, OF_A_DEPLOYMENT, SdkRequestWriter

_ESSENTIAL = frozenset({"model", "messages", "stream", "web_search_options"})
_LIMITS = ("max_tokens", "max_completion_tokens")
_DEPLOYMENTS = "/openai/deployments/"
"""Azure's older addresses end here, or with the name of a deployment behind it."""


def chat_protocol(client: openai.OpenAI, *, search_context: str = "high") -> VendorProtocol:
    """Describe the Chat Completions at the client's address. No server keeps them."""
    of_a_deployment = client.base_url.path.endswith(_DEPLOYMENTS)
    return VendorProtocol(
        client.base_url,
        SdkRequestWriter(client, OF_A_DEPLOYMENT if of_a_deployment else COMPLETIONS),
        partial(chat_parameters, search_context=search_context),
        ChatReader,
        essential=_ESSENTIAL,
        limits=_LIMITS,
    )


def chat_parameters(prompt: Prompt, search_context: str) -> dict[str, object]:
    """Build the parameters of a request.

    Older servers pass over `max_completion_tokens` without a word, so it is only used for models that are known to
    refuse `max_tokens`, and for those that turn out to.
    """
    reasoning = is_reasoning(prompt.model)
    parameters: dict[str, object] = {
        "model": prompt.model,
        "messages": write_messages(prompt.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens" if reasoning else "max_tokens": prompt.max_tokens,
        "user": prompt.safety_identifier or None,
    }
    if not reasoning:
        parameters |= {"temperature": prompt.temperature, "top_p": prompt.top_p}
    if prompt.web_search:
        parameters["web_search_options"] = {"search_context_size": search_context}
    return {name: value for name, value in parameters.items() if value is not None}


def write_messages(messages: Sequence[Message]) -> list[Mapping[str, object]]:
    """Write the messages. Neighbours of the same role become one, because many models refuse a conversation in which
    the roles don't alternate."""
    by_role = groupby(messages, key=lambda message: message.role)
    return [{"role": role, "content": "\n\n".join(message.text for message in same)} for role, same in by_role]
