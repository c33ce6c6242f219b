"""Resources, scopes, operations and metric streams: masked, and told apart by what is left.

A row is masked where it is, and keeps its id. Two that are the same then are one: the first stays, `Merged` names the
others, which keep their words until nothing points at them (`leftovers`). So a crash loses no telling which they were:
masked they would be what is there already.

The epoch moves with each batch: writers forget the ids they remember. On PostgreSQL it also waits for them, since they
may be adding the very row that another one becomes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from collector import intern
from collector.clearing import move_epoch
from collector.records import Batch, OperationRecord, ResourceRecord, ScopeRecord, StreamRecord
from collector.redact import COLUMNS, redact
from collector.rewriting.key_order import as_it_came
from collector.rewriting.shapes import Kind, Looked, Merged, differ, looked, page_of
from collector.rollup import Subject
from collector.rollup.merging import group_anew
from collector.sql import rows_in, update_rows

RESOURCES, SCOPES, OPERATIONS, STREAMS = (each.table for each in intern.ALL)


class Change(NamedTuple):
    """A row as it is, and as it is to be."""

    id: int
    before: Any
    after: Any
    digest: bytes


@dataclass(frozen=True, slots=True)
class Table:
    """How rows of one of these tables are made records of, and where in a batch those are."""

    interned: intern.Interned
    name: str
    records: str
    read: Callable[..., Any]

    @property
    def json(self) -> tuple[str, ...]:
        return COLUMNS[self.records].stored

    def digest(self, record: Any) -> bytes:
        """As it is told apart at ingest."""
        return intern.digest(record[: self.interned.identity])


def _stream(*values: Any) -> StreamRecord:
    record = StreamRecord(*values)
    return record._replace(is_monotonic=bool(record.is_monotonic))  # a number in SQLite


TABLES = (
    Table(intern.resources, "resources", "resources", ResourceRecord),
    Table(intern.scopes, "scopes", "scopes", ScopeRecord),
    Table(intern.operations, "operations", "operations", OperationRecord),
    Table(intern.streams, "metric streams", "streams", _stream),
)


def kinds(merged: Merged) -> list[Kind]:
    """The four, in the order in which they point at each other."""
    return [
        Kind(
            table.name,
            table.interned.table,
            partial(_look, table, merged),
            partial(_rewrite, table, merged),
        )
        for table in TABLES
    ]


def _look(table: Table, merged: Merged, after: int, limit: int) -> Looked:
    rows = page_of(table.interned.table, table.interned.columns, after, limit)
    records = [table.read(*row[2:]) for row in rows]
    masked = _masked(table, merged, records)
    changes = [
        _change(table, merged, row[0], row[1], record)
        for row, record, found in zip(rows, records, masked, strict=True)
        if found is not record and _differ(table, record, found)
    ]
    if rows:
        merged.walked[table.interned.table] = rows[-1][0]
    return looked(rows, limit, changes)


def _masked(table: Table, merged: Merged, records: Sequence[Any]) -> list[Any]:
    """As ingest masks them; streams of resources and scopes that are another one now are its streams."""
    batch = Batch()
    setattr(batch, table.records, list(records))
    redact(batch)
    found: list[Any] = getattr(batch, table.records)
    if table.records == "streams":
        found = [_moved(merged, record) for record in found]
    return found


def _moved(merged: Merged, record: StreamRecord) -> StreamRecord:
    resource = merged.ids[RESOURCES].get(record.resource, record.resource)
    scope = merged.ids[SCOPES].get(record.scope, record.scope)
    if (resource, scope) == record[:2]:
        return record
    return record._replace(resource=resource, scope=scope)


def _differ(table: Table, record: Any, masked: Any) -> bool:
    return any(
        differ(before, after) if name in table.json else before != after
        for name, before, after in zip(record._fields, record, masked, strict=True)
    )


def _change(table: Table, merged: Merged, row_id: int, digest: bytes, record: Any) -> Change:
    record = as_it_came(record, table.json, digest, table.digest)
    (masked,) = _masked(table, merged, [record])
    return Change(row_id, record, masked, table.digest(masked))


def _rewrite(table: Table, merged: Merged, changes: Sequence[Change]) -> int:
    name = table.interned.table
    move_epoch()
    if table.records == "streams":
        for position, pointed in enumerate((RESOURCES, SCOPES)):
            merged.among(pointed, (change.after[position] for change in changes))
    digests = sorted({change.digest for change in changes})
    there = {bytes(digest): row_id for row_id, digest in rows_in(name, ("id", "digest"), "digest", digests)}
    kept = []
    for change in changes:
        other = there.setdefault(change.digest, change.id)
        if other == change.id:
            kept.append(change)
        else:
            merged.add(name, change.id, other)
    update_rows(name, table.interned.columns, [(each.digest, *each.after, each.id) for each in kept])
    if table.records == "operations":
        services = {each.id: (each.before.service, each.after.service) for each in kept}
        group_anew(Subject.OPERATION, {row_id: pair for row_id, pair in services.items() if pair[0] != pair[1]})
    return len(changes)
