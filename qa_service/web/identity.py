"""This module tells who sends a request: a user of the host site, the holder of a key or a token, or an anonymous
visitor. It refuses requests that pages of other sites may not send.

An owner's key is a keyed hash of what names the caller, so nobody can make one up or guess it. Two callers never have
the same key, except visitors without a credential, who all have one.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from flask import Request
from itsdangerous import BadData, URLSafeTimedSerializer
from msgspec import Struct

from qa_service.errors import BadRequest, ForbiddenOrigin, Unauthenticated
from qa_service.knowledge_base import list_owners
from qa_service.model import Owner
from qa_service.setting_values import ApiKey
from qa_service.settings import Settings
from qa_service.web.networks import IPV6_CUSTOMER, is_loopback, network_of
from qa_service.web.site_sessions import OTHER_KEY, has_unreadable_session

USER_ID = re.compile(r"[!-+\--~]{1,128}")
"""A user's id is visible ASCII without a comma, because proxies join a header that was sent twice with a comma."""
LOOPBACK_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
FORWARDING = re.compile(r"forwarded|x-forwarded-.*|x-real-ip|via", re.IGNORECASE)
FOREIGN_PAGE = (
    "the request comes from a page of another site: list that site in QA_ORIGINS, or, if it is this site behind a "
    "proxy, set QA_PUBLIC_URL or QA_TRUSTED_PROXIES"
)


class Token(Struct, frozen=True):
    """A `Token` is the content of a signed token: the name of the key that signed it, the user, and the only
    origin that may use it. An empty origin means any."""

    key: str
    user: str
    origin: str = ""


class DocumentCaller(Struct, frozen=True):
    """A `DocumentCaller` is whoever uses the knowledge base. A site's server that asks for itself has no owner."""

    owner: Owner | None
    edits_shared: bool
    """This says whether the caller may change shared collections."""

    @property
    def owners(self) -> tuple[str, ...]:
        """Return the owners of the collections that the caller may read. Shared ones have an empty owner."""
        return list_owners(self.owner) if self.owner else ("",)


class Owners(Struct, frozen=True):
    """An `Owners` makes owners. `secret` is the key of their hashes."""

    secret: str

    def site(self, user: str) -> Owner:
        """Make the owner for a user whom the host site named."""
        return Owner("site", self.hashed("site", user))

    def user(self, key: str, user: str) -> Owner:
        """Make the owner for a user for whom a server's key, or a token made with it, speaks."""
        return Owner("user", self.hashed("user", key, user))

    def key(self, key: str) -> Owner:
        """Make the owner for the holder of a personal key."""
        return Owner("key", self.hashed("key", key))

    def anonymous(self, address: str) -> Owner:
        """Make the owner for all visitors. They are one owner: only the ids that they know tell their conversations
        apart."""
        site, wider = network_of(address), network_of(address, IPV6_CUSTOMER)
        network = self.hashed("network", wider) if wider != site else ""
        return Owner("anonymous", self.hashed("anonymous"), address=self.hashed("address", site), network=network)

    def hashed(self, *parts: str) -> str:
        """Hash these words to 32 hexadecimal digits. Nobody can do that without this server's secret."""
        return hmac.new(self.secret.encode(), msgspec.json.encode(parts), hashlib.sha256).hexdigest()[:32]


