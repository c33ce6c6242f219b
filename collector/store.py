"""One batch into the database, each item once.

Before: `decode` or `console` made the batch; `ingest` has opened the transaction. After: the stages `ingest` hands in
act on the new rows in the same transaction (trace summaries now), so that a repeated batch counts once.

Raw SQL is right here: the ORM would cost ten times the insert.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from collector import intern
from collector.records import (
    NS_PER_DAY,
    Batch,
    Clock,
    ExemplarRecord,
    LogRecord,
    NewRows,
    PointRecord,
    SpanRecord,
    Stage,
)
from collector.sql import insert_rows, rows_at

Record = TypeVar("Record", SpanRecord, LogRecord, PointRecord)

# Equal log records that carry no time at all cannot be told from a retry. An exporter retries within seconds, so
# within this long they count as one; a program that says the same again later is believed.
RETRY_WINDOW_NS = 30 * 10**9
TIME_NS, CLOCK = LogRecord._fields.index("time_ns"), LogRecord._fields.index("clock")


class Repeated(Exception):
    """Some rows are there already. The caller rolls back and comes again with `careful`."""


def save(batch: Batch, stages: Sequence[Stage], *, careful: bool) -> NewRows:
    """Writes a batch inside the caller's transaction and runs the stages over what was new.

    Hopeful first: nearly every batch is new whole, and looking first would cost each of them. When the count of rows
    says otherwise, Repeated is raised. `careful` looks first and leaves out what is there. (RETURNING would tell as
    well; it costs 2 us a span, always.)
    """
    try:
        new = _save(batch, careful)
        for stage in stages:
            stage(new)
    except BaseException:
        intern.forget()  # the caller rolls back, and with it the rows these ids name
        raise
    return new


def _save(batch: Batch, careful: bool) -> NewRows:
    resource_ids = intern.resources.resolve(batch.resources)
    scope_ids = intern.scopes.resolve(batch.scopes)
    operation_ids = intern.operations.resolve(batch.operations)
    stream_ids = intern.streams.resolve(
        [(resource_ids[s.resource], scope_ids[s.scope], *s[2:]) for s in batch.streams],
    )
    spans = _insert_new(SPANS, batch.spans, _span_rows(batch.spans, resource_ids, scope_ids, operation_ids), careful)
    logs = _insert_new(LOGS, batch.logs, _log_rows(batch, resource_ids, scope_ids), careful)
    points = _insert_new(POINTS, batch.points, [(stream_ids[p[0]], *p[1:]) for p in batch.points], careful)
    exemplars = [_exemplar_row(exemplar, stream_ids) for exemplar in batch.exemplars]
    insert_rows(EXEMPLARS.name, EXEMPLARS.columns, exemplars, "ON CONFLICT DO NOTHING")
    return NewRows(batch, spans, logs, points, resource_ids, scope_ids, operation_ids, stream_ids)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of items, with the columns that tell one item from another first."""

    name: str
    identity: tuple[str, ...]
    rest: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return self.identity + self.rest


SPANS = Table(
    "collector_span",
    ("trace_id", "span_id", "day"),
    ("resource_id", "scope_id", "operation_id", *SpanRecord._fields[5:]),
)
LOGS = Table("collector_log", ("digest", "ordinal"), ("resource_id", "scope_id", *LogRecord._fields[2:]))
POINTS = Table("collector_metricpoint", ("stream_id", "start_ns", "time_ns"), PointRecord._fields[3:])
EXEMPLARS = Table("collector_exemplar", ("stream_id", "digest"), ExemplarRecord._fields[1:])


def _span_rows(
    spans: list[SpanRecord], resource_ids: list[int], scope_ids: list[int], operation_ids: list[int]
) -> list[tuple[Any, ...]]:
    return [
        (s[3], s[4], s[6] // NS_PER_DAY, resource_ids[s[0]], scope_ids[s[1]], operation_ids[s[2]], *s[5:])
        for s in spans
    ]


def _log_rows(batch: Batch, resource_ids: list[int], scope_ids: list[int]) -> list[tuple[Any, ...]]:
    """Rows with their identity: the digest of the record, and its ordinal among equal ones of its body."""
    seen: Counter[bytes] = Counter()
    rows = []
    for position, log in enumerate(batch.logs):
        row = (resource_ids[log.resource], scope_ids[log.scope], *log[2:])
        digest = log_digest(row)
        ordinal = seen[digest] if batch.log_ordinals is None else batch.log_ordinals[position]
        rows.append((digest, ordinal, *row))
        seen[digest] += 1
    return rows


def log_digest(row: tuple[Any, ...]) -> bytes:
    """What tells a log record from others: of a LogRecord whose resource and scope are ids."""
    if row[CLOCK] == Clock.RECEIPT:
        row = (*row[:TIME_NS], row[TIME_NS] // RETRY_WINDOW_NS, *row[CLOCK:])
    return intern.digest(row)


def exemplar_digest(exemplar: ExemplarRecord) -> bytes:
    """What tells an exemplar from others of its stream."""
    return intern.digest(exemplar[1:])


def _exemplar_row(exemplar: ExemplarRecord, stream_ids: list[int]) -> tuple[Any, ...]:
    return (stream_ids[exemplar.stream], exemplar_digest(exemplar), *exemplar[1:])


def _insert_new(table: Table, records: list[Record], rows: list[tuple[Any, ...]], careful: bool) -> list[Record]:
    """Inserts what is new, and gives the records of these rows. Raises Repeated."""
    if careful:
        records, rows = _leave_out_known(table, records, rows)
    if rows and insert_rows(table.name, table.columns, rows, "ON CONFLICT DO NOTHING") != len(rows):
        raise Repeated
    return records


def _leave_out_known(
    table: Table, records: list[Record], rows: list[tuple[Any, ...]]
) -> tuple[list[Record], list[tuple[Any, ...]]]:
    """Without the rows the table holds, and without repeats inside the batch, of which the first counts."""
    fresh: dict[tuple[Any, ...], tuple[Record, tuple[Any, ...]]] = {}
    for record, row in zip(records, rows, strict=True):
        fresh.setdefault(row[: len(table.identity)], (record, row))
    for known in _known(table, list(fresh)):
        del fresh[known]
    return [record for record, _ in fresh.values()], [row for _, row in fresh.values()]


def _known(table: Table, identities: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Those of `identities` that the table holds."""
    found = rows_at(table.name, table.identity, identities, table.identity)
    return [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in found]
