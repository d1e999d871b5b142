"""One worker writes lines of pictures and another one reads them, over every kind of Redis."""

import pytest
from redis import Redis

from qa_service.interfaces import DrawingPlace, LineNews
from qa_service.stores.drawn_lines import CLAIM_SECONDS, KEPT_SECONDS, RedisDrawnLines
from qa_service.stores.guard import StoreGuard
from tests.fakes import ANN, BEN

FIRST, SECOND = DrawingPlace(ANN, "cat", "first"), DrawingPlace(ANN, "cat", "second")
PIECE = LineNews((b"\xff\n",))


@pytest.fixture
def lines(client: Redis) -> RedisDrawnLines:
    """Return the lines of a drawing that was just begun."""
    lines = RedisDrawnLines(client, StoreGuard())
    assert lines.claim_drawing(FIRST) == "first"
    return lines


def test_a_request_that_is_drawn_is_joined_and_another_callers_is_not(lines: RedisDrawnLines) -> None:
    assert lines.claim_drawing(FIRST) == "first"
    assert lines.claim_drawing(SECOND) == "first"
    assert lines.claim_drawing(DrawingPlace(BEN, "cat", "second")) == "second"
    assert lines.claim_drawing(DrawingPlace(ANN, "dog", "second")) == "second"


def test_the_writer_learns_of_a_reader(lines: RedisDrawnLines) -> None:
    assert not lines.share_lines(FIRST, LineNews())
    lines.claim_drawing(SECOND)
    assert lines.share_lines(FIRST, LineNews())


def test_pieces_are_read_in_order_each_once_and_with_their_end(lines: RedisDrawnLines) -> None:
    lines.read_lines(FIRST, "")
    for number in range(20):
        lines.share_lines(FIRST, LineNews((b"%d" % number,)))
    assert not lines.share_lines(FIRST, LineNews(is_all=True, end="whole"))
    read, after = [], ""
    while not (found := lines.read_lines(FIRST, after)).end:
        read += found.pieces
        after = found.last
    assert [*read, *found.pieces] == [b"%d" % number for number in range(20)]
    assert found.end == "whole"


def test_nothing_ends_while_a_reader_lacks_pieces(lines: RedisDrawnLines) -> None:
    lines.claim_drawing(SECOND)
    assert lines.share_lines(FIRST, LineNews(end="whole"))
    assert lines.claim_drawing(SECOND) == "first"
    assert not lines.read_lines(FIRST, "").end


def test_the_end_frees_the_request(lines: RedisDrawnLines) -> None:
    assert not lines.share_lines(FIRST, LineNews(end="cut"))
    assert lines.claim_drawing(SECOND) == "second"
    assert not lines.read_lines(FIRST, "").is_claimed


def test_who_has_lost_the_claim_shares_nothing(lines: RedisDrawnLines) -> None:
    lines.share_lines(FIRST, LineNews(end="cut"))
    lines.claim_drawing(SECOND)
    lines.read_lines(FIRST, "")
    assert not lines.share_lines(FIRST, PIECE)
    assert lines.read_lines(FIRST, "").pieces == []


def test_all_keys_expire(lines: RedisDrawnLines, client: Redis) -> None:
    lines.read_lines(FIRST, "")
    lines.share_lines(FIRST, PIECE)
    kept = {key.decode().split("}:")[1]: client.ttl(key) for key in client.keys("*cat*")}
    assert kept["drawing"] <= CLAIM_SECONDS
    assert 0 < kept["lines:first"] <= KEPT_SECONDS
    assert min(kept.values()) > 0
