"""The only reader of configuration: environment and `.env`, or a host's `app.config`, into one frozen value.

Values are checked by name at start-up. The real environment wins over `.env`; an unknown `QA_` key is
refused where it was written for us (`.env`, `app.config`) and a warning in the environment.
"""

import fnmatch
import logging
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from dotenv import dotenv_values
from msgspec import Struct

log = logging.getLogger(__name__)

SECRET = re.compile(r"[A-Za-z0-9._~-]{16,}")
MEBIBYTE = 1 << 20
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
SIZES = {"": 1, "kib": 1 << 10, "mib": MEBIBYTE, "gib": 1 << 30}
PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
INSTRUCTIONS = (
    "You answer questions accurately and plainly, in the language of the question. "
    "If you don't know, or the reference doesn't say, say so."
)


class ApiKey(Struct, frozen=True):
    """One entry of `QA_API_KEYS`; a server's key asks for its users, a personal one for itself."""

    name: str
    secret: str
    personal: bool

    def __repr__(self) -> str:
        return f"ApiKey({self.name!r}, personal={self.personal})"


class Secret(str):
    """One that a debugger, or a site's report of its errors, doesn't show."""

    def __repr__(self) -> str:
        return "Secret()"


class Settings(Struct, frozen=True, kw_only=True):
    """Everything sites differ in; README has the table. Durations are seconds, sizes bytes."""

    openai_api_key: str = ""
    openai_base_url: str = ""
    openai_org_id: str = ""
    openai_project_id: str = ""
    redis_url: str = ""
    data: Path = Path(".qa")
    upstream: str = "auto"
    model: str = "gpt-4.1-mini"
    models_allowed: tuple[str, ...] = ()
    models_fallback: tuple[str, ...] = ()
    background: bool = False
    temperature: float = 0.7
    top_p: float = 0.9
    max_tokens: int = 4096
    instructions: str = INSTRUCTIONS
    web_search: bool = True
    web_search_context: str = "high"
    prices: Mapping[str, Mapping[str, float]] = {}
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
    read_seconds: float = 300
    context_tokens: int = 0
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
    citations: bool = True
    host: str = "127.0.0.1"
    port: int = 8000
    web_concurrency: int = 0

    def __repr__(self) -> str:
        """Without any value: keys never print."""
        return f"Settings({len(self.__struct_fields__)} settings)"

    @property
    def answers_itself(self) -> bool:
        """Whether no model is asked: the offline answerer."""
        return self.upstream == "offline" or (self.upstream == "auto" and not self.openai_api_key)

    def allows(self, model: str) -> bool:
        """Whether a caller may ask this model; patterns such as `ft:*` count."""
        return any(fnmatch.fnmatchcase(model, pattern) for pattern in (self.model, *self.models_allowed))

    @property
    def workers(self) -> int:
        """Worker processes to serve with."""
        return self.web_concurrency or os.cpu_count() or 1


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|)", text.strip())
    if not match:
        raise ValueError("expected seconds, or a number with s, m, h or d")
    return float(match[1]) * UNITS[match[2]]


def _positive_seconds(text: str) -> float:
    seconds = _seconds(text)
    if seconds <= 0:
        raise ValueError("expected more than 0 seconds")
    return seconds


def _whole_seconds(text: str) -> float:
    if _seconds(text) < 1:
        raise ValueError("expected at least 1 second")
    return _seconds(text)


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+)\s*(kib|mib|gib|)", text.strip().lower())
    if not match or not int(match[1]):
        raise ValueError("expected a number of bytes, or with KiB, MiB or GiB")
    return int(match[1]) * SIZES[match[2]]


