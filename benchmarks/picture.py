"""This module draws the figures. Each measure has a bar for each server, which shows how many times better the server
is than the naive sample."""

from collections.abc import Iterator, Sequence
from math import isnan, nan
from xml.sax.saxutils import escape

from benchmarks.figures import MEASURES, Measure, Rounds, ratios, shown

WIDTH, LEFT, RIGHT = 720, 190, 60
BAR, GAP, GROUP = 14, 3, 16
TOP = 70
FILLS = ("other", "ours")
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #57606a }
.title { font-size: 16px; font-weight: 600; fill: #1f2328 }
.value { font-weight: 600; fill: #1f2328 }
.other { fill: #8c959f }
.ours { fill: #0969da }
.naive { stroke: #8c959f; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 }
  .title, .value { fill: #f0f6fc }
  .other { fill: #656c76 }
  .ours { fill: #4493f8 }
  .naive { stroke: #656c76 }
}
"""


def draw(rounds: Rounds, servers: Sequence[str]) -> str:
    """Draw an SVG without a background, for light pages and dark ones. The last server is drawn in colour."""
    drawn = [(measure, found) for measure in MEASURES if measure.short and (found := ratios(measure, rounds))]
    others = [server for server in servers if any(server in found for _, found in drawn)]
    most = max((value for _, found in drawn for value in found.values() if not isnan(value)), default=1)
    scale = (WIDTH - LEFT - RIGHT) / max(most, 1)
    height = TOP + len(drawn) * (len(others) * (BAR + GAP) + GROUP)
    body = [*_heading(others), *_groups(drawn, others, scale), _line_of_one(scale, height)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return "\n".join((f'{head} role="img">', f"<style>{STYLE}</style>", *body, "</svg>\n"))


def _heading(servers: Sequence[str]) -> Iterator[str]:
    yield _text(0, 18, "Times better than the naive sample (dashed line), longer is better", "title")
    for number, server in enumerate(servers):
        left = LEFT + number * 140
        yield f'<rect x="{left}" y="34" width="{BAR}" height="{BAR}" rx="2" class="{_fill(server, servers)}"/>'
        yield _text(left + BAR + 6, 46, server, "name")


def _groups(drawn: Sequence[tuple[Measure, dict[str, float]]], servers: Sequence[str], scale: float) -> Iterator[str]:
    top = TOP
    for measure, found in drawn:
        middle = top + len(servers) * (BAR + GAP) / 2 + 3
        yield _text(LEFT - 10, middle, measure.short, "measure", anchor="end")
        for server in servers:
            value = found.get(server, nan)
            length = value * scale if not isnan(value) else 0
            fill = _fill(server, servers)
            yield f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2" class="{fill}"/>'
            yield _text(LEFT + length + 6, top + BAR - 3, f"{shown(value)}×", "value")
            top += BAR + GAP
        top += GROUP


def _line_of_one(scale: float, height: float) -> str:
    left = LEFT + scale
    return f'<line x1="{left:.1f}" x2="{left:.1f}" y1="{TOP - 8}" y2="{height - GROUP + 4}" class="naive"/>'


def _fill(server: str, servers: Sequence[str]) -> str:
    return FILLS[server == servers[-1]]


def _text(left: float, bottom: float, text: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text x="{left:.1f}" y="{bottom:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'
