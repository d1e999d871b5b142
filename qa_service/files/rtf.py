"""This module reads the text of an RTF with striprtf, the one library for it that is small and kept well. pypandoc and
LibreOffice, which know more of the format, are programs of their own."""

from collections.abc import Iterator
from itertools import groupby

from striprtf.striprtf import rtf_to_text

from qa_service.files.rtf_source import rewrite_source
from qa_service.files.segment import RawFile, Segment
from qa_service.files.tables import resemble_names, write_table

_BULLETS = str.maketrans({"\uf0b7": "•", "\uf0a7": "▪", "\uf0fc": "✓", "\uf0a8": "☐", "\uf0fe": "☑"})


def read_rtf(raw: RawFile) -> Iterator[Segment]:
    """Give the text in order. The rows of a table have the names of its columns."""
    # The characters of any code page are written as codes in ASCII.
    source = rewrite_source(raw.content.decode("latin-1"))
    text: str = rtf_to_text(source, errors="replace").translate(_BULLETS)
    # striprtf writes the sign behind each cell.
    for is_row, group in groupby(text.splitlines(), lambda line: line.endswith("|")):
        lines = [line.strip() for line in group]
        if is_row:
            table = write_table([line.removesuffix("|").split("|") for line in lines], resemble_names)
            lines = [line for _, line in table]
        yield Segment("".join(f"{line}\n" for line in lines))
