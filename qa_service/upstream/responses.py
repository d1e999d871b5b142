"""OpenAI's Responses API as an upstream, and the SDK client that every use of OpenAI shares."""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

import openai
from msgspec.structs import replace

from qa_service.errors import UpstreamError
from qa_service.interfaces import Meter, Stop
from qa_service.model import Delta, Prompt
from qa_service.upstream.asking import Asker
from qa_service.upstream.carrying import Carrier
from qa_service.upstream.line import Patience

# Reasoning models refuse temperature and top_p; their chat variants don't.
_NO_SAMPLING = re.compile(r"(?:ft:)?(?:o\d|gpt-5(?!.*-chat)|codex-)")


def openai_client(*, api_key: str, base_url: str = "", organization: str = "", project: str = "") -> openai.OpenAI:
    """Credentials and addresses; it makes requests, and others send them."""
    return openai.OpenAI(
        api_key=api_key,
        base_url=base_url or None,
        organization=organization or None,
        project=project or None,
        max_retries=0,
    )


class ResponsesUpstream:
    """Asks without leaving a trace upstream, unless in the background: then upstream keeps each answer for a while,
    generates it whoever listens, and gives it to whoever knows its id."""

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        client: openai.OpenAI,
        *,
        connect_seconds: float = 5,
        first_token_seconds: float = 60,
        idle_seconds: float = 60,
        tries: int = 3,
        search_context: str = "high",
        background: bool = False,
        fallback: Sequence[str] = (),
        meter: Meter | None = None,
    ) -> None:
        """`fallback` are the models to ask, in their order, when the prompt's fails before any output."""
        self._meter = meter
        patience = Patience(connect_seconds, first_token_seconds, idle_seconds)
        self._carrier = Carrier(client, patience=patience, tries=tries, note=self._count)
        self._asker = Asker(self._carrier, tries=tries, kept=background, note=self._count)
        self._search_context = search_context
        self._background = background
        self._fallback = tuple(fallback)

    def open(self, prompt: Prompt, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """The deltas of one answer; see `Upstream`."""

        def body(model: str) -> dict[str, object]:
            return request_body(replace(prompt, model=model), self._search_context, background=self._background)

        return self._asker.ask(list(dict.fromkeys([prompt.model, *self._fallback])), body, stop)

    def attach(self, prompt: Prompt, response_id: str, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """The deltas of an answer that was opened in the background; see `Upstream`."""
        return self._asker.follow(response_id, stop)

    def close(self) -> None:
        """Close the connections that are kept for later."""
        self._carrier.close()

    def _count(self, error: UpstreamError) -> None:
        if self._meter:
            self._meter.count("upstream_errors", label=error.code)


def request_body(prompt: Prompt, search_context: str, *, background: bool = False) -> dict[str, object]:
    """What is posted. Instructions stay where they stand among the messages, so that the order is the prompt's."""
    body: dict[str, object] = {
        "model": prompt.model,
        "input": [{"role": message.role, "content": message.text} for message in prompt.messages],
        "stream": True,
        "store": background,
        "background": background or None,
        "stream_options": {"include_obfuscation": False},
        "max_output_tokens": prompt.max_tokens,
        "safety_identifier": prompt.safety_identifier or None,
    }
    if not _NO_SAMPLING.match(prompt.model):
        body |= {"temperature": prompt.temperature, "top_p": prompt.top_p}
    if prompt.web_search:
        body["tools"] = [{"type": "web_search", "search_context_size": search_context}]
        body["include"] = ["web_search_call.action.sources"]
    return {name: value for name, value in body.items() if value is not None}
