"""What repeats is stored once: resources, scopes, operations and metric streams get a row and an id.

Used by `store` inside its transaction. Ids are remembered in memory; `Epoch` in the database moves when such rows are
deleted, and then every writer forgets (`refresh`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from collector.records import OperationRecord, ResourceRecord, ScopeRecord, StreamRecord
from collector.sql import execute, insert_rows, is_sqlite, rows_in

MAX_REMEMBERED = 50_000


class Interned:
    """One table of rows told apart by their content."""

    def __init__(self, table: str, columns: Sequence[str], identity: int | None = None) -> None:
        """`identity` is how many of the columns, from the first, tell rows apart; all of them by default."""
        self.table = table
        self.identity = identity
        self.columns = ("digest", *columns)
        self.ids: dict[Sequence[Any], int] = {}

    def resolve(self, records: Sequence[Sequence[Any]]) -> list[int]:
        """The id of each record, in order; new ones are inserted."""
        ids = self.ids
        try:
            return [ids[record] for record in records]
        except KeyError:
            unknown: dict[bytes, list[Sequence[Any]]] = {}
            for record in records:
                unknown.setdefault(digest(record[: self.identity]), []).append(record)
            self._learn(unknown)
            return [ids[record] for record in records]

    def _learn(self, unknown: dict[bytes, list[Sequence[Any]]]) -> None:
        """Takes the ids of the rows told apart by these digests, inserting those that do not exist."""
        if len(self.ids) + len(unknown) > MAX_REMEMBERED:
            self.ids.clear()
        missing = dict(sorted(unknown.items()))  # one order for all writers, so that none waits for another in a ring
        self._read(missing, unknown)
        if missing:
            rows = [(key, *same[0]) for key, same in missing.items()]
            insert_rows(self.table, self.columns, rows, "ON CONFLICT (digest) DO NOTHING")
            self._read(missing, unknown)

    def _read(self, missing: dict[bytes, list[Sequence[Any]]], unknown: dict[bytes, list[Sequence[Any]]]) -> None:
        """Takes the ids of rows that exist, and these rows out of `missing`."""
        for row_id, key in rows_in(self.table, ("id", "digest"), "digest", list(missing)):
            key = bytes(key)
            self.ids.update(dict.fromkeys(unknown[key], row_id))
            del missing[key]


def digest(record: Sequence[Any]) -> bytes:
    """What tells a record apart: 16 bytes of its content."""
    return blake2b(repr(tuple(record)).encode("utf-8", "surrogatepass"), digest_size=16).digest()


resources = Interned("collector_resource", ResourceRecord._fields)
scopes = Interned("collector_scope", ScopeRecord._fields)
operations = Interned("collector_operation", OperationRecord._fields)
# A stream stays the same when its description does not.
streams = Interned("collector_metricstream", ("resource_id", "scope_id", *StreamRecord._fields[2:]), identity=9)
ALL = (resources, scopes, operations, streams)
# Whatever else a process remembers of rows that a rollback takes away.
also_forgotten: list[Callable[[], None]] = []

_epoch: int | None = None


def refresh() -> None:
    """Forgets every id when another process has deleted interned rows. Called at the start of a transaction."""
    global _epoch
    # Shared until the transaction ends: whoever deletes interned rows (`clearing`) waits for it. SQLite has one writer.
    lock = "" if is_sqlite() else " FOR SHARE"
    row = execute(f"SELECT number FROM collector_epoch WHERE id = 1{lock}").fetchone()
    if row is None and lock:  # a database starts without, and what is not there cannot be locked
        execute("INSERT INTO collector_epoch (id, number) VALUES (1, 0) ON CONFLICT DO NOTHING")
        row = execute(f"SELECT number FROM collector_epoch WHERE id = 1{lock}").fetchone()
    number = row[0] if row else 0
    if number != _epoch:
        forget()
        _epoch = number


def forget() -> None:
    """Forgets every id: after a rollback some of them may name rows that are gone."""
    for table in ALL:
        table.ids.clear()
    for forget_too in also_forgotten:
        forget_too()
