"""Spans with what they carry, and in short.

Before: `asking` has read the filters, which are those of spans.csv and the API. After: an agent reads an exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector import queries
from collector.models import Span
from dashboard.csv_rows.claimed import claimed
from dashboard.model_context import quoting
from dashboard.model_context.asking import Asked
from dashboard.model_context.quoting import NOTE, Item, length, moment, name, quoted
from dashboard.owners import addressed, owner
from dashboard.trace.tree import SpanFacts
from dashboard.words import span_kind, status

MOST_CHARACTERS = 24_000  # of attributes and events in an answer, shared out among its spans
MOST_EVENTS = 5
EVENT = 400  # characters that one is worth showing with
LONGEST_STACK = 2_000  # characters, from its end: there it says where it was raised
STACK = "exception.stacktrace"


def spans(asked: Asked) -> Item:
    """A page of them, oldest first."""
    parameters = asked.parameters
    page = parameters.page(queries.spans(parameters.filter))
    until_ns = queries.looked_until(parameters.filter, oldest_first=True)
    share = MOST_CHARACTERS // min(parameters.limit, max(len(page.rows), 1))
    owners = claimed((bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)) for span in page.rows)
    return {
        "spans": [
            _whole(span, share) | _claim(owners[bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)])
            for span in page.rows
        ],
        "next": str(page.next) if page.next else None,
        "more": "There are more: ask again with cursor set to next." if page.next else "These are all.",
        **moment("looked_until", until_ns),
        "note": NOTE,
    }


def span_in_short(span: SpanFacts) -> Item:
    """What it was and how it went."""
    return {
        "name": name(span.name),
        "to": name(addressed(span.name, span.attributes)),
        "service": name(span.service),
        "owner": owner(span.service, span.scope, span.name, span.attributes),
        **length("took", span.duration_ns, span.precision_ns),
        "open": None if span.duration_ns is not None else "yes: its end was not received",
        "status": "error" if span.is_error else None,
        "message": quoted(span.status_message),
    }


def events_of(span: Span, most: int) -> list[Item]:
    """What happened in it, mostly what was raised, in `most` characters."""
    first = (span.events or [])[: max(1, min(MOST_EVENTS, most // EVENT))]
    return [_event(event, most // len(first)) for event in first]


def _whole(span: Span, share: int) -> Item:
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "name": name(span.operation.name),
        "service": name(span.operation.service),
        "kind": span_kind(span.operation.kind),
        "status": status(span.status_code),
        "message": quoted(span.status_message or ""),
        **moment("start", span.start_ns),
        **length("took", span.duration_ns, span.precision_ns),
        "attributes": quoting.attributes(span.attributes, share // 2),
        "events": events_of(span, share // 2),
        "event_count": len(span.events or []) or None,
    }


def _claim(found: tuple[str, str, str, str]) -> Item:
    uid, claim, evidence, certainty = found
    return {"claim_uid": name(uid), "claim": name(claim), "linked_by": f"{evidence} {certainty}".strip()}


def _event(event: Mapping[str, Any], share: int) -> Item:
    given = event.get("attributes", {})
    attributes = dict(given) if isinstance(given, Mapping) else {}
    stack = attributes.pop(STACK, "")
    item: Item = {"name": name(event.get("name", "")), "attributes": quoting.attributes(attributes, share // 2)}
    if isinstance(stack, str) and stack:
        most = min(LONGEST_STACK, share // 2)
        lines = (line for line in stack[-most:].splitlines() if line.strip(" ^~"))
        item["stack_ends"] = [quoted(line, quoting.MOST_VALUE) for line in lines]
    return item
