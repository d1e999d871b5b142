"""The parts of a form: fields in any charset, files however clients send them, and nothing dropped in silence."""

import io
import json
import random
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

import pytest
from flask import Flask, request
from werkzeug.test import TestResponse

from qa_service.errors import Refused
from qa_service.web.bodies import BodyBounds, RequestBody
from qa_service.web.forms import Limits, read_submission
from qa_service.web.parts import SentAsFile, read_parts
from qa_service.web.reception import open_reception
from qa_service.web.texts import split_urlencoded
from qa_service.web.uploads import Spool, UploadLimits
from tests.web.house import BOUNDARY, END, MULTIPART, House, frames, part, refusal

ROOM = open_reception(100, 1 << 20)

KOREAN = "배터리 보증 기간은?"
URLENCODED = "application/x-www-form-urlencoded"


def raw_part(head: str | bytes, content: bytes) -> bytes:
    """Return a part with these headers behind `Content-Disposition: form-data;`."""
    head = head.encode() if isinstance(head, str) else head
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; ".encode() + head + b"\r\n\r\n" + content + b"\r\n"


def post(house: House, *parts: bytes, content_type: str = MULTIPART) -> TestResponse:
    return house.client.post("/api/ask", data=b"".join(parts) + END, content_type=content_type)


def asked(house: House, response: TestResponse) -> str:
    frames(response)
    return house.model.prompts[-1].question


def files_of(response: TestResponse) -> list[str]:
    return [file["name"] for file in frames(response)[-2]["content"]["files"]]


class TestCharsets:
    @pytest.mark.parametrize("charset", ["euc-kr", "CP949", "ks_c_5601-1987", '"EUC-KR"', "utf-8", "utf-16"])
    def test_of_a_part_is_read(self, house: House, charset: str) -> None:
        content = KOREAN.encode(charset.strip('"').replace("ks_c_5601-1987", "cp949"))
        sent = raw_part(f'name="question"\r\nContent-Type: text/plain; charset={charset}', content)
        assert asked(house, post(house, sent)) == KOREAN

    def test_of_the_form_is_read_wherever_it_says_so(self, house: House) -> None:
        named = part(b"EUC-KR", "_charset_", None)
        question = part("똠방각하".encode("cp949"), "question", None)
        for sent in ((named, question), (question, named)):
            assert asked(house, post(house, *sent)) == "똠방각하"

    def test_of_the_request_is_read(self, house: House) -> None:
        question = part("똠방각하".encode("cp949"), "question", None)
        assert asked(house, post(house, question, content_type=f"{MULTIPART}; charset=euc-kr")) == "똠방각하"

    def test_of_a_part_outweighs_that_of_the_form(self, house: House) -> None:
        sent = raw_part('name="question"\r\nContent-Type: text/plain; charset=utf-8', KOREAN.encode())
        assert asked(house, post(house, part(b"euc-kr", "_charset_", None), sent)) == KOREAN

    def test_that_nobody_names_is_told_where_it_is_korean(self, house: House) -> None:
        cp949 = KOREAN.encode("cp949")
        assert asked(house, post(house, part(cp949, "question", None))) == KOREAN
        assert asked(house, house.client.post("/api/ask", data=b"question=" + cp949, content_type=URLENCODED)) == KOREAN
        assert asked(house, house.client.get(f"/api/ask?question={quote_from_bytes(cp949)}")) == KOREAN
        body = b'{"question": "' + cp949 + b'"}'
        assert asked(house, house.client.post("/api/ask", data=body, content_type="application/json")) == KOREAN

    def test_of_an_urlencoded_body_is_read(self, house: House) -> None:
        body = "question=" + quote("똠방각하".encode("cp949"))
        for sent, kind in ((body, f"{URLENCODED}; charset=euc-kr"), (f"{body}&_charset_=euc-kr", URLENCODED)):
            assert asked(house, house.client.post("/api/ask", data=sent, content_type=kind)) == "똠방각하"

    @pytest.mark.parametrize("charset", ["euc-kr", "utf-16"])
    def test_of_json_is_read(self, house: House, charset: str) -> None:
        body = json.dumps({"question": "똠방각하"}, ensure_ascii=False).encode(charset.replace("euc-kr", "cp949"))
        response = house.client.post("/api/ask", data=body, content_type=f"application/json; charset={charset}")
        assert asked(house, response) == "똠방각하"

    def test_a_mark_before_json_is_no_part_of_it(self, house: House) -> None:
        body = b"\xef\xbb\xbf" + json.dumps({"question": "?"}).encode()
        assert asked(house, house.client.post("/api/ask", data=body, content_type="application/json")) == "?"

    @pytest.mark.parametrize("charset", ["punycode", "idna", "utf-7", "klingon", "x" * 200])
    def test_that_is_unknown_is_refused_naming_the_field(self, house: House, charset: str) -> None:
        sent = raw_part(f'name="question"\r\nContent-Type: text/plain; charset={charset}', b"a")
        problem = refusal(post(house, sent), 400, "bad_request")
        assert problem["field"] == "question"
        assert charset[:50] in problem["detail"]
        assert "utf-8" in problem["detail"]
        assert house.left_behind() == []

    @pytest.mark.parametrize("content", [b"\xff\xfe", "Größe?".encode("latin-1"), "保証期間は".encode("shift_jis")])
    def test_that_cannot_be_told_is_refused_naming_the_field(self, house: House, content: bytes) -> None:
        address = f"/api/ask?question={quote_from_bytes(content)}"
        for response in (
            post(house, part(b"x"), part(content, "question", None)),
            house.client.post("/api/ask", data=b"question=" + content, content_type=URLENCODED),
            house.client.get(address),
        ):
            problem = refusal(response, 400, "bad_request")
            assert problem["field"] == "question"
            assert "UTF-8" in problem["detail"]
        body = b'{"question": "' + content + b'"}'
        refusal(house.client.post("/api/ask", data=body, content_type="application/json"), 400, "bad_json")
        assert house.model.prompts == []
        assert house.left_behind() == []

    def test_that_is_said_but_untrue_is_refused(self, house: House) -> None:
        sent = raw_part('name="question"\r\nContent-Type: text/plain; charset=utf-8', KOREAN.encode("cp949"))
        assert "utf-8" in refusal(post(house, sent), 400, "bad_request")["detail"]


