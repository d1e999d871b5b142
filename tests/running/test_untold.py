"""Stops that others couldn't be told of, because the store was away, are told when it is back."""

import pytest

from qa_service.errors import StoreUnavailable
from qa_service.running.untold import UntoldStops


class Workers:
    """A `Workers` is told of stops. It may be away."""

    def __init__(self) -> None:
        self.away = False
        self.told: list[str] = []

    def announce_stop(self, answer_id: str) -> None:
        if self.away:
            raise StoreUnavailable
        self.told.append(answer_id)


def test_what_could_not_be_told_is_told_once_the_store_is_back() -> None:
    workers = Workers()
    untold = UntoldStops(workers.announce_stop)
    workers.away = True
    for answer_id in ("one", "two"):
        with pytest.raises(StoreUnavailable):
            untold.tell(answer_id)
    with pytest.raises(StoreUnavailable):
        untold.tell_all()
    workers.away = False
    untold.tell_all()
    untold.tell_all()
    assert sorted(workers.told) == ["one", "two"]


def test_what_could_be_told_is_not_told_again() -> None:
    workers = Workers()
    untold = UntoldStops(workers.announce_stop)
    untold.tell("one")
    untold.tell_all()
    assert workers.told == ["one"]