class Gate:
    """A `Gate` decides who asks. `identify` is the host site's own function: it returns a user's id, or None for
    nobody."""

    def __init__(
        self,
        settings: Settings,
        owners: Owners,
        *,
        identify: Callable[[Request], str | None] | None = None,
        may_edit: Callable[[Request], bool] | None = None,
        loopback_visitors: bool = False,
    ) -> None:
        self._settings = settings
        self._owners = owners
        self._identify = identify
        self._may_edit = may_edit
        self._loopback_visitors = loopback_visitors
        self._tokens = URLSafeTimedSerializer(owners.secret, salt="qa-service token")

    @property
    def knows_login(self) -> bool:
        """This says whether the host site tells who asks."""
        return self._identify is not None

    @property
    def knows_visitors(self) -> bool:
        """This says whether callers without a credential may ask, everywhere or only at this machine."""
        return self._settings.allow_anonymous or self._loopback_visitors

    def owner(self, request: Request, *, changes: bool, streams: bool = False) -> Owner:
        """Find the owner of this request. `changes` says that it asks or changes something, which pages of other sites
        may not do. `streams` says that clients which can't send headers use this address, so that it may hold a token.

        Raises `Unauthenticated`, `ForbiddenOrigin`, or `BadRequest` for a malformed `X-User-Id`.
        """
        user = _read_user(self._identify(request)) if self._identify else ""
        bearer = _bearer(request)
        if user:
            # A page of another site can put a token into an address, but it can't add this header. Beside a cookie, the
            # header may be a proxy's.
            if changes and (request.cookies or not bearer):
                self._check_origin(request)
            return self._owners.site(user)
        if bearer:
            return self._find_owner_by_header(request, bearer, changes=changes)
        if token := _present(request.args.get("token", "")):
            if not (streams and request.method == "GET"):
                raise Unauthenticated("only streams take a token in the address; send it as Authorization: Bearer")
            return self._find_owner_by_token(request, token)
        lost = self._identify is not None and has_unreadable_session(request)
        if not self._visitors_welcome(request):
            raise Unauthenticated(OTHER_KEY if lost else self._accepted())
        if changes:
            self._check_origin(request)
        return self._owners.anonymous(request.remote_addr or "")

    def token_maker(self, request: Request) -> Callable[[str], str]:
        """Return a function that makes a token for the user whom a server's request names. It takes the origin to which
        the token is bound, or "". Raises as `owner` does."""
        key = self._server_key(request)
        if key is None:
            raise Unauthenticated("tokens are made with a server's key as Authorization: Bearer and X-User-Id")
        self._check_origin(request)
        name, user = key.name, _user_id(request)
        return lambda origin: str(self._tokens.dumps(msgspec.to_builtins(Token(name, user, origin))))

    def check_key(self, request: Request) -> None:
        """Raise `Unauthenticated` unless the request has one of our keys. The request needn't name a user. Where no key
        is set, this checks as `owner` does."""
        if not self._settings.api_keys:
            self.owner(request, changes=False)
        elif self._key(_bearer(request)) is None:
            raise Unauthenticated("expected one of this server's keys as Authorization: Bearer")

    def feedback_list(self, request: Request, owner: Owner) -> str:
        """Return the name of the list that feedback of this request's owner goes to. The users for whom a server's key
        speaks have one list together, and all others who use the service have another."""
        if owner.kind != "user":
            return self._owners.hashed("feedback", "")
        bearer = _bearer(request)
        key = self._key(bearer)
        return self._owners.hashed("feedback", key.name if key else self._token(bearer).key)

    def readable_feedback(self, request: Request) -> tuple[str, str]:
        """Return the names of the lists of feedback that this request may read. Raises `Unauthenticated` unless it has
        a server's key and names no user, because a proxy may add a key to the requests of each user."""
        key = self._server_key(request)
        if key is None or "X-User-Id" in request.headers:
            raise Unauthenticated("feedback is listed for a server's key as Authorization: Bearer, without X-User-Id")
        self._check_origin(request)
        return self._owners.hashed("feedback", key.name), self._owners.hashed("feedback", "")

    def document_caller(self, request: Request, *, changes: bool) -> DocumentCaller:
        """Find who uses the knowledge base. A server's key that comes without a user may change shared collections, and
        so may whomever the host site's own function names. Raises as `owner` does."""
        user = _read_user(self._identify(request)) if self._identify else ""
        if not user and self._server_key(request) and "X-User-Id" not in request.headers:
            if changes:
                self._check_origin(request)
            return DocumentCaller(None, edits_shared=True)
        owner = self.owner(request, changes=changes)
        return DocumentCaller(owner, edits_shared=self._may_edit is not None and self._may_edit(request) is True)

    def allows_origin(self, origin: str) -> bool:
        """Tell whether pages of this other origin may call the service."""
        return origin in self._settings.origins

    def own_origins(self, request: Request) -> tuple[str, ...]:
        """Return the origins that count as this service's own for this request."""
        own = f"{request.scheme}://{request.host}"
        public = urlsplit(self._settings.public_url)
        return (own, f"{public.scheme}://{public.netloc}") if public.netloc else (own,)

    def _find_owner_by_header(self, request: Request, credential: str, *, changes: bool) -> Owner:
        """Find the owner for a token or a key in the header. Only the page that holds a token can send it. A key may
        have been added by a proxy to any request with a login's cookie, so the origin of a request with a key is
        checked."""
        key = self._key(credential)
        if key is None:
            return self._find_owner_by_token(request, credential)
        if changes:
            self._check_origin(request)
        return self._owners.key(key.name) if key.personal else self._owners.user(key.name, _user_id(request))

    def _find_owner_by_token(self, request: Request, signed: str) -> Owner:
        token = self._token(signed)
        if token.origin and not _from_origin(request, token.origin):
            raise Unauthenticated("this token is for another origin; expected a request from a page of that origin")
        return self._owners.user(token.key, token.user)

    def _server_key(self, request: Request) -> ApiKey | None:
        """Return the key of a site's server that the request has. A personal key is none."""
        key = self._key(_bearer(request))
        return None if key is None or key.personal else key

    def _key(self, secret: str) -> ApiKey | None:
        found = None
        for key in self._settings.api_keys:  # All keys are compared, so that the time this takes tells nothing.
            if hmac.compare_digest(key.secret.encode(), secret.encode()):
                found = key
        return found

    def _token(self, credential: str) -> Token:
        try:
            token = msgspec.convert(self._tokens.loads(credential, max_age=int(self._settings.token_ttl)), Token)
        except (BadData, msgspec.ValidationError):
            raise Unauthenticated(self._accepted()) from None
        if not any(key.name == token.key and not key.personal for key in self._settings.api_keys):
            raise Unauthenticated(
                "the key that this token was made with is gone; expected one that was made with a key of this server"
            )
        return token

    def _visitors_welcome(self, request: Request) -> bool:
        return self._settings.allow_anonymous or (self._loopback_visitors and _from_loopback(request))

    def _accepted(self) -> str:
        ways = ["Authorization: Bearer with a key or a token"] if self._settings.api_keys else []
        ways += ["this site's own login"] if self._identify else []
        ways = ways or ["none yet: its operator sets QA_API_KEYS or QA_ALLOW_ANONYMOUS=on"]
        return f"no valid credential; this server accepts {' or '.join(ways)}"

    def _check_origin(self, request: Request) -> None:
        origin = request.headers.get("Origin")
        if origin is not None and self.allows_origin(origin):
            return
        fetched = request.headers.get("Sec-Fetch-Site")
        if fetched is not None:
            if fetched not in ("same-origin", "none"):
                raise ForbiddenOrigin(FOREIGN_PAGE)
        elif origin is not None:
            if origin not in self.own_origins(request):
                raise ForbiddenOrigin(FOREIGN_PAGE)
        elif request.method == "GET" and _has_login_of_browser(request):
            raise ForbiddenOrigin(
                "expected Origin or Sec-Fetch-Site from a browser that sends cookies or a login with a GET that asks"
            )


