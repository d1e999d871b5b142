"""Measure qa-service beside what teams write by hand, on this machine, and make a table in Markdown and a picture.

python -m benchmarks.run [--rounds 3] [--servers naive express] [--scenarios flood paced] [--picture FILE]
"""

import argparse
import gc
import os
import platform
import re
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.figures import shown, table
from benchmarks.formats import DIALECTS
from benchmarks.formats import SCENARIOS as OF_FORMATS
from benchmarks.picture import draw
from benchmarks.processes import allow_many_files
from benchmarks.product import SCENARIOS as OF_THE_PRODUCT
from benchmarks.scenarios import HELD
from benchmarks.scenarios import SCENARIOS as OF_ALL
from benchmarks.servers import PRODUCT, RECIPES, ROOT, NotHere, Place, Ports
from benchmarks.stage import Outcome, Scenario, staged

SCENARIOS: Mapping[str, Scenario] = {**OF_ALL, **OF_THE_PRODUCT, **OF_FORMATS}
AT_ITS_LIMIT = 0.85
"""Where upstream and the load take this part of a core, they themselves may have been what was measured."""


class Run:
    """A `Run` plays all rounds, and holds what they have measured so far."""

    def __init__(self, place: Place, servers: Sequence[str]) -> None:
        self.servers = list(servers)
        self.rounds: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.notes: list[str] = []
        self.answers = 0
        self.foreign = 0.0
        self._place = place

    def measure(self, name: str, server: str) -> None:
        """Play one scenario with one server. A server that can't be started is left out from then on."""
        began = time.monotonic()
        print(f"{name:>9}  {server:<11}", end=" ", file=sys.stderr, flush=True)
        try:
            outcome = SCENARIOS[name](partial(staged, server, self._place))
        except NotHere as reason:
            print("left out", file=sys.stderr)
            self.notes.append(str(reason))
            self.servers.remove(server)
            return
        except (OSError, AssertionError) as fault:
            print("failed", file=sys.stderr)
            self.notes.append(f"{name}, {server}: {fault or type(fault).__name__}")
            return
        self._keep(name, server, outcome)
        told = ", ".join(f"{figure} {shown(value)}" for figure, value in outcome.figures.items())
        print(f"{told}  ({time.monotonic() - began:.0f} s)", file=sys.stderr)

    def _keep(self, name: str, server: str, outcome: Outcome) -> None:
        self.answers += outcome.answers
        self.foreign = max(self.foreign, outcome.foreign)
        for column, figures in {server: outcome.figures, **outcome.by_format}.items():
            for figure, value in figures.items():
                self.rounds[column, f"{name}.{figure}"].append(value)
        if outcome.faults:
            self.notes.append(f"{name}, {server}: {len(outcome.faults)} faults, such as: {outcome.faults[0]}")
        if outcome.busy > AT_ITS_LIMIT:
            self.notes.append(f"{name}, {server}: upstream and the load took {outcome.busy:.0%} of a core")


METHOD = """\
This was measured on {machine}. Each server has one worker, {pinned}; upstream, Redis and the load share {others}.
Upstream sends the Responses API's events, one in each chunk. qa-service keeps its sessions and its log in Redis, and
decides for each question whether the topic changed; the others keep conversations in memory. CPU is that of the server
with all its processes, and that of Redis stands apart.
{answers:,} answers were read to the end and compared with what upstream had sent. The figures are medians of rounds, in
which the servers take turns. ± is half the distance of the extremes, and × is how many times better than `naive`. Other
programs on the machine took at most {foreign:.0%} of a core while something was measured."""


def method(place: Place, run: Run) -> str:
    """Say in words how it was measured."""
    shared = place.server_cores == place.other_cores
    return METHOD.format(
        machine=machine(),
        pinned="on the only core" if shared else "on a core of its own",
        others="it" if shared else "another" if len(place.other_cores) == 1 else f"{len(place.other_cores)} others",
        answers=run.answers,
        foreign=run.foreign,
    )


def machine() -> str:
    """Name the processor and the version of Python."""
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return f"{found[1] if found else platform.machine()}, Python {platform.python_version()}"


def measured(run: Run, scenarios: Sequence[str], rounds: int) -> None:
    """Play every scenario with one server after another, as often as there are rounds."""
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for scenario in scenarios:
            for server in [server for server in run.servers if server == PRODUCT or scenario in OF_ALL]:
                run.measure(scenario, server)


def main() -> None:
    options = _options()
    cores = sorted(os.sched_getaffinity(0))
    others = cores[:-1] or cores
    if allow_many_files() < 3 * HELD:
        print(f"`hold` opens {HELD} streams, for which `ulimit -n` may be too low.", file=sys.stderr)
    os.sched_setaffinity(0, others)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    gc.disable()
    with tempfile.TemporaryDirectory(prefix="qa-service-bench-") as folder:
        place = Place(Ports(options.port), cores[-1:], others, Path(folder))
        run = Run(place, options.servers)
        try:
            measured(run, options.scenarios, options.rounds)
        except KeyboardInterrupt:  # what has been measured is still shown
            run.notes.append("The run was stopped before its end.")
    tables = (table(run.rounds, run.servers), table(run.rounds, tuple(DIALECTS)))
    print("", "\n\n".join(filter(None, tables)), "", method(place, run), sep="\n")
    print(*("", *run.notes), sep="\n- ")
    options.picture.write_text(draw(run.rounds, run.servers))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--servers", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--port", type=int, default=8700, help="the first of three ports in a row")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/figures.svg")
    return parser.parse_args()


if __name__ == "__main__":
    main()
