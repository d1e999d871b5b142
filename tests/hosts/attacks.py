"""This module has what pages of other sites and dishonest callers try at a host, and get nothing by.

A test class inherits from `LoginAttacks` for a host that says by its own login who asks, or from `TokenAttacks` for one
that passes on the visitor's own credential.
"""

from urllib.parse import urlsplit

import pytest

from tests.hosts.host import KEY, Host
from tests.live.foreign import FOREIGN, OWN, ask_from
from tests.live.processes import Service
from tests.live.proxies import NOBODY
from tests.live.reading import request
from tests.scripted_upstream import ScriptedUpstream

REFUSED = {401, 403, 404, 405}
VICTIM = "victim"
NAMED = [{"X-User-Id": VICTIM}, {"x-user-id": VICTIM}, {"X-User-Id": VICTIM, "Authorization": f"Bearer {KEY}"}]
SPELLINGS = [
    "{}",
    "{}/",
    "{}//",
    "{}%2f",
    "/{}/",
    "%2F{}",
    "./{}/",
    "x/../{}/",
    "{}/?a=1",
    "%2e/{}",
    "config/../{}",
    "{}#x",
    "..;/{}",
    "x;/..;/{}",
    "x%2f..%2f{}",
    "%2e%2e/api/{}",
    "%252e%252e/api/{}",
    "%5c{}",
    "{}%5c",
    "{}%23x",
    "{}%3fx",
    "{};x",
    "{}%00",
    "{}%0a",
    "{}%09",
    "{}/%2e",
    "{}/x/..",
    "{}/%ff/..",
    "%74okens/%ff/%2e%2e",
]
ADDRESSES = [
    "/api/ask?question=secret",
    "/api/ask%3Fquestion=secret",
    "/api/ask%3Fquestion=a/sessions/secret",
    "/api/ask/secret",
    "/api/Sessions/secret/files/secret/pages/1",
    "/api/answers/secret/stream",
    "/api/answers/secret%3Fafter=1/2",
    "/api/%61nswers/secret",
]
"""Each of them has something that no log may hold: a question, or an id that opens a conversation."""


EVERYBODYS = ["/ask?question=hi", "/ask//?question=hi", "/images?prompt=hi", "/images/?prompt=hi", "/probe?seconds=0"]
"""What a picture of another site's page can ask for."""


def ask_as(host: Host, method: str, headers: dict[str, str], **more: str) -> int:
    """Ask in a way that a browser would not, or would for a page of another site. Return the status."""
    sent = {**host.headers, **more}
    return ask_from(host.url, method, headers, prefix=host.prefix, connection=host.connect(), **sent)


class ForeignPages:
    """Pages of other sites ask nothing, and the site's own pages do."""

    def test_foreign_pages_ask_nothing(self, host: Host, model: ScriptedUpstream) -> None:
        for method, headers in FOREIGN:
            for sent in (headers, {**headers, "Content-Type": "application/json"}):
                # A GET that nothing tells about is only dangerous where the browser adds a login by itself.
                login = {} if browser_logs_in(host) else {"Cookie": "some=thing"}
                assert ask_as(host, method, sent, **login) in REFUSED, (method, sent)
        assert not model.requests

    def test_foreign_pages_spend_no_question_on_a_probe(self, host: Host) -> None:
        connection = host.connect()
        sent = {**host.headers, "Host": urlsplit(host.url).netloc, "Sec-Fetch-Site": "cross-site"}
        connection.request("GET", f"{host.prefix}/probe?seconds=0", headers=sent)
        assert connection.getresponse().status in REFUSED
        connection.close()

    def test_own_pages_ask(self, host: Host) -> None:
        for method, headers in OWN:
            if method == "POST":
                assert ask_as(host, method, headers, **{"Content-Type": "application/json"}) == 200, headers

    def test_foreign_page_is_not_made_the_sites_own_by_what_a_caller_forwards(
        self, host: Host, model: ScriptedUpstream
    ) -> None:
        forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
        sent = {**forwarded, "Origin": "https://evil.example"}
        assert ask_as(host, "POST", sent, **{"Content-Type": "application/json"}) in REFUSED
        assert not model.requests


