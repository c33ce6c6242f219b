"""Stored spans as one line of OTLP JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector.bundle.beside import BESIDE, columns
from collector.bundle.common import Json, given, grouped, resource_json, scope_json
from collector.decode.attributes import otlp_attributes
from collector.models import Scope, Span


def span_line(rows: Sequence[Span]) -> Json:
    """A request with these spans, in their order."""
    line: Json = {
        "resourceSpans": [
            {
                "resource": resource_json(resource),
                "scopeSpans": [_scope_spans(scope, spans) for scope, spans in scopes],
                "schemaUrl": resource.schema_url,
            }
            for resource, scopes in grouped(rows)
        ]
    }
    if beside := columns(rows, {"precision_ns": 1}):
        line[BESIDE] = beside
    return line


def _scope_spans(scope: Scope, spans: Sequence[Span]) -> Json:
    return {"scope": scope_json(scope), "spans": [_span(span) for span in spans], "schemaUrl": scope.schema_url}


def _span(span: Span) -> Json:
    end_ns = None if span.duration_ns is None else span.start_ns + span.duration_ns
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.operation.name,
        "startTimeUnixNano": str(span.start_ns),
        **given(
            parentSpanId=span.parent_span_id,
            kind=span.operation.kind,
            endTimeUnixNano=end_ns and str(end_ns),
            status=given(code=span.status_code, message=span.status_message) or None,
            flags=span.flags,
            traceState=span.trace_state,
            attributes=otlp_attributes(span.attributes),
            events=[_event(event) for event in span.events or []],
            links=[_link(link) for link in span.links or []],
            droppedAttributesCount=span.dropped_attributes_count,
            droppedEventsCount=span.dropped_events_count,
            droppedLinksCount=span.dropped_links_count,
        ),
    }


def _event(event: dict[str, Any]) -> Json:
    return {
        "timeUnixNano": event.get("time_ns", "0"),
        "name": event.get("name", ""),
        **given(
            attributes=otlp_attributes(event.get("attributes", {})),
            droppedAttributesCount=event.get("dropped_attributes_count", 0),
        ),
    }


def _link(link: dict[str, Any]) -> Json:
    return {
        "traceId": link.get("trace_id", ""),
        "spanId": link.get("span_id", ""),
        **given(
            traceState=link.get("trace_state"),
            attributes=otlp_attributes(link.get("attributes", {})),
            flags=link.get("flags", 0),
            droppedAttributesCount=link.get("dropped_attributes_count", 0),
        ),
    }
