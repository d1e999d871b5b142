"""The present moment, and how moments are written down."""

from datetime import UTC, datetime


def now() -> str:
    """The present moment, as `written`."""
    return written(datetime.now(UTC))


def written(moment: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
