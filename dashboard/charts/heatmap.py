"""Heatmaps: how many in each step of time and each bucket of values.

A cell has the hue of the layer that has most in it (cold or warm), and one of five steps of opacity. Buckets are drawn
equally high, whatever their bounds: with logarithmic buckets that is a logarithmic axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dashboard.charts.axes import tick_text, value_axis
from dashboard.charts.chart import (
    CLEAR,
    LABELS_PX,
    MS,
    Cell,
    Chart,
    Moment,
    Table,
    Window,
    colour,
    layout,
    nothing,
    plain,
)
from dashboard.units import figures, quantity

OPACITIES = (18, 36, 56, 78, 100)  # percent
STEPS = len(OPACITIES)
MOST_TICKS = 6
ROUND_LETTERS = 7  # a longer bound is no round number


class Area(NamedTuple):
    """Times in nanoseconds, values in the chart's unit; None: to the end of the axis."""

    from_ns: int
    to_ns: int
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """`cells[bucket][step]`: how many, buckets from the lowest."""

    name: str
    colour: str
    cells: Sequence[Sequence[int]]


def heatmap(
    times_ns: Sequence[int],
    edges: Sequence[float],
    layers: Sequence[Layer],
    window: Window,
    *,
    unit: str = "ns",
    noun: str = "calls",
    selected: Area | None = None,
    beside_lines: bool = False,
    empty: str = "Nothing in this time range.",
) -> Chart:
    """`times_ns`: the starts of the steps; `edges`: one more than there are buckets, from the lowest.

    `beside_lines`: there is a chart of lines above or below it, and the time axes are to be in line with each other.
    A drag on it fires `chart:select` in the browser, with whole steps and whole buckets.
    """
    buckets, steps = len(edges) - 1, len(times_ns)
    totals = [[sum(layer.cells[b][t] for layer in layers) for t in range(steps)] for b in range(buckets)]
    most = max((max(row, default=0) for row in totals), default=0)
    if not most:
        return nothing(empty, window)
    x = [ns // MS for ns in times_ns] + [(times_ns[-1] + window.step_ns) // MS]
    y = list(range(buckets + 1))
    between = [_between(edges, b, unit) for b in range(buckets)]
    text = [[_said(layers, between[b], b, t, noun) for t in range(steps)] for b in range(buckets)]
    data = []
    for layer in layers:
        z = [
            [_shade(totals[b][t], most) if _leads(layers, layer, b, t) else None for t in range(steps)]
            for b in range(buckets)
        ]
        data.append(_trace(layer, x, y, z, text))
    return Chart(
        data=data,
        layout=_layout(window, edges, unit, x, selected, beside_lines),
        table=_table(times_ns, between, totals, noun),
        summary=f"{figures(sum(map(sum, totals)))} {noun} in {steps} steps of time, at most {figures(most)} in a cell",
        step_ns=window.step_ns,
    )


def _leads(layers: Sequence[Layer], layer: Layer, bucket: int, step: int) -> bool:
    """Whether the layer has most of the cell; the first one where they are even."""
    most = max(one.cells[bucket][step] for one in layers)
    return most > 0 and layer is next(one for one in layers if one.cells[bucket][step] == most)


def _shade(count: int, most: int) -> int:
    """1 to STEPS on a logarithmic scale: a single slow call stays visible beside a thousand quick ones."""
    return 1 if most <= 1 else 1 + min(STEPS - 1, int(STEPS * math.log(count) / math.log(most)))


def _trace(layer: Layer, x: list[int], y: list[int], z: list[Any], text: list[list[str]]) -> dict[str, Any]:
    scale = []
    for step in range(STEPS):  # each shade is flat, from its own start to the next one's
        shade = colour(layer.colour, OPACITIES[step])
        scale += [[step / STEPS, shade], [(step + 1) / STEPS, shade]]
    return {
        "type": "heatmap",
        "name": plain(layer.name),
        "x": x,
        "y": y,
        "z": z,
        "zmin": 0.5,
        "zmax": STEPS + 0.5,
        "colorscale": scale,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "text": text,
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
    }


def _layout(
    window: Window, edges: Sequence[float], unit: str, x: list[int], selected: Area | None, beside_lines: bool
) -> dict[str, Any]:
    places, words = _ticks(edges, unit)
    figure = layout(window, hovermode="closest", dragmode="select")
    figure["plot_bgcolor"] = colour("panel-2")
    if beside_lines:
        figure["margin"] = {**figure["margin"], "r": LABELS_PX}
    figure["xaxis"] |= {"range": [x[0], x[-1]], "fixedrange": True}
    figure["yaxis"] = {
        "type": "linear",
        "range": [0, len(edges) - 1],
        "tickmode": "array",
        "tickvals": places,
        "ticktext": [plain(text) for text in words],
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "fixedrange": True,
    }
    # What a drag selects is worked out from these: steps and buckets, as texts where they are nanoseconds.
    figure["meta"] = {"edges": [_bound(edge) for edge in edges], "x": x}
    figure["newselection"] = {"line": {"color": colour("text"), "width": 1, "dash": "solid"}}
    figure["activeselection"] = {"opacity": 0}
    if selected:
        figure["shapes"] = [_outline(selected, edges)]
    return figure


def _bound(edge: float) -> str | None:
    if not math.isfinite(edge):
        return None
    return str(int(edge)) if float(edge).is_integer() else repr(float(edge))


def _outline(area: Area, edges: Sequence[float]) -> dict[str, Any]:
    low = 0.0 if area.low is None else _index(area.low, edges)
    high = float(len(edges) - 1) if area.high is None else _index(area.high, edges)
    return {
        "type": "rect",
        "x0": area.from_ns // MS,
        "x1": area.to_ns // MS,
        "y0": low,
        "y1": high,
        "line": {"color": colour("text"), "width": 1.5},
        "fillcolor": CLEAR,
    }


def _index(value: float, edges: Sequence[float]) -> float:
    return float(min(range(len(edges)), key=lambda at: abs(edges[at] - value)))


def _ticks(edges: Sequence[float], unit: str) -> tuple[list[float], list[str]]:
    """Where ticks stand among the buckets, and what they say: bounds that are round, else round values between them."""
    at_bounds = range(0, len(edges), max(1, math.ceil((len(edges) - 1) / (MOST_TICKS - 1))))
    bounds = {float(at): tick_text(edges[at], unit) for at in at_bounds if math.isfinite(edges[at])}
    if all(len(text) <= ROUND_LETTERS for text in bounds.values()):
        return list(bounds), list(bounds.values())
    finite = [edge for edge in edges if math.isfinite(edge)]
    axis = value_axis(finite, unit, log=True)
    inside = [(value, text) for value, text in zip(axis["tickvals"], axis["ticktext"], strict=True)]
    inside = [(value, text) for value, text in inside if max(finite[0], 0) < value <= finite[-1]]
    return [_place(value, edges) for value, _ in inside], [text for _, text in inside]


def _place(value: float, edges: Sequence[float]) -> float:
    """How many buckets up a value is."""
    at = next(at for at in range(len(edges) - 1) if value <= edges[at + 1])
    low, high = edges[at], edges[at + 1]
    if not (math.isfinite(low) and math.isfinite(high)):
        return float(at)
    return at + (math.log(value / low) / math.log(high / low) if low > 0 else (value - low) / (high - low))


def _between(edges: Sequence[float], bucket: int, unit: str) -> str:
    low, high = edges[bucket], edges[bucket + 1]
    if not math.isfinite(high):
        return f"over {quantity(low, unit)}"
    if not math.isfinite(low):
        return f"up to {quantity(high, unit)}"
    return f"{quantity(low, unit)} to {quantity(high, unit)}"


def _said(layers: Sequence[Layer], between: str, bucket: int, step: int, noun: str) -> str:
    """What the cell under the pointer holds. Most cells are empty, and nobody reads those."""
    found = [(layer.name, layer.cells[bucket][step]) for layer in layers if layer.cells[bucket][step]]
    if not found:
        return ""
    parts = ", ".join(f"{figures(count)} {name or noun}" for name, count in found)
    return plain(f"{between}: {parts}")


def _table(times_ns: Sequence[int], between: list[str], totals: list[list[int]], noun: str) -> Table:
    """A row for each cell that holds any, newest first, then from the slowest."""
    rows: list[list[Cell]] = [
        [Moment(times_ns[t]), between[b], figures(totals[b][t])]
        for t in range(len(times_ns) - 1, -1, -1)
        for b in range(len(between) - 1, -1, -1)
        if totals[b][t]
    ]
    return Table(["Time", "Between", noun.capitalize()], rows)
