"""A request's fields and files, whichever way they were sent: multipart, form, JSON or query string."""

import io
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from flask import Request
from msgspec import Struct
from msgspec.structs import replace
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from qa_service.errors import BadJson, BadMultipart, BadRequest, TooLarge, TooManyFiles, UnsupportedMediaType
from qa_service.model import UploadedFile
from qa_service.web.bodies import GULP, BodyBounds, RequestBody, is_chunked

FILE_FIELDS = ("files", "file", "files[]")
FIELD_BYTES = 4 << 20
"""All fields but files together: a long conversation fits."""
URLENCODED_BYTES = 512 << 10
"""Read in one go, at a fifth of a second a megabyte; 32,000 Korean characters are 281 KiB of it."""
BRACKETS = 100_000
"""Lists and objects in a JSON body; building millions of them would stall a worker for a second."""
FIELDS = 200
PLAIN_FIELD = re.compile(
    rb'\r\nContent-Disposition: form-data; name="([A-Za-z0-9_.-]*)"\r\n\r\n(.*)', re.DOTALL | re.IGNORECASE
)
NAME = 255
ABSENT = ("", "undefined", "null")


class Limits(Struct, frozen=True):
    """What a request may bring."""

    body: BodyBounds
    file: int
    files: int
    uploads: Path


