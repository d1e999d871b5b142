"""Files are read beside streams that must not stall."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests import documents

FOLDER = Path(__file__).parent
MOST_LAG_MS = 500
"""This is a bound against stalls, not a benchmark: read in the worker, these files would stall it for seconds."""


def test_big_and_hostile_files_stall_nobody(tmp_path: Path) -> None:
    prose = "제1조 근로자는 1년에 15일의 연차휴가를 쓸 수 있다. Employees may take fifteen days of leave.\n"
    files = {
        "big1.pdf": documents.pdf([prose * 12] * 60),
        "big2.txt": "".join(f"{n} {prose}" for n in range(20_000)).encode(),
        "big3.csv": ("이름,부서\n" + "김철수,총무과 회계 담당\n" * 60_000).encode("cp949"),
        "big4.html": f"<h1>제목</h1><p>{prose * 15_000}</p>".encode(),
        "hang.html": documents.html_that_never_ends().encode(),
        "hang.pdf": documents.pdf_that_never_ends(),
        "memory.pdf": documents.pdf_that_wants_memory(),
        "nested.pdf": documents.deeply_nested_pdf(),
    }
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    for name, content in files.items():
        (uploads / name).write_bytes(content)

    program = [sys.executable, str(FOLDER / "gevent_lag.py"), str(uploads)]
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent.parent)}
    found = json.loads(subprocess.run(program, capture_output=True, check=True, env=environment).stdout)

    assert {name: found["verdicts"][name] for name in ("big1.pdf", "big2.txt", "big4.html")} == {
        "big1.pdf": "used",
        "big2.txt": "used",
        "big4.html": "used",
    }
    assert found["verdicts"]["hang.html"] == "over_quota"
    assert found["verdicts"]["memory.pdf"] == "too_large"
    assert found["lag_ms"] < MOST_LAG_MS