class TestFileNames:
    @pytest.mark.parametrize(
        ("head", "name"),
        [
            ('filename="보증.txt"'.encode(), "보증.txt"),
            ('filename="보증.txt"'.encode("cp949"), "보증.txt"),
            ('filename="Größe.txt"'.encode("latin-1"), "Größe.txt"),
            (b"filename*=utf-8''%EB%B3%B4%EC%A6%9D.txt", "보증.txt"),
            (b"filename*=EUC-KR''%BA%B8%C1%F5.txt", "보증.txt"),
            (b"filename=\"_.txt\"; filename*=UTF-8'ko'%EB%B3%B4%EC%A6%9D.txt", "보증.txt"),
            (b'filename="a%22b.txt"', 'a"b.txt'),
            (b"filename=plain.txt", "plain.txt"),
        ],
    )
    def test_are_read_as_each_system_writes_them(self, house: House, head: bytes, name: str) -> None:
        sent = raw_part(b'name="files"; ' + head + b"\r\nContent-Type: text/plain", b"24 months.")
        assert files_of(post(house, part(b"?", "question", None), sent)) == [name]


class TestFilesHoweverTheyAreSent:
    @pytest.mark.parametrize("name", ["files", "file", "files[]", "files[0]"])
    @pytest.mark.parametrize("kind", ["application/octet-stream", "text/csv", "application/pdf"])
    def test_a_part_with_a_type_needs_no_name(self, house: House, name: str, kind: str) -> None:
        sent = raw_part(f'name="{name}"\r\nContent-Type: {kind}', b"battery,24")
        assert files_of(post(house, part(b"?", "question", None), sent)) == ["file"]

    @pytest.mark.parametrize(
        "head", ["", "\r\nContent-Type: text/plain", "\r\nContent-Type: text/plain; charset=utf-8"]
    )
    @pytest.mark.parametrize("value", ["[object Object]", '{"uri": "file:///a.pdf"}', "[object File]", "a.pdf"])
    @pytest.mark.parametrize("name", ["files", "file", "files[]", "files[0]"])
    def test_a_text_in_their_place_is_refused(self, house: House, name: str, value: str, head: str) -> None:
        parts = (part(b"?", "question", None), raw_part(f'name="{name}"{head}', value.encode()), part(b"", name, None))
        problem = refusal(post(house, *parts), 422, "invalid_field")
        assert problem["field"] == "files"
        assert name in problem["detail"]
        assert "multipart/form-data" in problem["detail"]
        assert house.left_behind() == []

    @pytest.mark.parametrize("value", ["", " ", "undefined", "null"])
    def test_a_text_that_stands_for_nothing_is_none(self, house: House, value: str) -> None:
        assert files_of(post(house, part(b"?", "question", None), part(value.encode(), "files", None))) == []

    @pytest.mark.parametrize(
        "value", ["data:text/plain;base64,aGk=", ["a"], [{}], {}, 7, [None], False, [{"name": "a"}]]
    )
    @pytest.mark.parametrize("name", ["files", "file", "files[]"])
    def test_json_that_means_files_is_refused(self, house: House, name: str, value: object) -> None:
        assert refusal(house.ask(**{name: value}), 422, "invalid_field")["field"] == "files"

    @pytest.mark.parametrize("value", [None, [], "", "null"])
    def test_json_that_means_none_is_none(self, house: House, value: object) -> None:
        assert files_of(house.ask(files=value)) == []

    def test_an_address_that_means_files_is_refused(self, house: House) -> None:
        assert refusal(house.client.get("/api/ask?question=hi&files=a.pdf"), 422, "invalid_field")["field"] == "files"

    def test_a_part_that_is_written_in_letters_is_refused(self, house: House) -> None:
        sent = raw_part('name="files"; filename="a.txt"\r\nContent-Transfer-Encoding: base64', b"aGk=")
        problem = refusal(post(house, part(b"?", "question", None), sent), 400, "bad_multipart")
        assert "base64" in problem["detail"]
        assert house.left_behind() == []

    @pytest.mark.parametrize("encoding", ["binary", "8bit", "7BIT"])
    def test_a_part_that_says_it_is_not_is_read(self, house: House, encoding: str) -> None:
        sent = raw_part(f'name="files"; filename="a.txt"\r\nContent-Transfer-Encoding: {encoding}', b"24 months.")
        assert files_of(post(house, part(b"?", "question", None), sent)) == ["a.txt"]


