"""The questions pages, API and exports ask of the telemetry, as functions over the models.

Before: `dashboard.parameters` reads a TelemetryFilter from a query string. After: `paging` cuts the answer into pages.

Three rules keep the lists fast on both databases (measured at 1 M spans, docs/decisions/0001):
- Names (service, operation, text) are looked up in the small table of operations; spans are found by operation id.
- What rows point at is prefetched, not joined: each resource is read and parsed once, and no join can tempt a planner
  away from the time index.
- Traces that have a certain span are found from the spans when those are few, and from the traces when they are many.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from django.db import connection
from django.db.models import BooleanField, Count, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, TextField, Window
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, RowNumber

from collector.having import SEPARATOR, having, looked_until, with_a_span
from collector.matching import id_prefix, matching, named, named_operations
from collector.models import WARNING, Exemplar, Log, MetricPoint, MetricStream, Operation, Resource, Scope, Span, Trace
from collector.records import OTHER_KIND
from collector.telemetry_filter import Row, TelemetryFilter, in_range

__all__ = ["SEPARATOR", "TelemetryFilter", "looked_until"]  # what others take from here as well

# Written out, as the index log_warning has it: SQLite takes no parameter for a reason that a row is in an index.
IN_WARNINGS = f"severity_number >= {WARNING}"
STATUS_CODES = {"unset": 0, "ok": 1, "error": 2}


def traces(f: TelemetryFilter) -> QuerySet[Trace]:
    """Traces that begin in the range, newest first. Names and text are looked for in all of a trace's spans.

    Status: `error` is a trace with an error in any span, `ok` and `unset` are traces without one.
    """
    found = in_range(Trace.objects.order_by("-start_ns", "-trace_id"), f, "start_ns")
    if f.trace_id:
        found = found.filter(trace_id=f.trace_id)
    if f.linked is not None:
        found = found.filter(trace_id__in={trace for trace, _ in f.linked})
    if f.status:
        found = found.filter(error_count__gt=0) if f.status == "error" else found.filter(error_count=0)
    if f.min_duration_ns is not None:
        found = found.filter(duration_ns__gte=f.min_duration_ns)
    if f.service or f.operation:
        found = having(found, _operations(f), f)
    if f.q:
        found = having(found, named_operations(f.q), f, f.q)
    if f.where is not None:
        found = with_a_span(found, f.where, f)
    return found.prefetch_related("head_operation")


def longest_first(found: QuerySet[Trace]) -> QuerySet[Trace]:
    """The same traces, the longest first: without an index, which every trace would cost at each of its spans."""
    return found.order_by("-duration_ns", "-trace_id")


def spans(f: TelemetryFilter) -> QuerySet[Span]:
    """Spans that start in the range, oldest first. Text is looked for in names, services and the start of ids."""
    found = in_range(Span.objects.order_by("start_ns", "id"), f, "start_ns")
    if f.trace_id:
        found = found.filter(trace_id=f.trace_id)
    found = _linked(found, f)
    if f.status:
        found = found.filter(status_code=STATUS_CODES[f.status])
    if f.min_duration_ns is not None:
        found = found.filter(duration_ns__gte=f.min_duration_ns)
    if f.service or f.operation:
        found = found.filter(operation__in=_operations(f))
    if f.q:
        found = found.filter(named(f.q))
    if f.where is not None:
        found = found.filter(matching(f.where))
        if (until_ns := looked_until(f, oldest_first=True)) is not None:
            found = found.filter(start_ns__lt=until_ns)
    return found.prefetch_related("operation", "resource", "scope")


def logs(f: TelemetryFilter) -> QuerySet[Log]:
    """Log records of the range, newest first. Text is looked for in body, attributes, event and logger names, ids."""
    found = in_range(Log.objects.order_by("-time_ns", "-id"), f, "time_ns")
    if f.trace_id:
        found = found.filter(trace_id=f.trace_id)
    found = _linked(found, f)
    if f.service:
        found = found.filter(resource__in=Resource.objects.filter(service=f.service).values("id"))
    if f.severity:
        found = found.filter(severity_number__gte=f.severity)
    if f.severity >= WARNING:
        found = found.filter(RawSQL(IN_WARNINGS, (), output_field=BooleanField()))  # noqa: S611 - a constant
    if f.q:
        # As the text stands inside JSON: a quote is \" there.
        written = orjson.dumps(f.q).decode()[1:-1]
        found = found.alias(
            body_text=Cast("body", TextField()), attributes_text=Cast("attributes", TextField())
        ).filter(
            Q(body_text__icontains=written)
            | Q(attributes_text__icontains=written)
            | Q(event_name__icontains=f.q)
            | Q(scope__in=Scope.objects.filter(name__icontains=f.q).values("id"))
            | id_prefix("trace_id", f.q, 32)
            | id_prefix("span_id", f.q, 16)
        )
    return found.prefetch_related("resource", "scope")


def text_looked_until(f: TelemetryFilter, most: int) -> int | None:
    """Where looking for a text in log records ends: behind the newest `most` that meet the rest of the filter.

    No index helps: each record costs 1 us. None: all are looked at, since there are no more or an index makes them few.
    """
    if not f.q or f.trace_id or f.linked is not None or f.severity >= WARNING:
        return None
    times = logs(replace(f, q="")).prefetch_related(None).values_list("time_ns", flat=True)
    return times[most : most + 1].first()


def streams(f: TelemetryFilter) -> QuerySet[MetricStream]:
    """Metric streams with a point in the range, by service and name. Text is looked for in names and descriptions."""
    found = _streams_named(f).order_by("resource__service", "name", "id")
    if f.from_ns is not None or f.to_ns is not None:
        points_there = in_range(MetricPoint.objects.filter(stream=OuterRef("pk")), f, "time_ns")
        found = found.filter(Exists(points_there))
    return found.prefetch_related("resource", "scope")


def newest_streams(f: TelemetryFilter, each: int) -> QuerySet[MetricStream]:
    """Of what `streams` would find, the newest `each` of every metric of a service; `in_metric`: how many it has."""
    metric = [F("resource__service"), F("name")]
    return (
        streams(f)
        .annotate(
            in_metric=Window(Count("id"), partition_by=metric),
            age=Window(RowNumber(), partition_by=metric, order_by=F("id").desc()),
        )
        .filter(age__lte=each)
    )


def points(f: TelemetryFilter) -> QuerySet[MetricPoint]:
    """Points of the range, newest first, of the streams `streams` would find."""
    found = in_range(MetricPoint.objects.order_by("-time_ns", "-id"), f, "time_ns")
    if f.stream:
        found = found.filter(stream=f.stream)
    if f.service or f.q or f.metric:
        found = found.filter(stream__in=_streams_named(f).order_by().values("id"))
    return found.prefetch_related("stream__resource", "stream__scope")


def latest_points(found: list[MetricStream], to_ns: int | None = None) -> dict[int, MetricPoint]:
    """The newest point of each stream, or the newest before `to_ns`, by stream id: one look into an index for each."""
    theirs = in_range(MetricPoint.objects.filter(stream=OuterRef("pk")), TelemetryFilter(to_ns=to_ns), "time_ns")
    newest = theirs.order_by("-time_ns", "-start_ns").values("id")[:1]
    ids = MetricStream.objects.filter(pk__in=[stream.pk for stream in found]).values_list(Subquery(newest), flat=True)
    rows = MetricPoint.objects.in_bulk([point_id for point_id in ids if point_id is not None])
    return {point.stream_id: point for point in rows.values()}


def trace_spans(trace_id: str) -> QuerySet[Span]:
    """A trace's spans, oldest first."""
    return spans(TelemetryFilter(trace_id=trace_id))


