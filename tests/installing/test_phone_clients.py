"""The clients for Android and iOS, compiled for this machine and run, with the service behind a cable that is cut."""

import json
import random
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from tests.installing.swift import compile_swift
from tests.live.cable import Cable
from tests.live.processes import ROOT, Service, gunicorn, program, until
from tests.live.stores import redis_server
from tests.scripted_upstream import Script, ScriptedUpstream

SECRET = "server-secret-0123456789"
JSON = Path("/usr/share/java/com.android.json.jar")
COMPILER = "kotlin-compiler@2.4.20"
CUTS = 25
LONGEST_SECONDS = 120
"""A command that takes longer is killed, and its test fails."""
TEXT = " ".join(f"{number}번째 \U0001f600" for number in range(240))

KILL = object()

Frame = dict[str, Any]
Frames = list[Frame]


class Phone:
    """A `Phone` is the command line of a client, with the frames that it shows."""

    def __init__(self, command: Sequence[str], url: str) -> None:
        self._command = [*command, f"{url}/api"]

    def run(self, *arguments: object, look: Callable[[Frame], object] = lambda frame: None) -> Frames:
        """Run a command to its end, or until `look`, which sees each frame when it comes, says `KILL`."""
        frames = []
        command = [*self._command, *map(str, arguments)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            too_long = threading.Timer(LONGEST_SECONDS, running.kill)
            too_long.start()
            try:
                for line in running.stdout:
                    frames.append(json.loads(line))
                    if look(frames[-1]) is KILL:
                        running.kill()
                        return frames
                assert running.wait() == 0, running.stderr.read()
            finally:
                too_long.cancel()
        return frames


class Login(BaseHTTPRequestHandler):
    """A `Login` serves what a company's sign-on shows to whoever isn't signed in."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>Sign in</html>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Refusing(BaseHTTPRequestHandler):
    """A `Refusing` refuses every question as its test says, and counts them."""

    problem: ClassVar[Frame] = {}
    status = 0
    wait = ""
    asked = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked += 1
        body = json.dumps(self.problem).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        if self.wait:
            self.send_header("Retry-After", self.wait)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class SlowCable(Cable):
    """Over a `SlowCable` a large file takes seconds."""

    def hear(self, piece: bytes) -> None:
        time.sleep(len(piece) / 6e6)


def compile_kotlin(folder: Path) -> list[str]:
    subprocess.run([program("npm"), "install", "--silent", "--prefer-offline", COMPILER], cwd=folder, check=True)
    compiler, jar = folder / "node_modules/kotlin-compiler", folder / "phone.jar"
    sources = [str(path) for path in (ROOT / "clients/kotlin").glob("*.kt")]
    command = [str(compiler / "bin/kotlinc"), "-Werror", "-cp", str(JSON), "-d", str(jar), *sources]
    subprocess.run(["bash", *command], check=True)
    path = f"{jar}:{compiler / 'lib/kotlin-stdlib.jar'}:{JSON}"
    return [program("java"), "-Xshare:auto", "-cp", path, "qaservice.PhoneKt"]


def compile_for_ios(folder: Path) -> list[str]:
    sources = [Path(shutil.copy(path, folder)) for path in (ROOT / "clients/swift").glob("*.swift")]
    return compile_swift(sources, folder / "phone")


@pytest.fixture(scope="module", params=[compile_kotlin, compile_for_ios], ids=["kotlin", "swift"])
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the command that runs a client, which was just compiled."""
    compile_client: Callable[[Path], list[str]] = request.param
    return compile_client(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("served")
    with redis_server(folder) as redis:
        settings = {"REDIS_URL": redis.url, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": upstream.url}
        with gunicorn(folder, QA_API_KEYS=f"site:{SECRET}", **settings) as service:
            yield service


@pytest.fixture(scope="module")
def cable(served: Service) -> Iterator[Cable]:
    with Cable(served.port) as cable:
        yield cable


@pytest.fixture
def phone(compiled: list[str], cable: Cable) -> Phone:
    return Phone(compiled, cable.url)


@pytest.fixture
def conversation() -> str:
    return f"phone-{uuid4().hex}"


@pytest.fixture(scope="module")
def token(served: Service) -> str:
    """Return a token, as the app's own backend gets it for one of its users."""
    headers = {"Authorization": f"Bearer {SECRET}", "X-User-Id": "user-1"}
    request = urllib.request.Request(f"{served.url}/api/tokens", method="POST", headers=headers)
    with urllib.request.urlopen(request) as response:
        return str(json.load(response)["token"])


def text(frames: Frames) -> str:
    return "".join(frame["content"] for frame in frames if frame.get("type") == "text")


def states(frames: Frames) -> list[str]:
    return [frame["state"] for frame in frames if "state" in frame]


def status(served: Service, token: str, answer_id: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{served.url}/api/answers/{answer_id}", headers=headers)
    with urllib.request.urlopen(request) as response:
        return str(json.load(response)["status"])


def cut_often(cable: Cable, ended: threading.Event) -> None:
    chance = random.Random(1)
    for _ in range(CUTS):
        if ended.wait(chance.uniform(0.02, 0.3)):
            return
        cable.cut()


def test_an_answer_survives_cuts_whole_and_is_paid_once(
    phone: Phone, conversation: str, cable: Cable, token: str, upstream: ScriptedUpstream
) -> None:
    upstream.requests.clear()
    upstream.script(Script(text=TEXT, rate=200))
    ended = threading.Event()
    cutting = threading.Thread(target=partial(cut_often, cable, ended))
    cutting.start()
    frames = phone.run("ask", token, conversation, "배송은 며칠 걸려요?")
    ended.set()
    cutting.join()
    assert text(frames) == TEXT
    assert len(upstream.requests) == 1
    assert "RECONNECTING" in states(frames)
    assert states(frames)[-1] == "DONE"
    numbers = [frame["seq"] for frame in frames if "seq" in frame]
    assert numbers == sorted(set(numbers))


def test_an_upload_that_is_cut_is_sent_again_and_asked_once(
    compiled: list[str], served: Service, conversation: str, token: str, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    report = tmp_path / "보고서.txt"
    report.write_text("배송은 사흘 걸립니다. " * 250_000)
    upstream.requests.clear()
    with SlowCable(served.port) as cable:
        cuts = iter([cable.cut])

        def cut_half_way(frame: Frame) -> None:
            if frame.get("sent", 0) > report.stat().st_size / 2:
                next(cuts, lambda: None)()

        phone = Phone(compiled, cable.url)
        frames = phone.run("ask", token, conversation, "배송은 며칠 걸려요?", report, look=cut_half_way)
    sent = [frame["sent"] for frame in frames if "sent" in frame]
    assert sent != sorted(sent)
    assert sent[-1] == next(frame["size"] for frame in frames if "size" in frame)
    assert any(frame.get("type") == "done" for frame in frames)
    assert len(upstream.requests) == 1


def test_an_app_that_the_system_ended_goes_on_where_it_was(
    phone: Phone, conversation: str, token: str, upstream: ScriptedUpstream, served: Service
) -> None:
    upstream.requests.clear()
    upstream.script(Script(text=TEXT, rate=200))
    first = phone.run(
        "ask", token, conversation, "세어 주세요", look=lambda frame: KILL if frame.get("type") == "text" else None
    )
    answer_id = next(frame for frame in first if frame.get("type") == "start")["content"]["answerId"]
    until(lambda: status(served, token, answer_id) == "completed", 10, "the answer ended while nobody read it")
    then = phone.run("resume", token, answer_id, first[-1]["seq"])
    assert text(first) + text(then) == TEXT
    assert states(then)[-1] == "DONE"
    assert len(upstream.requests) == 1


def test_an_answer_stops_when_told(phone: Phone, conversation: str, token: str, upstream: ScriptedUpstream) -> None:
    upstream.script(Script(deltas=600, rate=20))
    frames = phone.run("stop", token, conversation, "길게 써 주세요", 3)
    done = next(frame for frame in frames if frame.get("type") == "done")
    assert done["content"]["status"] == "cancelled"
    assert sum(frame.get("type") == "text" for frame in frames) < 100


def test_a_stop_that_is_lost_on_its_way_is_told_again(
    phone: Phone, conversation: str, cable: Cable, token: str, upstream: ScriptedUpstream
) -> None:
    upstream.script(Script(deltas=600, rate=20))
    plugs = iter([threading.Timer(0.5, cable.plug)])

    def refuse_for_a_while(frame: Frame) -> None:
        if frame.get("type") == "text" and (plug := next(plugs, None)):
            cable.refuse()
            plug.start()

    frames = phone.run("stop", token, conversation, "길게 써 주세요", 3, look=refuse_for_a_while)
    done = next(frame for frame in frames if frame.get("type") == "done")
    assert done["content"]["status"] == "cancelled"
    assert sum(frame.get("type") == "text" for frame in frames) < 100


def test_a_question_that_is_stopped_while_its_file_is_sent_is_not_asked(
    compiled: list[str], served: Service, conversation: str, token: str, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    report = tmp_path / "보고서.txt"
    report.write_text("배송은 사흘 걸립니다. " * 600_000)
    upstream.requests.clear()
    with SlowCable(served.port) as cable:
        frames = Phone(compiled, cable.url).run("regret", token, conversation, "배송은 며칠 걸려요?", 0.1, report)
    assert [frame["content"] for frame in frames if "type" in frame] == [{"status": "cancelled"}]
    assert states(frames)[-1] == "DONE"
    assert upstream.requests == []


def test_a_question_that_was_sent_is_stopped_as_soon_as_its_answer_has_begun(
    phone: Phone, conversation: str, token: str, upstream: ScriptedUpstream
) -> None:
    upstream.script(Script(deltas=600, rate=20))
    frames = phone.run("regret", token, conversation, "길게 써 주세요", 1)
    done = next(frame for frame in frames if frame.get("type") == "done")
    assert done["content"]["status"] == "cancelled"
    assert sum(frame.get("type") == "text" for frame in frames) < 100


def test_a_loop_that_is_left_closes_its_connection(
    phone: Phone, conversation: str, token: str, upstream: ScriptedUpstream, served: Service
) -> None:
    upstream.script(Script(deltas=600, rate=20))
    begun: Frames = []

    def see_it_stopped(frame: Frame) -> object:
        begun.append(frame)
        if "left" not in frame:
            return None
        answer_id = begun[0]["content"]["answerId"]
        until(lambda: status(served, token, answer_id) == "cancelled", 10, "the service noticed that nobody reads")
        return KILL

    frames = phone.run("leave", token, conversation, "길게 써 주세요", look=see_it_stopped)
    assert frames[-1] == {"left": True}


@pytest.mark.parametrize(
    ("problem", "wait", "asked"),
    [
        ({"code": "busy", "retryable": True}, "", 1),
        ({"code": "rate_limited", "retryable": True}, "86400", 1),
        ({"code": "rate_limited", "retryable": True, "retryAfter": 86400}, "", 1),
        ({"code": "overloaded", "retryable": True}, "-1", 11),
        ({"code": "overloaded", "retryable": True}, "nan", 11),
    ],
)
def test_a_refusal_is_waited_for_only_where_that_helps_soon(
    compiled: list[str], conversation: str, token: str, problem: Frame, wait: str, asked: int
) -> None:
    refusing = type("Told", (Refusing,), {"problem": problem, "status": 429, "wait": wait})
    with ThreadingHTTPServer(("127.0.0.1", 0), refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        frames = Phone(compiled, f"http://127.0.0.1:{server.server_port}").run("ask", token, conversation, "안녕하세요")
        server.shutdown()
    assert (frames[-1]["problem"], refusing.asked) == (problem["code"], asked)


def test_a_token_that_is_no_longer_good_is_replaced(phone: Phone, conversation: str, token: str) -> None:
    frames = phone.run("ask", f"no-longer-good-0123456789,{token}", conversation, "안녕하세요")
    assert any(frame.get("type") == "done" for frame in frames)


def test_the_history_is_read_page_by_page(phone: Phone, conversation: str, token: str) -> None:
    for question in ("첫째", "둘째", "셋째"):
        phone.run("ask", token, conversation, question)
    pages = phone.run("history", token, conversation)
    assert [page["questions"] for page in pages] == [["셋째", "둘째"], ["첫째"]]


def test_a_login_page_in_place_of_the_service_is_called_one(compiled: list[str], conversation: str, token: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Login) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        frames = Phone(compiled, f"http://127.0.0.1:{server.server_port}").run("ask", token, conversation, "안녕하세요")
        server.shutdown()
    assert frames[-1]["problem"] == "not_the_service"
    assert "Sign in again" in frames[-1]["forPeople"]