def _read_user(found: object) -> str:
    """Read what `identify` returned: a user's id as text or as a whole number, or nothing, which is the empty string.

    Anything else raises `TypeError`, because it may be the same for several users: True, for example, for everybody who
    is logged in.
    """
    if found is None or found is False:
        return ""
    if found is True or not isinstance(found, str | int | UUID):
        raise TypeError(f"identify returned {type(found).__name__}; expected a user's id as text, or None for nobody")
    return str(found)


def _has_login_of_browser(request: Request) -> bool:
    """Tell whether the request has what browsers send along by themselves, whichever page makes them: cookies, or a
    name and a password that the person typed into the browser."""
    scheme = request.headers.get("Authorization", "").partition(" ")[0]
    return bool(request.cookies) or scheme.lower() not in ("", "bearer")


def _bearer(request: Request) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return _present(value) if scheme.lower() == "bearer" else ""


def _present(value: str) -> str:
    stripped = value.strip()
    return "" if stripped in ("null", "undefined") else stripped


def _user_id(request: Request) -> str:
    found = request.headers.get("X-User-Id", "")
    if not USER_ID.fullmatch(found):
        raise BadRequest(
            "X-User-Id: with a server's key, expected exactly one, of 1-128 visible ASCII characters without a comma"
        )
    return found


def _from_origin(request: Request, origin: str) -> bool:
    return request.headers.get("Origin") == origin or request.headers.get("Sec-Fetch-Site") == "same-origin"


def _from_loopback(request: Request) -> bool:
    peer: Any = request.environ.get("REMOTE_ADDR", "")
    forwarded = any(FORWARDING.fullmatch(name) for name, _ in request.headers)
    host = request.headers.get("Host", "")
    return is_loopback(peer) and not forwarded and LOOPBACK_HOST.fullmatch(host) is not None
