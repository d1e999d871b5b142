"""The fields of a question that are declared are the ones that are read."""

from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from qa_service.errors import InvalidField
from qa_service.model import Owner
from qa_service.questions import build_question
from qa_service.settings import Settings
from qa_service.submission import Submission
from qa_service.web.contract.offer import read_offer
from qa_service.web.contract.question import list_question_fields
from qa_service.web.formats import choose_format
from qa_service.web.repeats import find_repeat

SETTINGS = Settings()
READ_IN_ROUTES = {"ids", "lastEventId"}
"""The routes themselves read these."""


class NotedFields(dict[str, Any]):
    """`NotedFields` are fields that note which of them somebody looks for."""

    def __init__(self, sent: dict[str, Any], noted: set[str]) -> None:
        super().__init__(sent)
        self.noted = noted

    def __contains__(self, name: object) -> bool:
        self.noted.add(str(name))
        return super().__contains__(name)

    def __getitem__(self, name: str) -> Any:
        self.noted.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.noted.add(name)
        return super().get(name, default)


def fields_read(sent: dict[str, Any]) -> set[str]:
    """Return the names of the fields that are looked for when these were sent."""
    noted: set[str] = set()
    fields = NotedFields(sent, noted)
    with suppress(InvalidField):
        owner = Owner("key", "0" * 32)
        question = build_question(Submission(fields), owner, SETTINGS, language=None, resumable=True, offline=False)
        find_repeat(replace(question), fields, "", get=False, seconds=1)
        choose_format(fields, "")
    return noted


def test_each_field_that_is_read_is_declared_and_no_other_is() -> None:
    declared = {field.name for field in list_question_fields(read_offer(SETTINGS, login=False, visitors=False))}
    read = (
        fields_read({"question": "?"})
        | fields_read({"messages": []})
        | fields_read({"question": "?", "format": "json"})
    )
    assert (read - declared, declared - read) == (set(), READ_IN_ROUTES)
