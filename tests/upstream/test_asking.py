"""Questions over real connections: tries, limits in time, stops in every phase, and what is left of them."""

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from time import monotonic, sleep
from weakref import ref

import pytest

from qa_service.deltas import Finished, Retrying, TextDelta
from qa_service.errors import (
    Cancelled,
    ContextLength,
    InsufficientQuota,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from qa_service.model import Prompt
from qa_service.running.stop import StopSignal
from qa_service.settings import SettingsError
from qa_service.upstream.transport import Pauses
from tests.lateness import Lateness
from tests.live.processes import program
from tests.scripted_upstream import FAULTY, KOREAN, Script, ScriptedUpstream
from tests.upstream.questions import Asked, asked, prompt, responses, text_from_frames

SOON = {"retry-after-ms": "10"}
FAILS = Script(status=500, headers=SOON, error={"code": None})


class Seen(Prompt, frozen=True, weakref=True):
    """A `Seen` is a prompt whose end can be seen."""


class TestAnswers:
    def test_an_answer_comes_whole_and_ends_in_finished(self, upstream):
        deltas = asked(upstream)
        assert text_from_frames(deltas) == KOREAN
        assert deltas[-1].reason == "stop"
        assert deltas[-1].usage.output == len(deltas) - 1

    @pytest.mark.parametrize("chunk", [1, 7, 100_000])
    def test_however_the_bytes_are_cut(self, server, upstream, chunk):
        server.script(Script(text="한글과 👍", chunk=chunk))
        assert text_from_frames(asked(upstream)) == "한글과 👍"

    def test_without_chunks_the_end_of_the_body_is_the_end(self, server, upstream):
        server.script(Script(headers={"Connection": "close"}))
        assert text_from_frames(asked(upstream)) == KOREAN

    def test_the_request_carries_the_key_and_the_prompt(self, server, upstream):
        asked(upstream, "질문")
        request = server.requests[0]
        field = {"/v1/responses": "input", "/v1/chat/completions": "messages"}[request.path]
        assert request.headers["authorization"] == "…"
        assert request.headers["accept-encoding"] == "identity"
        assert request.body[field] == [{"role": "user", "content": "질문"}]

    def test_a_stream_that_is_open_does_not_hold_what_was_asked(self, server, upstream):
        server.script(FAILS, Script())
        asking = Seen("gpt-4.1-mini", (), "질문")
        there = ref(asking)
        with upstream.open_answer(asking, StopSignal()) as deltas:
            del asking
            assert isinstance(next(deltas), Retrying)
            assert there()  # it is needed to ask the question again
            next(deltas)
            next(deltas)
            assert not there()


class TestConnections:
    def test_one_connection_serves_one_answer_after_another(self, server, upstream):
        for _ in range(5):
            asked(upstream)
        assert server.connections == 1

    def test_answers_at_the_same_time_have_connections_of_their_own(self, server, upstream):
        both = [Asked(upstream, "script:hang") for _ in range(2)]
        assert all(one.heard.wait(5) for one in both)
        assert server.connections == 2
        assert all(one.stopped_within(1) for one in both)

    def test_a_kept_connection_that_upstream_closed_is_replaced_unnoticed(self, server, upstream):
        asked(upstream)
        server.hang_up()
        assert server.wait_idle(5)
        assert not any(isinstance(delta, Retrying) for delta in asked(upstream))

    def test_a_connection_that_upstream_wants_closed_is_not_kept(self, server, upstream):
        server.script(Script(headers={"Connection": "close"}))
        asked(upstream)
        asked(upstream)
        assert server.connections == 2

    def test_an_error_read_to_its_end_keeps_the_connection(self, server, upstream):
        with pytest.raises(UpstreamRejected):
            asked(upstream, "script:401")
        asked(upstream)
        assert server.connections == 1

    def test_nothing_stays_open_after_faults_of_every_kind(self, server, speaking):
        with closing(speaking(server.url, tries=1, first_token=0.1, idle=0.1)) as upstream:
            for name in FAULTY:
                with pytest.raises(UpstreamError):
                    asked(upstream, f"script:{name}")
        assert server.wait_idle(5)

    @pytest.mark.parametrize("fault", ["hang", "cut", "reset"])
    def test_what_becomes_of_the_body_after_its_terminal_event_is_no_matter(self, server, upstream, fault):
        server.script(Script(deltas=1, fault=fault, after=9))
        assert isinstance(asked(upstream)[-1], Finished)
        asked(upstream)
        assert server.connections == 2


class TestTries:
    def test_it_asks_again_and_says_so(self, server, upstream):
        server.script(FAILS, FAILS)
        deltas = asked(upstream)
        assert deltas[:2] == [
            Retrying(2, "upstream_unavailable", "gpt-4.1-mini"),
            Retrying(3, "upstream_unavailable", "gpt-4.1-mini"),
        ]
        assert text_from_frames(deltas) == KOREAN

    def test_it_gives_up_after_its_tries(self, server, upstream):
        server.script(FAILS, FAILS, FAILS)
        with pytest.raises(UpstreamUnavailable, match="500"):
            asked(upstream)
        assert len(server.requests) == 3

    def test_without_a_hint_it_waits_longer_each_time(self, server, speaking):
        server.script(Script(fault="cut", after=0, times=3))
        with closing(speaking(server.url, tries=4, pauses=Pauses(first=0.1, longest=0.2))) as upstream:
            assert text_from_frames(asked(upstream)) == KOREAN
        waits = [later.at - earlier.at for earlier, later in pairwise(server.requests)]
        assert all(least <= wait < 1 for least, wait in zip([0.075, 0.15, 0.15], waits, strict=True))

    def test_once_anything_came_it_never_asks_again(self, server, upstream):
        with pytest.raises(UpstreamUnavailable):
            asked(upstream, "script:cut")
        assert len(server.requests) == 1

    @pytest.mark.parametrize("name", ["401", "quota", "400"])
    def test_what_another_try_cannot_help_is_asked_once(self, server, upstream, name):
        with pytest.raises(UpstreamError):
            asked(upstream, f"script:{name}")
        assert len(server.requests) == 1

    def test_a_long_wait_is_left_to_the_caller(self, server, upstream):
        with pytest.raises(UpstreamRateLimited) as caught:
            asked(upstream, "script:429")
        assert caught.value.retry_after == 30
        assert len(server.requests) == 1


class TestFailures:
    @pytest.mark.parametrize("name", ["cut", "reset", "end", "garbage"])
    def test_what_is_cut_short_is_a_failure_that_may_pass(self, upstream, name):
        with pytest.raises(UpstreamUnavailable) as caught:
            asked(upstream, f"script:{name}")
        assert caught.value.status == 502

    def test_nobody_there_is_a_503(self, speaking):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        with pytest.raises(UpstreamUnavailable) as caught:
            asked(speaking(url, tries=1))
        assert caught.value.status == 503
        assert "127.0.0.1" not in str(caught.value)

    def test_a_name_without_an_address_is_a_503(self, speaking):
        with pytest.raises(UpstreamUnavailable) as caught:
            asked(speaking("http://nowhere.invalid/v1", tries=1))
        assert caught.value.status == 503

    def test_an_error_under_a_200_that_may_pass_is_asked_again(self, server, upstream):
        server.script(Script(error={"code": "odd"}, times=2, headers=SOON))
        assert text_from_frames(asked(upstream)) == KOREAN
        assert len(server.requests) == 3

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            ({"code": "insufficient_quota", "message": "…"}, InsufficientQuota),
            ({"code": 402, "message": "Insufficient credits"}, InsufficientQuota),
            ({"code": "400", "message": "prompt is empty"}, UpstreamRejected),
            ({"code": "400", "message": "prompt is too long"}, ContextLength),
            ({"type": "context_length_exceeded"}, ContextLength),
        ],
    )
    def test_an_error_under_a_200_that_asking_again_cant_change_is_asked_once(self, server, upstream, error, expected):
        server.script(Script(error=error, times=3))
        with pytest.raises(expected):
            asked(upstream)
        assert len(server.requests) == 1

    def test_a_page_of_html_is_asked_for_once(self, server, upstream):
        server.script(Script(body="<!doctype html><title>Sign in</title>", times=3))
        with pytest.raises(UpstreamRejected, match="HTML"):
            asked(upstream)
        assert len(server.requests) == 1

    def test_a_whole_answer_where_a_stream_was_asked_for_is_an_answer(self, server, upstream):
        said = {"type": "message", "content": [{"type": "output_text", "text": "네, 맞습니다."}]}
        choice = {"message": {"role": "assistant", "content": "네, 맞습니다."}, "finish_reason": "stop"}
        server.script(Script(body=json.dumps({"model": "m", "output": [said], "choices": [choice]})))
        assert asked(upstream) == [TextDelta("네, 맞습니다."), Finished("stop", model="m")]
        assert len(server.requests) == 1

    def test_a_compressed_answer_is_asked_for_once(self, server, upstream):
        server.script(Script(headers={"Content-Encoding": "gzip"}, times=3))
        with pytest.raises(UpstreamRejected, match="compresses"):
            asked(upstream)
        assert len(server.requests) == 1

    def test_an_answer_that_is_called_identical_is_read(self, server, upstream):
        server.script(Script(headers={"Content-Encoding": "identity"}))
        assert isinstance(asked(upstream)[-1], Finished)

    def test_an_empty_piece_is_no_output_so_that_a_cut_behind_it_is_asked_again(self, server, upstream):
        nothing = {"type": "response.output_text.delta", "delta": "", "choices": [{"delta": {"content": ""}}]}
        server.script(Script(body=f"data: {json.dumps(nothing)}\n\n", headers=SOON))
        assert [type(delta) for delta in asked(upstream)[:2]] == [Retrying, TextDelta]


