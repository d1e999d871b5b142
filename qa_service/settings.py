"""This module alone reads configuration. It turns the environment and `.env`, or `app.config`, into one frozen value.

Each value is checked by itself when the service starts, and a wrong one is refused by the name of its setting. The real
environment wins over `.env`. A key that begins with `QA_` and names no setting is refused in `.env` and in
`app.config`, which were written for this service. In the environment it only gives a warning, and none at all where a
site that passes questions on has set it for itself.
"""

import fnmatch
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from dotenv import dotenv_values
from msgspec import Struct

from qa_service.presentation import SiteText, SiteTexts
from qa_service.setting_readers import SETTING_READERS
from qa_service.setting_values import MEBIBYTE, ApiKey

log = logging.getLogger(__name__)

T = TypeVar("T")

PASSING_ON = frozenset({"QA_KEY", "QA_URL"})
"""These are the settings of the examples for a site that passes questions on. Such a site often runs in the same
environment as the service."""

_INSTRUCTIONS = (
    "You answer questions accurately and plainly, in the language of the question. "
    "If you don't know, or the reference doesn't say, say so."
)


class Settings(Struct, frozen=True, kw_only=True):
    """`Settings` holds all settings. The table of `docs/operating.md` says what each one means. Durations are in
    seconds, and sizes in bytes."""

    openai_api_key: str = ""
    openai_base_url: str = ""
    openai_org_id: str = ""
    openai_project_id: str = ""
    redis_url: str = ""
    data: Path = Path(".qa")
    upstream: str = "auto"
    chat_base_url: str = ""
    chat_api_key: str = ""
    chat_model: str = ""
    model: str = "gpt-4.1-mini"
    models_allowed: tuple[str, ...] = ()
    models_fallback: tuple[str, ...] = ()
    background: bool = False
    temperature: float = 0.7
    top_p: float = 0.9
    max_tokens: int = 4096
    instructions: str = _INSTRUCTIONS
    web_search: bool = True
    web_search_context: str = "high"
    answer_images: bool = False
    image_model: str = ""
    image_size: str = "1024x1024"
    image_quality: str = "medium"
    prices: Mapping[str, Mapping[str, float]] = {}
    currency: str = "USD"
    api_keys: tuple[ApiKey, ...] = ()
    secret: str = ""
    token_ttl: float = 3600
    allow_anonymous: bool = False
    origins: tuple[str, ...] = ()
    trusted_proxies: int = 0
    public_url: str = ""
    prefix: str = "/api"
    rate: tuple[int, float] = (30, 60)
    session_ttl: float = 30 * 86400
    session_turns: int = 200
    log_ttl: float = 3600
    log_done_ttl: float = 600
    log_bytes: int = 4 * MEBIBYTE
    idempotency_ttl: float = 86400
    max_body: int = 64 * MEBIBYTE
    max_file: int = 15 * MEBIBYTE
    max_files: int = 5
    session_files: int = 50
    owner_bytes: int = 200 * MEBIBYTE
    max_question: int = 32_000
    body_seconds: float = 60
    send_seconds: float = 30
    file_seconds: float = 30
    file_memory: int = 1 << 30
    store_memory: int = 0
    read_seconds: float = 300
    context_tokens: int = 0
    database_url: str = ""
    database_replica_url: str = ""
    knowledge: bool = True
    collections: tuple[str, ...] = ("own", "shared")
    mcp_descriptions: Mapping[str, str] = {}
    context_windows: tuple[tuple[str, int], ...] = ()
    summaries: bool = True
    connect_seconds: float = 5
    first_token_seconds: float = 60
    idle_seconds: float = 60
    answer_seconds: float = 600
    tries: int = 3
    heartbeat_seconds: float = 8
    grace_seconds: float = 120
    drain_seconds: float = 60
    max_answers: int = 1000
    drift: str = "auto"
    citations: str = "on"
    semantic: str = "auto"
    tokenizer: str = "auto"
    synonyms: str = ""
    """This is the text of the file that the setting names."""
    cite_links: bool = False
    youtube_key: str = ""
    image_search_key: str = ""
    image_search_id: str = ""
    name: SiteText | None = None
    greeting: SiteText | None = None
    examples: SiteTexts | None = None
    logo: str = ""
    accent: str = ""
    show_cost: bool = False
    frame_ancestors: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    web_concurrency: int = 0

    def __repr__(self) -> str:
        """Show no value, so that keys are never printed."""
        return f"Settings({len(self.__struct_fields__)} settings)"

    @property
    def first_upstream(self) -> str:
        """Return which upstream is asked first: `responses`, `chat` or `offline`."""
        if self.upstream != "auto":
            return self.upstream
        if self.openai_api_key:
            return "responses"
        return "chat" if self.chat_base_url else "offline"

    @property
    def first_model(self) -> str:
        """Return the model that is asked where a question names none."""
        return (self.first_upstream == "chat" and self.chat_model) or self.model

    @property
    def drawing_model(self) -> str:
        """Return the model that draws pictures for a prompt. It is empty where no Responses API can be asked."""
        if self.answers_itself or not self.openai_api_key:
            return ""
        return self.image_model or (self.model if self.first_upstream == "responses" else "")

    @property
    def answers_itself(self) -> bool:
        """Tell whether no model is asked, so that answers are quotes from the files."""
        return self.first_upstream == "offline"

    @property
    def counts_tokens(self) -> bool:
        """Tell whether prompts are counted by the vocabulary of models, where its extra is installed."""
        return self.tokenizer == "auto" and not self.answers_itself

    def allows_drawing(self, model: str) -> bool:
        """Tell whether a caller may have this model draw pictures for a prompt."""
        return model == self.drawing_model or (self.first_upstream == "responses" and self.allows(model))

    def allows(self, model: str) -> bool:
        """Tell whether a caller may ask this model. A name that is allowed may be a pattern such as `ft:*`."""
        return any(fnmatch.fnmatchcase(model, pattern) for pattern in (self.first_model, *self.models_allowed))

    @property
    def workers(self) -> int:
        """Return how many worker processes serve."""
        return self.web_concurrency or os.cpu_count() or 1


