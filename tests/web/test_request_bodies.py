"""These tests show what a request's body may bring: uploads, limits, and bodies that are broken, cut or late; nothing
is left behind."""

import io
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from qa_service.errors import BodyTimeout, Overloaded
from qa_service.web.bodies import CLOCK, BodyBounds
from qa_service.web.reception import open_reception
from tests.fakes import WAITING_SECONDS, refuse_thread
from tests.web.conftest import MakeHouse
from tests.web.house import BOUNDARY, END, MULTIPART, House, frames, part, refusal
from tests.web.waiting import UnreadBody, WaitingBody

QUESTION = part("뭐예요?".encode(), "question", None)


def post(house: House, body: bytes, content_type: str = MULTIPART, **options: Any) -> TestResponse:
    return house.client.post("/api/ask", data=body, content_type=content_type, **options)


class Chunks(io.RawIOBase):
    """A `Chunks` is a chunked body as the server below hands it on: its length is nowhere announced."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        piece = next(self._pieces, b"")
        self.taken += len(piece)
        return piece


def post_chunked(house: House, body: io.RawIOBase, content_type: str = MULTIPART) -> TestResponse:
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return house.client.post("/api/ask", environ_overrides={**environ, "CONTENT_TYPE": content_type})


class TestUploads:
    @pytest.mark.parametrize("name", ["files", "file", "files[]"])
    def test_are_read_and_gone_from_disk_after_it(self, house: House, name: str) -> None:
        form = {"question": "환불은?", name: (io.BytesIO("환불은 7일 안에 됩니다.".encode()), "약관.txt")}
        got = frames(house.client.post("/api/ask", data=form))
        assert got[-2]["content"]["files"][0]["status"] == "used"
        assert got[-2]["content"]["files"][0]["name"] == "약관.txt"
        assert "환불은 7일 안에 됩니다." in repr(house.model.prompts[-1].messages)
        house.settle()
        assert house.uploads() == []

    def test_keep_their_names_whatever_fields_they_came_in(self, house: House) -> None:
        bodies = [part(b"alpha", "files", "1.txt"), part(b"beta", "file", "2.txt"), part(b"gamma", "files", "3.txt")]
        session = frames(post(house, QUESTION + b"".join(bodies) + END))[0]["content"]["sessionId"]
        files = house.client.get(f"/api/sessions/{session}/files").get_json()["items"]
        pages = f"/api/sessions/{session}/files/{{}}/pages/1"
        texts = {file["name"]: house.client.get(pages.format(file["fileId"])).get_json()["text"] for file in files}
        assert {name: said.strip() for name, said in texts.items()} == {
            "1.txt": "alpha",
            "2.txt": "beta",
            "3.txt": "gamma",
        }

    def test_without_a_question_are_asked_what_is_in_them(self, house: House) -> None:
        frames(house.client.post("/api/ask", data={"files": (io.BytesIO(b"Some text."), "a.txt")}))
        assert house.model.prompts[-1].question

    def test_in_other_fields_are_ignored_and_leave_nothing(self, house: House) -> None:
        form = {"question": "?", "avatar": (io.BytesIO(b"x"), "a.png")}
        assert frames(house.client.post("/api/ask", data=form))[-2]["content"]["files"] == []
        house.settle()
        assert house.uploads() == []

    def test_nobody_chose_are_none(self, house: House) -> None:
        got = frames(post(house, QUESTION + part(b"", "files", "") + END))
        assert got[-2]["content"]["files"] == []

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [
            ("../../etc/passwd.txt", "passwd.txt"),
            ("C:\\\\dir\\\\a.txt", "a.txt"),
            ("..", "file"),
            ("a\u202eb.txt", "ab.txt"),
        ],
    )
    def test_names_are_names_and_no_paths(self, house: House, sent: str, shown: str) -> None:
        got = frames(post(house, QUESTION + part(b"hello", "files", sent) + END))
        assert got[-2]["content"]["files"][0]["name"] == shown

    def test_names_are_not_endless(self, house: House) -> None:
        got = frames(post(house, QUESTION + part(b"hello", "files", "이" * 300 + ".txt") + END))
        assert len(got[-2]["content"]["files"][0]["name"]) == 255

    def test_sent_where_none_is_taken_are_refused_and_leave_nothing(self, house: House) -> None:
        session = house.session()["sessionId"]
        house.settle()
        form = {"title": "새 이름", "files": (io.BytesIO(b"x"), "a.txt")}
        refusal(house.client.patch(f"/api/sessions/{session}", data=form), 422, "invalid_field")
        assert house.uploads() == []


class TestLimits:
    def test_too_many_files_are_refused(self, make_house: MakeHouse) -> None:
        house = make_house(max_files=2)
        problem = refusal(post(house, QUESTION + part(b"x") * 3 + END), 413, "too_many_files")
        assert "2" in problem["detail"]
        assert house.left_behind() == []

    def test_a_file_that_is_too_large_is_refused(self, make_house: MakeHouse) -> None:
        house = make_house(max_file=1000)
        problem = refusal(
            post(house, QUESTION + part(b"ok") + part(b"x" * 1001, filename="b.txt") + END), 413, "too_large"
        )
        assert "b.txt" in problem["detail"]
        assert "1000" in problem["detail"]
        assert house.left_behind() == []

    def test_file_of_the_limit_is_read(self, make_house: MakeHouse) -> None:
        house = make_house(max_file=1000)
        assert frames(post(house, QUESTION + part(b"x" * 1000) + END))[-1]["content"] == {"status": "completed"}

    @pytest.mark.parametrize("kind", [MULTIPART, "application/json", "application/x-www-form-urlencoded"])
    def test_announced_body_is_refused_unread(self, make_house: MakeHouse, kind: str) -> None:
        house = make_house(max_body=10_000)

        environ = {"wsgi.input": UnreadBody(), "CONTENT_LENGTH": "10001"}
        response = house.client.post("/api/ask", content_type=kind, environ_overrides=environ)
        assert "10000" in refusal(response, 413, "too_large")["detail"]
        assert house.left_behind() == []

    @pytest.mark.parametrize("kind", [MULTIPART, "application/json", "application/x-www-form-urlencoded"])
    def test_chunked_body_is_refused_when_it_is_too_much(self, make_house: MakeHouse, kind: str) -> None:
        house = make_house(max_body=300_000, max_file=10**9)
        head = [QUESTION + part(b"")[:-2]] if kind == MULTIPART else []
        body = Chunks(iter([*head, *[b"x" * 50_000] * 100]))
        refusal(post_chunked(house, body, kind), 413, "too_large")
        assert body.taken < 500_000
        assert house.left_behind() == []

    def test_chunked_body_within_the_limit_is_read(self, house: House) -> None:
        whole = QUESTION + part(b"hello " * 100_000) + END
        pieces = (whole[at : at + 50_000] for at in range(0, len(whole), 50_000))
        assert frames(post_chunked(house, Chunks(pieces)))[-1]["content"] == {"status": "completed"}
        assert house.model.prompts[-1].question == "뭐예요?"

    def test_fields_that_are_too_large_are_refused(self, house: House) -> None:
        refusal(post(house, part(b"x" * (9 << 20), "question", None) + END), 413, "too_large")
        refusal(house.client.post("/api/ask", data={"question": "x" * (9 << 20)}), 413, "too_large")
        refusal(house.ask("x" * (9 << 20)), 413, "too_large")
        assert house.left_behind() == []

    def test_too_many_fields_are_refused(self, house: House) -> None:
        refusal(post(house, part(b"x", "question", None) * 201 + END), 413, "too_large")
        assert house.left_behind() == []


class TestBroken:
    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"nonsense", b'{"question": "a"', b"[1]", b'"x"', b"7", b"\xff\xfe", b"[" * 100_000, b"{} {}"],
    )
    def test_json_that_cant_be_read_is_refused(self, house: House, body: bytes) -> None:
        response = house.client.post(
            "/api/ask", data=body, content_type="application/json", environ_overrides={"CONTENT_LENGTH": str(len(body))}
        )
        if not body:
            assert refusal(response, 422, "invalid_field")["field"] == "question"
        else:
            refusal(response, 400, "bad_json")
        assert house.left_behind() == []

    @pytest.mark.parametrize(
        "body",
        [
            b"no boundary here",
            QUESTION,
            QUESTION + part(b"hello"),
            (QUESTION + part(b"hello") + END)[:-8],
            QUESTION + part(b"hello") + f"--{BOUNDARY}\r\nContent-Dis".encode(),
            f"--{BOUNDARY}\r\n\r\nno name\r\n".encode() + END,
            f"--{BOUNDARY}\r\n".encode() + b"X: " + b"x" * 100_000,
        ],
    )
    def test_multipart_that_cant_be_read_is_refused(self, house: House, body: bytes) -> None:
        refusal(post(house, body), 400, "bad_multipart")
        assert house.left_behind() == []

    @pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary="])
    def test_multipart_without_a_boundary_is_refused(self, house: House, kind: str) -> None:
        refusal(post(house, QUESTION + END, kind), 400, "bad_multipart")

    @pytest.mark.parametrize(
        ("kind", "code"),
        [
            (MULTIPART, "bad_multipart"),
            ("application/json", "bad_request"),
            ("application/x-www-form-urlencoded", "bad_request"),
        ],
    )
    def test_a_body_that_ends_before_its_announced_length_is_refused(self, house: House, kind: str, code: str) -> None:
        body = QUESTION + part(b"hello")
        response = post(house, body, kind, environ_overrides={"CONTENT_LENGTH": str(len(body) + 100)})
        assert "cut short" in refusal(response, 400, code)["detail"]
        assert house.left_behind() == []

    def test_a_connection_that_breaks_is_a_bad_request(self, house: House) -> None:
        class Broken(io.RawIOBase):
            def read(self, size: int = -1) -> bytes:
                raise ConnectionResetError

        environ = {"wsgi.input": Broken(), "CONTENT_LENGTH": "100"}
        refusal(post(house, b"", environ_overrides=environ), 400, "bad_multipart")

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/xml", "multipart/mixed; boundary=x", "", "application/pdf"]
    )
    def test_other_content_types_are_refused(self, house: House, kind: str) -> None:
        problem = refusal(post(house, b"question=hi", kind), 415, "unsupported_media_type")
        assert "multipart/form-data" in problem["detail"]
        assert house.left_behind() == []

    def test_uploads_of_a_question_that_is_refused_for_its_fields_go(self, house: House) -> None:
        form = {"question": "?", "topic": "other", "files": (io.BytesIO(b"x"), "a.txt")}
        refusal(house.client.post("/api/ask", data=form), 422, "invalid_field")
        assert house.left_behind() == []

    def test_uploads_of_a_question_that_is_refused_at_the_desk_go(self, make_house: MakeHouse) -> None:
        house = make_house(rate=(1, 3600))
        house.session()
        house.settle()
        form = {"question": "?", "files": (io.BytesIO(b"x"), "a.txt")}
        refusal(house.client.post("/api/ask", data=form), 429, "rate_limited")
        assert house.uploads() == []


ROOM = open_reception(100, 1000)


class TestClock:
    def test_interrupts_each_body_whose_time_is_over(self) -> None:
        soon = BodyBounds(10, 0.01, ROOM)
        with WaitingBody(soon) as one, WaitingBody(soon) as other:
            assert one.interrupted.wait(WAITING_SECONDS)
            assert other.interrupted.wait(WAITING_SECONDS)
            with pytest.raises(BodyTimeout):
                one.read()

    def test_lets_alone_what_was_read_in_time_or_has_time_left(self) -> None:
        soon = BodyBounds(10, 0.01, ROOM)
        with WaitingBody(soon) as read:
            pass
        with WaitingBody(replace(soon, seconds=60)) as patient, WaitingBody(soon) as late:
            assert late.interrupted.wait(WAITING_SECONDS)
        assert not read.interrupted.is_set()
        assert not patient.interrupted.is_set()

    def test_without_room_for_its_thread_the_body_is_refused_and_forgotten(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        soon = BodyBounds(10, 0.01, ROOM)
        refused = WaitingBody(soon)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse_thread)
            with pytest.raises(Overloaded), refused:
                raise AssertionError("nobody watches here")
        with WaitingBody(soon) as late:
            assert late.interrupted.wait(WAITING_SECONDS)
        assert not refused.interrupted.is_set()

    def test_runs_for_all_bodies_together_and_not_for_none(self) -> None:
        before, hour = set(threading.enumerate()), BodyBounds(10, 3600, ROOM)
        with WaitingBody(hour), WaitingBody(hour):
            (clock,) = {thread for thread in threading.enumerate() if thread.name == CLOCK} - before
        clock.join(WAITING_SECONDS)
        assert not clock.is_alive()
        with WaitingBody(replace(hour, seconds=0.01)) as late:
            assert late.interrupted.wait(WAITING_SECONDS)


class TestLate:
    def test_body_that_stalls_is_given_up(self, make_house: MakeHouse) -> None:
        """This needs a server that hands us its socket."""
        house = make_house(body_seconds=0.2)
        ours, theirs = socket.socketpair()
        with ours, theirs, ours.makefile("rb", buffering=0) as stream:
            theirs.sendall(QUESTION)
            environ = {"wsgi.input": stream, "gunicorn.socket": ours, "CONTENT_LENGTH": "10000"}
            problem = refusal(post(house, b"", environ_overrides=environ), 408, "body_timeout")
        assert problem["retryable"] is True
        assert house.left_behind() == []

    def test_body_that_trickles_is_given_up(self, make_house: MakeHouse) -> None:
        house = make_house(body_seconds=0.15)
        pause = threading.Event()

        def trickle() -> Iterator[bytes]:
            while True:
                pause.wait(0.02)
                yield b"x"

        refusal(post_chunked(house, Chunks(trickle()), "application/json"), 408, "body_timeout")

    def test_socket_gets_its_time_limit_back(self, make_house: MakeHouse) -> None:
        house = make_house()
        ours, theirs = socket.socketpair()
        ours.settimeout(77)
        body = b'{"question": "?"}'
        with ours, theirs, ours.makefile("rb", buffering=0) as stream:
            theirs.sendall(body)
            environ = {"wsgi.input": stream, "werkzeug.socket": ours, "CONTENT_LENGTH": str(len(body))}
            frames(post(house, b"", "application/json", environ_overrides=environ))
            assert ours.gettimeout() == 77


def test_order_of_files_is_kept(house: House) -> None:
    form = MultiDict([("question", "?")])
    files = [("files", (io.BytesIO(str(number).encode()), f"{number}.txt")) for number in range(4)]
    got = frames(house.client.post("/api/ask", data=MultiDict([*form.items(), *files])))
    assert [file["name"] for file in got[-2]["content"]["files"]] == ["0.txt", "1.txt", "2.txt", "3.txt"]
