"""Metric streams, points and exemplars in words, a row each.

Before: `views.metrics` found them. After: templates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from collector.models import Exemplar, MetricPoint, MetricStream
from dashboard.measured import PERCENTILES, SPREADS, Measured, Percentile, measured
from dashboard.units import figures, quantity
from dashboard.words import metric_kind, temporality
from sandboxes.questions import Linked, claims_of_spans

VALUE_COLUMNS = ("Value",)
SPREAD_COLUMNS = ("Count", "Sum", "Min", "Max", *(name for name, _ in PERCENTILES))


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A stream with its latest point. `latest`: (label, text), one without a label, or a count and percentiles.

    `twin`: another stream has the same name and attributes; a program that was started again is another stream.
    """

    stream: MetricStream
    kind: str
    temporality: str
    point: MetricPoint | None
    latest: list[tuple[str, str]]
    twin: bool = False


@dataclass(frozen=True, slots=True)
class PointRow:
    """A point: a cell for each of VALUE_COLUMNS, or of SPREAD_COLUMNS. `change`: how much a total has grown."""

    point: MetricPoint
    cells: list[str]
    exact: str
    change: str


@dataclass(frozen=True, slots=True)
class ExemplarRow:
    """A measurement kept as an example."""

    exemplar: Exemplar
    value: str
    linked: Linked | None  # the claim its span belongs to


def stream_rows(streams: list[MetricStream], latest: dict[int, MetricPoint]) -> list[StreamRow]:
    """Streams as a list shows them; `latest` has their newest points by stream id."""
    names = Counter(_name(stream) for stream in streams)
    return [replace(stream_row(stream, latest.get(stream.pk)), twin=names[_name(stream)] > 1) for stream in streams]


def _name(stream: MetricStream) -> tuple[str, ...]:
    return stream.resource.service, stream.name, str(stream.attributes)


def stream_row(stream: MetricStream, point: MetricPoint | None) -> StreamRow:
    """A stream by itself."""
    latest = _latest(stream, measured(stream.kind, point)) if point else []
    return StreamRow(stream, metric_kind(stream.kind).replace("_", " "), temporality(stream.temporality), point, latest)


def _latest(stream: MetricStream, said: Measured) -> list[tuple[str, str]]:
    if stream.kind not in SPREADS:
        return [("", quantity(said.value, stream.unit))]
    spread = [(found.name, _percentile(found, stream.unit)) for found in said.percentiles]
    return [("count", figures(said.count)), *spread] if said.count is not None else spread


def point_rows(stream: MetricStream, points: list[MetricPoint], earlier: MetricPoint | None) -> list[PointRow]:
    """A stream's points, newest first; `earlier` is the one before the last of them."""
    said = [measured(stream.kind, point) for point in points]
    if stream.kind in SPREADS:
        return [PointRow(point, _spread(one, stream.unit), "", "") for point, one in zip(points, said, strict=True)]
    before = measured(stream.kind, earlier) if earlier else Measured()
    changes = [_change(one, last, stream.unit) if grows(stream) else "" for one, last in pairwise([*said, before])]
    return [
        PointRow(point, [quantity(one.value, stream.unit)], str(one.value), change)
        for point, one, change in zip(points, said, changes, strict=True)
    ]


def grows(stream: MetricStream) -> bool:
    """Whether its value is a total since its start, which only ever grows."""
    return stream.is_monotonic and temporality(stream.temporality) == "cumulative"


def _spread(said: Measured, unit: str) -> list[str]:
    count = "" if said.count is None else figures(said.count)
    found = {percentile.name: _percentile(percentile, unit) for percentile in said.percentiles}
    unknown = quantity(None, unit)
    numbers = [quantity(number, unit) for number in (said.sum, said.min, said.max)]
    return [count or unknown, *numbers, *(found.get(name, unknown) for name, _ in PERCENTILES)]


def _percentile(found: Percentile, unit: str) -> str:
    return f"{'≥ ' if found.lower_bound else ''}{quantity(found.value, unit)}"


def _change(said: Measured, before: Measured, unit: str) -> str:
    now, then = said.value, before.value
    if now is None or then is None or isinstance(now, str) or isinstance(then, str):
        return ""
    return f"+{quantity(now - then, unit)}" if now >= then else "began again"


def exemplar_rows(given: Iterable[Exemplar], unit: str) -> list[ExemplarRow]:
    """Exemplars in their stream's unit."""
    exemplars = list(given)
    linked = claims_of_spans((exemplar.trace_id, exemplar.span_id) for exemplar in exemplars)
    rows = []
    for exemplar in exemplars:
        value = exemplar.value_int if exemplar.value_int is not None else exemplar.value_double
        claim = linked.get((exemplar.trace_id or "", exemplar.span_id or ""))
        rows.append(ExemplarRow(exemplar, quantity(value, unit), claim))
    return rows
