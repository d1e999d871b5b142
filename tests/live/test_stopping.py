"""These tests show how gunicorn is started where it may not be, how it is stopped, and what it takes: by
`gunicorn.conf.py`."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.live.following import Asking, Follower
from tests.live.judging import check, check_broken, check_goes_on, check_history, check_nothing_left, check_whole
from tests.live.processes import BIN, ROOT, Service, children, clean_environment, free_port, gunicorn, running, until
from tests.live.reading import Asked, request
from tests.scripted_upstream import KOREAN, Script, ScriptedUpstream, pieces

Start = Callable[..., AbstractContextManager[Service]]
AT_ONCE = 15.0
"""Whatever happens at once takes at most this many seconds. Whoever waited for an answer or a connection would need
twice as many."""
ENDLESS = Script(deltas=600, rate=20)
SHORT = Script(deltas=25, rate=20)
DRAIN = 3
"""A worker drains for this many seconds. The hasty answer needs a sixth of them, and the lasting one thrice as many."""
PAUSE = 0.1
"""Somebody who asks all the time pauses for this many seconds between two questions. Each reload lasts many times as
long."""
HASTY = Script(deltas=10, rate=20)
LASTING = Script(deltas=180, rate=20)


@pytest.fixture
def model() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def start(model: ScriptedUpstream, tmp_path: Path) -> Start:
    """Start gunicorn over the model and a private store. When it is started again, it finds the same data."""
    return lambda **how: gunicorn(tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=model.url, **how)


def idle(served: Service) -> http.client.HTTPConnection:
    """Return a connection that is kept for later, as browsers do."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("GET", "/api/healthz")
    connection.getresponse().read()
    return connection


def drains(way: http.client.HTTPConnection) -> bool:
    """Tell whether the worker at the other end takes no more questions: it says so, or has closed the connection."""
    try:
        way.request("GET", "/api/readyz")
        response = way.getresponse()
        response.read()
    except ConnectionError:
        return True
    return response.status == 503


class HalfSent:
    """A `HalfSent` is a question of which a part has arrived."""

    def __init__(self, served: Service) -> None:
        self._body = json.dumps({"question": "안녕?", "stream": False}).encode()
        head = f"Content-Type: application/json\r\nContent-Length: {len(self._body)}\r\nHost: localhost"
        self._socket = socket.create_connection(("127.0.0.1", served.port), timeout=10)
        self._socket.sendall(f"POST /api/ask HTTP/1.1\r\n{head}\r\n\r\n".encode() + self._body[:5])

    def finish(self) -> tuple[int, str]:
        """Send the rest. Return the status, and the code of what was wrong."""
        with self._socket:
            self._socket.sendall(self._body[5:])
            response = http.client.HTTPResponse(self._socket)
            response.begin()
            return response.status, str(json.loads(response.read()).get("code"))


def test_ctrl_c_ends_answers_at_once_and_keeps_what_was_written(start: Start, model: ScriptedUpstream) -> None:
    model.script(ENDLESS)
    with start(start=running) as served:  # by its command, so that all is as in a terminal
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


SLOW_START = """
exec(compile(open({path!r}).read(), {path!r}, "exec"))
known = post_fork


def post_fork(server, worker):
    import time

    time.sleep(1)
    known(server, worker)
"""


def test_at_sigterm_nobody_waits_for_a_worker_that_is_just_starting(tmp_path: Path) -> None:
    configuration = tmp_path / "slow.conf.py"
    configuration.write_text(SLOW_START.format(path=str(ROOT / "gunicorn.conf.py")))
    command = [str(BIN / "gunicorn"), "-c", str(configuration), "--chdir", str(ROOT), "wsgi:app"]
    settings = {"QA_DATA": str(tmp_path), "PORT": str(free_port()), "WEB_CONCURRENCY": "2", "QA_SEMANTIC": "off"}
    with running(command, cwd=tmp_path, log=tmp_path / "log", env=settings) as process:
        until(lambda: len(children(process.pid)) == 2, 20, "both workers are there")
        process.terminate()

        assert process.wait(AT_ONCE) == 0


