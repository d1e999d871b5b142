"""This program measures whether files that arrive hold up other people's answers: the delay of each piece of text on
its way through a served worker, in milliseconds.

    python -m benchmarks.stalls [--streams 20] [--pages 1000] [--port 8700]

Twenty answers are written evenly all the time. First nothing else happens. Then a PDF of 500 pages, a table of 50 MB
and an archive that unpacks to 400 MB arrive at once, each with a question of its own. At last a PDF of many pages is
taken into the knowledge base, and is encoded there. The quiet phase is measured again at the end, because other
programs on the machine change the figures. Who sends the files has the lowest priority, and the worker has its own.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from io import BytesIO
from multiprocessing import Process
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.figures import percentile
from benchmarks.load import Crowd
from benchmarks.pdf_pages import make_pdf
from benchmarks.servers import KEY, PRODUCT, Place, Ports
from benchmarks.stage import PATIENCE, Stage, staged
from benchmarks.upstream import Script

RATE = 25
"""Each answer has this many pieces of text a second."""
SECONDS_OF_AN_ANSWER = 20
QUIET_SECONDS = 10.0
MOST_SECONDS = 180.0
"""A phase that takes longer is cut off."""
SETTINGS = {"QA_MAX_FILE": "64MiB", "QA_MAX_BODY": "80MiB", "QA_READ_SECONDS": "1h"}
TABLE_BYTES = 50 << 20
UNPACKED_BYTES = 400 << 20
BOUNDARY = "between-two-parts"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"


def make_table(size: int) -> bytes:
    """Make an XLSX of about this many bytes, which aren't compressed."""
    row = "".join(f'<c t="inlineStr"><is><t>{escape(word)}</t></is></c>' for word in ("보증 기간", "battery", "12,000"))
    row = f"<row>{row}</row>"
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{TYPES}"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{main}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sheet.xml" ContentType="{main}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="a" Type="{OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets><sheet name="a" sheetId="1" '
        'r:id="a"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="a" '
        f'Type="{OFFICE}/worksheet" Target="sheet.xml"/></Relationships>',
        "xl/sheet.xml": f'<worksheet xmlns="{SHEET}"><sheetData>{row * (size // len(row.encode()))}</sheetData>'
        "</worksheet>",
    }
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


def make_bomb(size: int) -> bytes:
    """Make a ZIP with one text that unpacks to this many bytes."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.txt", "w") as text:
        for _ in range(size >> 20):
            text.write(b"a" * (1 << 20))
    return file.getvalue()


def write_form(fields: Mapping[str, str], name: str, content: bytes) -> bytes:
    """Write the body of a form with one file."""
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    return "".join([*parts, head]).encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def send(port: int, path: str, body: bytes = b"") -> HTTPConnection:
    """Send a form, or ask for a path where there is none, and return the connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=MOST_SECONDS)
    headers = {"Authorization": f"Bearer {KEY}"}
    if body:
        headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
    connection.request("POST" if body else "GET", path, body or None, headers)
    return connection


def ask_with_file(port: int, name: str, content: bytes) -> None:
    """Ask a question with a file, and wait until its verdict has come and the answer begins."""
    os.nice(19)
    connection = send(port, "/api/ask", write_form({"question": "What does the file say?"}, name, content))
    response = connection.getresponse()
    seen = b""
    while b'"type": "text"' not in seen and b'"type":"text"' not in seen and (line := response.readline()):
        seen = line
        if b'"verdict"' in line or b'"metadata"' in line:
            print(f"  {name}: {line.decode(errors='replace')[:200].strip()}", file=sys.stderr)
    connection.close()


def index_file(port: int, name: str, content: bytes) -> None:
    """Bring a document into the knowledge base, and wait until it was read, and for its encoding as long again."""
    os.nice(19)
    connection = send(port, "/api/documents", write_form({}, name, content))
    (document,) = json.loads(connection.getresponse().read())["items"]
    began = time.monotonic()
    while document["status"] in ("queued", "reading"):
        time.sleep(1)
        connection = send(port, f"/api/documents/{document['documentId']}")
        document = json.loads(connection.getresponse().read())
    seconds = time.monotonic() - began
    print(f"  {name}: {document['status']} after {seconds:.0f} s, {document['passages']} passages", file=sys.stderr)
    time.sleep(min(seconds, 30))


def measure_phase(crowd: Crowd, title: str, work: Sequence[Process], seconds: float = MOST_SECONDS) -> None:
    """Let the crowd read until the work is done, or for this many seconds where there is none, and print the delays."""
    del crowd.tally.ages[:]
    began = time.monotonic()
    for process in work:
        process.start()
    crowd.attend(seconds, lambda: bool(work) and not any(process.is_alive() for process in work))
    for process in work:
        process.kill()
    ages = [age / 1e6 for age in crowd.tally.ages]
    found = {"phase": title, "seconds": round(time.monotonic() - began), "pieces": len(ages)}
    delays = {f"p{part} ms": round(percentile(ages, part), 1) for part in (50, 99, 99.9, 100)}
    print(json.dumps({**found, **delays, "load of the machine": os.getloadavg()[0]}), flush=True)


def measure_stalls(stage: Stage, streams: int, pages: int) -> None:
    """Measure all phases one after another."""
    port = stage.ports.server
    files = {"rules.pdf": make_pdf(500), "table.xlsx": make_table(TABLE_BYTES), "bomb.zip": make_bomb(UNPACKED_BYTES)}
    book = make_pdf(pages)
    script = Script(RATE * SECONDS_OF_AN_ANSWER, RATE)
    stage.play(script)
    with Crowd(stage.server.door, script.deltas, again=True) as crowd:
        for number in range(streams):
            crowd.admit([number])
            crowd.attend(SECONDS_OF_AN_ANSWER / streams / 4)
        measure_phase(crowd, "nothing else", (), QUIET_SECONDS)
        asking = [Process(target=ask_with_file, args=(port, *file)) for file in files.items()]
        measure_phase(crowd, "three files at once", asking)
        measure_phase(crowd, f"{pages} pages indexed", [Process(target=index_file, args=(port, "book.pdf", book))])
        measure_phase(crowd, "nothing else again", (), QUIET_SECONDS)
        crowd.finish(PATIENCE + SECONDS_OF_AN_ANSWER)
    print(json.dumps({"answers": crowd.tally.finished, "faults": crowd.tally.faults[:3]}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--pages", type=int, default=1_000)
    parser.add_argument("--port", type=int, default=8700, help="the first of three ports in a row")
    options, cores = parser.parse_args(), sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="qa-service-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs as another user where this one is root
        place = Place(Ports(options.port), cores, cores, Path(folder))
        with staged(PRODUCT, place, 1, SETTINGS) as stage:
            measure_stalls(stage, options.streams, options.pages)
