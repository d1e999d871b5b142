"""This module opens the packages of Office Open XML: zipped parts that name each other by relationships.

A part that a relationship names may be missing, as office programs allow. Names of the strict variant of the format
become those of the usual one.
"""

import posixpath
import re
from collections.abc import Iterator
from functools import cached_property
from io import BytesIO
from typing import Any, TypeAlias
from urllib.parse import unquote
from zipfile import ZipFile

from lxml import etree
from msgspec import Struct

from qa_service.errors import Unreadable
from qa_service.files.archive import check_archive

Element: TypeAlias = Any
"""This is an element of lxml. It is `Any`, because lxml declares no types."""

NAMESPACES = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "p": "http://schemas.openxmlformats.org/presentationml/2006/main",
    "s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
}
STRICT_NAMESPACE = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"


def expand_name(name: str) -> str:
    """Return the name of an element as lxml writes it: `w:p` becomes `{http://…/main}p`."""
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def local_name(element: Element) -> str:
    """Return the name of an element without its namespace. It is empty for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def parse_xml(content: bytes) -> Element:
    """Parse a document of XML. Raises `Unreadable` where it is none. No entity is resolved, and nothing is loaded."""
    try:
        return etree.fromstring(
            STRICT_NAMESPACE.sub(rb"http://schemas.openxmlformats.org/\1/2006/\2", content), _make_parser()
        )
    except etree.XMLSyntaxError as error:
        raise Unreadable("damaged") from error


def _make_parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)


class Relation(Struct, frozen=True):
    """A `Relation` leads from one part of a package to another one, whose name is `target`."""

    id: str
    kind: str
    """It is the last word of its type, such as `footnotes`."""
    target: str


class Package:
    """A `Package` has the parts of one file, by their names without a slash at the beginning."""

    def __init__(self, content: bytes, streamed: str = "") -> None:
        """Raises `Unreadable` as `check_archive` does."""
        check_archive(content, streamed)
        self._archive = ZipFile(BytesIO(content))
        self._names = {name.replace("\\", "/").lower().lstrip("/"): name for name in self._archive.namelist()}

    @cached_property
    def main(self) -> str:
        """Return the name of the main part. Raises `Unreadable` where there is none."""
        found = next(self.find_related("", "officeDocument"), None)
        if found is None:
            raise Unreadable("damaged")
        return found.target

    def find_related(self, part: str, *kinds: str) -> Iterator[Relation]:
        """Give the relations of a part to other parts that are there. Without `kinds`, all are given."""
        folder, name = posixpath.split(part)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        for element in self.read_part(relations).iter(_RELATIONS) if self.has_part(relations) else ():
            target = unquote(element.get("Target", "").partition("#")[0]).replace("\\", "/")
            target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            kind = element.get("Type", "").rpartition("/")[2]
            if element.get("TargetMode") != "External" and self.has_part(target) and (not kinds or kind in kinds):
                yield Relation(element.get("Id", ""), kind, target)

    def has_part(self, name: str) -> bool:
        """Tell whether the package has this part. Upper and lower case are the same."""
        return name.lower() in self._names

    def read_bytes(self, name: str) -> bytes:
        """Return the bytes of a part, which must be there."""
        return self._archive.read(self._names[name.lower()])

    def read_part(self, name: str) -> Element:
        """Return the root of a part, which must be there. Raises `Unreadable` where it is no XML."""
        return parse_xml(self.read_bytes(name))

    def open_part(self, name: str) -> Any:
        """Open a part for reading in pieces."""
        return self._archive.open(self._names[name.lower()])
