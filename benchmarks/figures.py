"""This module makes the table from the measured numbers, with percentiles, medians over the rounds, and ratios."""

from collections.abc import Mapping, Sequence
from math import isnan, nan
from statistics import median

from msgspec import Struct

MEASURE_OF_OTHERS = "naive"


class Measure(Struct, frozen=True):
    """A `Measure` is one row of the table."""

    key: str
    title: str
    unit: str
    short: str = ""
    """This is the title in the picture. A measure without it isn't drawn."""
    more_is_better: bool = False


MEASURES = (
    Measure("flood.cpu", "CPU a delta, at full speed", "µs", "CPU a delta, full speed"),
    Measure("paced.cpu", "CPU a delta, 50 streams at 50 a second", "µs", "CPU a delta, 50 a second"),
    Measure("request.cpu", "CPU a question of one delta", "ms", "CPU a question"),
    Measure("capacity.streams", "streams at 50 a second, p99 below 100 ms", "", "streams held", more_is_better=True),
    Measure("paced.p50", "delay a delta, 50 streams, p50", "ms"),
    Measure("paced.p99", "delay a delta, 50 streams, p99", "ms", "delay, p99"),
    Measure("ttft.p50", "delay of the first text, p50", "ms", "delay of the first text"),
    Measure("hold.memory", "memory an open stream", "KiB", "memory a stream"),
    Measure("cancel.same_p50", "cancel until upstream is closed, same worker, p50", "ms"),
    Measure("cancel.same_p99", "the same, p99", "ms"),
    Measure("cancel.other_p50", "cancel by way of another worker, p50", "ms"),
    Measure("cancel.other_p99", "the same, p99", "ms"),
    Measure("redis.commands", "Redis commands an answer of 400 deltas in 8 s", ""),
    Measure("redis.scripted", "of these inside scripts", ""),
    Measure("redis.idle", "Redis commands a second without an answer", ""),
    Measure("redis.cpu", "CPU of Redis a delta", "µs"),
    Measure("pictures.memory", "memory for 100 pictures of 4 MB at once, beyond idle", "MiB"),
    Measure("formats.cpu", "CPU a delta, at full speed", "µs"),
    Measure("formats.cpu_ratio", "the same, divided by that of `typed`", ""),
    Measure("formats.first", "delay from upstream's first delta to the first text, p50", "ms"),
    Measure("formats.first_ratio", "the same, divided by that of `typed`", ""),
)

Rounds = Mapping[tuple[str, str], Sequence[float]]
"""This maps each server and key of a measure to what the rounds measured."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile by nearest rank. The values may be in any order. Without values the result is NaN."""
    if not values:
        return nan
    return sorted(values)[max(0, -int(-len(values) * percent // 100) - 1)]


def spread(values: Sequence[float]) -> float:
    """Return half the distance between the extremes, divided by the median."""
    return (max(values) - min(values)) / 2 / median(values) if median(values) else 0


def ratio(measure: Measure, value: float, naive: float) -> float:
    """Return how many times better a value is than that of the naive sample. It is NaN when one of them is 0."""
    if not value or not naive:
        return nan
    return value / naive if measure.more_is_better else naive / value


def ratios(measure: Measure, rounds: Rounds) -> dict[str, float]:
    """Return the ratio of each other server, by its name. There are none where the naive sample wasn't measured."""
    medians = {server: median(values) for (server, key), values in rounds.items() if key == measure.key}
    naive = medians.pop(MEASURE_OF_OTHERS, 0)
    return {server: ratio(measure, value, naive) for server, value in medians.items()} if naive else {}


def shown(value: float) -> str:
    """Write a value with three digits, or as a whole number where that has more. NaN becomes a dash."""
    if isnan(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cell(measure: Measure, rounds: Rounds, server: str) -> str:
    """Write the median, how far the rounds were apart, and how many times better it is than the naive sample's."""
    values = rounds.get((server, measure.key))
    if not values:
        return ""
    noise = f" ± {spread(values):.0%}" if len(values) > 1 else ""
    times = ratios(measure, rounds).get(server)
    better = f", **{shown(times)}×**" if times else ""
    return f"{shown(median(values))}{noise}{better}"


def table(rounds: Rounds, servers: Sequence[str]) -> str:
    """Write the table in Markdown. Rows for which no server has figures are left out, and a table without rows is
    empty."""
    lines = [f"| | {' | '.join(servers)} |", f"|---|{'---:|' * len(servers)}"]
    for measure in MEASURES:
        cells = [cell(measure, rounds, server) for server in servers]
        if any(cells):
            unit = f" ({measure.unit})" if measure.unit else ""
            lines.append(f"| {measure.title}{unit} | {' | '.join(cells)} |")
    return "\n".join(lines) if len(lines) > 2 else ""
