"""How gunicorn is started where it may not be, how it is stopped, and what it takes: by `gunicorn.conf.py`."""

import http.client
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.live.processes import BIN, ROOT, Service, clean_environment, free_port, gunicorn, service
from tests.live.reading import Asked, request
from tests.scripted_upstream import Script, ScriptedUpstream

Start = Callable[..., AbstractContextManager[Service]]
AT_ONCE = 5.0
ENDLESS = Script(deltas=600, rate=20)
SHORT = Script(deltas=40, rate=20)


@pytest.fixture
def model() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def start(model: ScriptedUpstream, tmp_path: Path) -> Start:
    """gunicorn over the model and a private store; started again, it finds the same data."""
    return lambda: gunicorn(tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=model.url)


def idle(served: Service) -> http.client.HTTPConnection:
    """A connection that is kept for later, as browsers do."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("GET", "/api/healthz")
    connection.getresponse().read()
    return connection


def test_ctrl_c_ends_answers_at_once_and_keeps_what_was_written(start: Start, model: ScriptedUpstream) -> None:
    model.script(ENDLESS)
    with start() as served:
        asked = Asked(served.url, "안녕?")
        asked.first("text")
        os.killpg(served.process.pid, signal.SIGINT)  # as a terminal does: to everybody
        asked.finish()
        assert served.process.wait(AT_ONCE) == 0
        assert "Traceback" not in served.said
    with start() as again:
        _, kept = request(again.url, f"/api/answers/{asked.answer_id}")

    assert (asked.status, kept["status"]) == ("failed", "failed")
    assert kept["text"] == asked.text
    asked.hang_up()


def test_at_sigterm_an_answer_runs_on_to_its_end(start: Start, model: ScriptedUpstream) -> None:
    model.script(SHORT)
    with start() as served, Asked(served.url, "안녕?") as asked:
        asked.first("text")
        served.process.terminate()
        asked.finish()

        assert asked.status == "completed"
        assert served.process.wait(AT_ONCE) == 0


def test_at_sigterm_nobody_waits_for_idle_connections(start: Start) -> None:
    with start() as served:
        browsers = [idle(served) for _ in range(6)]
        served.process.terminate()

        assert served.process.wait(AT_ONCE) == 0
        for browser in browsers:
            browser.close()


def test_at_sigterm_an_answer_that_takes_too_long_is_ended_and_kept(model: ScriptedUpstream, tmp_path: Path) -> None:
    command = [str(BIN / "gunicorn"), "-c", str(ROOT / "gunicorn.conf.py"), "--chdir", str(ROOT), "wsgi:app"]
    settings = {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": model.url,
        "QA_ALLOW_ANONYMOUS": "on",
        "QA_DRAIN_SECONDS": "1",
    }
    model.script(ENDLESS)
    with service(command, tmp_path, free_port(), **settings) as served, Asked(served.url, "안녕?") as asked:
        asked.first("text")
        served.process.terminate()
        asked.finish()

        assert asked.status == "failed"
        assert next(seen for seen in asked.seen if seen.kind == "metadata").content["saved"]
        assert served.process.wait(AT_ONCE) == 0


@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1"])
def test_it_listens_to_the_world_only_where_callers_can_be_told_apart(tmp_path: Path, address: str) -> None:
    command = [BIN / "gunicorn", "-c", ROOT / "gunicorn.conf.py", "-b", address, "--chdir", ROOT, "wsgi:app"]
    env = clean_environment({"QA_DATA": str(tmp_path)})
    ended = subprocess.run([str(part) for part in command], env=env, capture_output=True, text=True, timeout=30)

    assert ended.returncode != 0
    assert "QA_API_KEYS" in ended.stderr


def test_a_wrong_setting_is_named_and_nothing_starts(tmp_path: Path) -> None:
    command = [BIN / "gunicorn", "-c", ROOT / "gunicorn.conf.py", "--chdir", ROOT, "wsgi:app"]
    env = clean_environment({"QA_DATA": str(tmp_path), "QA_TRIES": "many"})
    ended = subprocess.run([str(part) for part in command], env=env, capture_output=True, text=True, timeout=30)

    assert ended.returncode != 0
    assert ended.stderr.startswith("QA_TRIES: ")


def test_a_question_of_880_korean_characters_fits_into_an_address(start: Start) -> None:
    question = "가" * 880
    with start() as served:
        status, answer = request(served.url, f"/api/ask?stream=false&question={quote(question)}")

    assert (status, answer["question"]) == (200, question)


def test_nobody_is_believed_about_the_way_a_request_came(start: Start) -> None:
    body = json.dumps({"question": "안녕?", "stream": False}).encode()
    headers = {"Content-Type": "application/json", "X-Forwarded-Proto": "https"}
    with start() as served:
        foreign = {**headers, "Origin": served.url.replace("http:", "https:")}
        status, problem = request(served.url, "/api/ask", "POST", body=body, headers=foreign)

    assert (status, problem["code"]) == (403, "forbidden_origin")
