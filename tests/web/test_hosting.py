"""In another Flask site beside its own routes, twice in one process, behind proxies, and standing alone."""

import io
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
import redis
from flask import Flask, Response, request
from msgspec.structs import replace
from werkzeug.exceptions import Forbidden, InternalServerError

from qa_service.assembly import Assembly, assemble
from qa_service.deltas import Finished, TextDelta
from qa_service.settings import Settings, SettingsError
from qa_service.web.app import create_app
from qa_service.web.exposure import refuse_open_server
from qa_service.web.extension import QAService
from qa_service.web.mounting import EXTENSION_KEY
from qa_service.web.networks import is_loopback
from qa_service.web.serving import make_served_app
from tests.web.conftest import MakeHouse
from tests.web.house import SERVER_SECRET, House, end_service, frames, refusal, text

MakeSettings = Callable[..., Settings]


class TestInAnotherSite:
    def test_answers_under_its_prefix(self, make_site: MakeHouse) -> None:
        house = make_site(url_prefix="/help/api")
        response = house.client.post("/help/api/ask", json={"question": "?"})
        assert text(response) == "안녕하세요."

    def test_leaves_the_hosts_routes_and_errors_alone(self, make_site: MakeHouse) -> None:
        client = make_site().client
        assert client.get("/").data == b"the host's home"
        assert client.get("/nowhere").data == b"the host's 404"
        assert client.get("/broken").data == b"the host's 500"
        assert client.get("/apiary").data == b"the host's 404"
        assert "Referrer-Policy" not in client.get("/").headers
        assert client.options("/").status_code == 200

    @pytest.mark.parametrize(("page", "path"), [(True, "/help/api/page"), ("/ask-us", "/ask-us")])
    def test_shows_the_page_where_the_site_wants_it(self, make_site: MakeHouse, page: bool | str, path: str) -> None:
        client = make_site(url_prefix="/help/api", page=page, identify=lambda request: "ann").client
        shown = client.get(path)
        assert 'address="/help/api">' in shown.get_data(as_text=True)
        assert shown.headers["X-Frame-Options"] == "DENY"
        assert client.get(re.findall(r'src="([^"]+)"', shown.get_data(as_text=True))[0]).status_code == 200
        assert client.get("/").data == b"the host's home"
        assert "X-Frame-Options" not in client.get("/").headers

    def test_shows_no_page_that_the_site_has_not_asked_for(self, make_site: MakeHouse) -> None:
        refusal(make_site().client.get("/api/page"), 404, "not_found")

    def test_refuses_in_its_own_shape_below_its_prefix(self, make_site: MakeHouse) -> None:
        house = make_site()
        refusal(house.client.get("/api/nowhere"), 404, "not_found")
        for address in (
            "/api",
            "/api/",
            "/api//ask",
            "/api///ask",
            "/api/ask//",
            "/api/sessions//files",
            "/api/sessions/a//reset",
        ):
            problem = refusal(house.client.post(address, json={"question": "?"}), 404, "not_found")
            assert ("two slashes" in problem["detail"]) is ("//" in address)
        response = house.client.delete("/api/ask")
        assert "GET" in refusal(response, 405, "method_not_allowed")["detail"]
        assert set(response.headers["Allow"].split(", ")) == {"GET", "POST"}

    def test_takes_settings_from_the_hosts_config(
        self, store_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        app = Flask("host")
        app.config.update(
            REDIS_URL=store_url, QA_DATA=tmp_path, QA_SECRET="s" * 20, QA_MAX_FILES=3, QA_ALLOW_ANONYMOUS=True
        )
        QAService().init_app(app)
        assert app.test_client().get("/api/config").get_json()["limits"]["files"] == 3
        end_service(app)

    def test_refuses_settings_that_cannot_be(self) -> None:
        app = Flask("host")
        app.config["QA_MAX_FILES"] = "many"
        with pytest.raises(SettingsError, match="QA_MAX_FILES"):
            QAService(app)

    @pytest.mark.parametrize("look", ["form", "files", "data", "json", "stream"])
    def test_reads_a_body_that_the_host_has_read_before(self, make_site: MakeHouse, look: str) -> None:
        def curious(app: Flask) -> None:
            @app.before_request
            def peek() -> None:
                match look:
                    case "form":
                        request.form.get("x")
                    case "files":
                        for file in request.files.values():
                            file.read()
                    case "data":
                        request.get_data()
                    case "json":
                        request.get_json(silent=True)

        house = make_site(curious)
        got = frames(house.client.post("/api/ask", json={"question": "JSON?"}))
        assert house.model.prompts[-1].question == "JSON?"
        form = {
            "question": "form?",
            "files": (io.BytesIO(b"hello from the file"), "a.txt"),
            "other": (io.BytesIO(b"x"), "b.txt"),
        }
        got = frames(house.client.post("/api/ask", data=form))
        assert house.model.prompts[-1].question == "form?"
        assert [file["name"] for file in got[-2]["content"]["files"]] == ["a.txt"]
        assert "hello from the file" in repr(house.model.prompts[-1].messages)

    def test_limits_hold_for_what_the_host_has_read(self, make_site: MakeHouse) -> None:
        def curious(app: Flask) -> None:
            app.before_request(lambda: request.form.get("x"))

        house = make_site(curious, {"max_file": 10})
        form = {"question": "?", "files": (io.BytesIO(b"x" * 11), "a.txt")}
        refusal(house.client.post("/api/ask", data=form), 413, "too_large")
        assert house.left_behind() == []

    def test_hosts_own_body_limit_is_a_problem_of_ours(self, make_site: MakeHouse) -> None:
        def small(app: Flask) -> None:
            app.config["MAX_CONTENT_LENGTH"] = 100
            app.before_request(lambda: request.form.get("x"))

        house = make_site(small)
        refusal(house.client.post("/api/ask", data={"question": "x" * 200}), 413, "too_large")

    def test_hosts_own_refusals_on_our_addresses_have_our_shape(self, make_site: MakeHouse) -> None:
        def strict(app: Flask) -> None:
            @app.before_request
            def no() -> None:
                raise Forbidden

        refusal(make_site(strict).client.get("/api/healthz"), 400, "bad_request")

    def test_identify_that_fails_is_logged_and_leaks_nothing(
        self, make_site: MakeHouse, caplog: pytest.LogCaptureFixture
    ) -> None:
        def failing(_: object) -> str:
            raise RuntimeError("secret of the host")

        house = make_site(identify=failing)
        problem = refusal(house.ask(), 500, "internal")
        number = problem["detail"].rpartition(" ")[2]
        assert "secret" not in json.dumps(problem)
        assert any(number in record.getMessage() for record in caplog.records)

    def test_references_carry_the_prefix(self, make_site: MakeHouse) -> None:
        house = make_site(url_prefix="/help/api")
        house.model.deltas = (TextDelta("Yes [1]."), Finished("stop"))
        form = {"question": "hello?", "files": (io.BytesIO(b"hello there"), "a.txt")}
        got = frames(house.client.post("/help/api/ask", data=form))
        assert next(frame for frame in got if frame["type"] == "reference")["url"].startswith("/help/api/sessions/")


class TestTwoInOneProcess:
    def test_know_nothing_of_each_other(self, make_house: MakeHouse) -> None:
        one, two = make_house(max_files=1), make_house(max_files=2, secret="another-secret-0123456789")
        assert one.client.get("/api/config").get_json()["limits"]["files"] == 1
        assert two.client.get("/api/config").get_json()["limits"]["files"] == 2
        headers = {"Authorization": f"Bearer {SERVER_SECRET}", "X-User-Id": "kim"}
        session = one.session(headers=headers)["sessionId"]
        refusal(two.client.get(f"/api/sessions/{session}", headers=headers), 404, "not_found")
        made = one.client.post("/api/tokens", headers=headers).get_json()["token"]
        refusal(two.client.get("/api/config", headers={"Authorization": f"Bearer {made}"}), 401, "unauthenticated")

    def test_one_extension_serves_both(self, store: redis.Redis, settings: MakeSettings) -> None:
        extension, apps = QAService(settings=settings(openai_api_key="")), (Flask("one"), Flask("two"))
        for app in apps:
            extension.init_app(app)
            assert app.test_client().get("/api/healthz").status_code == 200
            end_service(app)
        assert apps[0].extensions[EXTENSION_KEY] is not apps[1].extensions[EXTENSION_KEY]


class TestBehindProxies:
    def test_believes_as_many_hops_as_it_was_told(self, make_house: MakeHouse) -> None:
        headers = {"X-Forwarded-Prefix": "/deep", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "site.example"}
        believed = make_house(trusted_proxies=1).client.get("/", headers=headers).get_data(as_text=True)
        ignored = make_house().client.get("/", headers=headers).get_data(as_text=True)
        assert "/deep/api" in believed
        assert "/deep" not in ignored

    def test_addresses_in_frames_are_those_in_front_of_the_proxy(self, make_house: MakeHouse) -> None:
        house = make_house(trusted_proxies=1)
        house.model.deltas = (TextDelta("Yes [1]."), Finished("stop"))
        form = {"question": "hello?", "files": (io.BytesIO(b"hello there"), "a.txt")}
        got = frames(house.client.post("/api/ask", data=form, headers={"X-Forwarded-Prefix": "/deep"}))
        assert next(frame for frame in got if frame["type"] == "reference")["url"].startswith("/deep/api/sessions/")

    def test_own_origin_is_the_proxys(self, make_house: MakeHouse) -> None:
        house = make_house(trusted_proxies=1)
        headers = {"X-Forwarded-Host": "site.example", "X-Forwarded-Proto": "https", "Origin": "https://site.example"}
        frames(house.ask(headers=headers))
        refusal(make_house().ask(headers=headers), 403, "forbidden_origin")

    @pytest.mark.parametrize(
        "prefix",
        [
            "//evil.example",
            "/\\evil.example",
            "/a//evil.example",
            "https://evil.example",
            "javascript:x",
            "/\t/evil.example",
        ],
    )
    def test_prefix_names_no_other_host(self, make_house: MakeHouse, prefix: str) -> None:
        """Some proxies pass on what a caller sends."""
        house = make_house(trusted_proxies=1)
        house.model.deltas = (TextDelta("Yes [1]."), Finished("stop"))
        form = {"question": "hello?", "files": (io.BytesIO(b"hello there"), "a.txt")}
        headers = {"X-Forwarded-Prefix": prefix}
        got = frames(house.client.post("/api/ask", data=form, headers=headers))
        assert next(frame for frame in got if frame["type"] == "reference")["url"].startswith("/api/sessions/")
        page = house.client.get("/", headers=headers).get_data(as_text=True)
        assert 'address="/api"' in page
        assert 'src="/api/chat.js?' in page

    def test_prefix_is_never_markup(self, make_house: MakeHouse) -> None:
        headers = {"X-Forwarded-Prefix": r'"/\"><script>alert(1)</script>"'}
        page = make_house(trusted_proxies=1).client.get("/", headers=headers).get_data(as_text=True)
        assert "<script>alert" not in page


class TestPage:
    def test_is_guarded(self, house: House) -> None:
        response = house.client.get("/")
        assert response.content_type == "text/html; charset=utf-8"
        policy = dict(
            rule.strip().partition(" ")[::2] for rule in response.headers["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Referrer-Policy"] == "no-referrer"

    def test_names_parts_that_are_there_and_nothing_of_others(self, house: House) -> None:
        page = house.client.get("/").get_data(as_text=True)
        assert "{{" not in page
        script = house.client.get(re.findall(r'src="([^"]+)"', page)[0])
        assert script.status_code == 200
        assert script.headers["X-Content-Type-Options"] == "nosniff"
        assert "javascript" in script.content_type
        assert "http://" not in page
        assert "https://" not in page

    def test_finds_its_parts_under_the_public_address(self, make_house: MakeHouse) -> None:
        page = make_house(public_url="https://public.example/qa").client.get("/").get_data(as_text=True)
        assert 'src="/qa/api/chat.js?' in page
        assert 'address="/qa/api"' in page

    def test_has_no_session_of_the_addresss(self, house: House) -> None:
        assert house.client.get("/?sessionId=abc").data == house.client.get("/").data

    def test_other_addresses_are_problems(self, house: House) -> None:
        refusal(house.client.get("/nowhere"), 404, "not_found")
        refusal(house.client.post("/"), 405, "method_not_allowed")
        refusal(house.client.get("/static/../app.py"), 404, "not_found")
        refusal(house.client.get("/api/chat.js/../app.py"), 404, "not_found")


class TestService:
    def test_is_alive(self, house: House) -> None:
        response = house.client.get("/api/healthz")
        assert response.get_json() == {"status": "ok"}
        assert response.headers["Cache-Control"] == "no-store"

    def test_is_ready(self, house: House) -> None:
        response = house.client.get("/api/readyz")
        assert (response.status_code, response.get_json()["status"], response.get_json()["store"]) == (
            200,
            "ready",
            "redis",
        )

    def test_says_how_files_are_read(self, make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("qa_service.files.sandbox.find_landlock", lambda: 0)
        own, replaced = make_house({"assemble": assemble}, openai_api_key=""), make_house()

        assert own.client.get("/api/readyz").get_json()["files"] == "limited: this system has no Landlock"
        assert "own reader" in replaced.client.get("/api/readyz").get_json()["files"]

    def test_of_one_machine_says_so(self, make_house: MakeHouse) -> None:
        house = make_house(redis_url="", openai_api_key="")
        ready = house.client.get("/api/readyz").get_json()
        assert "embedded" in ready["store"]
        assert "offline" in ready["upstream"]
        assert frames(house.ask())[0]["content"]["created"] is True

    def test_without_its_store_is_not_ready_and_refuses(self, make_house: MakeHouse, store_url: str) -> None:
        house = make_house(redis_url="redis://127.0.0.1:1/0")
        response = house.client.get("/api/readyz")
        assert (response.status_code, response.get_json()["status"]) == (503, "unavailable")
        assert house.client.get("/api/healthz").status_code == 200
        problem = refusal(house.ask(), 503, "store_unavailable")
        assert problem["retryable"] is True
        assert problem["retryAfter"] >= 1
        assert house.uploads() == []

    def test_tells_what_a_client_must_know(self, make_house: MakeHouse) -> None:
        house = make_house(models_allowed=("ft:*",), max_question=500)
        config = house.client.get("/api/config").get_json()
        assert {"pdf", "docx", "txt", "md", "csv", "html"} <= set(config["kinds"])
        assert config["limits"] == {"question": 500, "files": 5, "fileBytes": 15 << 20, "bodyBytes": 64 << 20}
        assert config["models"] == ["gpt-4.1-mini", "ft:*"]
        assert config["webSearch"] is True
        assert config["upstream"] == "responses"
        assert config["version"]
        assert "sk-test" not in json.dumps(config)

    def test_without_a_model_says_so(self, make_house: MakeHouse) -> None:
        config = make_house(openai_api_key="").client.get("/api/config").get_json()
        assert (config["upstream"], config["models"], config["webSearch"]) == ("offline", [], False)

    def test_bug_is_logged_with_the_number_that_is_told(
        self, make_house: MakeHouse, caplog: pytest.LogCaptureFixture
    ) -> None:
        def assemble_broken(settings: Settings) -> Assembly:
            def check() -> None:
                raise ZeroDivisionError("sk-secret")

            return replace(assemble(settings), check_store=check)

        house = make_house({"assemble": assemble_broken})
        problem = refusal(house.client.get("/api/readyz"), 500, "internal")
        assert "sk-secret" not in json.dumps(problem)
        assert any(problem["detail"].rpartition(" ")[2] in record.getMessage() for record in caplog.records)

    def test_stand_alone_bug_has_the_same_shape(self, own_house: House) -> None:
        @own_house.app.get("/own")
        def own() -> Response:
            raise InternalServerError

        refusal(own_house.client.get("/own"), 500, "internal")

    def test_warns_where_nobody_can_ask(
        self, settings: MakeSettings, store: redis.Redis, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            create_app(settings(allow_anonymous=False, api_keys=()))
        assert "QA_API_KEYS" in caplog.text


class TestListening:
    @pytest.mark.parametrize(
        ("host", "local"),
        [
            ("127.0.0.1", True),
            ("::1", True),
            ("[::1]", True),
            ("localhost", False),
            ("0.0.0.0", False),
            ("::", False),
            ("10.0.0.1", False),
            ("example.com", False),
        ],
    )
    def test_beyond_this_machine_is_known(self, host: str, local: bool) -> None:
        assert is_loopback(host) is local

    def test_on_localhost_by_its_name_needs_nothing(self) -> None:
        refuse_open_server(Settings(), ["localhost", "127.0.0.1"])

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.5", "example.com"])
    def test_to_anybody_without_a_way_to_tell_them_apart_is_refused(self, settings: MakeSettings, host: str) -> None:
        with pytest.raises(SystemExit, match="QA_API_KEYS"):
            refuse_open_server(settings(allow_anonymous=False, api_keys=()), ["127.0.0.1", host])

    def test_is_fine_with_keys_with_visitors_or_at_home(self, settings: MakeSettings) -> None:
        refuse_open_server(settings(allow_anonymous=False), ["0.0.0.0"])
        refuse_open_server(settings(api_keys=()), ["0.0.0.0"])
        refuse_open_server(settings(allow_anonymous=False, api_keys=()), ["127.0.0.1"])

    @pytest.mark.parametrize(
        ("environment", "status"),
        [
            ({}, 200),
            ({"QA_PUBLIC_URL": "https://x.example"}, 401),
            ({"QA_TRUSTED_PROXIES": "1"}, 401),
            ({"OPENAI_API_KEY": "sk-test"}, 401),
        ],
    )
    def test_as_a_newcomer_lets_this_machine_in(
        self, store_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], status: int
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        for name, value in {"REDIS_URL": store_url, "QA_SECRET": "s" * 20, **environment}.items():
            monkeypatch.setenv(name, value)
        app = make_served_app()
        assert app.test_client().get("/api/config", headers={"Host": "localhost:8000"}).status_code == status
        end_service(app)