LISTENING = ("HOST", "PORT", "WEB_CONCURRENCY")
"""A host site ignores these settings, because it decides by itself where it listens."""


class SettingsError(ValueError):
    """A setting has an impossible value, or doesn't exist. The message names the setting, and never its value."""


def _checked(name: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None


def _read(values: Mapping[str, object]) -> Settings:
    known = {key: value for key, value in values.items() if key in SETTING_READERS and str(value).strip()}
    return Settings(
        **{key.removeprefix("QA_").lower(): _checked(key, SETTING_READERS[key], str(known[key])) for key in known}
    )


def _strangers(keys: Iterable[str]) -> list[str]:
    return sorted(key for key in keys if key.startswith("QA_") and key not in SETTING_READERS)


def _refuse_strangers(keys: Mapping[str, object], where: str) -> None:
    if strangers := _strangers(keys):
        raise SettingsError(f"{', '.join(strangers)} in {where}: no such setting; docs/operating.md lists the settings")


def from_environment(folder: Path | None = None) -> Settings:
    """Read the settings from `.env` in `folder`, by default the current one, and from the environment, which wins.

    Raises `SettingsError`.
    """
    try:
        written = {key: value or "" for key, value in dotenv_values((folder or Path()) / ".env").items()}
    except UnicodeDecodeError:
        raise SettingsError(".env: expected UTF-8") from None
    except OSError:
        raise SettingsError(".env: expected a file that can be read") from None
    _refuse_strangers(written, ".env")
    return _read({**written, **_environment()})


def from_config(config: Mapping[str, object]) -> Settings:
    """Read the settings from a host's `app.config`, which wins, and from the environment.

    In `app.config` too all keys but OpenAI's and Redis's begin with `QA_`. Raises `SettingsError`.
    """
    _refuse_strangers(config, "app.config")
    ours = {key: _text(value) for key, value in config.items() if value is not None}
    return _read({key: value for key, value in {**_environment(), **ours}.items() if key not in LISTENING})


def _environment() -> Mapping[str, str]:
    for stranger in _strangers(os.environ.keys() - PASSING_ON):
        log.warning("%s in the environment: no such setting", stranger)
    return os.environ


def _text(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return "on" if value is True else "off" if value is False else value
