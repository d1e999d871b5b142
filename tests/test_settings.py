"""Configuration: every setting is read, every wrong value is named without being shown."""

import io
import logging
import re
from pathlib import Path

import pytest

from qa_service.presentation import SiteText, SiteTexts
from qa_service.setting_readers import SETTING_READERS
from qa_service.setting_values import ApiKey
from qa_service.settings import (
    LISTENING,
    Settings,
    SettingsError,
    from_config,
    from_environment,
)
from qa_service.system_variables import upstream_proxy
from tests.samples import ROOT

SECRET = "abcdefghijklmnop"
GIVEN: dict[str, list[tuple[str, object]]] = {
    "OPENAI_API_KEY": [(" sk-1 ", "sk-1")],
    "OPENAI_BASE_URL": [
        ("https://gateway.example/v1/", "https://gateway.example/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("https://조직.example/v1", "https://조직.example/v1"),
        (" https://a.example/openai/v1/?api-version=preview ", "https://a.example/openai/v1?api-version=preview"),
        ("https://a.example/openai/responses?api-version=1", "https://a.example/openai?api-version=1"),
    ],
    "OPENAI_ORG_ID": [("org-1", "org-1")],
    "OPENAI_PROJECT_ID": [("proj-1", "proj-1")],
    "REDIS_URL": [
        (url, url)
        for url in (
            "redis://store.example:6379/0",
            "rediss://user:pa,ss@[::1]:6380",
            "unix:///run/store.sock?db=1",
            "redis+sentinel://:secret@one.example:26379,two.example/service/0",
        )
    ],
    "QA_DATA": [("/nowhere/yet/qa", Path("/nowhere/yet/qa"))],
    "QA_UPSTREAM": [("auto", "auto"), ("responses", "responses"), ("chat", "chat"), ("offline", "offline")],
    "QA_CHAT_BASE_URL": [
        (f"http://127.0.0.1:11434/v1{call}", "http://127.0.0.1:11434/v1")
        for call in ("", "/", "/chat/completions", "/chat/completions/")
    ],
    "QA_CHAT_API_KEY": [(" sk-1 ", "sk-1")],
    "QA_CHAT_MODEL": [("llama3.2:1b", "llama3.2:1b")],
    "QA_MODEL": [("gpt-5", "gpt-5")],
    "QA_MODELS_ALLOWED": [("gpt-5, ft:*,", ("gpt-5", "ft:*"))],
    "QA_MODELS_FALLBACK": [("gpt-5-mini, gpt-4.1", ("gpt-5-mini", "gpt-4.1"))],
    "QA_BACKGROUND": [("on", True)],
    "QA_TEMPERATURE": [("0", 0.0), ("1.5", 1.5), (" 2 ", 2.0)],
    "QA_TOP_P": [("0.1", 0.1), ("1", 1.0)],
    "QA_MAX_TOKENS": [("16", 16)],
    "QA_INSTRUCTIONS": [("당신은 친절합니다.", "당신은 친절합니다.")],
    "QA_WEB_SEARCH": [("off", False), ("allowed", True)],
    "QA_WEB_SEARCH_CONTEXT": [("low", "low")],
    "QA_IMAGE_MODEL": [("gpt-4.1", "gpt-4.1")],
    "QA_IMAGE_SIZE": [("1536x1024", "1536x1024"), ("auto", "auto")],
    "QA_IMAGE_QUALITY": [("high", "high")],
    "QA_ANSWER_IMAGES": [("on", True)],
    "QA_PRICES": [('{"gpt-5": {"input": 1, "output": 2.5}}', {"gpt-5": {"input": 1.0, "output": 2.5}})],
    "QA_API_KEYS": [
        (
            f"shop:{SECRET}, ann:{SECRET}2:personal",
            (ApiKey("shop", SECRET, personal=False), ApiKey("ann", f"{SECRET}2", personal=True)),
        )
    ],
    "QA_SECRET": [(SECRET, SECRET)],
    "QA_TOKEN_TTL": [("90", 90.0), ("2h", 7200.0)],
    "QA_ALLOW_ANONYMOUS": [("on", True), ("TRUE", True), ("1", True), ("yes", True), ("no", False), ("0", False)],
    "QA_ORIGINS": [
        ("https://a.example, http://b.example:8080", ("https://a.example", "http://b.example:8080")),
        ("http://[::1]:8080", ("http://[::1]:8080",)),
        ("capacitor://localhost,ionic://localhost", ("capacitor://localhost", "ionic://localhost")),
        ("tauri://localhost", ("tauri://localhost",)),
        ("chrome-extension://abcdefghijklmnop", ("chrome-extension://abcdefghijklmnop",)),
        ("moz-extension://b4b2-09", ("moz-extension://b4b2-09",)),
    ],
    "QA_TRUSTED_PROXIES": [("0", 0), ("2", 2)],
    "QA_PUBLIC_URL": [("https://a.example/qa/", "https://a.example/qa")],
    "QA_PREFIX": [("/api/v2", "/api/v2")],
    "QA_RATE": [("30/minute", (30, 60)), ("1 / second", (1, 1)), ("5/hour", (5, 3600)), ("9/day", (9, 86400))],
    "QA_SESSION_TTL": [("30 d", 2_592_000.0)],
    "QA_SESSION_TURNS": [("20", 20)],
    "QA_LOG_TTL": [("2h", 7200.0)],
    "QA_LOG_DONE_TTL": [("5m", 300.0)],
    "QA_LOG_BYTES": [("1MiB", 1 << 20)],
    "QA_IDEMPOTENCY_TTL": [("1d", 86400.0)],
    "QA_MAX_BODY": [("1000", 1000), ("2 MiB", 2 << 20), ("3kib", 3 << 10), ("1GiB", 1 << 30)],
    "QA_MAX_FILE": [("1MiB", 1 << 20)],
    "QA_MAX_FILES": [("3", 3)],
    "QA_SESSION_FILES": [("200", 200)],
    "QA_OWNER_BYTES": [("1GiB", 1 << 30)],
    "QA_MAX_QUESTION": [("500", 500)],
    "QA_BODY_SECONDS": [("1m", 60.0)],
    "QA_SEND_SECONDS": [("0.5", 0.5), ("2m", 120.0)],
    "QA_FILE_SECONDS": [("1.5", 1.5)],
    "QA_FILE_MEMORY": [("512MiB", 512 << 20)],
    "QA_STORE_MEMORY": [("2GiB", 2 << 30)],
    "QA_READ_SECONDS": [("10m", 600.0)],
    "QA_CONTEXT_TOKENS": [("4000", 4000)],
    "QA_DATABASE_URL": [
        ("postgresql://qa:pass@db.example/qa", "postgresql://qa:pass@db.example/qa"),
        ("postgres:///qa?host=/run/postgresql", "postgres:///qa?host=/run/postgresql"),
    ],
    "QA_DATABASE_REPLICA_URL": [("postgresql://qa@replica:6432/qa", "postgresql://qa@replica:6432/qa")],
    "QA_KNOWLEDGE": [("off", False)],
    "QA_COLLECTIONS": [("own, handbook", ("own", "handbook"))],
    "QA_MCP_DESCRIPTIONS": [('{"search": "도서관 안내"}', {"search": "도서관 안내"})],
    "QA_SUMMARIES": [("off", False)],
    "QA_CONTEXT_WINDOWS": [("llama3*=8192, qwen2.5:7b = 32768", (("llama3*", 8192), ("qwen2.5:7b", 32768)))],
    "QA_CONNECT_SECONDS": [("5s", 5.0)],
    "QA_FIRST_TOKEN_SECONDS": [("5", 5.0)],
    "QA_IDLE_SECONDS": [("5", 5.0)],
    "QA_ANSWER_SECONDS": [("5", 5.0)],
    "QA_TRIES": [("1", 1)],
    "QA_HEARTBEAT_SECONDS": [("0.5", 0.5)],
    "QA_GRACE_SECONDS": [("0", 0.0)],
    "QA_DRAIN_SECONDS": [("2m", 120.0)],
    "QA_MAX_ANSWERS": [("10", 10)],
    "QA_DRIFT": [("off", "off")],
    "QA_CITATIONS": [("off", "off"), ("1", "on"), ("check", "check")],
    "QA_SEMANTIC": [("on", "on"), ("off", "off")],
    "QA_TOKENIZER": [("off", "off")],
    "QA_SYNONYMS": [("/dev/null", "")],
    "QA_CITE_LINKS": [("on", True)],
    "QA_YOUTUBE_KEY": [("AIza-1", "AIza-1")],
    "QA_IMAGE_SEARCH_KEY": [("AIza-2", "AIza-2")],
    "QA_IMAGE_SEARCH_ID": [("0123456789abc:d_e-f", "0123456789abc:d_e-f")],
    "QA_NAME": [
        ("도우미", SiteText("도우미", "도우미")),
        ('{"ko": "도우미", "en": "Helper"}', SiteText("도우미", "Helper")),
        ('{"en": "Helper"}', SiteText("Helper", "Helper")),
    ],
    "QA_GREETING": [("무엇이 궁금하세요?", SiteText("무엇이 궁금하세요?", "무엇이 궁금하세요?"))],
    "QA_EXAMPLES": [
        ("몇 시에 여나요? | 책을 예약하려면?", SiteTexts(*[("몇 시에 여나요?", "책을 예약하려면?")] * 2)),
        ('{"ko": ["하나"], "en": ["one", "two"]}', SiteTexts(("하나",), ("one", "two"))),
    ],
    "QA_LOGO": [
        (logo, logo)
        for logo in ("/static/logo.svg", "https://cdn.example/logo.png?v=2", "data:image/png;base64,iVBORw0KGgo=")
    ],
    "QA_ACCENT": [("#0F6b5c", "#0F6b5c"), (" #abc ", "#abc")],
    "QA_SHOW_COST": [("on", True)],
    "QA_CURRENCY": [("KRW", "KRW"), (" EUR ", "EUR")],
    "QA_FRAME_ANCESTORS": [
        ("https://a.example, http://b.example:8080", ("https://a.example", "http://b.example:8080"))
    ],
    "HOST": [("0.0.0.0", "0.0.0.0"), ("::1", "::1"), ("[::]", "::"), ("localhost", "localhost")],
    "PORT": [("1", 1), ("65535", 65535)],
    "WEB_CONCURRENCY": [("4", 4)],
}
WRONG: dict[str, list[str]] = {
    "QA_DATABASE_URL": ["mysql://h/d", "postgresql://h", "postgresql:///d", "postgresql://h:port/d"],
    "QA_COLLECTIONS": [",", "own,my files", "../secret"],
    "QA_MCP_DESCRIPTIONS": ["search", "[1]", '{"find": "it"}', '{"search": 1}'],
    "OPENAI_API_KEY": ["sk-abc\u200b", "“sk-abc”", "sk-a\nb", "sk-a b", "열쇠", "sk-abc\u2026", "sk-\udcff"],
    "OPENAI_BASE_URL": [
        "gateway.example",
        "ftp://gateway.example",
        "https://gate way",
        "https://gate\nway",
        "http://::1/v1",
        "http://[::1/v1",
        "http://[::g]/v1",
        "https://h.example:port/v1",
        "https://h.example:0/v1",
        "https://h.example:99999/v1",
        "https:///v1",
        "https://a..example/v1",
        "https://1.2.3.4.5/v1",
        "https://" + "a" * 64 + ".example",
        "https://a\u200bb.example/v1",
        "https://h.example/v1#part",
    ],
    "OPENAI_ORG_ID": ["조직", "org\t1"],
    "OPENAI_PROJECT_ID": ["proj-\u00e9"],
    "REDIS_URL": [
        "store.example:6379",
        "http://store.example",
        "redis://store.example:port/0",
        "redis://:pass/word@store.example",
        "redis://[::1/0",
        "redis://store.example:99999",
        "redis://store .example",
        "redis+sentinel://one.example:26379,two.example:x/service",
    ],
    "QA_DATA": ["{file}", "{file}/below", "a\0b", "a\nb", "x" * 5000],
    "QA_MODEL": ["gpt\x005", "gpt-5\u200b", "gpt\n5"],
    "QA_MODELS_ALLOWED": ["gpt-5,\x1b[31m"],
    "QA_MODELS_FALLBACK": ["gpt-5\u200b"],
    "QA_INSTRUCTIONS": ["\udcb4\udce7"],
    "QA_UPSTREAM": ["openai", "Auto"],
    "QA_CHAT_BASE_URL": ["127.0.0.1:11434", "https://h.example/v1#part"],
    "QA_CHAT_API_KEY": ["sk-abc\u200b"],
    "QA_CHAT_MODEL": ["llama\n3"],
    "QA_TEMPERATURE": ["2.1", "-1", "warm", "nan", "inf", "1e-1"],
    "QA_TOP_P": ["1.01"],
    "QA_MAX_TOKENS": ["0", "-5", "4k", "1.5", "15", "9" * 400],
    "QA_WEB_SEARCH": ["perhaps"],
    "QA_WEB_SEARCH_CONTEXT": ["highest"],
    "QA_IMAGE_MODEL": ["gpt\n4"],
    "QA_IMAGE_SIZE": ["large", "0x0", "99999999x1"],
    "QA_IMAGE_QUALITY": ["best"],
    "QA_ANSWER_IMAGES": ["perhaps"],
    "QA_PRICES": [
        "{",
        "[]",
        '{"m": {"input": 1}}',
        '{"m": {"input": 1, "output": 1, "x": 1}}',
        '{"m": {"input": "a"}}',
        '{"\udcb4": {"input": 1, "output": 1}}',
    ],
    "QA_API_KEYS": [
        SECRET,
        f":{SECRET}",
        "shop:tooshort",
        f"shop:{SECRET}:admin",
        f"shop:{SECRET} x",
        "shop:",
        f"sh\x07op:{SECRET}",
    ],
    "QA_STORE_MEMORY": ["1", "1MiB", "16383KiB", "much"],
    "QA_SECRET": ["tooshort", f"{SECRET}!"],
    "QA_TOKEN_TTL": ["0", "soon", "-1", "1w", "9" * 400, "999999999999"],
    "QA_ALLOW_ANONYMOUS": ["2"],
    "QA_ORIGINS": [
        *(
            "*",
            "null",
            "a.example",
            "https://a.example/path",
            "https://*.example",
            "https://a.example?",
            "://a.example",
        ),
        *(
            "https://a.example:x",
            "https://조직.example",
            "https://me@a.example",
            "file://",
            "ionic://",
            "javascript:alert(1)",
        ),
        *("*://localhost", "capacitor://*", "tauri://localhost/"),
    ],
    "QA_TRUSTED_PROXIES": ["-1", "one"],
    "QA_PUBLIC_URL": ["a.example", "https://[a.example", "https://a.example/?x=1"],
    "QA_PREFIX": ["api", "/", "/api/", "/a b"],
    "QA_RATE": ["30", "0/hour", "30/fortnight", "many/minute", "9" * 30 + "/day"],
    "QA_SESSION_TTL": ["0"],
    "QA_MAX_BODY": ["0", "-1", "64MB", "1.5MiB", "9" * 30, "9999999GiB"],
    "QA_SESSION_FILES": ["0", "many"],
    "QA_OWNER_BYTES": ["0", "unlimited"],
    "QA_SEND_SECONDS": ["0", "-1"],
    "QA_READ_SECONDS": ["0", "5min"],
    "QA_GRACE_SECONDS": ["-1"],
    "QA_DRIFT": ["on"],
    "QA_SEMANTIC": ["yes"],
    "QA_TOKENIZER": ["on"],
    "QA_SYNONYMS": ["/nowhere/words.txt", "/", "a\0b"],
    "QA_NAME": ["{", '{"fr": "Aide"}', "{}", "a\u200b", "x" * 301, "\udcb4", '{"ko": "\udcb4"}'],
    "QA_EXAMPLES": ["|", "|".join("abcdefg"), '{"ko": "하나"}', '{"ko": []}'],
    "QA_LOGO": [
        *("logo.svg", "//evil.example/a.png", "http://a.example/a.png", "https://a.example", "javascript:1"),
        *("data:text/html;base64,PGI+", "https://a b/c", '/a;"><script>', "https://a.example;/x"),
    ],
    "QA_ACCENT": ["green", "#12", "#0f6b5c80", "#0f6b5c;}"],
    "QA_SHOW_COST": ["perhaps"],
    "QA_CURRENCY": ["won", "US$", "usd", "USDT"],
    "QA_FRAME_ANCESTORS": [
        "*",
        "'self'",
        "https://*.example",
        "a.example",
        "https://a.example/",
        "capacitor://localhost",
    ],
    "HOST": ["a b", "[::1", "1.2.3.4.5", "http://127.0.0.1", "127.0.0.1:80", "::g", "a..b", "안\u200b"],
    "PORT": ["0", "65536", "http", "-1"],
    "WEB_CONCURRENCY": ["0", "auto"],
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder to stand in, and an environment without settings."""
    for key in SETTING_READERS:
        monkeypatch.delenv(key, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def name_of(key: str) -> str:
    return key.removeprefix("QA_").lower()


class TestValues:
    def test_every_setting_is_tried_below(self) -> None:
        assert GIVEN.keys() == SETTING_READERS.keys()
        assert {name_of(key) for key in SETTING_READERS} == set(Settings.__struct_fields__)

    @pytest.mark.parametrize(
        ("key", "text", "value"), [(k, text, value) for k, g in GIVEN.items() for text, value in g]
    )
    def test_a_setting_is_read(self, key: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(key, text)
        assert getattr(from_environment(), name_of(key)) == value

    @pytest.mark.parametrize(("key", "text"), [(key, text) for key, texts in WRONG.items() for text in texts])
    def test_a_wrong_one_is_named_and_not_shown(
        self, key: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        text = text.replace("{file}", str(tmp_path / "file"))
        if key in LISTENING:  # a host's configuration can hold what no environment can, but not these
            monkeypatch.setenv(key, text)
        with pytest.raises(SettingsError) as refusal:
            from_environment() if key in LISTENING else from_config({key: text})
        said = str(refusal.value).removeprefix(f"{key}: ")
        assert said != str(refusal.value)
        assert len(text) < 4 or text not in said
        assert refusal.value.__cause__ is None

    def test_an_empty_one_is_absent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for key in SETTING_READERS:
            monkeypatch.setenv(key, "")
        assert from_environment() == Settings()

    def test_nothing_set_gives_the_defaults(self) -> None:
        assert from_environment() == Settings()

    def test_no_value_is_ever_printed(self) -> None:
        settings = Settings(openai_api_key="sk-1", secret=SECRET, api_keys=(ApiKey("shop", SECRET, personal=True),))
        shown = f"{settings!r} {settings} {settings.api_keys!r}"
        assert "sk-1" not in shown
        assert SECRET not in shown
        assert "shop" in shown


class TestEnvironment:
    def test_the_file_is_read(self, elsewhere: Path) -> None:
        (elsewhere / ".env").write_text(
            "QA_MODEL=from-file\nOTHER=ignored\nQA_INSTRUCTIONS='한 줄'\n", encoding="utf-8"
        )
        settings = from_environment()
        assert (settings.model, settings.instructions) == ("from-file", "한 줄")

    def test_the_real_environment_wins_over_the_file(self, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (elsewhere / ".env").write_text("QA_MODEL=from-file\nQA_TRIES=2\n")
        monkeypatch.setenv("QA_MODEL", "real")
        settings = from_environment()
        assert (settings.model, settings.tries) == ("real", 2)

    def test_the_file_may_lie_elsewhere(self, tmp_path: Path) -> None:
        folder = tmp_path / "site"
        folder.mkdir()
        (folder / ".env").write_text("QA_MODEL=from-file\n")
        assert from_environment(folder).model == "from-file"

    def test_a_file_that_is_no_text_is_refused(self, elsewhere: Path) -> None:
        (elsewhere / ".env").write_bytes(b"QA_INSTRUCTIONS=\xb4\xe7\n")
        with pytest.raises(SettingsError, match=r"^\.env: expected UTF-8"):
            from_environment()

    def test_a_file_that_cannot_be_read_is_refused(self, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (elsewhere / ".env").touch()
        opened = io.open  # root may read a file even where nobody may

        def refuse(path: object, *arguments: object, **options: object) -> object:
            if str(path).endswith(".env"):
                raise PermissionError
            return opened(path, *arguments, **options)

        monkeypatch.setattr("builtins.open", refuse)
        with pytest.raises(SettingsError, match=r"^\.env: expected a file"):
            from_environment()

    def test_an_unknown_key_in_the_file_is_refused_by_name(self, elsewhere: Path) -> None:
        (elsewhere / ".env").write_text("QA_MODLE=gpt-5\nQA_ALSO\n")
        with pytest.raises(SettingsError, match=r"QA_ALSO, QA_MODLE in \.env") as refusal:
            from_environment()
        assert "gpt-5" not in str(refusal.value)

    def test_an_unknown_key_in_the_environment_is_a_warning(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("QA_MODLE", "hidden")
        with caplog.at_level(logging.WARNING):
            assert from_environment() == from_config({})
        assert [record.getMessage() for record in caplog.records] == [
            "QA_MODLE in the environment: no such setting"
        ] * 2

    def test_what_a_site_has_set_to_pass_questions_on_is_no_warning(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        read = re.compile(r"""env\w*(?:\.get)?[.\[(]["']?(QA_\w+)""")
        examples = [file for file in (ROOT / "examples").rglob("*") if file.suffix in {".js", ".php", ".py"}]
        names = {name for file in examples for name in read.findall(file.read_text())}
        for name in names:
            monkeypatch.setenv(name, "anything")
        with caplog.at_level(logging.WARNING):
            from_environment()
        assert names
        assert caplog.records == []


class TestHostConfig:
    def test_a_hosts_values_are_read_whatever_their_type(self) -> None:
        settings = from_config(
            {
                "QA_MAX_FILES": 7,
                "QA_CITATIONS": False,
                "QA_ALLOW_ANONYMOUS": True,
                "QA_ORIGINS": ["https://a.example", "https://b.example"],
                "QA_DATA": Path("/data"),
                "OPENAI_API_KEY": "sk-1",
            }
        )
        assert (settings.max_files, settings.citations, settings.allow_anonymous) == (7, "off", True)
        assert settings.origins == ("https://a.example", "https://b.example")
        assert (settings.data, settings.openai_api_key) == (Path("/data"), "sk-1")

    def test_they_win_over_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("QA_MODEL", "environment")
        monkeypatch.setenv("QA_TRIES", "2")
        settings = from_config({"QA_MODEL": "host"})
        assert (settings.model, settings.tries) == ("host", 2)

    def test_a_value_of_none_is_absent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("QA_MODEL", "environment")
        settings = from_config({"REDIS_URL": None, "OPENAI_API_KEY": None, "QA_MODEL": None})
        assert settings == Settings(model="environment")

    def test_where_a_host_listens_is_its_own_business(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PORT", "tcp://10.0.0.1:80")
        monkeypatch.setenv("WEB_CONCURRENCY", "auto")
        assert from_config({"HOST": "another", "PORT": "none"}) == Settings()

    def test_its_own_keys_are_left_alone_and_unknown_ones_of_ours_refused(self) -> None:
        assert from_config({"SECRET_KEY": "x", "DEBUG": True}) == Settings()
        with pytest.raises(SettingsError, match=r"QA_MODLE in app\.config"):
            from_config({"QA_MODLE": "x"})

    def test_a_wrong_value_is_named(self) -> None:
        with pytest.raises(SettingsError, match=r"^QA_MAX_FILES: expected"):
            from_config({"QA_MAX_FILES": 0})


class TestMeaning:
    @pytest.mark.parametrize(
        ("settings", "itself"),
        [
            (Settings(), True),
            (Settings(openai_api_key="sk-1"), False),
            (Settings(openai_api_key="sk-1", upstream="offline"), True),
            (Settings(upstream="responses"), False),
            (Settings(upstream="chat"), False),
            (Settings(chat_base_url="http://h.example/v1"), False),
            (Settings(chat_model="m", chat_api_key="sk-1"), True),
        ],
    )
    def test_without_a_key_or_a_model_it_answers_itself(self, settings: Settings, itself: bool) -> None:
        assert settings.answers_itself is itself

    @pytest.mark.parametrize(
        ("fields", "upstream", "model"),
        [
            ({"openai_api_key": "sk-1", "chat_base_url": "http://h.example"}, "responses", "gpt"),
            ({"openai_api_key": "sk-1", "chat_base_url": "http://h.example", "upstream": "chat"}, "chat", "llama"),
            ({"chat_base_url": "http://h.example"}, "chat", "llama"),
            ({"chat_base_url": "http://h.example", "chat_model": ""}, "chat", "gpt"),
            ({}, "offline", "gpt"),
        ],
    )
    def test_the_first_model_is_the_one_of_the_upstream_that_is_asked_first(
        self, fields: dict[str, str], upstream: str, model: str
    ) -> None:
        settings = Settings(**{"model": "gpt", "chat_model": "llama", **fields})
        assert (settings.first_upstream, settings.first_model) == (upstream, model)
        assert settings.allows(model)

    def test_only_listed_models_may_be_asked(self) -> None:
        settings = Settings(model="gpt-5", models_allowed=("ft:*",))
        asked = ["gpt-5", "ft:gpt-5:shop", "gpt-5-pro", "FT:x"]
        assert [settings.allows(model) for model in asked] == [True, True, False, False]

    def test_there_is_always_a_worker(self) -> None:
        assert Settings().workers >= 1
        assert Settings(web_concurrency=3).workers == 3


class TestProxy:
    @pytest.fixture(autouse=True)
    def no_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)

    @pytest.mark.parametrize(
        ("named", "address"),
        [
            ({}, ""),
            ({"HTTPS_PROXY": "http://user:pa%40ss@127.0.0.1:8118"}, "http://user:pa%40ss@127.0.0.1:8118"),
            ({"ALL_PROXY": "127.0.0.1:8118"}, "http://127.0.0.1:8118"),
            ({"HTTPS_PROXY": "http://[::1]:8118/", "ALL_PROXY": "socks5://127.0.0.1:1080"}, "http://[::1]:8118/"),
            ({"HTTP_PROXY": "socks5://127.0.0.1:1080"}, ""),
            ({"ALL_PROXY": "socks5://127.0.0.1:1080", "NO_PROXY": "api.example"}, ""),
        ],
    )
    def test_the_one_that_is_used_is_found_and_no_other_matters(
        self, named: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in named.items():
            monkeypatch.setenv(name, value)
        assert upstream_proxy("api.example") == address

    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
    @pytest.mark.parametrize(
        "value", ["socks5://127.0.0.1:1080", "https://127.0.0.1:9", "http://:80", "127.0.0.1:pass", "http://[::1"]
    )
    def test_one_that_cannot_be_spoken_to_is_named_and_not_shown(
        self, name: str, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError, match=f"^{name}: expected") as refused:
            upstream_proxy("api.example")
        assert value not in str(refused.value)
