"""OTLP requests for tests, made with the protocol's own messages, and the same request in OTLP's JSON."""

from __future__ import annotations

import base64
from typing import Any

import orjson
from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

TRACE_ID = bytes(range(16))
SPAN_ID = bytes(range(1, 9))
T0_NS = 1_795_473_187_967_755_510
IDS = {"traceId", "spanId", "parentSpanId"}


def any_value(value: Any) -> AnyValue:
    """A Python value as AnyValue; a list of pairs is a map, as OTLP has them."""
    if value is None:
        return AnyValue()
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))
    return AnyValue(string_value=value)


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def nested_attribute(depth: int) -> bytes:
    """The wire bytes of an attribute whose value is a list in a list in a list: too deep for the official classes."""
    value = any_value("bottom").SerializeToString()
    for _ in range(depth):
        value = member(5, member(1, value))
    return member(1, b"nested") + member(2, value)


def member(number: int, body: bytes) -> bytes:
    """A field's wire bytes: an embedded message, a text or bytes."""
    size, length = len(body), b""
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + body


def a_span(**fields: Any) -> Span:
    """A good span, but for `fields`."""
    defaults: dict[str, Any] = {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "name": "GET /",
        "start_time_unix_nano": T0_NS,
        "end_time_unix_nano": T0_NS + 5,
    }
    return Span(**defaults | fields)


def traces(*spans: Span, resource: dict[str, Any] | None = None) -> TracesData:
    scope_spans = ScopeSpans(scope=InstrumentationScope(name="tests"), spans=spans)
    resource_message = Resource(attributes=pairs(resource or {"service.name": "shop"}))
    return TracesData(resource_spans=[ResourceSpans(resource=resource_message, scope_spans=[scope_spans])])


def logs(*records: LogRecord) -> LogsData:
    scope_logs = ScopeLogs(scope=InstrumentationScope(name="tests"), log_records=records)
    resource = Resource(attributes=pairs({"service.name": "shop"}))
    return LogsData(resource_logs=[ResourceLogs(resource=resource, scope_logs=[scope_logs])])


def metrics(*wanted: Metric) -> MetricsData:
    scope_metrics = ScopeMetrics(scope=InstrumentationScope(name="tests"), metrics=wanted)
    resource = Resource(attributes=pairs({"service.name": "shop"}))
    return MetricsData(resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[scope_metrics])])


def otlp_json(message: Message) -> bytes:
    """The message as OTLP's JSON: protobuf's, but for ids in hex and enums as numbers."""
    tree = json_format.MessageToDict(message, use_integers_for_enums=True)
    return orjson.dumps(_ids_to_hex(tree))


def _ids_to_hex(node: Any) -> Any:
    if isinstance(node, list):
        return [_ids_to_hex(item) for item in node]
    if isinstance(node, dict):
        return {
            key: base64.b64decode(value).hex() if key in IDS and isinstance(value, str) else _ids_to_hex(value)
            for key, value in node.items()
        }
    return node