class TestFieldsSentAsFiles:
    @pytest.mark.parametrize(
        "name", ["question", "messages", "topic", "sessionId", "stream", "temperature", "maxTokens"]
    )
    def test_are_refused_by_name(self, house: House, name: str) -> None:
        others = () if name == "question" else (part(b"?", "question", None),)
        problem = refusal(post(house, *others, part(b"?", name, "blob")), 422, "invalid_field")
        assert problem["field"] == name
        assert house.left_behind() == []

    def test_of_other_names_are_left_out(self, house: House) -> None:
        assert files_of(post(house, part(b"?", "question", None), part(b"x" * 100_000, "avatar", "a.png"))) == []


class TestOtherBodies:
    def test_a_compressed_body_is_refused_by_its_coding(self, house: House) -> None:
        response = house.client.post(
            "/api/ask", data=b"\x1f\x8b", content_type="application/json", headers={"Content-Encoding": "gzip"}
        )
        assert "gzip" in refusal(response, 415, "unsupported_media_type")["detail"]

    def test_lines_that_end_in_another_way_are_refused(self, house: House) -> None:
        body = part(b"?", "question", None).replace(b"\r\n", b"\n") + END.replace(b"\r\n", b"\n")
        response = house.client.post("/api/ask", data=body, content_type=MULTIPART)
        assert "line break" in refusal(response, 400, "bad_multipart")["detail"]

    def test_without_a_boundary_are_no_form(self, house: House) -> None:
        body = part(b"?", "question", None).replace(BOUNDARY.encode(), b"") + b"----\r\n"
        refusal(house.client.post("/api/ask", data=body, content_type="multipart/form-data"), 400, "bad_multipart")

    def test_fields_are_bounded_together(self, house: House) -> None:
        many = [part(b"x" * (1 << 20), f"field{number}", None) for number in range(5)]
        refusal(post(house, *many), 413, "too_large")

    def test_a_long_header_is_refused(self, house: House) -> None:
        sent = raw_part('name="question"\r\nX-Padding: ' + "x" * 10_000, b"?")
        refusal(post(house, sent), 400, "bad_multipart")


class TestAFormThatItsHostHasRead:
    """A host site may look into a form before us; its parser keeps no bytes of a text."""

    def read(self, tmp_path: Path, *parts: bytes) -> tuple[dict[str, object], list[str]]:
        limits = Limits(BodyBounds(1 << 20, 5, ROOM), UploadLimits(1000, 5, tmp_path))
        with Flask("host").test_request_context("/", method="POST", data=b"".join(parts) + END, content_type=MULTIPART):
            assert request.form is not None
            sent = read_submission(request, limits)
        return dict(sent.fields), [f"{file.name}: {Path(file.path).read_text()}" for file in sent.files]

    def test_is_read_as_any_other(self, tmp_path: Path) -> None:
        fields, files = self.read(tmp_path, part(KOREAN.encode(), "question", None), part(b"24", "files", "a.txt"))
        assert fields == {"question": KOREAN}
        assert files == ["a.txt: 24"]

    def test_keeps_fields_that_came_as_files_apart(self, tmp_path: Path) -> None:
        fields, files = self.read(tmp_path, part(b"?", "question", "blob"), part(b"", "files", ""))
        assert isinstance(fields["question"], SentAsFile)
        assert files == []

    def test_is_refused_where_its_text_is_lost(self, tmp_path: Path) -> None:
        with pytest.raises(Exception, match="question: it isn't UTF-8"):
            self.read(tmp_path, part(KOREAN.encode("cp949"), "question", None))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_a_body_is_read_the_same_however_it_is_cut(tmp_path: Path, size: int) -> None:
    whole = part(KOREAN.encode(), "question", None) + part(b"line\r\n--xX\r\n-", "files", "a.txt") + END

    class Pieces(io.BytesIO):
        def read(self, most: int | None = -1) -> bytes:
            return super().read(min(size, most or size))

    with Flask("host").test_request_context(
        environ_overrides={"wsgi.input": Pieces(whole), "CONTENT_LENGTH": str(len(whole))}
    ):
        spool = Spool(UploadLimits(1000, 5, tmp_path))
        fields = read_parts(RequestBody(request, BodyBounds(10_000, 5, ROOM)), BOUNDARY, spool, charset="")
    (file,) = spool.close_files()
    assert fields == {"question": KOREAN}
    assert Path(file.path).read_bytes() == b"line\r\n--xX\r\n-"


