"""What is left when all is rewritten: rows that nothing points at any more, and pages that hold what was there before.

Before: `passes` has masked every row. After: SQLite's file has been written anew, or it is said what it still holds.

Three things keep old bytes in a SQLite file: pages that are free, which are given back here; the log of writes, which
is emptied as soon as nobody reads from it; and the gaps within pages, which hold what rows, long deleted, had there.
Only VACUUM clears these, and holds up whoever writes for as long as it takes: it is done where nobody else has the file
open, or where one is asked to. PostgreSQL's pages are its own to clear: VACUUM lets the room be used again.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection

from collector.clearing import move_epoch
from collector.pages import free_pages, give_back
from collector.retention.interned import LATE_IDS
from collector.rewriting.interned import OPERATIONS, RESOURCES, SCOPES, STREAMS
from collector.rewriting.shapes import Merged
from collector.rollup import operations_in_use
from collector.sql import delete_rows, execute, is_sqlite

ROWS = 250  # a batch
PAGES = 128  # given back at a time, some ms
CHECKPOINT_S = 0.5
LOOKS, LOOK_S = 100, 0.05  # for a moment in which nobody reads from the log of writes
POINTING = {
    RESOURCES: (("collector_span", "resource_id"), ("collector_log", "resource_id"), (STREAMS, "resource_id")),
    SCOPES: (("collector_span", "scope_id"), ("collector_log", "scope_id"), (STREAMS, "scope_id")),
    OPERATIONS: (("collector_span", "operation_id"),),
    STREAMS: (("collector_metricpoint", "stream_id"), ("collector_exemplar", "stream_id")),
}


def delete_merged(batch: Callable[[str, int, Callable[[], int]], int], merged: Merged) -> int:
    """Deletes rows that are the same as others now; gives how many stay, since something has come to point at them.

    Who writes with other rules does that: a server that was not started anew.
    """
    left = 0
    for table in (STREAMS, OPERATIONS, RESOURCES, SCOPES):
        ids = sorted(merged.ids[table])
        # Read before, since it takes long: what is measured from now on has a span.
        measured = operations_in_use() if ids and table == OPERATIONS else set[int]()
        for position in range(0, len(ids), ROWS):
            part = ids[position : position + ROWS]
            left += len(part) - batch(table, len(part), partial(_delete, table, part, merged, measured))
    return left


def _delete(table: str, ids: list[int], merged: Merged, measured: set[int]) -> int:
    """In the writer's transaction. The epoch first: it waits for whoever may be writing rows that point here."""
    move_epoch()
    used = set(measured)
    for pointing, column in POINTING[table]:
        used |= _used(pointing, column, ids, merged.walked.get(pointing))
    gone = [each for each in ids if each not in used]
    there = execute(f"SELECT count(*) FROM {table} WHERE id IN ({_places(ids)})", ids).fetchone()[0]
    return int(delete_rows(table, gone)) + len(ids) - int(there)  # what somebody else has deleted is gone too


def _used(table: str, column: str, ids: list[int], walked: int | None) -> set[int]:
    """Those that rows have, of a table that was looked through those behind its last one."""
    behind = 0 if walked is None else walked if is_sqlite() else walked - LATE_IDS
    sql = f"SELECT DISTINCT {column} FROM {table} WHERE id > %s AND {column} IN ({_places(ids)})"
    return {row[0] for row in execute(sql, (behind, *ids)).fetchall()}


def _places(values: list[int]) -> str:
    return ",".join(["%s"] * len(values))


@dataclass(frozen=True, slots=True)
class Cleared:
    """What of the pages was cleared. Of PostgreSQL only that VACUUM has run; SQLite's `problem` is why it did not."""

    whole: bool = False  # all pages were written anew, or hold no rows of anybody's any more
    log: bool = True  # of writes: emptied
    problem: str = ""


def overwrite() -> None:
    """From now on what this connection changes leaves nothing behind in SQLite's file. `pause` has to be called."""
    if is_sqlite():
        execute("PRAGMA secure_delete = ON").fetchall()
        execute("PRAGMA wal_autocheckpoint = 0").fetchall()


class Pause:
    """Lets others have their turn, and puts SQLite's log of writes into its place meanwhile.

    Left to itself a commit does that, every 64 MB: 157 ms in which nobody else can write, where a batch takes 6.
    """

    def __init__(self) -> None:
        self._waiting = threading.Event()
        self._next_s = 0.0

    def __call__(self, seconds: float) -> None:
        began = time.monotonic()
        if is_sqlite() and began >= self._next_s and not connection.in_atomic_block:
            with suppress(DatabaseError):
                execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            self._next_s = time.monotonic() + CHECKPOINT_S
        self._waiting.wait(max(0.0, seconds - (time.monotonic() - began)))


def clear_pages(pause: Callable[[float], object], *, hold_up: bool) -> Cleared:
    """Clears what pages hold that no row does. `hold_up`: also while others write, who have to wait for it."""
    if connection.in_atomic_block:
        return Cleared()
    if not is_sqlite():
        return _vacuum_postgresql()
    _give_pages_back(pause)
    log = _empty_log(pause)
    connection.close()  # it would be somebody else who has the file open
    try:
        with closing(sqlite3.connect(settings.DATABASES["default"]["NAME"], timeout=5, isolation_level=None)) as file:
            if not hold_up and not _is_alone(file):
                return Cleared(log=log)
            file.execute("VACUUM")
            busy = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.Error as error:
        return Cleared(log=log, problem=str(error))
    return Cleared(whole=True, log=not busy)


def _is_alone(file: sqlite3.Connection) -> bool:
    """Whether nobody else has the file open; if so, nobody opens it before this connection is closed."""
    file.execute("PRAGMA busy_timeout = 0")
    file.execute("PRAGMA locking_mode = EXCLUSIVE")
    try:
        file.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    file.execute("COMMIT")
    return True


def _give_pages_back(pause: Callable[[float], object]) -> None:
    free = -1
    with suppress(DatabaseError):  # somebody writes without a pause: they are the next ones' then
        while (now := free_pages()) and now != free:
            free, began = now, time.perf_counter()
            give_back(PAGES)
            pause(time.perf_counter() - began)


def _empty_log(pause: Callable[[float], object]) -> bool:
    """Puts the log of writes into its place and empties its file; whether nobody read from it meanwhile."""
    waits_ms = execute("PRAGMA busy_timeout").fetchone()[0]
    execute("PRAGMA busy_timeout = 0")  # or writers would wait for as long as a reader reads
    try:
        for _ in range(LOOKS):
            with suppress(DatabaseError):
                execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()  # most of it holds nobody up
                if not execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    return True
            pause(LOOK_S)
    finally:
        execute(f"PRAGMA busy_timeout = {int(waits_ms)}")
    return False


def _vacuum_postgresql() -> Cleared:
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f"VACUUM {model._meta.db_table}")
    return Cleared()
