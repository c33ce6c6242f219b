"""A kind of rows that can be deleted, oldest first, and the plain one: a table's rows in the order they came.

Each batch is a limited number of rows in the writer's transaction: a crash between two leaves nothing half done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

from collector.retention import arrivals
from collector.sql import execute

EVERYTHING = 2**63 - 1  # a moment before which everything was received


class Keep(Enum):
    """How long."""

    RAW = "raw"  # RETENTION_DAYS, or less when there is too much (RETENTION_MAX_BYTES)
    DAYS = "days"  # RETENTION_DAYS
    ROLLUPS = "rollups"  # ROLLUP_RETENTION_DAYS


@dataclass(frozen=True, slots=True)
class OldRows:
    """A kind of rows. `prune(before_ns, limit)` deletes at most `limit` of them, oldest first, and gives how many.

    None at all: nothing that old is left. `oldest_ns` is when the oldest came; None when there is none to delete.
    """

    name: str
    oldest_ns: Callable[[], int | None]
    prune: Callable[[int, int], int]
    keep: Keep = Keep.RAW


def by_arrival(name: str, table: str, keep: Keep = Keep.RAW, condition: str = "") -> OldRows:
    """The rows of a table with an id, in the order in which they came. `condition` is SQL; rows without it stay."""
    which = f" AND {condition}" if condition else ""
    return OldRows(name, partial(oldest_arrival, table), partial(_prune_by_arrival, table, which), keep)


def oldest_arrival(table: str) -> int | None:
    """When the first row of a table had come."""
    row = execute(f"SELECT id FROM {table} ORDER BY id LIMIT 1").fetchone()
    return arrivals.received_ns(table, row[0], time.time_ns()) if row else None


def _prune_by_arrival(table: str, which: str, before_ns: int, limit: int) -> int:
    last_id = EVERYTHING if before_ns == EVERYTHING else arrivals.last_id(table, before_ns)
    oldest = f"SELECT id FROM {table} WHERE id <= %s{which} ORDER BY id LIMIT %s"
    return int(execute(f"DELETE FROM {table} WHERE id IN ({oldest})", (last_id, limit)).rowcount)


# Deletes what belongs to traces, at most so many rows, in the transaction that deletes the traces; gives how many.
with_traces: list[Callable[[Sequence[bytes], int], int]] = []
