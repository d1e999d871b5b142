"""This module decides which elements of a web page somebody sees who looks at the page."""

import re
from collections.abc import Mapping
from typing import TypeAlias

from selectolax.lexbor import LexborHTMLParser, LexborNode

Attributes: TypeAlias = Mapping[str, str | None]
"""These are the attributes of an element. One without a value has None."""

_UNSEEN_TAGS = """
    head script style template noscript iframe object embed audio video canvas datalist map defs symbol metadata
    annotation annotation-xml rp title
"""
_UNSEEN = frozenset(_UNSEEN_TAGS.split())
_HIDING = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|mso-hide\s*:\s*all"
    r"|(?:opacity|font-size)\s*:\s*0[.0]*(?:px|pt|em|rem|%)?\s*(?:!|;|$))",
    re.IGNORECASE,
)


class Visibility:
    """A `Visibility` knows what one page hides.

    An element counts as hidden where its own attributes hide it. What only a style sheet hides is seen, because pages
    mostly hide in this way what a click opens, such as the answers of a FAQ. For the same reason an element is seen to
    which a button or a link of the page leads.
    """

    def __init__(self, page: LexborHTMLParser) -> None:
        controls = page.css("[aria-controls]")
        links = page.css("a[href^='#']")
        opened = [word for node in controls for word in (node.attributes.get("aria-controls") or "").split()]
        self._opened = {*opened, *((node.attributes.get("href") or "")[1:] for node in links)} - {""}

    def is_seen(self, node: LexborNode, attributes: Attributes) -> bool:
        """Tell whether this element and its text are seen, if the elements around it are."""
        if node.tag in _UNSEEN:
            return False
        if node.tag == "dialog":
            return "open" in attributes
        return not _is_hidden(attributes) or attributes.get("id") in self._opened


def _is_hidden(attributes: Attributes) -> bool:
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    style = attributes.get("style")
    return bool(style and _HIDING.search(style))
