"""These tests show what callers may send without holding up a worker, and what becomes of the connections of those who
don't behave."""

import collections
import contextlib
import http.client
import json
import select
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lateness import Lateness
from tests.live.processes import Service, gunicorn, sockets_to, until
from tests.live.reading import own_id, request
from tests.scripted_upstream import Script, ScriptedUpstream

CALLERS = 4
HOSTILE_SECONDS = 0.5
FEWEST = 50
SEND_SECONDS = 1.0
MOST_SECONDS = 0.05
"""The worker has answered 99 of a hundred other requests before it has computed for this long."""
MULTIPART = "Content-Type: multipart/form-data; boundary=x"
JSON = "Content-Type: application/json"
STRANGER = "Authorization: Bearer nobody-has-given-this-out"
ONE_BYTE_CHUNKS = b"1\r\nx\r\n" * 20_000


@pytest.fixture(scope="module")
def served(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give a service of one worker, so that whatever holds it up holds up everybody."""
    settings = {
        "WEB_CONCURRENCY": "1",
        "QA_MAX_ANSWERS": "100",
        "QA_SEND_SECONDS": str(SEND_SECONDS),
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": upstream.url,
    }
    with gunicorn(tmp_path_factory.mktemp("hostile"), **settings) as found:
        yield found


class Hostile:
    """`Hostile` callers send a head and then the same bytes for ever, each on its own connection, and begin again when
    that is closed."""

    def __init__(self, port: int, head: bytes, endless: bytes) -> None:
        self._port = port
        self._head = head
        self._endless = endless
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CALLERS)]
        self.sent = 0

    def __enter__(self) -> "Hostile":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self._port), timeout=0.2) as caller,
            ):
                caller.sendall(self._head)
                while not self._over.is_set():
                    self.sent += caller.send(self._endless)


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join((f"{line} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()


CHUNKED = "Transfer-Encoding: chunked"
HOSTILE = {
    "a body of one-byte chunks after a 401": (head("POST /api/ask", STRANGER, MULTIPART, CHUNKED), ONE_BYTE_CHUNKS),
    "a body of one-byte chunks after a 404": (head("POST /nowhere", CHUNKED), ONE_BYTE_CHUNKS),
    "a body of one-byte chunks of a GET": (head("GET /api/healthz", CHUNKED), ONE_BYTE_CHUNKS),
    "a body of one-byte chunks that is read": (
        head("POST /api/ask", MULTIPART, CHUNKED) + b"2b\r\n--x\r\nContent-Disposition: form-data; name=files\r\n\r\n",
        ONE_BYTE_CHUNKS,
    ),
    "an announced body after a 401": (
        head("POST /api/ask", STRANGER, JSON, "Content-Length: 60000000"),
        b"x" * 100_000,
    ),
    "an announced body that is read": (
        head("POST /api/ask", MULTIPART, "Content-Length: 60000000")
        + b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n',
        b"\r\n--" * 25_000,
    ),
    "chunks with long extensions": (
        head("POST /api/ask", JSON, CHUNKED),
        (b"1" + b";a=b" * 2000 + b"\r\nx\r\n") * 50,
    ),
    "a chunk's size without end": (head("POST /api/ask", JSON, CHUNKED), b"0" * 50_000),
    "trailers without end": (head("POST /api/ask", JSON, CHUNKED) + b"0\r\n", b"a: b\r\n" * 10_000),
    "headers without end": (b"GET / HTTP/1.1\r\n", b"a: b\r\n" * 10_000),
    "an address without end": (b"GET /", b"x" * 50_000),
    "requests that don't wait for an answer": (b"", head("GET /api/healthz") * 200),
    "requests of the size of one read": (b"", head(f"GET /api/healthz?{'x' * (8192 - 54)}") * 20),
    "expectations that nobody waits for": (
        b"",
        head("POST /api/ask", STRANGER, JSON, "Content-Length: 1", "Expect: 100-continue") * 200,
    ),
}


def worked(worker: int) -> float:
    """Return for how many seconds a worker has computed so far: what it did, and not what the machine did besides."""
    return int(Path(f"/proc/{worker}/schedstat").read_text().split()[0]) / 1e9


def delayed() -> float:
    """Return for how many seconds this thread has waited for a core so far."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def waits(served: Service, seconds: float) -> list[float]:
    """For how long the worker computed until it had answered each of some health checks, one after another. What it
    computed while the caller itself waited for a core isn't counted: then nobody waited for the worker."""
    took: list[float] = []
    (worker,) = served.workers()
    until = time.monotonic() + seconds
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as caller:
        while time.monotonic() < until or len(took) < FEWEST:
            began, late = worked(worker), delayed()
            caller.request("GET", "/api/healthz")
            assert caller.getresponse().read()
            took.append(max(worked(worker) - began - (delayed() - late), 0.0))
            time.sleep(0.005)
    return took


@pytest.mark.parametrize("kind", HOSTILE)
def test_others_are_answered_before_a_worker_has_computed_for_50_ms(served: Service, kind: str) -> None:
    with Hostile(served.port, *HOSTILE[kind]) as hostile:
        took = waits(served, HOSTILE_SECONDS)
    hundredths = statistics.quantiles(took, n=100, method="inclusive")
    print(f"\n{kind}: p50 {hundredths[49] * 1000:.1f} ms, p99 {hundredths[98] * 1000:.1f} ms,", end=" ")
    print(f"worst {max(took) * 1000:.1f} ms of {len(took)}; {hostile.sent / 1e6:.1f} MB sent")
    assert hundredths[98] < MOST_SECONDS


def answer_to(caller: socket.socket) -> tuple[int, str, bytes]:
    """Return one answer on this connection: its status, its header `Connection` and its body."""
    response = http.client.HTTPResponse(caller)
    response.begin()
    return response.status, response.getheader("Connection", ""), response.read()


@pytest.fixture
def caller(served: Service) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        yield connection


class TestRefusal:
    """A refusal answers a request whose body nobody reads."""

    @pytest.mark.parametrize("line", ["POST /api/ask", "POST /nowhere", "GET /api/healthz"])
    def test_keeps_the_connection_when_the_body_is_small(self, caller: socket.socket, line: str) -> None:
        body = json.dumps({"question": "환불은 며칠 안에 되나요?"}).encode()
        for _ in range(3):
            caller.sendall(head(line, STRANGER, JSON, f"Content-Length: {len(body)}") + body)
            status, connection, _ = answer_to(caller)
            assert status == {"POST /api/ask": 401, "POST /nowhere": 404, "GET /api/healthz": 200}[line]
            assert connection == "keep-alive"

    @pytest.mark.parametrize("framing", [CHUNKED, "Content-Length: 10000000"])
    def test_arrives_whole_at_a_caller_who_still_sends_and_says_that_it_is_the_last(
        self, caller: socket.socket, framing: str
    ) -> None:
        caller.sendall(head("POST /api/ask", STRANGER, MULTIPART, framing))
        for _ in range(20):
            caller.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        status, connection, body = answer_to(caller)
        assert (status, connection, json.loads(body)["code"]) == (401, "close", "unauthenticated")

    def test_ends_the_connection_soon(self, served: Service, caller: socket.socket) -> None:
        caller.sendall(head("POST /api/ask", STRANGER, MULTIPART, CHUNKED) + ONE_BYTE_CHUNKS)
        assert answer_to(caller)[0] == 401
        began, late = time.monotonic(), Lateness(*served.workers())
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < began + 30:
                caller.sendall(ONE_BYTE_CHUNKS)
        assert time.monotonic() - began < 3 + late.seconds

    @pytest.mark.parametrize(
        ("sent", "expected"),
        [
            (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000, 431),
            (b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: %s\r\n" % (n, b"x" * 8000) for n in range(9)), 431),
            (b"GET /" + b"x" * 50_000, 414),
            (head("POST /api/ask", JSON, CHUNKED) + b"0" * 100_000, 400),
            (head("POST /api/ask", JSON, CHUNKED) + b"0\r\n" + b"a: b\r\n" * 20_000, 400),
        ],
        ids=["many headers", "large headers", "address", "size of a chunk", "trailers"],
    )
    def test_arrives_at_a_caller_whose_request_has_no_end(
        self, caller: socket.socket, sent: bytes, expected: int
    ) -> None:
        caller.sendall(sent)
        assert answer_to(caller)[0] == expected


def test_requests_that_come_together_are_answered_one_after_another(caller: socket.socket) -> None:
    caller.sendall(head("GET /api/healthz") + head("GET /nowhere") + head("GET /api/healthz"))
    with caller.makefile("rb") as stream:
        seen = []
        for _ in range(3):
            seen.append(int(stream.readline().split()[1]))
            headers = http.client.parse_headers(stream)
            stream.read(int(headers["Content-Length"]))
    assert seen == [200, 404, 200]


def refused(connections: list[socket.socket]) -> list[socket.socket]:
    """Those on which something has come while the caller still sends."""
    return select.select(connections, [], [], 0)[0]


class TestSlowBodies:
    """These callers announce a body and hardly send it. A quarter of a worker's hundred answers may do so at once."""

    @contextmanager
    def slow(self, served: Service, count: int, *headers: str) -> Iterator[list[socket.socket]]:
        self.until_gone(served)  # A body whose sender has left takes room until the worker has noticed.
        with contextlib.ExitStack() as stack:
            connections = []
            for _ in range(count):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=10))
                connection.sendall(head("POST /api/ask", *headers) + b"{")
                connections.append(connection)
            yield connections

    def until_gone(self, served: Service) -> None:
        (worker,) = served.workers()
        until(lambda: sockets_to(worker, served.port) == 0, 10, "they are gone")

    @pytest.mark.parametrize("announced", [100, 1_000_000])
    def test_are_refused_beyond_a_bound_and_others_are_answered_meanwhile(
        self, served: Service, announced: int
    ) -> None:
        with self.slow(served, 60, JSON, f"Content-Length: {announced}") as connections:
            until(lambda: len(refused(connections)) >= 60 - 25, 10, "enough of them are refused")
            took = waits(served, 1)
            answers = [answer_to(connection) for connection in refused(connections)]
            codes = collections.Counter((status, json.loads(body)["code"]) for status, _, body in answers)
            assert codes == {(429, "rate_limited"): 60 - 25}
            assert max(took) < MOST_SECONDS
            status, said = request(served.url, "/api/ask?stream=false&question=hello")
            assert (status, said["status"]) == (200, "completed")

    def test_make_room_when_they_leave(self, served: Service) -> None:
        (worker,) = served.workers()

        def all_held() -> bool:
            return sockets_to(worker, served.port) == 25

        for _ in range(2):
            with self.slow(served, 25, JSON, "Content-Length: 1000000") as connections:
                until(all_held, 10, "the worker has all of them")
                request(served.url, "/api/healthz")  # by then it has looked at what they sent
                assert refused(connections) == []
        self.until_gone(served)


