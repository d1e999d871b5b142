"""This module says on which settings the contract depends."""

from msgspec import Struct

from qa_service.settings import Settings


class Offer(Struct, frozen=True):
    """An `Offer` is what a server offers: its limits, what may be asked of it, and how it knows its callers.

    Two servers with equal offers have the same contract, but for the address.
    """

    question: int
    files: int
    file_bytes: int
    body_bytes: int
    tokens: int
    models: tuple[str, ...]
    web_search: bool
    keys: bool
    """This says whether there are keys, and so tokens too."""
    login: bool
    """This says whether a host site tells who asks."""
    visitors: bool
    """This says whether callers without a credential may ask, at least some of them."""


def read_offer(settings: Settings, *, login: bool, visitors: bool) -> Offer:
    """Read the offer from the settings and from what the site that mounts the service has chosen."""
    return Offer(
        question=settings.max_question,
        files=settings.max_files,
        file_bytes=settings.max_file,
        body_bytes=settings.max_body,
        tokens=settings.max_tokens,
        models=tuple(dict.fromkeys((settings.model, *settings.models_allowed))),
        web_search=settings.web_search,
        keys=bool(settings.api_keys),
        login=login,
        visitors=visitors or settings.allow_anonymous,
    )
