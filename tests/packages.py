"""Packages of Office Open XML written by hand, smaller than any office program writes them."""

from collections.abc import Mapping, Sequence

from qa_service.files.package import NAMESPACES
from tests.documents import zipped

TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/"
DECLARED = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in NAMESPACES.items())

Relation = tuple[str, str]
"""The last word of a relationship's type, and its target. Its id is `r1`, `r2`, … in the order of a list."""


def relations(found: Sequence[Relation], types: str = TYPES) -> str:
    lines = "".join(
        f'<Relationship Id="r{number}" Type="{types}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(found, 1)
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{lines}</Relationships>'
    )


def package(
    main: str, parts: Mapping[str, str | bytes], related: Mapping[str, Sequence[Relation]], *, strict: bool = False
) -> bytes:
    """`parts` are XML whose roots declare no namespaces, and `related` has the relations of parts."""
    members: dict[str, str | bytes] = {"_rels/.rels": relations([("officeDocument", main)])}
    for name, found in related.items():
        folder, _, last = name.rpartition("/")
        members[f"{folder}/_rels/{last}.rels"] = relations(found)
    for name, part in parts.items():
        members[name] = part.replace(">", f" {DECLARED}>", 1) if isinstance(part, str) else part
    if strict:
        members = {name: _restrict(part) for name, part in members.items()}
    return zipped(members)


def _restrict(part: str | bytes) -> str | bytes:
    if isinstance(part, bytes):
        return part
    for kind in ("wordprocessingml", "spreadsheetml", "presentationml", "drawingml", "officeDocument"):
        part = part.replace(f"http://schemas.openxmlformats.org/{kind}/2006/", f"{STRICT}{kind}/")
    return part


def word(body: str, *found: tuple[str, str, str | bytes], root: str = "w:document", strict: bool = False) -> bytes:
    """A DOCX. Each further part is the kind of its relation, its name and its content; a part without content is
    missing."""
    parts = {f"word/{name}": content for _, name, content in found if content}
    return package(
        "word/document.xml",
        {"word/document.xml": f"<{root}><w:body>{body}</w:body></{root}>", **parts},
        {"word/document.xml": [(kind, name) for kind, name, _ in found]},
        strict=strict,
    )


def p(*runs: str, properties: str = "") -> str:
    """A paragraph of Word. What isn't XML is a text."""
    written = "".join(
        run if run.startswith("<") else f"<w:r><w:t xml:space='preserve'>{run}</w:t></w:r>" for run in runs
    )
    return f"<w:p><w:pPr>{properties}</w:pPr>{written}</w:p>"


def table(*rows: Sequence[str]) -> str:
    """A table of Word. A cell that isn't XML is a text."""

    def cell(content: str) -> str:
        return f"<w:tc>{content if content.startswith('<') else p(content)}</w:tc>"

    return "<w:tbl>" + "".join(f"<w:tr>{''.join(map(cell, row))}</w:tr>" for row in rows) + "</w:tbl>"
