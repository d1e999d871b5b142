"""This module makes an app that has the service and its page, and nothing else."""

import logging
from collections.abc import Callable

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from qa_service.assembly import Assembly, assemble
from qa_service.errors import QAError
from qa_service.settings import Settings, from_environment
from qa_service.web.extension import Identify, MayEdit, QAService
from qa_service.web.page import add_guards
from qa_service.web.publishing import show_reference
from qa_service.web.refusals import read_error, refuse_error

log = logging.getLogger(__name__)


def create_app(
    settings: Settings | None = None,
    *,
    identify: Identify | None = None,
    may_edit: MayEdit | None = None,
    assemble: Callable[[Settings], Assembly] = assemble,
    loopback_visitors: bool = False,
) -> Flask:
    """Make an app for any WSGI server. Without `settings` it reads `.env` and the environment.

    `loopback_visitors` lets people at this machine ask without a credential; only `qa-service serve` sets it.
    """
    settings = settings or from_environment()
    app = Flask("qa_service", static_folder=None)
    QAService(
        app,
        settings=settings,
        identify=identify,
        may_edit=may_edit,
        assemble=assemble,
        page="/",
        loopback_visitors=loopback_visitors,
    )
    if not (settings.api_keys or settings.allow_anonymous or identify or loopback_visitors):
        log.warning("nobody can ask yet: set QA_API_KEYS, or QA_ALLOW_ANONYMOUS=on for visitors without a credential")
    app.add_url_rule("/docs", "reference", show_reference)
    app.after_request(add_guards)
    app.register_error_handler(QAError, refuse_error)
    app.register_error_handler(HTTPException, lambda error: refuse_error(read_error(error)))
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)  # type: ignore[method-assign]
    return app
