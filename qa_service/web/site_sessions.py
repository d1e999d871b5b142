"""This module notices when a worker can't read the session cookie of the host site's own login.

Flask takes such a cookie for none, so that a person who is logged in looks like a stranger. That happens where each
worker of a site makes a `secret_key` of its own: a request is then only understood by the worker that logged in.
"""

import logging
from functools import cache

from flask import Request, current_app
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature

log = logging.getLogger(__name__)

OTHER_KEY = (
    "the cookie of this site's login was signed with another secret_key than that of this worker: give app.secret_key "
    "one value for all workers, which also stays the same when the site starts again"
)


def has_unreadable_session(request: Request) -> bool:
    """Tell whether the request has a session cookie of the site that was signed with another key than this worker's.
    The first time, this is logged too. Sessions that Flask doesn't keep in a signed cookie are never unreadable."""
    sessions = current_app.session_interface
    if not isinstance(sessions, SecureCookieSessionInterface):
        return False
    cookie = request.cookies.get(sessions.get_cookie_name(current_app))
    serializer = sessions.get_signing_serializer(current_app)
    if not cookie or serializer is None:
        return False
    try:
        serializer.loads(cookie)
    except BadSignature:
        _log_once()
        return True
    return False


@cache
def _log_once() -> None:
    log.warning("%s", OTHER_KEY)
