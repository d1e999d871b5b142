"""This module has PDFs written by hand: what their content streams say stands in the test."""

from collections.abc import Mapping, Sequence

HELVETICA = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
NAMELESS = (
    "<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+Own/Encoding/Identity-H/DescendantFonts[<</Type/Font"
    "/Subtype/CIDFontType2/BaseFont/ABCDEF+Own/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
    "/CIDToGIDMap/Identity/DW 1000/FontDescriptor<</Type/FontDescriptor/FontName/ABCDEF+Own/Flags 4"
    "/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>>>]>>"
)
"""This is a font that names no character for its glyphs."""
PICTURE = "q 500 0 0 700 50 50 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \xff EI Q\n"


def font_of(encoding: str, ordering: str) -> str:
    """Return a font that isn't in the file, as in older files of East Asia; `encoding` and `ordering` are names of
    Adobe."""
    return (
        f"<</Type/Font/Subtype/Type0/BaseFont/Nowhere/Encoding/{encoding}/DescendantFonts[<</Type/Font"
        f"/Subtype/CIDFontType2/BaseFont/Nowhere/CIDSystemInfo<</Registry(Adobe)/Ordering({ordering})/Supplement 1>>"
        "/DW 1000/FontDescriptor<</Type/FontDescriptor/FontName/Nowhere/Flags 4/FontBBox[0 -200 1000 900]"
        "/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>>>]>>"
    )


KOREAN = font_of("UniKS-UCS2-H", "Korea1")
JAPANESE_DOWN = font_of("UniJIS-UCS2-V", "Japan1")


def show(text: str, x: float = 72, y: float = 720, size: float = 11) -> str:
    """Return operators that draw a line of Western text."""
    return f"BT /F1 {size} Tf {x} {y} Td ({_escaped(text)}) Tj ET\n"


def show_lines(texts: Sequence[str], x: float = 72, y: float = 720, lead: float = 14) -> str:
    """Return operators that draw lines below each other."""
    return "".join(show(text, x, y - lead * number) for number, text in enumerate(texts))


def show_signs(text: str, x: float = 72, y: float = 720) -> str:
    """Return operators that draw a line in a font of `font_of`."""
    return f"BT /F1 12 Tf {x} {y} Td <{text.encode('utf-16-be').hex()}> Tj ET\n"


def pdf(
    *contents: str,
    font: str = HELVETICA,
    objects: Sequence[str | bytes] = (),
    catalog: str = "",
    page: str = "",
) -> bytes:
    """Return a PDF with a page for each content stream. `objects` have the numbers from 4 on; `catalog` and `page`
    are further entries of their dictionaries."""
    bodies: dict[int, str | bytes] = {3: font, **dict(enumerate(objects, 4))}
    number, kids = 4 + len(objects), []
    for content in contents:
        bodies[number] = (
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>"
            f"/Contents {number + 1} 0 R {page}>>"
        )
        bodies[number + 1] = stream(content)
        kids.append(f"{number} 0 R")
        number += 2
    bodies[1] = f"<</Type/Catalog/Pages 2 0 R {catalog}>>"
    bodies[2] = f"<</Type/Pages/Kids[{' '.join(kids)}]/Count {len(kids)}>>"
    return _written(bodies)


def stream(content: str | bytes, entries: str = "") -> bytes:
    """Return a stream object."""
    data = content if isinstance(content, bytes) else content.encode("latin-1")
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries.encode(), len(data), data)


def drawn(content: str, box: str = "0 0 200 20") -> bytes:
    """Return the look of an annotation."""
    return stream(content, f"/Type/XObject/Subtype/Form/BBox[{box}]/Resources<</Font<</F1 3 0 R>>>>")


def _written(bodies: Mapping[int, str | bytes]) -> bytes:
    out, places = b"%PDF-1.7\n", b"0000000000 65535 f \n"
    for key in sorted(bodies):
        body = bodies[key]
        places += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (key, body if isinstance(body, bytes) else body.encode("latin-1"))
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, len(out))
    return out + b"xref\n0 %d\n" % (len(bodies) + 1) + places + end


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
