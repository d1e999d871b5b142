"""These tests show what `Arrivals` promises, over every Redis."""

from qa_service.interfaces import Arrival
from tests.fakes import ANN, BEN
from tests.stores.talking import QUESTIONS, Stores, converse


def test_a_question_is_taken_and_its_session_loaded(stores: Stores) -> None:
    converse(stores, 2)
    assert stores.arrivals.receive_question(ANN, "s") == Arrival(0, stores.sessions.load_session(ANN, "s"))
    assert stores.arrivals.receive_question(ANN, "unknown") == Arrival(0, None)


def test_who_has_none_left_is_told_to_wait(stores: Stores) -> None:
    waits = [stores.arrivals.receive_question(ANN, "s").wait for _ in range(QUESTIONS + 1)]
    assert waits[:QUESTIONS] == [0] * QUESTIONS
    assert 0 < waits[QUESTIONS] <= 2
    assert stores.arrivals.receive_question(BEN, "s").wait == 0
