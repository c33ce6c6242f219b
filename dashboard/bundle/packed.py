"""A bundle's bytes: gzip of JSON lines, made while they are taken, in memory that stays the same.

Before: `chosen`. After: `views.bundle` sends them, `manage.py bundle` writes them; `manage.py import` and the
Setup page read them.

The header, then the clusters, the objects of the claims, the claims, the runs; then telemetry as OTLP JSON.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import orjson
from django.db.models import QuerySet

from collector.bundle.logs import log_line
from collector.bundle.metrics import metric_line
from collector.bundle.spans import span_line
from collector.models import Exemplar, MetricPoint
from collector.paging import Cursor, after, order
from collector.queries import logs, points, spans
from collector.telemetry_filter import TelemetryFilter, in_range
from dashboard.bundle.chosen import Chosen
from sandboxes import bundle as objects
from sandboxes.correlate.lines import lines_of_claim
from sandboxes.models import Claim, Cluster, ObjectVersion, Run
from sandboxes.questions import IMPORTED_UID, changes_around
from sandboxes.records import Change, ChangeType, Kind

ROWS_A_LINE = 500
CLAIMS_A_QUERY = 100
TRACES_A_QUERY = 50
CHUNK_BYTES = 1 << 16
MAX_REMEMBERED = 100_000  # versions that claims share: pools, templates and what is said of them
MAX_LINES = 300  # of one claim outside every trace: as many as its page shows
SHARED = (Kind.POOL, Kind.TEMPLATE, Kind.EVENT)

Line = dict[str, Any]


def packed(chosen: Chosen) -> Iterator[bytes]:
    """The bundle, gzipped, in pieces."""
    packer = zlib.compressobj(level=6, wbits=31)
    piece = bytearray()
    for line in _lines(chosen):
        piece += packer.compress(orjson.dumps(line) + b"\n")
        if len(piece) >= CHUNK_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece + packer.flush())


def _lines(chosen: Chosen) -> Iterator[Line]:
    yield objects.header(chosen.what, chosen.of)
    for cluster in Cluster.objects.exclude(uid=IMPORTED_UID).order_by("id"):
        yield objects.cluster_line(cluster)
    yield from _objects(chosen)
    for part in _portions(chosen.claims, CLAIMS_A_QUERY):
        for claim in Claim.objects.filter(uid__in=part).order_by("id").prefetch_related("cluster"):
            yield objects.claim_line(claim)
    for run in Run.objects.filter(uid__in=chosen.runs).order_by("id"):
        yield from objects.run_lines(run)
    if chosen.everything is None:
        yield from _traces(chosen)
    else:
        yield from _everything(chosen.everything)


def _objects(chosen: Chosen) -> Iterator[Line]:
    """The versions around the claims, each once; of a range also all that was met in it."""
    f = chosen.everything
    if f is not None:
        met = in_range(ObjectVersion.objects.order_by("received_ns", "id"), f, "received_ns")
        for rows in _walk(met.prefetch_related("cluster")):
            yield from (objects.version_line(row.cluster.uid, _change(row)) for row in rows)
        if f.from_ns is None and f.to_ns is None:
            return
    shared: set[tuple[str, str, str]] = set()
    for part in _portions(chosen.claims, CLAIMS_A_QUERY):
        for claim in Claim.objects.filter(uid__in=part).order_by("id").prefetch_related("cluster"):
            for change in changes_around(claim):
                if (f is None or not _within(f, change.received_ns)) and _is_first(change, shared):
                    assert claim.cluster is not None
                    yield objects.version_line(claim.cluster.uid, change)


def _change(row: ObjectVersion) -> Change:
    return Change(ChangeType(row.change), Kind(row.kind), row.received_ns, row.object, row.after_ns)


def _within(f: TelemetryFilter, time_ns: int) -> bool:
    return (f.from_ns is None or time_ns >= f.from_ns) and (f.to_ns is None or time_ns < f.to_ns)


def _is_first(change: Change, shared: set[tuple[str, str, str]]) -> bool:
    """Whether no claim before had this version; of what only one claim has, always."""
    if change.kind not in SHARED:
        return True
    version = (change.uid, str(change.metadata.get("resourceVersion", "")), change.type.value)
    if version in shared:
        return False
    if len(shared) >= MAX_REMEMBERED:
        shared.clear()
    shared.add(version)
    return True


def _traces(chosen: Chosen) -> Iterator[Line]:
    """These traces whole, with the measurements made in them and the log lines that name the claims outside."""
    for part in _portions(chosen.traces, TRACES_A_QUERY):
        for rows in _walk(spans(TelemetryFilter()).filter(trace_id__in=part)):
            yield span_line(rows)
        for rows in _walk(_oldest_first(logs(TelemetryFilter()).filter(trace_id__in=part))):
            yield log_line(rows)
        for rows in _walk(Exemplar.objects.filter(trace_id__in=part).order_by("time_ns", "id")):
            yield from _exemplars(rows)
    for part in _portions(chosen.claims, CLAIMS_A_QUERY):
        for claim in Claim.objects.filter(uid__in=part).order_by("id"):
            for position in _portions([log.pk for log in lines_of_claim(claim, MAX_LINES)], ROWS_A_LINE):
                yield log_line(list(_oldest_first(logs(TelemetryFilter()).filter(pk__in=position))))


def _everything(f: TelemetryFilter) -> Iterator[Line]:
    """All telemetry of a range."""
    for rows in _walk(spans(f)):
        yield span_line(rows)
    for rows in _walk(_oldest_first(logs(f))):
        yield log_line(rows)
    for rows in _walk(_oldest_first(points(f))):
        yield metric_line(rows)
    for rows in _walk(in_range(Exemplar.objects.order_by("time_ns", "id"), f, "time_ns")):
        yield from _exemplars(rows)


def _exemplars(rows: list[Exemplar]) -> Iterator[Line]:
    """Exemplars with the points that brought them, as well as that is known: their stream's first from then on.

    OTLP has no exemplars without a point. Where points come twice in a bundle, the second one changes nothing.
    """
    first: dict[int, Exemplar] = {}
    for row in rows:
        first.setdefault(row.stream_id, row)
    carriers = []
    for stream, exemplar in first.items():
        theirs = MetricPoint.objects.filter(stream=stream)
        later = theirs.filter(time_ns__gte=exemplar.time_ns).order_by("time_ns", "id").first()
        carrier = later or theirs.order_by("-time_ns", "-id").first()
        if carrier is not None:
            carriers.append(carrier.pk)
    if carriers:
        carrying = list(points(TelemetryFilter()).filter(pk__in=carriers))
        yield metric_line(carrying, rows)


def _oldest_first(found: QuerySet[Any]) -> QuerySet[Any]:
    """In the order they came: of those with one time, lists show the first before the second."""
    return found.order_by("time_ns", "id")


def _walk(found: QuerySet[Any]) -> Iterator[list[Any]]:
    """All rows of a list, some at a time. What arrives meanwhile at its end may be part of it."""
    time_column, _, _ = order(found)
    cursor: Cursor | None = None
    while True:
        rest = found if cursor is None else after(found, cursor)
        rows = list(rest[:ROWS_A_LINE])
        if rows:
            yield rows
        if len(rows) < ROWS_A_LINE:
            return
        cursor = Cursor(getattr(rows[-1], time_column), str(rows[-1].pk))


def _portions(ids: list[Any], size: int) -> Iterator[list[Any]]:
    for position in range(0, len(ids), size):
        yield ids[position : position + size]
