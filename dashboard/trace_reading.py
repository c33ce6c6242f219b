"""Reads a trace's spans for drawing: 5,000 of them in 25 ms, where whole model instances take 150.

Before: a view knows the trace id. After: `trace_tree`.
"""

from __future__ import annotations

import re

import orjson

from collector.models import Operation, Scope, Span
from collector.queries import STATUS_CODES
from collector.raw import raw_rows
from dashboard.owners import METHODS
from dashboard.trace_tree import SpanFacts

MAX_SPANS = 10_000  # of a trace, by start: beyond that a page is no help, and the CSV has them all
COLUMNS = (
    "span_id", "parent_span_id", "operation_id", "scope_id", "start_ns", "duration_ns", "status_code", "status_message",
    "precision_ns", "attributes",
)  # fmt: skip
# Attributes are parsed where they tell whose a span is, what it was about or that it failed: half of the time saved.
TELLING = re.compile(r'"sandbox\.|"http\.(?:response\.)?status_code": ?[45]')


def read_spans(trace_id: str) -> list[SpanFacts]:
    """The first MAX_SPANS spans of a trace, oldest first; empty when there is none."""
    rows = raw_rows(Span.objects.filter(trace_id=trace_id).order_by("start_ns", "id")[:MAX_SPANS], COLUMNS)
    operations = Operation.objects.in_bulk({row[2] for row in rows})
    scopes = dict(Scope.objects.filter(pk__in={row[3] for row in rows}).values_list("id", "name"))
    unknown = Operation(service="", name="", kind=0)
    found = []
    for span_id, parent, operation_id, scope_id, start_ns, duration_ns, status, message, precision_ns, text in rows:
        operation = operations.get(operation_id, unknown)
        found.append(
            SpanFacts(
                span_id=bytes(span_id).hex(),
                parent_span_id=None if parent is None else bytes(parent).hex(),
                name=operation.name,
                service=operation.service,
                scope=scopes.get(scope_id, ""),
                kind=operation.kind,
                start_ns=start_ns,
                duration_ns=duration_ns,
                is_error=status == STATUS_CODES["error"],
                status_message=message or "",
                attributes=orjson.loads(text) if operation.name in METHODS or TELLING.search(text) else {},
                precision_ns=precision_ns,
            )
        )
    return found