@pytest.mark.parametrize("filler", ["a", "%", "%4", "%41", "%EA%B0%80", "+", "%%41"])
def test_a_long_text_is_unquoted_in_pieces_that_cut_no_escape(filler: str) -> None:
    for padding in range(4):
        sent = ("x" * padding + filler * (140_000 // len(filler))).encode()
        (field,) = split_urlencoded(b"question=" + sent)
        assert field.content == unquote_to_bytes(sent.replace(b"+", b" "))


class TestJsonThatWouldHoldAWorkerUp:
    """Four megabytes of it could keep all other requests of the worker waiting for seconds."""

    @pytest.mark.parametrize(
        "body",
        [
            '{"question": "?", "more": [' + "1.5e300," * 400_000 + "1]}",
            '{"question": "?", "messages": [{"role": "user", "content": "a", "f": [' + "1.5e300," * 400_000 + "1]}]}",
            "{" + ",".join(f'"{number}": 1.5e300' for number in range(100_000)) + "}",
            "{" + ",".join(f'"{number}": 1.5e300' for number in range(20_000)) + "}",
            '{"question": "?", "more": [' + '"",' * 1_000_000 + '""]}',
            '{"question": "?", "more": 0.' + "9" * 4_000_000 + "}",
            '{"question": "?", "more": ' + "[" * 20_000 + "]" * 20_000 + "}",
            '{"systemPrompt": ' + "[" * 900 + "]" * 900 + "}",
        ],
        ids=["numbers", "inside", "fields", "fewer", "texts", "digits", "deep", "nested"],
    )
    def test_is_read_or_refused_at_once(self, house: House, body: str) -> None:
        began = time.process_time()
        response = house.client.post("/api/ask", data=body, content_type="application/json")
        status = response.status_code
        response.close()
        assert time.process_time() - began < 0.5
        assert status in (200, 400, 413, 422)

    def test_is_named_by_what_it_has_too_much_of(self, house: House) -> None:
        many = "{" + ",".join(f'"{number}": 1' for number in range(201)) + "}"
        response = house.client.post("/api/ask", data=many, content_type="application/json")
        assert "200 fields" in refusal(response, 413, "too_large")["detail"]
        texts = '{"question": "?", "more": [' + '"",' * 60_000 + '""]}'
        response = house.client.post("/api/ask", data=texts, content_type="application/json")
        assert "50000" in refusal(response, 400, "bad_json")["detail"]

    def test_lists_that_are_expected_are_read(self, house: House) -> None:
        frames(house.ask(messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]))
        assert [message.text for message in house.model.prompts[-1].messages[2:]] == ["a", "b", "안녕?"]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_cut_or_put_in_a_body_is_read_or_refused_and_leaves_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    pieces = [
        part(KOREAN.encode("cp949"), "question", None),
        part(b"x", "files"),
        part(b"", "files", ""),
        raw_part("name=\"file\"; filename*=utf-8''%EB%B3.txt\r\nContent-Type: text/plain; charset=idna", b"\r\n--xX"),
        raw_part('name="_charset_"', b"EUC-KR"),
    ]
    wedges = [b"", b"\r", b"\n", b"\r\n", b"--", b" ", b'"', b"%", b"\xff", b"\xc3", b"\x00", f"--{BOUNDARY}".encode()]
    host = Flask("host")
    for _ in range(100):
        body = bytearray(b"".join([*chance.choices(pieces, k=4), END]))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(body))
            body[at : at + chance.randrange(3)] = chance.choice(wedges)
        environ = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": MULTIPART}
        limits = Limits(BodyBounds(1 << 20, 5, ROOM), UploadLimits(1000, 5, tmp_path))
        with (
            host.test_request_context(method="POST", environ_overrides=environ),
            suppress(Refused),
        ):
            sent = read_submission(request, limits)
            assert not any("\ufffd" in str(value) for value in sent.fields.values())
            sent.discard_files()
        assert list(tmp_path.iterdir()) == []
