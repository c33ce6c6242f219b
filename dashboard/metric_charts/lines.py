"""A metric as lines over time.

Before: `reading`, `grid` and `spread` have its steps. After: a Chart; the page leads to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from django.urls import reverse

from collector import queries
from collector.models import Exemplar, MetricStream
from collector.records import MetricKind
from dashboard.charts import Chart, Dot, Line, Mark, Percentiles, Window, nothing, percentile_lines, starts, value_lines
from dashboard.metric_charts.cut import noted
from dashboard.metric_charts.grid import growth, last_values, on_steps, together
from dashboard.metric_charts.points import Point
from dashboard.metric_charts.reading import Group, Reading, is_spread, read
from dashboard.metric_charts.spread import common_scale, in_steps, parts, percentile_of
from dashboard.parameters import Parameters

# Not those of cold, warm, ready and error: they mean that, and nothing else. Beyond four, dashes tell lines apart too.
COLOURS = ("program", "client", "router", "scheduler", "controller", "node", "readiness", "text-3")
DASHES = ("solid", "solid", "solid", "solid", "dash", "dash", "dash", "dash")
MOST_EXEMPLARS = 60
MOST_PERCENTILE_GROUPS = 3  # nine lines are as many as can be told apart
EMPTY = "No point in this time range."


def draw_metric(parameters: Parameters) -> Chart:
    """The metric of `stream`, or of `metric` and `service`, split by the attribute `split`."""
    reading = read(parameters, parameters.split)
    stream = reading.stream
    if stream is None or not reading.groups:
        return nothing(EMPTY, reading.window)
    if is_spread(stream):
        return noted(_percentiles(parameters, reading, stream), reading, parameters, MOST_PERCENTILE_GROUPS)
    if stream.kind == MetricKind.SUMMARY:
        return noted(_quantiles(reading, stream), reading, parameters)
    if stream.kind == MetricKind.SUM and (stream.is_monotonic or stream.temporality == 1):
        return noted(_rates(reading, stream), reading, parameters)
    return noted(_values(parameters, reading, stream), reading, parameters)


def rate_unit(unit: str) -> str:
    """Of a total in this unit, what it grows by per second."""
    return f"{unit if unit != '1' else ''}/s"


def _values(parameters: Parameters, reading: Reading, stream: MetricStream) -> Chart:
    """A gauge: each stream's last values. Several in a line: their mean, or their sum where they are parts of a sum."""
    mean = stream.kind == MetricKind.GAUGE
    lines = [
        _line(at, group, together([last_values(points, reading.window) for points in group.streams], mean=mean))
        for at, group in enumerate(reading.groups)
    ]
    dots = _dots(parameters, stream, reading.window)
    return value_lines(starts(reading.window), lines, reading.window, unit=stream.unit, dots=dots, empty=EMPTY)


def _rates(reading: Reading, stream: MetricStream) -> Chart:
    lines, marks = [], []
    for at, group in enumerate(reading.groups):
        found = [
            growth(points, stream.temporality, reading.window, resets_too=stream.is_monotonic)
            for points in group.streams
        ]
        lines.append(_line(at, group, together([on_steps(one.stretches, reading.window) for one in found])))
        marks += [Mark(time_ns=ns, words="began again") for one in found for ns in one.resets]
    marks = [mark for mark in marks if reading.window.from_ns <= mark.time_ns < reading.window.to_ns]
    unit = rate_unit(stream.unit)
    return value_lines(starts(reading.window), lines, reading.window, unit=unit, marks=marks, empty=EMPTY)


def _percentiles(parameters: Parameters, reading: Reading, stream: MetricStream) -> Chart:
    scale = common_scale(point for group in reading.groups for point in group.points)
    groups = []
    for at, group in enumerate(reading.groups[:MOST_PERCENTILE_GROUPS]):
        found = [parts(points, stream.kind, stream.temporality, reading.window, scale) for points in group.streams]
        steps = in_steps((part for one in found for part in one.parts), reading.window)
        p50, p95, p99 = ([percentile_of(step, q, stream.kind) for step in steps] for q in (0.5, 0.95, 0.99))
        groups.append(Percentiles(name=group.name, colour=COLOURS[at], p50=p50, p95=p95, p99=p99))
    dots = _dots(parameters, stream, reading.window)
    known = [value for group in groups for value in group.p50 if value is not None]
    log = bool(known) and min(known) > 0
    return percentile_lines(
        starts(reading.window), groups, reading.window, unit=stream.unit, log=log, dots=dots, empty=EMPTY
    )


def _quantiles(reading: Reading, stream: MetricStream) -> Chart:
    """A summary's own quantiles: they cannot be added, so each stream has its lines."""
    lines: list[Line] = []
    for group in reading.groups:
        for points in group.streams[:MOST_PERCENTILE_GROUPS]:
            told = sorted({float(q) for point in points for q, _ in (point.detail or {}).get("quantiles") or []})
            for q in told:
                name = f"{group.name} {'min' if q == 0 else 'max' if q == 1 else f'p{100 * q:g}'}".strip()
                values = last_values([_quantile(point, q) for point in points], reading.window)
                at = len(lines) % len(COLOURS)
                lines.append(Line(name=name, colour=COLOURS[at], values=values, dash=DASHES[at]))
    return value_lines(starts(reading.window), lines[: len(COLOURS)], reading.window, unit=stream.unit, empty=EMPTY)


def _quantile(point: Point, q: float) -> Point:
    """The point as if its quantile were all it said."""
    value = next((float(v) for at, v in (point.detail or {}).get("quantiles") or [] if float(at) == q), None)
    return point._replace(value_int=None, value_double=value)


def _line(at: int, group: Group, values: Sequence[float | None]) -> Line:
    return Line(name=group.name, colour=COLOURS[at % len(COLOURS)], values=values, dash=DASHES[at % len(DASHES)])


def _dots(parameters: Parameters, stream: MetricStream, window: Window) -> list[Dot]:
    """Measurements kept as examples, each leading to the span it was made in."""
    streams = queries.streams(parameters.filter).order_by().values("id")
    found = Exemplar.objects.filter(stream__in=streams, time_ns__gte=window.from_ns, time_ns__lt=window.to_ns)
    dots = []
    for exemplar in found.order_by("-time_ns")[:MOST_EXEMPLARS]:
        value = exemplar.value_double if exemplar.value_int is None else float(exemplar.value_int)
        if value is not None and math.isfinite(value) and exemplar.trace_id:
            href = reverse("trace", args=[exemplar.trace_id])
            dots.append(
                Dot(
                    time_ns=exemplar.time_ns,
                    value=value,
                    href=f"{href}?span={exemplar.span_id}" if exemplar.span_id else href,
                )
            )
    return dots
