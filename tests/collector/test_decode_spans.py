"""Trace bodies to records: every field of a span is kept, and a bad span costs nobody but itself."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from opentelemetry.proto.common.v1.common_pb2 import EntityRef, InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from collector.decode import DecodeError, decode
from collector.records import Batch, OperationRecord, SpanRecord
from tests.collector.wire import SPAN_ID, T0_NS, TRACE_ID, a_span, any_value, member, nested_attribute, pairs, traces

DATA = Path(__file__).parent.parent / "data"


def decoded(message: TracesData) -> Batch:
    return decode("traces", message.SerializeToString(), "protobuf")


def only_span(**fields: Any) -> SpanRecord:
    (span,) = decoded(traces(a_span(**fields))).spans
    return span


def refusal(**fields: Any) -> str:
    """Why a span is refused; a good one beside it is not."""
    batch = decoded(traces(a_span(**fields), a_span(name="good")))
    assert [batch.operations[span.operation].name for span in batch.spans] == ["good"]
    assert batch.rejected == 1
    (reason,) = batch.reasons
    return reason


def test_it_keeps_every_field_of_a_span() -> None:
    link = Span.Link(
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
        trace_state="b=2",
        attributes=pairs({"why": "retry"}),
        flags=1,
        dropped_attributes_count=5,
    )
    event = Span.Event(time_unix_nano=T0_NS + 1, name="queued", attributes=pairs({"n": 1}), dropped_attributes_count=6)
    span = only_span(
        parent_span_id=b"p" * 8,
        trace_state="a=1",
        flags=769,
        kind=Span.SPAN_KIND_CLIENT,
        attributes=pairs({"http.method": "GET", "n": 2}),
        dropped_attributes_count=1,
        events=[event],
        dropped_events_count=2,
        links=[link],
        dropped_links_count=3,
        status=Status(code=Status.STATUS_CODE_ERROR, message="exit code 3"),
    )
    assert (span.trace_id, span.span_id, span.parent_span_id) == (TRACE_ID, SPAN_ID, b"p" * 8)
    assert (span.start_ns, span.duration_ns) == (T0_NS, 5)
    assert (span.status_code, span.status_message, span.flags, span.trace_state) == (2, "exit code 3", 769, "a=1")
    assert orjson.loads(span.attributes) == {"http.method": "GET", "n": 2}
    assert (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count) == (1, 2, 3)
    assert orjson.loads(span.events or "") == [
        {"time_ns": str(T0_NS + 1), "name": "queued", "attributes": {"n": 1}, "dropped_attributes_count": 6}
    ]
    assert orjson.loads(span.links or "") == [
        {
            "trace_id": "74" * 16,
            "span_id": "73" * 8,
            "trace_state": "b=2",
            "attributes": {"why": "retry"},
            "flags": 1,
            "dropped_attributes_count": 5,
        }
    ]


def test_what_a_span_does_not_say_is_unknown_not_empty() -> None:
    span = only_span()
    assert (span.status_code, span.status_message, span.trace_state) == (0, None, None)
    assert (span.attributes, span.events, span.links) == ("{}", None, None)


def test_it_keeps_resource_scope_and_operation() -> None:
    resource = Resource(
        attributes=pairs({"service.name": "shop", "host.name": "h1"}),
        dropped_attributes_count=1,
        entity_refs=[EntityRef(type="host", id_keys=["host.name"], schema_url="https://entity")],
    )
    scope = InstrumentationScope(name="lib", version="1.2", attributes=pairs({"k": "v"}), dropped_attributes_count=2)
    scope_spans = ScopeSpans(scope=scope, schema_url="https://scope", spans=[a_span(kind=3)])
    batch = decoded(
        TracesData(
            resource_spans=[ResourceSpans(resource=resource, schema_url="https://resource", scope_spans=[scope_spans])]
        )
    )
    (kept,) = batch.resources
    assert (kept.service, kept.schema_url, kept.dropped_attributes_count) == ("shop", "https://resource", 1)
    assert orjson.loads(kept.attributes) == {"service.name": "shop", "host.name": "h1"}
    assert orjson.loads(kept.entity_refs or "") == [
        {"type": "host", "idKeys": ["host.name"], "schemaUrl": "https://entity"}
    ]
    (kept_scope,) = batch.scopes
    assert (kept_scope.name, kept_scope.version, kept_scope.schema_url) == ("lib", "1.2", "https://scope")
    assert (orjson.loads(kept_scope.attributes), kept_scope.dropped_attributes_count) == ({"k": "v"}, 2)
    assert batch.operations == [OperationRecord("shop", "GET /", 3)]


def test_what_repeats_is_said_once() -> None:
    one, other = traces(a_span(), a_span(name="other")), traces(a_span(), resource={"service.name": "till"})
    batch = decoded(TracesData(resource_spans=[*one.resource_spans, *one.resource_spans, *other.resource_spans]))
    assert [resource.service for resource in batch.resources] == ["shop", "till"]
    assert len(batch.scopes) == 1
    assert [(o.service, o.name) for o in batch.operations] == [("shop", "GET /"), ("shop", "other"), ("till", "GET /")]
    assert [span.operation for span in batch.spans] == [0, 1, 0, 1, 2]
    assert [span.resource for span in batch.spans] == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("attributes", "service"),
    [
        ({}, "unknown_service"),
        ({"service.name": ""}, "unknown_service"),
        ({"service.name": 7}, "unknown_service"),
        ({"service.name": "a\x00b"}, "a\ufffdb"),
    ],
)
def test_a_resource_without_a_usable_name_is_an_unknown_service(attributes: dict[str, Any], service: str) -> None:
    (resource,) = decoded(traces(a_span(), resource=attributes or {"other": 1})).resources
    assert resource.service == service


def test_of_two_service_names_the_last_one_wins_as_with_all_attributes() -> None:
    message = traces(a_span())
    message.resource_spans[0].resource.attributes.extend(pairs({"service.name": "till"}))
    (resource,) = decoded(message).resources
    assert (resource.service, orjson.loads(resource.attributes)) == ("till", {"service.name": "till"})


@pytest.mark.parametrize("trace_id", [b"", b"t" * 8, b"t" * 15, b"t" * 17, bytes(16)])
def test_it_refuses_a_span_with_a_bad_trace_id_alone(trace_id: bytes) -> None:
    assert "trace id" in refusal(trace_id=trace_id)


@pytest.mark.parametrize("span_id", [b"", b"s" * 7, b"s" * 9, bytes(8)])
def test_it_refuses_a_span_with_a_bad_span_id_alone(span_id: bytes) -> None:
    assert "span id" in refusal(span_id=span_id)


def test_it_refuses_a_span_with_a_bad_parent_id_alone() -> None:
    assert "parent" in refusal(parent_span_id=b"p" * 7)


@pytest.mark.parametrize("parent", [b"", bytes(8)])
def test_a_parent_of_zeros_is_no_parent(parent: bytes) -> None:
    assert only_span(parent_span_id=parent).parent_span_id is None


@pytest.mark.parametrize("times", [(2**63, T0_NS), (T0_NS, 2**64 - 1), (0, 0)])
def test_it_refuses_a_span_with_an_impossible_time_alone(times: tuple[int, int]) -> None:
    assert "time" in refusal(start_time_unix_nano=times[0], end_time_unix_nano=times[1])


def test_a_span_without_an_end_is_open_and_one_without_a_start_begins_at_its_end() -> None:
    assert only_span(end_time_unix_nano=0).duration_ns is None
    span = only_span(start_time_unix_nano=0)
    assert (span.start_ns, span.duration_ns) == (T0_NS + 5, None)


def test_an_end_before_the_start_is_kept() -> None:
    assert only_span(end_time_unix_nano=T0_NS - 7).duration_ns == -7


def test_an_attribute_nested_too_deep_costs_its_span_alone() -> None:
    span = a_span().SerializeToString() + member(9, nested_attribute(150))
    body = traces(a_span(name="good")).SerializeToString() + member(1, member(2, member(2, span)))
    batch = decode("traces", body, "protobuf")
    assert (len(batch.spans), batch.rejected) == (1, 1)


def test_a_name_that_is_not_utf8_makes_the_body_unreadable() -> None:
    body = traces(a_span(name="MARK")).SerializeToString().replace(b"MARK", b"\xff\xfe\xfd\xfc")
    with pytest.raises(DecodeError, match="UTF-8"):
        decode("traces", body, "protobuf")


def test_an_attribute_that_is_not_utf8_costs_its_span_alone() -> None:
    body = traces(a_span(attributes=pairs({"k": "MARK"})), a_span(name="good")).SerializeToString()
    batch = decode("traces", body.replace(b"MARK", b"\xff\xfe\xfd\xfc"), "protobuf")
    assert (len(batch.spans), batch.rejected) == (1, 1)
    assert "UTF-8" in batch.reasons[0]


def test_a_resource_that_is_not_utf8_makes_the_body_unreadable() -> None:
    body = traces(a_span(), resource={"service.name": "MARK"}).SerializeToString()
    with pytest.raises(DecodeError, match="resource"):
        decode("traces", body.replace(b"MARK", b"\xff\xfe\xfd\xfc"), "protobuf")


@pytest.mark.parametrize("body", [b"\x0a", b"\x0a\x05ab", b"hello", b"\xff" * 40])
def test_bytes_that_are_no_message_are_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(DecodeError, match="not a readable OTLP protobuf message"):
        decode("traces", body, "protobuf")


def test_every_shortened_body_is_refused_or_read_but_never_fails() -> None:
    body = (DATA / "gzip-and-json/otlp/0005-traces.pb").read_bytes()
    whole = decode("traces", body, "protobuf").items
    for end in range(0, len(body), 7):
        with suppress(DecodeError):
            assert decode("traces", body[:end], "protobuf").items <= whole


def test_an_empty_body_is_an_empty_request() -> None:
    assert decode("traces", b"", "protobuf").items == 0
    assert decode("traces", traces().SerializeToString(), "protobuf").items == 0


def test_unknown_fields_and_kinds_are_no_obstacle() -> None:
    body = traces(a_span(kind=99)).SerializeToString() + member(15, b"new")
    batch = decode("traces", body, "protobuf")
    assert batch.operations[0].kind == 99


def test_text_holds_no_nul() -> None:
    batch = decoded(
        traces(
            a_span(name="a\x00", trace_state="b\x00", status=Status(message="c\x00"), events=[Span.Event(name="d\x00")])
        )
    )
    (span,) = batch.spans
    assert "\x00" not in "".join((batch.operations[0].name, span.trace_state or "", span.status_message or ""))
    assert orjson.loads(span.events or "")[0]["name"] == "d\ufffd"


def test_of_many_refusals_the_first_few_reasons_are_told() -> None:
    batch = decoded(traces(*(a_span(name=f"span {number}", span_id=b"") for number in range(50))))
    assert (batch.rejected, len(batch.reasons)) == (50, 5)


def test_a_value_that_means_nothing_here_is_null() -> None:
    """An index into a profile's table of strings."""
    value = any_value(None)
    value.string_value_strindex = 3
    message = traces(a_span())
    message.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="k").value.CopyFrom(value)
    (span,) = decoded(message).spans
    assert orjson.loads(span.attributes) == {"k": None}


@pytest.mark.parametrize("path", sorted(DATA.glob("*/otlp/*-traces.pb")), ids=lambda path: "/".join(path.parts[-3:]))
def test_recorded_bodies_read_as_the_official_classes_read_them(path: Path) -> None:
    body = path.read_bytes()
    truth = TracesData.FromString(body)
    spans = [s for r in truth.resource_spans for scope in r.scope_spans for s in scope.spans]
    batch = decode("traces", body, "protobuf")
    assert batch.rejected == 0
    assert [(s.trace_id, s.span_id, s.start_ns, s.duration_ns, s.flags) for s in batch.spans] == [
        (s.trace_id, s.span_id, s.start_time_unix_nano, s.end_time_unix_nano - s.start_time_unix_nano, s.flags)
        for s in spans
    ]
    assert Counter(batch.operations[s.operation].name for s in batch.spans) == Counter(s.name for s in spans)
    for record, span in zip(batch.spans, spans, strict=True):
        assert set(orjson.loads(record.attributes)) == {pair.key for pair in span.attributes}
        assert len(orjson.loads(record.events or "[]")) == len(span.events)
