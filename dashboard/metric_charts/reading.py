"""What a metric's chart is drawn from: its streams, grouped as the reader wants them, and their points in order.

Before: the query parameters of the page of metrics; `points` reads. After: `grid` and `spread` make steps of time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from django.db.models import Min

from collector import queries
from collector.models import MetricPoint, MetricStream
from collector.records import MetricKind
from dashboard.charts import Window, window
from dashboard.metric_charts.points import Cut, Point, read_points
from dashboard.metric_list import as_counted, nature, telling_keys
from dashboard.parameters import Parameters
from dashboard.templatetags.formats import value as words

MOST_STREAMS = 500
MOST_GROUPS = 8


@dataclass(frozen=True, slots=True)
class Group:
    """Streams that are one line, with the points of each, oldest first."""

    name: str
    streams: list[list[Point]]

    @property
    def points(self) -> list[Point]:
        return [point for stream in self.streams for point in stream]


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric as a chart needs it. `hidden`: groups beyond MOST_GROUPS; `cut`: what was left out."""

    stream: MetricStream | None  # one of them: name, kind, unit
    groups: list[Group]
    window: Window
    streams: int = 0
    hidden: int = 0
    cut: Cut | None = None


def read(parameters: Parameters, split: str = "") -> Reading:
    """The metric's streams of one kind and unit (the most common one), split by an attribute, or each by itself."""
    f = parameters.filter
    found = list(queries.streams(f)[:MOST_STREAMS])
    kinds = Counter(map(nature, found))
    if not kinds:
        return Reading(None, [], window(f.from_ns, f.to_ns, 0))
    wanted = kinds.most_common(1)[0][0]
    streams = [stream for stream in found if nature(stream) == wanted]
    points, cut = read_points(f, streams)
    by_stream: dict[int, list[Point]] = defaultdict(list)
    for point in points:
        by_stream[point.stream_id].append(point)
    groups = _grouped(streams, by_stream, split)
    return Reading(
        streams[0],
        groups[:MOST_GROUPS],
        _window(parameters, streams, by_stream),
        len(streams),
        max(0, len(groups) - MOST_GROUPS),
        cut,
    )


def _window(parameters: Parameters, streams: list[MetricStream], by_stream: dict[int, list[Point]]) -> Window:
    """Steps no shorter than the points are apart: each step then has a point to show."""
    f = parameters.filter
    apart = [
        later.time_ns - earlier.time_ns
        for points in by_stream.values()
        for earlier, later in pairwise(points[-20:])
        if later.time_ns > earlier.time_ns
    ]
    usual_ns = int(median(apart)) if apart else 10**9
    oldest = min((points[0].time_ns for points in by_stream.values()), default=None)
    if oldest is None:
        ids = [stream.pk for stream in streams]
        oldest = MetricPoint.objects.filter(stream__in=ids).aggregate(first=Min("time_ns"))["first"] or 0
    newest = max((points[-1].time_ns for points in by_stream.values()), default=oldest)
    if streams[0].kind != MetricKind.GAUGE:
        oldest -= usual_ns  # what the first point tells of
    # Everything there is: up to its newest point, which may be long ago.
    to_ns = newest + 1 if f.from_ns is None and f.to_ns is None else f.to_ns
    return window(f.from_ns, to_ns, oldest, at_least_ns=usual_ns * 4 // 5)


def _grouped(streams: list[MetricStream], by_stream: dict[int, list[Point]], split: str) -> list[Group]:
    """Groups by what the reader splits by; a program that was started again goes on with its line."""
    named: dict[str, list[list[Point]]] = defaultdict(list)
    told_apart = telling_keys(streams)
    for stream in streams:
        if points := by_stream.get(stream.pk):
            named[_name(stream, split, told_apart)].append(points)
    groups = [Group(name, found) for name, found in named.items()]
    return sorted(groups, key=lambda group: (-len(group.points), as_counted(group.name)))


def _name(stream: MetricStream, split: str, told_apart: Iterable[str]) -> str:
    if split:
        return attribute(stream, split) or f"no {split}"
    return " ".join(words(stream.attributes[key]) for key in told_apart if key in stream.attributes)


def attribute(stream: MetricStream, key: str) -> str:
    """An attribute of a stream, or of its resource, in words; empty when it has none."""
    item = stream.attributes.get(key, stream.resource.attributes.get(key))
    return "" if item is None else words(item)


def split_keys(streams: list[MetricStream]) -> list[str]:
    """The attributes lines may be split by: the streams' own, then those of the programs that differ."""
    own = sorted({key for stream in streams for key in stream.attributes})
    resources = {stream.resource_id: stream.resource.attributes for stream in streams}.values()
    differing = {key for one in resources for key in one if len({words(other.get(key)) for other in resources}) > 1}
    return own + sorted(differing - set(own))


def is_spread(stream: MetricStream) -> bool:
    """Whether its points are histograms."""
    return stream.kind in (MetricKind.HISTOGRAM, MetricKind.EXPONENTIAL_HISTOGRAM)
