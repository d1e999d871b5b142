"""This module measures the product's wire formats beside each other: one server is asked the same in each of them, by
turns."""

import random
import re
from collections.abc import Mapping, Sequence
from functools import partial
from math import nan
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from benchmarks.figures import percentile
from benchmarks.load import OPENAI_EVENTS, TYPED, Crowd, Door, Notation, notation
from benchmarks.scenarios import RATE, ask_again
from benchmarks.servers import QuestionWriter, door_to, write_question
from benchmarks.stage import PATIENCE, Figures, Open, Outcome, Scenario, Stage, outcome
from benchmarks.upstream import Script

TURNS = 3
"""In each turn, every format is measured once."""
WARM_UP, WINDOW = 0.2, 0.8
"""This many seconds pass before a format is measured, and this many are measured."""
STANDARD = "typed"
"""The other formats are compared with this one."""


class Dialect(Struct, frozen=True):
    """A `Dialect` says how a question is asked so that its answer comes in a format, and how the answer is written."""

    path: str
    write: QuestionWriter
    notation: Notation


def _write_with_format(name: str, question: str, session_id: str) -> Mapping[str, object]:
    return {**write_question(question, session_id), "format": name}


def _write_chat(question: str, session_id: str) -> Mapping[str, object]:
    message = {"id": "1", "role": "user", "parts": [{"type": "text", "text": question}]}
    return {"id": session_id, "trigger": "submit-message", "messages": [message]}


def _write_completion(question: str, session_id: str) -> Mapping[str, object]:
    return {"stream": True, "user": session_id, "topic": "auto", "messages": [{"role": "user", "content": question}]}


def _write_response(question: str, session_id: str) -> Mapping[str, object]:
    return {"stream": True, "conversation": session_id, "topic": "auto", "input": question}


def _write_run(question: str, session_id: str) -> Mapping[str, object]:
    message = {"id": "1", "role": "user", "content": question}
    empty: Mapping[str, object] = {"state": {}, "tools": [], "context": [], "forwardedProps": {}}
    return {**empty, "threadId": session_id, "runId": "1", "messages": [message]}


def _ask(name: str, notation: Notation) -> Dialect:
    return Dialect("/api/ask", partial(_write_with_format, name), notation)


DIALECTS: Mapping[str, Dialect] = {
    STANDARD: _ask(STANDARD, TYPED),
    "events": _ask("events", notation(rb'"content":', rb'"done":true')),
    "jsonl": _ask("jsonl", replace(TYPED, end=b"\n")),
    # Each word of upstream's begins with a space, which nothing else in the response does. Plain text has no end.
    "text": _ask("text", Notation(re.compile(rb"(?m)^( [^\r\n]+)"), re.compile(b""), b"\n")),
    "ui-message": Dialect("/api/chat", _write_chat, notation(rb'"delta":', rb"\[DONE\]")),
    "data-stream": _ask("data-stream", notation(rb"(?m)^0:", rb'd:\{"finishReason"', b"\n")),
    "openai": Dialect(
        "/api/v1/chat/completions", _write_completion, notation(rb'"delta":\{"content":', rb"data: \[DONE\]")
    ),
    "responses": Dialect("/api/v1/responses", _write_response, OPENAI_EVENTS),
    "ag-ui": Dialect("/api/agui", _write_run, notation(rb'"delta":', rb'"type":"RUN_FINISHED"')),
}


def formats(start: Open) -> Outcome:
    """Measure the CPU of a delta at full speed, and the time from upstream's first delta to the first text."""
    with start(1) as stage:
        turns = [{name: _measure(stage, DIALECTS[name]) for name in shuffle_formats()} for _ in range(TURNS)]
    outcomes = [outcome for turn in turns for outcome in turn.values()]
    return Outcome(
        {},
        sum(outcome.answers for outcome in outcomes),
        [fault for outcome in outcomes for fault in outcome.faults],
        busy=max(outcome.busy for outcome in outcomes),
        foreign=max(outcome.foreign for outcome in outcomes),
        by_format={
            name: compare([turn[name].figures for turn in turns], [turn[STANDARD].figures for turn in turns])
            for name in DIALECTS
        },
    )


SCENARIOS: Mapping[str, Scenario] = {"formats": formats}


def compare(turns: Sequence[Figures], standard: Sequence[Figures]) -> Figures:
    """Return the median of each figure over the turns, and the median of how many times as large as the standard's of
    the same turn it is. A turn in which the machine had no time for one of them doesn't count."""
    pairs = {
        name: [(turn[name], other[name]) for turn, other in zip(turns, standard, strict=True)] for name in turns[0]
    }
    measured = {name: [pair for pair in pairs[name] if pair[0] > 0 and pair[1] > 0] or [(nan, nan)] for name in pairs}
    values = {name: median(value for value, _ in measured[name]) for name in measured}
    ratios = {f"{name}_ratio": median(value / other for value, other in measured[name]) for name in measured}
    return {**values, **ratios}


def shuffle_formats() -> list[str]:
    """Return the names of the formats in another order each time, so that none always follows the same one."""
    return random.sample(sorted(DIALECTS), len(DIALECTS))


def open_door(stage: Stage, dialect: Dialect) -> Door:
    """Make a door at which the server answers in a format."""
    return door_to(stage.ports.server, dialect.path, dialect.write, dialect.notation)


def _measure(stage: Stage, dialect: Dialect) -> Outcome:
    door = open_door(stage, dialect)
    stage = replace(stage, server=replace(stage.server, door=door))
    flooded, seen = ask_again(stage, Script(400), WARM_UP, WINDOW)
    # Upstream writes into a paced delta when it left.
    stage.play(Script(1, RATE))
    with Crowd(door, 1, again=True) as crowd:
        crowd.admit([0])
        crowd.attend(WINDOW)
        crowd.finish(PATIENCE)
    first = percentile([age / 1e6 for age in crowd.tally.ages], 50)
    measured = outcome(flooded, seen, cpu=seen.cpu / max(seen.deltas, 1) * 1e6, first=first)
    faults = [*measured.faults, *crowd.tally.faults]
    return replace(measured, answers=measured.answers + crowd.tally.finished, faults=faults)
