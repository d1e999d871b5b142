"""From measured numbers to what is shown: percentiles, medians over the rounds, ratios, the table."""

from collections.abc import Mapping, Sequence
from math import isnan, nan
from statistics import median

from msgspec import Struct

MEASURE_OF_OTHERS = "naive"


class Measure(Struct, frozen=True):
    """One row of the table."""

    key: str
    title: str
    unit: str
    short: str = ""
    """Its title in the picture; empty: it isn't drawn."""
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
)

Rounds = Mapping[tuple[str, str], Sequence[float]]
"""What the rounds measured, by server and key."""


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank, of values in any order; not a number when there are none."""
    if not values:
        return nan
    return sorted(values)[max(0, -int(-len(values) * percent // 100) - 1)]


def spread(values: Sequence[float]) -> float:
    """Half the distance of the extremes, as a part of the median."""
    return (max(values) - min(values)) / 2 / median(values) if median(values) else 0


def ratio(measure: Measure, value: float, naive: float) -> float:
    """How many times better than the naive sample; not a number when one of them is nothing."""
    if not value or not naive:
        return nan
    return value / naive if measure.more_is_better else naive / value


def ratios(measure: Measure, rounds: Rounds) -> dict[str, float]:
    """Each other server's, by name; empty where the naive sample wasn't measured."""
    medians = {server: median(values) for (server, key), values in rounds.items() if key == measure.key}
    naive = medians.pop(MEASURE_OF_OTHERS, 0)
    return {server: ratio(measure, value, naive) for server, value in medians.items()} if naive else {}


def shown(value: float) -> str:
    """Three digits, or the whole number."""
    if isnan(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cell(measure: Measure, rounds: Rounds, server: str) -> str:
    """The median, how far the rounds were apart, and how many times better than the naive sample."""
    values = rounds.get((server, measure.key))
    if not values:
        return ""
    noise = f" ± {spread(values):.0%}" if len(values) > 1 else ""
    times = ratios(measure, rounds).get(server)
    better = f", **{shown(times)}×**" if times else ""
    return f"{shown(median(values))}{noise}{better}"


def table(rounds: Rounds, servers: Sequence[str]) -> str:
    """Markdown; rows that nobody has figures for are left out."""
    lines = [f"| | {' | '.join(servers)} |", f"|---|{'---:|' * len(servers)}"]
    for measure in MEASURES:
        cells = [cell(measure, rounds, server) for server in servers]
        if any(cells):
            unit = f" ({measure.unit})" if measure.unit else ""
            lines.append(f"| {measure.title}{unit} | {' | '.join(cells)} |")
    return "\n".join(lines)
