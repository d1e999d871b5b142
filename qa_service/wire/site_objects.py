"""This module declares the websites of the knowledge base as they leave the service."""

from typing import Literal

from qa_service.wire.structs import Outgoing


class SiteObject(Outgoing, frozen=True, kw_only=True):
    """This is a website that is read into the knowledge base. Its pages and the files that they link to are documents,
    which are named after their addresses."""

    site_id: str
    url: str
    collection: str
    shared: bool
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    every: float
    status: Literal["queued", "reading", "ready", "failed"]
    reason: str | None = None
    pages: int
    failed: int
    found: int
    created_at: str
    last_read_at: str | None = None
    next_read_at: str | None = None


class SiteListObject(Outgoing, frozen=True, kw_only=True):
    """These are websites, oldest first."""

    items: tuple[SiteObject, ...]


SITE_OBJECTS = (SiteListObject, SiteObject)
