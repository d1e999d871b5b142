"""This module reads files under gevent and prints how late this made a 5 ms ticker: `python gevent_lag.py FOLDER`.

The folder's files are read at the same time, as uploads of one worker would be, each for an owner of its own. Who sends
a file called `hang` has a second left. Prints JSON.
"""

from gevent import monkey

monkey.patch_all()

import json
import sys
import time
from pathlib import Path
from threading import Thread

from qa_service.file_news import FileEnd
from qa_service.files.isolation import ChildReaders
from qa_service.files.limits import ProcessLimits
from qa_service.model import Owner, ReadRequest, UploadedFile
from qa_service.running.stop import StopSignal

TICK = 0.005
PATIENT = 180
"""These are the seconds that a busy machine may take for an honest file."""


def delayed() -> float:
    """Return for how many seconds this process has waited for a core so far. A ticker is late then, and nobody is to
    blame."""
    return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9


def main() -> None:
    readers = ChildReaders(seconds=PATIENT, slots=2, limits=ProcessLimits(1 << 30, PATIENT))
    files = sorted(Path(sys.argv[1]).iterdir())
    verdicts: dict[str, str | None] = {}
    times: dict[str, int] = {}
    lags: list[float] = []
    ended = StopSignal()

    def read(path: Path) -> None:
        began = time.monotonic()
        file = UploadedFile(path.name, str(path), path.stat().st_size)
        request = ReadRequest(file, Owner("user", path.name), seconds=1 if path.stem == "hang" else None)
        for news in readers.read_upload(request, StopSignal()):
            if isinstance(news, FileEnd):
                verdicts[path.name] = news.verdict.reason or news.verdict.status
        times[path.name] = round(1000 * (time.monotonic() - began))

    def tick() -> None:
        while not ended.is_set():
            due, before = time.monotonic() + TICK, delayed()
            time.sleep(TICK)
            lags.append(time.monotonic() - due - (delayed() - before))

    ticker = Thread(target=tick)
    ticker.start()
    time.sleep(0.2)
    threads = [Thread(target=read, args=[path]) for path in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended.set("over")
    ticker.join()
    readers.close()
    lags.sort()
    worst, usual = round(1000 * lags[-1], 1), round(1000 * lags[len(lags) * 99 // 100], 1)
    print(json.dumps({"verdicts": verdicts, "ms": times, "lag_ms": worst, "p99_ms": usual, "ticks": len(lags)}))


if __name__ == "__main__":
    main()
