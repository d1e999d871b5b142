"""This module tells which sessions are made for a single question.

A client that sends its whole conversation with every question, and names no session, expects that nothing is kept. Its
question gets a session whose id nobody can guess. Such a session stands in no list, and expires with the frames of its
answer. Until then the answer can be read again or stopped, and its citations can be opened. The id itself tells what
the session is, so that every worker knows it.
"""

import secrets

_PREFIX = "single-"


def make_single_use_id() -> str:
    """Make the id of a session for a single question."""
    return _PREFIX + secrets.token_hex(16)


def is_single_use(session_id: str) -> bool:
    """Tell whether this is the id of a session for a single question."""
    return session_id.startswith(_PREFIX)
