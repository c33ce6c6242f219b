"""Resources, scopes, operations and streams that nothing points at any more.

A program that starts anew is a resource anew, with its own streams. Writers remember the ids of such rows: the epoch
moves in the transaction that deletes some, and they forget.

Operations and streams have an index in what points at them; rollups themselves say which operations they measure.
Resources and scopes have none, which would cost each span: once everything has been read, a part at a time, what has
come since is read again until it is little enough to be read in the transaction that deletes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from collector.clearing import move_epoch
from collector.retention.passes import Run
from collector.rollup import operations_in_use
from collector.sql import delete_rows, execute, is_sqlite
from collector.writer import Committed

PART = 20_000  # rows read at a time: 10 ms
LATE_IDS = 20_000  # PostgreSQL gives ids before the commit: so many may still come in below the newest
FEW_IDS = 10_000  # more are not read in a transaction
CANDIDATES = 500
ROUNDS = 20
POINTING = ("collector_span", "collector_log", "collector_metricstream")

Stopping = Callable[[float], bool]


def prune(run: Run, stopping: Stopping) -> dict[str, int]:
    """Deletes them; gives the rows by kind. May raise Unavailable."""
    streams = ("collector_metricpoint.stream_id", "collector_exemplar.stream_id")
    return {
        "metric streams": _prune_looked_up(run, stopping, "collector_metricstream", streams, set()),
        "operations": _prune_looked_up(
            run, stopping, "collector_operation", ("collector_span.operation_id",), operations_in_use()
        ),
        "resources": _prune_searched(run, stopping, "collector_resource", "resource_id"),
        "scopes": _prune_searched(run, stopping, "collector_scope", "scope_id"),
    }


def _prune_looked_up(run: Run, stopping: Stopping, table: str, columns: Sequence[str], kept: Collection[int]) -> int:
    """Rows of a table that none of these columns has, each of which is the first of an index; not those `kept`."""
    unused = " AND ".join(f"NOT EXISTS (SELECT 1 FROM {_table(c)} WHERE {c} = {table}.id)" for c in columns)
    deleted = position = 0
    while not stopping(0):
        last = execute(f"SELECT id FROM {table} WHERE id > %s ORDER BY id LIMIT 1 OFFSET %s", (position, CANDIDATES))
        until = (last.fetchone() or [2**63 - 1])[0]
        found = execute(f"SELECT id FROM {table} WHERE id > %s AND id <= %s AND {unused}", (position, until)).fetchall()
        if ids := [row[0] for row in found if row[0] not in kept]:
            deleted += run(partial(_delete, table, ids, f" AND {unused}"), CANDIDATES)
        if until == 2**63 - 1:
            break
        position = until
    return deleted


def _delete(table: str, ids: Sequence[int], unused: str, committed: Committed) -> int:
    """In the writer's transaction. The epoch first: it waits for whoever may be writing rows that point here."""
    move_epoch()
    places = ",".join(["%s"] * len(ids))
    return int(execute(f"DELETE FROM {table} WHERE id IN ({places}){unused}", ids).rowcount)


def _prune_searched(run: Run, stopping: Stopping, table: str, column: str) -> int:
    """Rows of a table that `column` has in none of the POINTING tables."""
    unused = {row[0] for row in execute(f"SELECT id FROM {table}").fetchall()}
    read = {pointing: _edge("min", pointing) - 1 for pointing in POINTING}
    for _ in range(ROUNDS):
        for pointing in POINTING:
            newest = _edge("max", pointing)
            while read[pointing] < newest and unused:
                if stopping(0):
                    return 0
                unused -= _used(pointing, column, read[pointing], read[pointing] + PART)
                read[pointing] = min(read[pointing] + PART, newest)
        if not unused:
            return 0
        if sum(_edge("max", pointing) - read[pointing] for pointing in POINTING) <= FEW_IDS:
            return int(run(partial(_delete_unless_used, table, column, sorted(unused)[:CANDIDATES], read), FEW_IDS))
    return 0


def _delete_unless_used(table: str, column: str, ids: Sequence[int], read: dict[str, int], committed: Committed) -> int:
    """In the writer's transaction: looks through what came since they were read."""
    move_epoch()
    late = 0 if is_sqlite() else LATE_IDS
    used: set[int] = set()
    for pointing in POINTING:
        used |= _used(pointing, column, read[pointing] - late, 2**63 - 1)
    return delete_rows(table, [each for each in ids if each not in used])


def _used(table: str, column: str, after: int, until: int) -> set[int]:
    found = execute(f"SELECT DISTINCT {column} FROM {table} WHERE id > %s AND id <= %s", (after, until)).fetchall()
    return {row[0] for row in found}


def _edge(which: str, table: str) -> int:
    return int(execute(f"SELECT {which}(id) FROM {table}").fetchone()[0] or 0)


def _table(column: str) -> str:
    return column.partition(".")[0]
