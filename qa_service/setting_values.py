"""This module turns the text of a setting into its value, with one function for each kind of value.

Each function takes the text as somebody wrote it and returns the value, or raises `ValueError` with a sentence that
says what was expected and doesn't repeat the text, which may be a key. What a library would refuse later, while a
question waits for its answer, is refused here.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Struct

SECRET = re.compile(r"[A-Za-z0-9._~-]{16,}")
VISIBLE = re.compile(r"[!-~]+")
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(s|m|h|d|)")
SIZE = re.compile(r"(\d{1,15})\s*(kib|mib|gib|)")
RATE = re.compile(r"(\d{1,9})\s*/\s*(second|minute|hour|day)")
CURRENCY = re.compile(r"[A-Z]{3}")
DECIMAL = re.compile(r"\d{1,3}(\.\d{1,9})?")
_WHOLE = re.compile(r"\d{1,9}")
TEXT_BYTES = 1 << 20
"""A file whose text is a setting has at most this many bytes."""
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
HOST_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,62}\.?")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]{0,63}://(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:\d{1,5})?")
COLLECTION_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
DATABASE_SCHEMES = ("postgresql", "postgres")
AGENT_TOOLS = ("search", "read_page")
STORE_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")

MEBIBYTE = 1 << 20
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
SIZES = {"": 1, "kib": 1 << 10, "mib": MEBIBYTE, "gib": 1 << 30}
PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_MOST_SECONDS = 100 * 366 * 86400
"""Python's locks and the store's expiry can't take much longer times."""
_MOST_BYTES = 1 << 40
HIGHEST_PORT = (1 << 16) - 1
LEAST_TOKENS = 16
"""OpenAI's Responses API refuses a request for a shorter answer."""


class ApiKey(Struct, frozen=True):
    """An `ApiKey` is one entry of `QA_API_KEYS`. A server's key speaks for the users that the server names, and a
    personal key for its holder."""

    name: str
    secret: str
    personal: bool

    def __repr__(self) -> str:
        return f"ApiKey({self.name!r}, personal={self.personal})"


def read_utf8(text: str) -> str:
    """Read any text that can be sent on. Bytes of the environment that aren't UTF-8 reach Python as lone surrogates,
    and are refused."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("expected UTF-8") from None
    return text


def read_printable(text: str) -> str:
    """Read one line of text without control characters and invisible ones."""
    if not text.strip().isprintable():
        raise ValueError("expected text without control characters or invisible ones")
    return text.strip()


def read_picture_size(text: str) -> str:
    """Read the size of pictures: width and height, or `auto`, which leaves it to upstream."""
    if not re.fullmatch(r"auto|[1-9]\d{1,4}x[1-9]\d{1,4}", text.strip()):
        raise ValueError("expected auto, or width and height such as 1024x1024")
    return text.strip()


def read_credential(text: str) -> str:
    """Read a value that is sent in a header of HTTP, and so can't hold anything but visible ASCII."""
    if not VISIBLE.fullmatch(text.strip()):
        raise ValueError(
            "expected visible ASCII characters alone; copying sometimes adds an invisible one, quotes or a line end"
        )
    return text.strip()


def read_seconds(text: str) -> float:
    """Read a duration, and return it in seconds. It may be 0."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError("expected a number of seconds, or a number with s, m, h or d")
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > _MOST_SECONDS:
        raise ValueError("expected at most 100 years")
    return seconds


def read_positive_seconds(text: str) -> float:
    """Read a duration above 0."""
    seconds = read_seconds(text)
    if seconds <= 0:
        raise ValueError("expected more than 0 seconds")
    return seconds


def read_whole_seconds(text: str) -> float:
    """Read a duration that doesn't become 0 when it is cut to whole seconds."""
    seconds = read_seconds(text)
    if seconds < 1:
        raise ValueError("expected at least 1 second")
    return seconds


def read_bytes(text: str) -> int:
    """Read a size, and return it in bytes. It is at least 1."""
    match = SIZE.fullmatch(text.strip().lower())
    if not match or not 0 < int(match[1]) * SIZES[match[2]] <= _MOST_BYTES:
        raise ValueError("expected a number of bytes, or a number with KiB, MiB or GiB, up to 1024 GiB")
    return int(match[1]) * SIZES[match[2]]


def read_store_bytes(text: str) -> int:
    """Read how much memory a store may take. With less than 16 MiB, an empty one would count as full."""
    size = read_bytes(text)
    if size < 16 * MEBIBYTE:
        raise ValueError("expected at least 16 MiB")
    return size


def read_whole(text: str) -> int:
    """Read a whole number, which may be 0."""
    return _whole_number(text, 0)


def read_count(text: str) -> int:
    """Read a whole number of at least 1."""
    return _whole_number(text, 1)


def read_answer_tokens(text: str) -> int:
    """Read how many tokens the longest answer has that a question may ask for."""
    return _whole_number(text, LEAST_TOKENS)


def read_port(text: str) -> int:
    """Read the number of a TCP port."""
    if not (_WHOLE.fullmatch(text.strip()) and 0 < int(text) <= HIGHEST_PORT):
        raise ValueError("expected a port between 1 and 65535")
    return int(text)