class TestTime:
    @pytest.mark.parametrize("name", ["mute", "hang-first", "drip"])
    def test_the_first_token_has_a_limit_whatever_comes_before_it(self, server, name, speaking):
        with pytest.raises(UpstreamTimeout):
            asked(speaking(server.url, tries=1, first_token=0.1, idle=30), f"script:{name}")

    def test_silence_has_a_limit_of_its_own(self, server, speaking):
        with pytest.raises(UpstreamTimeout):
            asked(speaking(server.url, first_token=30, idle=0.1), "script:hang")

    def test_a_slow_answer_may_take_longer_than_either_limit(self, server, speaking):
        server.script(Script(deltas=15, rate=30))
        with closing(speaking(server.url, first_token=0.4, idle=0.3)) as impatient:
            assert isinstance(asked(impatient)[-1], Finished)

    def test_connecting_has_a_limit(self, unreachable, speaking):
        with pytest.raises(UpstreamTimeout, match="no connection"):
            asked(speaking(unreachable, tries=1, connect=0.1))

    def test_a_listener_who_takes_long_is_no_silence_of_upstreams(self, server):
        server.script(Script(deltas=8, rate=20))
        with (
            closing(responses(server.url, idle=0.2)) as upstream,
            upstream.open_answer(prompt(), StopSignal()) as deltas,
        ):
            next(deltas), next(deltas)
            sleep(0.5)
            assert isinstance(list(deltas)[-1], Finished)


