"""Spans, log records and metric points as CSV: columns and cells.

Before: `export` walks a list and hands over raw rows. After: `export` writes the cells as CSV. Column names and their
order are a promise to spreadsheets and scripts; new columns go last.

A hundred thousand rows a second leave 10 us a row for everything: hence plain tuples, and look-ups once for each
resource, scope, operation, stream and link instead of joins, their cells finished once as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from collector import queries
from collector.models import Log, MetricPoint, MetricStream, Operation, Resource, Scope, Span
from dashboard.csv_rows.cells import Cells, Lookups, Row, Table, iso_time, milliseconds, names, number, quoted, text
from dashboard.csv_rows.claimed import Ids, claimed
from dashboard.measured import PERCENTILES, measured
from dashboard.words import metric_kind, severity, span_kind, status, temporality
from sandboxes.correlate.lines import claims_of_lines, stored_line
from sandboxes.questions import Linked


def _operation(service: str, name: str, kind: int) -> str:
    return f"{text(service)},{text(name)},{span_kind(kind)}"


def _claims(ids: Iterable[Ids], columns: int) -> dict[Ids, str]:
    """The cells of those spans that are a claim's."""
    return {span: ",".join(map(text, claim[:columns])) for span, claim in claimed(ids).items()}


def _span_cells(rows: list[Row], lookups: Lookups) -> Iterable[Cells]:
    operations = lookups.of(Operation, {row[6] for row in rows}, ("service", "name", "kind"), _operation)
    resources = lookups.of(Resource, {row[7] for row in rows}, ("attributes",), text)
    scopes = lookups.of(Scope, {row[8] for row in rows}, ("name",), text)
    claims = _claims([(row[2], row[3]) for row in rows], columns=4)
    for start_ns, _, trace_id, span_id, parent, duration_ns, operation, resource, scope, code, message, own in rows:
        yield (
            trace_id.hex(),
            span_id.hex(),
            parent.hex() if parent else "",
            operations[operation],
            status(code),
            text(message),
            iso_time(start_ns),
            str(start_ns),
            "," if duration_ns is None else f"{start_ns + duration_ns},{milliseconds(duration_ns)}",
            scopes[scope],
            claims.get((trace_id, span_id), ",,,"),
            text(own),
            resources[resource],
        )


def _body(stored: str | None) -> str:
    """A body that is a text as itself, any other as JSON; a number is no text, whatever its sign."""
    if stored is None or stored == "null":
        return ""
    return text(orjson.loads(stored)) if stored.startswith('"') else quoted(stored)


def _service_and_attributes(service: str, attributes: str) -> tuple[str, str]:
    return text(service), text(attributes)


def _log_cells(rows: list[Row], lookups: Lookups) -> Iterable[Cells]:
    columns = ("service", "attributes")
    resources = lookups.of(Resource, {row[2] for row in rows}, columns, _service_and_attributes)
    scopes = lookups.of(Scope, {row[3] for row in rows}, ("name",), text)
    claims = _claims([(row[7], row[8]) for row in rows], columns=3)
    # What `claims_of_lines` names are lines outside every trace.
    outside = (stored_line(row[1], row[6], row[0], row[2]) for row in rows if row[7] is None)
    named = claims_of_lines(line for line in outside if line)
    for time_ns, pk, resource, scope, level, word, body, trace_id, span_id, own, event, observed_ns in rows:
        service, shared = resources[resource]
        yield (
            iso_time(time_ns),
            str(time_ns),
            text(severity(level, word)),
            service,
            _body(body),
            trace_id.hex() if trace_id else "",
            span_id.hex() if span_id else "",
            scopes[scope],
            _told(named[pk]) if pk in named else claims.get((trace_id, span_id), ",,"),
            text(own),
            shared,
            number(level or None),
            text(event),
            number(observed_ns),
        )


def _told(linked: Linked) -> str:
    return f"{text(linked.claim.uid)},{text(linked.claim.name)},{text(linked.evidence)}"


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


def _stream(resource: int, name: str, kind: int, unit: str, sums: int, attributes: str) -> tuple[int, int, str, str]:
    described = f"{text(name)},{metric_kind(kind)},{text(unit)},{temporality(sums)}"
    return resource, kind, described, text(attributes)


def _point_cells(rows: list[Row], lookups: Lookups) -> Iterable[Cells]:
    columns = ("resource_id", "name", "kind", "unit", "temporality", "attributes")
    streams = lookups.of(MetricStream, {row[2] for row in rows}, columns, _stream)
    resource_ids = {streams[row[2]][0] for row in rows}
    resources = lookups.of(Resource, resource_ids, ("service", "attributes"), _service_and_attributes)
    for row in rows:
        point = _Point._make(row)
        if point.detail:
            point = point._replace(detail=orjson.loads(point.detail))
        resource, kind, described, own = streams[point.stream_id]
        service, shared = resources[resource]
        found = measured(kind, point)
        yield (
            iso_time(point.time_ns),
            str(point.time_ns),
            number(point.start_ns or None),
            service,
            described,
            number(found.value),
            number(found.count),
            number(found.sum),
            number(found.min),
            number(found.max),
            *(number(found.at(percentile)) for percentile, _ in PERCENTILES),
            own,
            shared,
            " ".join(percentile.name for percentile in found.percentiles if percentile.lower_bound),
        )


TABLES = {
    "spans": Table(
        Span,
        lambda parameters: queries.spans(parameters.filter),
        names(
            "start_ns id trace_id span_id parent_span_id duration_ns operation_id resource_id scope_id status_code"
            " status_message attributes"
        ),
        names(
            "trace_id span_id parent_span_id service name kind status status_message start_time start_ns end_ns"
            " duration_ms scope claim_uid claim evidence certainty attributes resource"
        ),
        _span_cells,
    ),
    "logs": Table(
        Log,
        lambda parameters: queries.logs(parameters.filter),
        names(
            "time_ns id resource_id scope_id severity_number severity_text body trace_id span_id attributes event_name"
            " observed_ns"
        ),
        names(
            "time time_ns severity service body trace_id span_id scope claim_uid claim evidence attributes resource"
            " severity_number event_name observed_ns"
        ),
        _log_cells,
    ),
    "metric_points": Table(
        MetricPoint,
        lambda parameters: queries.points(parameters.filter),
        _Point._fields,
        names(
            "time time_ns start_ns service metric kind unit temporality value count sum min max p50 p95 p99"
            " attributes resource lower_bounds"
        ),
        _point_cells,
    ),
}
