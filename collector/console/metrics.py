"""Printed metrics to streams, points and exemplars. The kind is not named: its members tell it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from collector.console.builder import Builder, read_resource, read_scope
from collector.console.fields import (
    attributes_json,
    int_of,
    list_of,
    mapping_of,
    number_of,
    sorted_attributes_json,
    text_of,
)
from collector.decode.errors import ItemError
from collector.decode.metrics import finite
from collector.records import (
    CUMULATIVE,
    ExemplarRecord,
    MetricKind,
    PointRecord,
    ResourceRecord,
    ScopeRecord,
    StreamRecord,
)


def read_metrics(value: dict[str, Any], builder: Builder, refused: list[str]) -> list[ResourceRecord]:
    """Adds all points of one export; gives its resources. Points that cannot be kept are named in `refused`.

    Raises ItemError when the object as a whole cannot be read.
    """
    resources = []
    for item in list_of(value.get("resource_metrics"), "resource_metrics"):
        resource_metrics = mapping_of(item, "resource_metrics")
        resource = read_resource(resource_metrics.get("resource"), resource_metrics.get("schema_url"))
        resources.append(resource)
        for scope, metric in _metrics(resource_metrics):
            _read_metric(metric, resource, scope, builder, refused)
    return resources


def _metrics(resource_metrics: dict[str, Any]) -> Iterator[tuple[ScopeRecord, dict[str, Any]]]:
    for item in list_of(resource_metrics.get("scope_metrics"), "scope_metrics"):
        scope_metrics = mapping_of(item, "scope_metrics")
        scope = read_scope(scope_metrics.get("scope"), scope_metrics.get("schema_url"))
        for metric in list_of(scope_metrics.get("metrics"), "metrics"):
            yield scope, mapping_of(metric, "metric")


def _read_metric(
    metric: dict[str, Any], resource: ResourceRecord, scope: ScopeRecord, builder: Builder, refused: list[str]
) -> None:
    name = text_of(metric.get("name"), "metric name")
    data = mapping_of(metric.get("data"), "data")
    for item in list_of(data.get("data_points"), "data points"):
        try:
            point = mapping_of(item, "data point")
            kind = _kind(data, point)
            stream = _stream(name, metric, data, point, kind)
            record, exemplars = _point(point, kind), _exemplars(point)
        except (ItemError, RecursionError) as error:
            refused.append(f"a point of metric {name[:80]!r} is left out: {error}")
            continue
        index = builder.stream(
            stream._replace(resource=builder.resource(resource), scope=builder.scope(scope)),
        )
        builder.batch.points.append(record._replace(stream=index))
        builder.batch.exemplars.extend(exemplar._replace(stream=index) for exemplar in exemplars)


def _kind(data: dict[str, Any], point: dict[str, Any]) -> MetricKind:
    if "bucket_counts" in point and "explicit_bounds" in point:
        return MetricKind.HISTOGRAM
    if "scale" in point and "zero_count" in point:
        return MetricKind.EXPONENTIAL_HISTOGRAM
    if "quantile_values" in point:
        return MetricKind.SUMMARY
    return MetricKind.SUM if "is_monotonic" in data else MetricKind.GAUGE


def _stream(
    name: str, metric: dict[str, Any], data: dict[str, Any], point: dict[str, Any], kind: MetricKind
) -> StreamRecord:
    temporality = int_of(data.get("aggregation_temporality"), "aggregation temporality", CUMULATIVE)
    start_ns = int_of(point.get("start_time_unix_nano"), "start time")
    return StreamRecord(
        resource=-1,
        scope=-1,
        name=name,
        unit=text_of(metric.get("unit"), "unit"),
        kind=int(kind),
        temporality=temporality,
        is_monotonic=data.get("is_monotonic") is True,
        attributes=sorted_attributes_json(point.get("attributes")),
        start_ns=start_ns if temporality == CUMULATIVE else 0,
        description=text_of(metric.get("description"), "description"),
    )


def _point(point: dict[str, Any], kind: MetricKind) -> PointRecord:
    time_ns = int_of(point.get("time_unix_nano"), "time")
    if not time_ns:
        raise ItemError("it has no time")
    values = READERS[kind](point)
    start_ns, flags = int_of(point.get("start_time_unix_nano"), "start time"), int_of(point.get("flags"), "flags")
    return PointRecord(-1, start_ns, time_ns, flags, **finite(values))


def _number_values(point: dict[str, Any]) -> dict[str, Any]:
    value = number_of(point.get("value"), "value")
    return {
        "value_int": value if isinstance(value, int) else None,
        "value_double": value if isinstance(value, float) else None,
    }


def _totals(point: dict[str, Any]) -> dict[str, Any]:
    totals: dict[str, Any] = {"count": int_of(point.get("count"), "count")}
    for name in ("sum", "min", "max"):
        number = number_of(point.get(name), name)
        totals[name] = None if number is None else float(number)
    # An aggregation told not to record these prints the values it began with.
    if totals["min"] == math.inf and totals["max"] == -math.inf:
        totals |= {"min": None, "max": None}
    return totals


def _counts(value: Any) -> list[int]:
    return [int_of(item, "bucket count") for item in list_of(value, "bucket counts")]


def _doubles(value: Any, what: str) -> list[float]:
    return [float(number_of(item, what) or 0) for item in list_of(value, what)]


def _histogram_values(point: dict[str, Any]) -> dict[str, Any]:
    bounds, counts = _doubles(point["explicit_bounds"], "bounds"), _counts(point["bucket_counts"])
    if (bounds or counts) and len(counts) != len(bounds) + 1:
        raise ItemError(f"it has {len(counts)} bucket counts for {len(bounds)} bounds; one more than bounds is due")
    return _totals(point) | {"detail": {"bounds": bounds, "counts": counts}}


def _exponential_values(point: dict[str, Any]) -> dict[str, Any]:
    scale = number_of(point["scale"], "scale")
    if not isinstance(scale, int):
        raise ItemError("its scale is not a whole number")
    detail: dict[str, Any] = {
        "scale": scale,
        "zero_count": int_of(point["zero_count"], "zero count"),
        "zero_threshold": 0.0,  # not printed
    }
    for side in ("positive", "negative"):
        buckets = mapping_of(point.get(side), side)
        offset = number_of(buckets.get("offset"), "offset") or 0
        detail[side] = {"offset": int(offset), "counts": _counts(buckets.get("bucket_counts"))}
    return _totals(point) | {"detail": detail}


def _summary_values(point: dict[str, Any]) -> dict[str, Any]:
    quantiles = [
        [_doubles([item.get("quantile")], "quantile")[0], _doubles([item.get("value")], "quantile's value")[0]]
        for item in (mapping_of(item, "quantile") for item in list_of(point["quantile_values"], "quantiles"))
    ]
    return _totals(point) | {"detail": {"quantiles": quantiles}}


READERS = {
    MetricKind.GAUGE: _number_values,
    MetricKind.SUM: _number_values,
    MetricKind.HISTOGRAM: _histogram_values,
    MetricKind.EXPONENTIAL_HISTOGRAM: _exponential_values,
    MetricKind.SUMMARY: _summary_values,
}


def _exemplars(point: dict[str, Any]) -> list[ExemplarRecord]:
    return [_exemplar(mapping_of(item, "exemplar")) for item in list_of(point.get("exemplars"), "exemplars")]


def _exemplar(exemplar: dict[str, Any]) -> ExemplarRecord:
    """An exemplar; its ids are printed as decimal integers."""
    value = number_of(exemplar.get("value"), "exemplar's value")
    trace_id = int_of(exemplar.get("trace_id"), "exemplar's trace id", 2**128 - 1)
    span_id = int_of(exemplar.get("span_id"), "exemplar's span id", 2**64 - 1)
    return ExemplarRecord(
        stream=-1,
        time_ns=int_of(exemplar.get("time_unix_nano"), "exemplar's time"),
        value_int=value if isinstance(value, int) else None,
        value_double=value if isinstance(value, float) and not math.isnan(value) else None,
        trace_id=trace_id.to_bytes(16, "big") if trace_id else None,
        span_id=span_id.to_bytes(8, "big") if span_id else None,
        attributes=attributes_json(exemplar.get("filtered_attributes"), "exemplar's attributes"),
    )
