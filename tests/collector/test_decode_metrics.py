"""Metric bodies to streams, points and exemplars."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import orjson
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)

from collector.decode import decode
from collector.records import Batch, MetricKind, PointRecord
from tests.collector.wire import SPAN_ID, T0_NS, TRACE_ID, metrics, pairs

DATA = Path(__file__).parent.parent / "data"
DELTA, CUMULATIVE = 1, 2
MINUTE = 60 * 10**9


def decoded(*wanted: Metric) -> Batch:
    return decode("metrics", metrics(*wanted).SerializeToString(), "protobuf")


def number(**fields: Any) -> NumberDataPoint:
    return NumberDataPoint(**{"time_unix_nano": T0_NS, **fields})


def gauge(*points: NumberDataPoint, **fields: Any) -> Metric:
    return Metric(**{"name": "pool.ready", "unit": "{sandbox}", "gauge": Gauge(data_points=points), **fields})


def a_sum(*points: NumberDataPoint, temporality: Any = CUMULATIVE, is_monotonic: bool = True) -> Metric:
    data = Sum(data_points=points, aggregation_temporality=temporality, is_monotonic=is_monotonic)
    return Metric(name="commands", sum=data)


def histogram(temporality: Any = DELTA, **fields: Any) -> Metric:
    point = HistogramDataPoint(**{"time_unix_nano": T0_NS, **fields})
    return Metric(name="create", histogram=Histogram(data_points=[point], aggregation_temporality=temporality))


def only_point(metric: Metric) -> PointRecord:
    batch = decoded(metric)
    assert batch.rejected == 0
    (point,) = batch.points
    return point


def detail(point: PointRecord) -> Any:
    return orjson.loads(point.detail or "null")


def test_a_gauge_keeps_whole_numbers_and_doubles_apart() -> None:
    one, other, neither = decoded(gauge(number(as_int=2**62 + 1), number(as_double=3.0), number())).points
    assert (one.value_int, one.value_double) == (2**62 + 1, None)
    assert (other.value_int, other.value_double) == (None, 3.0)
    assert (neither.value_int, neither.value_double) == (None, None)


def test_a_stream_is_told_by_name_unit_kind_and_attributes() -> None:
    metric = gauge(
        number(as_int=1, attributes=pairs({"pool": "a", "n": 1})),
        number(as_int=2, attributes=pairs({"n": 1, "pool": "a"}), time_unix_nano=T0_NS + 1),
        number(as_int=3, attributes=pairs({"pool": "b"})),
        description="sandboxes ready",
        metadata=pairs({"source": "kube"}),
    )
    batch = decoded(metric)
    assert [point.stream for point in batch.points] == [0, 0, 1]
    stream = batch.streams[0]
    assert (stream.name, stream.unit, stream.kind) == ("pool.ready", "{sandbox}", MetricKind.GAUGE)
    assert (stream.temporality, stream.is_monotonic, stream.start_ns) == (0, False, 0)
    assert (stream.description, stream.metadata) == ("sandboxes ready", '{"source":"kube"}')
    assert orjson.loads(stream.attributes) == {"pool": "a", "n": 1}


@pytest.mark.parametrize(("temporality", "streams"), [(CUMULATIVE, 2), (DELTA, 1)])
def test_the_start_tells_cumulative_streams_apart_and_no_others(temporality: int, streams: int) -> None:
    points = [number(as_int=n, start_time_unix_nano=T0_NS - n * MINUTE) for n in (1, 2)]
    batch = decoded(a_sum(*points, temporality=temporality))
    assert len(batch.streams) == streams
    assert [point.start_ns for point in batch.points] == [T0_NS - MINUTE, T0_NS - 2 * MINUTE]
    assert {(s.kind, s.temporality, s.is_monotonic) for s in batch.streams} == {(MetricKind.SUM, temporality, True)}


@pytest.mark.parametrize("temporality", [3, -1, 2**31 - 1])
def test_a_temporality_without_a_meaning_is_none(temporality: int) -> None:
    batch = decoded(a_sum(number(as_int=1, start_time_unix_nano=5), temporality=temporality))
    assert [(stream.temporality, stream.start_ns) for stream in batch.streams] == [(0, 0)]


def test_a_histogram_keeps_buckets_and_what_was_measured_of_the_rest() -> None:
    point = only_point(histogram(count=3, sum=4.5, min=0.5, max=3, explicit_bounds=[1, 2], bucket_counts=[1, 0, 2]))
    assert (point.count, point.sum, point.min, point.max) == (3, 4.5, 0.5, 3.0)
    assert detail(point) == {"bounds": [1.0, 2.0], "counts": [1, 0, 2]}
    point = only_point(histogram(count=3))
    assert (point.count, point.sum, point.min, point.max) == (3, None, None, None)
    assert detail(point) == {"bounds": [], "counts": []}


def test_a_histogram_with_the_wrong_number_of_buckets_is_refused_alone() -> None:
    batch = decoded(histogram(count=3, explicit_bounds=[1, 2], bucket_counts=[1, 2]), gauge(number(as_int=1)))
    assert (len(batch.points), batch.rejected) == (1, 1)
    assert "2 bucket counts for 2 bounds" in batch.reasons[0]


def test_an_exponential_histogram_keeps_both_sides() -> None:
    side = ExponentialHistogramDataPoint.Buckets
    point = ExponentialHistogramDataPoint(
        time_unix_nano=T0_NS,
        count=7,
        sum=-1.5,
        scale=-3,
        zero_count=1,
        zero_threshold=0.25,
        positive=side(offset=-2, bucket_counts=[1, 2]),
        negative=side(offset=5, bucket_counts=[3]),
    )
    data = ExponentialHistogram(data_points=[point], aggregation_temporality=1)  # type: ignore[arg-type]
    record = only_point(Metric(name="wait", exponential_histogram=data))
    assert (record.count, record.sum, record.min, record.max) == (7, -1.5, None, None)
    assert detail(record) == {
        "scale": -3,
        "zero_count": 1,
        "zero_threshold": 0.25,
        "positive": {"offset": -2, "counts": [1, 2]},
        "negative": {"offset": 5, "counts": [3]},
    }


def test_a_summary_keeps_its_quantiles_as_given() -> None:
    quantiles = [SummaryDataPoint.ValueAtQuantile(quantile=q, value=v) for q, v in ((0, 1), (0.5, 2), (1, math.nan))]
    data = Summary(data_points=[SummaryDataPoint(time_unix_nano=T0_NS, count=9, sum=18, quantile_values=quantiles)])
    point = only_point(Metric(name="gc", summary=data))
    assert (point.count, point.sum) == (9, 18.0)
    assert detail(point) == {"quantiles": [[0.0, 1.0], [0.5, 2.0], [1.0, "NaN"]]}


def test_not_a_number_is_named_where_a_database_has_no_room_for_it() -> None:
    point = only_point(gauge(number(as_double=math.nan)))
    assert (point.value_double, detail(point)) == (None, {"nan": ["value_double"]})
    point = only_point(histogram(count=2, sum=math.nan, max=math.inf, explicit_bounds=[math.inf], bucket_counts=[2, 0]))
    assert (point.sum, point.max) == (None, math.inf)
    assert detail(point) == {"bounds": ["Infinity"], "counts": [2, 0], "nan": ["sum"]}


def test_the_no_recorded_value_flag_is_kept() -> None:
    point = only_point(gauge(number(flags=1)))
    assert (point.flags, point.value_int, point.value_double) == (1, None, None)


def test_exemplars_are_kept_apart_from_the_points_that_brought_them() -> None:
    exemplars = [
        Exemplar(
            time_unix_nano=T0_NS, as_int=35, trace_id=TRACE_ID, span_id=SPAN_ID, filtered_attributes=pairs({"k": "v"})
        ),
        Exemplar(time_unix_nano=T0_NS + 1, as_double=math.nan),
    ]
    batch = decoded(gauge(number(as_int=1)), a_sum(number(as_int=36, exemplars=exemplars)))
    one, other = batch.exemplars
    assert (batch.streams[one.stream].name, one.time_ns, one.value_int) == ("commands", T0_NS, 35)
    assert (one.trace_id, one.span_id, one.attributes) == (TRACE_ID, SPAN_ID, '{"k":"v"}')
    assert (other.trace_id, other.span_id, other.value_double) == (None, None, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"time_unix_nano": 0},
        {"time_unix_nano": 2**63},
        {"start_time_unix_nano": 2**63},
        {"exemplars": [Exemplar(trace_id=b"short")]},
        {"exemplars": [Exemplar(time_unix_nano=2**63)]},
    ],
)
def test_it_refuses_a_bad_point_alone(fields: dict[str, Any]) -> None:
    batch = decoded(gauge(number(as_int=1, **fields), number(as_int=2)))
    assert [point.value_int for point in batch.points] == [2]
    assert batch.rejected == 1
    assert "pool.ready" in batch.reasons[0]


def test_a_count_that_no_database_holds_is_refused_alone() -> None:
    batch = decoded(histogram(count=2**63), histogram(count=2**63 - 1))
    assert [point.count for point in batch.points] == [2**63 - 1]


def test_bucket_counts_up_to_64_bits_are_kept() -> None:
    point = only_point(histogram(count=5, bucket_counts=[2**64 - 1]))
    assert detail(point) == {"bounds": [], "counts": [2**64 - 1]}


def test_a_metric_without_data_says_nothing() -> None:
    assert decoded(Metric(name="empty")).items == 0


def test_text_holds_no_nul() -> None:
    batch = decoded(gauge(number(as_int=1), name="a\x00", unit="b\x00", description="c\x00"))
    stream = batch.streams[0]
    assert (stream.name, stream.unit, stream.description) == ("a\ufffd", "b\ufffd", "c\ufffd")


@pytest.mark.parametrize("path", sorted(DATA.glob("*/otlp/*-metrics.pb")), ids=lambda path: "/".join(path.parts[-3:]))
def test_recorded_bodies_read_as_the_official_classes_read_them(path: Path) -> None:
    body = path.read_bytes()
    wanted = [
        metric
        for resource in MetricsData.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]
    batch = decode("metrics", body, "protobuf")
    assert batch.rejected == 0
    points = [
        (metric.name, point)
        for metric in wanted
        for point in getattr(metric, str(metric.WhichOneof("data"))).data_points
    ]
    assert [(batch.streams[p.stream].name, p.time_ns, p.start_ns) for p in batch.points] == [
        (name, point.time_unix_nano, point.start_time_unix_nano) for name, point in points
    ]
    assert len(batch.exemplars) == sum(len(point.exemplars) for _, point in points)
