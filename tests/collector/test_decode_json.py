"""OTLP's JSON is the same message by another spelling (reference: OTLP, "JSON Protobuf Encoding")."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.decode import DecodeError, Signal, decode
from collector.records import Batch
from tests.collector.wire import SPAN_ID, T0_NS, TRACE_ID, a_span, any_value, logs, metrics, otlp_json, pairs, traces

DATA = Path(__file__).parent.parent / "data"
Buckets = ExponentialHistogramDataPoint.Buckets

EVERYTHING: dict[str, Any] = {
    "text": "b\u00e9",
    "yes": True,
    "big": 2**62 + 1,
    "small": -5,
    "half": 0.5,
    "infinite": float("inf"),
    "bytes": b"\x00\x01\xff",
    "list": [1, "a", None, [b"x"]],
    "map": {"traceId": "not an id at all", "inner": {"spanId": 7}},
    "nothing": None,
}
A_SPAN = a_span(
    parent_span_id=b"p" * 8,
    kind=Span.SPAN_KIND_SERVER,
    trace_state="a=1",
    flags=257,
    attributes=pairs(EVERYTHING),
    events=[Span.Event(time_unix_nano=T0_NS, name="e", attributes=pairs(EVERYTHING))],
    links=[Span.Link(trace_id=b"l" * 16, span_id=b"m" * 8, attributes=pairs(EVERYTHING))],
    status=Status(code=Status.STATUS_CODE_ERROR, message="no"),
    dropped_links_count=3,
)
A_LOG = LogRecord(
    time_unix_nano=T0_NS,
    observed_time_unix_nano=T0_NS + 1,
    severity_number=17,  # type: ignore[arg-type]
    severity_text="ERROR",
    body=any_value({"message": "no", "detail": [1, None]}),
    attributes=pairs(EVERYTHING),
    trace_id=TRACE_ID,
    span_id=SPAN_ID,
    event_name="failed",
)
TIMES: dict[str, Any] = {"start_time_unix_nano": T0_NS - 9, "time_unix_nano": T0_NS}
AN_EXEMPLAR = Exemplar(
    time_unix_nano=T0_NS, as_int=35, trace_id=TRACE_ID, span_id=SPAN_ID, filtered_attributes=pairs(EVERYTHING)
)
A_NUMBER = NumberDataPoint(as_int=2**61 + 1, exemplars=[AN_EXEMPLAR], attributes=pairs(EVERYTHING), **TIMES)
METRICS = [
    Metric(name="gauge", gauge=Gauge(data_points=[A_NUMBER])),
    Metric(name="sum", sum=Sum(data_points=[A_NUMBER], aggregation_temporality=2, is_monotonic=True)),  # type: ignore[arg-type]
    Metric(
        name="histogram",
        histogram=Histogram(
            aggregation_temporality=1,  # type: ignore[arg-type]
            data_points=[HistogramDataPoint(count=3, sum=4.5, bucket_counts=[1, 2], explicit_bounds=[1], **TIMES)],
        ),
    ),
    Metric(
        name="exponential",
        exponential_histogram=ExponentialHistogram(
            aggregation_temporality=1,  # type: ignore[arg-type]
            data_points=[
                ExponentialHistogramDataPoint(
                    count=3, scale=-2, zero_count=1, positive=Buckets(offset=-3, bucket_counts=[1, 1]), **TIMES
                )
            ],
        ),
    ),
    Metric(
        name="summary",
        summary=Summary(
            data_points=[
                SummaryDataPoint(
                    count=3, sum=6, quantile_values=[SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=2)], **TIMES
                )
            ]
        ),
    ),
]


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        ("traces", traces(A_SPAN, a_span())),
        ("logs", logs(A_LOG, LogRecord(time_unix_nano=5))),
        ("metrics", metrics(*METRICS)),
    ],
)
def test_json_and_protobuf_of_one_message_give_the_same_records(signal: Signal, message: Message) -> None:
    from_json = decode(signal, otlp_json(message), "json")
    assert from_json == decode(signal, message.SerializeToString(), "protobuf")
    assert from_json.items > 0
    assert from_json.rejected == 0


def span_json(**members: Any) -> Batch:
    span = {
        "traceId": TRACE_ID.hex(),
        "spanId": SPAN_ID.hex(),
        "name": "GET /",
        "startTimeUnixNano": str(T0_NS),
        "endTimeUnixNano": str(T0_NS + 5),
        **members,
    }
    return body_json({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def body_json(tree: Any) -> Batch:
    return decode("traces", json.dumps(tree).encode(), "json")


@given(st.binary(min_size=16, max_size=16).filter(any), st.binary(min_size=8, max_size=8).filter(any), st.booleans())
def test_ids_are_hex_in_either_case(trace_id: bytes, span_id: bytes, upper: bool) -> None:
    texts = [trace_id.hex(), span_id.hex()]
    if upper:
        texts = [text.upper() for text in texts]
    (span,) = span_json(traceId=texts[0], spanId=texts[1], parentSpanId=texts[1]).spans
    assert (span.trace_id, span.span_id, span.parent_span_id) == (trace_id, span_id, span_id)


@pytest.mark.parametrize("trace_id", ["", "0" * 32, "zz" * 16, "ab" * 15, "a", "AAECAwQFBgcICQoLDA0ODw=="])
def test_an_id_that_is_no_hex_of_16_bytes_costs_its_span_alone(trace_id: str) -> None:
    batch = span_json(traceId=trace_id)
    assert (batch.spans, batch.rejected) == ([], 1)
    assert "trace id" in batch.reasons[0]


@pytest.mark.parametrize("write", [str, int, lambda number: f"{number}"])
def test_a_64_bit_number_is_a_text_or_a_number(write: Any) -> None:
    (span,) = span_json(startTimeUnixNano=write(T0_NS + 1), endTimeUnixNano=write(T0_NS + 3)).spans
    assert (span.start_ns, span.duration_ns) == (T0_NS + 1, 2)


def test_a_64_bit_number_in_scientific_form_is_read() -> None:
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s","startTimeUnixNano":1.5e18}]}]}]}'
    (span,) = decode("traces", body % (TRACE_ID.hex().encode(), SPAN_ID.hex().encode()), "json").spans
    assert span.start_ns == 1_500_000_000_000_000_000


def test_unknown_fields_are_ignored_wherever_they_stand() -> None:
    unknown = {"traceId": [1], "deeper": {"spanId": {"x": None}}}
    batch = span_json(newField=unknown, status={"code": 2, "new": 1})
    assert [span.status_code for span in batch.spans] == [2]
    assert body_json({"resourceSpans": [], "new": unknown}).items == 0


def test_null_is_as_if_left_out() -> None:
    batch = span_json(parentSpanId=None, attributes=None, status=None, events=None, traceState=None, kind=None)
    (span,) = batch.spans
    assert (span.parent_span_id, span.attributes, span.events, span.status_code) == (None, "{}", None, 0)
    assert body_json({"resourceSpans": None}).items == 0


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_has_not_are_words(word: str) -> None:
    (span,) = span_json(attributes=[{"key": "k", "value": {"doubleValue": word}}]).spans
    assert orjson.loads(span.attributes) == {"k": {"doubleValue": word}}


def test_a_key_named_like_an_id_inside_attributes_is_the_senders_own() -> None:
    value = {"kvlistValue": {"values": [{"key": "traceId", "value": {"stringValue": "mine"}}]}}
    (span,) = span_json(attributes=[{"key": "spanId", "value": value}]).spans
    assert orjson.loads(span.attributes) == {"spanId": {"traceId": "mine"}}


@pytest.mark.parametrize(
    "members",
    [
        {"startTimeUnixNano": -1},
        {"startTimeUnixNano": "-1"},
        {"startTimeUnixNano": 1.5},
        {"startTimeUnixNano": "soon"},
        {"startTimeUnixNano": 2**64},
        {"droppedLinksCount": -3},
        {"name": 7},
        {"name": ["a"]},
        {"attributes": {"k": "v"}},
        {"attributes": [{"key": "k", "value": "v"}]},
        {"attributes": [{"key": "k", "value": {"intValue": "x"}}]},
        {"events": [None]},
        {"traceId": 7},
        {"status": "OK"},
        {"status": ["OK"]},
        {"status": 2},
        {"status": [{"code": 2}]},
        {"links": ["none"]},
    ],
)
def test_a_member_of_the_wrong_kind_makes_the_body_unreadable(members: dict[str, Any]) -> None:
    with pytest.raises(DecodeError, match="not OTLP JSON"):
        span_json(**members)


@pytest.mark.parametrize(
    "body", [b"{", b"nonsense", b"[]", b"1", b'"text"', b"\xff\xfe", b'{"a": NaN}', b'{"a": "\\ud800"}']
)
def test_what_is_no_json_object_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(DecodeError, match="the body is not"):
        decode("traces", body, "json")


@pytest.mark.parametrize("value", ["nope", ["nope"], {}, 7, [7], [None], [[]]])
def test_requests_that_are_no_list_of_objects_are_refused_not_passed_over(value: Any) -> None:
    with pytest.raises(DecodeError, match="not OTLP JSON"):
        body_json({"resourceSpans": value})


@pytest.mark.parametrize("depth", [150, 200, 5_000])
def test_what_is_nested_too_deep_is_refused_with_a_sentence(depth: int) -> None:
    value = '{"arrayValue":{"values":[' * depth + '{"intValue":1}' + "]}}" * depth
    body = (
        f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"attributes":[{{"key":"k","value":{value}}}]}}]}}]}}]}}'
    ).encode()
    with pytest.raises(DecodeError):
        decode("traces", body, "json")


def test_an_empty_body_and_an_empty_object_are_empty_requests() -> None:
    for body in (b"", b"  \n", b"{}"):
        assert decode("traces", body, "json").items == 0


@pytest.mark.parametrize("path", sorted(DATA.glob("*/otlp/*.json")), ids=lambda path: path.name)
def test_recorded_bodies_of_a_foreign_client_are_read_whole(path: Path) -> None:
    signal: Signal = next(word for word in ("traces", "metrics", "logs") if word in path.name)
    batch = decode(signal, path.read_bytes(), "json")
    assert batch.items > 0
    assert batch.rejected == 0
    assert {resource.service for resource in batch.resources} == {"orchestrator-js"}


def test_a_foreign_clients_spans_are_what_it_says_it_sent() -> None:
    """As tests/data's Node.js program made them: three traces, an event each, links from the second on, one error."""
    batch = decode("traces", (DATA / "gzip-and-json/otlp/0008-traces.json").read_bytes(), "json")
    names = [batch.operations[span.operation].name for span in batch.spans]
    assert sorted(names) == ["exec", "exec", "exec", "plan", "plan", "plan"]
    roots = [span for span in batch.spans if span.parent_span_id is None]
    assert {span.trace_id.hex() for span in roots} == {
        "70280f414e0227e678309c8c94fcb745",
        "fb70c84c4e3c37ace9cf94b98abd745a",
        "4c5dc98540f05cfaabc4554ee42f461e",
    }
    assert sorted(len(orjson.loads(span.links or "[]")) for span in roots) == [0, 1, 1]
    attributes = orjson.loads(roots[0].attributes)
    assert attributes["task.names"] == ["a", "b\u00e9", '"q"']
    assert attributes["task.flags"] == [True, False]
    assert attributes["empty.list"] == []
    assert attributes["task.tokens"] == 123456789012
    (failed,) = [span for span in batch.spans if span.status_code == 2]
    assert failed.status_message == "exit code 3"
    assert [event["name"] for event in orjson.loads(failed.events or "")] == ["queued", "exception"]
