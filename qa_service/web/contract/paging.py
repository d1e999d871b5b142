"""This module declares the fields by which a request says which part of a list it wants."""

from qa_service.web.contract.operations import InputField
from qa_service.web.paging import LIMIT, MOST_LISTED

CURSOR_NOTE = "The value that `next` had. Without it the list begins with the newest."
TIME_CURSOR = InputField("cursor", {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,9})?$"}, CURSOR_NOTE)
PAGED = InputField(
    "limit", {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": LIMIT}, "How many are listed."
)
