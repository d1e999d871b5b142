"""This module has the Flask extension, which mounts the service under a prefix of any app."""

from collections.abc import Callable
from typing import TypeAlias

from flask import Blueprint, Flask, Request

from qa_service.assembly import Assembly, assemble
from qa_service.settings import Settings, from_config
from qa_service.web import (
    agui,
    answers,
    asking,
    chat,
    completions,
    documents,
    feedback,
    health,
    images,
    mcp,
    page,
    pictures,
    probe,
    publishing,
    responses,
    sessions,
    sites,
)
from qa_service.web.addresses import ANY_REST, AnyRest, refuse_other_addresses
from qa_service.web.bodies import BodyBounds
from qa_service.web.forms import Limits
from qa_service.web.identity import Gate, Owners
from qa_service.web.mounting import Mounted, mount
from qa_service.web.origins import install_origins
from qa_service.web.reception import open_reception
from qa_service.web.refusals import install_refusals
from qa_service.web.uploads import UploadLimits
from qa_service.wire.error_formats import OPENAI_ERROR, PROBLEM

_PAGE = "/page"

Identify: TypeAlias = Callable[[Request], str | None]
"""Such a function returns the id of the user who sends the request, or None where it is nobody's."""
MayEdit: TypeAlias = Callable[[Request], bool]
"""Such a function tells whether the sender of the request may change shared collections."""


class QAService:
    """A `QAService` mounts the service in an existing site.

        QAService(app, url_prefix="/api", identify=lambda request: current_user.get_id())

    `identify` tells who is asking, by the site's own login: it returns a user's id, or None for nobody. `may_edit`
    returns True for a request that may change the shared collections of the knowledge base. Without `settings`, the
    settings are read from `app.config` and the environment. `page=True` shows the page at `/page` below the prefix,
    and a path instead of `True` shows it at that path of the site. `assemble` may put other parts together. The
    extension keeps nothing of an app, so one extension serves any number of apps.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of the host's
        self,
        app: Flask | None = None,
        *,
        url_prefix: str = "",
        identify: Identify | None = None,
        may_edit: MayEdit | None = None,
        settings: Settings | None = None,
        assemble: Callable[[Settings], Assembly] = assemble,
        page: bool | str = False,
        loopback_visitors: bool = False,
    ) -> None:
        self._url_prefix = url_prefix
        self._identify = identify
        self._may_edit = may_edit
        self._settings = settings
        self._assemble = assemble
        self._page = page
        self._loopback_visitors = loopback_visitors
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Register the routes. Raises `SettingsError` for a setting with an impossible value."""
        settings = self._settings or from_config(app.config)
        assembly = self._assemble(settings)
        gate = Gate(
            settings,
            Owners(assembly.secret),
            identify=self._identify,
            may_edit=self._may_edit,
            loopback_visitors=self._loopback_visitors,
        )
        reception = open_reception(settings.max_answers, settings.max_body)
        bounds = BodyBounds(settings.max_body, settings.body_seconds, reception)
        uploads = UploadLimits(settings.max_file, settings.max_files, assembly.uploads)
        limits = Limits(bounds, uploads)
        prefix = self._url_prefix or settings.prefix
        mount(app, Mounted(assembly, gate, limits, prefix))
        app.url_map.converters.setdefault(ANY_REST, AnyRest)
        app.register_blueprint(_blueprint(gate, assembly), url_prefix=prefix)
        if self._page:
            page.add_page(app, prefix + _PAGE if self._page is True else self._page)


def _blueprint(gate: Gate, assembly: Assembly) -> Blueprint:
    blueprint = Blueprint("qa_service", __name__)
    install_refusals(blueprint, PROBLEM)
    install_origins(blueprint, gate)
    for module in (
        asking,
        answers,
        chat,
        agui,
        feedback,
        pictures,
        sessions,
        documents,
        sites,
        mcp,
        health,
        probe,
        publishing,
        page,
    ):
        module.install(blueprint)

    _add_v1(blueprint)
    _add_images(blueprint)

    # The threads aren't started sooner, because a host may fork after it has mounted the service, and a fork has none
    # of its parent's threads.
    blueprint.before_request(assembly.runner.ensure_threads)
    if assembly.knowledge:
        blueprint.before_request(assembly.knowledge.keeper.ensure_running)
    refuse_other_addresses(blueprint)
    return blueprint


def _add_v1(blueprint: Blueprint) -> None:
    """Add the routes that clients of OpenAI's APIs know. They have a blueprint of their own, since they refuse requests
    in their own way."""
    inner = Blueprint("v1", __name__)
    install_refusals(inner, OPENAI_ERROR)
    for module in (completions, responses):
        module.install(inner)
    refuse_other_addresses(inner)
    blueprint.register_blueprint(inner, url_prefix="/v1")


def _add_images(blueprint: Blueprint) -> None:
    """Add the route of pictures. It has a blueprint of its own, since it refuses requests in its own way."""
    inner = Blueprint("images", __name__)
    install_refusals(inner, images.IMAGE_ERROR)
    images.install(inner)
    blueprint.register_blueprint(inner)
