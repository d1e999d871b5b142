"""This module tells the present moment, and writes moments down and reads them."""

from datetime import UTC, datetime


def now() -> str:
    """Return the present moment, in the form that `format_moment` gives."""
    return format_moment(datetime.now(UTC))


def format_moment(moment: datetime) -> str:
    """Write the moment down as RFC 3339 has it, in UTC and to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unix_seconds(moment: str) -> int:
    """Return a moment that `format_moment` has written down as whole seconds since 1970."""
    return int(datetime.fromisoformat(moment).timestamp())
