"""Trace bodies to span records."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError as ProtobufError
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.decode.attributes import attributes_json, clean, dumps, pairs_json
from collector.decode.common import NO_SPAN, NO_TRACE, open_message, position, read_resource, read_scope
from collector.decode.errors import ItemError
from collector.decode.shapes import SpansShape
from collector.records import MAX_TIME_NS, Batch, OperationRecord, ResourceRecord, ScopeRecord, SpanRecord


def decode_spans(body: bytes) -> Batch:
    """An ExportTraceServiceRequest. Raises DecodeError; a bad span is refused alone."""
    batch = Batch()
    resources: dict[ResourceRecord, int] = {}
    scopes: dict[ScopeRecord, int] = {}
    operations: dict[OperationRecord, int] = {}
    for resource_spans in open_message(SpansShape, body).resource_spans:
        resource_record = read_resource(resource_spans.resource, resource_spans.schema_url)
        resource = position(batch.resources, resources, resource_record)
        service = resource_record.service
        known: dict[tuple[str, int], int] = {}  # (name, kind) -> position: cheaper to look up than the record
        for scope_spans in resource_spans.scope_spans:
            scope = position(batch.scopes, scopes, read_scope(scope_spans.scope, scope_spans.schema_url))
            for span in scope_spans.spans:
                name = span.name
                key = (name, span.kind)
                operation = known.get(key)
                if operation is None:
                    record = OperationRecord(service, clean(name), span.kind)
                    operation = known[key] = position(batch.operations, operations, record)
                try:
                    batch.spans.append(read_span(span, resource, scope, operation))
                except ItemError as error:
                    batch.reject(f"span {name[:80]!r} refused: {error}")
    return batch


def read_span(span: Any, resource: int, scope: int, operation: int) -> SpanRecord:
    """One span of a SpansShape. Raises ItemError. Reads each field once: this is the hot path."""
    trace_id, span_id, parent_span_id = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != 16 or trace_id == NO_TRACE:
        raise ItemError("its trace id is not 16 bytes, or all zero")
    if len(span_id) != 8 or span_id == NO_SPAN:
        raise ItemError("its span id is not 8 bytes, or all zero")
    if parent_span_id and len(parent_span_id) != 8:
        raise ItemError("its parent span id is not 8 bytes")
    start_ns, duration_ns = span_times(span.start_time_unix_nano, span.end_time_unix_nano)
    code, message = 0, None
    if span.HasField("status"):
        code, message = span.status.code, clean(span.status.message) or None
    events, links = span.events, span.links
    return SpanRecord(
        resource,
        scope,
        operation,
        trace_id,
        span_id,
        parent_span_id if parent_span_id and parent_span_id != NO_SPAN else None,
        start_ns,
        duration_ns,
        code,
        message,
        span.flags,
        clean(span.trace_state) or None,
        attributes_json(span.attributes),
        _events_json(events) if events else None,
        _links_json(links) if links else None,
        span.dropped_attributes_count,
        span.dropped_events_count,
        span.dropped_links_count,
    )


def span_times(start_ns: int, end_ns: int) -> tuple[int, int | None]:
    """Start and duration. 0 means unknown in OTLP: without a start the end stands in, with neither it is refused.

    An end before the start is kept as a negative duration: clocks do step back.
    """
    if start_ns > MAX_TIME_NS or end_ns > MAX_TIME_NS:
        raise ItemError("its time lies beyond the year 2262")
    if not start_ns:
        if not end_ns:
            raise ItemError("it has neither a start nor an end time")
        return end_ns, None
    return start_ns, end_ns - start_ns if end_ns else None


def _events_json(events: Any) -> str:
    return "[" + ",".join([_event_json(event) for event in events]) + "]"


def _event_json(wire: bytes) -> str:
    try:
        event = Span.Event.FromString(wire)
    except ProtobufError as error:
        raise ItemError("an event is not readable") from error
    text = f'{{"time_ns":"{event.time_unix_nano}","name":{dumps(clean(event.name))}'
    if event.attributes:
        text += f',"attributes":{pairs_json(event.attributes)}'
    if event.dropped_attributes_count:
        text += f',"dropped_attributes_count":{event.dropped_attributes_count}'
    return text + "}"


def _links_json(links: Any) -> str:
    return "[" + ",".join([_link_json(link) for link in links]) + "]"


def _link_json(wire: bytes) -> str:
    try:
        link = Span.Link.FromString(wire)
    except ProtobufError as error:
        raise ItemError("a link is not readable") from error
    text = f'{{"trace_id":"{link.trace_id.hex()}","span_id":"{link.span_id.hex()}"'
    if link.trace_state:
        text += f',"trace_state":{dumps(clean(link.trace_state))}'
    if link.attributes:
        text += f',"attributes":{pairs_json(link.attributes)}'
    if link.flags:
        text += f',"flags":{link.flags}'
    if link.dropped_attributes_count:
        text += f',"dropped_attributes_count":{link.dropped_attributes_count}'
    return text + "}"
