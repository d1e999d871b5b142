"""This module keeps the websites that are read, in the database of the knowledge base."""

import secrets
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from qa_service.clock import format_moment, now
from qa_service.crawling.addresses import normalize_address
from qa_service.crawling.rules import CrawlRules
from qa_service.errors import InvalidField, NotFound
from qa_service.knowledge.connections import DatabaseConnection, DatabaseRow
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import RECORD_ID, CollectionKey
from qa_service.knowledge.library import ensure_collection
from qa_service.setting_values import read_seconds

SiteStatus: TypeAlias = Literal["queued", "reading", "ready", "failed"]

SITE_LEASE_SECONDS = 120.0
"""A worker that reads a site holds it for this long, and renews the lease well before that. If it dies, another one
goes on."""
_RETRY_SECONDS = 3600.0
"""A site that failed is read again after this many seconds, if it is to be read again at all."""
LEAST_EVERY = 600
"""A site is read at most every ten minutes."""
_NO_SITE = "no such site"
_DUE = "lease < now() and (is_leaving or status = 'reading' or next_read <= now())"
_HELD = "id = :site and holder = :holder"
# The columns come in the order of the fields of a `KnowledgeSite`.
_FROM_SITE = """select s.id, c.owner, c.name, s.url, s.include, s.exclude, s.every, s.round, s.status, s.reason,
    s.created, s.last_read, s.next_read, s.holder,
    count(p.document), count(*) filter (where p.state = 'failed'), count(p.site),
    count(*) filter (where p.round >= s.round)
    from site s join collection c on c.id = s.collection left join site_page p on p.site = s.id"""
_GROUPED = "group by s.id, c.owner, c.name"
_ONE_SITE = f"{_FROM_SITE} where s.id = :site {_GROUPED}"


class NewSite(Struct, frozen=True):
    """A `NewSite` is a website as somebody brings it. `every` is the number of seconds between two rounds, or 0 for a
    site that is read once."""

    collection: CollectionKey
    url: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    every: float = 0.0


class KnowledgeSite(Struct, frozen=True):
    """A `KnowledgeSite` is a website as it is listed."""

    site_id: str
    collection: CollectionKey
    url: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    every: float
    round: int
    status: SiteStatus
    reason: str | None
    created_at: str
    last_read_at: str | None
    next_read_at: str | None
    holder: str = ""
    """Whoever has claimed the site last is known by this."""
    pages: int = 0
    """This many pages have a document."""
    failed: int = 0
    """This many pages couldn't be read the last time."""
    found: int = 0
    """This many addresses are known."""
    done: int = 0
    """This many of them have been read in the present round, or in the last one."""

    @property
    def is_due(self) -> bool:
        """Tell whether the site is being read, or will be at once."""
        return self.status in ("queued", "reading") or bool(self.next_read_at and self.next_read_at <= now())

    @property
    def rules(self) -> CrawlRules:
        """Return what is read of the site."""
        return CrawlRules(self.url, self.include, self.exclude)


