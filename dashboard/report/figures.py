"""The figures that only reports have: bars on one axis of time, stages as spreads, how a sample is spread.

Before: `run` and `claim` have the rows. After: `document` puts them into the file, as it does the charts of the pages.
Plain dicts, as everything in `dashboard.charts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.charts import Chart, Series, Table, distribution, nothing
from dashboard.charts.axes import value_axis
from dashboard.charts.chart import colour, layout, plain
from dashboard.templatetags.formats import duration
from sandboxes.runs.outcome import Duration, Measure

S = 10**9
MOST_LABEL = 34  # characters beside a bar
BUCKETS = 24  # of a distribution
SHOWN_SHARE = 1 / 400  # of the axis: a bar shorter than that could not be seen
SHORTEST_NS = 10**5  # on a logarithmic axis; what is shorter lies on its foot


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time on the row that `key` tells from others of the same name. `token` is its colour."""

    key: str
    row: str
    token: str
    start_ns: int
    end_ns: int
    words: str


def bars_on_axis(bars: Sequence[Bar], zero_ns: int, empty: str) -> Chart:
    """Rows from top to bottom in the order they come in; the axis is seconds since `zero_ns`."""
    if not bars:
        return nothing(empty)
    rows = {bar.key: bar.row for bar in bars}
    places = {key: place for place, key in enumerate(rows)}
    least_ns = round(SHOWN_SHARE * (max(bar.end_ns for bar in bars) - min(bar.start_ns for bar in bars)))
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [places[bar.key] for bar in bars],
            "base": [(bar.start_ns - zero_ns) / S for bar in bars],
            "x": [max(bar.end_ns - bar.start_ns, least_ns) / S for bar in bars],
            "width": 0.64,
            "marker": {"color": [colour(bar.token) for bar in bars], "line": {"width": 0}},
            "text": [plain(_said(bar, zero_ns)) for bar in bars],
            "textposition": "none",
            "hovertemplate": "%{text}<extra></extra>",
        }
    ]
    figure = layout(xaxis=_seconds(), yaxis=_names(list(rows.values())), barmode="overlay")
    figure["margin"] = figure["margin"] | {"l": 16}
    cells: list[list[Any]] = [
        [bar.row, duration(bar.start_ns - zero_ns), duration(bar.end_ns - bar.start_ns), bar.words] for bar in bars
    ]
    names = ", ".join(list(rows.values())[:20])
    return Chart(data=data, layout=figure, table=Table(["Row", "From", "Took", "What it was"], cells), summary=names)


def spreads(measures: Sequence[Measure], earlier_p50_ns: dict[str, int], earlier: str) -> Chart:
    """A stage a row: its p50 as a dot, a line up to its p95; what it was in an earlier run as an open triangle."""
    if not measures:
        return nothing("No stage was measured.")
    places = list(range(len(measures)))
    p50 = [max(measure.all.p50_ns, SHORTEST_NS) for measure in measures]
    p95 = [max(measure.all.p95_ns, SHORTEST_NS) for measure in measures]
    said = [f"p50 {duration(one.all.p50_ns)}, p95 {duration(one.all.p95_ns)}" for one in measures]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": p50,
            "y": places,
            "text": said,
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"size": 11, "color": [colour(one.owner) for one in measures]},
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": [high - low for low, high in zip(p50, p95, strict=True)],
                "arrayminus": [0 for _ in p50],
                "color": colour("text-3"),
                "thickness": 1.5,
                "width": 4,
            },
        }
    ]
    known = [(at, earlier_p50_ns[one.name]) for at, one in enumerate(measures) if one.name in earlier_p50_ns]
    if known:
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [max(ns, SHORTEST_NS) for _, ns in known],
                "y": [at for at, _ in known],
                "text": [f"{plain(earlier)}: p50 {duration(ns)}" for _, ns in known],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"size": 10, "symbol": "triangle-up-open", "color": colour("text-2")},
            }
        )
    axis = value_axis([*p50, *p95, *(max(ns, SHORTEST_NS) for _, ns in known)], "ns", log=True)
    names = [one.name for one in measures]
    figure = layout(xaxis=axis, yaxis=_names(names), hovermode="closest")
    figure["margin"] = figure["margin"] | {"l": 16}
    rows: list[list[Any]] = [[one.name, duration(one.all.p50_ns), duration(one.all.p95_ns)] for one in measures]
    summary = "; ".join(f"{name}: {words}" for name, words in zip(names, said, strict=True))
    return Chart(data=data, layout=figure, table=Table(["Stage", "p50", "p95"], rows), summary=summary)


def spread_of(sample: Sequence[Duration], kinds: Sequence[tuple[str, str]]) -> Chart:
    """How many took how long, stacked by kind of start (its name and colour)."""
    if not sample:
        return nothing("No sandbox became ready.")
    low, high = min(one.ns for one in sample), max(one.ns for one in sample)
    step = next(step for step in _steps() if (high - low) / step < BUCKETS)
    first = low // step
    places = range(first, high // step + 1)
    series = []
    for kind, token in kinds:
        held = [one.ns // step for one in sample if one.start == kind]
        if held:
            series.append(Series(name=kind, colour=token, values=[held.count(place) for place in places]))
    labels = [f"{duration(place * step)} to {duration((place + 1) * step)}" for place in places]
    chart = distribution(labels, series, unit="{sandbox}")
    if not chart.empty:
        chart.layout["xaxis"] |= {
            "tickmode": "array",
            "tickvals": [plain(label) for label in labels[:: max(1, len(labels) // 6)]],
            "ticktext": [duration(place * step) for place in places[:: max(1, len(labels) // 6)]],
        }
        chart.layout["yaxis"] |= {"rangemode": "tozero"}
    return chart


def _steps() -> Sequence[int]:
    return [number * 10**power for power in range(19) for number in (1, 2, 5)]


def _said(bar: Bar, zero_ns: int) -> str:
    from_zero = bar.start_ns - zero_ns
    took = f"{duration(bar.end_ns - bar.start_ns)} from {duration(from_zero)} on"
    return f"{bar.row}: {took}" + (f", {bar.words}" if bar.words else "")


def _names(names: Sequence[str]) -> dict[str, Any]:
    cut = [name if len(name) <= MOST_LABEL else name[: MOST_LABEL - 1] + "…" for name in names]
    return {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": [plain(name) for name in cut],
        "range": [len(names) - 0.5, -0.5],
        "automargin": True,
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
    }


def _seconds() -> dict[str, Any]:
    return {
        "ticksuffix": " s",
        "gridcolor": colour("rule"),
        "zerolinecolor": colour("control"),
        "nticks": 9,
        "ticks": "",
    }
