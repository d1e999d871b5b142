"""This module describes the routes of `web/sites.py` and `web/mcp.py`: the websites of the knowledge base, and the
server for agents."""

from http import HTTPStatus

from qa_service import errors
from qa_service.crawling.sites import LEAST_EVERY
from qa_service.web.contract.documents import COLLECTION
from qa_service.web.contract.operations import Operation, ResultShape, build_plain_body, json_result
from qa_service.web.contract.question import describe_value
from qa_service.web.contract.refusals import STORED
from qa_service.web.contract.sessions import GONE
from qa_service.web.documents import ADDRESS
from qa_service.web.sites import LONGEST_PATTERN, MOST_PATTERNS
from qa_service.wire.site_objects import SiteListObject, SiteObject

_READ = (
    "All pages of the site are read that its sitemap or its links lead to, with the files that they link to, no faster "
    "than one a second and as its robots.txt allows. Only public addresses of that site are read. A page that is gone "
    "is removed, and a page that fails keeps what was read of it. A site that is sent again takes the new patterns and "
    "is read again at once."
)
PATTERN = {"type": "string", "maxLength": LONGEST_PATTERN}
PATTERNS = {"type": "array", "maxItems": MOST_PATTERNS, "items": PATTERN}
INCLUDED = (
    "Only pages are kept whose path fits one of these patterns, such as `/docs/*`. In a form they stand one a line."
)
EXCLUDED = "No page is read whose path fits one of these patterns."
EVERY = "The site is read again after this time, in seconds or as `12h` or `7d`. Without it, the site is read once."
MOST_EVERY = 366 * 86_400
_DURATION = {"type": "string", "pattern": "^([1-9][0-9]{1,4}m|[1-9][0-9]{0,3}h|[1-9][0-9]{0,2}d)$"}
SITE = {
    "type": "object",
    "properties": {
        "url": {
            "type": "string",
            "format": "uri",
            "maxLength": ADDRESS,
            "pattern": "^https?://",
            "description": "The address of a sitemap, or of the page at which the site begins.",
        },
        "include": {**PATTERNS, "description": INCLUDED},
        "exclude": {**PATTERNS, "description": EXCLUDED},
        "every": {
            "anyOf": [{"type": "integer", "minimum": LEAST_EVERY, "maximum": MOST_EVERY}, _DURATION],
            "description": EVERY,
        },
        "collection": describe_value(COLLECTION),
    },
    "required": ["url"],
}
MESSAGE = {
    "type": "object",
    "properties": {
        "jsonrpc": {"enum": ["2.0"]},
        "id": {"type": ["string", "integer"], "description": "The answer has the same id. A notification has none."},
        "method": {"enum": ["initialize", "ping", "tools/list", "tools/call", "server/discover"]},
        "params": {"type": "object", "description": "What the method takes."},
    },
    "required": ["jsonrpc", "method"],
}
AGENT_NOTE = (
    "The Model Context Protocol over streamable HTTP, for agents that search the knowledge base by themselves. There "
    "are two tools, which change nothing: `search` finds passages, and `read_page` gives a page. All answers are JSON, "
    "and nothing is kept between two messages."
)
_ANSWER = {"application/json": {"type": ["object", "array"]}}
FAILED = "The message is wrong, as its JSON-RPC error says."
FAILURES = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
SITES: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/sites",
        name="addSite",
        tag="documents",
        summary="Read a website into the knowledge base",
        description=_READ,
        access="operator",
        body=build_plain_body(SITE),
        results=(json_result(SiteObject, "The site waits to be read.", status=HTTPStatus.ACCEPTED),),
        refusals=(errors.InvalidField, errors.StoreUnavailable),
    ),
    Operation(
        path="/sites",
        name="listSites",
        tag="documents",
        summary="List the websites whose pages the caller can search",
        results=(json_result(SiteListObject, "The sites."),),
        refusals=(errors.StoreUnavailable,),
    ),
    Operation(
        method="DELETE",
        path="/sites/{siteId}",
        name="deleteSite",
        tag="documents",
        summary="Forget a website with all that was read of it",
        access="operator",
        results=(GONE,),
        refusals=STORED,
    ),
    Operation(
        method="POST",
        path="/mcp",
        name="callAgentTools",
        tag="documents",
        summary="Search the knowledge base as the Model Context Protocol does",
        description=AGENT_NOTE,
        body={"application/json": MESSAGE},
        results=(
            ResultShape(description="The answer to the message.", content=_ANSWER),
            ResultShape(status=HTTPStatus.ACCEPTED, description="The message needs no answer."),
            *(ResultShape(status=status, description=FAILED, content=_ANSWER) for status in FAILURES),
        ),
    ),
)
"""These operations read websites into the knowledge base, and let agents search it."""
