"""This module writes what the controls of a form show on a web page, and the words that stand for a picture."""

from selectolax.lexbor import LexborNode

from qa_service.files.visibility import Attributes

CONTROLS = frozenset({"img", "input", "select"})
_WORTH_READING = 15
"""The words that stand for a picture count if they have this many characters. Fewer mostly name a decoration."""
_WRITTEN = frozenset(
    {"date", "datetime-local", "email", "month", "number", "search", "tel", "text", "time", "url", "week"}
)
_TICKED = frozenset({"checkbox", "radio"})


def write_control(node: LexborNode, attributes: Attributes) -> str:
    """Write what this element shows. It is empty where the element shows no words."""
    match node.tag:
        case "img":
            words = " ".join((attributes.get("alt") or "").split())
            return f" {words} " if len(words) >= _WORTH_READING else ""
        case "input":
            return _write_input(attributes)
        case "select":
            return f" {', '.join(_list_chosen(node, attributes))} "
        case _:
            return ""


def _write_input(attributes: Attributes) -> str:
    kind = (attributes.get("type") or "text").lower()
    if kind in _TICKED:
        return " ☑ " if "checked" in attributes else " ☐ "
    return f" {attributes.get('value') or ''} " if kind in _WRITTEN else ""


def _list_chosen(select: LexborNode, attributes: Attributes) -> list[str]:
    """List the options that the page shows: those that are chosen, or else the first one, unless the list is open."""
    options = [node for node in select.css("option") if node.text().strip()]
    chosen = [node for node in options if "selected" in node.attributes]
    is_open = "multiple" in attributes or (attributes.get("size") or "1") != "1"
    shown = chosen or (options if is_open else options[:1])
    return [" ".join(node.text().split()) for node in shown]
