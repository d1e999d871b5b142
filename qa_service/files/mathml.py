"""This module writes a formula of MathML as a line of text, in which a power or a fraction stays one."""

from collections.abc import Callable, Mapping, Sequence

from selectolax.lexbor import LexborNode

_DEEPEST = 40
_UNSEEN = frozenset({"annotation", "annotation-xml", "none", "mprescripts"})


def write_formula(math: LexborNode) -> str:
    """Write the formula of a `math` element. Parts that are nested very deeply are joined without their signs."""
    return " ".join(_write_element(math, 0).split())


def _write_element(node: LexborNode, depth: int) -> str:
    if node.tag == "-text":
        return node.text_content or ""
    if node.tag in _UNSEEN:
        return ""
    if depth > _DEEPEST:
        return node.text()
    parts = [_write_element(child, depth + 1) for child in node.iter(include_text=True)]
    parts = [part for part in parts if part.strip()]
    return _FORMS.get(node.tag or "", "".join)(parts)


def _group(part: str) -> str:
    part = part.strip()
    return part if len(part) == 1 or part.isalnum() else f"({part})"


def _join(signs: str) -> Callable[[Sequence[str]], str]:
    """Return a function that joins the parts with these signs between them, one after another."""

    def write(parts: Sequence[str]) -> str:
        first, *rest = (_group(part) for part in parts or [""])
        return first + "".join(f"{sign}{part}" for sign, part in zip(signs, rest, strict=False))

    return write


def _write_row(parts: Sequence[str]) -> str:
    return ", ".join(part.strip() for part in parts)


_FORMS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "mfrac": _join("/"),
    "msup": _join("^"),
    "mover": _join("^"),
    "msub": _join("_"),
    "munder": _join("_"),
    "msubsup": _join("_^"),
    "munderover": _join("_^"),
    "msqrt": lambda parts: f"√{_group(''.join(parts))}",
    "mroot": lambda parts: f"{''.join(parts[1:])}√{_group(parts[0] if parts else '')}",
    "mfenced": lambda parts: f"({', '.join(parts)})",
    "mtr": _write_row,
    "mtable": lambda parts: f"[{'; '.join(parts)}]",
}