class Sites:
    """A `Sites` has the websites of a knowledge base. Every method raises `StoreUnavailable` where the knowledge base
    doesn't answer."""

    def __init__(self, database: Database, *, lease_seconds: float = SITE_LEASE_SECONDS) -> None:
        self._database = database
        self._lease = f"{lease_seconds} seconds"

    def add_site(self, new: NewSite) -> KnowledgeSite:
        """Let a site be read as soon as possible. A site with the same address in the same collection takes the new
        patterns, and is read again. Raises `InvalidField` where the address is none."""
        url = normalize_address(new.url)
        if not url:
            raise InvalidField("url: expected the http or https address of a site", field="url")
        with self._database.transaction() as connection:
            rows = connection.run(
                "insert into site (id, collection, url, include, exclude, every, status) values (:site, "
                ":collection::int, :url, :include::text[], :exclude::text[], :every::float8, 'queued') "
                "on conflict (collection, url) do update set include = excluded.include, exclude = excluded.exclude, "
                "every = excluded.every, next_read = now(), is_leaving = false, reason = null, "
                "status = case when site.status = 'reading' then 'reading' else 'queued' end returning id",
                site=secrets.token_hex(16),
                collection=ensure_collection(connection, new.collection),
                url=url,
                include=list(new.include),
                exclude=list(new.exclude),
                every=new.every,
            )
            return _load_site(connection, rows[0][0])

    def list_sites(self, owners: Collection[str]) -> Sequence[KnowledgeSite]:
        """List the sites of these owners, oldest first."""
        rows = self._database.read(
            f"{_FROM_SITE} where c.owner = any(:owners::text[]) and not s.is_leaving {_GROUPED} "
            "order by s.created, s.id",
            owners=list(owners),
        )
        return [_read_site(row) for row in rows]

    def load_site(self, site_id: str) -> KnowledgeSite | None:
        """Return a site, or None where there is none with this id, whoever owns it."""
        rows = self._database.read(_ONE_SITE, site=site_id)
        return _read_site(rows[0]) if rows else None

    def drop_site(self, site_id: str, owners: Collection[str]) -> None:
        """Let a site be forgotten with its documents. It is listed no more, and whoever reads sites removes what was
        read of it. Raises `NotFound`."""
        if not RECORD_ID.fullmatch(site_id):
            raise NotFound(_NO_SITE)
        with self._database.transaction() as connection:
            found = connection.run(
                "update site s set is_leaving = true from collection c where c.id = s.collection "
                "and s.id = :site and c.owner = any(:owners::text[]) and not s.is_leaving returning s.id",
                site=site_id,
                owners=list(owners),
            )
        if not found:
            raise NotFound(_NO_SITE)

    def has_due(self) -> bool:
        """Tell whether a site waits for somebody to read or to forget it."""
        found = self._database.read(f"select exists (select from site where {_DUE})")
        return bool(found and found[0][0])

    def claim_site(self) -> tuple[KnowledgeSite, bool] | None:
        """Return the site that is due and whether it is to be forgotten, or None where none is due. Nobody else gets it
        while the lease lasts. A round that was interrupted goes on, and otherwise a new one begins."""
        if not self._database.has_tables():
            return None
        with self._database.transaction() as connection:
            rows = connection.run(
                "update site set lease = now() + :lease::interval, holder = :holder, status = 'reading', "
                "round = round + case when status = 'reading' then 0 else 1 end, "
                "next_read = case when status = 'reading' then next_read end "
                f"where id = (select id from site where {_DUE} "
                "order by is_leaving desc, next_read limit 1 for update skip locked) returning id, is_leaving",
                lease=self._lease,
                holder=secrets.token_hex(8),
            )
            return (_load_site(connection, rows[0][0]), bool(rows[0][1])) if rows else None

    def renew_lease(self, site: KnowledgeSite) -> bool:
        """Hold the site for longer, and return whether it may be read on: whether it isn't to be forgotten, and nobody
        else has claimed it because the lease was over."""
        with self._database.transaction() as connection:
            held = connection.run(
                f"update site set lease = now() + :lease::interval where {_HELD} and not is_leaving returning id",
                lease=self._lease,
                site=site.site_id,
                holder=site.holder,
            )
        return bool(held)

    def release_site(self, site: KnowledgeSite) -> None:
        """Let another worker go on with the round at once."""
        with self._database.transaction() as connection:
            connection.run(f"update site set lease = '-infinity' where {_HELD}", site=site.site_id, holder=site.holder)

    def finish_round(self, site: KnowledgeSite, failure: str = "") -> None:
        """End the round, if it is still held, and say when the next one begins: at once, if somebody has brought the
        site again meanwhile. `failure` says why the site couldn't be read."""
        wait = min(site.every, _RETRY_SECONDS) if failure else site.every
        with self._database.transaction() as connection:
            connection.run(
                "update site set status = :status, reason = nullif(:failure, ''), lease = '-infinity', "
                "last_read = now(), next_read = coalesce(next_read, case when :wait::float8 > 0 "
                "then now() + make_interval(secs => :wait::float8) end) "
                f"where {_HELD}",
                status="failed" if failure else "ready",
                failure=failure[:500],
                wait=wait,
                site=site.site_id,
                holder=site.holder,
            )

    def forget_site(self, site: KnowledgeSite) -> None:
        """Delete what is remembered of a site whose documents are gone."""
        with self._database.transaction() as connection:
            connection.run("delete from site where id = :site and is_leaving", site=site.site_id)


def read_every(text: str) -> float:
    """Read the time between two rounds, in seconds or as `12h`. Raises `ValueError` where it is too short."""
    every = read_seconds(text)
    if 0 < every < LEAST_EVERY:
        raise ValueError(f"expected 0, or at least {LEAST_EVERY} seconds")
    return every


def _load_site(connection: DatabaseConnection, site_id: str) -> KnowledgeSite:
    return _read_site(connection.run(_ONE_SITE, site=site_id)[0])


def _read_site(row: DatabaseRow) -> KnowledgeSite:
    site_id, owner, name, url, include, exclude, *rest = row
    told: Iterator[Any] = (format_moment(one) if isinstance(one, datetime) else one for one in rest)
    return KnowledgeSite(site_id, CollectionKey(owner, name), url, tuple(include), tuple(exclude), *told)