@pytest.fixture
def unreachable():
    """Return an address where nobody accepts and the queue is full, so that connecting takes forever."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        for one in waiting:
            one.close()


class TestStop:
    def test_it_ends_an_answer_while_connecting(self, unreachable, speaking):
        question = Asked(speaking(unreachable))
        assert not question.heard.wait(0.1)
        assert question.stopped_within(1)
        assert isinstance(question.error, Cancelled)

    @pytest.mark.parametrize("name", ["mute", "hang-first"])
    def test_it_ends_an_answer_of_which_nothing_has_come(self, server, upstream, name):
        question = Asked(upstream, f"script:{name}")
        assert server.wait_requests(5)
        assert question.stopped_within(1)
        assert isinstance(question.error, Cancelled)
        assert server.wait_closed(5)

    def test_it_ends_an_answer_that_waits_on_a_kept_connection(self, server, upstream):
        asked(upstream)
        question = Asked(upstream, "script:mute")
        assert server.wait_requests(5, count=2)
        assert server.connections == 1
        assert question.stopped_within(1)
        assert isinstance(question.error, Cancelled)
        assert server.wait_closed(5)

    def test_it_ends_an_answer_in_its_middle(self, server, upstream):
        question = Asked(upstream, "script:hang")
        assert question.heard.wait(5)
        assert question.stopped_within(1)
        assert isinstance(question.error, Cancelled)
        assert server.wait_closed(5)

    def test_it_ends_the_wait_for_the_next_try(self, server, upstream):
        server.script(Script(status=500, headers={"Retry-After": "9"}))
        question = Asked(upstream)
        assert question.heard.wait(5)
        assert question.stopped_within(1)
        assert question.deltas == [Retrying(2, "upstream_unavailable", "gpt-4.1-mini")]
        assert isinstance(question.error, Cancelled)

    def test_before_the_question_it_keeps_anything_from_being_asked(self, server, upstream):
        stop = StopSignal()
        stop.set("cancelled")
        with pytest.raises(Cancelled):
            asked(upstream, stop=stop)
        assert not server.requests

    def test_before_the_question_it_keeps_a_kept_connection_unused(self, server, upstream):
        asked(upstream)
        stop = StopSignal()
        stop.set("cancelled")
        with pytest.raises(Cancelled):
            asked(upstream, stop=stop)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("name", ["slow", "fast"])
    def test_between_two_deltas_the_next_one_does_not_come(self, server, upstream, name):
        stop = StopSignal()
        with upstream.open_answer(prompt(f"script:{name}"), stop) as deltas:
            next(deltas)
            stop.set("cancelled")
            with pytest.raises(Cancelled):
                list(deltas)

    def test_leaving_early_closes_the_connection(self, server, upstream):
        with upstream.open_answer(prompt("script:hang"), StopSignal()) as deltas:
            next(deltas)
        assert server.wait_closed(5)

    def test_a_stop_after_the_end_harms_nobody(self, server, upstream):
        stop = StopSignal()
        asked(upstream, stop=stop)
        stop.set("cancelled")
        assert text_from_frames(asked(upstream)) == KOREAN
        assert server.connections == 1


def test_many_answers_at_once_are_each_their_own(server, upstream):
    found: dict[int, str] = {}

    def ask(number: int) -> None:
        found[number] = text_from_frames(asked(upstream, f"script:fast {number}"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 20
    assert len(set(found.values())) == 1


@contextmanager
def tunnelling(expected: str) -> Iterator[int]:
    """Give the port of a proxy that connects one client who shows this credential, where there is one."""

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            head = client.recv(65536).decode()
            if expected and f"Proxy-Authorization: {expected}" not in head:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            host, port = head.split()[1].split(":")
            with socket.create_connection((host, int(port))) as target:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pump, args=(target, client))
                back.start()
                pump(client, target)
                back.join()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve)
        serving.start()
        yield listener.getsockname()[1]
        serving.join(5)


@contextmanager
def dripping() -> Iterator[int]:
    """Give the port of a proxy that begins its answer and never comes to an end."""
    left = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with client, suppress(OSError):
            client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not left.wait(0.05):
                client.sendall(b"1")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve)
        serving.start()
        yield listener.getsockname()[1]
        left.set()
        serving.join(5)


@pytest.fixture(scope="module")
def key_and_certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key, path = folder / "key.pem", folder / "certificate.pem"
    command = "req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        [program("openssl"), *command.split(), "-keyout", key, "-out", path], check=True, capture_output=True
    )
    return key, path


class TestTls:
    @pytest.fixture
    def certificate(self, key_and_certificate):
        key, path = key_and_certificate
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(path, key)
        with ScriptedUpstream(tls=tls) as server:
            yield server, str(path)

    def test_an_answer_over_tls_and_a_stop_in_it(self, certificate, monkeypatch):
        server, path = certificate
        monkeypatch.setenv("SSL_CERT_FILE", path)
        with closing(responses(server.url)) as upstream:
            assert text_from_frames(asked(upstream)) == KOREAN
            assert text_from_frames(asked(upstream)) == KOREAN
            assert server.connections == 1
            question = Asked(upstream, "script:hang")
            assert question.heard.wait(5)
            assert question.stopped_within(1)
            assert isinstance(question.error, Cancelled)

    @pytest.mark.parametrize(("credential", "status"), [("user:p%40ss@", 200), ("", 407)])
    def test_the_systems_proxy_is_asked_for_a_tunnel(self, certificate, monkeypatch, credential, status):
        server, path = certificate
        monkeypatch.setenv("SSL_CERT_FILE", path)
        monkeypatch.delenv("no_proxy", raising=False)
        with tunnelling(expected="Basic dXNlcjpwQHNz") as port:
            monkeypatch.setenv("https_proxy", f"http://{credential}127.0.0.1:{port}")
            with closing(responses(server.url, tries=1)) as upstream:
                if status == 200:
                    assert text_from_frames(asked(upstream)) == KOREAN
                    return
                with pytest.raises(UpstreamUnavailable) as caught:
                    asked(upstream)
                assert caught.value.status == 503

    @pytest.mark.parametrize("name", ["https_proxy", "all_proxy"])
    def test_a_proxy_is_found_under_either_name_and_without_a_scheme(self, certificate, monkeypatch, name):
        server, path = certificate
        monkeypatch.setenv("SSL_CERT_FILE", path)
        monkeypatch.delenv("no_proxy", raising=False)
        with tunnelling(expected="") as port:
            monkeypatch.setenv(name, f"127.0.0.1:{port}")
            with closing(responses(server.url, tries=1)) as upstream:
                assert text_from_frames(asked(upstream)) == KOREAN

    def test_a_proxy_that_speaks_something_else_is_refused_by_name(self, monkeypatch):
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("https_proxy", "https://127.0.0.1:9")
        with pytest.raises(SettingsError, match="HTTPS_PROXY"):
            responses("https://upstream.test/v1")

    def test_a_proxy_that_answers_byte_by_byte_isnt_waited_for_longer_than_a_connection(self, monkeypatch):
        monkeypatch.delenv("no_proxy", raising=False)
        with dripping() as port:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
            began, late = monotonic(), Lateness()
            with pytest.raises(UpstreamTimeout, match="no connection"):
                asked(responses("https://upstream.test/v1", tries=1, connect=0.1, dial=0.05))
            assert monotonic() - began < 2 + late.seconds

    def test_a_host_the_system_excepts_is_reached_directly(self, certificate, monkeypatch):
        server, path = certificate
        monkeypatch.setenv("SSL_CERT_FILE", path)
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with closing(responses(server.url)) as upstream:
            assert text_from_frames(asked(upstream)) == KOREAN

    def test_a_certificate_nobody_vouches_for_is_no_connection(self, certificate):
        server, _ = certificate
        with pytest.raises(UpstreamUnavailable) as caught:
            asked(responses(server.url, tries=1))
        assert caught.value.status == 503
