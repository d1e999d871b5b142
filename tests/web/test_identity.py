"""Who asks, and from where: keys, tokens, visitors, the host site's own users, and pages of other sites."""

import time
import uuid
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer

from qa_service.setting_values import ApiKey
from qa_service.web.identity import Owners
from tests.web.conftest import KEYS, MakeHouse
from tests.web.house import PERSONAL_SECRET, SERVER_SECRET, House, frames, logged_in, refusal

UUID = "5f0c6e0a-0f52-4c8e-9f7b-6f6c52a1d0e4"


def server(user: str = "kim") -> dict[str, str]:
    return {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": user}


PERSONAL = {"Authorization": f"Bearer {PERSONAL_SECRET}"}
APP_ORIGINS = ("capacitor://localhost", "ionic://localhost", "tauri://localhost", "chrome-extension://abcdefghijklmnop")


def caller(house: House, headers: dict[str, str] | None = None) -> str:
    kind = house.client.get("/api/config", headers=headers).get_json()["caller"]["kind"]
    assert isinstance(kind, str)
    return kind


def token(house: House, user: str = "kim", **fields: str) -> str:
    made = house.client.post("/api/tokens", json=fields, headers=server(user)).get_json()["token"]
    assert isinstance(made, str)
    return made


def bearer(value: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}", **{name.replace("_", "-"): said for name, said in headers.items()}}


class TestCredentials:
    def test_none_is_an_anonymous_visitor_where_allowed(self, house: House) -> None:
        assert caller(house) == "anonymous"

    def test_none_is_refused_elsewhere_saying_what_is_accepted(self, make_house: MakeHouse) -> None:
        house = make_house({"identify": logged_in}, allow_anonymous=False)
        problem = refusal(house.ask(), 401, "unauthenticated")
        assert "Authorization: Bearer" in problem["detail"]
        assert "this site's own login" in problem["detail"]
        assert house.left_behind() == []

    def test_none_on_a_server_without_any_way_in_says_so(self, make_house: MakeHouse) -> None:
        house = make_house(allow_anonymous=False, api_keys=())
        detail = refusal(house.ask(), 401, "unauthenticated")["detail"]
        assert "none yet" in detail
        assert "QA_API_KEYS" in detail

    @pytest.mark.parametrize(
        "value", ["Bearer", "Bearer ", "Bearer null", "Bearer undefined", "bearer  null", "", "Basic eDp5"]
    )
    def test_that_say_nothing_count_as_absent(self, house: House, value: str) -> None:
        assert caller(house, {"Authorization": value}) == "anonymous"

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_personal_key_is_its_holder(self, house: House, scheme: str) -> None:
        assert caller(house, {"Authorization": f"{scheme} {PERSONAL_SECRET}"}) == "key"

    def test_server_key_speaks_for_its_user(self, house: House) -> None:
        assert caller(house, server()) == "user"

    @pytest.mark.parametrize(
        "wrong", ["wrong", SERVER_SECRET + "x", SERVER_SECRET[:-1], SERVER_SECRET.upper(), "한글", "a.b.c", "x" * 5000]
    )
    def test_wrong_one_never_falls_back(self, make_house: MakeHouse, wrong: str) -> None:
        """It doesn't fall back to a visitor, to a user, or to `?token=`."""
        house = make_house()
        headers = {"Authorization": f"Bearer {wrong}".encode().decode("latin-1"), "X-User-Id": "kim"}
        refusal(house.ask(headers=headers), 401, "unauthenticated")
        refusal(house.client.get("/api/ask", query_string={"question": "?", "token": wrong}), 401, "unauthenticated")
        assert house.left_behind() == []

    @pytest.mark.parametrize("user", ["k", "k" * 128, "!#$%&'*+-.^_`|~", "a@b.example", "x:y"])
    def test_user_id_is_any_visible_word(self, house: House, user: str) -> None:
        assert caller(house, server(user)) == "user"

    @pytest.mark.parametrize("user", ["", " ", "a b", "k" * 129, "a,b", "a\tb", "김", "a\x7f"])
    def test_odd_user_id_is_refused(self, house: House, user: str) -> None:
        headers = server(user.encode().decode("latin-1"))
        assert "X-User-Id" in refusal(house.ask(headers=headers), 400, "bad_request")["detail"]

    def test_missing_user_id_is_refused(self, house: House) -> None:
        refusal(house.ask(headers=bearer(SERVER_SECRET)), 400, "bad_request")

    def test_user_id_sent_twice_is_refused(self, house: House) -> None:
        """Servers join the two values."""
        refusal(house.ask(headers=server("kim,lee")), 400, "bad_request")
        refusal(house.ask(headers=server("kim, lee")), 400, "bad_request")

    def test_user_id_says_nothing_without_a_servers_key(self, house: House) -> None:
        assert caller(house, {"X-User-Id": "kim"}) == "anonymous"
        assert caller(house, {**PERSONAL, "X-User-Id": "kim"}) == "key"

    def test_key_in_the_address_is_no_credential(self, house: House) -> None:
        """Addresses are logged; only tokens, which expire, may stand there."""
        for secret in (PERSONAL_SECRET, SERVER_SECRET):
            response = house.client.get(
                "/api/ask", query_string={"question": "?", "token": secret}, headers={"X-User-Id": "kim"}
            )
            refusal(response, 401, "unauthenticated")

    def test_two_secrets_of_one_name_are_one_owner(self, make_house: MakeHouse) -> None:
        new = "rotated-secret-0123456789"
        house = make_house(api_keys=(*KEYS, ApiKey("site", new, False)))
        session = house.session(headers=server())["sessionId"]
        again = house.client.get(f"/api/sessions/{session}", headers=bearer(new, X_User_Id="kim"))
        assert again.status_code == 200


class TestOwners:
    def test_never_collide(self) -> None:
        owners = Owners("secret-of-this-test-01")
        made = [
            owners.site("a"),
            owners.user("a", "b"),
            owners.user("ab", ""),
            owners.user("a,b", ""),
            owners.user('a","b', ""),
            owners.key("a"),
            owners.key('a","b'),
            owners.anonymous("a"),
        ]
        assert len({owner.key for owner in made}) == len(made)
        assert all(len(owner.key) == 32 for owner in made)

    def test_are_nothing_anybody_else_could_compute(self) -> None:
        assert Owners("one-secret-0123456789").site("a").key != Owners("other-secret-0123456789").site("a").key

    def test_of_visitors_are_one_and_their_networks_many(self) -> None:
        owners = Owners("secret-of-this-test-01")
        visitors = [
            owners.anonymous(address) for address in ("10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::ffff", "")
        ]
        assert len({visitor.key for visitor in visitors}) == 1
        assert len({visitor.address for visitor in visitors}) == 4

    def test_of_visitors_by_ipv6_know_the_wider_network(self) -> None:
        owners = Owners("secret-of-this-test-01")
        one, near, far = (owners.anonymous(a) for a in ("2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:1::1"))
        assert one.address != near.address
        assert one.network == near.network != far.network
        assert len(one.network) == 32

    @pytest.mark.parametrize("address", ["10.0.0.1", "::ffff:10.0.0.1", "", "a name"])
    def test_of_other_visitors_know_none(self, address: str) -> None:
        assert Owners("secret-of-this-test-01").anonymous(address).network == ""


class TestTokens:
    def test_are_for_the_user_they_were_made_for(self, house: House) -> None:
        session = house.session(headers=server("kim"))["sessionId"]
        kim, lee = token(house, "kim"), token(house, "lee")
        assert house.client.get(f"/api/sessions/{session}", headers=bearer(kim)).status_code == 200
        assert house.client.get(f"/api/sessions/{session}", headers=bearer(lee)).status_code == 404

    def test_say_when_they_expire(self, house: House) -> None:
        made = house.client.post("/api/tokens", headers=server()).get_json()
        assert set(made) == {"token", "expiresAt"}
        assert made["expiresAt"].endswith("Z")

    def test_expire(self, make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
        house = make_house(token_ttl=3600)
        made = token(house)
        assert caller(house, bearer(made)) == "user"
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3602)
        refusal(house.client.get("/api/config", headers=bearer(made)), 401, "unauthenticated")

    @pytest.mark.parametrize("where", ["ask", "config"])
    def test_stand_in_the_address_of_a_get_ask_but_of_no_mere_look(self, house: House, where: str) -> None:
        address = f"/api/{where}?question=hi&token={token(house, 'lee')}"
        response = house.client.get(address)
        if where == "ask":
            session = frames(response)[0]["content"]["sessionId"]
            assert house.client.get(f"/api/sessions/{session}", headers=server("lee")).status_code == 200
        else:
            refusal(response, 401, "unauthenticated")

    def test_stand_in_the_address_of_an_answers_stream(self, house: House) -> None:
        made = token(house, "lee")
        answer_id = frames(house.client.get(f"/api/ask?question=hi&token={made}"))[0]["content"]["answerId"]
        assert frames(house.client.get(f"/api/answers/{answer_id}/stream?token={made}"))[-1]["type"] == "done"
        refusal(house.client.get(f"/api/answers/{answer_id}?token={made}"), 401, "unauthenticated")

    def test_in_the_address_of_a_post_are_no_credential(self, make_house: MakeHouse) -> None:
        house = make_house(allow_anonymous=False)
        response = house.client.post(f"/api/ask?token={token(house)}", json={"question": "?"})
        refusal(response, 401, "unauthenticated")

    @pytest.mark.parametrize("absent", ["", "null", "undefined"])
    def test_that_say_nothing_count_as_absent(self, house: House, absent: str) -> None:
        frames(house.client.get(f"/api/ask?question=hi&token={absent}"))

    def test_tampered_with_are_worth_nothing(self, house: House) -> None:
        made = token(house)
        signed, _, signature = made.rpartition(".")
        other = "A" if signature[0] != "A" else "B"
        for changed in (f"{signed}.{other}{signature[1:]}", f"A{made}", made[:-1], signed, f"{made}.{made}"):
            refusal(house.client.get("/api/config", headers=bearer(changed)), 401, "unauthenticated")

    def test_signed_with_the_secret_for_something_else_are_worth_nothing(self, house: House) -> None:
        secret = house.assembly.secret
        said = {"key": "site", "user": "kim", "origin": ""}
        for forged in (
            URLSafeTimedSerializer(secret, salt="another purpose").dumps(said),
            URLSafeTimedSerializer(secret, salt="qa-service token").dumps({"user": "kim"}),
            URLSafeTimedSerializer("another-secret-01234567", salt="qa-service token").dumps(said),
        ):
            refusal(house.client.get("/api/config", headers=bearer(str(forged))), 401, "unauthenticated")

    def test_die_with_their_key(self, make_house: MakeHouse) -> None:
        made = token(make_house())
        without = make_house(api_keys=KEYS[1:])
        assert (
            "gone" in refusal(without.client.get("/api/config", headers=bearer(made)), 401, "unauthenticated")["detail"]
        )
        made_personal = make_house(api_keys=(ApiKey("site", SERVER_SECRET, True),))
        refusal(made_personal.client.get("/api/config", headers=bearer(made)), 401, "unauthenticated")

    def test_outlive_a_rotation(self, make_house: MakeHouse) -> None:
        made = token(make_house())
        rotated = make_house(api_keys=(ApiKey("site", "rotated-secret-0123456789", False),))
        assert caller(rotated, bearer(made)) == "user"

    @pytest.mark.parametrize(
        ("headers", "passes"),
        [
            ({"Origin": "https://shop.example"}, True),
            ({"Sec-Fetch-Site": "same-origin"}, True),
            ({}, False),
            ({"Origin": "https://evil.example"}, False),
            ({"Origin": "null"}, False),
            ({"Sec-Fetch-Site": "none"}, False),
            ({"Sec-Fetch-Site": "cross-site"}, False),
            ({"Referer": "https://shop.example/"}, False),
        ],
    )
    def test_for_an_origin_need_it(self, house: House, headers: dict[str, str], passes: bool) -> None:
        made = token(house, origin="https://shop.example")
        response = house.client.get("/api/config", headers={**bearer(made), **headers})
        assert response.status_code == (200 if passes else 401)

    @pytest.mark.parametrize("headers", [{}, PERSONAL, bearer("wrong-wrong-wrong-wrong"), {"X-User-Id": "kim"}])
    def test_are_made_with_a_servers_key_alone(self, house: House, headers: dict[str, str]) -> None:
        refusal(house.client.post("/api/tokens", headers=headers), 401, "unauthenticated")

    def test_are_not_made_with_tokens_nor_without_a_user(self, house: House) -> None:
        refusal(house.client.post("/api/tokens", headers=bearer(token(house))), 401, "unauthenticated")
        refusal(house.client.post("/api/tokens", headers=bearer(SERVER_SECRET)), 400, "bad_request")

    @pytest.mark.parametrize("origin", [7, "null", " null ", "*", "https://a.example/", "capacitor://", "file://"])
    @pytest.mark.parametrize("way", ["json", "data", "query_string"])
    def test_odd_origin_is_refused(self, house: House, origin: object, way: str) -> None:
        response = house.client.post("/api/tokens", **{way: {"origin": origin}}, headers=server())
        assert refusal(response, 422, "invalid_field")["field"] == "origin"

    @pytest.mark.parametrize("origin", APP_ORIGINS)
    def test_may_be_for_the_pages_of_an_app(self, house: House, origin: str) -> None:
        made = bearer(token(house, origin=origin))
        statuses = [
            house.client.get("/api/config", headers={**made, "Origin": sent}).status_code
            for sent in (origin, f"{origin}x", "null", "https://localhost")
        ]
        assert statuses == [200, 401, 401, 401]


class TestHostsUsers:
    @pytest.fixture
    def site(self, make_house: MakeHouse) -> House:
        return make_house({"identify": logged_in})

    def test_come_first(self, site: House) -> None:
        client = site.client
        client.set_cookie("user", "kim")
        for headers in ({}, PERSONAL, bearer("wrong-wrong-wrong-wrong")):
            assert client.get("/api/config", headers=headers).get_json()["caller"]["kind"] == "site"

    def test_named_nobody_leave_it_to_the_credential(self, site: House) -> None:
        assert caller(site, PERSONAL) == "key"
        refusal(site.ask(headers=bearer("wrong-wrong-wrong-wrong")), 401, "unauthenticated")
        assert caller(site) == "anonymous"

    def test_are_not_those_of_a_key(self, site: House) -> None:
        client = site.client
        client.set_cookie("user", "kim")
        start = frames(client.post("/api/ask", json={"question": "?"}))[0]["content"]
        assert site.client.get(f"/api/sessions/{start['sessionId']}", headers=server("kim")).status_code == 404

    @pytest.mark.parametrize("how", ["post", "get"])
    @pytest.mark.parametrize("query", ["", "&token=x", "&token=null"])
    def test_are_not_asked_for_by_other_sites_pages(self, site: House, how: str, query: str) -> None:
        """This holds whatever that page puts into the address."""
        client = site.client
        client.set_cookie("user", "kim")
        headers = {"Sec-Fetch-Site": "cross-site"}
        response = client.open(f"/api/ask?question=hi{query}", method=how.upper(), headers=headers)
        refusal(response, 403, "forbidden_origin")
        assert site.left_behind() == []

    @pytest.mark.parametrize("how", ["post", "get"])
    def test_are_not_asked_for_by_other_sites_pages_where_a_proxy_adds_a_bearer(self, site: House, how: str) -> None:
        """Proxies that know the login's cookie do so."""
        client = site.client
        client.set_cookie("user", "kim")
        headers = bearer("of-the-proxy", Origin="https://evil.example", Sec_Fetch_Site="cross-site")
        refusal(client.open("/api/ask?question=hi", method=how.upper(), headers=headers), 403, "forbidden_origin")
        assert site.left_behind() == []

    @pytest.mark.parametrize("scheme", ["Basic a2ltOng=", "Digest username=kim", "Negotiate abc"])
    def test_are_not_asked_for_by_an_image_where_the_browser_sends_a_password(
        self, make_house: MakeHouse, scheme: str
    ) -> None:
        """Over plain http, browsers don't say which page a GET comes from."""
        site = make_house({"identify": lambda request: request.headers.get("Authorization") and "kim"})
        headers = {"Authorization": scheme}
        refusal(site.client.get("/api/ask?question=hi", headers=headers), 403, "forbidden_origin")
        assert site.left_behind() == []
        assert site.client.get("/api/config", headers=headers).status_code == 200
        own = {**headers, "Sec-Fetch-Site": "same-origin"}
        assert frames(site.client.get("/api/ask?question=hi", headers=own))[0]["content"]["created"] is True

    @pytest.mark.parametrize("value", ["Bearer null", "bearer undefined", "Bearer "])
    def test_are_not_meant_by_the_bearer_of_a_page_without_one(self, house: House, value: str) -> None:
        """No browser adds a bearer by itself."""
        got = frames(house.client.get("/api/ask?question=hi", headers={"Authorization": value}))
        assert got[0]["content"]["created"] is True

    @pytest.mark.parametrize("found", [True, 1.0, b"kim", ["kim"], ("kim",), {"id": 1}, {1}], ids=repr)
    def test_are_never_what_several_of_them_may_be(self, make_house: MakeHouse, found: object) -> None:
        """A host may return whether somebody is logged in, for example."""
        site = make_house({"identify": lambda _: found})
        refusal(site.ask(), 500, "internal")
        assert site.left_behind() == []

    @pytest.mark.parametrize(("found", "same"), [(0, "0"), (7, "7"), (uuid.UUID(UUID), UUID)])
    def test_may_be_a_number_which_is_the_same_as_its_text(
        self, make_house: MakeHouse, found: object, same: str
    ) -> None:
        users = [found, same, f"{same}1"]
        site = make_house({"identify": lambda _: users[0]})
        session = frames(site.ask())[0]["content"]["sessionId"]
        statuses = []
        while users:
            statuses.append(site.client.get(f"/api/sessions/{session}").status_code)
            del users[0]
        assert statuses == [200, 200, 404]

    @pytest.mark.parametrize("nobody", [None, "", False])
    def test_are_nobody_where_nothing_is_returned(self, make_house: MakeHouse, nobody: object) -> None:
        assert caller(make_house({"identify": lambda _: nobody})) == "anonymous"

    def test_with_a_bearer_of_the_hosts_own_may_come_from_anywhere(self, make_house: MakeHouse) -> None:
        """No page of another site can send one without being allowed to first."""
        site = make_house({"identify": lambda request: request.headers.get("Authorization") and "kim"})
        start = frames(site.ask(headers=bearer("of-the-host", Origin="https://app.example")))[0]["content"]
        assert start["created"] is True


FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Sec-Fetch-Site": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:81"},
    {"Origin": "https://localhost"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": ""},
]
OWN: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind-a-proxy.example"},
    {"Origin": "http://localhost"},
    {"Origin": "https://www.example.com"},
    {"Origin": "https://www.example.com", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://public.example"},
]