def _count(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise ValueError("expected a whole number from 1 on")
    return int(text)


def _whole(text: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError("expected a whole number from 0 on")
    return int(text)


def _port(text: str) -> int:
    if not (text.strip().isdecimal() and 0 < int(text) < 65536):  # noqa: PLR2004 - TCP's own bound
        raise ValueError("expected a port between 1 and 65535")
    return int(text)


def _between(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        match = re.fullmatch(r"\s*\d+(\.\d+)?\s*", text)
        if not match or not low <= float(text) <= high:
            raise ValueError(f"expected a number between {low:g} and {high:g}")
        return float(text)

    return read


def _switch(text: str) -> bool:
    word = text.strip().lower()
    if word not in ("true", "1", "on", "yes", "allowed", "false", "0", "off", "no"):
        raise ValueError("expected on or off")
    return word in ("true", "1", "on", "yes", "allowed")


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"expected one of {', '.join(words)}")
        return text

    return read


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def is_origin(text: str) -> bool:
    """Whether this is an origin as browsers send it."""
    return re.fullmatch(r"https?://[^/\s,*]+", text) is not None


def _origins(text: str) -> tuple[str, ...]:
    origins = _names(text)
    for origin in origins:
        if not is_origin(origin):
            raise ValueError("expected exact origins such as https://www.example.com, comma-separated")
    return origins


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s]+", text):
        raise ValueError("expected an http or https address")
    return text.rstrip("/")


def _prefix(text: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", text):
        raise ValueError("expected a path such as /api")
    return text


def _rate(text: str) -> tuple[int, float]:
    match = re.fullmatch(r"(\d+)\s*/\s*(second|minute|hour|day)", text.strip())
    if not match or not int(match[1]):
        raise ValueError("expected a rate such as 30/minute")
    return int(match[1]), PERIODS[match[2]]


def _keys(text: str) -> tuple[ApiKey, ...]:
    return tuple(_key(entry) for entry in _names(text))


def _key(entry: str) -> ApiKey:
    name, _, rest = entry.partition(":")
    secret, _, kind = rest.partition(":")
    if not name or not SECRET.fullmatch(secret) or kind not in ("", "personal"):
        raise ValueError("expected name:secret or name:secret:personal, a secret being 16 or more of A-Za-z0-9._~-")
    return ApiKey(name, secret, kind == "personal")


def _secret(text: str) -> str:
    if not SECRET.fullmatch(text):
        raise ValueError("expected 16 or more of A-Za-z0-9._~-")
    return text


def _prices(text: str) -> Mapping[str, Mapping[str, float]]:
    try:
        prices = msgspec.json.decode(text.encode(), type=dict[str, dict[str, float]])
    except msgspec.DecodeError:
        raise ValueError("expected JSON, model → {input, cached, output}") from None
    for price in prices.values():
        known = {"input", "output"} <= price.keys() <= {"input", "cached", "output"}
        if not known or min(price.values()) < 0:
            raise ValueError("expected model → {input, cached, output}, each a price per million tokens")
    return prices


READERS: dict[str, Callable[[str], Any]] = {
    "OPENAI_API_KEY": str.strip,
    "OPENAI_BASE_URL": _url,
    "OPENAI_ORG_ID": str.strip,
    "OPENAI_PROJECT_ID": str.strip,
    "REDIS_URL": str.strip,
    "QA_DATA": Path,
    "QA_UPSTREAM": _one_of("auto", "responses", "offline"),
    "QA_MODEL": str.strip,
    "QA_MODELS_ALLOWED": _names,
    "QA_MODELS_FALLBACK": _names,
    "QA_BACKGROUND": _switch,
    "QA_TEMPERATURE": _between(0, 2),
    "QA_TOP_P": _between(0, 1),
    "QA_MAX_TOKENS": _count,
    "QA_INSTRUCTIONS": str,
    "QA_WEB_SEARCH": _switch,
    "QA_WEB_SEARCH_CONTEXT": _one_of("low", "medium", "high"),
    "QA_PRICES": _prices,
    "QA_API_KEYS": _keys,
    "QA_SECRET": _secret,
    "QA_TOKEN_TTL": _whole_seconds,
    "QA_ALLOW_ANONYMOUS": _switch,
    "QA_ORIGINS": _origins,
    "QA_TRUSTED_PROXIES": _whole,
    "QA_PUBLIC_URL": _url,
    "QA_PREFIX": _prefix,
    "QA_RATE": _rate,
    "QA_SESSION_TTL": _whole_seconds,
    "QA_SESSION_TURNS": _count,
    "QA_LOG_TTL": _whole_seconds,
    "QA_LOG_DONE_TTL": _whole_seconds,
    "QA_LOG_BYTES": _bytes,
    "QA_IDEMPOTENCY_TTL": _whole_seconds,
    "QA_MAX_BODY": _bytes,
    "QA_MAX_FILE": _bytes,
    "QA_MAX_FILES": _count,
    "QA_SESSION_FILES": _count,
    "QA_OWNER_BYTES": _bytes,
    "QA_MAX_QUESTION": _count,
    "QA_BODY_SECONDS": _positive_seconds,
    "QA_SEND_SECONDS": _positive_seconds,
    "QA_FILE_SECONDS": _positive_seconds,
    "QA_FILE_MEMORY": _bytes,
    "QA_READ_SECONDS": _positive_seconds,
    "QA_CONTEXT_TOKENS": _count,
    "QA_CONNECT_SECONDS": _positive_seconds,
    "QA_FIRST_TOKEN_SECONDS": _positive_seconds,
    "QA_IDLE_SECONDS": _positive_seconds,
    "QA_ANSWER_SECONDS": _positive_seconds,
    "QA_TRIES": _count,
    "QA_HEARTBEAT_SECONDS": _positive_seconds,
    "QA_GRACE_SECONDS": _seconds,
    "QA_DRAIN_SECONDS": _positive_seconds,
    "QA_MAX_ANSWERS": _count,
    "QA_DRIFT": _one_of("auto", "off"),
    "QA_CITATIONS": _switch,
    "HOST": str.strip,
    "PORT": _port,
    "WEB_CONCURRENCY": _count,
}


LISTENING = ("HOST", "PORT", "WEB_CONCURRENCY")
"""What a host site decides for itself."""


class SettingsError(ValueError):
    """A setting with an impossible value, or one that doesn't exist; the message names it, never its value."""


def _value(key: str, text: object) -> object:
    try:
        return READERS[key](str(text))
    except ValueError as error:
        raise SettingsError(f"{key}: {error}") from None


def _read(values: Mapping[str, object]) -> Settings:
    known = {key: value for key, value in values.items() if key in READERS and str(value).strip()}
    return Settings(**{key.removeprefix("QA_").lower(): _value(key, known[key]) for key in known})  # type: ignore[arg-type]


def _strangers(keys: Mapping[str, object]) -> list[str]:
    return sorted(key for key in keys if key.startswith("QA_") and key not in READERS)


def _refuse_strangers(keys: Mapping[str, object], where: str) -> None:
    if strangers := _strangers(keys):
        raise SettingsError(f"{', '.join(strangers)} in {where}: no such setting; README lists those there are")


def from_environment(folder: Path | None = None) -> Settings:
    """From `.env` in `folder` (the current one) and the environment, which wins. Raises `SettingsError`."""
    try:
        written = {key: value or "" for key, value in dotenv_values((folder or Path()) / ".env").items()}
    except UnicodeDecodeError:
        raise SettingsError(".env: expected UTF-8") from None
    _refuse_strangers(written, ".env")
    return _read({**written, **_environment()})


def from_config(config: Mapping[str, object]) -> Settings:
    """From a host's `app.config`, where all keys but OpenAI's and Redis's begin with `QA_`, and the environment."""
    _refuse_strangers(config, "app.config")
    ours = {key: _text(value) for key, value in config.items() if value is not None}
    return _read({key: value for key, value in {**_environment(), **ours}.items() if key not in LISTENING})


def _environment() -> Mapping[str, str]:
    for stranger in _strangers(os.environ):
        log.warning("%s in the environment: no such setting", stranger)
    return os.environ


def _text(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return "on" if value is True else "off" if value is False else value


def made_secret(data: Path, name: str) -> str:
    """The secret kept in the data folder under `name`, made at the first call; only its owner can read it (0600)."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise SettingsError("QA_DATA: expected a folder, or where one can be made") from None
    path = data / name
    if not path.exists():
        # Linked when it is whole: of workers that start together, all read the first one's.
        with tempfile.NamedTemporaryFile("w", dir=data) as made, suppress(FileExistsError):
            made.write(secrets.token_urlsafe(32))
            made.flush()
            os.link(made.name, path)
    return path.read_text()
