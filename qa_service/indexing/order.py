"""This module says what the command `index` is to bring, and reads it from a command line."""

from argparse import Namespace

from msgspec import Struct

from qa_service.crawling.sites import read_every
from qa_service.knowledge.documents import EVERYBODY, CollectionKey
from qa_service.links import is_web_address
from qa_service.setting_values import COLLECTION_NAME
from qa_service.settings import SettingsError

ONLY_SITES = (
    "expected only addresses of sites, since the service doesn't read files, folders and single pages again by itself: "
    "run the command again when they have changed"
)


class IndexOrder(Struct, frozen=True):
    """An `IndexOrder` says what is to be brought, and how. `sources` are paths and web addresses; a web address is that
    of a site, or of one page with `single`. `every` is the number of seconds until a site is read again, or 0."""

    sources: tuple[str, ...]
    collection: CollectionKey
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    every: float = 0.0
    single: bool = False
    name: str = ""
    """The one folder is called so, if not by its own name."""


def read_order(options: Namespace) -> IndexOrder:
    """Read the options of the command. Raises `SettingsError` for an impossible one."""
    if not COLLECTION_NAME.fullmatch(options.collection):
        raise SettingsError("--collection: expected 1-64 of A-Za-z0-9._-")
    try:
        every = read_every(options.every)
    except ValueError as error:
        raise SettingsError(f"--every: {error}") from None
    if options.name and (len(options.source) > 1 or "/" in options.name or not options.name.isprintable()):
        raise SettingsError("--name: expected the name of one folder, without /")
    if every and (options.page or not all(map(is_web_address, options.source))):
        raise SettingsError(f"--every: {ONLY_SITES}")
    return IndexOrder(
        tuple(options.source),
        CollectionKey(EVERYBODY, options.collection),
        tuple(options.include),
        tuple(options.exclude),
        every,
        options.page,
        options.name,
    )
