"""PDFs whose fonts aren't in the file are read alike on machines with fonts and on those without."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from qa_service.files.landlock import find_landlock
from qa_service.files.pdf_fonts import build_font
from tests import documents, pdfs

ROOT = Path(__file__).parents[2]
READ = """
import sys
from pathlib import Path
from qa_service.files.child import load_all
from qa_service.files.kernel import NO_NEW_PRIVILEGES, control_process
from qa_service.files.landlock import enter_landlock, find_landlock
from qa_service.files.pdf import read_pdf
from qa_service.files.segment import RawFile
content = sys.stdin.buffer.read()
load_all()
if sys.argv[1] == "hidden":
    control_process(NO_NEW_PRIVILEGES, 1)
    enter_landlock(find_landlock())
    try:
        Path(sys.argv[2]).read_bytes()
    except PermissionError:
        pass
    else:
        sys.exit("the fonts are there")
sys.stdout.buffer.write("|".join(page.text for page in read_pdf(RawFile(content))).encode())
"""


def read(content: bytes, fonts: str) -> str:
    command = [sys.executable, "-c", READ, fonts, documents.KOREAN_FONT]
    return subprocess.run(command, cwd=ROOT, input=content, capture_output=True, check=True).stdout.decode()


@pytest.mark.skipif(not find_landlock(), reason="needs Landlock")
@pytest.mark.parametrize(
    ("encoding", "ordering", "text"),
    [
        ("UniKS-UCS2-H", "Korea1", "석달이며"),
        ("UniJIS-UCS2-H", "Japan1", "保証期間"),
        ("UniGB-UCS2-H", "GB1", "保证期间"),
        ("UniCNS-UCS2-H", "CNS1", "保證期間"),
    ],
)
def test_a_file_reads_the_same_with_and_without_the_fonts_of_the_machine(
    encoding: str, ordering: str, text: str
) -> None:
    one_by_one = "".join(pdfs.show_signs(sign, 72 + 13 * n) for n, sign in enumerate(text))
    content = pdfs.pdf(one_by_one, font=pdfs.font_of(encoding, ordering))

    assert read(content, "hidden") == read(content, "shown") == text


def test_the_font_has_one_box_for_every_character() -> None:
    font = TTFont(BytesIO(build_font()))

    assert font["head"].unitsPerEm == 1000
    assert font["hmtx"][font.getGlyphName(1)] == (1000, 50)
    assert font.getBestCmap().keys() >= {ord("A"), ord("가"), ord("保"), 0x2F00}
