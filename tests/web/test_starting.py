"""A server that can't start says in one line what keeps it from starting, and gunicorn doesn't try again."""

import logging

import pytest
from flask import Flask
from gunicorn.arbiter import Arbiter

from qa_service.errors import StoreUnavailable
from qa_service.settings import SettingsError
from qa_service.web.app import create_app
from qa_service.web.serving import app_or_exit, make_served_app


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "redis://store.example?no_such_option=1"),
        ("ALL_PROXY", "socks5://127.0.0.1:1080"),
        ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
    ],
)
@pytest.mark.parametrize("start", [make_served_app, lambda: app_or_exit(create_app)], ids=["serve", "wsgi"])
def test_what_only_a_library_can_judge_is_named_in_one_line(
    start, name, value, tmp_path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://upstream.example/v1")
    monkeypatch.setenv("QA_SECRET", "s" * 20)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        start()
    assert ended.value.code == Arbiter.APP_LOAD_ERROR
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert name in line.getMessage()
    assert value not in line.getMessage()
    assert line.exc_info is None


@pytest.mark.parametrize("error", [SettingsError("QA_DATA: expected"), StoreUnavailable("it can't be started")])
def test_whatever_else_is_ours_is_named_in_one_line_too(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Flask:
        raise error

    with pytest.raises(SystemExit):
        app_or_exit(fail)
    assert [record.getMessage() for record in caplog.records] == [str(error)]


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        app_or_exit(lambda: Flask(str(1 // 0)))
