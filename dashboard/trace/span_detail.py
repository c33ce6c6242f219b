"""A span as its panel shows it: what the row has no room for, worded for people.

Before: `views.trace` found the span and its trace's tree. After: templates/dashboard/_span.html.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector.models import Exemplar, Span
from collector.queries import span_exemplars, trace_logs
from collector.records import MAX_TIME_NS
from dashboard.owners import owner
from dashboard.trace.tree import TraceTree
from sandboxes.questions import Linked, claims_of_spans

KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
STATUSES = ["Unset", "Ok", "Error"]
# Low eight bits: W3C trace flags, which older SDKs leave out. The next two say whether the parent is elsewhere.
SAMPLED, RANDOM, HAS_IS_REMOTE, IS_REMOTE = 1, 2, 0x100, 0x200
MAX_LOGS = 50
MAX_EXEMPLARS = 20


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the span, and how long after its start (ns)."""

    name: str
    offset_ns: int | None
    attributes: dict[str, Any]
    dropped: int


@dataclass(frozen=True, slots=True)
class Detail:
    """What templates cannot work out from the span itself."""

    offset_ns: int
    self_ns: int
    zoom: str  # the part of the trace it was running in, with some room
    kind: str
    status: str
    owner: str
    parent_received: bool
    flags: str
    events: list[Event]
    links: list[dict[str, Any]]
    exemplars: list[Exemplar]
    logs: list[Any]
    dropped: list[str]
    linked: Linked | None  # the claim it belongs to


def span_detail(span: Span, tree: TraceTree) -> Detail:
    """Times relative to the trace's start and the span's own."""
    received = {node.span_id: node for node in tree.walk() if node.span}
    node = received.get(span.span_id)
    operation, dropped = span.operation, span.resource.dropped_attributes_count
    counts = [
        (span.dropped_attributes_count, "attribute"), (span.dropped_events_count, "event"),
        (span.dropped_links_count, "link"), (dropped, "resource attribute"),
    ]  # fmt: skip
    end_ns = node.end_ns if node else span.start_ns + max(span.duration_ns or 0, 0)
    room_ns = (end_ns - span.start_ns) // 10
    return Detail(
        offset_ns=span.start_ns - tree.start_ns,
        self_ns=node.self_ns if node else span.duration_ns or 0,
        zoom=f"{max(span.start_ns - tree.start_ns - room_ns, 0)}-{end_ns - tree.start_ns + room_ns + 1}",
        kind=KINDS[operation.kind] if 0 <= operation.kind < len(KINDS) else f"unknown ({operation.kind})",
        status=STATUSES[span.status_code] if 0 <= span.status_code < 3 else f"unknown ({span.status_code})",
        owner=owner(operation.service, span.scope.name, operation.name, span.attributes),
        parent_received=span.parent_span_id in received,
        flags=flag_words(span.flags),
        events=[_event(event, span.start_ns) for event in span.events or []],
        links=span.links or [],
        exemplars=list(span_exemplars(span.trace_id).filter(span_id=span.span_id)[:MAX_EXEMPLARS]),
        logs=list(trace_logs(span.trace_id).filter(span_id=span.span_id)[:MAX_LOGS]),
        dropped=[f"{count:,} {what}{'s' if count > 1 else ''}" for count, what in counts if count],
        linked=claims_of_spans([(span.trace_id, span.span_id)]).get((span.trace_id, span.span_id)),
    )


def _event(event: dict[str, Any], start_ns: int) -> Event:
    time_ns = int(event.get("time_ns", 0))
    known = 0 < time_ns <= MAX_TIME_NS
    return Event(
        name=str(event.get("name", "")),
        offset_ns=time_ns - start_ns if known else None,
        attributes=event.get("attributes", {}),
        dropped=event.get("dropped_attributes_count", 0),
    )


def flag_words(flags: int) -> str:
    """What is unusual about a span's flags, in words; empty when nothing is."""
    words = []
    if flags & HAS_IS_REMOTE and flags & IS_REMOTE:
        words.append("parent in another process")
    rest = flags & ~(SAMPLED | RANDOM | HAS_IS_REMOTE | IS_REMOTE)
    if rest:
        words.append(f"further bits 0x{rest:x}")
    return ", ".join(words)