def _head(house: House) -> bytes | str:
    return next(iter(house.store.keys("*:head")))


class TestForeignPages:
    @pytest.fixture
    def house(self, share_house: MakeHouse) -> House:
        return share_house(origins=("https://www.example.com",), public_url="https://public.example/qa")

    @pytest.mark.parametrize("headers", FOREIGN)
    def test_may_not_ask_or_change_anything(self, house: House, headers: dict[str, str]) -> None:
        session = house.session(sessionId=UUID)
        house.settle()
        kept = house.store.hgetall(_head(house))
        for method, path in [
            ("POST", "ask?question=hi"),
            ("GET", "ask?question=hi"),
            ("PATCH", f"sessions/{UUID}"),
            ("DELETE", f"sessions/{UUID}"),
            ("POST", f"sessions/{UUID}/reset"),
            ("POST", f"answers/{session['answerId']}/cancel"),
        ]:
            refusal(house.client.open(f"/api/{path}", method=method, headers=headers), 403, "forbidden_origin")
        assert house.store.hgetall(_head(house)) == kept != {}
        assert len(house.model.prompts) == 1

    @pytest.mark.parametrize("headers", FOREIGN)
    def test_may_read_what_they_cannot_see(self, house: House, headers: dict[str, str]) -> None:
        """A browser shows them nothing without a header of ours."""
        response = house.client.get("/api/config", headers=headers)
        assert response.status_code == 200
        assert "Access-Control-Allow-Origin" not in response.headers

    @pytest.mark.parametrize("headers", OWN)
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_are_not_those_of_our_own(self, house: House, headers: dict[str, str], method: str) -> None:
        frames(house.client.open("/api/ask?question=hi", method=method, headers=headers))

    @pytest.mark.parametrize("headers", FOREIGN)
    def test_may_ask_with_a_token_which_they_hold_themselves(self, house: House, headers: dict[str, str]) -> None:
        made = token(house)
        frames(house.ask(headers={**bearer(made), **headers}))
        frames(house.client.get(f"/api/ask?question=hi&token={made}", headers=headers))

    @pytest.mark.parametrize("credential", [server(), PERSONAL], ids=["server's key", "personal key"])
    @pytest.mark.parametrize("headers", FOREIGN)
    def test_gain_nothing_by_a_key_that_a_proxy_puts_beside_them(
        self, house: House, headers: dict[str, str], credential: dict[str, str]
    ) -> None:
        for method, path in [
            ("POST", "ask?question=hi"),
            ("GET", "ask?question=hi"),
            ("PATCH", f"sessions/{UUID}"),
            ("DELETE", f"sessions/{UUID}"),
            ("POST", f"sessions/{UUID}/reset"),
        ]:
            response = house.client.open(f"/api/{path}", method=method, headers={**credential, **headers})
            assert "QA_ORIGINS" in refusal(response, 403, "forbidden_origin")["detail"]
        assert not house.model.prompts

    @pytest.mark.parametrize("headers", FOREIGN)
    def test_get_no_token_by_a_key_that_a_proxy_puts_beside_them(self, house: House, headers: dict[str, str]) -> None:
        response = house.client.post("/api/tokens", headers={**server(), **headers})
        refusal(response, 403, "forbidden_origin")

    @pytest.mark.parametrize("credential", [server(), PERSONAL], ids=["server's key", "personal key"])
    @pytest.mark.parametrize("headers", OWN)
    def test_a_key_beside_our_own_pages_or_none_is_taken(
        self, house: House, headers: dict[str, str], credential: dict[str, str]
    ) -> None:
        frames(house.ask(headers={**credential, **headers}))

    @pytest.mark.parametrize("credential", [{}, server(), PERSONAL], ids=["none", "server's key", "personal key"])
    def test_with_a_cookie_and_no_word_of_where_they_are_may_not_get_an_answer(
        self, house: House, credential: dict[str, str]
    ) -> None:
        client = house.client
        client.set_cookie("any", "thing")
        refusal(client.get("/api/ask?question=hi", headers=credential), 403, "forbidden_origin")
        frames(client.post("/api/ask?question=hi"))
        frames(client.get("/api/ask?question=hi", headers={"Sec-Fetch-Site": "same-origin"}))
        frames(client.get(f"/api/ask?question=hi&token={token(house)}"))


