"""This module tells the present moment, and writes moments down."""

from datetime import UTC, datetime


def now() -> str:
    """The present moment, in the form that `written` gives."""
    return written(datetime.now(UTC))


def written(moment: datetime) -> str:
    """The moment as text: RFC 3339, in UTC and to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
