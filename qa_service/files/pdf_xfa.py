"""This module reads the forms of Adobe's XFA that a PDF may have in place of its pages. They are XML, and only Adobe's
own programs show them; the one page of such a PDF says that one should wait."""

import ctypes
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing

from pypdfium2 import PdfDocument
from pypdfium2.raw import (
    FORMTYPE_XFA_FOREGROUND,
    FORMTYPE_XFA_FULL,
    FPDF_GetFormType,
    FPDF_GetXFAPacketContent,
    FPDF_GetXFAPacketCount,
    FPDFPage_GetAnnotCount,
)

from qa_service.errors import Unreadable
from qa_service.files.package import Element, local_name, parse_xml


def read_xfa(document: PdfDocument) -> str:
    """Return the texts and the values of the form, a line each. The result is empty where the document is no such form,
    or where the form can't be read."""
    if not _stands_for_pages(document):
        return ""
    packets = (_packet(document, number) for number in range(FPDF_GetXFAPacketCount(document)))
    try:
        form = parse_xml(b"".join(packets))
    except Unreadable:
        return ""
    return "\n".join(_lines(form))


def _stands_for_pages(document: PdfDocument) -> bool:
    """Return whether a form takes the place of the pages. One that has fields on the pages is shown by every viewer."""
    kind = FPDF_GetFormType(document)
    if kind != FORMTYPE_XFA_FOREGROUND or len(document) > 1:
        return bool(kind == FORMTYPE_XFA_FULL)
    with closing(document[0]) as page:
        return not FPDFPage_GetAnnotCount(page)


def _packet(document: PdfDocument, number: int) -> bytes:
    size = ctypes.c_ulong()
    FPDF_GetXFAPacketContent(document, number, None, 0, size)
    buffer = ctypes.create_string_buffer(size.value)
    FPDF_GetXFAPacketContent(document, number, buffer, size.value, size)
    return buffer.raw[: size.value]


def _lines(form: Element) -> Iterator[str]:
    """Give the texts of the template, each field with its value, and then the values that no field shows."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for data in _named(form, "data"):
        for element in data.iter():
            if not len(element) and (text := _text(element)):
                values[local_name(element)].append(text)
    for element in _named(form, "draw", "field"):
        label = _text(next(_named(element, "caption"), None))
        if local_name(element) == "draw":
            label = _text(next(_named(element, "value"), None))
        name = element.get("name", "")
        value = values[name].pop(0) if local_name(element) == "field" and values[name] else ""
        if label or value:
            yield f"{label or name}: {value}" if value else label
    yield from (f"{name}: {text}" for name, texts in values.items() for text in texts)


def _named(element: Element, *names: str) -> Iterator[Element]:
    return (found for found in element.iter() if local_name(found) in names)


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split()) if element is not None else ""
