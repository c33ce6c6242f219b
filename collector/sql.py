"""Many rows at once, on SQLite and PostgreSQL alike.

SQLite: `executemany` steps once a row, and sqlite3 gives the interpreter lock away and asks for it back at every step:
with a decoder thread running that is a wait a row. One statement of many rows does the whole insert without the lock.
Django's cursor is left out: it rewrites every %s of a statement at every call.

PostgreSQL: COPY into a staging table, and from there an INSERT that can tell conflicts: 32,000 spans/s where VALUES
took 11,000.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

from django.db import connection

# Rows a statement. Alone, 32 to 512 cost the same; beside a decoder thread every statement is a wait for the
# interpreter lock, and 512 wrote 49,000 spans/s where 128 wrote 45,000.
CHUNK = 512
KEYS_A_STATEMENT = 500
FEWEST_TO_COPY = 32  # fewer rows are not worth the two statements more

_parts = count(1)


def is_sqlite() -> bool:
    """Whether this process keeps its data in SQLite."""
    return connection.vendor == "sqlite"


def is_about_data(error: Exception) -> bool:
    """Whether a statement failed for what it was to write, whatever the error's class says: PostgreSQL calls a value
    too large for it (54000) operational, like a lost connection."""
    return str(getattr(error.__cause__, "sqlstate", "") or "").startswith("54")


def execute(sql: str, parameters: Sequence[Any] = ()) -> Any:
    """Runs `sql`, whose parameters are written %s, and gives the cursor."""
    if is_sqlite():
        connection.ensure_connection()
        return connection.connection.execute(sql.replace("%s", "?"), parameters)
    cursor = connection.cursor()
    cursor.execute(sql, parameters)
    return cursor


def rows_at(
    table: str, key_columns: Sequence[str], keys: Sequence[Sequence[Any]], columns: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    """`columns` of the rows that have these keys; an index has to begin with `key_columns`.

    CROSS JOIN makes SQLite look up each key. For `(columns) IN (VALUES ...)` it reads the whole index: 500 keys among
    500,000 rows took 121 ms of CPU that way, and take 2.8 ms.
    """
    places = [f"place_{column}" for column in key_columns]
    met = " AND ".join(f"{column} = {place}" for column, place in zip(key_columns, places, strict=True))
    one = "(" + ",".join(["%s"] * len(places)) + ")"
    for position in range(0, len(keys), KEYS_A_STATEMENT):
        part = keys[position : position + KEYS_A_STATEMENT]
        sql = (
            f"WITH place ({','.join(places)}) AS (VALUES {','.join([one] * len(part))})"
            f" SELECT {','.join(columns)} FROM place CROSS JOIN {table} WHERE {met}"
        )
        yield from execute(sql, [value for key in part for value in key]).fetchall()


def insert_rows(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], tail: str = "") -> int:
    """INSERT INTO `table` (`columns`) all rows, `tail` ON CONFLICT ...; gives the number of rows changed."""
    if not is_sqlite() and len(rows) >= FEWEST_TO_COPY:
        return _copy(table, ",".join(columns), rows, tail)
    changed = position = 0
    head = f"INSERT INTO {table} ({','.join(columns)})"
    placeholder = "?" if is_sqlite() else "%s"
    while position < len(rows):
        # The rest in powers of two: eight statements to prepare and remember, not 128.
        chunk = min(CHUNK, 1 << (len(rows) - position).bit_length() - 1)
        parameters: list[Any] = []
        for row in rows[position : position + chunk]:
            parameters += row
        changed += _run(_values_sql(head, len(columns), chunk, tail, placeholder), parameters)
        position += chunk
    return changed


def update_rows(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], key: str = "id") -> None:
    """UPDATE `table` SET `columns`, a statement a row: the values in order, and last the key of the row."""
    sql = f"UPDATE {table} SET {', '.join(f'{column} = %s' for column in columns)} WHERE {key} = %s"
    if is_sqlite():
        connection.ensure_connection()
        connection.connection.executemany(sql.replace("%s", "?"), rows)
    elif rows:
        with connection.cursor() as cursor:
            cursor.executemany(sql, rows)


def rows_in(table: str, columns: Sequence[str], key: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """`columns` of the rows whose `key`, which has an index, is one of these."""
    for position in range(0, len(values), KEYS_A_STATEMENT):
        part = values[position : position + KEYS_A_STATEMENT]
        places = ",".join(["%s"] * len(part))
        yield from execute(f"SELECT {','.join(columns)} FROM {table} WHERE {key} IN ({places})", part).fetchall()


def delete_rows(table: str, keys: Sequence[Any], key: str = "id") -> int:
    """DELETE FROM `table` the rows with these keys; gives how many there were."""
    deleted = 0
    for position in range(0, len(keys), KEYS_A_STATEMENT):
        part = keys[position : position + KEYS_A_STATEMENT]
        deleted += execute(f"DELETE FROM {table} WHERE {key} IN ({','.join(['%s'] * len(part))})", part).rowcount
    return deleted


def _run(sql: str, parameters: list[Any]) -> int:
    """Runs a statement that is written for this database already."""
    if is_sqlite():
        connection.ensure_connection()
        return int(connection.connection.execute(sql, parameters).rowcount)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


@lru_cache(maxsize=512)
def _values_sql(head: str, width: int, rows: int, tail: str, placeholder: str) -> str:
    row = "(" + ",".join([placeholder] * width) + ")"
    return f"{head} VALUES {','.join([row] * rows)} {tail}"


def _copy(table: str, columns: str, rows: Sequence[Sequence[Any]], tail: str) -> int:
    """The same by way of a staging table of this connection, which every commit empties.

    What one call stages is told from what an earlier one of the same transaction left by its part number: emptying the
    table in between would make a new file each time.
    """
    stage, part = f"stage_{table}", next(_parts)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS"
            f" AS SELECT {columns}, 0::bigint AS part FROM {table} WITH NO DATA"
        )
        with cursor.copy(f"COPY {stage} ({columns},part) FROM STDIN") as copy:
            for row in rows:
                copy.write_row((*row, part))
        cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} WHERE part = {part} {tail}")
        return int(cursor.rowcount)
