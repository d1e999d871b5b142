"""This module reads the text of charts and of diagrams, which stand in parts of their own in a package."""

from collections.abc import Iterator

from qa_service.files.equations import write_equation
from qa_service.files.package import Element, expand_name, local_name
from qa_service.files.raised import lower_digits, raise_digits
from qa_service.files.tables import write_row

_MOST_POINTS = 1_000
_MOST_SERIES = 50
_PARAGRAPH, _TEXT = expand_name("a:p"), expand_name("a:t")
_EQUATION, _FALLBACK = expand_name("m:oMath"), expand_name("mc:Fallback")
_RUN, _LOOK = expand_name("a:r"), expand_name("a:rPr")
_SIGNS = {"br": "\n", "tab": "\t"}
_POINT, _SERIES, _VALUE = expand_name("c:pt"), expand_name("c:ser"), expand_name("c:v")


def read_chart(root: Element) -> Iterator[str]:
    """Give the titles of a chart, and then a line for each category with the values of all series."""
    for title in root.iter(expand_name("c:title")):
        yield from read_drawn_text(title)
    series = [*root.iter(_SERIES)][:_MOST_SERIES]
    names = ["", *(" ".join(_points(one, "tx").values()) for one in series)]
    categories = next((found for one in series if (found := _points(one, "cat") or _points(one, "xVal"))), {})
    values = [_points(one, "val") or _points(one, "yVal") for one in series]
    for place in sorted({place for column in [categories, *values] for place in column})[:_MOST_POINTS]:
        row = write_row(names, [categories.get(place, ""), *(column.get(place, "") for column in values)])
        if row:
            yield row


def _points(series: Element, name: str) -> dict[int, str]:
    """Return the texts or values of a part of a series, by their places."""
    part = series.find(expand_name(f"c:{name}"))
    if part is None:
        return {}
    points = {int(point.get("idx") or 0): point.findtext(_VALUE) or "" for point in part.iter(_POINT)}
    return points or {0: part.findtext(_VALUE) or ""}


def read_drawn_text(root: Element) -> Iterator[str]:
    """Give the paragraphs of text in a drawing or a diagram that aren't empty."""
    for paragraph in root.iter(_PARAGRAPH):
        if text := write_drawn_paragraph(paragraph):
            yield text


def write_drawn_paragraph(paragraph: Element) -> str:
    """Return the text of one paragraph of a drawing."""
    return "".join(map(_write_drawn, paragraph)).strip()


def _write_drawn(element: Element) -> str:
    if element.tag == _EQUATION:
        return write_equation(element)
    if element.tag == _FALLBACK:
        return ""
    own = (element.text or "") if element.tag == _TEXT else _SIGNS.get(local_name(element), "")
    text = own + "".join(map(_write_drawn, element))
    return _shift(element, text) if element.tag == _RUN else text


def _shift(run: Element, text: str) -> str:
    """Write a raised or lowered number in signs of its own."""
    look = run.find(_LOOK)
    by = "" if look is None else look.get("baseline") or ""
    return lower_digits(text) if by.startswith("-") else raise_digits(text) if by.strip("0%.") else text