class Form(Struct, frozen=True):
    """Fields by name, absent ones left out; JSON's values keep their types. Files lie on disk until somebody takes
    or discards them."""

    fields: Mapping[str, Any]
    files: tuple[UploadedFile, ...] = ()

    def __enter__(self) -> "Form":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Nothing is left behind by a question that was refused."""
        if kind is not None:
            self.discard()

    def discard(self) -> None:
        """Delete the files."""
        for file in self.files:
            Path(file.path).unlink(missing_ok=True)


def read_fields(request: Request, limits: Limits) -> Mapping[str, Any]:
    """As `read_form`, for what takes no files: they are deleted."""
    form = read_form(request, limits)
    form.discard()
    return form.fields


def read_form(request: Request, limits: Limits) -> Form:
    """Raises what is wrong with the body; then nothing stays on disk."""
    asked, spool = _asked_in_the_address(request), _Spool(limits)
    try:
        sent, files = _body(request, limits, spool)
    except BaseException:
        spool.discard()
        raise
    return Form({**_present(asked), **_present(sent)}, files)


def _asked_in_the_address(request: Request) -> dict[str, str]:
    try:
        unquote_to_bytes(request.query_string).decode()
    except UnicodeDecodeError:
        raise BadRequest("the address is not UTF-8") from None
    return _last(request.args)


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if not _absent(value)}


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in ABSENT)


def _last(values: "MultiDict[str, str]") -> dict[str, str]:
    return {name: found[-1] for name, found in values.lists()}


def _body(request: Request, limits: Limits, spool: "_Spool") -> tuple[dict[str, Any], tuple[UploadedFile, ...]]:
    if request.method == "GET" or not (request.content_length or is_chunked(request)):
        return {}, ()
    match request.mimetype:
        case "multipart/form-data" | "application/x-www-form-urlencoded":
            return _form(request, limits, spool)
        case "application/json":
            return _json(_json_body(request, limits)), ()
        case other:
            raise UnsupportedMediaType(
                f"content type {other[:100] or 'missing'}: expected multipart/form-data, "
                "application/x-www-form-urlencoded or application/json"
            )


def _json_body(request: Request, limits: Limits) -> bytes:
    if _host_has_read(request):
        return request.get_data()
    with RequestBody(request, _of_fields(limits)) as body:
        return body.read()


def _of_fields(limits: Limits, *, most: int = FIELD_BYTES) -> BodyBounds:
    return replace(limits.body, bytes=min(most, limits.body.bytes))


def _host_has_read(request: Request) -> bool:
    """Whether the host site looked into the body before us; what it found is kept on the request then."""
    return not {"form", "stream"}.isdisjoint(request.__dict__)


def _json(body: bytes) -> dict[str, Any]:
    if body.count(b"[") + body.count(b"{") > BRACKETS:
        raise BadJson(f"the body has more than {BRACKETS} brackets")
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.ValidationError:
        raise BadJson("the body is not a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadJson("the body is not JSON") from None


def _form(request: Request, limits: Limits, spool: "_Spool") -> tuple[dict[str, Any], tuple[UploadedFile, ...]]:
    if _host_has_read(request):
        return _last(request.form), tuple(spool.keep(request.files))
    if request.mimetype != "multipart/form-data":
        return _urlencoded(request, limits), ()
    try:
        with RequestBody(request, limits.body) as body:
            return _multipart(request, body, spool)
    except RequestEntityTooLarge:
        raise TooLarge(f"the fields are larger than {FIELD_BYTES} bytes, or more than {FIELDS}") from None
    except UnicodeDecodeError:
        raise BadMultipart("a part's header, such as a file's name, is not UTF-8") from None
    except ValueError:
        raise BadMultipart("the body is not multipart/form-data, or cut short") from None
    except BadRequest as error:
        raise BadMultipart(error.message) from None


def _multipart(request: Request, body: RequestBody, spool: "_Spool") -> tuple[dict[str, Any], tuple[UploadedFile, ...]]:
    stream: RequestBody | io.BytesIO = body
    if 0 < (request.content_length or 0) <= GULP:
        whole = body.read()
        plain = plain_fields(whole, request.mimetype_params.get("boundary", "").encode("ascii"))
        if plain is not None:
            return plain, ()
        stream = io.BytesIO(whole)
    parser = FormDataParser(
        stream_factory=spool.open,
        max_form_memory_size=FIELD_BYTES,
        max_content_length=None,
        max_form_parts=FIELDS,
        silent=False,
    )
    _, form, files = parser.parse(
        cast(IO[bytes], stream), request.mimetype, request.content_length, request.mimetype_params
    )
    return _last(form), tuple(spool.taken(files))


def plain_fields(body: bytes, boundary: bytes) -> dict[str, Any] | None:
    """The fields of a multipart body as most clients write it that send no file, at a tenth of the parser's cost; it
    compiles patterns for each boundary. None for any other body, also for one that is wrong."""
    delimiter = b"--" + boundary
    first, *parts = (b"\r\n" + body).split(b"\r\n" + delimiter)
    last = parts.pop() if parts else b""
    if (
        not boundary
        or first
        or last not in (b"--", b"--\r\n")
        or len(parts) > FIELDS
        or body.count(delimiter) != len(parts) + 1
    ):
        return None
    fields = [PLAIN_FIELD.fullmatch(part) for part in parts]
    if not all(fields):
        return None
    return {field[1].decode(): field[2].decode("utf-8", "replace") for field in fields if field}


def _urlencoded(request: Request, limits: Limits) -> dict[str, Any]:
    with RequestBody(request, _of_fields(limits, most=URLENCODED_BYTES)) as body:
        sent = body.read()
    try:
        pairs = parse_qsl(sent.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8") from None
    except ValueError:
        raise TooLarge(f"more than {FIELDS} fields") from None
    return dict(pairs)


class _Spool:
    """The uploads of one request, on their way to disk."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._files: list[_LimitedFile] = []

    def open(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None,
        content_length: int | None = None,
    ) -> "_LimitedFile":
        if filename and sum(bool(file.filename) for file in self._files) >= self._limits.files:
            raise TooManyFiles(f"more than {self._limits.files} files")
        self._files.append(_LimitedFile(self._limits, (filename or "")[:NAME]))
        return self._files[-1]

    def taken(self, files: "MultiDict[str, FileStorage]") -> Iterator[UploadedFile]:
        """What was sent in our fields, in the order it came; the rest is deleted."""
        sent = {id(storage.stream): (name, storage) for name, storage in files.items(multi=True)}
        for file in self._files:
            file.close()
            name, storage = sent[id(file)]
            size = os.path.getsize(file.path)
            if name in FILE_FIELDS and (storage.filename or size):
                yield _upload(storage, file.path, size)
            else:
                Path(file.path).unlink()

    def keep(self, files: "MultiDict[str, FileStorage]") -> Iterator[UploadedFile]:
        """The same for files that somebody else has spooled."""
        for name, storage in files.items(multi=True):
            if name in FILE_FIELDS and storage.filename:
                storage.stream.seek(0)
                with self.open(None, None, storage.filename) as copy:
                    while chunk := storage.stream.read(1 << 16):
                        copy.write(chunk)
                yield _upload(storage, copy.path, os.path.getsize(copy.path))

    def discard(self) -> None:
        for file in self._files:
            file.close()
            Path(file.path).unlink(missing_ok=True)


class _LimitedFile(io.FileIO):
    """A new file on disk that refuses to grow beyond its limit."""

    def __init__(self, limits: Limits, filename: str) -> None:
        descriptor, self.path = tempfile.mkstemp(prefix="upload-", dir=limits.uploads)
        super().__init__(descriptor, "r+")
        self.filename = filename
        self._room = limits.file
        self._refusal = f"the file {filename!r} is larger than {limits.file} bytes"

    def write(self, piece: Any) -> int:
        self._room -= len(piece)
        if self._room < 0:
            raise TooLarge(self._refusal)
        return super().write(piece)


def _upload(storage: FileStorage, path: str, size: int) -> UploadedFile:
    name = Path((storage.filename or "").replace("\\", "/")).name[-NAME:]
    clean = "".join(character for character in name if character.isprintable()).strip(". ")
    return UploadedFile(clean or "file", path, size, charset=storage.mimetype_params.get("charset", ""))