def _whole_number(text: str, least: int) -> int:
    """Read a whole number from `least` to 999,999,999."""
    if not _WHOLE.fullmatch(text.strip()) or int(text) < least:
        raise ValueError(f"expected a whole number from {least} on")
    return int(text)


def number_up_to(most: float) -> Callable[[str], float]:
    """Return a function that reads a decimal number from 0 to `most`."""

    def read(text: str) -> float:
        if not DECIMAL.fullmatch(text.strip()) or float(text) > most:
            raise ValueError(f"expected a number between 0 and {most:g}")
        return float(text)

    return read


def read_switch(text: str) -> bool:
    """Read whether something is on or off."""
    word = text.strip().lower()
    if word not in ("true", "1", "on", "yes", "allowed", "false", "0", "off", "no"):
        raise ValueError("expected on or off")
    return word in ("true", "1", "on", "yes", "allowed")


def read_citations(text: str) -> str:
    """Read whether answers cite their sources: `on`, `off`, or `check`, which also looks for what has no support."""
    if text.strip() == "check":
        return "check"
    return "on" if read_switch(text) else "off"


def one_of(*words: str) -> Callable[[str], str]:
    """Return a function that reads one of these words."""

    def read(text: str) -> str:
        if text.strip() not in words:
            raise ValueError(f"expected one of {', '.join(words)}")
        return text.strip()

    return read


def read_windows(text: str) -> tuple[tuple[str, int], ...]:
    """Read how many tokens models read at once: patterns of names, each with a number, separated by commas."""
    pairs = [name.rpartition("=") for name in read_names(text)]
    if not all(pattern and _WHOLE.fullmatch(tokens.strip()) and int(tokens) for pattern, _, tokens in pairs):
        raise ValueError("expected models and tokens, such as llama3*=8192,qwen*=32768")
    return tuple((pattern.strip(), int(tokens)) for pattern, _, tokens in pairs)


def read_names(text: str) -> tuple[str, ...]:
    """Read names that are separated by commas."""
    return tuple(name.strip() for name in read_printable(text).split(",") if name.strip())


def is_origin(text: str) -> bool:
    """Tell whether this is an origin as browsers send it, of a website or of an app, such as `https://www.example.com`
    or `capacitor://localhost`. `null` isn't one, because anybody's page can have it."""
    return _ORIGIN.fullmatch(text) is not None


def read_origins(text: str) -> tuple[str, ...]:
    """Read exact origins that are separated by commas."""
    origins = tuple(name.strip() for name in text.split(",") if name.strip())
    if not all(map(is_origin, origins)):
        raise ValueError(
            "expected exact origins such as https://www.example.com or capacitor://localhost, comma-separated"
        )
    return origins


def read_public_url(text: str) -> str:
    """Read the address under which others see the service. Paths are appended to it."""
    address = _split_http_url(text)
    if address.query or address.fragment:
        raise ValueError("expected an http or https address without a query")
    return text.strip().rstrip("/")


def read_upstream_url(text: str) -> str:
    """Read the base address of an API. It may have a query, which is then part of every request.

    Consoles show the whole address of a call, so what the call adds to the base is taken away."""
    address = _split_http_url(text)
    if address.fragment:
        raise ValueError("expected an http or https address without a fragment")
    path = address.path.rstrip("/").removesuffix("/chat/completions").removesuffix("/responses")
    return address._replace(path=path).geturl()


def _split_http_url(text: str) -> SplitResult:
    address = _split_url(text, ("http", "https"))
    if address is None or not (_has_port_in_digits(address.netloc) and _is_host(address.hostname or "")):
        raise ValueError("expected an http or https address such as https://api.example.com/v1")
    return address


def read_proxy(text: str) -> str:
    """Read the address of a proxy that is asked in plain HTTP for a connection. An address without a scheme means such
    a proxy."""
    address = _split_url(text if "://" in text else f"http://{text.strip()}", ("http",))
    if address is None or not (_has_port_in_digits(address.netloc) and _is_host(address.hostname or "")):
        raise ValueError("expected a proxy that is spoken to in plain HTTP, http://host:port")
    return address.geturl()


def read_tool_descriptions(text: str) -> Mapping[str, str]:
    """Read how the tools for agents are described."""
    try:
        descriptions = msgspec.json.decode(read_utf8(text).encode(), type=dict[str, str])
    except msgspec.DecodeError:
        raise ValueError("expected JSON, tool → description") from None
    if not descriptions.keys() <= set(AGENT_TOOLS):
        raise ValueError(f"expected descriptions of {' and '.join(AGENT_TOOLS)} alone")
    return descriptions


def read_store_url(text: str) -> str:
    """Read the address of a Redis, or of sentinels that are separated by commas. Its options are checked when it is
    opened."""
    address = _split_url(text, STORE_SCHEMES)
    if address is None or not all(map(_has_port_in_digits, address.netloc.rpartition("@")[2].split(","))):
        raise ValueError("expected redis://, rediss://, unix:// or redis+sentinel:// with options redis-py knows")
    return text.strip()


