"""Many rows in one statement, on SQLite and PostgreSQL alike.

`executemany` steps once a row, and sqlite3 gives the interpreter lock away and asks for it back at every step: with a
decoder thread running that is a wait a row. One statement of many rows does the whole insert without the lock.
Django's cursor is left out on SQLite: it rewrites every %s of a statement at every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection

# Rows a statement. Alone, 32 to 512 cost the same; beside a decoder thread every statement is a wait for the
# interpreter lock, and 512 wrote 49,000 spans/s where 128 wrote 45,000. (PostgreSQL's limit is 65,535 parameters.)
CHUNK = 512


def is_sqlite() -> bool:
    """Whether this process keeps its data in SQLite."""
    return connection.vendor == "sqlite"


def execute(sql: str, parameters: Sequence[Any] = ()) -> Any:
    """Runs `sql`, whose parameters are written %s, and gives the cursor."""
    if is_sqlite():
        connection.ensure_connection()
        return connection.connection.execute(sql.replace("%s", "?"), parameters)
    cursor = connection.cursor()
    cursor.execute(sql, parameters)
    return cursor


def execute_rows(head: str, width: int, rows: Iterable[Sequence[Any]], tail: str = "") -> int:
    """`head` VALUES (…),(…) `tail` for all rows, which are `width` wide; gives the number of rows changed."""
    waiting = list(rows)
    run = _runner()
    changed = position = 0
    while position < len(waiting):
        # The rest in powers of two: eight statements to prepare and remember, not 128.
        count = min(CHUNK, 1 << (len(waiting) - position).bit_length() - 1)
        parameters: list[Any] = []
        for row in waiting[position : position + count]:
            parameters += row
        changed += run(values_sql(head, width, count, tail, "?" if is_sqlite() else "%s"), parameters)
        position += count
    return changed


def _runner() -> Callable[[str, list[Any]], int]:
    if is_sqlite():
        connection.ensure_connection()
        raw = connection.connection
        return lambda sql, parameters: int(raw.execute(sql, parameters).rowcount)
    cursor = connection.cursor()

    def run(sql: str, parameters: list[Any]) -> int:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)

    return run


@lru_cache(maxsize=512)
def values_sql(head: str, width: int, count: int, tail: str, placeholder: str) -> str:
    """`head` VALUES, `count` rows of placeholders, `tail`."""
    row = "(" + ",".join([placeholder] * width) + ")"
    return f"{head} VALUES {','.join([row] * count)} {tail}"
