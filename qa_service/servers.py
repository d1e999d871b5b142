"""This module makes the upstreams that ask models: which servers are asked, by which protocol, and how patiently.

It imports the OpenAI SDK, which takes a third of a second and 23 MB. A service without a model never
imports this module.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from qa_service.interfaces import Meter, Upstream
from qa_service.settings import Settings, SettingsError
from qa_service.upstream.chat import chat_protocol
from qa_service.upstream.clients import compatible_client, openai_client
from qa_service.upstream.connection import Patience
from qa_service.upstream.drawing import drawing_protocol
from qa_service.upstream.models import ModelUpstream
from qa_service.upstream.protocol import VendorProtocol
from qa_service.upstream.responses import responses_protocol


def make_upstream(settings: Settings, meter: Meter, *, spool: Path) -> Upstream:
    """Make the upstream that answers questions. Pictures that a model draws come into files in the folder `spool`."""
    return _ask_servers(settings, _describe_servers(settings, spool), meter, fallback=settings.models_fallback)


def make_drawing_upstream(settings: Settings, meter: Meter, *, spool: Path) -> Upstream:
    """Make the upstream that draws pictures to order."""
    protocol = drawing_protocol(
        openai_client(**_openai_account(settings)),
        size=settings.image_size,
        quality=settings.image_quality,
        spool=str(spool),
    )
    return _ask_servers(settings, {"responses": protocol}, meter)


def _ask_servers(
    settings: Settings, servers: Mapping[str, VendorProtocol], meter: Meter, *, fallback: Sequence[str] = ()
) -> ModelUpstream:
    return ModelUpstream(
        servers,
        patience=Patience(
            connect=settings.connect_seconds, first_token=settings.first_token_seconds, idle=settings.idle_seconds
        ),
        tries=settings.tries,
        fallback=fallback,
        meter=meter,
    )


def _describe_servers(settings: Settings, spool: Path) -> dict[str, VendorProtocol]:
    """Describe the servers whose models are asked, by the names that stand before models. The one that is asked first
    stands first."""
    known = {
        "responses": ("OPENAI_API_KEY", settings.openai_api_key, _responses),
        "chat": ("QA_CHAT_BASE_URL", settings.chat_base_url, _chat),
    }
    fallback = [(name.partition(":")[0], "QA_MODELS_FALLBACK") for name in settings.models_fallback if ":" in name]
    for name, where in [(settings.first_upstream, "QA_UPSTREAM"), *fallback]:
        if name in known and not known[name][1]:
            raise SettingsError(f"{where}: {name} needs {known[name][0]}")
    ordered = sorted(known.items(), key=lambda item: item[0] != settings.first_upstream)
    return {name: describe(settings, spool) for name, (_, needed, describe) in ordered if needed}


def _openai_account(settings: Settings) -> dict[str, str]:
    return {
        "api_key": settings.openai_api_key,
        "base_url": settings.openai_base_url,
        "organization": settings.openai_org_id,
        "project": settings.openai_project_id,
    }


def _responses(settings: Settings, spool: Path) -> VendorProtocol:
    return responses_protocol(
        openai_client(**_openai_account(settings)),
        search_context=settings.web_search_context,
        background=settings.background,
        draws=settings.answer_images,
        spool=str(spool),
    )


def _chat(settings: Settings, _: Path) -> VendorProtocol:
    client = compatible_client(api_key=settings.chat_api_key, base_url=settings.chat_base_url)
    return chat_protocol(client, search_context=settings.web_search_context)