def read_database_address(text: str) -> str:
    """Read the address of a PostgreSQL."""
    address = _split_url(text, DATABASE_SCHEMES)
    if address is None or not _has_port_in_digits(address.netloc.rpartition("@")[2]):
        raise ValueError("expected postgresql://user:password@host/database")
    is_socket = "host=/" in address.query.replace("%2F", "/")
    if not (address.hostname or is_socket) or not address.path.strip("/"):
        raise ValueError("expected postgresql://user:password@host/database")
    return text.strip()


def read_collection_names(text: str) -> tuple[str, ...]:
    """Read the names of collections, which are separated by commas."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names or not all(map(COLLECTION_NAME.fullmatch, names)):
        raise ValueError("expected names of letters, digits, points, hyphens and underscores, separated by commas")
    return names


def _split_url(text: str, schemes: tuple[str, ...]) -> SplitResult | None:
    """Split an address into its parts. Returns None where the text is no address, or one of another scheme."""
    bare = text.strip()
    try:
        address = urlsplit(bare)
    except ValueError:  # It has a bracket that isn't closed, for example.
        return None
    # `urlsplit` silently removes line ends, so the text itself is checked.
    return address if address.scheme in schemes and bare.isprintable() and " " not in bare else None


def _has_port_in_digits(netloc: str) -> bool:
    try:
        return urlsplit(f"//{netloc}").port != 0
    except ValueError:  # The error isn't passed on, because it quotes what may be a password.
        return False


def _is_host(host: str) -> bool:
    """Tell whether this is a name, in any script, or an IP address without brackets."""
    if ":" in host or host.rpartition(".")[2].isdecimal():
        return _is_address(host)
    try:
        # The codec silently drops invisible characters, so they are looked for first.
        return host.isprintable() and HOST_NAME.fullmatch(host.encode("idna").decode()) is not None
    except UnicodeError:
        return False


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def read_host(text: str) -> str:
    """Read the name or address to listen on. An IPv6 address may stand in brackets."""
    host = text.strip()
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not _is_host(bare):
        raise ValueError("expected an IP address or the name of a host, without a scheme and a port")
    return bare


def read_folder(text: str) -> Path:
    """Read the path of a folder, which needn't exist yet."""
    folder = Path(read_printable(text))
    try:
        nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    except OSError:
        raise ValueError("expected a folder that can be reached") from None
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ValueError("expected a folder that can be written to, or a place where one can be made")
    return folder


def read_text_file(text: str) -> str:
    """Read the path of a file, and return the text that is in it. Without a path it is empty."""
    if not text:
        return ""
    try:
        content = Path(read_printable(text)).read_bytes()[: TEXT_BYTES + 1]
        words = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise ValueError("expected a file of UTF-8 text that can be read") from None
    if len(content) > TEXT_BYTES:
        raise ValueError(f"expected a file of at most {TEXT_BYTES} bytes")
    return words


def read_prefix(text: str) -> str:
    """Read the path under which the API stands."""
    if not _PREFIX.fullmatch(text):
        raise ValueError("expected a path such as /api")
    return text


def read_rate(text: str) -> tuple[int, float]:
    """Read a rate, and return how many questions are allowed in how many seconds."""
    match = RATE.fullmatch(text.strip())
    if not match or not int(match[1]):
        raise ValueError("expected a rate such as 30/minute")
    return int(match[1]), PERIODS[match[2]]


def read_keys(text: str) -> tuple[ApiKey, ...]:
    """Read the keys of callers, which are separated by commas."""
    return tuple(map(_split_key, read_names(text)))


def _split_key(entry: str) -> ApiKey:
    """Split one key of a caller into its parts."""
    name, _, rest = entry.partition(":")
    secret, _, kind = rest.partition(":")
    if not name or not SECRET.fullmatch(secret) or kind not in ("", "personal"):
        raise ValueError("expected name:secret or name:secret:personal, a secret being 16 or more of A-Za-z0-9._~-")
    return ApiKey(name, secret, kind == "personal")


def read_secret(text: str) -> str:
    """Read the secret with which this service signs."""
    if not SECRET.fullmatch(text):
        raise ValueError("expected 16 or more of A-Za-z0-9._~-")
    return text


def read_currency(text: str) -> str:
    """Read the code that ISO 4217 gives a currency, such as `USD`."""
    if not CURRENCY.fullmatch(text.strip()):
        raise ValueError("expected the three capital letters of a currency, such as USD or KRW")
    return text.strip()


def read_prices(text: str) -> Mapping[str, Mapping[str, float]]:
    """Read what a million tokens of each model cost."""
    try:
        prices = msgspec.json.decode(read_utf8(text).encode(), type=dict[str, dict[str, float]])
    except msgspec.DecodeError:
        raise ValueError("expected JSON, model → {input, cached, output}") from None
    for price in prices.values():
        known = {"input", "output"} <= price.keys() <= {"input", "cached", "output"}
        if not known or min(price.values()) < 0:
            raise ValueError("expected model → {input, cached, output}, each a price per million tokens")
    return prices
