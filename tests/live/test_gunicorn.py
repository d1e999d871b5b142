"""Two gevent workers, a real Redis and a model's service on a real socket."""

import contextlib
import http.client
import json
import os
import queue
import signal
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from tests.lateness import Lateness
from tests.live.processes import Service, gunicorn, memory, open_files, program, status, threads, until
from tests.live.reading import Asked, own_id, request
from tests.scripted_upstream import SOON, Script, ScriptedUpstream, answer, pieces

HEARTBEAT = 1.5
GRACE = 1.0
BODY_SECONDS = 1.0
MAX_BODY = 2_000_000
SLOW = Script(deltas=200, rate=20)


@pytest.fixture(scope="module")
def served(redis_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("gunicorn"),
        REDIS_URL=redis_url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_HEARTBEAT_SECONDS=str(HEARTBEAT),
        QA_GRACE_SECONDS=str(GRACE),
        QA_BODY_SECONDS=str(BODY_SECONDS),
        QA_MAX_BODY=str(MAX_BODY),
    ) as found:
        yield found


@pytest.fixture
def on_each_worker(served: Service) -> Iterator[dict[int, http.client.HTTPConnection]]:
    """Give a kept-alive connection to every worker."""
    found: dict[int, http.client.HTTPConnection] = {}
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            if len(found) == len(served.workers()):
                break
            connection = stack.enter_context(
                contextlib.closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10))
            )
            connection.request("GET", "/api/healthz")
            connection.getresponse().read()
            found.setdefault(served.worker_of(connection.sock), connection)
        yield found


