"""Stored rows as the API's items.

Before: a page of `collector.queries`. After: plain dicts, in the shapes of `shapes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from collector.models import Log, MetricPoint, Span, Trace
from collector.paging import Page
from collector.queries import SEPARATOR
from collector.records import Clock
from dashboard.csv_rows import iso_time
from dashboard.csv_rows.claimed import claimed
from dashboard.measured import PERCENTILES, Number, measured
from dashboard.words import metric_kind, severity, span_kind, status, temporality

Item = dict[str, Any]
Row = TypeVar("Row", Span, Log)
MAX_EXACT = 2**53  # beyond it JavaScript rounds


def cursor(page: Page[Any]) -> str | None:
    """Where the next page begins."""
    return str(page.next) if page.next else None


def span(row: Span) -> Item:
    """A span."""
    return {
        "trace_id": row.trace_id,
        "span_id": row.span_id,
        "parent_span_id": row.parent_span_id,
        "service": row.operation.service,
        "name": row.operation.name,
        "kind": span_kind(row.operation.kind),
        "status": status(row.status_code),
        "status_message": row.status_message,
        "start_time": iso_time(row.start_ns),
        "start_ns": str(row.start_ns),
        "end_ns": None if row.duration_ns is None else str(row.start_ns + row.duration_ns),
        "duration_ms": None if row.duration_ns is None else row.duration_ns / 10**6,
        "scope": row.scope.name,
        "scope_version": row.scope.version,
        "attributes": row.attributes,
        "resource": row.resource.attributes,
        "events": row.events or [],
        "links": row.links or [],
        "trace_state": row.trace_state,
        "flags": row.flags,
        "dropped_attributes_count": row.dropped_attributes_count,
        "dropped_events_count": row.dropped_events_count,
        "dropped_links_count": row.dropped_links_count,
    }


def log(row: Log) -> Item:
    """A log record."""
    return {
        "time": iso_time(row.time_ns),
        "time_ns": str(row.time_ns),
        "clock": Clock(row.clock).name.lower(),
        "assumed_offset_minutes": row.assumed_offset_minutes,
        "observed_ns": None if row.observed_ns is None else str(row.observed_ns),
        "severity": severity(row.severity_number, row.severity_text),
        "severity_number": row.severity_number or None,
        "service": row.resource.service,
        "body": row.body,
        "event_name": row.event_name,
        "trace_id": row.trace_id,
        "span_id": row.span_id,
        "scope": row.scope.name,
        "attributes": row.attributes,
        "resource": row.resource.attributes,
    }


def spans(found: Sequence[Span]) -> list[Item]:
    """Spans with the claim each belongs to."""
    return _with_claims(found, span, ("claim_uid", "claim", "evidence", "certainty"))


def logs(found: Sequence[Log]) -> list[Item]:
    """Log records with the claim of the span each was said in."""
    return _with_claims(found, log, ("claim_uid", "claim", "evidence"))


def _with_claims(found: Sequence[Row], item: Callable[[Row], Item], names: tuple[str, ...]) -> list[Item]:
    ids = [tuple(bytes.fromhex(part or "") for part in (row.trace_id, row.span_id)) for row in found]
    claims = claimed((trace, span) for trace, span in ids)
    return [
        item(row) | dict(zip(names, claims[trace, span], strict=False)) if (trace, span) in claims else item(row)
        for row, (trace, span) in zip(found, ids, strict=True)
    ]


def metric_point(row: MetricPoint) -> Item:
    """A point of a metric stream."""
    stream = row.stream
    found = measured(stream.kind, row)
    return {
        "time": iso_time(row.time_ns),
        "time_ns": str(row.time_ns),
        "start_ns": str(row.start_ns) if row.start_ns else None,
        "stream": row.stream_id,
        "service": stream.resource.service,
        "metric": stream.name,
        "kind": metric_kind(stream.kind),
        "unit": stream.unit,
        "temporality": temporality(stream.temporality),
        "is_monotonic": stream.is_monotonic,
        "value": _exact(found.value),
        "count": found.count,
        "sum": found.sum,
        "min": found.min,
        "max": found.max,
        **{name: found.at(name) for name, _ in PERCENTILES},
        "lower_bounds": [percentile.name for percentile in found.percentiles if percentile.lower_bound],
        "detail": {name: value for name, value in (row.detail or {}).items() if name != "nan"} or None,
        "scope": stream.scope.name,
        "attributes": stream.attributes,
        "resource": stream.resource.attributes,
    }


def trace(row: Trace) -> Item:
    """A trace in short."""
    return {
        "trace_id": row.trace_id,
        "start_time": iso_time(row.start_ns),
        "start_ns": str(row.start_ns),
        "end_ns": str(row.end_ns),
        "duration_ms": row.duration_ns / 10**6,
        "head": {
            "service": row.head_operation.service,
            "name": row.head_operation.name,
            "kind": span_kind(row.head_operation.kind),
            "span_id": row.head_span_id,
        },
        "has_root": not row.head_is_child,
        "services": [service for service in row.services.split(SEPARATOR) if service],
        "span_count": row.span_count,
        "error_count": row.error_count,
    }


def _exact(number: Number | None) -> Number | None:
    return str(number) if isinstance(number, int) and abs(number) > MAX_EXACT else number
