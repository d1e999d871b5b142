"""This module has the table of all operations. A new route needs an `Operation` in the module of its kind, or a new
module here."""

from msgspec.structs import replace

from qa_service.web.contract.agents import describe_agents
from qa_service.web.contract.answers import ANSWERS
from qa_service.web.contract.asking import describe_asking
from qa_service.web.contract.chat import describe_chats
from qa_service.web.contract.documents import describe_documents
from qa_service.web.contract.images import describe_images
from qa_service.web.contract.offer import Offer
from qa_service.web.contract.openai import describe_completions, describe_responses
from qa_service.web.contract.operations import Operation
from qa_service.web.contract.service import CLIENTS, CONTRACT, PROBE, STATE
from qa_service.web.contract.sessions import CONVERSATIONS, FILES
from qa_service.web.contract.sites import SITES
from qa_service.wire.error_formats import OPENAI_ERROR


def list_operations(offer: Offer) -> tuple[Operation, ...]:
    """List the operations of a server with this offer, in the order in which people read of them."""
    asking = (
        *describe_asking(offer),
        *describe_images(offer),
        *describe_agents(offer),
        *ANSWERS,
        *CONVERSATIONS,
        *FILES,
        *describe_documents(offer),
        *SITES,
    )
    openai = [
        replace(operation, error_format=OPENAI_ERROR)
        for operation in (*describe_completions(offer), *describe_responses(offer))
    ]
    return (*asking, *describe_chats(offer), *openai, *CLIENTS, *PROBE, *STATE, *CONTRACT)
