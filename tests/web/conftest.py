"""This module has services in this process, over one real store that is emptied between tests."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any

import pytest
import redis
from flask import Flask
from msgspec.structs import replace
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from qa_service import storeroom
from qa_service.assembly import Assembly, assemble
from qa_service.knowledge.keeper import lock_indexing
from qa_service.running.settings import Pace
from qa_service.setting_values import ApiKey
from qa_service.settings import Settings
from qa_service.stores.embedded import embedded_pool, start_store
from qa_service.web.app import create_app
from qa_service.web.extension import QAService
from tests.web.house import PERSONAL_SECRET, SERVER_SECRET, House, Model, Reader

KEYS = (ApiKey("site", SERVER_SECRET, False), ApiKey("me", PERSONAL_SECRET, True))

MakeHouse = Callable[..., House]

WORKING = ("qa-keeper", "qa-indexing")
"""These threads of a service work until it is ended, whether anybody asks it or not."""
ENDED_SECONDS = 20.0
"""A step of such a thread may wait for a busy store."""


@pytest.fixture
def no_indexer(tmp_path: Path) -> Iterator[None]:
    """Hold the lock of a house's own indexer, so that none is started. Tests index by themselves."""
    lock = lock_indexing(tmp_path)
    assert lock
    with lock:
        yield


@pytest.fixture(scope="session", autouse=True)
def compile_addresses_once() -> Iterator[None]:
    """Each app compiles its addresses, which takes longer than most tests. What the first app has compiled does for all
    others, because it depends on nothing but the address and its defaults."""
    compile_rule = Rule.compile
    compiled: dict[tuple[str, str], Rule] = {}

    def compile_once(rule: Rule) -> None:
        known = compiled.setdefault((rule.rule, str(rule.defaults)), rule)
        if known is rule:
            compile_rule(rule)
            return
        for name in ("_parts", "_trace", "_converters", "arguments"):
            setattr(rule, name, getattr(known, name))
        for name in ("_build", "_build_unknown"):
            setattr(rule, name, MethodType(getattr(known, name).__func__, rule))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "compile", compile_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def wait_for_the_store() -> Iterator[None]:
    """A machine that runs all tests at once may hold up their store for longer than a server waits for its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storeroom, "STORE_SECONDS", 5.0)
        yield


@pytest.fixture(scope="module", autouse=True)
def end_all_services() -> Iterator[None]:
    """A service that a test leaves behind would take over the answers of later tests, since all have one store."""
    before = _list_workers()
    yield
    until = time.monotonic() + ENDED_SECONDS
    while (left := _list_workers() - before) and time.monotonic() < until:
        time.sleep(0.01)
    assert not left, "a test of this module left a service behind: end it with `end_service`"


def _list_workers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name in WORKING}


@pytest.fixture(scope="session")
def store_url(quick_folder: Path) -> Iterator[str]:
    data = quick_folder / "web"
    pool = embedded_pool(data, max_connections=2, timeout=1)
    yield f"unix://{start_store(data)}"
    pool.disconnect()


@pytest.fixture(scope="session")
def store_client(store_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(store_url) as client:
        yield client


@pytest.fixture
def store(store_client: redis.Redis) -> redis.Redis:
    store_client.flushall()
    return store_client


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Callable[..., Settings]:
    """Return settings with a model configured, visitors welcome and both kinds of key."""
    usual: dict[str, Any] = {
        "redis_url": store_url,
        "data": tmp_path,
        "secret": "a-secret-of-tests-0123456789",
        "openai_api_key": "sk-test",
        "openai_base_url": "http://127.0.0.1:9/v1",  # Certificates, which it takes long to load, aren't needed.
        "api_keys": KEYS,
        "allow_anonymous": True,
        "rate": (10_000, 60),
        "semantic": "off",  # Each process of a run would load the encoder, and the vocabulary too.
        "tokenizer": "off",
    }
    return lambda **changes: Settings(**{**usual, **changes})


@pytest.fixture
def make_house(store: redis.Redis, settings: Callable[..., Settings]) -> Iterator[MakeHouse]:
    """Return a function that makes apps standing alone. `app` are arguments of `create_app`, `pace` their durations,
    and all others are settings."""
    made: list[House] = []

    def make(app: dict[str, Any] | None = None, pace: Pace | None = None, **changes: Any) -> House:
        made.append(build_house(store, settings(**changes), app, pace))
        return made[-1]

    yield make
    for house in made:
        house.close()


def build_house(
    store: redis.Redis, settings: Settings, app: dict[str, Any] | None = None, pace: Pace | None = None
) -> House:
    model = Model()

    def assembled(settings: Settings) -> Assembly:
        assembly = assemble(settings, upstream=model if settings.openai_api_key else None, reader=Reader())
        return replace(assembly, pace=pace or Pace(poll=0.005))

    return House(create_app(settings, **{"assemble": assembled, **(app or {})}), model, store)


@pytest.fixture
def make_site(store: redis.Redis, settings: Callable[..., Settings]) -> Iterator[MakeHouse]:
    """Return a function that makes sites of somebody else with the service in them."""
    made: list[House] = []

    def make(
        prepare: Callable[[Flask], Any] = lambda app: None, changes: dict[str, Any] | None = None, **options: Any
    ) -> House:
        app, model = Flask("host"), Model()

        @app.get("/")
        def home() -> str:
            return "the host's home"

        @app.get("/broken")
        def broken() -> str:
            raise KeyError("the host's own")

        @app.errorhandler(404)
        def lost(error: HTTPException) -> tuple[str, int]:
            return "the host's 404", 404

        @app.errorhandler(KeyError)
        def fault(error: KeyError) -> tuple[str, int]:
            return "the host's 500", 500

        prepare(app)
        QAService(
            app,
            settings=settings(**(changes or {})),
            assemble=partial(assemble, upstream=model, reader=Reader()),
            **options,
        )
        made.append(House(app, model, store))
        return made[-1]

    yield make
    for house in made:
        house.close()


@pytest.fixture(scope="module")
def shared_houses() -> Iterator[dict[str, House]]:
    """Give the services that the tests of a module share, by their settings."""
    houses: dict[str, House] = {}
    yield houses
    for house in houses.values():
        house.close()


@pytest.fixture
def share_house(
    shared_houses: dict[str, House],
    store: redis.Redis,
    settings: Callable[..., Settings],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[MakeHouse]:
    """Return a function that gives an app standing alone, like `make_house`. To make one takes longer than most tests,
    so that the tests of a module share it, unless one leaves something running or lying about."""
    lent: set[str] = set()

    def share(app: dict[str, Any] | None = None, **changes: Any) -> House:
        lent.add(wanted := repr((app, changes)))
        if wanted not in shared_houses:
            data = tmp_path_factory.mktemp("house")
            shared_houses[wanted] = build_house(store, settings(data=data, **changes), app)
        return shared_houses[wanted]

    yield share
    for wanted in lent:
        if not shared_houses[wanted].is_as_new():
            shared_houses.pop(wanted).close()


@pytest.fixture
def house(share_house: MakeHouse) -> House:
    """Give a service with the usual settings. A test that changes its service, or is about one that nobody has asked
    yet, takes `own_house`."""
    return share_house()


@pytest.fixture
def own_house(make_house: MakeHouse) -> House:
    """Give a service with the usual settings to one test alone."""
    return make_house()
