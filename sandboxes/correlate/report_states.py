"""How a claim that telemetry alone reports came on: its sandbox, whether its client had it, and deleted it.

Before: links say which spans are the claim's. After: its row says what they show.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace

from django.db.models import Q

from collector.models import Span
from sandboxes.correlate.keys import AMBIGUOUS
from sandboxes.hints import METHOD_ATTRIBUTES, STATUS_ATTRIBUTES, HintKind
from sandboxes.lifecycle import from_json, to_json
from sandboxes.models import Claim, Hint, Link
from sandboxes.records import Clock, Lifecycle, Milestone, Moment, State

MAX_LINKS = 2_000


def come_on(uids: Collection[str]) -> None:
    """Brings the rows of reported claims up to date. In the writer's transaction."""
    for row in Claim.objects.filter(uid__in=list(uids), cluster__isnull=True).exclude(state=State.FAILED):
        lifecycle = _come_on(row, from_json(row.lifecycle))
        value = to_json(lifecycle)
        if value != row.lifecycle:
            row.lifecycle, row.state, row.sandbox = value, lifecycle.state, lifecycle.sandbox
            deleted = lifecycle.moments.get(Milestone.DELETED)
            row.deleted_ns = deleted.time_ns if deleted else None
            row.changed_ns = time.time_ns()
            row.save()


def _come_on(row: Claim, known: Lifecycle) -> Lifecycle:
    places = Link.objects.filter(claim_uid=row.uid).exclude(certainty=AMBIGUOUS).values_list("trace_id", "span_id")
    own = set(places[:MAX_LINKS])
    traces = list({trace_id for trace_id, _ in own})
    hints = Hint.objects.filter(Q(kind=HintKind.SANDBOX_LOG) | Q(kind=HintKind.CLAIM_URL, value=row.name))
    said = [hint for hint in hints.filter(trace_id__in=traces).order_by("time_ns") if _place(hint) in own]
    sandbox = next((hint.value for hint in said if hint.kind == HintKind.SANDBOX_LOG), known.sandbox)
    asked = [hint.span_id for hint in said if hint.kind == HintKind.CLAIM_URL]
    spans = Span.objects.filter(trace_id__in=traces, span_id__in=asked).select_related("operation").order_by("start_ns")
    deletions = [span for span in spans if _place(span) in own and _deletes(span)]
    moments = dict(known.moments)
    if deletions:
        moments[Milestone.DELETED] = _ended(deletions[0])
    used = Milestone.CLIENT_READY in moments or Milestone.FIRST_COMMAND in moments  # a command shows that it was ready
    state = State.READY if used else State.STARTING
    return replace(known, sandbox=sandbox, moments=moments, state=State.DELETED if deletions else state)


def _place(item: Hint | Span) -> tuple[object, object]:
    return item.trace_id, item.span_id


def _deletes(span: Span) -> bool:
    attributes = span.attributes
    method = next((attributes[key] for key in METHOD_ATTRIBUTES if key in attributes), None)
    status = next((attributes[key] for key in STATUS_ATTRIBUTES if key in attributes), None)
    return method == "DELETE" and isinstance(status, int) and (200 <= status < 300 or status == 404)


def _ended(span: Span) -> Moment:
    """It is gone by the time of the answer, by the client's clock."""
    end_ns = span.start_ns + (span.duration_ns or 0)
    source = f"span {span.operation.name}"[:200]
    return Moment(Milestone.DELETED, end_ns, span.start_ns, end_ns, Clock.CLIENT, end_ns - span.start_ns, source)
