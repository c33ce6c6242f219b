"""Traces by what one of their spans is.

Before: `queries` has the traces of a range. After: those of them that have such a span.

Found from the spans when those are few, and from the traces when they are many (measured, docs/decisions/0001).
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import StrIndex

from collector.conditions import Condition, looks_at_each
from collector.matching import id_prefix, matching
from collector.models import Operation, Span, Trace
from collector.telemetry_filter import TelemetryFilter, in_range

SEPARATOR = "\x1f"  # around each name in Trace.services
FEW_SPANS = 5_000
MANY_OPERATIONS = 500
LATER_SPANS_NS = 3_600 * 10**9  # a trace that began in the range is looked at for so long after its end


def having(
    found: QuerySet[Trace], wanted: QuerySet[Operation, Any], f: TelemetryFilter, text: str = ""
) -> QuerySet[Trace]:
    """The traces that have a span of the wanted operations, or an id that begins with `text`.

    Few such spans: their traces, by id. Many: walking the list from its newest trace meets one soon. A trace's spans
    start no earlier than the trace, so the range's beginning bounds them too.
    """
    by_id = id_prefix("trace_id", text, 32)
    spans_there = Span.objects.filter(operation__in=wanted)
    if f.from_ns is not None:
        spans_there = spans_there.filter(start_ns__gte=f.from_ns)
    if spans_there[: FEW_SPANS + 1].count() <= FEW_SPANS:
        return found.filter(by_id | Q(trace_id__in=set(spans_there.values_list("trace_id", flat=True))))
    # Walking starts where such a span can still be: a trace starts no later than its spans.
    newest = Span.objects.filter(operation=OuterRef("pk")).order_by("-start_ns").values("start_ns")[:1]
    starts = Operation.objects.filter(pk__in=wanted).values_list(Subquery(newest), flat=True)[: MANY_OPERATIONS + 1]
    newest_ns = max((start_ns for start_ns in starts if start_ns is not None), default=None)
    if not by_id and newest_ns is not None and len(starts) <= MANY_OPERATIONS:
        found = found.filter(start_ns__lte=newest_ns)
    if 0 < len(f.service) <= 200 and not f.operation and not text:  # the summary cuts longer names
        here = StrIndex(F("services"), Value(f"{SEPARATOR}{f.service}{SEPARATOR}"))
        return found.alias(service_at=here).filter(service_at__gt=0)
    # "+ 0" keeps SQLite from looking up the operation's thousands of spans for each trace instead of the trace's few.
    mine = Span.objects.filter(trace_id=OuterRef("trace_id")).alias(operation_number=F("operation_id") + 0)
    return found.filter(by_id | Q(Exists(mine.filter(operation_number__in=wanted))))


def looked_until(f: TelemetryFilter, oldest_first: bool = False) -> int | None:
    """Where looking at spans one by one ends, the newest first unless said otherwise; None: all are looked at."""
    if f.where is None or f.most_looked_at is None or not looks_at_each(f.where):
        return None
    starts = in_range(Span.objects.all(), f, "start_ns").order_by("start_ns" if oldest_first else "-start_ns")
    return starts.values_list("start_ns", flat=True)[f.most_looked_at : f.most_looked_at + 1].first()


def with_a_span(found: QuerySet[Trace], condition: Condition, f: TelemetryFilter) -> QuerySet[Trace]:
    """The traces with a span that meets the condition. Few such spans: by id; many: walking the list meets one soon."""
    there = Span.objects.filter(matching(condition))
    from_ns = max(filter(None, (f.from_ns, looked_until(f))), default=None)
    if from_ns is not None:
        there = there.filter(start_ns__gte=from_ns)
    if f.to_ns is not None:
        there = there.filter(start_ns__lt=f.to_ns + LATER_SPANS_NS)
    if f.linked is not None:
        there = there.filter(trace_id__in={trace for trace, _ in f.linked})
    ids = list(there.order_by("-start_ns").values_list("trace_id", flat=True)[: FEW_SPANS + 1])
    if len(ids) <= FEW_SPANS:
        return found.filter(trace_id__in=set(ids))
    return found.filter(Exists(there.order_by().filter(trace_id=OuterRef("trace_id"))))
