"""This module writes the address of a web page in one way, so that a page isn't read twice under two addresses."""

import re
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlencode, urljoin, urlsplit, urlunsplit

_LONGEST = 2_000
"""Longer addresses are made by traps, and some servers refuse them."""
_LONGEST_WRITTEN = 10 * _LONGEST
PORTS = {"http": 80, "https": 443}
_TRACKING = re.compile(
    r"utm_\w*|mtm_\w*|pk_\w*|hsa_\w*|_hs\w*|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|igshid|mc_cid|mc_eid|"
    r"n_(?:media|query|rank|ad_group|ad|keyword_id|keyword|campaign_type)|_ga|_gl|ref_src|"
    r"phpsessid|jsessionid|aspsessionid\w*|cfid|cftoken|sessionid|session_id",
    re.IGNORECASE,
)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/;?#]*", re.IGNORECASE)
_PATH_SAFE = "/:@!$&'()*+,;=~-._"


def normalize_address(address: str, base: str = "") -> str:
    """Return the web address without what doesn't change the page: its fragment, a default port, and parameters that
    only count visits or sessions. A relative address is joined to `base`. The result is ASCII.

    It is empty where this is no address of a page: another scheme, a name with a password, or something malformed.
    """
    if len(address) > _LONGEST_WRITTEN:
        return ""
    try:
        parts = urlsplit(urljoin(base, _clean(address)))
        host = _write_host(parts)
        if not host:
            return ""
        written = urlunsplit((parts.scheme, host, _write_path(parts.path), _write_query(parts.query), ""))
        return written if len(written) <= _LONGEST else ""
    except ValueError:  # What stands in a page needn't be an address.
        return ""


def identify_address(address: str) -> str:
    """Return a text that is the same for all addresses that lead to one page on nearly every site: with http or https,
    with `www.` or without it, and with a slash at the end or without it. The address must be normalized."""
    parts = urlsplit(address)
    return f"{_site(parts)}{unquote(parts.path).rstrip('/')}?{parts.query}".rstrip("?")


def is_same_site(address: str, other: str) -> bool:
    """Tell whether two addresses are of one site. Its name may have `www.` in front, and it may be reached by http and
    https. Another port is another site."""
    return _site(urlsplit(address)) == _site(urlsplit(other))


def _clean(address: str) -> str:
    """Remove the spaces and line ends that browsers ignore in an address."""
    return re.sub(r"[\t\r\n]", "", address.strip())


def _site(parts: SplitResult) -> str:
    port = parts.port if parts.port not in (None, PORTS.get(parts.scheme)) else None
    name = (parts.hostname or "").removeprefix("www.")
    return f"{name}:{port}" if port else name


def _write_host(parts: SplitResult) -> str:
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc or parts.port == 0:
        return ""
    name = parts.hostname.rstrip(".")
    if not name.isascii():
        name = name.encode("idna").decode()
    if not re.fullmatch(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}", name):
        return ""
    name = f"[{name}]" if ":" in name else name
    return name if parts.port in (None, PORTS[parts.scheme]) else f"{name}:{parts.port}"


def _write_path(path: str) -> str:
    """Write each character of the path in one way: those that need no escape without one, all others as UTF-8. Escapes
    that aren't UTF-8, which older Korean sites have in EUC-KR, stay as they are."""
    path = _resolve_dots(_SESSION_IN_PATH.sub("", path)) or "/"
    try:
        # An escaped slash or percent sign means another path than the character itself.
        pieces = re.split(r"(%2[Ff]|%25|%3[Ff]|%23)", path)
        return "".join(
            p.upper() if n % 2 else quote(unquote(p, errors="strict"), _PATH_SAFE) for n, p in enumerate(pieces)
        )
    except UnicodeDecodeError:
        return quote(path, _PATH_SAFE + "%")


def _resolve_dots(path: str) -> str:
    """Resolve the segments `.` and `..`, as every client does before it asks."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[max(1, len(kept) - 1) :]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept) + ("/" if path.endswith(("/.", "/..")) and kept[-1:] != [""] else "")


def _write_query(query: str) -> str:
    """Write the parameters in one order, and those without a value without a `=`, since wikis and older boards take
    the whole query for a name."""
    try:
        pairs = [(parse_qsl(one, keep_blank_values=True, errors="strict"), "=" in one) for one in query.split("&")]
    except UnicodeDecodeError:
        return quote(query, _PATH_SAFE + "?%")
    kept = sorted((*pair[0], has_value) for pair, has_value in pairs if pair and not _TRACKING.fullmatch(pair[0][0]))
    return "&".join(urlencode([(name, value)]) if has_value else quote_plus(name) for name, value, has_value in kept)
