"""Spans, log records and exemplars: masked as ingest masks them, with the digests it gives them.

They never change once they are stored: what is to be written is decided while looking. Log records that are equal then
are numbered on, in the order in which they came: all of them are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from collector.records import Batch, ExemplarRecord, LogRecord, SpanRecord
from collector.redact import COLUMNS, redact
from collector.rewriting.interned import OPERATIONS, RESOURCES, SCOPES
from collector.rewriting.key_order import as_it_came
from collector.rewriting.shapes import Kind, Looked, Merged, differ, looked, page_of, with_logs, with_spans
from collector.sql import delete_rows, rows_at, rows_in, update_rows
from collector.store import EXEMPLARS, LOGS, SPANS, exemplar_digest, log_digest

SAID_BY_SPANS = ("status_message", "trace_state", "attributes", "events", "links")
JSON_OF_LOGS, JSON_OF_EXEMPLARS = COLUMNS["logs"].stored, COLUMNS["exemplars"].stored
NO_SPAN = SpanRecord(0, 0, 0, b"", b"", None, 0, None, 0, None, 0, None, "{}", None, None)


class Change(NamedTuple):
    """A row as it is, and as it is to be: by the ids of what it points at."""

    id: int
    before: Any
    after: Any
    digest: bytes = b""
    ordinal: int = 0


def kinds(merged: Merged) -> list[Kind]:
    """Spans first: there are most of them."""
    return [
        Kind("spans", SPANS.name, partial(_look_at_spans, merged), partial(_rewrite_spans, merged)),
        Kind("log records", LOGS.name, partial(_look_at_logs, merged), partial(_rewrite_logs, merged)),
        Kind("exemplars", EXEMPLARS.name, _look_at_exemplars, _rewrite_exemplars),
    ]


def _masked(records: str, found: Sequence[Any]) -> list[Any]:
    batch = Batch()
    setattr(batch, records, list(found))
    redact(batch)
    masked: list[Any] = getattr(batch, records)
    return masked


def _differ(records: str, before: Any, after: Any) -> bool:
    columns = COLUMNS[records]
    return any(getattr(before, name) != getattr(after, name) for name in columns.said) or any(
        differ(getattr(before, name), getattr(after, name)) for name in columns.stored + columns.lists
    )


# Spans


def _look_at_spans(merged: Merged, after: int, limit: int) -> Looked:
    columns = ("resource_id", "scope_id", "operation_id", "trace_id", "span_id", *SAID_BY_SPANS)
    rows = page_of(SPANS.name, columns, after, limit)
    spans = [NO_SPAN._replace(**dict(zip(_SPAN_FIELDS, row[1:], strict=True))) for row in rows]
    changes = []
    for row, span, masked in zip(rows, spans, _masked("spans", spans), strict=True):
        moved = masked._replace(
            resource=merged.ids[RESOURCES].get(span.resource, span.resource),
            scope=merged.ids[SCOPES].get(span.scope, span.scope),
            operation=merged.ids[OPERATIONS].get(span.operation, span.operation),
        )
        if moved[:3] != span[:3] or (masked is not span and _differ("spans", span, masked)):
            changes.append(Change(row[0], span, moved))
    if rows:
        merged.walked[SPANS.name] = rows[-1][0]
    return looked(rows, limit, changes)


_SPAN_FIELDS = ("resource", "scope", "operation", "trace_id", "span_id", *SAID_BY_SPANS)


def _rewrite_spans(merged: Merged, changes: Sequence[Change]) -> int:
    for position, table in enumerate((RESOURCES, SCOPES, OPERATIONS)):
        merged.among(table, (change.after[position] for change in changes))
    said = attrgetter(*SAID_BY_SPANS)
    rows = [(*change.after[:3], *said(change.after), change.id) for change in changes]
    update_rows(SPANS.name, ("resource_id", "scope_id", "operation_id", *SAID_BY_SPANS), rows)
    for follow in with_spans:
        follow([(change.before, change.after) for change in changes])
    return len(changes)


# Log records


def _look_at_logs(merged: Merged, after: int, limit: int) -> Looked:
    rows = page_of(LOGS.name, LOGS.columns, after, limit)
    logs = [LogRecord(*row[3:]) for row in rows]
    changes = []
    for row, log, masked in zip(rows, logs, _masked("logs", logs), strict=True):
        resource = merged.ids[RESOURCES].get(log.resource, log.resource)
        scope = merged.ids[SCOPES].get(log.scope, log.scope)
        if (resource, scope) != log[:2] or (masked is not log and _differ("logs", log, masked)):
            came = as_it_came(log, JSON_OF_LOGS, row[1], log_digest)
            (kept,) = _masked("logs", [came])
            kept = kept._replace(resource=resource, scope=scope)
            changes.append(Change(row[0], log, kept, log_digest(kept), row[2]))
    if rows:
        merged.walked[LOGS.name] = rows[-1][0]
    return looked(rows, limit, changes)


def _rewrite_logs(merged: Merged, changes: Sequence[Change]) -> int:
    for position, table in enumerate((RESOURCES, SCOPES)):
        merged.among(table, (change.after[position] for change in changes))
    ours = {change.id for change in changes}
    taken: dict[bytes, set[int]] = defaultdict(set)
    digests = sorted({change.digest for change in changes})
    for row_id, digest, ordinal in rows_in(LOGS.name, ("id", "digest", "ordinal"), "digest", digests):
        if row_id not in ours:
            taken[bytes(digest)].add(ordinal)
    rows = []
    for change in changes:
        there = taken[change.digest]
        ordinal = change.ordinal if change.ordinal not in there else max(there) + 1
        there.add(ordinal)
        rows.append((change.digest, ordinal, *change.after, change.id))
    update_rows(LOGS.name, LOGS.columns, rows)
    for follow in with_logs:
        follow([(change.before, change.after) for change in changes])
    return len(changes)


# Exemplars


def _look_at_exemplars(after: int, limit: int) -> Looked:
    rows = page_of(EXEMPLARS.name, EXEMPLARS.columns, after, limit)
    exemplars = [ExemplarRecord(row[1], *row[3:]) for row in rows]
    changes = []
    for row, exemplar, masked in zip(rows, exemplars, _masked("exemplars", exemplars), strict=True):
        if masked is not exemplar and _differ("exemplars", exemplar, masked):
            came = as_it_came(exemplar, JSON_OF_EXEMPLARS, row[2], exemplar_digest)
            (kept,) = _masked("exemplars", [came])
            changes.append(Change(row[0], exemplar, kept, exemplar_digest(kept)))
    return looked(rows, limit, changes)


def _rewrite_exemplars(changes: Sequence[Change]) -> int:
    """Two of a stream that are the same now are one."""
    wanted = sorted({(change.after.stream, change.digest) for change in changes})
    found = rows_at(EXEMPLARS.name, EXEMPLARS.identity, wanted, EXEMPLARS.identity)
    there = {(stream, bytes(digest)) for stream, digest in found}
    rows, gone = [], []
    for change in changes:
        identity = (change.after.stream, change.digest)
        if identity in there:
            gone.append(change.id)
        else:
            there.add(identity)
            rows.append((change.digest, change.after.attributes, change.id))
    delete_rows(EXEMPLARS.name, gone)
    update_rows(EXEMPLARS.name, ("digest", "attributes"), rows)
    return len(changes)
