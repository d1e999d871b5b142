"""This module measures what every server has. Each scenario starts a fresh server, lets a crowd ask it, and gives
figures by name."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from benchmarks.figures import percentile
from benchmarks.load import Crowd, Tally
from benchmarks.processes import memory_kib
from benchmarks.stage import PATIENCE, Open, Outcome, Scenario, Seen, Stage, outcome, watch
from benchmarks.upstream import Script

WINDOW = 4.0
"""This many seconds are measured."""
WARM_UP = 1.0
RATE = 50
"""Every paced answer has this many deltas a second."""
OPENED = 100
"""This many streams are opened a second, so that they don't all begin at once."""
SLACK = 3.0
"""The scenario waits this many seconds for streams that open late."""
TOO_LATE = 100.0
"""With a delay of this many milliseconds at p99, streams don't count as held."""
HELD = 2000


def flood(start: Open) -> Outcome:
    """Let 16 connections ask again and again, for answers of 400 deltas at full speed."""
    script = Script(400)
    with start(1) as stage:
        tally, seen = ask_again(stage, script)
    return outcome(tally, seen, cpu=seen.cpu / max(seen.deltas, 1) * 1e6)


def request(start: Open) -> Outcome:
    """Let 16 connections ask again and again, for answers of one delta."""
    script = Script(1)
    with start(1) as stage:
        tally, seen = ask_again(stage, script)
    return outcome(tally, seen, cpu=seen.cpu / max(seen.finished, 1) * 1e3)


def ttft(start: Open) -> Outcome:
    """Measure the time from sending a question to the first text, on one connection, with answers of one delta."""
    with start(1) as stage:
        stage.play(Script(1))
        with Crowd(stage.server.door, 1, again=True) as crowd:
            crowd.admit([0])
            crowd.attend(WARM_UP)
            del crowd.tally.firsts[:]
            seen = watch(stage, crowd, Script(1), WINDOW / 2)
            firsts = [first / 1e6 for first in crowd.tally.firsts]
            crowd.finish(PATIENCE)
    return outcome(crowd.tally, seen, p50=percentile(firsts, 50))


def paced(start: Open) -> Outcome:
    """Measure 50 streams of 50 deltas a second, while all of them are open."""
    with start(1) as stage:
        return _paced(stage, 50)


def capacity(start: Open) -> Outcome:
    """Find the most streams of 50 deltas a second that have a delay below 100 ms at p99, to within a twelfth. A number
    counts as too many when it failed twice, because something else may have been at work on the machine."""
    outcomes: dict[int, Outcome] = {}

    def held(streams: int) -> bool:
        with start(1) as stage:
            outcome = outcomes[streams] = _paced(stage, streams)
        return not outcome.faults and outcome.figures["p99"] < TOO_LATE

    streams = largest(lambda streams: held(streams) or held(streams), 100)
    return Outcome(
        {"streams": streams},
        sum(outcome.answers for outcome in outcomes.values() if not outcome.faults),
        busy=max(outcome.busy for outcome in outcomes.values()),
        foreign=max(outcome.foreign for outcome in outcomes.values()),
    )


def hold(start: Open) -> Outcome:
    """Measure the memory of 2,000 streams that are open together and get a word every six seconds."""
    with start(1) as stage:
        ask_again(stage, Script(1))
        before = memory_kib(stage.server.pid)
        stage.play(Script(100, rate=1 / 6))
        with Crowd(stage.server.door, 100) as crowd:
            for number in range(HELD):
                crowd.admit([number])
                crowd.attend(PATIENCE, partial(_few_wait, crowd.tally, number))
            held = crowd.attend(PATIENCE, lambda: crowd.tally.reading == HELD)
            crowd.attend(WARM_UP)
            memory = (memory_kib(stage.server.pid) - before) / HELD
    return Outcome({"memory": memory}, faults=() if held else (f"only {crowd.tally.reading} streams open",))


SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__: scenario for scenario in (flood, request, paced, ttft, hold, capacity)
}


def largest(holds: Callable[[int], bool], start: int) -> int:
    """Find the largest number that holds, to within a twelfth of it. Where `start` doesn't hold, smaller numbers are
    tried."""
    low, high = 0, start
    while holds(high):
        low, high = high, high * 2
    while high - low > max(1, high // 12):
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def ask_again(stage: Stage, script: Script, warm_up: float = WARM_UP, window: float = WINDOW) -> tuple[Tally, Seen]:
    """Let 16 connections ask again and again, and watch them for a window of this many seconds."""
    stage.play(script)
    with Crowd(stage.server.door, script.deltas, again=True) as crowd:
        crowd.admit(range(16))
        crowd.attend(warm_up)
        seen = watch(stage, crowd, script, window)
        crowd.finish(PATIENCE)
    return crowd.tally, seen


def _paced(stage: Stage, streams: int) -> Outcome:
    opening = streams / OPENED
    script = Script(int(RATE * (opening + 2 * SLACK + WARM_UP + WINDOW)), RATE)
    stage.play(script)
    with Crowd(stage.server.door, script.deltas) as crowd:
        tally = crowd.tally
        _open_evenly(crowd, streams)
        if not crowd.attend(SLACK, lambda: tally.reading == streams):
            return Outcome({}, faults=(f"{tally.reading} of {streams} streams open", *tally.faults))
        crowd.attend(WARM_UP)
        del tally.ages[:]
        seen = watch(stage, crowd, script, WINDOW)
        ages = [age / 1e6 for age in tally.ages]
        p50, p99 = percentile(ages, 50), percentile(ages, 99)
        if p99 < TOO_LATE:
            crowd.finish(opening + PATIENCE)
    return outcome(tally, seen, cpu=seen.cpu / max(seen.deltas, 1) * 1e6, p50=p50, p99=p99)


def _few_wait(tally: Tally, admitted: int) -> bool:
    return admitted - tally.reading < 32


def _open_evenly(crowd: Crowd, streams: int) -> None:
    began = time.monotonic()
    for number in range(streams):
        crowd.admit([number])
        crowd.attend(max(0.001, began + number / OPENED - time.monotonic()))
