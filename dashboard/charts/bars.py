"""Bars: how many in each step of time, stacked by group; and how values are spread over buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.charts.axes import value_axis
from dashboard.charts.chart import MS, Cell, Chart, Moment, Table, Window, colour, layout, ms, nothing, plain
from dashboard.templatetags.formats import UNKNOWN
from dashboard.units import quantity

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A value a step or bucket; None is drawn as nothing."""

    name: str
    colour: str
    values: Values


def counts(
    times_ns: Sequence[int],
    series: Sequence[Series],
    window: Window,
    *,
    unit: str = "",
    empty: str = "Nothing in this time range.",
) -> Chart:
    """Stacked bars; `times_ns` are the starts of the steps."""
    if not any(value for one in series for value in one.values):
        return nothing(empty, window)
    totals = [sum(value or 0 for value in column) for column in zip(*(one.values for one in series), strict=True)]
    data = [
        _bars(one, unit) | {"x": ms(at + window.step_ns // 2 for at in times_ns), "width": window.step_ns // MS * 0.85}
        for one in series
    ]
    figure = layout(window, yaxis=value_axis(totals, unit, log=False), barmode="stack", hovermode="x unified")
    rows: list[list[Cell]] = [
        [Moment(times_ns[at]), *_said(series, at, unit)] for at in range(len(times_ns) - 1, -1, -1) if totals[at]
    ]
    return Chart(
        data=data,
        layout=figure,
        table=Table(["Time", *(one.name or "count" for one in series)], rows),
        summary=", ".join(
            f"{one.name} {quantity(sum(value or 0 for value in one.values), unit)}".strip() for one in series
        ),
        step_ns=window.step_ns,
    )


def distribution(
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    unit: str = "",
    empty: str = "Nothing measured yet.",
) -> Chart:
    """Stacked bars over named buckets, in their order."""
    if not any(value for one in series for value in one.values):
        return nothing(empty)
    totals = [sum(value or 0 for value in column) for column in zip(*(one.values for one in series), strict=True)]
    names = [plain(label) for label in labels]
    data = [_bars(one, unit) | {"x": names} for one in series]
    figure = layout(yaxis=value_axis(totals, unit, log=False), barmode="stack", bargap=0.1, hovermode="x unified")
    figure["xaxis"] = {"type": "category", "showgrid": False, "fixedrange": True, "ticks": "", "nticks": 8}
    rows: list[list[Cell]] = [[label, *_said(series, at, unit)] for at, label in enumerate(labels)]
    summary = ", ".join(f"{label}: {quantity(total, unit)}" for label, total in zip(labels, totals, strict=True))
    return Chart(
        data=data,
        layout=figure,
        table=Table(["Bucket", *(one.name or "count" for one in series)], rows),
        summary=summary,
    )


def _bars(series: Series, unit: str) -> dict[str, Any]:
    name = plain(series.name)
    return {
        "type": "bar",
        "name": name,
        "y": list(series.values),
        "text": [plain(quantity(value, unit)) for value in series.values],
        "textposition": "none",
        "hovertemplate": f"{name} %{{text}}<extra></extra>",
        "marker": {"color": colour(series.colour), "line": {"width": 0}},
    }


def _said(series: Sequence[Series], at: int, unit: str) -> list[Cell]:
    found = [one.values[at] for one in series]
    return [UNKNOWN if value is None else quantity(value, unit) for value in found]
