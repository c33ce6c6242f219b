"""The points a chart is drawn from: all of a usual range, and of a longer one a few for each step.

Before: `reading` has the streams. After: it groups the points by stream; `grid` and `spread` make steps of them.

A step shows the last value of a gauge, and how far a total grew from the last point of the step before: so their last
points are enough, however many there are. Of deltas all count: those of sums are added up by the database, those of
histograms have to be read each, so that of very many only the newest are drawn, and the chart says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import orjson
from django.db.models import QuerySet

from collector import downsample, queries
from collector.models import MetricPoint, MetricStream
from collector.queries import TelemetryFilter
from collector.raw import raw_rows
from collector.records import CUMULATIVE, NO_RECORDED_VALUE, MetricKind
from dashboard.charts import window

MOST_POINTS = 40_000  # 0.4 s of reading
MOST_COUNTED = 1_000_000
LOOK_BACK_NS = 300 * 10**9  # a total before the range, to tell how much it grew in it
IDS_A_QUERY = 10_000
HISTOGRAMS = (MetricKind.HISTOGRAM, MetricKind.EXPONENTIAL_HISTOGRAM)


class Point(NamedTuple):
    """A point's columns."""

    stream_id: int
    time_ns: int
    start_ns: int
    flags: int
    value_int: int | None
    value_double: float | None
    count: int | None  # type: ignore[assignment]  # OTLP's word; tuple.count is not used
    sum: float | None
    min: float | None
    max: float | None
    detail: Any

    @property
    def value(self) -> float | None:
        """None too where the sender says that its stream has stopped, and where it is no number to draw."""
        value = self.value_double if self.value_int is None else float(self.value_int)
        return None if self.flags & NO_RECORDED_VALUE or value is None or not math.isfinite(value) else value


class Cut(NamedTuple):
    """What could not be drawn whole: of `total` points (or `more`) the newest `drawn`; from `from_ns` on it could."""

    drawn: int
    total: int
    more: bool
    from_ns: int


def read_points(f: TelemetryFilter, streams: Sequence[MetricStream]) -> tuple[list[Point], Cut | None]:
    """The points to draw of streams of one kind, oldest first."""
    ids, of = [stream.pk for stream in streams], streams[0]
    deltas = of.kind in HISTOGRAMS and of.temporality != CUMULATIVE
    before = f if f.from_ns is None or deltas else replace(f, from_ns=f.from_ns - LOOK_BACK_NS)
    rows = queries.points(replace(before, stream=0, q="", service="", metric="")).filter(stream__in=ids)
    few = queries.count_up_to(rows, MOST_POINTS)[1] is False
    if not few and not deltas:
        return (_sums(f, ids) if _adds_up(of) else _last(f, ids)), None
    if few:
        return _read(rows)[::-1], None
    # Where the newest begin, an index tells: a database that has to find them in whole rows reads and sorts them all.
    from_ns = rows.values_list("time_ns", flat=True)[MOST_POINTS - 1]
    points = _read(rows.filter(time_ns__gte=from_ns)[:MOST_POINTS])[::-1]
    return points, Cut(len(points), *queries.count_up_to(rows, MOST_COUNTED), points[0].time_ns + 1)


def _read(rows: QuerySet[MetricPoint]) -> list[Point]:
    """In the order of the rows, without a call for each of their values: of tens of thousands that is a third."""
    return [
        Point._make((*values, None if detail is None else orjson.loads(detail)))
        for *values, detail in raw_rows(rows.prefetch_related(None), Point._fields)
    ]


def _adds_up(stream: MetricStream) -> bool:
    """Whether it is a sum told piece by piece."""
    pieces = stream.kind == MetricKind.SUM and stream.temporality != CUMULATIVE
    return pieces and (stream.is_monotonic or stream.temporality == 1)


def _last(f: TelemetryFilter, ids: Sequence[int]) -> list[Point]:
    found: list[Point] = []
    last = downsample.last_points(ids, *_steps(f, ids))
    for position in range(0, len(last), IDS_A_QUERY):
        found += _read(MetricPoint.objects.filter(pk__in=last[position : position + IDS_A_QUERY]))
    return sorted(found, key=lambda point: point.time_ns)


def _sums(f: TelemetryFilter, ids: Sequence[int]) -> list[Point]:
    return [
        Point(one.stream_id, one.time_ns, one.start_ns, 0, None, one.value, None, None, None, None, None)
        for one in downsample.sums(ids, *_steps(f, ids))
    ]


def _steps(f: TelemetryFilter, ids: Sequence[int]) -> tuple[int, int, int]:
    """(from_ns, to_ns, step_ns): the chart's own steps and the one before, or longer ones where streams are many."""
    first_ns, last_ns = downsample.extent_ns(ids, f.from_ns, f.to_ns) or (0, 0)
    to_ns = last_ns + 1 if f.to_ns is None else f.to_ns
    drawn = window(f.from_ns, to_ns if f.from_ns is None else f.to_ns, first_ns)
    steps = (drawn.to_ns - drawn.from_ns) // drawn.step_ns + 1
    step_ns = drawn.step_ns * -(-steps * len(ids) // MOST_POINTS)
    return drawn.from_ns - step_ns, to_ns, step_ns
