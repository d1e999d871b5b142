"""This module makes an upstream of OpenAI's Responses API, and the client of the SDK that knows where it is."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from urllib.parse import parse_qsl

import httpx2
import openai
from msgspec.structs import replace

from qa_service.errors import UpstreamError
from qa_service.interfaces import Meter, Stop
from qa_service.model import Delta, Message, Part, Picture, Prompt
from qa_service.pictures import without_pictures
from qa_service.settings import SettingsError
from qa_service.upstream.asking import Asker
from qa_service.upstream.connection import Patience
from qa_service.upstream.protocol import VendorProtocol
from qa_service.upstream.reading import ResponseReader
from qa_service.upstream.requests import SdkRequestWriter, Unsent
from qa_service.upstream.transport import Pauses, Transport
from qa_service.upstream.way import way_to

# Reasoning models refuse temperature and top_p, and their chat variants don't. Where a reasoning model has a name that
# its site chose, upstream refuses these parameters once, and `RefusedParameters` remembers it.
_NO_SAMPLING = re.compile(r"(?:ft:)?(?:o\d|gpt-5(?!.*-chat)|codex-)")


def openai_client(*, api_key: str, base_url: str = "", organization: str = "", project: str = "") -> openai.OpenAI:
    """Make a client of the SDK that knows the address and the credentials. It writes requests and sends none.

    A query in `base_url`, such as Azure's `?api-version=preview`, becomes part of every request. Raises
    `SettingsError` for a text that can't be an address.
    """
    address, _, query = base_url.partition("?")
    try:
        return openai.OpenAI(
            api_key=api_key,
            base_url=address or None,
            default_query=dict(parse_qsl(query, keep_blank_values=True)),
            organization=organization or None,
            project=project or None,
            max_retries=0,
            http_client=httpx2.Client(transport=Unsent()),
        )
    except httpx2.InvalidURL:  # the rules of today don't allow some names, such as those with an emoji
        raise SettingsError("OPENAI_BASE_URL: expected a host whose name can be looked up") from None


DRAWING_TOOL: Mapping[str, object] = {"type": "image_generation", "output_format": "webp", "partial_images": 2}
"""A picture in this format is small enough to be kept as it comes."""
_ESSENTIAL = frozenset({"model", "input", "stream", "tools"})
_BACKGROUND = frozenset({"background", "store"})
"""Without these upstream wouldn't keep the answer, which the background mode promises."""


class ResponsesUpstream:
    """A `ResponsesUpstream` is an `Upstream` that asks a model.

    It asks upstream to keep nothing, unless it asks in the background. Then upstream keeps each answer for a while,
    writes it whether anybody listens or not, and gives it to whoever knows its id.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        client: openai.OpenAI,
        *,
        patience: Patience | None = None,
        pauses: Pauses | None = None,
        tries: int = 3,
        search_context: str = "high",
        background: bool = False,
        draws: bool = False,
        spool: str | None = None,
        fallback: Sequence[str] = (),
        meter: Meter | None = None,
    ) -> None:
        """`draws` says that models may draw pictures in an answer, which lie in the folder `spool` until they are told.
        `fallback` names the models that are asked, in this order, when the prompt's model fails before any output.
        Raises `SettingsError` where the system's proxy or certificates can't be used."""
        self._meter = meter
        writer = SdkRequestWriter(client)
        essential = _ESSENTIAL | _BACKGROUND if background else _ESSENTIAL
        protocol = VendorProtocol(writer, partial(ResponseReader, spool=spool), essential, length="max_output_tokens")
        self._transport = Transport(
            way_to(client.base_url),
            writer,
            patience=patience or Patience(),
            pauses=pauses or Pauses(),
            tries=tries,
            note=self._count_failure,
        )
        self._asker = Asker(protocol, self._transport, tries=tries, kept=background, note=self._count_failure)
        self._search_context = search_context
        self._background = background
        self._draws = draws
        self._fallback = tuple(fallback)

    def open_answer(self, prompt: Prompt, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """Give the deltas of one answer, as `Upstream` says."""

        def parameters(model: str) -> dict[str, object]:
            shown = replace(prompt if self.can_see(model) else without_pictures(prompt), model=model)
            parameters = request_parameters(shown, self._search_context, background=self._background)
            return _with_tool(parameters, DRAWING_TOOL) if self._draws else parameters

        return self._asker.ask_models(list(dict.fromkeys([prompt.model, *self._fallback])), parameters, stop)

    def attach_answer(self, prompt: Prompt, response_id: str, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """Give the deltas of an answer that was opened in the background, as `Attaching` says."""
        return self._asker.follow_response(response_id, stop)

    def can_see(self, model: str) -> bool:
        """Tell whether this model takes pictures, as `Seeing` says."""
        return self._asker.takes_pictures(model)

    def close(self) -> None:
        """Close the connections that are kept for later."""
        self._transport.close()

    def _count_failure(self, error: UpstreamError) -> None:
        if self._meter:
            self._meter.count_event("upstream_errors", label=error.code)


def request_parameters(prompt: Prompt, search_context: str, *, background: bool = False) -> dict[str, object]:
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
    if not _NO_SAMPLING.match(prompt.model):
        parameters |= {"temperature": prompt.temperature, "top_p": prompt.top_p}
    if prompt.web_search:
        parameters["tools"] = [{"type": "web_search", "search_context_size": search_context}]
        parameters["include"] = ["web_search_call.action.sources"]
    return {name: value for name, value in parameters.items() if value is not None}


def _with_tool(parameters: dict[str, object], tool: Mapping[str, object]) -> dict[str, object]:
    tools = parameters.get("tools", [])
    return {**parameters, "tools": [*tools, tool] if isinstance(tools, list) else [tool]}


def _describe_message(message: Message) -> dict[str, object]:
    content = message.written if isinstance(message.written, str) else list(map(_describe_part, message.written))
    return {"role": message.role, "content": content}


def _describe_part(part: Part) -> dict[str, str]:
    if isinstance(part, Picture):
        url = f"data:{part.mime_type};base64,{b64encode(part.data).decode()}"
        return {"type": "input_image", "image_url": url, "detail": "auto"}
    return {"type": "input_text", "text": part.text}
