"""A login of the host site that a worker can't read, because each worker has a key of its own."""

import logging

import pytest
from flask import Request, session
from werkzeug.test import TestResponse

from qa_service.web.site_sessions import OTHER_KEY, _log_once
from tests.web.conftest import MakeHouse
from tests.web.house import House, refusal


def logged_in(_: Request) -> str | None:
    """Name the user as the host site does, by Flask's own session."""
    return session.get("user")


def ask_who(worker: House, cookie: str) -> TestResponse:
    """Ask a worker who it takes the sender of this session cookie for."""
    client = worker.client
    if cookie:
        client.set_cookie("session", cookie)
    return client.get("/api/config")


def caller(worker: House, cookie: str) -> str:
    return str(ask_who(worker, cookie).get_json()["caller"]["kind"])


@pytest.fixture
def workers(make_house: MakeHouse) -> tuple[House, House]:
    """Return two workers of a site, of which the first one logs people in."""
    houses = tuple(make_house({"identify": logged_in}, allow_anonymous=False) for _ in range(2))
    for house, key in zip(houses, ("one", "two"), strict=True):
        house.app.secret_key = key
    _log_once.cache_clear()
    return houses[0], houses[1]


def cookie_of(worker: House) -> str:
    """Return the session cookie of a person who has logged in at this worker."""
    client = worker.client
    with client.session_transaction() as kept:
        kept["user"] = "kim"
    cookie = client.get_cookie("session")
    assert cookie
    return cookie.value


def test_worker_with_another_key_says_so(workers: tuple[House, House], caplog: pytest.LogCaptureFixture) -> None:
    first, second = workers
    person = cookie_of(first)
    assert caller(first, person) == "site"
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert refusal(ask_who(second, person), 401, "unauthenticated")["detail"] == OTHER_KEY
    assert [record.getMessage() for record in caplog.records].count(OTHER_KEY) == 1


def test_workers_with_one_key_know_the_person(workers: tuple[House, House]) -> None:
    first, second = workers
    second.app.secret_key = first.app.secret_key
    assert caller(second, cookie_of(first)) == "site"


def test_key_that_was_changed_while_the_old_one_is_kept_is_good(workers: tuple[House, House]) -> None:
    first, second = workers
    second.app.config["SECRET_KEY_FALLBACKS"] = [first.app.secret_key]
    assert caller(second, cookie_of(first)) == "site"


def test_nobody_who_is_not_logged_in_hears_of_it(workers: tuple[House, House]) -> None:
    assert "site's own login" in refusal(ask_who(workers[1], ""), 401, "unauthenticated")["detail"]


def test_visitor_with_an_old_cookie_is_still_welcome(make_house: MakeHouse) -> None:
    house = make_house({"identify": logged_in}, allow_anonymous=True)
    house.app.secret_key = "two"
    assert caller(house, "eyJ1c2VyIjoia2ltIn0.signed.before") == "anonymous"
