"""A histogram's measurements: where they lie over time, and how many a second.

Before: `spread` has what was measured in each step. After: a Chart; the page leads to it.
"""

from __future__ import annotations

from collector.models import MetricStream
from collector.records import MetricKind
from dashboard.charts import Chart, Layer, Line, heatmap, nothing, starts, value_lines
from dashboard.metric_charts.cut import noted
from dashboard.metric_charts.grid import Stretch, growth, on_steps, together
from dashboard.metric_charts.lines import COLOURS, DASHES, EMPTY
from dashboard.metric_charts.reading import Group, Reading, is_spread, read
from dashboard.metric_charts.spread import Part, common_scale, parts, row_of, rows_of
from dashboard.parameters import Parameters

SECOND = 10**9


def draw_heatmap(parameters: Parameters) -> Chart:
    """How many measurements in each bucket and step, of all the metric's streams together."""
    reading = read(parameters, parameters.split)
    stream = reading.stream
    if stream is None or not is_spread(stream):
        return nothing(EMPTY, reading.window)
    measured = [part for group in reading.groups for part in _parts(group, reading, stream)]
    rows = rows_of(measured)
    if not rows:
        return nothing(EMPTY, reading.window)
    window = reading.window
    at = starts(window)
    cells = [[0] * len(at) for _ in rows]
    for part in measured:
        step = (part.to_ns - 1 - window.from_ns) // window.step_ns
        if 0 <= step < len(at):
            for key, count in part.counts.items():
                cells[row_of(key, rows)][step] += count
    edges = [rows[0][0], *(upper for _, upper in rows)]
    layers = [Layer(name="", colour="program", cells=cells)]
    drawn = heatmap(at, edges, layers, window, unit=stream.unit, noun="measurements", beside_lines=True, empty=EMPTY)
    return noted(drawn, reading, parameters)


def draw_rate(parameters: Parameters) -> Chart:
    """How many measurements a second, a line for each group."""
    reading = read(parameters, parameters.split)
    stream = reading.stream
    if stream is None or not reading.groups:
        return nothing(EMPTY, reading.window)
    lines = []
    for at, group in enumerate(reading.groups):
        if stream.kind == MetricKind.SUMMARY:  # its count is a total
            counted = [[p._replace(value_int=p.count, value_double=None) for p in points] for points in group.streams]
            found = [on_steps(growth(points, 2, reading.window).stretches, reading.window) for points in counted]
        else:
            found = [
                on_steps([_rate(part) for part in _parts(Group("", [points]), reading, stream)], reading.window)
                for points in group.streams
            ]
        name = group.name
        lines.append(Line(name=name, colour=COLOURS[at % 8], values=together(found), dash=DASHES[at % 8]))
    drawn = value_lines(starts(reading.window), lines, reading.window, unit="/s", empty=EMPTY)
    return noted(drawn, reading, parameters)


def _parts(group: Group, reading: Reading, stream: MetricStream) -> list[Part]:
    scale = common_scale(point for one in reading.groups for point in one.points)
    return [
        part
        for points in group.streams
        for part in parts(points, stream.kind, stream.temporality, reading.window, scale).parts
    ]


def _rate(part: Part) -> Stretch:
    return Stretch(part.from_ns, part.to_ns, part.counts.total() * SECOND / (part.to_ns - part.from_ns))
