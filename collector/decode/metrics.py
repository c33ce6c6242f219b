"""Metric bodies to streams, points and exemplars."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from collector.decode.attributes import attributes_json, clean, dumps, sorted_attributes_json
from collector.decode.common import checked_time, open_message, optional_ids, position, read_resource, read_scope
from collector.decode.errors import ItemError
from collector.decode.shapes import MetricsShape
from collector.records import (
    CUMULATIVE,
    MAX_TIME_NS,
    Batch,
    ExemplarRecord,
    MetricKind,
    PointRecord,
    ResourceRecord,
    ScopeRecord,
    StreamRecord,
)

KINDS = {
    "gauge": MetricKind.GAUGE,
    "sum": MetricKind.SUM,
    "histogram": MetricKind.HISTOGRAM,
    "exponential_histogram": MetricKind.EXPONENTIAL_HISTOGRAM,
    "summary": MetricKind.SUMMARY,
}
TEMPORALITIES = (0, 1, CUMULATIVE)


def decode_metrics(body: bytes) -> Batch:
    """An ExportMetricsServiceRequest. Raises DecodeError; a bad point is refused alone."""
    batch = Batch()
    resources: dict[ResourceRecord, int] = {}
    scopes: dict[ScopeRecord, int] = {}
    streams: dict[StreamRecord, int] = {}
    for resource_metrics in open_message(MetricsShape, body).resource_metrics:
        record = read_resource(resource_metrics.resource, resource_metrics.schema_url)
        resource = position(batch.resources, resources, record)
        for scope_metrics in resource_metrics.scope_metrics:
            scope = position(batch.scopes, scopes, read_scope(scope_metrics.scope, scope_metrics.schema_url))
            for metric in scope_metrics.metrics:
                _read_metric(metric, resource, scope, batch, streams)
    return batch


def _read_metric(metric: Any, resource: int, scope: int, batch: Batch, streams: dict[StreamRecord, int]) -> None:
    """All points of one metric into the batch."""
    field = metric.WhichOneof("data")
    if field is None:
        return  # a metric without data says nothing
    kind, data = KINDS[field], getattr(metric, field)
    temporality = 0 if kind in (MetricKind.GAUGE, MetricKind.SUMMARY) else data.aggregation_temporality
    if temporality not in TEMPORALITIES:
        temporality = 0  # any number may stand there; those without a meaning mean nothing
    name = clean(metric.name)
    for point in data.data_points:
        try:
            start_ns, time_ns = checked_time(point.start_time_unix_nano), checked_time(point.time_unix_nano)
            if not time_ns:
                raise ItemError("it has no time")
            stream = StreamRecord(
                resource=resource,
                scope=scope,
                name=name,
                unit=clean(metric.unit),
                kind=int(kind),
                temporality=temporality,
                is_monotonic=data.is_monotonic if kind == MetricKind.SUM else False,
                attributes=sorted_attributes_json(point.attributes),
                start_ns=start_ns if temporality == CUMULATIVE else 0,
                description=clean(metric.description),
                metadata=attributes_json(metric.metadata) if metric.metadata else None,
            )
            exemplars = [] if kind == MetricKind.SUMMARY else [_read_exemplar(item) for item in point.exemplars]
            values = READERS[kind](point)
            index = position(batch.streams, streams, stream)
            batch.points.append(PointRecord(index, start_ns, time_ns, point.flags, **finite(values)))
            batch.exemplars.extend(exemplar._replace(stream=index) for exemplar in exemplars)
        except ItemError as error:
            batch.reject(f"point of metric {name[:80]!r} refused: {error}")


def number(item: Any) -> tuple[int | None, float | None]:
    """as_int and as_double of a point or exemplar: one of them, or neither."""
    which = item.WhichOneof("value")
    return (
        item.as_int if which == "as_int" else None,
        item.as_double if which == "as_double" else None,
    )


def _number_values(point: Any) -> dict[str, Any]:
    value_int, value_double = number(point)
    return {"value_int": value_int, "value_double": value_double}


def _totals(point: Any, optional: Iterable[str]) -> dict[str, Any]:
    if point.count > MAX_TIME_NS:
        raise ItemError("its count is beyond 2^63-1")
    return {"count": point.count} | {name: getattr(point, name) for name in optional if point.HasField(name)}


def _histogram_values(point: Any) -> dict[str, Any]:
    bounds, counts = list(point.explicit_bounds), list(point.bucket_counts)
    if (bounds or counts) and len(counts) != len(bounds) + 1:
        raise ItemError(f"it has {len(counts)} bucket counts for {len(bounds)} bounds; one more than bounds is due")
    return _totals(point, ("sum", "min", "max")) | {"detail": {"bounds": bounds, "counts": counts}}


def _exponential_values(point: Any) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "scale": point.scale,
        "zero_count": point.zero_count,
        "zero_threshold": point.zero_threshold,
    }
    for side in ("positive", "negative"):
        buckets = getattr(point, side)
        detail[side] = {"offset": buckets.offset, "counts": list(buckets.bucket_counts)}
    return _totals(point, ("sum", "min", "max")) | {"detail": detail}


def _summary_values(point: Any) -> dict[str, Any]:
    quantiles = [[item.quantile, item.value] for item in point.quantile_values]
    return _totals(point, ()) | {"sum": point.sum, "detail": {"quantiles": quantiles}}


READERS = {
    MetricKind.GAUGE: _number_values,
    MetricKind.SUM: _number_values,
    MetricKind.HISTOGRAM: _histogram_values,
    MetricKind.EXPONENTIAL_HISTOGRAM: _exponential_values,
    MetricKind.SUMMARY: _summary_values,
}


def finite(values: dict[str, Any]) -> dict[str, Any]:
    """Point values as PointRecord takes them: the detail as JSON text, a NaN column named in it.

    SQLite has no NaN and would keep NULL; JSON has neither NaN nor infinities, which become OTLP's words there.
    """
    detail: dict[str, Any] = values.pop("detail", None) or {}
    nan = [name for name, value in values.items() if isinstance(value, float) and math.isnan(value)]
    if nan:
        detail = detail | {"nan": nan}
        values = values | dict.fromkeys(nan)
    return values | {"detail": dumps(_worded(detail)) if detail else None}


def _worded(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list):
        return [_worded(item) for item in value]
    if isinstance(value, dict):
        return {key: _worded(item) for key, item in value.items()}
    return value


def _read_exemplar(item: Any) -> ExemplarRecord:
    """An exemplar; its stream's position is filled in once the point is known to be good."""
    value_int, value_double = number(item)
    if value_double is not None and math.isnan(value_double):
        value_double = None
    trace_id, span_id = optional_ids(item.trace_id, item.span_id)
    return ExemplarRecord(
        stream=-1,
        time_ns=checked_time(item.time_unix_nano),
        value_int=value_int,
        value_double=value_double,
        trace_id=trace_id,
        span_id=span_id,
        attributes=attributes_json(item.filtered_attributes),
    )
