"""This module writes the text of paragraphs of OpenDocument. Their styles say what of it is hidden, raised or
lowered."""

from collections.abc import Callable, Iterator, Mapping

from qa_service.files.package import Element, local_name
from qa_service.files.raised import lower_digits, raise_digits

UNSEEN = frozenset(
    {"page-number", "tracked-changes", "sequence-decls", "forms", "settings", "event-listeners", "bookmark"}
)
"""These elements have no text that somebody sees."""
ATTACHED = frozenset({"note", "annotation", "frame", "custom-shape", "text-box", "g"})
"""These elements hang on a paragraph and aren't part of its text."""

_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"
_FAMILIES = {"span": "text", "p": "paragraph", "h": "paragraph"}
_MOST_SPACES = 100
_COUNT_DIGITS, _SPACES_DIGITS = 7, 3
"""A sheet has a number of rows with at most this many digits, and a line a number of spaces."""
_DEEPEST_STYLE = 10


def read_attribute(element: Element, name: str, namespace: str = "table") -> str:
    """Return an attribute of an element, or an empty text where it hasn't got it."""
    return element.get(f"{{{_NAMESPACE.format(namespace)}}}{name}") or ""


def read_attribute_count(element: Element, name: str, namespace: str = "table", *, digits: int = _COUNT_DIGITS) -> int:
    """Return the number that an attribute has. It is 1 where there is none, or one with more than this many digits."""
    written = read_attribute(element, name, namespace)
    return int(written) if written.isdecimal() and len(written) <= digits else 1


def find_elements(root: Element | None, name: str, namespace: str) -> Iterator[Element]:
    """Give all elements with this name."""
    return iter(()) if root is None else root.iter(f"{{{_NAMESPACE.format(namespace)}}}{name}")


class TextStyles:
    """A `TextStyles` knows the styles of one document. `roots` are its parts, the most general one first."""

    def __init__(self, *roots: Element | None) -> None:
        self._styles = {
            (read_attribute(style, "family", "style"), read_attribute(style, "name", "style")): style
            for root in roots
            for style in find_elements(root, "style", "style")
        }

    def is_hidden(self, element: Element) -> bool:
        """Tell whether a section, a paragraph or a part of it is hidden, by itself or by its style."""
        by_style = local_name(element) in _FAMILIES and self._find_property(element, "display", "text")
        return "none" in (by_style, read_attribute(element, "display", "text"))

    def is_hidden_table(self, table: Element) -> bool:
        """Tell whether the style of a sheet hides it."""
        style = self._styles.get(("table", read_attribute(table, "style-name")))
        return style is not None and any(read_attribute(part, "display") == "false" for part in style)

    def write_text(self, paragraph: Element) -> str:
        """Return the text of a paragraph without what hangs on it."""
        inner = "".join(self._write_inline(child) + (child.tail or "") for child in paragraph)
        return (paragraph.text or "") + inner

    def _write_inline(self, element: Element) -> str:
        name = local_name(element)
        if name in _INLINE:
            return _INLINE[name](element)
        if name in UNSEEN or name in ATTACHED or self.is_hidden(element):
            return ""
        if name == "ruby-text":
            return f"({self.write_text(element)})"
        text = self.write_text(element)
        position = self._find_property(element, "text-position", "style") if name == "span" else ""
        if position.startswith(("sub", "-")):
            return lower_digits(text)
        return raise_digits(text) if position and not position.startswith("0") else text

    def _find_property(self, element: Element, name: str, namespace: str) -> str:
        """Return a property that the style of a text or paragraph has, or inherits from another style."""
        family = _FAMILIES[local_name(element)]
        style = read_attribute(element, "style-name", "text")
        # The number of steps is bounded, because a hostile file can make a circle.
        for _ in range(_DEEPEST_STYLE):
            found = self._styles.get((family, style))
            if found is None:
                break
            for part in found:
                if local_name(part) == "text-properties" and (value := read_attribute(part, name, namespace)):
                    return value
            style = read_attribute(found, "parent-style-name", "style")
        return ""


_INLINE: Mapping[str, Callable[[Element], str]] = {
    "s": lambda element: " " * min(read_attribute_count(element, "c", "text", digits=_SPACES_DIGITS), _MOST_SPACES),
    "tab": lambda _: "\t",
    "line-break": lambda _: "\n",
}
"""These elements within a paragraph stand for spaces."""
