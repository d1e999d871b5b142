"""Sessions for a single question are known by their ids, which nobody can guess."""

from qa_service.desk import HARD_TO_GUESS
from qa_service.questions import SESSION_ID
from qa_service.single_use import is_single_use, make_single_use_id


def test_an_id_tells_what_the_session_is_and_is_made_once() -> None:
    first, second = make_single_use_id(), make_single_use_id()
    assert first != second
    assert is_single_use(first)
    assert not is_single_use(first.partition("-")[2])


def test_an_id_may_be_named_by_anybody_who_knows_it() -> None:
    assert SESSION_ID.fullmatch(make_single_use_id())
    assert len(make_single_use_id()) >= HARD_TO_GUESS
