"""This module counts for Prometheus what happens, in one process or in all workers that share a folder."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import values as library
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from qa_service.frames import Call
from qa_service.interfaces import Counted, Timed
from qa_service.model import Usage
from qa_service.turns import Observation

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_PREFIX = "qa_"
MOST_COUNTED_NAMES = 50
_LONGEST_NAME = 100
OTHER = "other"

_COUNTED: dict[Counted, str] = {
    "deltas": "Pieces of text that were streamed.",
    "resumes": "Readers that came back for the rest of an answer.",
    "gaps": "Answers whose numbering jumps, because the worker that wrote them died.",
    "cancels": "Answers that somebody stopped.",
    "takeovers": "Answers of a dead worker that another one took over.",
}
COUNTED_BY_CODE: dict[Counted, str] = {
    "store_errors": "Failures of the store, by code.",
    "upstream_errors": "Failures of the model's service, by code, including those that a retry mended.",
    "refusals": "Questions that were not taken, by code.",
}
TIMED: dict[Timed, tuple[str, str, tuple[float, ...]]] = {
    "asked": (
        "qa_asked_seconds",
        "Seconds from a question's acceptance until upstream is asked: what this service adds to the first text.",
        (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    ),
    "closed": (
        "qa_cancel_closed_seconds",
        "Seconds from a cancel until upstream's socket is closed.",
        (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    ),
    "flushed": (
        "qa_flush_lag_seconds",
        "Seconds between two writes to the log that other workers read; a frame waits no longer than that.",
        (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10),
    ),
}
STREAMS = "qa_streams_open", "Readers that are connected now."
_ANSWERS = "qa_answers", "Answers that ended, by status and reason."
TOKENS = "qa_tokens", "Tokens by model; cached ones are part of the input, reasoning ones of the output."
FLAWS = (
    "qa_answer_flaws",
    "Numbers that stand for no source, sentences without support, and answers that leak, by kind.",
)
COST = "qa_cost", "What answers cost by model, in the currency of QA_PRICES."
FIRST_TOKEN = "qa_first_token_seconds", "Seconds from a question's acceptance to the first text, as the person sees it."
FIRST_TOKEN_BUCKETS = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 20, 30, 60, 120)


class Names:
    """A `Names` keeps the values of a label few. It passes the first 50 names, cut at 100 characters, and calls all
    later ones `other`."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        # Half a surrogate pair, which JSON can hold, would make the whole page unwritable.
        name = name[:_LONGEST_NAME].encode(errors="replace").decode()
        if name not in self._known and len(self._known) >= MOST_COUNTED_NAMES:
            return OTHER
        self._known.add(name)
        return name


class Prometheus:
    """A `Prometheus` is a `Meter` and an `Observer`, and gives its counts as Prometheus' text.

    Workers share a folder if the environment's `PROMETHEUS_MULTIPROC_DIR` named one when the library was first
    imported. Then a process may have only one of these objects, and `merge_dead_worker` must be called for each worker
    that ended. Otherwise the counts belong to this object alone. The library's global registry is never used.
    """

    def __init__(self) -> None:
        registry = CollectorRegistry()
        counter, histogram = partial(Counter, registry=registry), partial(Histogram, registry=registry)
        self._collector = _workers() or registry
        self._counters = {what: counter(_PREFIX + what, words) for what, words in _COUNTED.items()}
        self._by_code = {what: counter(_PREFIX + what, words, ["code"]) for what, words in COUNTED_BY_CODE.items()}
        self._timed = {what: histogram(*named, buckets=buckets) for what, (*named, buckets) in TIMED.items()}
        self._streams = Gauge(*STREAMS, registry=registry, multiprocess_mode="livesum")
        self._answers = counter(*_ANSWERS, ["status", "reason"])
        self._first_token = histogram(*FIRST_TOKEN, buckets=FIRST_TOKEN_BUCKETS)
        self._tokens = counter(*TOKENS, ["kind", "model"])
        self._cost = counter(*COST, ["model"])
        self._flaws = counter(*FLAWS, ["kind"])
        self._codes, self._models = Names(), Names()

    def count_event(self, what: Counted, amount: int = 1, *, label: str = "") -> None:
        if what in self._by_code:
            self._by_code[what].labels(self._codes(label)).inc(amount)
        else:
            self._counters[what].inc(amount)

    def record_time(self, what: Timed, seconds: float) -> None:
        self._timed[what].observe(seconds)

    def count_streams(self, change: int) -> None:
        self._streams.inc(change)

    def __call__(self, observation: Observation) -> None:
        """Count a finished answer, with its tokens and what they cost."""
        self._answers.labels(observation.status, observation.finish_reason).inc()
        if observation.timing.first_token_ms is not None:
            self._first_token.observe(observation.timing.first_token_ms / 1000)
        self._count_usage(observation.model, observation.usage, observation.cost)
        for flaw in ("dangling", "unsupported", "leaked"):
            self._flaws.labels(flaw).inc(int(getattr(observation, flaw)))

    def count_call(self, call: Call) -> None:
        """Count the tokens and the cost of a call to a model that is no answer."""
        self._count_usage(call.model, call.usage, call.cost)

    def _count_usage(self, named: str, usage: Usage, cost: float | None) -> None:
        model = self._models(named)
        for kind in ("input", "output", "cached", "reasoning"):
            # A counter raises at a negative amount, and these are upstream's figures.
            self._tokens.labels(kind, model).inc(max(0, getattr(usage, kind)))
        if cost is not None:
            self._cost.labels(model).inc(max(0, cost))

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format. They include every worker that shares the folder, dead ones
        too."""
        return generate_latest(self._collector)


class Workers(Collector):
    """A `Workers` sums up the figures of all workers. It leaves out the figures of others that share the folder, such
    as the host site."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        with _alone(self._folder):
            # A new file is empty for a moment, and an empty one can't be merged.
            files = [str(file) for file in self._folder.glob("*.db") if file.stat().st_size]
            return [metric for metric in MultiProcessCollector.merge(files) if metric.name.startswith(_PREFIX)]


def merge_dead_worker(folder: str, pid: int) -> None:
    """Forget which streams a dead worker had open, and add its counts to those of all dead workers, which have one file
    for each kind of figure.

    Without this, each worker that ended would leave two files, which every later reading would open. It raises nothing,
    because gunicorn's master calls it, and an exception would end the master.
    """
    with suppress(OSError), _alone(Path(folder)):
        mark_process_dead(pid, folder)
        for kind in ("counter", "histogram"):
            _move(Path(folder, f"{kind}_{pid}.db"), Path(folder, f"{kind}_dead.db"))


def _move(counts: Path, sums: Path) -> None:
    if counts.stat().st_size:
        added = MmapedDict(str(sums))
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(counts)):
            added.write_value(key, added.read_value(key)[0] + value, 0)
        added.close()
    counts.unlink()


def _workers() -> Collector | None:
    if library.ValueClass is library.MutexValue:
        return None
    # The library reads this variable too, whenever a figure is made.
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Workers(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep all other processes from reading or moving figures meanwhile, so that a dead worker's counts are found
    exactly once."""
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