class LoginAttacks(ForeignPages):
    """The host's login alone says who asks, and nobody gets what only the host's key is for."""

    def test_stranger_asks_nothing(self, host: Host, model: ScriptedUpstream) -> None:
        stranger = host.with_headers({})
        for headers in ({}, *NAMED):
            assert ask_as(stranger, "POST", {**headers, "Content-Type": "application/json"}) in REFUSED, headers
        assert not model.requests

    @pytest.mark.parametrize("named", NAMED)
    def test_nobody_becomes_somebody_else(self, host: Host, served: Service, named: dict[str, str]) -> None:
        # Where the login is in one of these headers, another value there is no login at all.
        with host.ask("whose?", headers={name: named[name] for name in named.keys() - host.headers.keys()}) as asked:
            assert asked.finish().status == "completed"
        session = f"/sessions/{asked.session_id}"
        assert host.call(session)[0] == 200
        as_victim = {"Authorization": f"Bearer {KEY}", "X-User-Id": VICTIM}
        assert request(served.url, f"/api{session}", headers=as_victim)[0] == 404

    @pytest.mark.parametrize("path", EVERYBODYS)
    def test_address_that_no_page_is_told_of_asks_and_draws_nothing(self, host: Host, path: str) -> None:
        if browser_logs_in(host):
            assert raw_status(host, "GET", host.prefix + path) in {*REFUSED, 308}, path

    @pytest.mark.parametrize("name", ["tokens", "metrics"])
    def test_what_only_the_key_is_for_is_out_of_reach(self, host: Host, name: str) -> None:
        for spelling in SPELLINGS:
            path = f"{host.prefix}/{spelling.format(name)}"
            # Some hosts redirect an address with a slash at its end to the one without, which is tried, too.
            assert raw_status(host, "POST" if name == "tokens" else "GET", path) in {*REFUSED, 308, 400}, path


class LoginElsewhere:
    """The host asks another site who is there."""

    @pytest.mark.parametrize("path", ["/feedback", "/config"])
    def test_whom_the_site_lets_in_and_does_not_name_is_not_taken_for_its_server(self, host: Host, path: str) -> None:
        assert host.call(path, headers={"Cookie": NOBODY})[0] in {400, 401}

    @pytest.mark.parametrize("path", EVERYBODYS)
    def test_host_refuses_what_comes_with_a_password_that_the_service_never_sees(self, host: Host, path: str) -> None:
        typed = host.with_headers({"Authorization": "Basic YW5uOnNlY3JldA=="})
        assert raw_status(typed, "GET", host.prefix + path) == 403


class TokenAttacks(ForeignPages):
    """The host adds nothing that a caller doesn't have, and takes away what callers say of themselves."""

    def test_server_key_from_outside_speaks_for_nobody(self, host: Host) -> None:
        for named in NAMED:
            status, problem = host.call("/config", headers={**named, "Authorization": f"Bearer {KEY}"})
            assert (status, problem["code"]) == (400, "bad_request"), named

    def test_caller_chooses_no_path_for_the_pages(self, host: Host) -> None:
        contract = host.call("/openapi.json", headers={"X-Forwarded-Prefix": "/evil"})[1]
        assert contract["servers"] == [{"url": host.prefix}]


def browser_logs_in(host: Host) -> bool:
    """Tell whether the visitor's login is something that browsers send by themselves, whichever page makes them ask."""
    return "Cookie" in host.headers or host.headers.get("Authorization", "").startswith("Basic ")


def raw_status(host: Host, method: str, path: str) -> int:
    """Return the status of a call to an address that is sent as it is written."""
    connection = host.connect()
    sent = {**host.headers, "Host": urlsplit(host.url).netloc}
    try:
        connection.request(method, path, b"" if method == "POST" else None, sent)
        return connection.getresponse().status
    finally:
        connection.close()
