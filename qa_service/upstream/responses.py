"""OpenAI's Responses API as an upstream, and the SDK client that every use of OpenAI shares."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager

import openai

from qa_service.interfaces import Stop
from qa_service.model import Delta, Prompt
from qa_service.upstream.asking import Asker
from qa_service.upstream.events import read
from qa_service.upstream.line import Patience

# Reasoning models refuse temperature and top_p; their chat variants don't.
_NO_SAMPLING = re.compile(r"(?:ft:)?(?:o\d|gpt-5(?!.*-chat)|codex-)")


def openai_client(*, api_key: str, base_url: str = "", organization: str = "", project: str = "") -> openai.OpenAI:
    """Credentials and addresses. Each answer brings its own connection and its own patience, and tries by itself."""
    return openai.OpenAI(
        api_key=api_key,
        base_url=base_url or None,
        organization=organization or None,
        project=project or None,
        max_retries=0,
    )


class ResponsesUpstream:
    """Asks without leaving a trace upstream: nothing is stored there."""

    def __init__(
        self,
        client: openai.OpenAI,
        *,
        connect_seconds: float = 5,
        first_token_seconds: float = 60,
        idle_seconds: float = 60,
        tries: int = 3,
        search_context: str = "high",
    ) -> None:
        self._asker = Asker(client, patience=Patience(connect_seconds, first_token_seconds, idle_seconds), tries=tries)
        self._search_context = search_context

    def open(self, prompt: Prompt, stop: Stop) -> AbstractContextManager[Iterator[Delta]]:
        """The deltas of one answer; see `Upstream`."""
        return self._asker.ask("/responses", request_body(prompt, self._search_context), read, stop)

    def close(self) -> None:
        """Close the connections that are kept for later."""
        self._asker.close()


def request_body(prompt: Prompt, search_context: str) -> dict[str, object]:
    """What is posted. Instructions stay where they stand among the messages, so that the order is the prompt's."""
    body: dict[str, object] = {
        "model": prompt.model,
        "input": [{"role": message.role, "content": message.content} for message in prompt.messages],
        "stream": True,
        "store": False,
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
