"""This module reads the chapters of an EPUB in the order in which the book has them."""

import posixpath
import zlib
from collections.abc import Iterator
from io import BytesIO
from urllib.parse import unquote
from zipfile import BadZipFile, ZipFile

from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.files.archive import check_archive
from qa_service.files.hypertext import read_hypertext
from qa_service.files.package import Element, local_name, parse_xml
from qa_service.files.segment import RawFile, Segment

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbncx+xml-page"})


def read_epub(raw: RawFile) -> Iterator[Segment]:
    """Give the sections of each chapter. Each chapter is a page, but not one that is cited by its number."""
    check_archive(raw.content)
    try:
        with ZipFile(BytesIO(raw.content)) as archive:
            yield from _read_chapters(archive)
    except (BadZipFile, KeyError, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise Unreadable("damaged") from error


def _read_chapters(archive: ZipFile) -> Iterator[Segment]:
    chapters, locked = _list_chapters(archive), _list_locked(archive)
    if any(chapter in locked for chapter in chapters):
        raise Unreadable("encrypted")
    for number, chapter in enumerate(chapters, start=1):
        yield Segment("", page=number, pages=len(chapters))
        for segment in read_hypertext(RawFile(archive.read(chapter)).markup()):
            yield replace(segment, page=number, pages=len(chapters))


def _list_chapters(archive: ZipFile) -> list[str]:
    """List the names of the chapters in reading order. A chapter that the archive doesn't have is left out."""
    container = _parse(archive, _CONTAINER)
    path = next((node.get("full-path", "") for node in container.iter() if local_name(node) == "rootfile"), "")
    package = _parse(archive, path)
    folder, names = posixpath.dirname(path), set(archive.namelist())
    hrefs = {
        node.get("id"): posixpath.normpath(posixpath.join(folder, unquote(node.get("href", ""))))
        for node in package.iter()
        if local_name(node) == "item" and node.get("media-type") in _PAGES
    }
    spine = [hrefs.get(node.get("idref"), "") for node in package.iter() if local_name(node) == "itemref"]
    return [name for name in dict.fromkeys(spine or hrefs.values()) if name in names]


def _list_locked(archive: ZipFile) -> frozenset[str]:
    """List the members that are encrypted. Those are mostly fonts, which doesn't matter."""
    if _ENCRYPTION not in archive.namelist():
        return frozenset()
    nodes = _parse(archive, _ENCRYPTION).iter()
    return frozenset(unquote(node.get("URI", "")) for node in nodes if local_name(node) == "CipherReference")


def _parse(archive: ZipFile, name: str) -> Element:
    content = archive.read(name)
    # Only hostile XML needs a document type, to define entities.
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise Unreadable("damaged")
    return parse_xml(content)