class TestCrossOriginSharing:
    @pytest.fixture
    def house(self, share_house: MakeHouse) -> House:
        return share_house(origins=("https://www.example.com",))

    def preflight(self, house: House, origin: str, path: str = "ask") -> Any:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-user-id",
        }
        return house.client.options(f"/api/{path}", headers=headers)

    @pytest.mark.parametrize("path", ["ask", "sessions", "sessions/x", "answers/x/cancel", "tokens", "nowhere"])
    def test_preflight_of_a_listed_origin_passes(self, house: House, path: str) -> None:
        response = self.preflight(house, "https://www.example.com", path)
        assert response.status_code == 204
        assert response.headers["Access-Control-Allow-Origin"] == "https://www.example.com"
        assert {"GET", "POST", "PATCH", "DELETE"} <= set(response.headers["Access-Control-Allow-Methods"].split(", "))
        assert {"Authorization", "Content-Type"} <= set(response.headers["Access-Control-Allow-Headers"].split(", "))

    @pytest.mark.parametrize("origin", APP_ORIGINS)
    def test_the_pages_of_an_app_may_ask_where_their_origin_is_listed(self, make_house: MakeHouse, origin: str) -> None:
        house = make_house(origins=("https://www.example.com", origin))
        assert self.preflight(house, origin).headers["Access-Control-Allow-Origin"] == origin
        assert "Access-Control-Allow-Origin" not in self.preflight(house, "capacitor://elsewhere").headers
        response = house.ask(headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"})
        frames(response)
        assert response.headers["Access-Control-Allow-Origin"] == origin

    def test_user_id_is_never_an_allowed_header(self, house: House) -> None:
        response = self.preflight(house, "https://www.example.com")
        assert "user" not in response.headers["Access-Control-Allow-Headers"].lower()
        assert "*" not in response.headers["Access-Control-Allow-Headers"]

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "null", "", "https://www.example.com.evil.example", "*"]
    )
    def test_preflight_of_another_origin_says_nothing(self, house: House, origin: str) -> None:
        response = self.preflight(house, origin)
        assert response.status_code == 204
        assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
        assert "Origin" in response.headers["Vary"]

    def test_answers_and_refusals_can_be_read_by_a_listed_origin(self, house: House) -> None:
        headers = {"Origin": "https://www.example.com"}
        for response in (house.ask(headers=headers), house.ask(headers=headers, topic="other")):
            response.get_data()
            assert response.headers["Access-Control-Allow-Origin"] == "https://www.example.com"
            exposed = set(response.headers["Access-Control-Expose-Headers"].split(", "))
            assert exposed == {"X-Session-Id", "X-Answer-Id", "Retry-After"}

    def test_never_allows_credentials(self, house: House) -> None:
        headers = {"Origin": "https://www.example.com"}
        for response in (
            house.ask(headers=headers),
            self.preflight(house, headers["Origin"]),
            house.ask(topic="other"),
        ):
            response.get_data()
            assert "Access-Control-Allow-Credentials" not in response.headers