def trace_logs(trace_id: str) -> QuerySet[Log]:
    """A trace's log records, oldest first."""
    return logs(TelemetryFilter(trace_id=trace_id)).order_by("time_ns", "id")


def mentioned_ns(trace_id: str) -> int | None:
    """When the first log record or exemplar was made that names this trace, whether or not its spans are here."""
    found = [
        model.objects.filter(trace_id=trace_id).aggregate(first=Min("time_ns"))["first"] for model in (Log, Exemplar)
    ]
    return min((time_ns for time_ns in found if time_ns is not None), default=None)


def span_exemplars(trace_id: str) -> QuerySet[Exemplar]:
    """The measurements made inside a trace's spans, oldest first, with their streams."""
    return Exemplar.objects.filter(trace_id=trace_id).order_by("time_ns", "id").prefetch_related("stream__resource")


def stream_exemplars(stream: MetricStream, f: TelemetryFilter) -> QuerySet[Exemplar]:
    """The measurements a stream's points brought along, newest first."""
    return in_range(Exemplar.objects.filter(stream=stream).order_by("-time_ns", "-id"), f, "time_ns")


def services() -> list[str]:
    """Every service that sent anything, by name."""
    return list(Resource.objects.values_list("service", flat=True).distinct().order_by("service"))


def operations(service: str = "", limit: int = 1_000) -> list[str]:
    """Span names, of one service or of all, by name."""
    found = Operation.objects.exclude(kind=OTHER_KIND)
    if service:
        found = found.filter(service=service)
    return list(found.values_list("name", flat=True).distinct().order_by("name")[:limit])


def operations_of(f: TelemetryFilter) -> QuerySet[Operation, Any] | None:
    """Ids of the operations that service, operation and text of a filter name; None when it names none: all."""
    if not (f.q or f.service or f.operation):
        return None
    return _narrowed(named_operations(f.q), f) if f.q else _operations(f)


def count_up_to(queryset: QuerySet[Any], limit: int = 1_000) -> tuple[int, bool]:
    """(rows, there are more). Counting stops at the limit: every row counted is a row looked at, up to 60 us each."""
    count = queryset.order_by()[: limit + 1].count()
    return min(count, limit), count > limit


def database_bytes() -> int:
    """What the stored telemetry takes on disk; pages that deletion freed do not count."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute(
                "SELECT (page_count - freelist_count) * page_size"
                " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
            )
        return int(cursor.fetchone()[0])


def _linked(queryset: QuerySet[Row], f: TelemetryFilter) -> QuerySet[Row]:
    if f.linked is None:
        return queryset
    # Span ids are random: that one of them is another span's in a trace of the same set does not happen.
    return queryset.filter(trace_id__in={trace for trace, _ in f.linked}, span_id__in={span for _, span in f.linked})


def _operations(f: TelemetryFilter) -> QuerySet[Operation, Any]:
    return _narrowed(Operation.objects.values("id"), f)


def _narrowed(found: QuerySet[Operation, Any], f: TelemetryFilter) -> QuerySet[Operation, Any]:
    if f.service:
        found = found.filter(service=f.service)
    return found.filter(name=f.operation) if f.operation else found


def _streams_named(f: TelemetryFilter) -> QuerySet[MetricStream]:
    found = MetricStream.objects.all()
    if f.stream:
        found = found.filter(pk=f.stream)
    if f.service:
        found = found.filter(resource__in=Resource.objects.filter(service=f.service).values("id"))
    if f.q:
        found = found.filter(Q(name__icontains=f.q) | Q(description__icontains=f.q))
    if f.metric:
        found = found.filter(name=f.metric)
    return found