def call(
    connection: http.client.HTTPConnection, method: str, path: str, **fields: str
) -> tuple[int, dict[str, object]]:
    connection.request(method, path, json.dumps(fields).encode(), {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


class TestStream:
    def test_begins_before_upstream_says_a_byte(self, served: Service, model: ScriptedUpstream) -> None:
        model.script(Script(delay=1.5))
        with Asked(served.url, "hello") as asked:
            start = asked.first("start")
            assert asked.finish().status == "completed"
            text = next(seen for seen in asked.seen if seen.kind == "text")
            assert text.at - start.at > 0.5

    def test_passes_each_delta_on_within_milliseconds(self, redis_url: str, tmp_path: Path) -> None:
        model = {"OPENAI_API_KEY": "sk-test"}
        with (
            Hand() as hand,
            gunicorn(tmp_path, REDIS_URL=redis_url, OPENAI_BASE_URL=hand.url, **model) as other,
            Asked(other.url, "hello") as asked,
        ):
            asked.first("start")
            hand.reached.wait(5)
            taken = []
            for number in range(60):
                time.sleep(0.02)  # a model's pace
                said = time.monotonic()
                hand.say(f" 단어{number}")
                taken.append((asked.first("text").at - said) * 1000)
            hand.end()
            assert asked.finish().text == "".join(f" 단어{number}" for number in range(60))
        print(f"\na delta's way: median {statistics.median(taken):.2f} ms, worst {max(taken):.2f} ms")
        assert statistics.median(taken) < 10

    def test_shows_that_it_lives_while_upstream_is_silent(self, served: Service, model: ScriptedUpstream) -> None:
        model.script(Script(delay=HEARTBEAT * 4))
        with Asked(served.url, "hello") as asked:
            asked.finish()
        beats = [seen.at for seen in asked.seen if seen.kind == "heartbeat"]
        assert len(beats) >= 2
        assert beats[1] - beats[0] == pytest.approx(HEARTBEAT, abs=HEARTBEAT / 2)

    def test_is_byte_for_byte_what_upstream_said(self, served: Service, model: ScriptedUpstream) -> None:
        script = Script(deltas=2000, chunk=977)
        model.script(script)
        with Asked(served.url, "hello") as asked:
            assert asked.finish().text == "".join(pieces(script))

    def test_new_topic_takes_nothing_of_the_old_one_upstream(self, served: Service, model: ScriptedUpstream) -> None:
        session = own_id()
        for question, topic in (("환불은 며칠 안에 되나요?", "auto"), ("그럼 기린은 왜 목이 길어요?", "new")):
            with Asked(served.url, question, sessionId=session, topic=topic) as asked:
                asked.finish()
        first, second = (json.dumps(received.body, ensure_ascii=False) for received in model.requests)
        assert "환불" in first
        assert "환불" not in second
        status, shown = request(served.url, f"/api/sessions/{session}")
        assert [turn["question"][:2] for turn in shown["turns"]] == ["그럼", "환불"]
        assert status == 200

    @pytest.mark.parametrize(
        "announced",
        [
            "다른 질문인데요, 부산에서 제주까지 비행기로 몇 시간 걸리나요?",
            "By the way, how do giraffes sleep at night?",
        ],
    )
    def test_announced_topic_is_told_and_takes_nothing_along(
        self, served: Service, model: ScriptedUpstream, announced: str
    ) -> None:
        session = own_id()
        with Asked(served.url, "환불 규정을 자세히 알려 주세요.", sessionId=session) as asked:
            asked.finish()
        with Asked(served.url, announced, sessionId=session) as asked:
            start = asked.first("start").content
            asked.finish()
        assert start["topic"] == {**start["topic"], "index": 2, "drifted": True}
        assert "환불" not in json.dumps(model.requests[-1].body, ensure_ascii=False)


class TestStopping:
    def test_from_the_other_worker_closes_upstream_within_a_second(
        self, served: Service, model: ScriptedUpstream, on_each_worker: dict[int, http.client.HTTPConnection]
    ) -> None:
        model.script(SLOW)
        with Asked(served.url, "hello") as asked:
            for _ in range(5):
                asked.first("text")
            here = served.worker_of(asked.socket)
            other = next(connection for worker, connection in on_each_worker.items() if worker != here)
            began, late = time.monotonic(), Lateness(*served.workers())
            status, answer_now = call(other, "POST", f"/api/answers/{asked.answer_id}/cancel")
            assert model.wait_closed(SOON)
            took = model.closed[0] - began
            assert took < 1 + late.seconds
            assert asked.finish().status == "cancelled"
        print(f"\ncancelled from the other worker: upstream closed after {took * 1000:.0f} ms")
        assert status == 200
        assert (answer_now["status"], answer_now["text"]) == ("cancelled", asked.text)
        assert call(other, "POST", f"/api/answers/{asked.answer_id}/cancel") == (200, answer_now)

    def test_when_the_reader_hangs_up_who_wanted_that(self, served: Service, model: ScriptedUpstream) -> None:
        model.script(SLOW)
        with Asked(served.url, "hello", onHangup="cancel") as asked:
            asked.first("text")
        assert model.wait_closed(SOON)
        until(lambda: answer_of(served, asked)["status"] == "cancelled", 2, "the answer is cancelled")
        assert str(answer_of(served, asked)["text"]).startswith(asked.text)

    @pytest.mark.parametrize("fields", [{"stream": "false"}, {"onHangup": "cancel"}])
    def test_when_the_reader_of_a_silent_answer_hangs_up(
        self, served: Service, model: ScriptedUpstream, fields: dict[str, str]
    ) -> None:
        model.script(Script(fault="hang", after=1))
        body = urlencode({"question": "hello", **fields}).encode()
        head = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}"
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
            connection.sendall(f"POST /api/ask HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode() + body)
            assert model.wait_requests(SOON)
        assert model.wait_closed(SOON)

    def test_when_nobody_has_come_back_within_the_grace(self, served: Service, model: ScriptedUpstream) -> None:
        model.script(SLOW)
        with Asked(served.url, "hello") as asked:
            asked.first("text")
        assert not model.wait_closed(GRACE * 0.8)
        assert model.wait_closed(SOON)

    def test_not_while_somebody_may_come_back(self, served: Service, model: ScriptedUpstream) -> None:
        model.script(Script(deltas=10, rate=20))
        with Asked(served.url, "hello") as asked:
            asked.first("text")
        until(lambda: answer_of(served, asked)["status"] == "completed", 5, "the answer is whole")
        assert answer_of(served, asked)["text"] == "".join(pieces(Script(deltas=10)))
        assert model.closed == []


class TestBusy:
    @pytest.mark.parametrize("elsewhere", [False, True])
    def test_session_rejects_or_replaces_from_any_worker(
        self,
        served: Service,
        model: ScriptedUpstream,
        on_each_worker: dict[int, http.client.HTTPConnection],
        elsewhere: bool,
    ) -> None:
        model.script(SLOW)
        with Asked(served.url, "hello") as asked:
            asked.first("text")
            here = served.worker_of(asked.socket)
            second = next(connection for worker, connection in on_each_worker.items() if (worker != here) is elsewhere)
            fields = {"question": "또?", "sessionId": asked.session_id, "stream": "false"}
            status, problem = call(second, "POST", "/api/ask", **fields, onBusy="reject")
            assert (status, problem["code"], problem["answerId"]) == (409, "busy", asked.answer_id)
            model.script(Script(text="새 답변"))
            status, answer_now = call(second, "POST", "/api/ask", **fields)
            assert (status, answer_now["text"]) == (200, "새 답변")
            assert asked.finish().status == "cancelled"
        assert model.wait_closed(SOON)
        assert str(answer_of(served, asked)["text"]) == asked.text != ""


class TestBodies:
    """These bodies are what gunicorn leaves to us."""

    def sent(self, served: Service, head: str, *parts: bytes, close: bool = False) -> tuple[int, dict[str, object]]:
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
            connection.sendall(f"POST /api/ask HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode())
            for part in parts:
                try:
                    connection.sendall(part)
                except OSError:
                    break
            if close:
                connection.shutdown(socket.SHUT_WR)
            response = http.client.HTTPResponse(connection)
            response.begin()
            return response.status, json.loads(response.read())

    def test_that_stalls_is_given_up_in_time(self, served: Service) -> None:
        began, late = time.monotonic(), Lateness(*served.workers())
        status, problem = self.sent(served, "Content-Type: application/json\r\nContent-Length: 100", b'{"question":')
        took = time.monotonic() - began
        assert (status, problem["code"]) == (408, "body_timeout")
        assert BODY_SECONDS * 0.9 < took < BODY_SECONDS + 1 + late.seconds

    @pytest.mark.parametrize("head", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
    def test_that_dribbles_is_given_up_in_time_too(self, served: Service, head: str) -> None:
        began, late = time.monotonic(), Lateness(*served.workers())
        dribble = b"1\r\n{\r\n" if "chunked" in head else b"{"
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
            opening = f"POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{head}\r\n\r\n"
            connection.sendall(opening.encode())
            connection.settimeout(0.1)
            said = b""
            while not said and time.monotonic() < began + 3 * SOON:
                connection.sendall(dribble)
                with contextlib.suppress(TimeoutError):
                    said = connection.recv(100)
        took = time.monotonic() - began
        assert said.startswith(b"HTTP/1.1 408 ")
        assert took < BODY_SECONDS + 1 + late.seconds

    def test_whose_chunks_are_malformed_is_refused(self, served: Service) -> None:
        head = "Content-Type: application/json\r\nTransfer-Encoding: chunked"
        status, problem = self.sent(served, head, b"ZZ\r\n{}\r\n0\r\n\r\n")
        assert (status, problem["code"]) == (400, "bad_request")

    @pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
    def test_that_is_cut_is_refused(self, served: Service, kind: str) -> None:
        body = (
            b'{"question": "hi"}'
            if "json" in kind
            else b'--x\r\nContent-Disposition: form-data; name="question"\r\n\r\nhi\r\n'
        )
        status, problem = self.sent(served, f"Content-Type: {kind}\r\nContent-Length: 1000", body, close=True)
        assert (status, problem["code"]) == (400, "bad_request" if "json" in kind else "bad_multipart")

    @pytest.mark.parametrize(
        "kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    )
    def test_chunked_that_is_too_much_is_refused(self, served: Service, kind: str) -> None:
        head = (
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' if "boundary" in kind else b""
        )
        chunks = [b"%x\r\n%b\r\n" % (len(head), head)] if head else []
        chunks += [b"10000\r\n" + b"x" * 65536 + b"\r\n"] * (MAX_BODY // 65536 + 5)
        status, problem = self.sent(
            served, f"Content-Type: {kind}\r\nTransfer-Encoding: chunked", *chunks, b"0\r\n\r\n"
        )
        assert (status, problem["code"]) == (413, "too_large")

    def test_announced_that_is_too_much_is_refused_unread(self, served: Service) -> None:
        status, problem = self.sent(served, f"Content-Type: application/json\r\nContent-Length: {MAX_BODY + 1}")
        assert (status, problem["code"]) == (413, "too_large")

    def test_chunked_is_read(self, served: Service) -> None:
        body = b'{"question": "hi", "stream": false}'
        status, whole = self.sent(
            served,
            "Content-Type: application/json\r\nTransfer-Encoding: chunked",
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        )
        assert (status, whole["question"]) == (200, "hi")

    def test_that_is_none_is_none(self, served: Service) -> None:
        """`curl -X POST` announces nothing and sends nothing."""
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
            connection.sendall(b"POST /api/ask?question=hi&stream=false HTTP/1.1\r\nHost: localhost\r\n\r\n")
            response = http.client.HTTPResponse(connection)
            response.begin()
            assert (response.status, json.loads(response.read())["question"]) == (200, "hi")

    def test_refusal_reaches_a_client_that_still_sends(self, served: Service, tmp_path: Path) -> None:
        big = tmp_path / "big.bin"
        with big.open("wb") as file:
            file.truncate(60_000_000)
        command = [program("curl"), "-sS", "-F", "question=hi", "-F", f"files=@{big}", f"{served.url}/api/ask"]
        said = subprocess.run(command, capture_output=True, check=True, timeout=20).stdout
        assert json.loads(said)["code"] == "too_large"

    def test_leave_no_file_behind(self, served: Service) -> None:
        until(lambda: not served.uploads(), 5, "no upload is left")


class TestAddress:
    @pytest.mark.parametrize(("characters", "expected"), [(880, 200), (1000, 414)])
    def test_holds_a_question_of_that_many_korean_characters(
        self, served: Service, characters: int, expected: int
    ) -> None:
        question = quote("질" * characters)
        assert status(f"{served.url}/api/ask?question={question}&stream=false") == expected


class TestLog:
    @pytest.mark.parametrize(
        "head",
        [
            "GET /api/ask?question=diagnosis",
            "GET /api/ask?question=my diagnosis HTTP/1.1",
            "GET /api/ask?question=진단:diagnosis HTTP/1.1",
            "GET /api/ask HTTP/1.1\r\nAuthorization Bearer diagnosis",
        ],
    )
    def test_a_request_that_cant_be_read_is_refused_and_nothing_of_it_is_logged(
        self, served: Service, head: str
    ) -> None:
        with socket.create_connection(("127.0.0.1", served.port), 5) as caller:
            caller.sendall(f"{head}\r\n\r\n".encode())
            said = b"".join(iter(lambda: caller.recv(4096), b""))
        assert said.startswith(b"HTTP/1.1 400 ")
        assert json.loads(said.partition(b"\r\n\r\n")[2])["code"] == "bad_request"
        assert b"diagnosis" not in said
        until(lambda: "a request can't be read" in served.said, 5, "it is logged")
        assert "diagnosis" not in served.said


class TestLeaks:
    def test_fifty_abandoned_streams_leave_nothing_open(self, served: Service, model: ScriptedUpstream) -> None:
        def abandon(count: int) -> None:
            gone = len(model.closed) + count
            model.script(Script(deltas=200, rate=20, times=count))
            asked = [Asked(served.url, "hello", onHangup="cancel") for _ in range(count)]
            for one in asked:
                one.first("start")
                one.hang_up()
            assert model.wait_closed(10, gone)

        abandon(50)  # what is kept for later is opened now
        before = {worker: (open_files(worker), threads(worker), memory(worker)) for worker in served.workers()}
        abandon(50)
        time.sleep(1)
        for worker, (files, running, size) in before.items():
            now = (open_files(worker), threads(worker), memory(worker))
            print(f"\nworker {worker}: files {files} → {now[0]}, threads {running} → {now[1]}", end="")
            print(f", MB {size >> 20} → {now[2] >> 20}")
            assert now[0] <= files + 20  # the more of them coincide, the more connections to the store are kept
            assert now[1] <= running + 10  # The server looks up names in at most this many threads.


class TestDeath:
    """This comes last, since it costs a worker."""

    def test_of_a_worker_ends_its_answers_honestly_within_ten_seconds(
        self, served: Service, model: ScriptedUpstream
    ) -> None:
        model.script(Script(deltas=600, rate=20))
        with Asked(served.url, "hello") as asked:
            while len(asked.text) < 200:
                asked.first("text")
            os.kill(served.worker_of(asked.socket), signal.SIGKILL)
            died = time.monotonic()
            with contextlib.suppress(http.client.IncompleteRead, ConnectionError):
                asked.finish()
            assert asked.status == ""
        until(lambda: answer_of(served, asked)["status"] == "failed", 10.5, "the answer reads failed")
        print(f"\ninterrupted {time.monotonic() - died:.1f} s after its worker died")
        kept = answer_of(served, asked)
        assert kept["error"]["code"] == "interrupted"
        assert asked.text.startswith(str(kept["text"]))
        status, whole = request(
            served.url,
            "/api/ask",
            "POST",
            body=json.dumps(
                {"question": "?", "sessionId": asked.session_id, "onBusy": "reject", "stream": False}
            ).encode(),
            headers={"Content-Type": "application/json"},
        )
        assert (status, whole["status"]) == (200, "completed")


def answer_of(served: Service, asked: Asked) -> dict[str, object]:
    status, found = request(served.url, f"/api/answers/{asked.answer_id}")
    assert status == 200, found
    assert isinstance(found, dict)
    return found


class Hand:
    """A `Hand` is a model's service that says each delta at a word from the test."""

    def __init__(self) -> None:
        said: queue.Queue[str] = queue.Queue()
        reached = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                reached.set()
                for event in answer(iter(said.get, "")):
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
                self.wfile.write(b"0\r\n\r\n")

        self.reached = reached
        self.say = said.put
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def end(self) -> None:
        self.say("")

    def __enter__(self) -> "Hand":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