class TestLoopback:
    """These are visitors at this machine, where nothing else lets anybody in."""

    @pytest.fixture
    def house(self, share_house: MakeHouse) -> House:
        return share_house({"loopback_visitors": True}, allow_anonymous=False, api_keys=())

    def status(self, house: House, host: str = "localhost:8000", peer: str = "127.0.0.1", **headers: str) -> int:
        sent = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return house.client.get("/api/config", headers=sent, environ_overrides={"REMOTE_ADDR": peer}).status_code

    @pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:9", "[::1]", "[::1]:8000"])
    def test_are_welcome(self, house: House, host: str) -> None:
        assert self.status(house, host) == 200
        assert self.status(house, host, "::1") == 200
        assert self.status(house, host, "127.0.0.2") == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "localhost.evil.example",
            "localhost:8000@evil.example",
            "evil.example:8000",
            "127.0.0.1.evil.example",
            "127.0.0.2",
            "LOCALHOST.",
            "[::2]",
            "192.168.0.5:8000",
            "::1",
        ],
    )
    def test_under_another_name_are_not(self, house: House, host: str) -> None:
        """Else a page of another site would be one of ours by renaming itself."""
        assert self.status(house, host) in (400, 401)

    @pytest.mark.parametrize("peer", ["10.0.0.1", "192.168.0.5", "2001:db8::1", "", "unix:", "localhost"])
    def test_from_elsewhere_are_not(self, house: House, peer: str) -> None:
        assert self.status(house, peer=peer) == 401

    @pytest.mark.parametrize(
        "name",
        [
            "Forwarded",
            "X_Forwarded_For",
            "X_Forwarded_Host",
            "X_Forwarded_Proto",
            "X_Forwarded_Port",
            "X_Forwarded_Prefix",
            "X_Real_IP",
            "Via",
        ],
    )
    def test_behind_a_proxy_are_not(self, house: House, name: str) -> None:
        assert self.status(house, **{name: "127.0.0.1"}) == 401
        assert self.status(house, **{name: ""}) == 401

    def test_are_not_asked_for_by_other_sites_pages(self, house: House) -> None:
        response = house.ask(headers={"Host": "localhost:8000", "Origin": "https://evil.example"})
        refusal(response, 403, "forbidden_origin")

    def test_with_a_wrong_key_are_refused(self, house: House) -> None:
        assert self.status(house, Authorization="Bearer wrong-wrong-wrong-wrong") == 401

    def test_are_nobody_where_the_server_wasnt_told(self, make_house: MakeHouse) -> None:
        assert self.status(make_house(allow_anonymous=False)) == 401
