"""The columns of each CSV, and stored rows turned into cells.

Before: `export` walks a list and hands over raw rows, as the database driver gives them. After: `export` writes the
cells as CSV. Column names and their order are a promise to spreadsheets and scripts; new columns go last.

A hundred thousand rows a second leave 10 us a row for everything: hence plain tuples, and look-ups once for each
resource, scope, operation and stream instead of joins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from django.db.models import Model, QuerySet

from collector import queries
from collector.models import Log, MetricPoint, MetricStream, Operation, Resource, Scope, Span
from collector.queries import TelemetryFilter
from collector.raw import raw_rows
from dashboard.measured import PERCENTILES, measured
from dashboard.words import metric_kind, severity, span_kind, status, temporality

NO_CLAIM = ("", "", "")  # claim_uid, claim, evidence: unknown

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")
MAX_REMEMBERED = 10_000  # rows of one small table kept at a time: memory stays flat whatever the data

Cells = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """One export: its list, the columns read from the database, the columns written, and what lies between."""

    model: type[Model]
    find: Callable[[TelemetryFilter], QuerySet[Any]]
    read: tuple[str, ...]  # the list's time and id first: the place of a row
    columns: tuple[str, ...]
    cells: Callable[[list[Cells], Lookups], Iterable[Cells]]


class Lookups:
    """Rows of the small tables, by id, read once for all the rows that point at them."""

    def __init__(self) -> None:
        self._known: dict[type[Model], dict[int, Cells]] = {}

    def of(self, model: type[Model], ids: set[int], *columns: str) -> dict[int, Cells]:
        """The columns of the rows with these ids."""
        known = self._known.setdefault(model, {})
        missing = ids - known.keys()
        if missing:
            if len(known) + len(missing) > MAX_REMEMBERED:
                known.clear()
                missing = ids
            for row in raw_rows(model._default_manager.filter(pk__in=missing).order_by("pk"), ("id", *columns)):
                known[row[0]] = row[1:]
        return known


def text(value: str | None) -> str:
    """A text cell. One that a spreadsheet would take for a formula gets a leading apostrophe."""
    return "" if value is None else "'" + value if value.startswith(RUN_BY_SPREADSHEETS) else value


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def iso_time(time_ns: int) -> str:
    """UTC with nanoseconds."""
    seconds, ns = divmod(time_ns, 10**9)
    return f"{_second(seconds)}.{ns:09d}Z"


def milliseconds(duration_ns: int) -> str:
    """Exact, in decimal: a float would round."""
    whole, rest = divmod(abs(duration_ns), 10**6)
    return f"{'-' if duration_ns < 0 else ''}{whole}.{rest:06d}"


def _span_cells(rows: list[Cells], lookups: Lookups) -> Iterable[Cells]:
    operations = lookups.of(Operation, {row[6] for row in rows}, "service", "name", "kind")
    resources = lookups.of(Resource, {row[7] for row in rows}, "attributes")
    scopes = lookups.of(Scope, {row[8] for row in rows}, "name")
    for start_ns, _, trace_id, span_id, parent, duration_ns, operation, resource, scope, code, message, own in rows:
        service, name, kind = operations[operation]
        yield (
            trace_id.hex(),
            span_id.hex(),
            parent.hex() if parent else "",
            text(service),
            text(name),
            span_kind(kind),
            status(code),
            text(message),
            iso_time(start_ns),
            start_ns,
            "" if duration_ns is None else start_ns + duration_ns,
            "" if duration_ns is None else milliseconds(duration_ns),
            text(scopes[scope][0]),
            *NO_CLAIM,
            "",
            own,
            resources[resource][0],
        )


def _body(stored: str | None) -> str:
    """A body that is a text as itself, any other as JSON."""
    if stored is None or stored == "null":
        return ""
    return text(orjson.loads(stored)) if stored.startswith('"') else stored


def _log_cells(rows: list[Cells], lookups: Lookups) -> Iterable[Cells]:
    resources = lookups.of(Resource, {row[2] for row in rows}, "service", "attributes")
    scopes = lookups.of(Scope, {row[3] for row in rows}, "name")
    for time_ns, _, resource, scope, number, word, body, trace_id, span_id, own, event, observed_ns in rows:
        service, shared = resources[resource]
        yield (
            iso_time(time_ns),
            time_ns,
            text(severity(number, word)),
            text(service),
            _body(body),
            trace_id.hex() if trace_id else "",
            span_id.hex() if span_id else "",
            text(scopes[scope][0]),
            *NO_CLAIM,
            own,
            shared,
            number or "",
            text(event),
            "" if observed_ns is None else observed_ns,
        )


class _Point(NamedTuple):
    """A row of points as it is read."""

    time_ns: int
    id: int
    stream_id: int
    start_ns: int
    flags: int
    value_int: int | None
    value_double: float | None
    count: int | None  # type: ignore[assignment]  # OTLP's word; tuple.count is not used
    sum: float | None
    min: float | None
    max: float | None
    detail: Any


def _known(number: Any) -> Any:
    return "" if number is None else number


def _point_cells(rows: list[Cells], lookups: Lookups) -> Iterable[Cells]:
    streams = lookups.of(
        MetricStream, {row[2] for row in rows}, "resource_id", "name", "kind", "unit", "temporality", "attributes"
    )
    resource_ids = {streams[row[2]][0] for row in rows}
    resources = lookups.of(Resource, resource_ids, "service", "attributes")
    for row in rows:
        point = _Point._make(row)
        point = point._replace(detail=orjson.loads(point.detail) if point.detail else None)
        resource, name, kind, unit, sums, own = streams[point.stream_id]
        service, shared = resources[resource]
        found = measured(kind, point)
        yield (
            iso_time(point.time_ns),
            point.time_ns,
            point.start_ns or "",
            text(service),
            text(name),
            metric_kind(kind),
            text(unit),
            temporality(sums),
            _known(found.value),
            _known(found.count),
            _known(found.sum),
            _known(found.min),
            _known(found.max),
            *(_known(found.at(percentile)) for percentile, _ in PERCENTILES),
            own,
            shared,
            " ".join(percentile.name for percentile in found.percentiles if percentile.lower_bound),
        )


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TABLES = {
    "spans": Table(
        Span,
        queries.spans,
        _names(
            "start_ns id trace_id span_id parent_span_id duration_ns operation_id resource_id scope_id status_code"
            " status_message attributes"
        ),
        _names(
            "trace_id span_id parent_span_id service name kind status status_message start_time start_ns end_ns"
            " duration_ms scope claim_uid claim evidence certainty attributes resource"
        ),
        _span_cells,
    ),
    "logs": Table(
        Log,
        queries.logs,
        _names(
            "time_ns id resource_id scope_id severity_number severity_text body trace_id span_id attributes event_name"
            " observed_ns"
        ),
        _names(
            "time time_ns severity service body trace_id span_id scope claim_uid claim evidence attributes resource"
            " severity_number event_name observed_ns"
        ),
        _log_cells,
    ),
    "metric_points": Table(
        MetricPoint,
        queries.points,
        _Point._fields,
        _names(
            "time time_ns start_ns service metric kind unit temporality value count sum min max p50 p95 p99"
            " attributes resource lower_bounds"
        ),
        _point_cells,
    ),
}
