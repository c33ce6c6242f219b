"""What is stored, is stored once: the same span, record, point or exemplar again changes nothing."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from django.db import connection, transaction
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector import store
from collector.decode.attributes import attributes_json, otlp_value
from collector.ingest import Saved, save_now
from collector.models import Exemplar, Log, MetricPoint, MetricStream, Operation, Resource, Scope, Span, Trace
from collector.records import NS_PER_DAY, Clock, NewRows
from collector.store import RETRY_WINDOW_NS
from tests.collector.test_decode_attributes import VALUES
from tests.collector.wire import any_value
from tests.factories import (
    SECOND,
    T0_NS,
    batch,
    make_exemplar,
    make_histogram,
    make_log,
    make_point,
    make_resource,
    make_span,
    span_id,
    trace_id,
)

pytestmark = pytest.mark.django_db


def test_a_span_comes_back_as_it_went_in() -> None:
    made = make_span(
        "POST",
        parent=span_id(7),
        duration_ns=123,
        kind=3,
        status="error",
        status_message="exit code 3",
        attributes={"http.method": "POST", "big": 2**60, "half": 0.5, "quote": "\"\\'\u00e9\u4e2d\U0001f600"},
        events=[{"time_ns": str(T0_NS), "name": "queued"}],
        links=[{"trace_id": trace_id(1), "span_id": span_id(1)}],
        trace_state="a=1",
        flags=2**32 - 1,
        dropped_attributes_count=2**32 - 1,
        precision_ns=1000,
    )
    assert save_now(batch(made)) == Saved(1, 0, 0)
    span = Span.objects.get()
    assert (span.trace_id, span.span_id, span.parent_span_id) == (made.trace_id, made.span_id, span_id(7))
    assert (span.start_ns, span.duration_ns, span.day) == (T0_NS, 123, T0_NS // NS_PER_DAY)
    assert (span.status_code, span.status_message, span.trace_state) == (2, "exit code 3", "a=1")
    assert span.attributes == {
        "http.method": "POST",
        "big": {"intValue": str(2**60)},
        "half": 0.5,
        "quote": "\"\\'\u00e9\u4e2d\U0001f600",
    }
    assert span.events == [{"time_ns": str(T0_NS), "name": "queued"}]
    assert span.links == [{"trace_id": trace_id(1), "span_id": span_id(1)}]
    assert (span.flags, span.dropped_attributes_count, span.precision_ns) == (2**32 - 1, 2**32 - 1, 1000)
    assert (span.operation.service, span.operation.name, span.operation.kind) == ("shop", "POST", 3)
    assert (span.resource.attributes, span.scope.name) == ({"service.name": "shop"}, "tests")


def test_a_log_record_comes_back_as_it_went_in() -> None:
    made = make_log({"message": "no", "list": [1, None]}, trace=trace_id(1), span=span_id(2), event_name="failed")
    assert save_now(batch(made)) == Saved(0, 1, 0)
    log = Log.objects.get()
    assert (log.body, log.event_name) == ({"message": "no", "list": [1, None]}, "failed")
    assert (log.trace_id, log.span_id, log.time_ns, log.ordinal) == (trace_id(1), span_id(2), T0_NS, 0)


@given(VALUES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_database_changes_an_attribute(value: Any) -> None:
    """JSONB keeps numbers in its own way, and drops the order of members."""
    wire = KeyValue(key="k", value=any_value(value)).SerializeToString()
    made = make_span()
    made.record = made.record._replace(attributes=attributes_json([wire]))
    with transaction.atomic():
        save_now(batch(made))
        (kept,) = Span.objects.values_list("attributes", flat=True)
        Span.objects.all().delete()
    assert json_format.ParseDict(otlp_value(kept["k"]), AnyValue()) == _by_key(any_value(value))


def _by_key(value: AnyValue) -> AnyValue:
    """With the members of maps in the order in which JSONB keeps them, if it is the database that does."""
    if connection.vendor != "postgresql":
        return value
    for item in value.array_value.values:
        _by_key(item)
    members = value.kvlist_value.values
    for member in members:
        _by_key(member.value)
    members.sort(key=lambda member: (len(member.key.encode()), member.key.encode()))
    return value


@pytest.mark.parametrize("body", [None, "", "text", 0, False, [], {}])
def test_a_body_of_any_kind_comes_back(body: Any) -> None:
    save_now(batch(make_log(body)))
    assert Log.objects.get().body == body


def test_points_come_back_as_they_went_in() -> None:
    save_now(
        batch(
            make_point(2**63 - 1, name="whole"),
            make_point(0.1, name="double"),
            make_point(float("inf"), name="infinite"),
            make_histogram([1.0, 2.0], [1, 0, 2**63], count=3, sum=4.5, min=0.5, max=3.0),
        )
    )
    points = {point.stream.name: point for point in MetricPoint.objects.select_related("stream")}
    assert points["whole"].value_int == 2**63 - 1
    assert points["double"].value_double == 0.1
    assert points["infinite"].value_double == float("inf")
    assert points["duration"].detail == {"bounds": [1.0, 2.0], "counts": [1, 0, 2**63]}
    assert (points["duration"].count, points["duration"].sum, points["duration"].max) == (3, 4.5, 3.0)


def test_it_stores_a_repeated_batch_once() -> None:
    point = make_point(3, exemplars=[make_exemplar(3, trace=trace_id(1), span=span_id(1))])
    made = batch(make_span(), make_span(), make_log("a"), make_log("b"), point)
    assert save_now(made) == Saved(2, 2, 1)
    assert save_now(made) == Saved(0, 0, 0)
    assert (Span.objects.count(), Log.objects.count(), MetricPoint.objects.count()) == (2, 2, 1)
    assert Exemplar.objects.count() == 1
    assert sorted(Trace.objects.values_list("span_count", flat=True)) == [1, 1]


def test_it_stores_what_is_new_of_a_batch_that_is_partly_known() -> None:
    known, new = make_span("known"), make_span("new")
    save_now(batch(known, make_log("known")))
    assert save_now(batch(known, new, make_log("known"), make_log("new"))) == Saved(1, 1, 0)
    assert sorted(span.operation.name for span in Span.objects.all()) == ["known", "new"]


def test_it_stores_a_span_repeated_inside_a_batch_once_and_the_first_one_counts() -> None:
    first = make_span("first", trace=trace_id(1), span=span_id(1))
    again = make_span("again", trace=trace_id(1), span=span_id(1), status="error")
    assert save_now(batch(first, again)) == Saved(1, 0, 0)
    assert Span.objects.get().operation.name == "first"
    trace = Trace.objects.get()
    assert (trace.span_count, trace.error_count) == (1, 0)


def test_the_same_ids_on_another_day_are_another_span() -> None:
    """Identity holds the day, so that the table can be cut by days; a retry keeps its start, and so its day."""
    spans = [make_span(trace=trace_id(1), span=span_id(1), start_ns=T0_NS + days * NS_PER_DAY) for days in (0, 1)]
    assert save_now(batch(*spans)) == Saved(2, 0, 0)


def test_equal_log_records_of_one_body_are_all_kept_and_its_retry_none() -> None:
    made = batch(make_log("again"), make_log("other"), make_log("again"), make_log("again"))
    assert save_now(made) == Saved(0, 4, 0)
    assert sorted(Log.objects.filter(body="again").values_list("ordinal", flat=True)) == [0, 1, 2]
    assert save_now(made) == Saved(0, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"body": "other"},
        {"time_ns": T0_NS + 1},
        {"severity": 10},
        {"service": "till"},
        {"trace": trace_id(9)},
        {"attributes": {"k": 1}},
        {"scope": "elsewhere"},
        {"event_name": "e"},
    ],
)
def test_log_records_that_differ_in_anything_are_two(change: dict[str, Any]) -> None:
    assert save_now(batch(make_log("hello"))) == Saved(0, 1, 0)
    assert save_now(batch(make_log(**{"body": "hello", **change}))) == Saved(0, 1, 0)


def test_a_retry_of_an_undated_record_is_known_though_it_is_received_later() -> None:
    start_ns = T0_NS // RETRY_WINDOW_NS * RETRY_WINDOW_NS
    receive = [batch(make_log("undated", time_ns=start_ns + s * SECOND, clock=Clock.RECEIPT)) for s in (1, 3, 31)]
    assert [save_now(made).logs for made in receive] == [1, 0, 1]


def test_points_are_told_apart_by_stream_start_and_time() -> None:
    def at(time_ns: int, start_ns: int, pool: str) -> Any:
        return make_point(1, time_ns=time_ns, start_ns=start_ns, temporality=1, attributes={"pool": pool})

    made = batch(at(T0_NS, 1, "a"), at(T0_NS, 2, "a"), at(T0_NS + 1, 1, "a"), at(T0_NS, 1, "b"), at(T0_NS, 1, "a"))
    assert save_now(made) == Saved(0, 0, 4)
    assert MetricStream.objects.count() == 2


def test_parallel_programs_that_share_every_attribute_are_two_cumulative_streams() -> None:
    points = [make_point(n, temporality=2, is_monotonic=True, start_ns=T0_NS - n, time_ns=T0_NS) for n in (5, 6)]
    assert save_now(batch(*points)) == Saved(0, 0, 2)
    assert sorted(MetricStream.objects.values_list("start_ns", flat=True)) == [T0_NS - 6, T0_NS - 5]


def test_a_new_description_is_no_new_stream() -> None:
    for description in ("one", "other"):
        save_now(batch(make_point(1, description=description, time_ns=T0_NS + len(description))))
    assert MetricStream.objects.count() == 1
    assert MetricPoint.objects.count() == 2


def test_an_exemplar_is_stored_once_though_later_points_repeat_it() -> None:
    exemplars = [make_exemplar(35, trace=trace_id(1), span=span_id(1)), make_exemplar(36)]
    for later in (0, 1):
        save_now(batch(make_point(later, time_ns=T0_NS + later, exemplars=exemplars)))
    assert set(Exemplar.objects.values_list("value_int", flat=True)) == {35, 36}
    assert MetricPoint.objects.count() == 2


def test_stages_see_new_rows_only() -> None:
    known, new = make_span("known"), make_span("new")
    seen: list[NewRows] = []
    with transaction.atomic():
        store.save(batch(known, make_log("known")), [seen.append], careful=False)
        store.save(batch(known, new, make_log("known"), make_point(1)), [seen.append], careful=True)
    first, second = seen
    assert (len(first.spans), len(first.logs)) == (1, 1)
    assert (len(second.spans), len(second.logs), len(second.points)) == (1, 0, 1)
    operation = Operation.objects.get(pk=second.operation_ids[second.spans[0].operation])
    assert operation.name == "new"


def test_hope_that_fails_leaves_nothing_behind() -> None:
    known = make_span("known")
    save_now(batch(known))
    with pytest.raises(store.Repeated), transaction.atomic():
        store.save(batch(make_span("new", service="till"), known), [], careful=False)
    assert Span.objects.count() == 1
    assert save_now(batch(make_span("new", service="till"), known)) == Saved(1, 0, 0)
    assert sorted(span.resource.service for span in Span.objects.all()) == ["shop", "till"]


def test_a_stage_that_fails_takes_its_batch_back() -> None:
    def fail(new: NewRows) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        store.save(batch(make_span(service="till")), [fail], careful=False)
    assert Span.objects.count() == 0
    save_now(batch(make_span(service="till")))
    assert Span.objects.get().resource.service == "till"


def test_large_batches_are_stored_whole() -> None:
    """More rows than a statement holds, more names than one look-up asks for."""
    spans = [make_span(f"operation {n}", service=f"service {n % 700}") for n in range(1_500)]
    logs = [make_log(f"line {n}", scope=f"scope {n}") for n in range(1_300)]
    made = batch(*spans, *logs)
    assert save_now(made) == Saved(1_500, 1_300, 0)
    assert save_now(made) == Saved(0, 0, 0)
    assert (Operation.objects.count(), Resource.objects.count(), Scope.objects.count()) == (1_500, 701, 1_301)
    for span in Span.objects.select_related("operation")[:5]:
        assert span.operation.service.startswith("service ")


@pytest.mark.parametrize("field", ["name", "service", "scope", "status_message", "trace_state"])
def test_texts_of_a_span_may_be_of_any_length(field: str) -> None:
    text = incompressible(20_000)
    fields: dict[str, Any] = {field: text}
    save_now(batch(make_span(**fields)))
    span = Span.objects.get()
    found = {"name": span.operation.name, "service": span.resource.service, "scope": span.scope.name}
    assert found.get(field) == text or getattr(span, field) == text


def test_texts_of_logs_and_metrics_may_be_of_any_length() -> None:
    text = incompressible(20_000)
    save_now(batch(make_log(text, event_name=text, severity_text=text, attributes={text: text})))
    save_now(batch(make_point(1, name=text, unit=text, description=text, attributes={text: text})))
    log = Log.objects.get()
    assert (log.body, log.attributes) == (text, {text: text})
    assert MetricStream.objects.get().name == text


def incompressible(length: int) -> str:
    """What an index cannot make small: PostgreSQL packs values before it measures them."""
    return "".join(chr(0x4E00 + int.from_bytes(sha256(b"%d" % n).digest()[:2], "big") % 20_000) for n in range(length))


def test_a_resource_is_told_by_all_that_it_says() -> None:
    resources = [make_resource("shop"), make_resource("shop", host_name="h1"), make_resource("shop", host_name="h2")]
    save_now(batch(*(make_span(resource=resource) for resource in (*resources, *resources))))
    assert Resource.objects.count() == 3
    assert Operation.objects.count() == 1
