"""Lines over time: percentiles of groups (cold, warm), and plain values.

p50 is thick, p95 thin, p99 dashed; between p50 and p95 it is filled. Labels stand at the line ends. Where there is no
data the line breaks; a long break says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from dashboard.charts.axes import lifted, value_axis
from dashboard.charts.chart import (
    LABELS_PX,
    MS,
    Cell,
    Chart,
    Moment,
    Note,
    Table,
    Window,
    colour,
    layout,
    ms,
    nothing,
    plain,
)
from dashboard.charts.notes import (
    Drawn,
    Mark,
    Values,
    end_labels,
    gap_notes,
    last,
    mark_line,
    mark_words,
    sampled_colours,
)
from dashboard.templatetags.formats import UNKNOWN
from dashboard.units import quantity

MOST_MARKS = 12
DOTS_WORDS = "A diamond is an exemplar: a click on it leads to the span it was measured in."
STYLES = {"p50": (2.2, "solid"), "p95": (1.3, "solid"), "p99": (1.0, "dash")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """A group's percentiles, a value a time or None, all in the chart's unit. `name` may be empty: only one group."""

    name: str
    colour: str  # a token: cold, warm, program ...
    p50: Values
    p95: Values
    p99: Values
    gap: str = ""  # said in a long break: "no cold starts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A value a time, or None."""

    name: str
    colour: str
    values: Values
    dash: str = "solid"  # Plotly's: solid, dot, dash


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A single measurement. `href`: where a click on it leads."""

    time_ns: int
    value: float
    href: str = ""
    colour: str = "text"


def percentile_lines(
    times_ns: Sequence[int],
    groups: Sequence[Percentiles],
    window: Window,
    *,
    unit: str = "ns",
    log: bool = True,
    dots: Sequence[Dot] = (),
    marks: Sequence[Mark] = (),
    empty: str = "Nothing in this time range.",
) -> Chart:
    """p50, p95 and p99 of each group at `times_ns` (the middle or the start of steps, the same for all)."""
    drawn = []
    for group in groups:
        for name in ("p50", "p95", "p99"):
            width, dash = STYLES[name]
            label = f"{group.name} {name}".strip()
            values = getattr(group, name)
            drawn.append(Drawn(label, group.colour, values, width, dash, fill=name == "p95", whose=group.name))
    gaps = [(group.p50, group.gap) for group in groups if group.gap]
    return _lines(times_ns, drawn, window, unit, log, dots, marks, empty, gaps)


def value_lines(
    times_ns: Sequence[int],
    lines: Sequence[Line],
    window: Window,
    *,
    unit: str = "",
    log: bool = False,
    dots: Sequence[Dot] = (),
    marks: Sequence[Mark] = (),
    empty: str = "Nothing in this time range.",
) -> Chart:
    """A line for each of the values."""
    drawn = [Drawn(line.name, line.colour, line.values, 1.6, line.dash, whose=line.name) for line in lines]
    return _lines(times_ns, drawn, window, unit, log, dots, marks, empty, [])


def _lines(
    times_ns: Sequence[int],
    drawn: list[Drawn],
    window: Window,
    unit: str,
    log: bool,
    dots: Sequence[Dot],
    marks: Sequence[Mark],
    empty: str,
    gaps: list[tuple[Values, str]],
) -> Chart:
    known = [value for line in drawn for value in line.values if value is not None] + [dot.value for dot in dots]
    if not known:
        return nothing(empty, window)
    axis = value_axis(known, unit, log=log)
    x = ms(times_ns)
    data = [_band(x, below, line, axis) for below, line in pairwise(drawn) if line.fill]
    said = [[UNKNOWN if value is None else quantity(value, unit) for value in line.values] for line in drawn]
    data += [_trace(x, line, axis, words) for line, words in zip(drawn, said, strict=True)]
    if dots:
        data.append(_dots(dots, axis, unit))
    ends = end_labels(drawn, axis, unit)
    notes = [note for values, words in gaps for note in gap_notes(x, values, words, axis, window)]
    notes += [mark_words(mark) for mark in marks[:MOST_MARKS]]
    figure = layout(window, yaxis=axis, hovermode="x unified", annotations=[*(end.label for end in ends), *notes])
    samples = [end.sample for end in ends if end.sample]
    figure["shapes"] = [*samples, *(mark_line(mark) for mark in marks[:MOST_MARKS])]
    figure["margin"] = {**figure["margin"], "r": LABELS_PX}
    figure["meta"] = {"ends": [end.short for end in ends], "samples": len(samples), "colours": sampled_colours(drawn)}
    return Chart(
        data=data,
        layout=figure,
        table=_table(times_ns, drawn, said),
        summary=", ".join(f"{line.name} {quantity(last(line.values), unit)}".strip() for line in drawn),
        note=Note(DOTS_WORDS) if dots else None,
        step_ns=window.step_ns,
    )


def _trace(x: list[int], line: Drawn, axis: dict[str, Any], said: list[str]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": plain(line.name),
        "x": x,
        "y": lifted(list(line.values), axis),
        "text": [plain(words) for words in said],
        "hovertemplate": f"{plain(line.name)} %{{text}}<extra></extra>",
        "line": {"color": colour(line.colour), "width": line.width, "dash": line.dash, "shape": "linear"},
        "marker": {"color": colour(line.colour), "size": _alone(line.values), "line": {"width": 0}},
        "connectgaps": False,
    }


def _band(x: list[int], below: Drawn, line: Drawn, axis: dict[str, Any]) -> dict[str, Any]:
    """The area down to the line below: an outline for each stretch without a break, None between them.

    Not `tonexty`: that fills across breaks, and time without data would look like data.
    """
    low, high = lifted(list(below.values), axis), lifted(list(line.values), axis)
    xs: list[int | None] = []
    ys: list[float | None] = []
    points = [(at, b, t) for at, b, t in zip(x, low, high, strict=True)]
    for known, run in groupby(points, key=lambda point: point[1] is not None and point[2] is not None):
        if known:
            stretch = list(run)
            xs += [at for at, _, _ in stretch] + [at for at, _, _ in reversed(stretch)] + [None]
            ys += [b for _, b, _ in stretch] + [t for _, _, t in reversed(stretch)] + [None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": xs,
        "y": ys,
        "fill": "toself",
        "fillcolor": colour(line.colour, 10),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _alone(values: Values) -> list[int]:
    """A dot where no neighbour makes a line of it."""
    padded = [None, *values, None]
    return [
        4 if value is not None and padded[at] is None and padded[at + 2] is None else 0
        for at, value in enumerate(values)
    ]


def _dots(dots: Sequence[Dot], axis: dict[str, Any], unit: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "exemplar",
        "x": [dot.time_ns // MS for dot in dots],
        "y": lifted([dot.value for dot in dots], axis),
        "text": [plain(quantity(dot.value, unit)) for dot in dots],
        "customdata": [dot.href for dot in dots],
        "hovertemplate": "exemplar %{text}: click for its span<extra></extra>",
        "marker": {
            "symbol": "diamond",
            "size": 8,
            "color": [colour(dot.colour) for dot in dots],
            "line": {"width": 1.5, "color": colour("panel")},
        },
    }


def _table(times_ns: Sequence[int], drawn: list[Drawn], said: list[list[str]]) -> Table:
    """Newest first; times at which there is nothing are left out."""
    rows: list[list[Cell]] = []
    for at in range(len(times_ns) - 1, -1, -1):
        if any(line.values[at] is not None for line in drawn):
            rows.append([Moment(times_ns[at]), *(words[at] for words in said)])
    return Table(["Time", *(line.name or "value" for line in drawn)], rows)
