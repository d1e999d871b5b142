"""This module reads what a request brings as multipart, as a form, as JSON or in its query string."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import msgspec
from flask import Request
from msgspec import Raw, Struct
from msgspec.structs import replace
from werkzeug.datastructures import FileStorage, MultiDict

from qa_service.errors import BadJson, BadRequest, InvalidField, TooLarge, UnsupportedMediaType
from qa_service.pause import LongWork
from qa_service.submission import Submission, is_file_field, present_fields
from qa_service.web.bodies import GULP, BodyBounds, RequestBody, is_chunked
from qa_service.web.parts import SentAsFile, read_parts
from qa_service.web.texts import (
    FIELD_BYTES,
    LOST,
    MOST_FIELDS,
    decode_fields,
    decode_sent_text,
    replace_lone_halves,
    split_urlencoded,
)
from qa_service.web.uploads import Spool, UploadLimits

URLENCODED_BYTES = 512 << 10
"""A body of the type `application/x-www-form-urlencoded` may have this many bytes. A question of 32,000 Korean
characters takes 281 KiB."""
VALUES = 50_000
"""A JSON body may hold this many lists, objects and texts. Making them takes 20 ms; making millions would take a
second."""
_COUNTED = 1 << 20
"""This many characters are counted at once."""
BOM = "\ufeff"
_EMPTY_LIST = re.compile(rb"\[\s*\]")


class Limits(Struct, frozen=True):
    """A `Limits` holds the limits of what a request may bring."""

    body: BodyBounds
    uploads: UploadLimits


def read_query(request: Request) -> dict[str, str]:
    """Read the fields in the address. Raises `BadRequest` where their charset can't be told."""
    return present_fields(decode_fields(split_urlencoded(request.query_string)))


def read_fields(request: Request, limits: Limits) -> Mapping[str, Any]:
    """Read the fields of a request that takes no files. Raises `InvalidField` where some came with it, and all that
    `read_submission` does."""
    with read_submission(request, limits) as sent:
        if sent.files:
            raise InvalidField("files: expected none in this request", field="files")
        return sent.fields


def read_submission(request: Request, limits: Limits, *, json_bytes: int = FIELD_BYTES) -> Submission:
    """Read the fields of the address and of the body, and the files. A field of the body wins over one of the address.
    A JSON body may have `json_bytes`.

    Raises `Refused`, or `BodyTimeout`, `RateLimited` or `Overloaded`. Nothing stays on disk then.
    """
    asked, spool = read_query(request), Spool(limits.uploads)
    try:
        sent = _read_body(request, limits, spool, json_bytes)
    except BaseException:
        spool.discard_files()
        raise
    return Submission({**asked, **sent}, spool.close_files())


def _read_body(request: Request, limits: Limits, spool: Spool, json_bytes: int) -> dict[str, Any]:
    if request.method == "GET" or not (request.content_length or is_chunked(request)):
        return {}
    _check_coding(request)
    match request.mimetype:
        case "multipart/form-data" | "application/x-www-form-urlencoded" if _host_has_read(request):
            return _read_hosts_form(request, spool)
        case "multipart/form-data":
            return _read_multipart(request, limits, spool)
        case "application/x-www-form-urlencoded":
            return _read_urlencoded(request, limits)
        case "application/json":
            return _decode_json(_read_json_body(request, limits, json_bytes), _charset(request))
        case other:
            raise UnsupportedMediaType(
                f"content type {other[:100] or 'missing'}: expected multipart/form-data, "
                "application/x-www-form-urlencoded or application/json"
            )


def _check_coding(request: Request) -> None:
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.strip().lower() != "identity":
        raise UnsupportedMediaType(f"Content-Encoding {coding[:100]!r}: expected a body that isn't compressed")


def _charset(request: Request) -> str:
    return request.mimetype_params.get("charset", "")


