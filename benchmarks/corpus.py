"""This module measures answers and topics on a small corpus of our own: eight documents in Korean and in English, with
questions, the pages that answer them, and questions that nothing in a document answers.

`python -m benchmarks.corpus` prints the figures, without a model. With bounds as `qa-service evaluate` takes them
(`--at-least found_page=0.9`) it fails where they aren't kept.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.korean_pdf import write_pdf

CORPUS = Path(__file__).with_name("corpus")
QUESTIONS = "questions.jsonl"
PAGE_END = "\n----\n"


def build_corpus(folder: Path) -> Path:
    """Write the documents as PDF into the folder, with the questions, and return the path of the questions."""
    for source in sorted(CORPUS.glob("*.txt")):
        pages = [page.strip() for page in source.read_text(encoding="utf-8").split(PAGE_END)]
        (folder / f"{source.stem}.pdf").write_bytes(write_pdf(pages, size=11, line=7))
    return Path(shutil.copy(CORPUS / QUESTIONS, folder / QUESTIONS))


def _measure_corpus(arguments: Sequence[str]) -> None:
    from qa_service.cli import run_command

    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"QA_UPSTREAM": "offline", "QA_DATA": str(Path(folder, "data"))}
        os.environ.pop("REDIS_URL", None)
        run_command(["evaluate", str(build_corpus(Path(folder))), *arguments])


if __name__ == "__main__":
    _measure_corpus(sys.argv[1:])
