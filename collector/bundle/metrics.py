"""Stored points of metric streams, and exemplars, as one line of OTLP JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from collector.bundle.common import Json, double, given, ids, resource_json, scope_json
from collector.decode.attributes import otlp_attributes
from collector.models import Exemplar, MetricPoint
from collector.records import MetricKind


def metric_line(points: Sequence[MetricPoint], exemplars: Iterable[Exemplar] = ()) -> Json:
    """A request with these points. Exemplars, which are kept apart, go with the first point of their stream."""
    by_stream: dict[int, list[MetricPoint]] = defaultdict(list)
    for point in points:
        by_stream[point.stream_id].append(point)
    with_them: dict[int, list[Exemplar]] = defaultdict(list)
    for exemplar in exemplars:
        with_them[exemplar.stream_id].append(exemplar)
    return {
        "resourceMetrics": [_stream(theirs, with_them[stream_id]) for stream_id, theirs in by_stream.items()],
    }


def _stream(points: list[MetricPoint], exemplars: list[Exemplar]) -> Json:
    stream = points[0].stream
    name, values = KINDS[stream.kind]
    attributes = otlp_attributes(stream.attributes)
    data_points = [_point(point, values) | given(attributes=attributes) for point in points]
    data_points[0] |= given(exemplars=[_exemplar(exemplar) for exemplar in exemplars])
    data: Json = {"dataPoints": data_points}
    if stream.temporality:
        data["aggregationTemporality"] = stream.temporality
    if stream.is_monotonic:
        data["isMonotonic"] = True
    metric = {"name": stream.name, "unit": stream.unit, "description": stream.description, name: data}
    metric |= given(metadata=otlp_attributes(stream.metadata or {}))
    scope = {"scope": scope_json(stream.scope), "metrics": [metric], "schemaUrl": stream.scope.schema_url}
    resource = stream.resource
    return {"resource": resource_json(resource), "scopeMetrics": [scope], "schemaUrl": resource.schema_url}


def _point(point: MetricPoint, values: Callable[[MetricPoint, Json], Json]) -> Json:
    detail: Json = point.detail or {}
    start_ns = point.start_ns and str(point.start_ns)
    return {
        "timeUnixNano": str(point.time_ns),
        **given(startTimeUnixNano=start_ns, flags=point.flags),
        **values(point, detail),
    }


def _number(point: MetricPoint | Exemplar, detail: Json) -> Json:
    if point.value_int is not None:
        return {"asInt": str(point.value_int)}
    if (value := _double(point, detail, "value_double")) is not None:
        return {"asDouble": value}
    return {}


def _double(row: Any, detail: Json, column: str) -> float | str | None:
    """A column that may be NaN, which is kept as NULL and named in the detail."""
    if column in detail.get("nan", ()):
        return "NaN"
    value = getattr(row, column)
    return None if value is None else double(value)


def _totals(point: MetricPoint, detail: Json, *names: str) -> Json:
    found = {name: _double(point, detail, name) for name in names}
    return {"count": str(point.count or 0)} | {name: value for name, value in found.items() if value is not None}


def _histogram(point: MetricPoint, detail: Json) -> Json:
    buckets = {"explicitBounds": detail["bounds"], "bucketCounts": list(map(str, detail["counts"]))}
    return _totals(point, detail, "sum", "min", "max") | buckets


def _exponential(point: MetricPoint, detail: Json) -> Json:
    sides = {
        side: {"offset": detail[side]["offset"], "bucketCounts": list(map(str, detail[side]["counts"]))}
        for side in ("positive", "negative")
    }
    zero = {"zeroCount": str(detail["zero_count"]), "zeroThreshold": detail["zero_threshold"]}
    return _totals(point, detail, "sum", "min", "max") | {"scale": detail["scale"]} | zero | sides


def _summary(point: MetricPoint, detail: Json) -> Json:
    quantiles = [{"quantile": quantile, "value": value} for quantile, value in detail["quantiles"]]
    return _totals(point, detail, "sum") | {"quantileValues": quantiles}


def _exemplar(exemplar: Exemplar) -> Json:
    value = _number(exemplar, {})
    attributes = otlp_attributes(exemplar.attributes)
    return {"timeUnixNano": str(exemplar.time_ns)} | value | ids(exemplar) | given(filteredAttributes=attributes)


KINDS: dict[int, tuple[str, Callable[[MetricPoint, Json], Json]]] = {
    MetricKind.GAUGE: ("gauge", _number),
    MetricKind.SUM: ("sum", _number),
    MetricKind.HISTOGRAM: ("histogram", _histogram),
    MetricKind.EXPONENTIAL_HISTOGRAM: ("exponentialHistogram", _exponential),
    MetricKind.SUMMARY: ("summary", _summary),
}
