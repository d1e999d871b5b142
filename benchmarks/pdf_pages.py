"""This program measures how fast the pages of a PDF become indexed passages, and how much memory that takes.

Run it as `python -m benchmarks.pdf_pages [pages]`. It makes a PDF of Korean and English pages with fpdf2 and a font of
Debian's package fonts-nanum, and reads it as a reading process does, without its sandbox.
"""

import resource
import sys
import time

from benchmarks.korean_pdf import write_pdf
from qa_service.files.reading import read_file
from qa_service.model import UploadedFile

RULE = (
    "제{n}조 근로자는 {n}일의 휴가를 쓸 수 있으며, 휴가를 쓰려는 사람은 사흘 전까지 부서장에게 알려야 한다. "
    "Rule {n} covers exactly the cases of leave that an employee has asked for in writing. "
)
RULES_A_PAGE = 13


def make_pdf(pages: int) -> bytes:
    """Make a PDF with this number of pages, with about 1,800 characters on each."""
    return write_pdf((RULE.format(n=number) * RULES_A_PAGE for number in range(1, pages + 1)), size=10, line=5)


def measure_reading(pages: int) -> str:
    """Read a PDF with this number of pages, and say what it took."""
    content = make_pdf(pages)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    *_, last = read_file(UploadedFile("pages.pdf", "", len(content)), content)
    seconds, after = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        f"{last.verdict.pages} pages: {seconds:.1f} s of one processor, {1000 * seconds / pages:.1f} ms a page, "
        f"{last.verdict.tokens} tokens, {(after - before) >> 10} MB more than before, {after >> 10} MB in all"
    )


if __name__ == "__main__":
    print(measure_reading(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