def within_bytes(bounds: BodyBounds, most: int) -> BodyBounds:
    """Return bounds of a body that may have at most this many bytes."""
    return replace(bounds, bytes=min(most, bounds.bytes))


def _host_has_read(request: Request) -> bool:
    """Tell whether the host site looked into the body before us. If it did, Flask keeps the result on the request."""
    return not {"form", "stream"}.isdisjoint(request.__dict__)


def _read_multipart(request: Request, limits: Limits, spool: Spool) -> dict[str, Any]:
    with RequestBody(request, limits.body) as body:
        return read_parts(body, request.mimetype_params.get("boundary", ""), spool, charset=_charset(request))


def _read_urlencoded(request: Request, limits: Limits) -> dict[str, Any]:
    with RequestBody(request, within_bytes(limits.body, URLENCODED_BYTES)) as body:
        sent = body.read()
    return present_fields(decode_fields(split_urlencoded(sent), _charset(request)))


def _read_json_body(request: Request, limits: Limits, most: int) -> bytes:
    if _host_has_read(request):
        return request.get_data()
    with RequestBody(request, within_bytes(limits.body, most)) as body:
        return body.read()


def _decode_json(body: bytes, charset: str) -> dict[str, Any]:
    work = LongWork()
    try:
        text = decode_sent_text(body, charset, "the body").removeprefix(BOM)
    except BadRequest as error:
        raise BadJson(error.message) from None
    work.end_step()
    if len(text) > 2 * VALUES and _count_values(text, work) > VALUES:
        raise BadJson(f"the body has more than {VALUES} lists, objects and texts")
    text = replace_lone_halves(text)
    work.end_step()
    try:
        fields = msgspec.json.decode(text, type=dict[str, Raw])
        if len(fields) > MOST_FIELDS:
            raise TooLarge(f"the request has more than {MOST_FIELDS} fields")
        return present_fields((name, _simple_value(raw)) for name, raw in fields.items())
    except msgspec.ValidationError:
        raise BadJson("the body: expected a JSON object") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadJson("the body: expected JSON") from None


def _count_values(text: str, work: LongWork) -> int:
    """Count lists, objects and texts. A bracket inside of a text counts too, so the count may be too high."""
    count = 0
    for at in range(0, len(text), _COUNTED):
        piece = text[at : at + _COUNTED]
        count += 2 * (piece.count("[") + piece.count("{")) + piece.count('"') - piece.count('\\"')
        work.end_step()
    return count // 2


def _simple_value(raw: Raw) -> Any:
    """Decode a text, a number, a switch, null or an empty list. Any other list, and an object, stays as it is written
    until somebody expects it: decoding half a million numbers that nobody reads would take ten seconds. A number that
    is too large for a float, such as `1e999`, stays as it is written, too."""
    if bytes(memoryview(raw)[:1]) in (b"[", b"{"):
        return [] if _EMPTY_LIST.fullmatch(raw) else raw
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError:
        return raw


def _read_hosts_form(request: Request, spool: Spool) -> dict[str, Any]:
    """Take what the host's parser made of the body. That parser has put U+FFFD in place of what isn't UTF-8."""
    for name, text in request.form.items(multi=True):
        if LOST in text:
            raise BadRequest(f"{name}: it isn't UTF-8, or it holds U+FFFD; expected UTF-8", field=name)
    return present_fields([*request.form.items(multi=True), *_take_hosts_files(request.files, spool)])


def _take_hosts_files(files: "MultiDict[str, FileStorage]", spool: Spool) -> Iterator[tuple[str, SentAsFile]]:
    """Copy what came in fields of files, and give the other fields that came as files."""
    for name, storage in files.items(multi=True):
        if is_file_field(name):
            storage.stream.seek(0)
            pieces = iter(partial(storage.stream.read, GULP), b"")
            spool.keep_file(storage.filename or "", pieces, storage.mimetype_params.get("charset", ""))
        elif storage.filename:
            yield name, SentAsFile()