class TestReadersWhoDontRead:
    """These callers take no byte of what is sent to them."""

    @contextmanager
    def deaf(self, served: Service, sent: bytes) -> Iterator[socket.socket]:
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", served.port))
            connection.settimeout(5)
            connection.sendall(sent)
            until(lambda: self.holds(served, connection), 2, "a worker has the connection")
            yield connection

    def holds(self, served: Service, connection: socket.socket) -> bool:
        with contextlib.suppress(StopIteration):
            return served.worker_of(connection) > 0
        return False

    def cut_off_after(self, served: Service, connection: socket.socket) -> float:
        return until(lambda: not self.holds(served, connection), SEND_SECONDS + 3, "the connection is closed")

    def test_are_cut_off_in_time_and_their_answer_goes_on(self, served: Service, upstream: ScriptedUpstream) -> None:
        upstream.script(Script(deltas=30_000))
        session = own_id()
        body = json.dumps({"question": "환불은 며칠 안에 되나요?", "sessionId": session}).encode()
        with self.deaf(served, head("POST /api/ask", JSON, f"Content-Length: {len(body)}") + body) as connection:
            assert self.cut_off_after(served, connection) > SEND_SECONDS * 0.5
            with pytest.raises(ConnectionResetError):
                collections.deque(iter(lambda: connection.recv(4096), b""), maxlen=0)
        until(lambda: request(served.url, f"/api/sessions/{session}")[1]["turns"][0]["status"] == "completed", 5, "end")

    def test_are_cut_off_too_when_all_of_it_was_sent(self, served: Service) -> None:
        """It lies in the system's buffer, and the worker waits for the next request."""
        with self.deaf(served, head("GET /api/healthz") * 200) as connection:
            self.cut_off_after(served, connection)
            assert "Traceback" not in served.said
