"""This module writes an equation of an office document as a line of text, in which a power or a fraction stays one."""

from collections.abc import Callable, Mapping

from qa_service.files.package import Element, local_name

_ROOTS = {"": "√", "2": "√", "3": "∛", "4": "∜"}
_ACCENTS = {"\u0302": "^", "\u0303": "~", "\u0304": "¯", "\u0305": "¯", "\u20d7": "→", "\u0307": "˙"}


def write_equation(element: Element) -> str:
    """Write an `oMath` element, or anything in one. Elements that have no form of their own give the text in them."""
    if local_name(element) == "t":
        return element.text or ""
    form = _FORMS.get(local_name(element))
    return form(element) if form else "".join(map(write_equation, element))


def _part(element: Element, name: str) -> str:
    return next((write_equation(child).strip() for child in element if local_name(child) == name), "")


def _grouped(element: Element, name: str) -> str:
    """Return a part, in parentheses where it is more than one number or word."""
    part = _part(element, name)
    return part if part.isalnum() or len(part) == 1 else f"({part})" if part else ""


def _property(element: Element, name: str, default: str) -> str:
    found = next((node for node in element.iter() if local_name(node) == name), None)
    values = [] if found is None else [value for key, value in found.attrib.items() if key.endswith("}val")]
    return values[0] if values else default if found is None else ""


def _own_property(element: Element, name: str, default: str) -> str:
    properties = next((child for child in element if local_name(child) == f"{local_name(element)}Pr"), None)
    return default if properties is None else _property(properties, name, default)


def _scripts(element: Element) -> str:
    low, high = _grouped(element, "sub"), _grouped(element, "sup")
    return (f"_{low}" if low else "") + (f"^{high}" if high else "")


def _write_root(element: Element) -> str:
    degree = _part(element, "deg")
    sign = _ROOTS.get(degree, f"{degree}√")
    return f"{sign}{_grouped(element, 'e')}"


def _write_sum(element: Element) -> str:
    return f"{_own_property(element, 'chr', '∫')}{_scripts(element)} {_part(element, 'e')}"


def _write_delimited(element: Element) -> str:
    parts = [write_equation(child).strip() for child in element if local_name(child) == "e"]
    sign = _own_property(element, "sepChr", "|")
    return f"{_own_property(element, 'begChr', '(')}{sign.join(parts)}{_own_property(element, 'endChr', ')')}"


def _write_matrix(element: Element) -> str:
    rows = [child for child in element if local_name(child) == "mr"]
    return f"[{'; '.join(', '.join(write_equation(cell).strip() for cell in row) for row in rows)}]"


def _write_accent(element: Element) -> str:
    sign = _own_property(element, "chr", "\u0302")
    return f"{_grouped(element, 'e')}{_ACCENTS.get(sign, sign)}"


_FORMS: Mapping[str, Callable[[Element], str]] = {
    "f": lambda element: f"{_grouped(element, 'num')}/{_grouped(element, 'den')}",
    "sSup": lambda element: _grouped(element, "e") + _scripts(element),
    "sSub": lambda element: _grouped(element, "e") + _scripts(element),
    "sSubSup": lambda element: _grouped(element, "e") + _scripts(element),
    "sPre": lambda element: f"{_scripts(element)} {_grouped(element, 'e')}",
    "rad": _write_root,
    "nary": _write_sum,
    "d": _write_delimited,
    "m": _write_matrix,
    "eqArr": lambda element: "; ".join(write_equation(e).strip() for e in element if local_name(e) == "e"),
    "func": lambda element: f"{_part(element, 'fName')} {_part(element, 'e')}",
    "limLow": lambda element: f"{_part(element, 'e')}_{_grouped(element, 'lim')}",
    "limUpp": lambda element: f"{_part(element, 'e')}^{_grouped(element, 'lim')}",
    "acc": _write_accent,
    "bar": lambda element: f"{_grouped(element, 'e')}¯",
}
