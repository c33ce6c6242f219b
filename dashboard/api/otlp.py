"""A stored trace in OTLP's own JSON: what other tools read, and what POST /v1/traces and /v1/logs take.

Before: rows of `collector.queries`. After: a body in pieces. Spans of one resource and scope are together within each
piece of some thousand, so that a trace of any length is written in memory that stays the same; OTLP allows a resource
to come again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import orjson
from django.db.models import QuerySet

from collector import paging
from collector.decode.attributes import otlp_attributes, otlp_value
from collector.models import Log, Resource, Scope, Span
from collector.records import Clock

ROWS_A_PIECE = 2_000

Item = dict[str, Any]
Row = TypeVar("Row", Span, Log)


def spans_body(found: QuerySet[Span]) -> Iterator[bytes]:
    """TracesData, in pieces."""
    return _body(found, "resourceSpans", "scopeSpans", "spans", span)


def logs_body(found: QuerySet[Log]) -> Iterator[bytes]:
    """LogsData, in pieces."""
    return _body(found, "resourceLogs", "scopeLogs", "logRecords", log)


def _body(found: QuerySet[Row], of_all: str, of_scope: str, items: str, item: Callable[[Row], Item]) -> Iterator[bytes]:
    yield f'{{"{of_all}":['.encode()
    page, comma = paging.page(found, ROWS_A_PIECE), b""
    while page.rows:
        groups: dict[int, dict[int, list[Row]]] = {}
        for row in page.rows:
            groups.setdefault(row.resource_id, {}).setdefault(row.scope_id, []).append(row)
        for scopes in groups.values():
            entries = [
                _described("scope", _scope(rows[0].scope), rows[0].scope.schema_url)
                | {items: [item(row) for row in rows]}
                for rows in scopes.values()
            ]
            resource = next(iter(scopes.values()))[0].resource
            group = _described("resource", _resource(resource), resource.schema_url) | {of_scope: entries}
            yield comma + orjson.dumps(group)
            comma = b","
        if page.next is None:
            break
        page = paging.page(found, ROWS_A_PIECE, page.next)
    yield b"]}"


def _described(name: str, what: Item, schema_url: str) -> Item:
    return {name: what} | ({"schemaUrl": schema_url} if schema_url else {})


def _resource(row: Resource) -> Item:
    return _filled(
        attributes=otlp_attributes(row.attributes),
        droppedAttributesCount=row.dropped_attributes_count,
        entityRefs=row.entity_refs,
    )


def _scope(row: Scope) -> Item:
    return _filled(
        name=row.name,
        version=row.version,
        attributes=otlp_attributes(row.attributes),
        droppedAttributesCount=row.dropped_attributes_count,
    )


def span(row: Span) -> Item:
    """A Span."""
    return {
        "traceId": row.trace_id,
        "spanId": row.span_id,
        "name": row.operation.name,
        "kind": row.operation.kind,
        "startTimeUnixNano": str(row.start_ns),
        **_filled(
            endTimeUnixNano=None if row.duration_ns is None else str(row.start_ns + row.duration_ns),
            parentSpanId=row.parent_span_id,
            traceState=row.trace_state,
            flags=row.flags,
            attributes=otlp_attributes(row.attributes),
            droppedAttributesCount=row.dropped_attributes_count,
            events=[_event(event) for event in row.events or []],
            droppedEventsCount=row.dropped_events_count,
            links=[_link(link) for link in row.links or []],
            droppedLinksCount=row.dropped_links_count,
            status=_filled(code=row.status_code, message=row.status_message),
        ),
    }


def _event(event: Item) -> Item:
    return _filled(
        timeUnixNano=event["time_ns"],
        name=event["name"],
        attributes=otlp_attributes(event.get("attributes", {})),
        droppedAttributesCount=event.get("dropped_attributes_count"),
    )


def _link(link: Item) -> Item:
    return _filled(
        traceId=link["trace_id"],
        spanId=link["span_id"],
        traceState=link.get("trace_state"),
        attributes=otlp_attributes(link.get("attributes", {})),
        flags=link.get("flags"),
        droppedAttributesCount=link.get("dropped_attributes_count"),
    )


def log(row: Log) -> Item:
    """A LogRecord. A time that its sender did not say is left out, as it came."""
    return _filled(
        timeUnixNano=str(row.time_ns) if row.clock not in (Clock.OBSERVED, Clock.RECEIPT) else None,
        observedTimeUnixNano=None if row.observed_ns is None else str(row.observed_ns),
        severityNumber=row.severity_number,
        severityText=row.severity_text,
        body=None if row.body is None else otlp_value(row.body),
        eventName=row.event_name,
        traceId=row.trace_id,
        spanId=row.span_id,
        flags=row.flags,
        attributes=otlp_attributes(row.attributes),
        droppedAttributesCount=row.dropped_attributes_count,
    )


def _filled(**members: Any) -> Item:
    """Without what has OTLP's default: JSON leaves it out."""
    return {name: value for name, value in members.items() if value not in (None, "", 0, [], {})}
