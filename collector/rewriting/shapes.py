"""A kind of rows: how they are looked at, and rewritten; what became one with another row.

Looking reads and decides, outside every transaction. Rewriting is in the writer's, which should be short: where rows
never change once they are stored, what is to be written is decided before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from collector.records import LogRecord, SpanRecord
from collector.sql import execute, rows_in


class Vanished(Exception):
    """A row that others were about to point at is gone: retention deleted it. All begins again, with another one."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Some rows, in the order of their key: the key of the last (None: there are no more), how many, what to change."""

    last: Any
    rows: int
    changes: list[Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of a table. `look(after, limit)` reads on; `rewrite(changes)` gives how many rows it did change."""

    name: str
    table: str
    look: Callable[[Any, int], Looked]
    rewrite: Callable[[Sequence[Any]], int]
    first: Any = 0
    page: int = 1_000  # rows read at a time
    is_of_others: bool = False  # rows that change for what happened to others: there is nothing to count beforehand


@dataclass(slots=True)
class Merged:
    """By table: the ids of rows that are the same as another one now, and which. `walked`: up to which ids of a table
    nothing points at them any more."""

    ids: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    walked: dict[str, int] = field(default_factory=dict)
    _others: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, table: str, row_id: int, other: int) -> None:
        """A row is the same as another one."""
        self.ids[table][row_id] = other
        self._others[table].add(other)

    def among(self, table: str, wanted: Iterable[int]) -> set[int]:
        """Those of these ids that others have to point at from now on. Raises Vanished."""
        targets = self._others[table].intersection(wanted)
        if targets != {row[0] for row in rows_in(table, ("id",), "id", sorted(targets))}:
            raise Vanished(table)
        return targets


def page_of(table: str, columns: Sequence[str], after: Any, limit: int, key: str = "id") -> list[tuple[Any, ...]]:
    """The next rows of a table by their key, which comes first."""
    sql = f"SELECT {','.join((key, *columns))} FROM {table} WHERE {key} > %s ORDER BY {key} LIMIT %s"
    return [tuple(map(plain, row)) for row in execute(sql, (after, limit)).fetchall()]


def looked(rows: Sequence[tuple[Any, ...]], limit: int, changes: list[Any]) -> Looked:
    """What was found in such rows."""
    return Looked(rows[-1][0] if len(rows) == limit else None, len(rows), changes)


def plain(value: Any) -> Any:
    """Bytes as bytes, whatever the driver calls them."""
    return bytes(value) if isinstance(value, memoryview) else value


def differ(stored: str | None, masked: str | None) -> bool:
    """Whether two texts of JSON say different things. JSONB writes the same in other words."""
    return stored != masked and (stored is None or masked is None or orjson.loads(stored) != orjson.loads(masked))


# What follows, in the layers above, from items that read otherwise now, in the transaction that writes them.
with_spans: list[Callable[[Sequence[tuple[SpanRecord, SpanRecord]]], None]] = []
with_logs: list[Callable[[Sequence[tuple[LogRecord, LogRecord]]], None]] = []