def test_at_sigterm_nobody_waits_for_idle_connections(start: Start) -> None:
    with start() as served:
        browsers = [idle(served) for _ in range(6)]
        served.process.terminate()

        assert served.process.wait(AT_ONCE) == 0
        for browser in browsers:
            browser.close()


@pytest.mark.parametrize("background", [False, True], ids=["plain", "background"])
def test_at_sigterm_an_answer_that_takes_too_long_goes_on_after_the_restart(
    model: ScriptedUpstream, tmp_path: Path, background: bool
) -> None:
    """Its readers are told to come back; without upstream's background mode it is honestly broken off by then."""
    settings = {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": model.url,
        "QA_DRAIN_SECONDS": str(DRAIN),
        "QA_BACKGROUND": "on" if background else "off",
        "PORT": str(free_port()),
    }
    model.script(LASTING, HASTY)
    with gunicorn(tmp_path, **settings) as served:
        long = Follower(served.url, "안녕?")
        long.wait_text(5)
        hasty = Follower(served.url, "안녕?")
        hasty.wait_text(2)
        half = HalfSent(served)
        ways = served.connections().values()
        served.process.terminate()
        for way in ways:
            until(lambda way=way: drains(way), AT_ONCE, "each worker drains")
            way.close()
        assert half.finish() == (503, "draining")
        long.wait(lambda reader: reader.reconnects, AT_ONCE)
        assert hasty.finish().status == "completed"
        assert served.process.wait(AT_ONCE) == 0
    with gunicorn(tmp_path, **settings) as again:
        said = "".join(pieces(LASTING))
        long.finish()
        if background:
            check_whole(again, said, long)
        else:
            check_broken(again, said, long, code="interrupted")
        check_history(again, hasty)
        check_goes_on(again, long, hasty)
        check_nothing_left(again, model)
    assert long.reconnects == 1


def test_a_reload_under_load_loses_no_question_and_no_answer(model: ScriptedUpstream, tmp_path: Path) -> None:
    settings = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": model.url, "QA_DRAIN_SECONDS": "1"}
    with gunicorn(tmp_path, QA_BACKGROUND="on", **settings) as served:
        served.until_workers(2)
        model.script(Script(deltas=150, rate=25, times=4))
        lasting = [Follower(served.url, f"긴 질문 {number}") for number in range(4)]
        for reader in lasting:
            reader.wait_text(1)
        askers = [Asking(lambda: Follower(served.url), pause=PAUSE) for _ in range(3)]
        reloads = []
        for _ in range(2):
            old, began = served.workers(), time.monotonic()
            served.process.send_signal(signal.SIGHUP)
            served.until_workers(2, without=old)
            reloads.append((began, time.monotonic()))
        for asker in askers:
            asker.stop()
        asked = [reader for asker in askers for reader in asker.join()]
        for reader in lasting:
            check_whole(served, "".join(pieces(Script(deltas=150))), reader.finish())
        for reader in asked:
            check(reader)
            assert (reader.status, reader.text) == ("completed", KOREAN), reader.story()
        again = sum(reader.connections > 1 for reader in asked)
        print(f"\n{len(asked)} questions over two reloads, {again} of them came back for the rest")
        for began, ended in reloads:
            assert any(began < reader.seen[0].at < ended for reader in asked), "nobody asked during a reload"
        check_nothing_left(served, model)


def test_a_worker_that_ends_after_so_many_requests_loses_nothing(model: ScriptedUpstream, tmp_path: Path) -> None:
    settings = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": model.url}
    with gunicorn(tmp_path, GUNICORN_CMD_ARGS="--max-requests 15", **settings) as served:
        served.until_workers(2)
        first = served.workers()
        askers = [Asking(lambda: Follower(served.url), pause=PAUSE) for _ in range(3)]
        until(lambda: not set(first) & set(served.workers()), 20, "both workers have been replaced")
        for asker in askers:
            asker.stop()
        asked = [reader for asker in askers for reader in asker.join()]
        for reader in asked:
            check(reader)
            assert (reader.status, reader.text) == ("completed", KOREAN), reader.story()
            assert set(reader.refused) <= {"draining"}  # to be asked again at once; an accepted question isn't cut
            assert reader.connections == 1 + len(reader.refused), reader.story()


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
    assert ended.stderr.startswith("qa-service: QA_TRIES: ")


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
